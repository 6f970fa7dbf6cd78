/* SPDX-License-Identifier: MIT */
/*
 * wordindex: an inverted index of text files, with every struct in a family of LMM.
 *
 *   wordindex [--top N] [--find WORD]... [--leak] [--quiet] FILE...
 *
 * Reads the files and prints the number of documents, words and postings, the most frequent words,
 * the answers to two queries (or to the one given with --find), and LMM's report on the memory that
 * all of this uses. A word is a sequence of letters; bytes beyond ASCII are letters, so that UTF-8
 * stays whole; capitals are read as small letters; a word is cut off after WORD_BYTES.
 *
 * --leak does not free one word in a thousand at the end, which is a real leak. Run it as
 *   LMM_OPTIONS=leaks=1 wordindex --leak FILE...
 * and LMM names the lines of index.c that allocated the leaked blocks.
 *
 * Exit code: 0; 1 if a file could not be read or memory ran out; 2 for wrong usage.
 */
#include "index.h"

#include <lmm/lmm.h>

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIND_MAX = 8,
    SHOWN_MAX = 5, /* documents shown for a query */
    LEAK_EVERY = 1000,
};

/* ---- Reading --------------------------------------------------------------------------------- */

/* The small letter for c, or 0 if c is not a letter. */
static char letter_of(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char) (c - 'A' + 'a');
    }
    return (c >= 'a' && c <= 'z') || c >= 0x80 ? (char) c : 0;
}

/* The word that is being read, letter by letter; it may continue in the next buffer. */
struct reader {
    struct index *index;
    document_t *document;
    size_t length; /* may exceed WORD_BYTES; the letters after that are dropped */
    char text[WORD_BYTES + 1];
};

static void reader_end_word(struct reader *reader)
{
    if (reader->length > 0) {
        reader->text[reader->length < WORD_BYTES ? reader->length : WORD_BYTES] = '\0';
        index_count(reader->index, reader->document, reader->text);
        reader->length = 0;
    }
}

static void reader_feed(struct reader *reader, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char letter = letter_of(bytes[i]);
        if (letter == 0) {
            reader_end_word(reader);
        } else {
            if (reader->length < WORD_BYTES) {
                reader->text[reader->length] = letter;
            }
            reader->length++;
        }
    }
}

/* Adds the file to the index. A file that cannot be read at all is not a document; if an error
 * comes later, the words read so far stay. False, and one line on stderr: there was an error. */
static bool index_read_file(struct index *index, const char *path)
{
    static unsigned char buffer[1 << 16];
    FILE *file = fopen(path, "rb");
    bool ok = file != NULL;

    if (ok) {
        size_t count = fread(buffer, 1, sizeof buffer, file);
        ok = !ferror(file);
        if (ok) {
            struct reader reader = {.index = index, .document = index_add_document(index, path)};
            for (; count > 0; count = fread(buffer, 1, sizeof buffer, file)) {
                reader_feed(&reader, buffer, count);
            }
            reader_end_word(&reader);
            ok = !ferror(file);
        }
    }
    if (!ok) {
        fprintf(stderr, "wordindex: %s: %s\n", path, strerror(errno));
    }
    if (file != NULL) {
        fclose(file);
    }
    return ok;
}

/* ---- Answers --------------------------------------------------------------------------------- */

static const posting_t *word_posting_in(const word_t *word, const document_t *document)
{
    for (uint64_t i = 0; i < word->posting_count; i++) {
        if (word->postings[i].document == document) {
            return &word->postings[i];
        }
    }
    return NULL;
}

static bool all_stand_in(const word_ref_t *words, size_t count, const document_t *document)
{
    for (size_t i = 0; i < count; i++) {
        if (word_posting_in(words[i], document) == NULL) {
            return false;
        }
    }
    return true;
}

/* Prints the documents that have all the words, and how often they have the first. */
static void print_query(const word_ref_t *words, size_t count)
{
    uint64_t found = 0;

    printf("\ndocuments with");
    for (size_t i = 0; i < count; i++) {
        printf("%s \"%s\"", i == 0 ? "" : " and", words[i]->text);
    }
    printf(":\n");
    for (uint64_t i = 0; i < words[0]->posting_count; i++) {
        const posting_t *posting = &words[0]->postings[i];
        if (all_stand_in(words + 1, count - 1, posting->document) && found++ < SHOWN_MAX) {
            printf("  %s (%ju of %ju words)\n", posting->document->path, (uintmax_t) posting->count,
                   (uintmax_t) posting->document->words);
        }
    }
    if (found == 0) {
        printf("  none\n");
    } else if (found > SHOWN_MAX) {
        printf("  and %ju more\n", (uintmax_t) (found - SHOWN_MAX));
    }
}

