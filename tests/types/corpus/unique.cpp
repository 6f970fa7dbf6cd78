/* SPDX-License-Identifier: MIT */
/* unique_ptr and make_unique. */
#include <memory>

#include "keep.h"

struct texture {
    int width, height;
    char name[16];
};

struct model {
    std::unique_ptr<texture> skin;
    std::unique_ptr<int[]> indices;
};

struct sprite : texture {
    int frame = 0;
};

NOT_INLINED static std::unique_ptr<texture> load(int width)
{
    auto result = std::make_unique<texture>(); /* type: texture */

    result->width = width;
    return result;
}

int main()
{
    auto a = std::make_unique<texture>();           /* type: texture */
    std::unique_ptr<texture> b(new texture);        /* type: texture */
    std::unique_ptr<texture> c(new sprite);         /* type: sprite */
    auto d = std::make_unique<model>();             /* type: model */
    auto e = std::make_unique<double[]>(number(9)); /* type: double[] */

    d->skin = load(4);
    d->indices.reset(new int[30]);        /* type: int[] */
    d->skin = std::make_unique<sprite>(); /* type: sprite */
    keep(d->skin.release()), keep(d->indices.release());
    keep(a.release()), keep(b.release()), keep(c.release()), keep(d.release()), keep(e.release());
    return 0;
}
