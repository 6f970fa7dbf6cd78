/* SPDX-License-Identifier: MIT */
/* Maps and sets. */
#include <map>
#include <set>
#include <string>

#include "keep.h"

struct employee {
    long id;
    double salary;
};

int main()
{
    auto *a = new std::map<int, employee>;           /* type: std::map<int, employee...> */
    auto *b = new std::set<long>;                    /* type: std::set<long...> */
    auto *c = new std::map<std::string, employee *>; /* type: std::map<std::...> */
    auto *d = new std::multimap<int, int>;           /* type: std::multimap<int, int...> */

    for (int i = 0; i < 10; i++) {
        (*a)[i].id = i;    /* type: std::_Rb_tree_node<...employee...> */
        b->insert(i);      /* type: std::_Rb_tree_node<long...> */
        d->insert({i, i}); /* type: std::_Rb_tree_node<...int...> */
    }
    (*c)["one"] = nullptr; /* type: std::_Rb_tree_node<...employee...> */
    keep(a), keep(b), keep(c), keep(d);
    return 0;
}
