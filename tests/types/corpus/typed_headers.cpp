/* SPDX-License-Identifier: MIT */
/* One function makes the blocks of all arrays, or of all nodes, and returns what they start with. */
#include <cstdlib>
#include <new>

#include "keep.h"

struct array_header {
    int references;
    unsigned count;
    long offset;
};

struct point {
    long x, y, z;
};

NOT_INLINED static array_header *make_array(size_t bytes, size_t count)
{
    size_t all = sizeof(array_header) + number(bytes) * count;
    array_header *header = static_cast<array_header *>(malloc(all)); /* type: array_of<...> */

    if (header != nullptr) {
        header->references = 1;
        header->count = static_cast<unsigned>(count);
        header->offset = sizeof(array_header);
    }
    return header;
}

/* It has no member of its own: it says what follows the header. */
template <typename T> struct array_of : array_header {
    static array_of *make(size_t count)
    {
        return static_cast<array_of *>(make_array(sizeof(T), count));
    }

    T *begin()
    {
        return reinterpret_cast<T *>(reinterpret_cast<char *>(this) + offset);
    }
};

template <typename T> class list
{
    array_of<T> *data;

  public:
    NOT_INLINED explicit list(size_t count) : data(array_of<T>::make(count))
    {
        keep(data);
    }

    NOT_INLINED void grow()
    {
        array_of<T> *larger = array_of<T>::make(data->count + number(3));

        for (unsigned i = 0; i < data->count; i++) {
            larger->begin()[i] = data->begin()[i];
        }
        data = larger;
        keep(data);
    }
};

struct node {
    node *next;
    unsigned hash;
};

template <typename T> struct node_of : node {
    T value;
};

NOT_INLINED static node *make_node(size_t bytes, unsigned hash)
{
    node *made =
        static_cast<node *>(malloc(number(bytes))); /* type: node_of<point> | node_of<long> */

    if (made != nullptr) {
        made->hash = hash;
    }
    return made;
}

template <typename T> NOT_INLINED static void add_node(node **list, T value)
{
    node_of<T> *made = static_cast<node_of<T> *>(make_node(sizeof(node_of<T>), 7));

    made->value = value;
    made->next = *list;
    *list = made;
}

NOT_INLINED static void *make_any(size_t bytes)
{
    return malloc(number(bytes)); /* type: node_of<point> | none */
}

/* The pointer to a node's first member is no pointer to an array of pointers. */
NOT_INLINED static node *copy_nodes(const node *from, size_t bytes,
                                    void (*copy)(node *, const node *))
{
    node *all = nullptr;
    node **tail = &all;

    for (; from != nullptr; from = from->next) {
        node *made = static_cast<node *>(make_any(bytes)); /* type: node_of<point> | none */

        copy(made, from);
        *tail = made;
        tail = &made->next;
    }
    *tail = nullptr;
    return all;
}

static void copy_point(node *to, const node *from)
{
    static_cast<node_of<point> *>(to)->value = static_cast<const node_of<point> *>(from)->value;
}

int main()
{
    list<point> points(number(3));
    list<char> text(number(10));
    list<long *> pointers(number(2));
    node *nodes = nullptr;

    points.grow();
    text.grow();
    add_node<point>(&nodes, point());
    add_node<point>(&nodes, point());
    keep(copy_nodes(nodes, number(sizeof(node_of<point>)),
                    copy_point)); /* type: node_of<point> | none */
    nodes = nullptr;
    add_node<long>(&nodes, 3);
    keep(nodes);
    return 0;
}
