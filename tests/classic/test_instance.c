/* SPDX-License-Identifier: MIT */
/* Unit tests of the instance form of the classic names: whose families an instance has, buffers,
 * and what each report shows. */
#include "uapi_mm_instance.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/capture.h"

typedef struct route_ {
    uint32_t prefix;
    char mask;
} route_t;

typedef struct {
    _Alignas(64) char line[64];
} line_t;

static struct capture printed;

/* The text that the statement prints; valid until the next one. */
#define CAPTURE(statement)                                                                         \
    (capture_begin(&printed, STDOUT_FILENO), (void) (statement), capture_end(&printed))

static struct lmm_stats stats_of(const char *name)
{
    struct lmm_stats stats = {0};

    cr_assert_eq(lmm_family_stats(lmm_family_find(name), &stats), 0, "%s", name);
    return stats;
}

static int copy_block(const struct lmm_block *block, void *arg)
{
    struct lmm_block *copy = arg;

    if (block->address != copy->address) {
        return 0;
    }
    *copy = *block;
    return 1;
}

static struct lmm_block block_at(void *p)
{
    struct lmm_block block = {.address = p};

    cr_assert_eq(lmm_for_each_block(NULL, copy_block, &block), 1);
    return block;
}

/* One call site that serves every instance. */
static route_t *add_routes(mm_instance_t *instance, size_t count)
{
    return XCALLOC(instance, count, route_t);
}

Test(instance, each_has_books_of_its_own)
{
    mm_instance_t *instances[] = {NULL, mm_init_new_instance(), mm_init_new_instance()};
    const char *families[] = {"route_t", "mm1/route_t", "mm2/route_t"};
    route_t *routes[3];

    mm_init();
    cr_assert(instances[1] != NULL && instances[2] != NULL && instances[1] != instances[2]);
    for (size_t i = 0; i < 3; i++) {
        MM_REG_STRUCT(instances[i], route_t);
    }
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3; i++) {
            routes[i] = add_routes(instances[i], i + 1);
            cr_assert_not_null(routes[i]);
            cr_assert_eq(routes[i][i].prefix, 0);
        }
        for (size_t i = 0; i < 3; i++) {
            struct lmm_block block = block_at(routes[i]);
            cr_assert_str_eq(lmm_family_name(block.family), families[i]);
            cr_assert_str_eq(block.function, "add_routes");
            cr_assert_eq(stats_of(families[i]).live_slots, i + 1);
            cr_assert_eq(stats_of(families[i]).live_blocks, 1);
        }
        for (size_t i = 0; i < 3; i++) {
            XFREE(routes[i]);
            cr_assert_eq(stats_of(families[i]).live_blocks, 0);
        }
    }
}

/* Also at a call site that another instance has used. */
Test(instance, struct_of_another_instance_is_refused)
{
    const char *refusal = "Error : Structure route_t not registered with Memory Manager\n";
    mm_instance_t *with = mm_init_new_instance();
    mm_instance_t *without = mm_init_new_instance();
    void *block = NULL;

    MM_REG_STRUCT(with, route_t);
    XFREE(add_routes(with, 1));
    mm_instance_t *refused[] = {NULL, without};
    for (int i = 0; i < 2; i++) {
        errno = 0;
        cr_assert_str_eq(CAPTURE(block = add_routes(refused[i], 1)), refusal);
        cr_assert(block == NULL && errno == ENOENT);
        cr_assert_str_eq(CAPTURE(block = xcalloc(refused[i], "route_t", 1)), refusal);
        cr_assert_null(block);
        cr_assert_str_eq(CAPTURE(mm_print_memory_usage(refused[i], "route_t")), refusal);
    }
    cr_assert_str_eq(CAPTURE(block = xcalloc(with, NULL, 1)),
                     "Error : Structure (nil) not registered with Memory Manager\n");
}

