// SPDX-License-Identifier: MIT
// Uses the installed lmm.hpp.
#include <lmm/lmm.hpp>

#include <vector>

struct emp {
    char name[32];
    unsigned id;
};

struct office : lmm::counted<office> {
    std::vector<emp, lmm::allocator<emp>> emps;
};

int main()
{
    office *headquarters = new office;
    headquarters->emps.resize(10);
    auto one = lmm::make_unique<emp>();
    lmm_stats stats;
    if (lmm_family_stats(lmm::family<emp>(), &stats) != 0 || stats.live_slots != 11) {
        return 1;
    }
    delete headquarters;
    one.reset();
    return lmm_leak_check(nullptr) == 0 ? 0 : 2;
}
