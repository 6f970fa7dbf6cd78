/* SPDX-License-Identifier: MIT */
#include "index.h"

#include <lmm/lmm.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_BUCKETS = 1024,
    FIRST_POSTINGS = 2,
};

/* Without memory this program ends; a server would undo the request instead. */
static void *or_die(void *block)
{
    if (block == NULL) {
        fprintf(stderr, "wordindex: %s\n", strerror(errno));
        exit(1);
    }
    return block;
}

void index_init(struct index *index)
{
    *index = (struct index) {.bucket_count = FIRST_BUCKETS};
    index->buckets = or_die(LMM_NEW_ARRAY(word_ref_t, FIRST_BUCKETS));
}

document_t *index_add_document(struct index *index, const char *path)
{
    document_t *document = or_die(LMM_NEW(document_t));

    document->path = path;
    document->next = index->documents;
    index->documents = document;
    index->document_count++;
    return document;
}

/* FNV-1a (Fowler, Noll, Vo). */
static uint32_t hash_text(const char *text)
{
    uint32_t hash = 2166136261u;

    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char) *text) * 16777619u;
    }
    return hash;
}

word_t *index_find(const struct index *index, const char *text)
{
    uint32_t hash = hash_text(text);
    word_t *word = index->buckets[hash & (index->bucket_count - 1)];

    while (word != NULL && (word->hash != hash || strcmp(word->text, text) != 0)) {
        word = word->next;
    }
    return word;
}

static void buckets_insert(word_ref_t *buckets, size_t bucket_count, word_t *word)
{
    word_ref_t *bucket = &buckets[word->hash & (bucket_count - 1)];

    word->next = *bucket;
    *bucket = word;
}

static void index_double_buckets(struct index *index)
{
    size_t count = 2 * index->bucket_count;
    word_ref_t *buckets = or_die(LMM_NEW_ARRAY(word_ref_t, count));

    for (size_t i = 0; i < index->bucket_count; i++) {
        word_t *next;
        for (word_t *word = index->buckets[i]; word != NULL; word = next) {
            next = word->next;
            buckets_insert(buckets, count, word);
        }
    }
    lmm_free(index->buckets);
    index->buckets = buckets;
    index->bucket_count = count;
}

static word_t *index_add_word(struct index *index, const char *text)
{
    if (index->word_count == index->bucket_count) {
        index_double_buckets(index);
    }
    word_t *word = or_die(LMM_NEW(word_t));
    memcpy(word->text, text, strnlen(text, WORD_BYTES));
    word->hash = hash_text(text);
    buckets_insert(index->buckets, index->bucket_count, word);
    index->word_count++;
    return word;
}

/* The run has room for FIRST_POSTINGS x 2^k postings; lmm_block_count() returns that number. */
static posting_t *word_add_posting(word_t *word)
{
    if (word->postings == NULL) {
        word->postings = or_die(LMM_NEW_ARRAY(posting_t, FIRST_POSTINGS));
    } else if (word->posting_count == lmm_block_count(word->postings)) {
        word->postings = or_die(lmm_resize(word->postings, 2 * word->posting_count));
    }
    return &word->postings[word->posting_count++];
}

void index_count(struct index *index, document_t *document, const char *text)
{
    word_t *word = index_find(index, text);

    if (word == NULL) {
        word = index_add_word(index, text);
    }
    if (word->posting_count == 0 || word->postings[word->posting_count - 1].document != document) {
        word_add_posting(word)->document = document;
        index->posting_count++;
    }
    word->postings[word->posting_count - 1].count++;
    word->total++;
    document->words++;
}

static int most_frequent_first(const void *a, const void *b)
{
    const word_t *left = *(const word_ref_t *) a;
    const word_t *right = *(const word_ref_t *) b;

    if (left->total != right->total) {
        return left->total > right->total ? -1 : 1;
    }
    return strcmp(left->text, right->text);
}

word_ref_t *index_sorted(const struct index *index)
{
    if (index->word_count == 0) {
        return NULL;
    }
    word_ref_t *sorted = or_die(LMM_NEW_ARRAY(word_ref_t, index->word_count));
    size_t count = 0;
    for (size_t i = 0; i < index->bucket_count; i++) {
        for (word_t *word = index->buckets[i]; word != NULL; word = word->next) {
            sorted[count++] = word;
        }
    }
    qsort(sorted, count, sizeof(word_ref_t), most_frequent_first);
    return sorted;
}

uint64_t index_free(struct index *index, uint64_t leak_every)
{
    uint64_t seen = 0;
    uint64_t forgotten = 0;

    for (size_t i = 0; i < index->bucket_count; i++) {
        word_t *next;
        for (word_t *word = index->buckets[i]; word != NULL; word = next) {
            next = word->next;
            if (leak_every != 0 && seen++ % leak_every == 0) {
                forgotten++;
                continue;
            }
            lmm_free(word->postings);
            lmm_free(word);
        }
    }
    lmm_free(index->buckets);
    while (index->documents != NULL) {
        document_t *document = index->documents;
        index->documents = document->next;
        lmm_free(document);
    }
    return forgotten;
}
