/* SPDX-License-Identifier: MIT */
/*
 * shown_names: functions, paths and places as the report for people shows them. Unless whole names
 * are wanted, they are made short enough for a line of the terminal, and keep their ends, which
 * tell them apart best:
 *
 *     boost::multi_index_container<...>::insert_(...)      .../src/index/node.hpp:42
 *
 * Strings are escaped as words.h says. Every function takes a sink that may be NULL, to measure
 * only, and returns how many columns of the terminal it puts, counting one for each character.
 * Stateless; nothing here allocates.
 */
#ifndef LMM_PROGRAM_SHOWN_NAMES_H
#define LMM_PROGRAM_SHOWN_NAMES_H

#include <stdbool.h>

#include "reporter/core/utf8.h"

struct lmm_model_call;
struct lmm_model_type;
struct lmm_sink;

enum {
    LMM_SHOWN_COLUMNS = 120, /* of a line of the report */
};

/* How a report shows its names and stacks. */
struct lmm_look {
    const char *folder; /* with a slash at its end: what lies in it is shown relative to it; NULL:
                           paths are as the debug information has them */
    bool is_whole;      /* nothing is shortened, and each call of a stack has its own line */
    bool is_brief;      /* a stack has few lines */
};

/* Puts a function in at most `room` columns: template arguments become "<...>"; if that is not
 * enough, parameters become "(...)"; if it is still too long, its start becomes "...". */
size_t lmm_shown_put_function(const struct lmm_look *look, struct lmm_sink *sink,
                              struct lmm_string function, size_t room);

/* Puts a path in at most `room` columns; its first folders become "...". */
size_t lmm_shown_put_path(const struct lmm_look *look, struct lmm_sink *sink,
                          struct lmm_string path, size_t room);

/* Puts a command in at most `room` columns; its end becomes "...". */
size_t lmm_shown_put_command(const struct lmm_look *look, struct lmm_sink *sink,
                             struct lmm_string command, size_t room);

/* Puts a place as lmm_put_place() does, in at most `room` columns. */
size_t lmm_shown_put_place(const struct lmm_look *look, struct lmm_sink *sink,
                           struct lmm_string file, uint32_t line, struct lmm_string function,
                           size_t room);

/* Puts "   struct node" after a place, the type of its blocks, if that is known. type: NULL: it is not. */
size_t lmm_shown_put_type(const struct lmm_look *look, struct lmm_sink *sink,
                          const struct lmm_model_type *type);

/* Puts a call as lmm_stack_put_call() does, in at most `room` columns. */
size_t lmm_shown_put_call(const struct lmm_look *look, struct lmm_sink *sink,
                          const struct lmm_model_call *call, size_t room);

#endif
