// SPDX-License-Identifier: MIT
// The classic names in a C++ program, which says what XCALLOC's void * becomes.
#include "uapi_mm.h"

#include <cstdio>

namespace {

struct emp_t {
    char name[32];
    uint32_t emp_id;
};

} // namespace

int main()
{
    mm_init();
    MM_REG_STRUCT(emp_t);
    mm_instantiate_new_page_family("by_name", 24);
    emp_t *emp = static_cast<emp_t *>(XCALLOC(2, emp_t));
    void *other = xcalloc("by_name", 1);
    bool ok = emp != nullptr && other != nullptr && emp[1].emp_id == 0;
    mm_print_registered_page_families();
    mm_print_memory_usage("emp_t");
    mm_print_block_usage();
    XFREE(emp);
    xfree(other);
    std::puts(ok ? "ok" : "wrong");
    return ok ? 0 : 1;
}
