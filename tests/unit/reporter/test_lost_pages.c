/* SPDX-License-Identifier: MIT */
/* lost_pages: a mapping of a file that was truncated. */
#include "reporter/program/base/lost_pages.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 4 };

static size_t page_bytes;
static char *mapping;
static int file;

static void map_file(void)
{
    page_bytes = (size_t) sysconf(_SC_PAGESIZE);
    file = memfd_create("lost", MFD_CLOEXEC);
    cr_assert(file >= 0 && ftruncate(file, (off_t) (PAGES * page_bytes)) == 0);
    mapping = mmap(NULL, PAGES * page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    cr_assert(mapping != MAP_FAILED);
    memset(mapping, 'x', PAGES * page_bytes);
    lmm_lost_pages_start();
}

/* Sums all bytes; *ret_lost: how many pages this thread has found lost. */
static size_t sum_bytes(uint32_t *ret_lost)
{
    size_t sum = 0;

    for (size_t i = 0; i < PAGES * page_bytes; i++) {
        sum += ((volatile unsigned char *) mapping)[i];
    }
    *ret_lost = lmm_lost_pages_count();
    return sum;
}

static size_t sum;

static void *sum_in_thread(void *ret_lost)
{
    sum = sum_bytes(ret_lost);
    return NULL;
}

Test(lost_pages, are_zeros_for_the_thread_that_reads_them)
{
    uint32_t lost = 0;
    pthread_t thread;
    sigset_t all;

    map_file();
    cr_assert(ftruncate(file, (off_t) page_bytes) == 0);
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    cr_assert(pthread_create(&thread, NULL, sum_in_thread, &lost) == 0);
    pthread_join(thread, NULL);
    cr_expect(sum == page_bytes * 'x', "%zu", sum);
    cr_expect(lost == PAGES - 1, "%u", lost);
    cr_expect(lmm_lost_pages_count() == 0);
}

Test(lost_pages, other_pages_stay)
{
    uint32_t lost;

    map_file();
    cr_expect(sum_bytes(&lost) == PAGES * page_bytes * 'x' && lost == 0);
}

Test(lost_pages, a_signal_without_a_page_ends_the_process, .signal = SIGBUS)
{
    map_file();
    raise(SIGBUS);
}
