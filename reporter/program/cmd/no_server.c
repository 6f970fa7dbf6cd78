/* SPDX-License-Identifier: MIT */
/* no_server: in a program that is built without libmicrohttpd (the option LMM_SERVER is off), what `lmm serve` does. */
#include "reporter/program/base/program.h"
#include "reporter/program/serve/server.h"

int lmm_server_run(const struct lmm_server_options *options)
{
    (void) options;
    lmm_complain("this lmm was built without the server: build it with libmicrohttpd-dev, "
                 "libsqlite3-dev and "
                 "-DLMM_SERVER=ON");
    return LMM_EXIT_FAILED;
}
