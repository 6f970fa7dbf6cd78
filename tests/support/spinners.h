/* SPDX-License-Identifier: MIT */
/* spinners: functions that hold a word in one register of the machine, and nowhere else, while they wait. */
#ifndef LMM_TEST_SPINNERS_H
#define LMM_TEST_SPINNERS_H

#include <stdbool.h>
#include <stdint.h>

/* The word. Code has its complement. */
#define SPINNER_WORD ((uintptr_t) 0x123456789abc)

struct spinner {
    const char *name; /* of the register; NULL: the end of the list */
    /* Loads the word, and returns when *is_over is no longer 0. */
    void (*spin)(volatile const int *is_over);
    bool (*is_possible)(void); /* this processor has the register */
};

/* Of this machine; none where its instructions are not known. */
extern const struct spinner spinners[];

#endif
