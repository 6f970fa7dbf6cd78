/* SPDX-License-Identifier: MIT */
/* The API from C++17; see header_use.h. */
#include <lmm/lmm.h>
#include <lmm/lmm.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <thread>

#include "tests/support/header_use.h"

namespace shapes
{
struct alignas(32) box {
    double left, top, right, bottom;
};

class owner
{
  public:
    owner() : held_(LMM_NEW(box))
    {
    }
    owner(const owner &) = delete;
    owner &operator=(const owner &) = delete;
    ~owner()
    {
        lmm_free(held_);
    }
    box *held() const
    {
        return held_;
    }

  private:
    box *held_;
};
} // namespace shapes

struct counted {
    explicit counted(int initial) : value(initial)
    {
        ++alive;
    }
    ~counted()
    {
        --alive;
    }
    int value;
    static int alive;
};
int counted::alive = 0;

template <typename T> static T *make()
{
    return LMM_NEW(T);
}

static int see_block(const lmm_block *block, void *arg)
{
    *static_cast<lmm_block *>(arg) = *block;
    return 1;
}

static bool thread_local_block_is_served()
{
    static thread_local shapes::owner owner;
    return owner.held() != nullptr;
}

#define STEP(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::fprintf(stderr, "C++17: %s\n", #condition);                                       \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

extern "C" int header_use_from_cxx(void *)
{
    using shapes::box;
    {
        shapes::owner owner;
        STEP(owner.held() != nullptr && owner.held()->bottom == 0);
        STEP(reinterpret_cast<std::uintptr_t>(owner.held()) % 32 == 0);
        STEP(std::strcmp(lmm_family_name(lmm_family_of(owner.held())), "box") == 0);
        lmm_block seen {};
        STEP(lmm_for_each_block(lmm_family_find("box"), see_block, &seen) == 1);
        STEP(std::strcmp(seen.file, "tests/unit/api/header_cxx17.cpp") == 0 && seen.line != 0);
    }
    const auto called = [] { return LMM_ALLOC(counted); };
    counted *object = new (called()) counted(42);
    STEP(object->value == 42 && counted::alive == 1);
    object->~counted();
    lmm_free(object);
    box *boxes = LMM_NEW_ARRAY(box, 5);
    STEP(boxes != nullptr && lmm_block_count(boxes) == 5);
    lmm_free(boxes);
    double *number = make<double>();
    STEP(number != nullptr && *number == 0);
    lmm_free(number);
    /* The block goes when the thread's thread_local objects do. */
    bool served = false;
    std::thread([&served] { served = thread_local_block_is_served(); }).join();
    STEP(served);
    lmm_stats stats;
    STEP(lmm_family_stats(lmm_family_find("box"), &stats) == 0 && stats.live_blocks == 0);
    STEP(lmm_leak_check(stderr) == 0);
    return 0;
}
