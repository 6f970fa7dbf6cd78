// SPDX-License-Identifier: MIT
// The instance form of the classic names in a C++ program, as its users have it: 0 is the default
// instance, and a packet buffer is allocated in a header.
#include "uapi_mm_instance.h"

#include <cstdio>

namespace {

struct interface_t {
    char name[32];
    interface_t *next;
};

inline char *new_packet(std::size_t bytes)
{
    return static_cast<char *>(XCALLOC_BUFF(0, bytes));
}

} // namespace

int main()
{
    mm_init();
    mm_instance_t *instance = mm_init_new_instance();
    MM_REG_STRUCT(0, interface_t);
    MM_REG_STRUCT(instance, interface_t);
    interface_t *one = static_cast<interface_t *>(XCALLOC(0, 1, interface_t));
    interface_t *two = static_cast<interface_t *>(XCALLOC(instance, 2, interface_t));
    char *packet = new_packet(2048);
    bool ok = one != nullptr && two != nullptr && packet != nullptr && packet[2047] == 0;
    mm_print_registered_page_families(0);
    mm_print_memory_usage(0, 0);
    mm_print_block_usage(instance);
    mm_print_variable_buffers(0);
    XFREE(one);
    XFREE(two);
    XFREE(packet);
    std::puts(ok && lmm_leak_check(stdout) == 0 ? "ok" : "wrong");
    return 0;
}
