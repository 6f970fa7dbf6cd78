// SPDX-License-Identifier: MIT
// within: functions in classes, namespaces and other functions.
#include <cstdlib>

static void *volatile kept;

namespace
{
struct holder {
    __attribute__((noinline)) static void hold()
    {
        kept = malloc(100); // MARK member
    }
};
} // namespace

__attribute__((noinline)) static void outer()
{
    struct local {
        __attribute__((noinline)) void hold()
        {
            kept = malloc(200); // MARK local
        }
    };
    auto lambda = [](std::size_t bytes) __attribute__((noinline))
    {
        kept = malloc(bytes); // MARK lambda
    };

    local().hold();
    lambda(400);
}

int main()
{
    holder::hold();
    outer();
    kept = nullptr;
}
