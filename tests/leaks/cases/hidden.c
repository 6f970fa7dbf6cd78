/* SPDX-License-Identifier: MIT */
/*
 * Addresses in places or forms that are no reference: each block is lost, although some programs could free it.
 */
#include "tests/leaks/cases/case.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BYTES = 24 };

static volatile uintptr_t word;
static char text[64];
static volatile uint32_t halves[2][2];
static struct {
    char one;
    void *block;
} __attribute__((packed)) packed;

static void lost(void)
{
    own(BYTES);
}

static void overwritten(void)
{
    held = own(BYTES);
    held = own(BYTES + 8);
}

static void in_freed_block(void)
{
    void **holder = own(64);

    holder[4] = own(BYTES);
    held = holder;
    free(holder);
}

static void in_pipe(void)
{
    int ends[2];
    void *block = own(BYTES);

    need(pipe(ends) == 0 && write(ends[1], &block, sizeof(block)) > 0, "pipe");
}

static void in_file(void)
{
    FILE *file = tmpfile();
    void *block = own(BYTES);

    need(file != NULL, "tmpfile");
    setvbuf(file, NULL, _IONBF, 0);
    need(fwrite(&block, sizeof(block), 1, file) == 1, "fwrite");
}

static void in_epoll(void)
{
    int ends[2];
    int poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = own(BYTES)};

    need(pipe(ends) == 0 && epoll_ctl(poller, EPOLL_CTL_ADD, ends[0], &event) == 0, "epoll_ctl");
}

static void complemented(void)
{
    word = hide(own(BYTES));
}

static void combined_by_xor(void)
{
    word = (uintptr_t) own(BYTES) ^ 0x5a5a5a5a5a5a5a5a;
}

static void written_as_text(void)
{
    snprintf(text, sizeof(text), "%p", own(BYTES));
}

static void in_two_halves(void)
{
    uintptr_t block = (uintptr_t) own(BYTES);

    halves[0][1] = halves[1][1] = 0xdeadbeef;
    halves[0][0] = (uint32_t) block;
    halves[1][0] = (uint32_t) (block >> 32);
}

static void tagged_above(void)
{
    word = (uintptr_t) own(BYTES) | (uintptr_t) 0xa5 << 56;
}

static void tagged_below(void)
{
    word = (uintptr_t) own(BYTES) | 1;
}

/* An address that is not a multiple of 8 is read only on request. */
static void unaligned(void)
{
    packed.block = own(BYTES);
}

static void just_past_end(void)
{
    held = (char *) own(64) + 64;
}

static void just_before_start(void)
{
    held = (char *) own(64) - 1;
}

/* The global still has the address that the block had. */
static void realloc_moved(void)
{
    char *block = own(BYTES);
    char *neighbour = own(BYTES);

    held = block;
    need(realloc(block, 100000) != held, "realloc did not move the block");
    free(neighbour);
}

static void ring_of_freed(void)
{
    void **first = own(32);
    void **second = own(32);

    first[0] = second;
    second[0] = first;
    second[1] = own(BYTES);
    free(first);
    free(second);
}

const struct leak_case hidden_cases[] = {
    {"lost", lost},
    {"overwritten", overwritten},
    {"in_freed_block", in_freed_block},
    {"in_pipe", in_pipe},
    {"in_file", in_file},
    {"in_epoll", in_epoll},
    {"complemented", complemented},
    {"combined_by_xor", combined_by_xor},
    {"written_as_text", written_as_text},
    {"in_two_halves", in_two_halves},
    {"tagged_above", tagged_above},
    {"tagged_below", tagged_below},
    {"unaligned", unaligned},
    {"just_past_end", just_past_end},
    {"just_before_start", just_before_start},
    {"realloc_moved", realloc_moved},
    {"ring_of_freed", ring_of_freed},
    {NULL, NULL},
};
