/* SPDX-License-Identifier: MIT */
/*
 * index: the inverted index of wordindex: all words, and for each word its documents and its count
 * in each. All of it is in blocks of LMM: single structs, and runs that grow.
 *
 * Running out of memory ends the program, with a line on stderr and exit code 1.
 */
#ifndef TESTAPP_INDEX_H
#define TESTAPP_INDEX_H

#include <stddef.h>
#include <stdint.h>

enum { WORD_BYTES = 47 }; /* longest word, without the NUL */

typedef struct document {
    struct document *next;
    const char *path;
    uint64_t words; /* in the text, repetitions included */
} document_t;

/* A document that has a word, and how often. */
typedef struct posting {
    document_t *document;
    uint64_t count;
} posting_t;

typedef struct word {
    struct word *next;   /* in its bucket */
    posting_t *postings; /* a run, in the order of the documents; grows by doubling */
    uint64_t posting_count;
    uint64_t total; /* occurrences in all documents */
    uint32_t hash;
    char text[WORD_BYTES + 1];
} word_t;

/* LMM names a family after its type, so a pointer type needs a name to be a family. */
typedef word_t *word_ref_t;

struct index {
    document_t *documents; /* newest first */
    uint64_t document_count;
    word_ref_t *buckets; /* a run of bucket_count, a power of two */
    size_t bucket_count;
    uint64_t word_count;
    uint64_t posting_count;
};

/* Makes *index empty. The caller frees its contents with index_free(). */
void index_init(struct index *index);

/* Adds a document. path: not copied, so it must outlive the index. */
document_t *index_add_document(struct index *index, const char *path);

/* Counts one occurrence of text, at most WORD_BYTES long, in document, the one that was added
 * last. */
void index_count(struct index *index, document_t *document, const char *text);

/* Returns the word, or NULL if no document has it. Cost: O(1). */
word_t *index_find(const struct index *index, const char *text);

/* Returns all words, the most frequent first, as a run that the caller frees with lmm_free(); NULL
 * if there are none. */
word_ref_t *index_sorted(const struct index *index);

/* Frees everything. leak_every: 0, or n to leak every n-th word and its postings instead.
 * Returns how many words were leaked. */
uint64_t index_free(struct index *index, uint64_t leak_every);

#endif