/* Finds a word in any spelling. Bytes that are not letters stay, and then no document has the
 * word. */
static word_t *find_folded(const struct index *index, const char *text)
{
    char folded[WORD_BYTES + 1] = "";

    for (size_t i = 0; i < WORD_BYTES && text[i] != '\0'; i++) {
        char letter = letter_of((unsigned char) text[i]);
        folded[i] = letter != 0 ? letter : text[i];
    }
    return index_find(index, folded);
}

/* Answers the query of the command line: the documents that have all its words. */
static void print_find(const struct index *index, const char *const *finds, size_t count)
{
    word_t *words[FIND_MAX];

    for (size_t i = 0; i < count; i++) {
        words[i] = find_folded(index, finds[i]);
        if (words[i] == NULL) {
            printf("\nno document has \"%s\"\n", finds[i]);
            return;
        }
    }
    print_query(words, count);
}

static void print_top(const struct index *index, word_ref_t *sorted, uint64_t top)
{
    printf("\nmost frequent words:\n");
    for (uint64_t i = 0; i < top && i < index->word_count; i++) {
        printf("%10ju  %s\n", (uintmax_t) sorted[i]->total, sorted[i]->text);
    }
}

/* ---- The command line ------------------------------------------------------------------------ */

struct options {
    uint64_t top;
    const char *finds[FIND_MAX];
    size_t find_count;
    bool leak;
    bool quiet;
};

static void usage(void)
{
    fprintf(stderr, "usage: wordindex [--top N] [--find WORD]... [--leak] [--quiet] FILE...\n"
                    "  --top N      print the N most frequent words (10)\n"
                    "  --find WORD  print the documents that have all of these words (up to 8)\n"
                    "  --leak       leak one word in a thousand\n"
                    "  --quiet      print the counts only\n");
    exit(2);
}

static uint64_t parse_number(const char *text)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        usage();
    }
    return number;
}

static void add_find(struct options *options, const char *word)
{
    if (options->find_count == FIND_MAX) {
        usage();
    }
    options->finds[options->find_count++] = word;
}

/* Options may be anywhere; afterwards the files are the last arguments, from optind on. */
static void parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"top", required_argument, NULL, 't'},
        {"find", required_argument, NULL, 'f'},
        {"leak", no_argument, NULL, 'l'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *options = (struct options) {.top = 10};
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 't') {
            options->top = parse_number(optarg);
        } else if (option == 'f') {
            add_find(options, optarg);
        } else if (option == 'l') {
            options->leak = true;
        } else if (option == 'q') {
            options->quiet = true;
        } else {
            usage();
        }
    }
    if (optind == argc) {
        usage();
    }
}

static void print_answers(const struct index *index, const struct options *options)
{
    word_ref_t *sorted = index_sorted(index);

    if (sorted != NULL) {
        word_t *ends[] = {sorted[index->word_count - 1], sorted[0]};
        print_top(index, sorted, options->top);
        if (options->find_count > 0) {
            print_find(index, options->finds, options->find_count);
        } else {
            print_query(sorted, 1);
        }
        if (options->find_count == 0 && index->word_count > 1) {
            print_query(ends, 2);
        }
    }
    lmm_free(sorted);
}

int main(int argc, char **argv)
{
    struct index index;
    struct options options;
    bool ok = true;

    parse_options(argc, argv, &options);
    index_init(&index);
    for (int i = optind; i < argc; i++) {
        ok = index_read_file(&index, argv[i]) && ok;
    }
    printf("documents %ju, words %ju, postings %ju\n", (uintmax_t) index.document_count,
           (uintmax_t) index.word_count, (uintmax_t) index.posting_count);
    if (!options.quiet) {
        print_answers(&index, &options);
        printf("\n");
        lmm_print_usage(stdout);
    }
    uint64_t forgotten = index_free(&index, options.leak ? LEAK_EVERY : 0);
    if (options.leak) {
        printf("\nforgotten: %ju words and their postings\n", (uintmax_t) forgotten);
    }
    return ok ? 0 : 1;
}
