/* SPDX-License-Identifier: MIT */
/* server_module: the module liblmm_server.so. */
#include "reporter/program/serve/server_functions.h"

const struct lmm_server_functions lmm_server_functions = {
    .microhttpd =
        {
            .start_daemon = MHD_start_daemon,
            .stop_daemon = MHD_stop_daemon,
            .run = MHD_run,
            .get_timeout = MHD_get_timeout,
            .get_daemon_info = MHD_get_daemon_info,
            .create_response_from_buffer = MHD_create_response_from_buffer,
            .create_response_from_callback = MHD_create_response_from_callback,
            .add_response_header = MHD_add_response_header,
            .queue_response = MHD_queue_response,
            .destroy_response = MHD_destroy_response,
            .get_connection_values = MHD_get_connection_values,
            .lookup_connection_value = MHD_lookup_connection_value,
            .suspend_connection = MHD_suspend_connection,
            .resume_connection = MHD_resume_connection,
        },
    .sqlite =
        {
            .open = sqlite3_open,
            .close = sqlite3_close,
            .busy_timeout = sqlite3_busy_timeout,
            .errmsg = sqlite3_errmsg,
            .exec = sqlite3_exec,
            .prepare_v2 = sqlite3_prepare_v2,
            .bind_int64 = sqlite3_bind_int64,
            .bind_blob = sqlite3_bind_blob,
            .step = sqlite3_step,
            .column_int = sqlite3_column_int,
            .column_int64 = sqlite3_column_int64,
            .column_blob = sqlite3_column_blob,
            .column_bytes = sqlite3_column_bytes,
            .reset = sqlite3_reset,
            .finalize = sqlite3_finalize,
        },
};
