/* SPDX-License-Identifier: MIT */
/* Statistics, the walk over blocks, the reports' return values, and trim. */
#include <lmm/lmm.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char name[32];
    unsigned id;
} emp_t;

typedef struct {
    _Alignas(16) char bytes[48];
} wide_t;

static struct lmm_stats stats_of(const char *name)
{
    struct lmm_stats stats;
    struct lmm_family *family = lmm_family_find(name);
    cr_assert(family != NULL);
    cr_assert(lmm_family_stats(family, &stats) == 0);
    return stats;
}

Test(figures, bad_arguments)
{
    struct lmm_stats stats = {.name = "untouched"};
    errno = 0;
    cr_assert(lmm_family_stats(NULL, &stats) == -1 && errno == EINVAL);
    cr_assert(strcmp(stats.name, "untouched") == 0);
    errno = 0;
    cr_assert(lmm_family_stats(LMM_REGISTER(emp_t), NULL) == -1 && errno == EINVAL);
}

Test(figures, of_a_fresh_family)
{
    cr_assert(lmm_family_register("spacious", 36, 16) != NULL);
    struct lmm_stats stats = stats_of("spacious");
    cr_assert(strcmp(stats.name, "spacious") == 0);
    cr_assert(stats.size_bytes == 36 && stats.align_bytes == 16 && stats.stride_bytes == 48);
    cr_assert(stats.live_blocks == 0 && stats.live_slots == 0 && stats.live_bytes == 0);
    cr_assert(stats.peak_bytes == 0 && stats.allocations == 0 && stats.frees == 0);
    cr_assert(stats.pages == 0 && stats.mapped_bytes == 0 && stats.committed_bytes == 0);
    cr_assert(stats.free_slots == 0 && stats.longest_free_slots == 0);
}

Test(figures, step_by_step)
{
    emp_t *emp[1000];
    for (unsigned i = 0; i < 1000; i++) {
        emp[i] = i % 2 == 0 ? LMM_NEW(emp_t) : LMM_ALLOC(emp_t);
        cr_assert(emp[i] != NULL);
        struct lmm_stats stats = stats_of("emp_t");
        cr_assert(stats.live_blocks == i + 1 && stats.allocations == i + 1 && stats.frees == 0);
        cr_assert(stats.live_slots == i + 1 && stats.live_bytes == (i + 1) * sizeof(emp_t));
    }
    emp_t *array = LMM_NEW_ARRAY(emp_t, 50);
    cr_assert(array != NULL);
    struct lmm_stats full = stats_of("emp_t");
    cr_assert(full.live_blocks == 1001 && full.live_slots == 1050);
    cr_assert(full.peak_bytes >= full.live_bytes);
    cr_assert(full.committed_bytes >= full.live_bytes && full.mapped_bytes >= full.committed_bytes);
    cr_assert(full.pages >= 1 && full.free_slots >= full.longest_free_slots);
    cr_assert((full.free_slots + full.live_slots) * full.stride_bytes <= full.mapped_bytes);
    for (unsigned i = 0; i < 1000; i++) {
        lmm_free(emp[i]);
        struct lmm_stats stats = stats_of("emp_t");
        cr_assert(stats.live_blocks == 1000 - i && stats.frees == i + 1);
        cr_assert(stats.allocations == 1001);
    }
    lmm_free(array);
    struct lmm_stats empty = stats_of("emp_t");
    cr_assert(empty.live_blocks == 0 && empty.live_slots == 0 && empty.live_bytes == 0);
    cr_assert(empty.allocations == 1001 && empty.frees == 1001);
    cr_assert(empty.peak_bytes >= 1050 * sizeof(emp_t));
}

/* The high-water mark is exact where a report looked while it was high, and never falls. */
Test(figures, peak_never_falls)
{
    emp_t *array = LMM_NEW_ARRAY(emp_t, 100000);
    cr_assert(array != NULL);
    uint64_t peak = stats_of("emp_t").peak_bytes;
    cr_assert(peak >= 100000 * sizeof(emp_t));
    lmm_free(array);
    cr_assert(stats_of("emp_t").peak_bytes >= peak);
    lmm_free(LMM_NEW(emp_t));
    cr_assert(stats_of("emp_t").peak_bytes >= peak);
    cr_assert(stats_of("emp_t").peak_bytes <= peak + ((uint64_t) 1 << 18));
}

Test(figures, failed_calls_count_nothing)
{
    emp_t *emp = LMM_NEW(emp_t);
    cr_assert(emp != NULL);
    cr_assert(LMM_NEW_ARRAY(emp_t, SIZE_MAX) == NULL);
    cr_assert(LMM_NEW_ARRAY(emp_t, (size_t) 1 << 42) == NULL);
    cr_assert(lmm_resize(emp, (size_t) 1 << 42) == NULL);
    struct lmm_stats stats = stats_of("emp_t");
    cr_assert(stats.allocations == 1 && stats.frees == 0 && stats.live_slots == 1);
}

