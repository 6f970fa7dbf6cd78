/* SPDX-License-Identifier: MIT */
/* Every thread allocates structs and arrays of several families and sends them to random threads,
 * which check and free them: nearly all frees are foreign, many to many. */
#include "tests/stress/stress.h"

#include <string.h>

enum {
    THREADS = 6,
    SENDS = 60000, /* of each thread */
    MAILBOX_BLOCKS = 512,
};

enum { SMALL_FILLER = 8, LARGE_FILLER = 388 };

/* Both types begin with this. */
struct head {
    uint64_t stamp;
    uint32_t length;
    unsigned char filler[];
};

typedef struct {
    uint64_t stamp;
    uint32_t length;
    unsigned char filler[SMALL_FILLER];
} small_t;

typedef struct {
    uint64_t stamp;
    uint32_t length;
    unsigned char filler[LARGE_FILLER];
} large_t;

struct mail {
    bool large;
    void *block;
};

static struct mailbox {
    pthread_mutex_t lock;
    unsigned count;
    struct mail mail[MAILBOX_BLOCKS];
} mailboxes[THREADS];

static pthread_barrier_t all_sent;

static uint64_t stamp_of(const void *block)
{
    return (uint64_t) (uintptr_t) block * UINT64_C(0x9E3779B97F4A7C15);
}

static struct head *head_of(struct mail mail, uint32_t i)
{
    return (struct head *) ((char *) mail.block +
                            i * (mail.large ? sizeof(large_t) : sizeof(small_t)));
}

static void check_and_free(struct mail mail)
{
    uint32_t length = head_of(mail, 0)->length;
    for (uint32_t i = 0; i < length; i++) {
        CHECK(head_of(mail, i)->stamp == stamp_of(mail.block) + i);
        CHECK(head_of(mail, i)->filler[(mail.large ? LARGE_FILLER : SMALL_FILLER) - 1] == 0xc3);
    }
    CHECK(!mail.large || lmm_block_count(mail.block) == length);
    lmm_free(mail.block);
}

/* False when the box is full. */
static bool send(unsigned to, struct mail mail)
{
    struct mailbox *box = &mailboxes[to];
    pthread_mutex_lock(&box->lock);
    bool room = box->count < MAILBOX_BLOCKS;
    if (room) {
        box->mail[box->count++] = mail;
    }
    pthread_mutex_unlock(&box->lock);
    return room;
}

static void receive(unsigned number)
{
    struct mail mail[MAILBOX_BLOCKS];
    struct mailbox *box = &mailboxes[number];
    pthread_mutex_lock(&box->lock);
    unsigned count = box->count;
    memcpy(mail, box->mail, count * sizeof(mail[0]));
    box->count = 0;
    pthread_mutex_unlock(&box->lock);
    for (unsigned i = 0; i < count; i++) {
        check_and_free(mail[i]);
    }
}

static struct mail make(uint64_t dice)
{
    uint32_t length = dice % 16 == 0 ? 2 + (uint32_t) (dice >> 16) % 40 : 1;
    struct mail mail = {(dice >> 8) % 4 == 0, NULL};
    if (mail.large) {
        mail.block = length == 1 ? LMM_ALLOC(large_t) : LMM_NEW_ARRAY(large_t, length);
    } else {
        mail.block = length == 1 ? LMM_NEW(small_t) : LMM_NEW_ARRAY(small_t, length);
    }
    CHECK(mail.block != NULL && (mail.large || head_of(mail, 0)->stamp == 0));
    for (uint32_t i = 0; i < length; i++) {
        head_of(mail, i)->stamp = stamp_of(mail.block) + i;
        head_of(mail, i)->length = length;
        memset(head_of(mail, i)->filler, 0xc3, mail.large ? LARGE_FILLER : SMALL_FILLER);
    }
    return mail;
}

static void *run(void *number)
{
    unsigned own = (unsigned) (uintptr_t) number;
    uint64_t random = 88172645463325252u + own;
    for (unsigned i = 0; i < SENDS; i++) {
        struct mail mail = make(random_next(&random));
        while (!send((unsigned) (random_next(&random) % THREADS), mail)) {
            receive(own);
        }
        if (i % 100 == 0) {
            receive(own);
        }
    }
    pthread_barrier_wait(&all_sent);
    receive(own);
    return NULL;
}

int main(void)
{
    pthread_barrier_init(&all_sent, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_mutex_init(&mailboxes[i].lock, NULL);
    }
    stress_run(THREADS, run);
    struct lmm_stats small = stress_stats(lmm_family_find("small_t"));
    struct lmm_stats large = stress_stats(lmm_family_find("large_t"));
    CHECK(small.allocations + large.allocations == (uint64_t) THREADS * SENDS);
    stress_check_all_freed(lmm_family_find("small_t"), small.allocations);
    stress_check_all_freed(lmm_family_find("large_t"), large.allocations);
    return EXIT_SUCCESS;
}
