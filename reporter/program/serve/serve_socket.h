/* SPDX-License-Identifier: MIT */
/* serve_socket: the socket that the server listens on. Stateless. */
#ifndef LMM_PROGRAM_SERVE_SOCKET_H
#define LMM_PROGRAM_SERVE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

enum { LMM_SOCKET_HOST_BYTES = 64 };

struct lmm_serve_socket {
    int descriptor;
    unsigned port;                    /* 0: a Unix socket */
    bool is_public;                   /* other machines may reach it */
    char host[LMM_SOCKET_HOST_BYTES]; /* of its address in a URL */
};

/* Listens on an address of this machine, which is numeric or localhost. port: 0: one that is free. False after a message on stderr. */
bool lmm_serve_socket_tcp(const char *address, unsigned port, struct lmm_serve_socket *ret_socket);

/* Listens on a Unix socket of mode 0600; an old one on which nobody listens is replaced. */
bool lmm_serve_socket_unix(const char *path, struct lmm_serve_socket *ret_socket);

#endif
