/* SPDX-License-Identifier: MIT */
#include "tests/support/way_text.h"

#include <inttypes.h>

enum {
    NAME_BYTES = 16,
};

static const char *register_name(enum lmm_machine machine, int reg, char *buffer)
{
    static const char *const names[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"};

    if (machine == LMM_MACHINE_X86_64 && reg < 8) {
        return names[reg];
    }
    if (machine == LMM_MACHINE_AARCH64 && reg == 31) {
        return "sp";
    }
    snprintf(buffer, NAME_BYTES, machine == LMM_MACHINE_X86_64 ? "r%d" : "x%d", reg);
    return buffer;
}

static void put_place(FILE *out, enum lmm_machine machine, int reg, int index, uint32_t scale,
                      int64_t offset)
{
    char name[NAME_BYTES];

    fputc('[', out);
    if (reg == LMM_REGISTER_THREAD) {
        fputs("thread", out);
    } else if (reg != LMM_REGISTER_NONE) {
        fprintf(out, "%s", register_name(machine, reg, name));
    }
    if (index != LMM_REGISTER_NONE) {
        fprintf(out, "+%s", register_name(machine, index, name));
    }
    if (scale != 0) {
        fprintf(out, "*%" PRIu32, scale);
    }
    fprintf(out, "%+" PRId64 "]", offset);
}

static void put_offset(FILE *out, int64_t offset, uint32_t scale)
{
    fprintf(out, "%+" PRId64, offset);
    if (scale != 0) {
        fprintf(out, "*%" PRIu32, scale);
    }
}

static void put_origin(FILE *out, enum lmm_machine machine, const struct lmm_way_origin *origin)
{
    char name[NAME_BYTES];

    if (origin->reg == LMM_REGISTER_THREAD) {
        fputs("thread ", out);
    } else if (origin->reg == LMM_REGISTER_DYNAMIC) {
        fputs("thread by ", out);
    } else if (origin->reg != LMM_REGISTER_NONE) {
        fprintf(out, "%s %s %" PRIx64 " ", register_name(machine, origin->reg, name),
                origin->is_result ? "returned to" : "before", origin->at);
    }
    for (uint32_t i = 0; i < origin->load_count; i++) {
        fputc('[', out);
        put_offset(out, origin->loads[i].offset, origin->loads[i].scale);
        fprintf(out, "] ");
    }
    put_offset(out, origin->offset, origin->scale);
}

static void put_step(FILE *out, enum lmm_machine machine, const struct lmm_way_step *step)
{
    static const char *const kinds[] = {"held", "stored", "passed", "returned", "filled"};
    char name[NAME_BYTES];

    fprintf(out, "%" PRIu32 " %s %" PRIx64 "-%" PRIx64, step->distance, kinds[step->kind],
            step->from, step->to);
    if (step->kind == LMM_WAY_HELD) {
        fprintf(out, " %s", register_name(machine, step->reg, name));
    } else if (step->kind == LMM_WAY_STORED) {
        fputc(' ', out);
        put_place(out, machine, step->reg, step->index, step->scale, step->offset);
    } else if (step->kind == LMM_WAY_PASSED) {
        fprintf(out, " %" PRIu32 " of %s%" PRIx64, step->argument, step->is_loaded ? "*" : "",
                step->target);
    } else if (step->kind == LMM_WAY_FILLED) {
        fprintf(out, " %+" PRId64 " = %s%" PRIx64 "%+" PRId64, step->offset,
                step->is_loaded ? "*" : "", step->target, step->target_added);
    }
    if (step->is_unknown) {
        fprintf(out, " inside");
    } else if (step->is_inside) {
        fprintf(out, " inside %+" PRId64, step->added);
    }
    if (step->has_origin) {
        fprintf(out, ", of ");
        put_origin(out, machine, &step->origin);
    }
    if (step->has_before) {
        fprintf(out, ", of ");
        put_origin(out, machine, &step->before);
    }
    fputc('\n', out);
}

void lmm_way_text_put(FILE *out, enum lmm_machine machine, const struct lmm_way_step *steps,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put_step(out, machine, &steps[i]);
    }
}
