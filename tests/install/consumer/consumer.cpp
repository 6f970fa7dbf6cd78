// SPDX-License-Identifier: MIT
// Uses the installed library from C++; consumer.c is this program in C.
#include <lmm/ledger.h>
#include <lmm/lmm.h>

#include <string_view>

struct emp {
    char name[32];
    unsigned id;
};

int main()
{
    emp *one = LMM_NEW(emp);
    emp *many = LMM_NEW_ARRAY(emp, 10);
    lmm_stats stats;
    lmm_family *family = lmm_family_find("emp");
    if (one == nullptr || many == nullptr || lmm_family_stats(family, &stats) != 0) {
        return 1;
    }
    if (stats.live_blocks != 2 || stats.live_slots != 11 || one->id != 0) {
        return 2;
    }
    lmm_free(many);
    lmm_free(one);
    if (lmm_family_stats(family, &stats) != 0 || stats.live_blocks != 0 || stats.frees != 2) {
        return 3;
    }
    return std::string_view(lmm_family_name(family)) == "emp" ? 0 : 4;
}
