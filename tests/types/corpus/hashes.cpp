/* SPDX-License-Identifier: MIT */
/* Hash tables. */
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "keep.h"

struct session {
    long id;
    char user[24];
};

int main()
{
    auto *a = new std::unordered_map<int, session>; /* type: std::unordered_map<int, session...> */
    auto *b = new std::unordered_set<long>;         /* type: std::unordered_set<long...> */

    for (int i = 0; i < 50; i++) {
        (*a)[i].id =
            i; /* type: std::__detail::_Hash_node<...session...> | std::__detail::_Hash_node_base *[] */
        b->insert(
            i); /* type: std::__detail::_Hash_node<long... | std::__detail::_Hash_node_base *[] */
    }
    keep(a), keep(b);
    return 0;
}
