/* SPDX-License-Identifier: MIT */
/*
 * cfi_entry: finds the entry of .eh_frame that covers an address.
 *
 * Owns nothing. The table of .eh_frame_hdr leads to the function's FDE, and the FDE to its CIE,
 * which other FDEs share. This file reads their fields; cfi interprets their instructions. No
 * system calls, no memory. Source: Linux Standard Base 5.0, "Exception Frames" and ".eh_frame_hdr".
 */
#ifndef LMM_CFI_ENTRY_H
#define LMM_CFI_ENTRY_H

#include "lib/stacks/cfi_bytes.h"

struct lmm_cfi_entry {
    uintptr_t start;         /* where the function starts, */
    uint64_t bytes;          /* and its length */
    uint64_t code_factor;    /* distances are in units of this, */
    int64_t data_factor;     /* and many offsets of that */
    uint64_t return_address; /* the column of the return address */
    uint8_t address_encoding;
    bool has_lengths;                     /* FDEs have augmentation data, after its length */
    bool is_signal;                       /* the code is a signal trampoline */
    struct lmm_cfi_reader shared_program; /* the CIE's instructions, */
    struct lmm_cfi_reader program;        /* and the FDE's, which come after */
};

/* True and *ret_entry when an entry covers address. False: none does, or the table is not of the
 * usual kind. Any thread; async-signal-safe. */
bool lmm_cfi_entry_find(const unsigned char *eh_frame_hdr, uintptr_t address,
                        struct lmm_cfi_entry *ret_entry);

#endif
