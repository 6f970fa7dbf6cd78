/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/waits.h"

#include <stddef.h>
#include <sys/syscall.h>

bool lmm_waits_can_begin_again(uint64_t call)
{
    static const uint64_t calls[] = {
        SYS_epoll_pwait,   SYS_rt_sigtimedwait, SYS_semop,        SYS_semtimedop,
        SYS_msgrcv,        SYS_msgsnd,          SYS_io_getevents, SYS_recvfrom,
        SYS_recvmsg,       SYS_accept,          SYS_accept4,
#ifdef SYS_epoll_wait
        SYS_epoll_wait,
#endif
#ifdef SYS_epoll_pwait2
        SYS_epoll_pwait2,
#endif
#ifdef SYS_io_pgetevents
        SYS_io_pgetevents,
#endif
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (calls[i] == call) {
            return true;
        }
    }
    return false;
}
