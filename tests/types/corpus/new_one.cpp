/* SPDX-License-Identifier: MIT */
/* new T. */
#include <new>

#include "keep.h"

struct point {
    double x, y;
};

namespace hr
{
class employee
{
  public:
    explicit employee(int id) : id_(id), next(nullptr)
    {
    }
    int id() const
    {
        return id_;
    }

  private:
    int id_;
    long salary_ = 3;
    employee *next;
};

struct team {
    employee *leader;
    point *place;
    void *data;
};
} // namespace hr

static point *global_point;

NOT_INLINED static hr::employee *hire(int id)
{
    return new hr::employee(id); /* type: hr::employee */
}

int main()
{
    auto *team = new hr::team();       /* type: hr::team */
    point *p = new point;              /* type: point */
    auto q = new (std::nothrow) point; /* type: point */
    void *hidden = new point;          /* type: point */
    int *one = new int(3);             /* type: int */

    team->leader = hire(1);
    team->place = new point();           /* type: point */
    team->data = new hr::employee(2);    /* type: hr::employee */
    global_point = new point {1.0, 2.0}; /* type: point */
    p->x = 1;
    keep(team), keep(p), keep(q), keep(hidden), keep(one), keep(global_point);
    return team->leader->id() == 0;
}
