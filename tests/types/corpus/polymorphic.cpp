/* SPDX-License-Identifier: MIT */
/* Objects behind base pointers whose constructors are in other files, or are not there. */
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "keep.h"

struct node {
    virtual ~node();
    node *parent = nullptr;
};

NOT_INLINED node::~node()
{
}

struct leaf : node {
    long value = 1;
};

struct branch : node {
    node *left = nullptr, *right = nullptr;
};

template <typename T> struct tagged : T {
    int tag = 7;
};

struct plain_base {
    int kind;
};

struct plain_small : plain_base {
    int more;
};

struct plain_large : plain_base {
    int more[7];
};

NOT_INLINED static void adopt(node *parent, node *child)
{
    child->parent = parent;
}

NOT_INLINED static plain_base *make_plain(int kind)
{
    plain_base *result;

    if (kind == 0) {
        result = new plain_small; /* type: plain_small */
    } else {
        result = new plain_large; /* type: plain_large */
    }
    result->kind = kind;
    return result;
}

template <typename T> NOT_INLINED static node *create()
{
    return new T; /* type: leaf | branch | tagged<leaf> */
}

int main()
{
    auto *root = new branch; /* type: branch */

    root->left = create<leaf>();
    root->right = create<branch>();
    adopt(root, root->left);
    adopt(root, create<tagged<leaf>>());
    adopt(root, new tagged<branch>); /* type: tagged<branch> */
    auto *pairs = new std::vector<
        std::pair<int, std::unique_ptr<node>>>; /* type: std::vector<std::pair<int...> */
    pairs->emplace_back(1, std::unique_ptr<node>(new leaf)); /* type: leaf | std::pair<int...>[] */
    std::unique_ptr<node> owned(create<leaf>());
    keep(root), keep(make_plain((int) number(0))), keep(make_plain((int) number(1))),
        keep(pairs); /* type: none */
    keep(owned.release());
    return 0;
}
