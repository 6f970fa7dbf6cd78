/* SPDX-License-Identifier: MIT */
#include "lib/pages/run_class.h"

#define CLASS(after, slots, number) [(after) + 1 ...(after) + (slots)] = (number)
#define CLASSES(after, slots, number)                                                              \
    CLASS(after, slots, number), CLASS((after) + (slots), slots, (number) + 1),                    \
        CLASS((after) + 2 * (slots), slots, (number) + 2),                                         \
        CLASS((after) + 3 * (slots), slots, (number) + 3),                                         \
        CLASS((after) + 4 * (slots), slots, (number) + 4),                                         \
        CLASS((after) + 5 * (slots), slots, (number) + 5),                                         \
        CLASS((after) + 6 * (slots), slots, (number) + 6),                                         \
        CLASS((after) + 7 * (slots), slots, (number) + 7)

const uint8_t lmm_run_class_numbers[LMM_RUN_TABLE_SLOTS + 1] = {
    CLASSES(0, 1, 1),   CLASSES(8, 1, 9),     CLASSES(16, 2, 17),   CLASSES(32, 4, 25),
    CLASSES(64, 8, 33), CLASSES(128, 16, 41), CLASSES(256, 32, 49), CLASSES(512, 64, 57),
};
