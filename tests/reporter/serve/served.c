/* SPDX-License-Identifier: MIT */
/*
 * served: a program that a server observes: `served FAMILIES` registers so many struct types, and does what the lines of
 * its standard input say, each answered by a line "ok":
 *   keep N    allocates N structs, in turn of all families
 *   free N    frees the N that were kept last
 *   lose N    allocates N structs and forgets them
 *   spin      from now on, allocates and frees while it waits for a line
 */
#include <lmm/lmm.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FAMILIES_MAX = 1000,
    KEPT_MAX = 1 << 20,
};

struct hostile {
    char text[100];
};

static struct lmm_family *families[FAMILIES_MAX];
static size_t family_count;
static void *kept[KEPT_MAX];
static size_t kept_count;

static void register_families(size_t count)
{
    char name[64];

    for (size_t i = 0; i < count && i < FAMILIES_MAX; i++) {
        snprintf(name, sizeof(name), i == 0 ? "<script>alert(1)</script>" : "struct type_%zu", i);
        families[family_count++] = lmm_family_register(name, 16 + 8 * (i % 50), 8);
    }
}

static void keep(size_t count)
{
    while (count-- > 0 && kept_count < KEPT_MAX) {
        kept[kept_count] = lmm_alloc(families[kept_count % family_count]);
        kept_count++;
    }
}

static void spin(void)
{
    for (size_t i = 0; i < family_count; i++) {
        lmm_free(lmm_alloc(families[i]));
    }
}

static struct hostile *volatile last;

static __attribute__((noinline)) void lose(size_t count)
{
    while (count-- > 0) {
        last = LMM_NEW(struct hostile);
        last->text[0] = 1;
    }
    last = NULL;
}

/* Overwrites what calls have left on the stack: pointers to lost blocks there would be references. */
static __attribute__((noinline)) void wipe_stack(void)
{
    volatile char bytes[4096];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = 0;
    }
}

static bool obey(const char *line, bool *spins)
{
    size_t count =
        strcspn(line, " ") < strlen(line) ? strtoul(line + strcspn(line, " "), NULL, 10) : 0;

    if (strncmp(line, "keep", 4) == 0) {
        keep(count);
    } else if (strncmp(line, "free", 4) == 0) {
        while (count-- > 0 && kept_count > 0) {
            lmm_free(kept[--kept_count]);
        }
    } else if (strncmp(line, "lose", 4) == 0) {
        lose(count);
        wipe_stack();
    } else if (strncmp(line, "spin", 4) == 0) {
        *spins = true;
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    char line[100];
    bool spins = false;

    register_families(argc > 1 ? strtoul(argv[1], NULL, 10) : 3);
    setvbuf(stdin, NULL, _IONBF, 0);
    for (;;) {
        struct pollfd input = {.fd = 0, .events = POLLIN};

        if (spins && poll(&input, 1, 10) == 0) {
            spin();
            continue;
        }
        if (fgets(line, sizeof(line), stdin) == NULL) {
            return 0;
        }
        puts(obey(line, &spins) ? "ok" : "unknown");
        fflush(stdout);
    }
}
