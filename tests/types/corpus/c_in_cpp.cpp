/* SPDX-License-Identifier: MIT */
/* malloc in C++. */
#include <cstdlib>
#include <cstring>
#include <new>

#include "keep.h"

struct packet {
    int length;
    char data[60];
};

class queue
{
  public:
    void add()
    {
        items_ = static_cast<packet **>(
            std::realloc(items_, (count_ + 1) * sizeof(packet *))); /* type: packet *[] */
        items_[count_++] = static_cast<packet *>(std::malloc(sizeof(packet))); /* type: packet */
    }

  private:
    packet **items_ = nullptr;
    std::size_t count_ = 0;
};

struct built {
    explicit built(int v) : value(v)
    {
    }
    long value;
    long rest[3] = {};
};

int main()
{
    auto *q = static_cast<queue *>(std::calloc(1, sizeof(queue))); /* type: queue */
    auto *p = reinterpret_cast<packet *>(malloc(sizeof(packet)));  /* type: packet */
    void *room = std::malloc(sizeof(built));                       /* type: built */
    auto *b = new (room) built(3);
    void *raw = ::operator new(sizeof(packet)); /* type: packet */
    char *text = ::strdup("text");              /* type: char[] */

    q->add();
    q->add();
    p->length = 1;
    keep(q), keep(p), keep(b), keep(raw), keep(text);
    return 0;
}
