/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_decoder.h"

#include <stddef.h>

#include "reporter/program/types/capstone_functions.h"
#include "reporter/program/types/way_aarch64.h"
#include "reporter/program/types/way_flow.h"
#include "reporter/program/types/way_x86.h"

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

const struct lmm_way_machine *lmm_way_decoder_machine(enum lmm_machine machine)
{
    return machines[machine].machine;
}

bool lmm_way_decoder_open(enum lmm_machine machine, struct lmm_way_decoder *ret_decoder)
{
    struct lmm_way_decoder decoder = {.machine = machine};

    if (lmm_capstone() == NULL ||
        lmm_capstone()->open(machines[machine].arch, machines[machine].mode, &decoder.handle) !=
            CS_ERR_OK) {
        return false;
    }
    lmm_capstone()->option(decoder.handle, CS_OPT_DETAIL, CS_OPT_ON);
    decoder.insn = lmm_capstone()->malloc(decoder.handle);
    if (decoder.insn == NULL) {
        lmm_capstone()->close(&decoder.handle);
        return false;
    }
    *ret_decoder = decoder;
    return true;
}

void lmm_way_decoder_close(struct lmm_way_decoder *decoder)
{
    lmm_capstone()->free(decoder->insn, 1);
    lmm_capstone()->close(&decoder->handle);
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

bool lmm_way_decoder_step(struct lmm_way_decoder *decoder, struct lmm_way *way)
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

    if (!lmm_capstone()->disasm_iter(decoder->handle, &bytes, &left, &at, decoder->insn)) {
        return skip(way, bytes, left);
    }
    go_on(way, at);
    machines[way->code->machine].step(way, decoder->handle, decoder->insn);
    return true;
}
