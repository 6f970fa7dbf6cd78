/* SPDX-License-Identifier: MIT */
/*
 * way_fuzz: libFuzzer gives any bytes as the code after a call to the code that follows its result.
 * The first byte chooses the machine, what is known about functions that are called, and by which
 * argument the callee gives the block, the second one where the call returns to.
 *
 *   ninja -C build/dev lmm_way_fuzz
 *   build/dev/tests/fuzz/way_fuzz -max_total_time=3600 NEW SEEDS
 */
#include <stdint.h>
#include <stdlib.h>

#include "reporter/program/types/way.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    CALLS_MAX = 10000, /* the code before the call is looked at twice */
    REGISTERS = 32,
};

static const uint64_t start = 0x401000;

/* What is known of a function depends on its address. */
static enum lmm_way_callee know(void *context, uint64_t target, bool is_loaded)
{
    unsigned *calls = context;

    (void) is_loaded;
    if (++*calls > CALLS_MAX) {
        abort();
    }
    return target % 4 == 0   ? LMM_WAY_CALLEE_RETURNS_FIRST
           : target % 4 == 1 ? LMM_WAY_CALLEE_ENDS
           : target % 4 == 2 ? LMM_WAY_CALLEE_THREAD
                             : LMM_WAY_CALLEE_ANY;
}

static void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static bool is_register(int reg)
{
    return reg >= LMM_REGISTER_THREAD && reg < REGISTERS;
}

static void check_step(const struct lmm_way_step *step, const struct lmm_code *code)
{
    require(step->from - code->address < code->count);
    require(step->to > step->from);
    require(step->is_inside == (step->is_unknown || step->added != 0));
    require(is_register(step->reg) && is_register(step->index));
    require(step->kind != LMM_WAY_HELD || step->reg != LMM_REGISTER_NONE);
    require(step->origin.load_count <= LMM_WAY_LOADS_MAX && is_register(step->origin.reg));
    require(step->before.load_count <= LMM_WAY_LOADS_MAX && is_register(step->before.reg));
    require(step->has_origin || !step->has_before);
    require(step->kind != LMM_WAY_FILLED || step->reg == LMM_REGISTER_NONE);
    require(step->distance <= LMM_WAY_INSTRUCTIONS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lmm_way_follower *follower; /* of all inputs */
    struct lmm_way_step steps[LMM_WAY_STEPS_MAX];
    unsigned calls = 0;

    follower = follower == NULL ? lmm_way_follower_new() : follower;
    require(follower != NULL);
    if (size < 3) {
        return 0;
    }
    const struct lmm_code code = {
        .bytes = data + 2,
        .count = size - 2,
        .address = (data[0] & 4) != 0 ? UINT64_MAX - size / 2 : start,
        .machine = (data[0] & 1) != 0 ? LMM_MACHINE_AARCH64 : LMM_MACHINE_X86_64,
    };
    int output = (data[0] & 8) != 0 ? data[0] >> 4 & 3 : LMM_WAY_RESULT;
    size_t count = lmm_way_follow(follower, &code, code.address + data[1], output,
                                  (data[0] & 2) != 0 ? know : NULL, &calls, steps);

    require(count <= LMM_WAY_STEPS_MAX);
    for (size_t i = 0; i < count; i++) {
        check_step(&steps[i], &code);
        require(i == 0 || steps[i - 1].distance <= steps[i].distance);
    }
    return 0;
}
