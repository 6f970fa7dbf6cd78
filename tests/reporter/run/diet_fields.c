/* SPDX-License-Identifier: MIT */
/* diet_fields: a program that registers structs, whose fields have what test_diet.py expects: 1,000 records, an array of 500,
 * and 20 texts of different lengths. It prints "ready", and waits for the end of its input. */
#include <lmm/lmm.h>

#include <stdio.h>
#include <string.h>

enum { SINGLE = 1000, ARRAY = 500, ALL = SINGLE + ARRAY };

enum colour { RED, GREEN, BLUE };

typedef struct {
    int x;
    int y;
} point_t;

typedef struct record record_t;

struct record {
    long small;   /* 0 to 213 */
    int negative; /* -100 to 100 */
    int constant; /* 7 */
    void *never;
    long nevers[3];
    record_t *rare; /* in 2 % */
    unsigned flag : 1;
    unsigned unset : 7;
    unsigned set : 8; /* 0 to 255 */
    enum colour colour;
    char name[32];  /* at most 11 bytes */
    point_t origin; /* never */
    point_t corner; /* y never */
    double ratio;
    unsigned long wide;
    unsigned long common; /* 9, in one 1ul << 40 */
    int deltas[6];        /* -1000 to 1, the last two always 0 */
};

typedef struct {
    unsigned length;
    int never;
    char text[];
} text_t;

static void fill(record_t *record, int i)
{
    record->small = i % 214;
    record->negative = i % 201 - 100;
    record->constant = 7;
    record->rare = i % 50 == 3 ? record : NULL;
    record->flag = i % 2 != 0;
    record->set = (unsigned) i % 256;
    record->colour = (enum colour)(i % 3);
    memcpy(record->name, "eleven byte", (size_t) (i % 12));
    record->corner.x = i - ALL / 2;
    record->ratio = i / 3.0;
    record->wide = ~(unsigned long) i;
    record->deltas[i % 4] = i % 3 == 0 ? -1000 : 1;
    record->common = i == ALL - 1 ? 1ul << 40 : 9;
}

int main(void)
{
    LMM_REGISTER(record_t);
    for (int i = 0; i < SINGLE; i++) {
        fill(LMM_NEW(record_t), i);
    }
    record_t *array = LMM_NEW_ARRAY(record_t, ARRAY);

    for (int i = 0; i < ARRAY; i++) {
        fill(&array[i], SINGLE + i);
    }
    for (unsigned i = 0; i < 20; i++) {
        text_t *text = LMM_NEW_FLEX(text_t, text, i);

        text->length = i;
        memset(text->text, 'x', i);
    }
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
