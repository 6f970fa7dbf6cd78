/* SPDX-License-Identifier: MIT */
/* shared_ptr and make_shared. */
#include <functional>
#include <memory>

#include "keep.h"

struct account {
    long number;
    double balance;
};

struct holder {
    std::shared_ptr<account> account_;
};

int main()
{
    auto *a = new holder;                    /* type: holder */
    auto *b = new holder;                    /* type: holder */
    auto *c = new std::function<long(long)>; /* type: std::function<long...> */
    account copy = {1, 2};
    long more[4] = {1, 2, 3, 4};

    a->account_ =
        std::make_shared<account>(); /* type: std::_Sp_counted_ptr_inplace<account...> | account */
    b->account_ = std::shared_ptr<account>(
        new account); /* type: account | std::_Sp_counted_ptr<account...> */
    auto add = [copy, more](long x) { return copy.number + x + more[x]; };
    *c = add; /* type: ...lambda... | ...main... | class... */
    keep(a), keep(b), keep(c);
    return 0;
}
