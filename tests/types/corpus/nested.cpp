/* SPDX-License-Identifier: MIT */
/* Nested and local types, namespaces without a name. */
#include "keep.h"

class outer
{
  public:
    struct inner {
        long a, b;
    };
    enum class colour { red, green };

    outer() : first(new inner), colours(new colour[6]) /* type: outer::inner | outer::colour[] */
    {
    }

    inner *first;
    colour *colours;
};

namespace
{
struct hidden {
    int a, b, c;
};
} // namespace

namespace a
{
namespace b
{
struct same {
    long x;
};
} // namespace b
struct same {
    long x;
};
} // namespace a

int main()
{
    struct local {
        double a, b, c;
    };
    auto *o = new outer;   /* type: outer */
    auto *h = new hidden;  /* type: (anonymous namespace)::hidden | hidden | {anonymous}::hidden */
    auto *l = new local;   /* type: local | main()::local | main::local */
    auto *s = new a::same; /* type: a::same */
    auto *t = new a::b::same; /* type: a::b::same */

    keep(o), keep(h), keep(l), keep(s), keep(t);
    return 0;
}