Test(instance, registering)
{
    mm_instance_t *instance = mm_init_new_instance();
    char name[80];

    MM_REG_STRUCT(instance, line_t);
    cr_assert_eq((uintptr_t) XCALLOC(instance, 3, line_t) % 64, 0);
    cr_assert_str_eq(CAPTURE(MM_REG_STRUCT(instance, line_t)), "");
    mm_instantiate_new_page_family(instance, "by_name", 24);
    cr_assert_eq(stats_of("mm1/by_name").size_bytes, 24);
    cr_assert_not_null(xcalloc(instance, "by_name", 2));
    cr_assert_str_eq(
        CAPTURE(mm_instantiate_new_page_family(instance, "by_name", 32)),
        "Error : Structure by_name can not be registered with Memory Manager : File exists\n");
    memset(name, 'x', sizeof(name));
    name[LMM_NAME_MAX] = '\0';
    cr_assert_not_null(strstr(CAPTURE(mm_instantiate_new_page_family(instance, name, 8)),
                              "can not be registered with Memory Manager : File name too long"));
    cr_assert_str_eq(CAPTURE(mm_instantiate_new_page_family(NULL, name, 8)), "");
}

/* ---- Buffers --------------------------------------------------------------------------------- */

static void *buffer(mm_instance_t *instance, size_t bytes)
{
    return XCALLOC_BUFF(instance, bytes);
}

Test(instance, buffers)
{
    static const size_t lengths[] = {1, 15, 16, 17, 32, 2048, 100000, 1000000};
    mm_instance_t *instance = mm_init_new_instance();

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t units = (lengths[i] + 15) / 16;
        for (int round = 0; round < 2; round++) {
            unsigned char *one = buffer(instance, lengths[i]);
            unsigned char *other = buffer(NULL, lengths[i]);
            cr_assert(one != NULL && other != NULL);
            cr_assert((uintptr_t) one % 16 == 0 && (uintptr_t) other % 16 == 0);
            for (size_t j = 0; j < lengths[i]; j++) {
                cr_assert(one[j] == 0 && other[j] == 0, "byte %zu of %zu", j, lengths[i]);
            }
            memset(one, 0xff, lengths[i]);
            memset(other, 0xff, lengths[i]);
            cr_assert_eq(stats_of("Misc").live_slots, units);
            cr_assert_eq(stats_of("mm1/Misc").live_slots, units);
            cr_assert_str_eq(block_at(one).function, "buffer");
            cr_assert_str_eq(block_at(other).function, "buffer");
            xfree(one);
            xfree(other);
        }
    }
    void *by_function = xcalloc_buff(instance, 100);
    cr_assert_str_eq(block_at(by_function).file, "(unattributed)");
    xfree(by_function);
    cr_assert_eq(stats_of("mm1/Misc").live_blocks, 0);
}

Test(instance, impossible_buffers)
{
    static const struct {
        size_t bytes;
        int error;
    } cases[] = {{0, EINVAL}, {SIZE_MAX, EOVERFLOW}, {(size_t) 1 << 46, ENOMEM}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        errno = 0;
        cr_assert_null(buffer(NULL, cases[i].bytes));
        cr_assert_eq(errno, cases[i].error, "%zu", cases[i].bytes);
        errno = 0;
        cr_assert_null(xcalloc_buff(NULL, cases[i].bytes));
        cr_assert_eq(errno, cases[i].error, "%zu", cases[i].bytes);
    }
}

/* ---- Reports --------------------------------------------------------------------------------- */

