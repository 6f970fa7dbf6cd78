/* SPDX-License-Identifier: MIT */
/*
 * mallocs: threads that make, resize and free blocks by all functions that the malloc in use has, also by those that only some
 * have (jemalloc's mallocx and others, operators new and delete of an allocator, reallocarray, cfree), and check
 * what is in the blocks. A block is freed by any function that may free it. SIGTERM ends the program, with
 * status 8; damage, with a line.
 */
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>
#include <pthread.h>
#include <unistd.h>
#include <vector>

extern "C" {
void *mallocx(size_t bytes, int flags) __attribute__((weak));
void *rallocx(void *p, size_t bytes, int flags) __attribute__((weak));
size_t xallocx(void *p, size_t bytes, size_t extra, int flags) __attribute__((weak));
size_t sallocx(const void *p, int flags) __attribute__((weak));
void dallocx(void *p, int flags) __attribute__((weak));
void sdallocx(void *p, size_t bytes, int flags) __attribute__((weak));
size_t nallocx(size_t bytes, int flags) __attribute__((weak));
void cfree(void *p) __attribute__((weak));
}

namespace
{

constexpr int status = 8;
constexpr size_t threads = 2;
constexpr size_t blocks = 500;
constexpr size_t bytes_max = 3000;
constexpr int log_align_64 = 6;
constexpr int zero_flag = 64;
constexpr int no_cache = 256;

enum class kind { malloc, object, array, aligned };

struct block {
    unsigned char *p = nullptr;
    size_t bytes = 0;
    kind made = kind::malloc;
    bool is_plain =
        false; /* made for its number of bytes, without an alignment: what sdallocx is told */
};

volatile std::sig_atomic_t is_over;

struct generator {
    uint64_t state;