Test(figures, resize_changes_slots_and_not_blocks)
{
    emp_t *array = LMM_NEW_ARRAY(emp_t, 4);
    cr_assert(array != NULL);
    static const size_t lengths[] = {9, 2, 300, 1, 100000, 5};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        array = lmm_resize(array, lengths[i]);
        cr_assert(array != NULL);
        struct lmm_stats stats = stats_of("emp_t");
        cr_assert(stats.live_blocks == 1 && stats.live_slots == lengths[i]);
        cr_assert(stats.allocations - stats.frees == 1);
    }
}

static void *alloc_and_free(void *arg)
{
    (void) arg;
    for (int i = 0; i < 1000; i++) {
        lmm_free(LMM_NEW(wide_t));
    }
    return LMM_NEW(wide_t);
}

Test(figures, threads_that_ended_are_counted)
{
    void *left[4];
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        cr_assert(pthread_create(&thread, NULL, alloc_and_free, NULL) == 0);
        cr_assert(pthread_join(thread, &left[i]) == 0);
        struct lmm_stats stats = stats_of("wide_t");
        cr_assert(stats.allocations == 1001u * (unsigned) (i + 1));
        cr_assert(stats.live_blocks == (unsigned) (i + 1));
    }
    for (int i = 0; i < 4; i++) {
        lmm_free(left[i]);
    }
    cr_assert(stats_of("wide_t").frees == 4004);
}

/* ---- lmm_for_each_block() ---- */

struct seen {
    struct lmm_block block[64];
    size_t count;
    size_t stop_at;
};

static int note(const struct lmm_block *block, void *arg)
{
    struct seen *seen = arg;
    cr_assert(seen->count < 64);
    seen->block[seen->count++] = *block;
    return seen->count == seen->stop_at ? -7 : 0;
}

static const struct lmm_block *find(const struct seen *seen, const void *address)
{
    const struct lmm_block *found = NULL;
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->block[i].address == address) {
            cr_assert(found == NULL, "%p is shown twice", address);
            found = &seen->block[i];
        }
    }
    cr_assert(found != NULL, "%p is not shown", address);
    return found;
}

static void check_block(const struct lmm_block *block, const char *family, size_t slots,
                        const char *function, unsigned line)
{
    cr_assert(strcmp(lmm_family_name(block->family), family) == 0);
    cr_assert(block->slots == slots);
    cr_assert(block->bytes == slots * lmm_family_size(block->family));
    cr_assert(block->line == line, "%u is not line %u", block->line, line);
    if (line == 0) {
        cr_assert(strcmp(block->file, "(unattributed)") == 0, "%s", block->file);
    } else {
        cr_assert(strcmp(block->file, "tests/unit/api/test_figures.c") == 0, "%s", block->file);
        cr_assert(strcmp(block->function, function) == 0, "%s", block->function);
    }
}

static emp_t *hire(unsigned *ret_line)
{
    *ret_line = __LINE__ + 1;
    return LMM_NEW(emp_t);
}

Test(figures, blocks_are_shown_with_their_place)
{
    unsigned line[3];
    emp_t *hired = hire(&line[0]);
    line[1] = __LINE__ + 1;
    void *pair[2] = {LMM_ALLOC(wide_t), LMM_NEW_ARRAY(emp_t, 17)};
    line[2] = __LINE__ + 1;
    void *array = LMM_NEW_ARRAY(wide_t, 3);
    void *plain = lmm_zalloc(lmm_family_find("emp_t"));
    const char *here = __func__;
    struct seen all = {.count = 0};
    cr_assert(lmm_for_each_block(NULL, note, &all) == 0);
    cr_assert(all.count == 5);
    check_block(find(&all, hired), "emp_t", 1, "hire", line[0]);
    check_block(find(&all, pair[0]), "wide_t", 1, here, line[1]);
    check_block(find(&all, pair[1]), "emp_t", 17, here, line[1]);
    check_block(find(&all, array), "wide_t", 3, here, line[2]);
    check_block(find(&all, plain), "emp_t", 1, "", 0);

    struct seen wide = {.count = 0};
    cr_assert(lmm_for_each_block(lmm_family_find("wide_t"), note, &wide) == 0);
    cr_assert(wide.count == 2);
    find(&wide, pair[0]);
    find(&wide, array);

    array = lmm_resize(array, 40000);
    cr_assert(array != NULL);
    struct seen resized = {.count = 0};
    cr_assert(lmm_for_each_block(NULL, note, &resized) == 0);
    check_block(find(&resized, array), "wide_t", 40000, here, line[2]);
}

