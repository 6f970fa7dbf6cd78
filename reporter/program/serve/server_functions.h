/* SPDX-License-Identifier: MIT */
/*
 * server_functions: the functions of libmicrohttpd and SQLite, which only `lmm serve` needs. With the libraries that these
 * need they are half of all that would be loaded with lmm, so they are loaded by lmm_server_functions_load()
 * (late_module.h).
 */
#ifndef LMM_PROGRAM_SERVER_FUNCTIONS_H
#define LMM_PROGRAM_SERVER_FUNCTIONS_H

#include <microhttpd.h>
#include <sqlite3.h>
#include <stdbool.h>

/* Each is libmicrohttpd's function whose name has MHD_ before it. */
struct lmm_microhttpd {
    __typeof__(MHD_start_daemon) *start_daemon;
    __typeof__(MHD_stop_daemon) *stop_daemon;
    __typeof__(MHD_run) *run;
    __typeof__(MHD_get_timeout) *get_timeout;
    __typeof__(MHD_get_daemon_info) *get_daemon_info;
    __typeof__(MHD_create_response_from_buffer) *create_response_from_buffer;
    __typeof__(MHD_create_response_from_callback) *create_response_from_callback;
    __typeof__(MHD_add_response_header) *add_response_header;
    __typeof__(MHD_queue_response) *queue_response;
    __typeof__(MHD_destroy_response) *destroy_response;
    __typeof__(MHD_get_connection_values) *get_connection_values;
    __typeof__(MHD_lookup_connection_value) *lookup_connection_value;
    __typeof__(MHD_suspend_connection) *suspend_connection;
    __typeof__(MHD_resume_connection) *resume_connection;
};

/* Each is SQLite's function whose name has sqlite3_ before it. */
struct lmm_sqlite {
    __typeof__(sqlite3_open) *open;
    __typeof__(sqlite3_close) *close;
    __typeof__(sqlite3_busy_timeout) *busy_timeout;
    __typeof__(sqlite3_errmsg) *errmsg;
    __typeof__(sqlite3_exec) *exec;
    __typeof__(sqlite3_prepare_v2) *prepare_v2;
    __typeof__(sqlite3_bind_int64) *bind_int64;
    __typeof__(sqlite3_bind_blob) *bind_blob;
    __typeof__(sqlite3_step) *step;
    __typeof__(sqlite3_column_int) *column_int;
    __typeof__(sqlite3_column_int64) *column_int64;
    __typeof__(sqlite3_column_blob) *column_blob;
    __typeof__(sqlite3_column_bytes) *column_bytes;
    __typeof__(sqlite3_reset) *reset;
    __typeof__(sqlite3_finalize) *finalize;
};

struct lmm_server_functions {
    struct lmm_microhttpd microhttpd;
    struct lmm_sqlite sqlite;
};

/* Their table, in a module; weak: a program that is linked with it, as tests are, needs no module. */
extern const struct lmm_server_functions lmm_server_functions __attribute__((weak));

/* Loads them, before other threads run. Returns false after one line on stderr. */
bool lmm_server_functions_load(void);

/* Return them, after that. Any thread. */
const struct lmm_microhttpd *lmm_microhttpd(void);
const struct lmm_sqlite *lmm_sqlite(void);

#endif
