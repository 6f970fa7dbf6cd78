/* SPDX-License-Identifier: MIT */
/* Constructors that allocate, inlined into functions of the library that allocate for them. */
#include <memory>
#include <vector>

#include "keep.h"

namespace
{
struct Part {
    long number;
    long more;
};

struct Whole {
    Part *part;
    long size;

    explicit Whole(long count) : size(count)
    {
        part = new Part {count, 2}; /* type: ...Part */
    }
};

struct Row {
    char *cells;
    long size;

    explicit Row(long count) : size(count)
    {
        cells = new char[static_cast<std::size_t>(count)]; /* type: char[] */
    }
};
} // namespace

int main()
{
    auto whole = std::make_unique<Whole>(static_cast<long>(number(1))); /* type: ...Whole */
    auto row = std::make_unique<Row>(static_cast<long>(number(32)));    /* type: ...Row */

    keep(whole->part), keep(row->cells);
    keep(whole.release()), keep(row.release());
    return 0;
}