    uint64_t next()
    {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return state >> 33;
    }
};

[[noreturn]] void fail(const char *what, const block &block)
{
    std::fprintf(stderr, "%s: block %p of %zu bytes\n", what, static_cast<void *>(block.p),
                 block.bytes);
    std::abort();
}

void fill(const block &block)
{
    for (size_t i = 0; i < block.bytes; i += 16) {
        block.p[i] = static_cast<unsigned char>(block.bytes ^ i);
    }
}

void check(const block &block, size_t bytes, size_t filled_for)
{
    for (size_t i = 0; i < bytes; i += 16) {
        if (block.p[i] != static_cast<unsigned char>(filled_for ^ i)) {
            fail("damaged", block);
        }
    }
    if (block.p != nullptr && malloc_usable_size(block.p) < block.bytes) {
        fail("too short", block);
    }
}

/* jemalloc's: with an alignment, zeroed, and without its cache, which LMM leaves to it. */
void *make_by_mallocx(size_t bytes, uint64_t way)
{
    if (mallocx == nullptr) {
        return std::malloc(bytes);
    }
    const int flags[] = {0, log_align_64, zero_flag | log_align_64, no_cache};
    auto *p = static_cast<unsigned char *>(mallocx(bytes, flags[way % 4]));

    if (way % 4 == 2 && (p[0] | p[bytes - 1]) != 0) {
        fail("not zero", {p, bytes});
    }
    if (sallocx(p, 0) < bytes || nallocx(bytes, 0) < bytes) {
        fail("sallocx", {p, bytes});
    }
    return p;
}

void *make_by_libc(size_t bytes, uint64_t way)
{
    void *p = nullptr;

    switch (way % 6) {
    case 0: return std::malloc(bytes);
    case 1: return std::calloc(1, bytes);
    case 2: return aligned_alloc(64, (bytes + 63) / 64 * 64);
    case 3: return posix_memalign(&p, 128, bytes) == 0 ? p : nullptr;
    case 4: return memalign(64, bytes);
    default: return bytes < 2000 ? reallocarray(nullptr, bytes, 1) : valloc(bytes);
    }
}

block make(size_t bytes, uint64_t way)
{
    block made = {nullptr, bytes};
    void *p = nullptr;

    switch (way % 8) {
    case 0: p = ::operator new(bytes); break;
    case 1: p = ::operator new(bytes, std::nothrow); break;
    case 2: p = ::operator new[](bytes); break;
    case 3: p = ::operator new[](bytes, std::nothrow); break;
    case 4: p = ::operator new(bytes, std::align_val_t(64)); break;
    case 5: p = make_by_mallocx(bytes, way >> 3); break;
    default: p = make_by_libc(bytes, way >> 3); break;
    }
    made.made = way % 8 < 2   ? kind::object
                : way % 8 < 4 ? kind::array
                : way % 8 < 5 ? kind::aligned
                              : kind::malloc;
    made.is_plain = way % 8 >= 6 && (way >> 3) % 6 < 2;
    made.p = static_cast<unsigned char *>(p);
    fill(made);
    return made;
}

void free_by_malloc(const block &block, uint64_t way)
{
    if (dallocx == nullptr) { /* with jemalloc, cfree would be libc's */
        cfree != nullptr &&way % 2 == 0 ? cfree(block.p) : std::free(block.p);
    } else if (way % 3 == 0) {
        dallocx(block.p, 0);
    } else if (way % 3 == 1 && block.is_plain) {
        sdallocx(block.p, block.bytes, 0);
    } else {
        std::free(block.p);
    }
}

void release(const block &block, uint64_t way)
{
    check(block, block.bytes, block.bytes);
    switch (block.made) {
    case kind::malloc: free_by_malloc(block, way); return;
    case kind::object:
        way % 2 == 0 ? ::operator delete(block.p) : ::operator delete(block.p, block.bytes);
        return;
    case kind::array:
        way % 2 == 0 ? ::operator delete[](block.p) : ::operator delete[](block.p, block.bytes);
        return;
    case kind::aligned:
        way % 2 == 0 ? ::operator delete(block.p, std::align_val_t(64))
                     : ::operator delete(block.p, block.bytes, std::align_val_t(64));
        return;
    }
}

void resize(block &block, size_t bytes, uint64_t way)
{
    size_t before = block.bytes;

    if (rallocx != nullptr && way % 3 == 0) {
        xallocx(block.p, before, 0, 0);
        block.p = static_cast<unsigned char *>(rallocx(block.p, bytes, 0));
    } else if (way % 3 == 1) {
        block.p = static_cast<unsigned char *>(reallocarray(block.p, bytes, 1));
    } else {
        block.p = static_cast<unsigned char *>(std::realloc(block.p, bytes));
    }
    block.bytes = bytes;
    block.is_plain = true;
    check(block, before < bytes ? before : bytes, before);
    fill(block);
}

void *work(void *argument)
{
    generator random = {reinterpret_cast<uintptr_t>(argument)};
    std::vector<block> table(blocks);

    while (is_over == 0) {
        block &block = table[random.next() % blocks];
        size_t bytes = random.next() % bytes_max + 1;

        if (block.p != nullptr && block.made == kind::malloc && random.next() % 3 == 0) {
            resize(block, bytes, random.next());
        } else {
            if (block.p != nullptr) {
                release(block, random.next());
            }
            block = make(bytes, random.next());
        }
    }
    for (const block &block : table) {
        if (block.p != nullptr) {
            release(block, 0);
        }
    }
    return nullptr;
}

void on_signal(int)
{
    is_over = 1;
}

} // namespace

int main()
{
    pthread_t started[threads];

    std::signal(SIGTERM, on_signal);
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&started[i], nullptr, work, reinterpret_cast<void *>(i + 1)) != 0) {
            return 1;
        }
    }
    std::puts("ready");
    std::fflush(stdout);
    while (is_over == 0) {
        usleep(10000);
    }
    for (pthread_t thread : started) {
        pthread_join(thread, nullptr);
    }
    return status;
}
