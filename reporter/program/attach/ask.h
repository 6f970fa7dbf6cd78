/* SPDX-License-Identifier: MIT */
/*
 * ask: asks a running process a question, which LMM in that process answers (docs/ledger-format.md,
 * "Questions").
 *
 * The process must keep a ledger, which names the signal that starts the answering thread. The right to
 * send it a signal is enough; ptrace is not used. Nothing is sent to a process that does not handle
 * the signal, because the signal would end it.
 */
#ifndef LMM_PROGRAM_ASK_H
#define LMM_PROGRAM_ASK_H

#include <stdbool.h>
#include <stddef.h>

struct lmm_reason; /* ledger_file.h */
struct lmm_snapshot;

enum {
    LMM_QUESTION_BYTES = 256,           /* with the ends of the line and of the text */
    LMM_LONG_QUESTION_BYTES = 64 << 10, /* an older LMM in the process does not take so many */
    LMM_ANSWER_BYTES = 8192,
    LMM_LONG_ANSWER_BYTES = 64 << 10, /* of the question "cells" */
};

/*
 * Asks the live process of the snapshot, whose ledger is the file `path`. question: one line, without
 * its end, of fewer than LMM_LONG_QUESTION_BYTES - 1 bytes. *ret_answer: the answer after its first word, "ok"; it may have several
 * lines. Waits as long as the process works on the answer. False after a message on stderr: the process does not run, cannot be asked, or
 * answered that it could not do it.
 */
bool lmm_ask(const char *path, const struct lmm_snapshot *snapshot, const char *question,
             char ret_answer[LMM_ANSWER_BYTES]);

/* As lmm_ask(), but sets *ret_reason instead of writing a message. */
bool lmm_ask_try(const char *path, const struct lmm_snapshot *snapshot, const char *question,
                 char ret_answer[LMM_ANSWER_BYTES], struct lmm_reason *ret_reason);

/* As lmm_ask_try(), for an answer of so many bytes with its end, at most LMM_LONG_ANSWER_BYTES. */
bool lmm_ask_long(const char *path, const struct lmm_snapshot *snapshot, const char *question,
                  char *ret_answer, size_t room, struct lmm_reason *ret_reason);

/* Whether the file `name` in the open directory is a socket for questions, and nobody listens on it any
 * more: its process has ended. (Or has not begun: for some microseconds a new socket is the same.) */
bool lmm_ask_socket_is_stale(int directory, const char *name);

#endif
