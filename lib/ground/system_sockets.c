/* SPDX-License-Identifier: MIT */
/* system_sockets: the system calls of system.h for local sockets. */
#include "lib/ground/system.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

int lmm_system_listen(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strnlen(path, sizeof(address.sun_path));

    if (length >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, length);
    int descriptor = (int) lmm_system_call3(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return descriptor;
    }
    long result = lmm_system_call3(SYS_bind, descriptor, (long) &address, sizeof(address));
    result = result < 0 ? result : lmm_system_call3(SYS_listen, descriptor, 8, 0);
    if (result < 0) {
        lmm_system_close(descriptor);
    }
    return result < 0 ? (int) result : descriptor;
}

int lmm_system_wait_readable(int descriptor, int timeout_ms)
{
    struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
    const struct timespec timeout = {timeout_ms / 1000, (long) (timeout_ms % 1000) * 1000000};

    return (int) lmm_system_call(SYS_ppoll, (long) &wanted, 1, (long) &timeout, 0, 0, 0);
}

int lmm_system_accept(int descriptor, int timeout_ms)
{
    int ready = lmm_system_wait_readable(descriptor, timeout_ms);

    if (ready <= 0) {
        return ready < 0 ? ready : -EAGAIN;
    }
    return (int) lmm_system_call(SYS_accept4, descriptor, 0, 0, SOCK_CLOEXEC, 0, 0);
}

bool lmm_system_peer(int descriptor, unsigned *ret_user)
{
    struct ucred peer = {0};
    unsigned bytes = sizeof(peer);

    if (lmm_system_call(SYS_getsockopt, descriptor, SOL_SOCKET, SO_PEERCRED, (long) &peer,
                        (long) &bytes, 0) < 0 ||
        bytes != sizeof(peer)) {
        return false;
    }
    *ret_user = peer.uid;
    return true;
}

ssize_t lmm_system_send(int descriptor, const void *data, size_t bytes)
{
    return lmm_system_call(SYS_sendto, descriptor, (long) data, (long) bytes, MSG_NOSIGNAL, 0, 0);
}
