/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "reporter/program/base/program.h"

enum { BACKLOG = 128 };

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_un local;
};

static bool is_loopback(const union address *address)
{
    return address->any.sa_family == AF_INET
               ? ntohl(address->four.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
               : IN6_IS_ADDR_LOOPBACK(&address->six.sin6_addr);
}

static bool is_wildcard(const union address *address)
{
    return address->any.sa_family == AF_INET ? address->four.sin_addr.s_addr == htonl(INADDR_ANY)
                                             : IN6_IS_ADDR_UNSPECIFIED(&address->six.sin6_addr);
}

/* A wildcard is no address to open: the loopback's is. */
static void describe(const union address *address, struct lmm_serve_socket *socket)
{
    bool is_four = address->any.sa_family == AF_INET;
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(address->any.sa_family,
              is_four ? (const void *) &address->four.sin_addr : &address->six.sin6_addr, text,
              sizeof(text));
    if (is_wildcard(address)) {
        snprintf(text, sizeof(text), "%s", is_four ? "127.0.0.1" : "::1");
    }
    snprintf(socket->host, sizeof(socket->host), is_four ? "%s" : "[%s]", text);
    socket->port = ntohs(is_four ? address->four.sin_port : address->six.sin6_port);
    socket->is_public = !is_loopback(address);
}

static int listen_on(const union address *address, socklen_t bytes)
{
    int descriptor = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;

    if (descriptor < 0) {
        return -1;
    }
    if (address->any.sa_family != AF_UNIX) {
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (bind(descriptor, &address->any, bytes) == 0 && listen(descriptor, BACKLOG) == 0) {
        return descriptor;
    }
    int error = errno;

    close(descriptor);
    errno = error;
    return -1;
}

bool lmm_serve_socket_tcp(const char *address, unsigned port, struct lmm_serve_socket *ret_socket)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    union address bound;
    socklen_t bytes = sizeof(bound);
    char service[16];

    snprintf(service, sizeof(service), "%u", port);
    address = strcmp(address, "localhost") == 0 ? "127.0.0.1" : address;
    if (getaddrinfo(address, service, &hints, &found) != 0) {
        lmm_complain("--bind needs an IP address of this machine, not '%s'", address);
        return false;
    }
    memcpy(&bound, found->ai_addr, found->ai_addrlen);
    ret_socket->descriptor = listen_on(&bound, found->ai_addrlen);
    freeaddrinfo(found);
    if (ret_socket->descriptor < 0 && errno == EADDRINUSE) {
        lmm_complain("port %u is in use, perhaps by another lmm serve: --port 0 takes a free one",
                     port);
        return false;
    }
    if (ret_socket->descriptor < 0) {
        lmm_complain("cannot listen on %s, port %u: %s", address, port, strerror(errno));
        return false;
    }
    getsockname(ret_socket->descriptor, &bound.any, &bytes);
    describe(&bound, ret_socket);
    return true;
}

/* ---- Unix sockets ---------------------------------------------------------------------------- */

/* Removes a socket of this user on which nobody listens. */
static void remove_stale(const union address *address, socklen_t bytes)
{
    struct stat status;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (probe >= 0 && lstat(address->local.sun_path, &status) == 0 && S_ISSOCK(status.st_mode) &&
        status.st_uid == geteuid() && connect(probe, &address->any, bytes) != 0 &&
        errno == ECONNREFUSED) {
        unlink(address->local.sun_path);
    }
    if (probe >= 0) {
        close(probe);
    }
}

bool lmm_serve_socket_unix(const char *path, struct lmm_serve_socket *ret_socket)
{
    union address address = {.local = {.sun_family = AF_UNIX}};
    mode_t before;

    if (strlen(path) >= sizeof(address.local.sun_path)) {
        lmm_complain("%s: too long for the path of a Unix socket", path);
        return false;
    }
    memcpy(address.local.sun_path, path, strlen(path) + 1);
    remove_stale(&address, sizeof(address.local));
    before = umask(0177);
    ret_socket->descriptor = listen_on(&address, sizeof(address.local));
    umask(before);
    if (ret_socket->descriptor < 0) {
        lmm_complain("%s: cannot listen: %s", path, strerror(errno));
        return false;
    }
    return true;
}
