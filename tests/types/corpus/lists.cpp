/* SPDX-License-Identifier: MIT */
/* Lists, deques, queues. */
#include <deque>
#include <forward_list>
#include <list>
#include <queue>

#include "keep.h"

struct task {
    int priority;
    long deadline;
};

int main()
{
    auto *a = new std::list<task>;        /* type: std::...list<task...> */
    auto *b = new std::forward_list<int>; /* type: std::forward_list<int...> */
    auto *c = new std::deque<task>;       /* type: std::deque<task...> | task[] | task *[] */
    auto *d = new std::queue<task *>;     /* type: std::queue<task...> | task *[] | task **[] */

    for (int i = 0; i < 5; i++) {
        a->push_back({i, i}); /* type: std::_List_node<task> */
        b->push_front(i);     /* type: std::_Fwd_list_node<int> */
    }
    for (int i = 0; i < 200; i++) {
        c->push_back({i, i}); /* type: task[] | task *[] */
    }
    d->push(nullptr); /* type: task *[] | task **[] */
    keep(a), keep(b), keep(c), keep(d);
    return 0;
}