Test(instance, reports_show_one_instance)
{
    mm_instance_t *instance = mm_init_new_instance();
    mm_instance_t *empty = mm_init_new_instance();

    MM_REG_STRUCT(NULL, line_t);
    MM_REG_STRUCT(instance, route_t);
    lmm_free(LMM_NEW(long));
    cr_assert(add_routes(instance, 2) != NULL && XCALLOC(NULL, 1, line_t) != NULL);
    cr_assert(buffer(instance, 40) != NULL);
    cr_assert_str_eq(CAPTURE(mm_print_registered_page_families(instance)),
                     "Page Family : route_t, Size = 8\n");
    cr_assert_str_eq(CAPTURE(mm_print_registered_page_families(NULL)),
                     "Page Family : line_t, Size = 64\nPage Family : long, Size = 8\n");
    cr_assert_str_eq(CAPTURE(mm_print_registered_page_families(empty)), "");
    cr_assert_str_eq(CAPTURE(mm_print_block_usage(instance)),
                     "route_t   TBC : 2    FBC : 1    OBC : 1 AppMemUsage : 16\n");
    cr_assert_str_eq(CAPTURE(mm_print_variable_buffers(instance)),
                     "Misc   TBC : 2    FBC : 1    OBC : 1 AppMemUsage : 48\n");
    cr_assert_str_eq(CAPTURE(mm_print_variable_buffers(NULL)),
                     "Misc   TBC : 0    FBC : 0    OBC : 0 AppMemUsage : 0\n");
    const char *text = CAPTURE(mm_print_memory_usage(instance, NULL));
    cr_assert_not_null(strstr(text, "vm_page_family : route_t, struct size = 8\n"));
    cr_assert_not_null(strstr(text, "page family = route_t\n"));
    cr_assert(strstr(text, "line_t") == NULL && strstr(text, "Misc") == NULL);
    cr_assert_not_null(strstr(text, "# Of VM Pages in Use : 1 (262144 Bytes)\n"));
    text = CAPTURE(mm_print_memory_usage(empty, NULL));
    cr_assert_not_null(strstr(text, "# Of VM Pages in Use : 0 (0 Bytes)\n"));
    text = CAPTURE(mm_print_memory_usage(NULL, "line_t"));
    cr_assert_not_null(strstr(text, "page family = line_t\n"));
}

/* A struct whose name begins as those of the eleventh instance is not the first one's. */
Test(instance, numbers_are_not_confused)
{
    mm_instance_t *first = mm_init_new_instance();
    mm_instance_t *last = NULL;

    for (int i = 2; i <= 11; i++) {
        last = mm_init_new_instance();
    }
    MM_REG_STRUCT(last, route_t);
    cr_assert_str_eq(CAPTURE(mm_print_registered_page_families(first)), "");
    cr_assert_str_eq(CAPTURE(mm_print_registered_page_families(last)),
                     "Page Family : route_t, Size = 8\n");
    cr_assert_eq(lmm_family_find("mm11/route_t"), lmm_family_register("mm11/route_t", 8, 4));
    /* Names that only look like it belong to the default instance. */
    mm_instantiate_new_page_family(NULL, "mm12/x", 8);
    mm_instantiate_new_page_family(NULL, "mm/x", 8);
    mm_instantiate_new_page_family(NULL, "mm01/x", 8);
    cr_assert_str_eq(CAPTURE(mm_print_registered_page_families(NULL)),
                     "Page Family : mm12/x, Size = 8\nPage Family : mm/x, Size = 8\n"
                     "Page Family : mm01/x, Size = 8\n");
}

enum { THREADS = 4, ROUNDS = 500 };

static mm_instance_t *of_threads[THREADS];

static void *use_own_instance(void *arg)
{
    mm_instance_t *own = mm_init_new_instance();

    of_threads[*(int *) arg] = own;
    MM_REG_STRUCT(own, route_t);
    for (int i = 0; i < ROUNDS; i++) {
        route_t *routes = add_routes(own, 2);
        void *bytes = buffer(own, 100);
        cr_assert(routes != NULL && bytes != NULL);
        xfree(routes);
        xfree(bytes);
    }
    return NULL;
}

Test(instance, threads_use_one_call_with_their_instances)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    char name[32];

    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, use_own_instance, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        snprintf(name, sizeof(name), "mm%d/route_t", i + 1);
        cr_assert_eq(stats_of(name).allocations, ROUNDS);
        cr_assert_eq(stats_of(name).frees, ROUNDS);
        for (int j = 0; j < i; j++) {
            cr_assert_neq(of_threads[i], of_threads[j]);
        }
    }
}
