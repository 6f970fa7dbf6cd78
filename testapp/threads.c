/* SPDX-License-Identifier: MIT */
/*
 * threads: producers and consumers that share families.
 *
 *   threads [THREADS [ITEMS]]      producers, and as many consumers (4); messages per producer
 *   (100000)
 *
 * A producer makes messages, each with a run of samples; a consumer checks and frees them. So each
 * block is freed by another thread than the one that allocated it. A producer ends when it has sent
 * its last message, while its blocks may still be queued; a consumer returns a receipt that
 * outlives it. At the end LMM must have counted as many frees as allocations.
 *
 * Exit code: 0; 1 if a sum is wrong, a block is missing or memory ran out; 2 for wrong usage.
 */
#include <lmm/lmm.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    THREADS_MAX = 256,
    SAMPLES_MAX = 16, /* a message has 1 to SAMPLES_MAX samples */
    QUEUE_MAX = 1024, /* producers wait while this many messages are queued */
};

typedef struct sample {
    uint32_t number;
    uint32_t value;
} sample_t;

typedef struct message {
    struct message *next;
    sample_t *samples; /* a run; lmm_block_count() returns its length */
    uint64_t sum;      /* of their values */
} message_t;

typedef struct receipt {
    uint64_t messages;
    uint64_t samples;
    uint64_t wrong; /* messages with a sum that differs from that of their samples */
} receipt_t;

/* ---- The queue ------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    message_t *first;
    message_t *last;
    size_t count;
    bool closed; /* no message will be added */
} queue = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .not_empty = PTHREAD_COND_INITIALIZER,
    .not_full = PTHREAD_COND_INITIALIZER,
};

static void queue_put(message_t *message)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.count == QUEUE_MAX) {
        pthread_cond_wait(&queue.not_full, &queue.lock);
    }
    if (queue.first == NULL) {
        queue.first = message;
    } else {
        queue.last->next = message;
    }
    queue.last = message;
    queue.count++;
    pthread_cond_signal(&queue.not_empty);
    pthread_mutex_unlock(&queue.lock);
}

/* Waits for a message and returns the oldest; NULL if the queue is empty and closed. */
static message_t *queue_take(void)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.first == NULL && !queue.closed) {
        pthread_cond_wait(&queue.not_empty, &queue.lock);
    }
    message_t *message = queue.first;
    if (message != NULL) {
        queue.first = message->next;
        queue.count--;
        pthread_cond_signal(&queue.not_full);
    }
    pthread_mutex_unlock(&queue.lock);
    return message;
}

static void queue_close(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.closed = true;
    pthread_cond_broadcast(&queue.not_empty);
    pthread_mutex_unlock(&queue.lock);
}

/* ---- The threads ----------------------------------------------------------------------------- */

static uint64_t items_per_producer;

static void *or_die(void *block)
{
    if (block == NULL) {
        fprintf(stderr, "threads: %s\n", strerror(errno));
        exit(1);
    }
    return block;
}

static message_t *message_new(uint64_t number)
{
    message_t *message = or_die(LMM_NEW(message_t));
    size_t count = 1 + number % SAMPLES_MAX;

    message->samples = or_die(LMM_NEW_ARRAY(sample_t, count));
    for (size_t i = 0; i < count; i++) {
        message->samples[i].number = (uint32_t) i;
        message->samples[i].value = (uint32_t) (number * 2654435761u + i);
        message->sum += message->samples[i].value;
    }
    return message;
}

static void message_check(const message_t *message, receipt_t *receipt)
{
    size_t count = lmm_block_count(message->samples);
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += message->samples[i].value;
    }
    receipt->messages++;
    receipt->samples += count;
    receipt->wrong += sum != message->sum;
}

static void *produce(void *arg)
{
    (void) arg;
    for (uint64_t i = 0; i < items_per_producer; i++) {
        queue_put(message_new(i));
    }
    return NULL;
}

/* Returns a receipt_t, which the thread that joins this one frees. */
static void *consume(void *arg)
{
    receipt_t *receipt = or_die(LMM_NEW(receipt_t));
    message_t *message;

    (void) arg;
    while ((message = queue_take()) != NULL) {
        message_check(message, receipt);
        lmm_free(message->samples);
        lmm_free(message);
    }
    return receipt;
}

static pthread_t start(void *(*run)(void *arg))
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, NULL);

    if (error != 0) {
        fprintf(stderr, "threads: %s\n", strerror(error));
        exit(1);
    }
    return thread;
}

/* Runs count producers and count consumers until they end. Returns the sum of the receipts. */
static receipt_t run_all(size_t count)
{
    pthread_t producers[THREADS_MAX];
    pthread_t consumers[THREADS_MAX];
    receipt_t sum = {0, 0, 0};

    for (size_t i = 0; i < count; i++) {
        consumers[i] = start(consume);
        producers[i] = start(produce);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(producers[i], NULL);
    }
    queue_close();
    for (size_t i = 0; i < count; i++) {
        void *result;
        pthread_join(consumers[i], &result);
        receipt_t *receipt = result;
        sum.messages += receipt->messages;
        sum.samples += receipt->samples;
        sum.wrong += receipt->wrong;
        lmm_free(receipt);
    }
    return sum;
}

/* ---- The counts ------------------------------------------------------------------------------ */

/* Whether that many blocks of the family were allocated, and all of them freed. */
static bool is_balanced(const char *family, uint64_t allocations)
{
    struct lmm_stats stats;

    if (lmm_family_stats(lmm_family_find(family), &stats) != 0) {
        fprintf(stderr, "threads: %s: %s\n", family, strerror(errno));
        return false;
    }
    if (stats.allocations != allocations || stats.frees != allocations || stats.live_blocks != 0) {
        fprintf(stderr, "threads: %s: %ju allocated, %ju freed, %ju live; expected %ju, %ju, 0\n",
                family, (uintmax_t) stats.allocations, (uintmax_t) stats.frees,
                (uintmax_t) stats.live_blocks, (uintmax_t) allocations, (uintmax_t) allocations);
        return false;
    }
    return true;
}

static uint64_t parse_number(const char *text, uint64_t max)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number == 0 ||
        number > max) {
        fprintf(stderr, "usage: threads [THREADS [ITEMS]]   (THREADS at most %d)\n", THREADS_MAX);
        exit(2);
    }
    return number;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t) parse_number(argv[1], THREADS_MAX) : 4;

    items_per_producer = parse_number(argc > 2 ? argv[2] : "100000", UINT32_MAX);
    receipt_t sum = run_all(count);
    uint64_t expected = count * items_per_producer;
    printf("threads %zu, messages %ju, samples %ju, wrong %ju\n\n", 2 * count,
           (uintmax_t) sum.messages, (uintmax_t) sum.samples, (uintmax_t) sum.wrong);
    lmm_print_usage(stdout);

    bool ok = sum.wrong == 0 && sum.messages == expected;
    ok = is_balanced("message_t", expected) && ok;
    ok = is_balanced("sample_t", expected) && ok;
    ok = is_balanced("receipt_t", count) && ok;
    return ok ? 0 : 1;
}