Test(figures, walk_ends_when_told)
{
    for (int i = 0; i < 10; i++) {
        cr_assert(LMM_NEW(emp_t) != NULL);
    }
    struct seen seen = {.stop_at = 4};
    cr_assert(lmm_for_each_block(NULL, note, &seen) == -7);
    cr_assert(seen.count == 4);
    seen = (struct seen) {.stop_at = 3};
    cr_assert(lmm_for_each_block(lmm_family_find("emp_t"), note, &seen) == -7);
    cr_assert(seen.count == 3);
}

Test(figures, nothing_to_walk)
{
    struct seen seen = {.count = 0};
    cr_assert(lmm_for_each_block(NULL, note, &seen) == 0);
    cr_assert(LMM_REGISTER(emp_t) != NULL);
    lmm_free(LMM_NEW(emp_t));
    cr_assert(lmm_for_each_block(NULL, note, &seen) == 0);
    cr_assert(seen.count == 0);
}

/* ---- Reports ---- */

/* What `print` writes; freed by the caller. */
static char *text_of(int (*print)(FILE *stream))
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = tmpfile();
    cr_assert(stream != NULL);
    fputs("before\n", stream);
    cr_assert(print(stream) == 0);
    fputs("after\n", stream);
    rewind(stream);
    cr_assert(getdelim(&text, &bytes, '\0', stream) > 0);
    fclose(stream);
    cr_assert(strncmp(text, "before\n", 7) == 0);
    cr_assert(strcmp(text + strlen(text) - 6, "after\n") == 0);
    return text;
}

static int print_all_blocks(FILE *stream)
{
    return lmm_print_blocks(stream, NULL);
}

static int print_leaks(FILE *stream)
{
    return (int) lmm_leak_check(stream);
}

Test(figures, reports_name_families_and_places)
{
    cr_assert(LMM_NEW(emp_t) != NULL);
    char *usage = text_of(lmm_print_usage);
    cr_assert(strstr(usage, "emp_t") != NULL);
    cr_assert(strstr(usage, "tests/unit/api/test_figures.c:") != NULL);
    cr_assert(strstr(usage, "\nSUMMARY:") != NULL);
    cr_assert(strchr(usage, '\033') == NULL, "colour, and the stream is no terminal");
    free(usage);
    char *json = text_of(lmm_print_usage_json);
    cr_assert(strstr(json, "\"emp_t\"") != NULL);
    free(json);
    char *blocks = text_of(print_all_blocks);
    cr_assert(strstr(blocks, "emp_t") != NULL);
    free(blocks);
}

/* With leaks=all the leak report has all live blocks. */
static void list_all(void)
{
    setenv("LMM_OPTIONS", "leaks=all:log=/dev/null", 1);
}

Test(figures, leak_check_counts, .init = list_all)
{
    FILE *stream = tmpfile();
    cr_assert(stream != NULL);
    cr_assert(lmm_leak_check(stream) == 0);
    emp_t *emp = LMM_NEW(emp_t);
    emp_t *array = LMM_NEW_ARRAY(emp_t, 5);
    cr_assert(ftell(stream) == 0, "there was nothing to print");
    cr_assert(lmm_leak_check(stream) == 2);
    cr_assert(ftell(stream) > 0);
    lmm_free(emp);
    cr_assert(lmm_leak_check(stream) == 1);
    lmm_free(array);
    long end = ftell(stream);
    cr_assert(lmm_leak_check(stream) == 0);
    cr_assert(ftell(stream) == end, "there was nothing to print");
    cr_assert(text_of(print_leaks) != NULL);
}

Test(figures, reports_say_when_they_cannot_be_written)
{
    cr_assert(LMM_NEW(emp_t) != NULL);
    FILE *full = fopen("/dev/full", "w");
    cr_assert(full != NULL);
    errno = 0;
    cr_assert(lmm_print_usage(full) == -1 && errno == ENOSPC);
    errno = 0;
    cr_assert(lmm_print_usage_json(full) == -1 && errno == ENOSPC);
    errno = 0;
    cr_assert(lmm_print_blocks(full, NULL) == -1 && errno == ENOSPC);
    lmm_leak_check(full);
    fclose(full);
}

/* ---- Trim ---- */

Test(figures, trim_gives_back_what_was_used)
{
    enum { BLOCKS = 200000 };
    static emp_t *emp[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        emp[i] = LMM_NEW(emp_t);
        cr_assert(emp[i] != NULL);
        emp[i]->id = (unsigned) i;
    }
    uint64_t committed = stats_of("emp_t").committed_bytes;
    cr_assert(committed >= BLOCKS * sizeof(emp_t));
    for (size_t i = 1; i < BLOCKS; i++) {
        lmm_free(emp[i]);
    }
    lmm_trim();
    cr_assert(stats_of("emp_t").committed_bytes <= committed / 10);
    cr_assert(emp[0]->id == 0 && emp[0]->name[0] == 0);
    cr_assert(lmm_trim() <= (size_t) 1 << 20, "the second time there is little left");
    lmm_free(emp[0]);
}

Test(figures, trim_of_nothing)
{
    cr_assert(lmm_trim() == 0);
}
