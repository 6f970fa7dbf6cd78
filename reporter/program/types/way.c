/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way.h"

#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/types/way_aarch64.h"
#include "reporter/program/types/way_state.h"
#include "reporter/program/types/way_x86.h"

/* ---- Decoding --------------------------------------------------------------------------------- */

struct decoder {
    csh handle;
    cs_insn *insn;
};

static const struct {
    const struct lmm_way_machine *machine;
    cs_arch arch;
    cs_mode mode;
    void (*step)(struct lmm_way *way, csh handle, const cs_insn *insn);
    /* Does what cannot be decoded, and returns its bytes; 0: the path ends there. NULL: it does. */
    size_t (*skip)(struct lmm_way *way, const uint8_t *bytes, size_t count);
} machines[] = {
    [LMM_MACHINE_NONE] = {.machine = NULL},
    [LMM_MACHINE_X86_64] = {&lmm_way_x86, CS_ARCH_X86, CS_MODE_64, lmm_way_x86_step, NULL},
    [LMM_MACHINE_AARCH64] = {&lmm_way_aarch64, CS_ARCH_ARM64, CS_MODE_ARM, lmm_way_aarch64_step,
                             lmm_way_aarch64_skip},
};

static bool open_decoder(enum lmm_machine machine, struct decoder *ret_decoder)
{
    struct decoder decoder;

    if (cs_open(machines[machine].arch, machines[machine].mode, &decoder.handle) != CS_ERR_OK) {
        return false;
    }
    cs_option(decoder.handle, CS_OPT_DETAIL, CS_OPT_ON);
    decoder.insn = cs_malloc(decoder.handle);
    if (decoder.insn == NULL) {
        cs_close(&decoder.handle);
        return false;
    }
    *ret_decoder = decoder;
    return true;
}

static void close_decoder(struct decoder *decoder)
{
    cs_free(decoder->insn, 1);
    cs_close(&decoder->handle);
}

static void go_on(struct lmm_way *way, uint64_t next)
{
    way->next = next;
    way->path->at = next;
    way->path->distance++;
}

/* Does an instruction that cannot be decoded. */
static bool skip(struct lmm_way *way, const uint8_t *bytes, size_t count)
{
    enum lmm_machine machine = way->code->machine;
    uint64_t at = way->at;
    size_t skipped = 0;

    if (machines[machine].skip != NULL) {
        go_on(way, at + 4);
        skipped = machines[machine].skip(way, bytes, count);
    }
    if (skipped == 0) {
        way->next = at;
        lmm_way_end(way);
    }
    return skipped != 0;
}

/* Does the instruction at the current path's address. Returns false when it cannot be decoded. */
static bool step(struct lmm_way *way, struct decoder *decoder)
{
    uint64_t at = way->path->at;
    uint64_t offset = at - way->code->address;

    way->at = at;
    way->next = at;
    if (offset >= way->code->count) {
        lmm_way_end(way);
        return false;
    }
    const uint8_t *bytes = way->code->bytes + offset;
    size_t left = way->code->count - (size_t) offset;

    if (!cs_disasm_iter(decoder->handle, &bytes, &left, &at, decoder->insn)) {
        return skip(way, bytes, left);
    }
    go_on(way, at);
    machines[way->code->machine].step(way, decoder->handle, decoder->insn);
    return true;
}

/* ---- Steps in order --------------------------------------------------------------------------- */

/* Orders steps HELD first: by what they hold where, and from which address on. */
static int compare_ranges(const void *left, const void *right)
{
    const struct lmm_way_step *a = left;
    const struct lmm_way_step *b = right;

    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->reg != b->reg) {
        return a->reg < b->reg ? -1 : 1;
    }
    if (a->is_unknown != b->is_unknown) {
        return a->is_unknown < b->is_unknown ? -1 : 1;
    }
    if (a->added != b->added) {
        return a->added < b->added ? -1 : 1;
    }
    return (a->from > b->from) - (a->from < b->from);
}

static int compare_distances(const void *left, const void *right)
{
    const struct lmm_way_step *a = left;
    const struct lmm_way_step *b = right;

    if (a->distance != b->distance) {
        return a->distance < b->distance ? -1 : 1;
    }
    if (a->from != b->from) {
        return a->from < b->from ? -1 : 1;
    }
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* Joins two steps when both are the same, or ranges that touch: paths meet there. */
static bool join(struct lmm_way_step *into, const struct lmm_way_step *step)
{
    if (into->kind != step->kind || into->reg != step->reg || into->added != step->added ||
        into->is_unknown != step->is_unknown) {
        return false;
    }
    if (step->kind == LMM_WAY_HELD ? step->from > into->to
                                   : step->from != into->from || step->argument != into->argument ||
                                         step->offset != into->offset) {
        return false;
    }
    into->to = step->to > into->to ? step->to : into->to;
    into->distance = step->distance < into->distance ? step->distance : into->distance;
    return true;
}

/* Puts the steps in order; returns how many there are. */
static size_t put_steps(struct lmm_way *way, struct lmm_way_step *ret_steps)
{
    size_t count = 0;

    qsort(way->steps, way->step_count, sizeof(way->steps[0]), compare_ranges);
    for (size_t i = 0; i < way->step_count; i++) {
        bool is_empty = way->steps[i].to <= way->steps[i].from; /* its path ended at once */

        if (!is_empty && (count == 0 || !join(&way->steps[count - 1], &way->steps[i]))) {
            way->steps[count++] = way->steps[i];
        }
    }
    qsort(way->steps, count, sizeof(way->steps[0]), compare_distances);
    count = count > LMM_WAY_STEPS_MAX ? LMM_WAY_STEPS_MAX : count;
    memcpy(ret_steps, way->steps, count * sizeof(way->steps[0]));
    return count;
}

static size_t follow(struct lmm_way *way, uint64_t address, struct decoder *decoder,
                     struct lmm_way_step *ret_steps)
{
    size_t decoded = 0;

    lmm_way_start(way, address);
    while (decoded < LMM_WAY_INSTRUCTIONS_MAX && lmm_way_choose(way)) {
        if (lmm_way_visit(way) && step(way, decoder)) {
            decoded++;
        }
    }
    lmm_way_stop(way);
    return decoded == 0 ? 0 : put_steps(way, ret_steps);
}

size_t lmm_way_follow(const struct lmm_code *code, uint64_t address,
                      enum lmm_way_callee (*know)(void *context, uint64_t target), void *context,
                      struct lmm_way_step ret_steps[LMM_WAY_STEPS_MAX])
{
    size_t count = 0;
    struct decoder decoder;

    if (machines[code->machine].machine == NULL || address - code->address >= code->count ||
        !open_decoder(code->machine, &decoder)) {
        return 0;
    }
    struct lmm_way *way = calloc(1, sizeof(*way));

    if (way != NULL) {
        way->code = code;
        way->machine = machines[code->machine].machine;
        way->know = know;
        way->context = context;
        count = follow(way, address, &decoder, ret_steps);
        free(way);
    }
    close_decoder(&decoder);
    return count;
}
