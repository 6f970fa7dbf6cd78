/* SPDX-License-Identifier: MIT */
/* Lambdas that allocate. */
#include <algorithm>
#include <vector>

#include "keep.h"

struct record {
    long key;
    record *next;
};

int main()
{
    record *first = nullptr;
    auto add = [&first](long key) {
        auto *r = new record {key, first}; /* type: record */
        first = r;
    };
    static long keys[] = {5, 3, 1};
    auto make = []() -> record * { return new record(); }; /* type: record */

    std::for_each(keys, keys + 3, add);
    std::for_each(keys, keys + 3, [&](long key) {
        first = new record {key, first}; /* type: record */
    });
    keep(first), keep(make());
    return 0;
}
