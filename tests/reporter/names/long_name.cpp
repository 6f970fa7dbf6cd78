// SPDX-License-Identifier: MIT
// A leak in a function whose name fits into a line of its own, and not beside other words.
#include <cstdlib>

static void *volatile kept;

__attribute__((noinline)) void leak_of_a_function_with_some_parameters(unsigned long, unsigned long,
                                                                       const char *)
{
    kept = std::malloc(10); // MARK leak
}

int main()
{
    kept = std::malloc(100000); // It is the peak, so the leak is not there.
    std::free(kept);
    leak_of_a_function_with_some_parameters(1, 2, "");
}
