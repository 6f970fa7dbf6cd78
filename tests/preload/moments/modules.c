/* SPDX-License-Identifier: MIT */
/*
 * dlopen and dlclose: modules whose constructors allocate, whose TLS is allocated at first use,
 * that bind to libc's own malloc (RTLD_DEEPBIND) and exchange blocks with the program in both
 * directions, and whose blocks outlive them. The loader works in one thread while others allocate
 * from new places all the time, also while they hold the loader's lock.
 *
 * usage: modules MODULE
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/preload/check.h"
#include "tests/preload/moments/module.h"

enum { ROUNDS = 100, THREADS = 2, DEPTH = 12, PATHS = 1 << DEPTH, PATIENCE_SECONDS = 55 };

static const char *path;
static atomic_bool stop;

static struct module *load(int flags, void **ret_handle)
{
    *ret_handle = dlopen(path, flags);
    if (*ret_handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    struct module *module = dlsym(*ret_handle, "module");
    CHECK(module != NULL && module->constructed != NULL);
    return module;
}

/* Every combination of functions that allocate on one side and free on the other. */
static void exchange(const struct module *module)
{
    for (size_t bytes = 1; bytes < 20000000; bytes = bytes * 4 + 1) {
        unsigned char *block = module->allocate(bytes);
        CHECK_AT(block != NULL && malloc_usable_size(block) >= bytes, bytes);
        memset(block, 1, bytes);
        free(block);
        block = malloc(bytes);
        CHECK_AT(block != NULL && module->usable(block) >= bytes, bytes);
        memset(block, 2, bytes);
        module->release(block);
        block = realloc(module->allocate(bytes), bytes * 2);
        CHECK_AT(block != NULL, bytes);
        block[bytes - 1] = 77;
        block = module->resize(block, bytes * 3);
        CHECK_AT(block != NULL && block[bytes - 1] == 77, bytes);
        block = realloc(block, bytes);
        CHECK_AT(block != NULL && block[bytes - 1] == 77, bytes);
        module->release(block);
        free(module->align(4096, bytes));
        module->release(memalign(64, bytes));
    }
    char *text = module->duplicate("a text that libc itself copies");
    CHECK(text != NULL && strcmp(text, "a text that libc itself copies") == 0);
    free(text);
    module->release(strdup("and one the other way"));
}

static void test_flags(void)
{
    static const int flags[] = {RTLD_NOW, RTLD_LAZY, RTLD_NOW | RTLD_DEEPBIND,
                                RTLD_LAZY | RTLD_DEEPBIND | RTLD_GLOBAL};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        void *handle;
        struct module *module = load(flags[i], &handle);
        exchange(module);
        free(module->constructed);
        module->tls()[MODULE_TLS_BYTES - 1] = 5;
        void *outlives = module->allocate(1234);
        char *text = module->duplicate("outlives the module");
        CHECK(dlclose(handle) == 0);
        memset(outlives, 3, 1234);
        free(outlives);
        CHECK(strcmp(text, "outlives the module") == 0);
        free(text);
    }
}

static void *use_module_tls(void *arg)
{
    const struct module *module = arg;
    unsigned char *tls = module->tls();
    CHECK(check_is_zero(tls, MODULE_TLS_BYTES));
    memset(tls, 1, MODULE_TLS_BYTES);
    return module->allocate(100);
}

static void test_tls_in_threads(void)
{
    void *handle;
    struct module *module = load(RTLD_NOW, &handle);
    for (int i = 0; i < 100; i++) {
        pthread_t thread[THREADS];
        for (int k = 0; k < THREADS; k++) {
            CHECK(pthread_create(&thread[k], NULL, use_module_tls, module) == 0);
        }
        for (int k = 0; k < THREADS; k++) {
            void *block;
            CHECK(pthread_join(thread[k], &block) == 0);
            CHECK(block != NULL);
            free(block);
        }
    }
    free(module->constructed);
    CHECK(dlclose(handle) == 0);
}

/* Another call path for each number: one frame for each bit. */
static __attribute__((noinline)) void *descend(unsigned number, unsigned depth, size_t bytes);

static __attribute__((noinline)) void *descend_odd(unsigned number, unsigned depth, size_t bytes)
{
    void *block = descend(number >> 1, depth - 1, bytes);
    __asm__ volatile("" : : "r"(block) : "memory");
    return block;
}

static void *descend(unsigned number, unsigned depth, size_t bytes)
{
    void *block = depth == 0   ? malloc(bytes)
                  : number % 2 ? descend_odd(number, depth, bytes)
                               : descend(number >> 1, depth - 1, bytes);
    __asm__ volatile("" : : "r"(block) : "memory");
    return block;
}

static int allocate_under_loader_lock(struct dl_phdr_info *info, size_t bytes, void *number)
{
    (void) info;
    (void) bytes;
    unsigned *next = number;
    unsigned path_number = (*next)++ % PATHS;
    free(descend(path_number, DEPTH, path_number % 700));
    return 0;
}

static void *walk_modules(void *arg)
{
    (void) arg;
    unsigned number = 0;
    while (!atomic_load(&stop)) {
        dl_iterate_phdr(allocate_under_loader_lock, &number);
    }
    return NULL;
}

static void *allocate_from_new_places(void *arg)
{
    (void) arg;
    for (unsigned number = 0; !atomic_load(&stop); number++) {
        free(descend(number % PATHS, DEPTH, number % PATHS % 3000));
    }
    return NULL;
}

static void test_loader_at_work(void)
{
    pthread_t thread[2 * THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[2 * i], NULL, walk_modules, NULL) == 0);
        CHECK(pthread_create(&thread[2 * i + 1], NULL, allocate_from_new_places, NULL) == 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        void *handle;
        struct module *module = load(i % 3 == 0 ? RTLD_NOW | RTLD_DEEPBIND : RTLD_NOW, &handle);
        free(module->constructed);
        free(module->allocate(50));
        CHECK(dlclose(handle) == 0);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < (size_t) 2 * THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
}

int main(int argc, char **argv)
{
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    CHECK(argc == 2);
    path = argv[1];
    test_flags();
    test_tls_in_threads();
    test_loader_at_work();
    return 0;
}
