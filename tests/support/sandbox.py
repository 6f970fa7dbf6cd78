# SPDX-License-Identifier: MIT
"""Filters of system calls for a process to come, as sandboxes and older kernels have them.

A rule is (call, errno) or (call, errno, (argument, test, values)): the call fails with the errno, always, or when the lower
half of the argument, counted from 0, passes the test against one of the values: JUMP_EQUAL, or JUMP_ANY for a bit of a mask.
"""
import ctypes
import errno
import os
import platform
import re
import subprocess

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_EQUAL, JUMP_ANY, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, FAIL, KILL = 0x7fff0000, 0x00050000, 0x80000000
NUMBER_OFFSET, ARCHITECTURE_OFFSET, ARGUMENTS_OFFSET = 0, 4, 16
ARCHITECTURES = {"x86_64": 0xc000003e, "aarch64": 0xc00000b7}


def numbers():
    """The numbers of the system calls of this machine, by name."""
    text = subprocess.run(["cc", "-dM", "-E", "-"], input="#include <sys/syscall.h>\n", check=True, stdout=subprocess.PIPE,
                          encoding="ascii").stdout
    return {name: int(number) for name, number in re.findall(r"(?m)^#define __NR_(\w+) (\d+)$", text)}


NUMBERS = numbers()


def step(code, constant, if_true=0, if_false=0):
    return code.to_bytes(2, "little") + bytes((if_true, if_false)) + constant.to_bytes(4, "little")


def rule_code(call, error, condition=None):
    """Steps that begin with the call's number loaded, and go on after their end with it when the rule does not fit."""
    failure = step(RETURN, FAIL | error)
    if condition is None:
        return step(JUMP_EQUAL, NUMBERS[call], 0, 1) + failure
    argument, test, values = condition
    tests = b"".join(step(test, value, len(values) - 1 - i, int(i == len(values) - 1)) for i, value in enumerate(values))
    inner = step(LOAD, ARGUMENTS_OFFSET + 8 * argument) + tests + failure
    return step(JUMP_EQUAL, NUMBERS[call], 0, len(inner) // 8) + inner + step(LOAD, NUMBER_OFFSET)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def filter_of(rules):
    """The filter of some rules, as a function for subprocess's preexec_fn. A call that this machine's headers do not know
    has no rule."""
    code = step(LOAD, ARCHITECTURE_OFFSET) + step(JUMP_EQUAL, ARCHITECTURES[platform.machine()], 1, 0) + step(RETURN, KILL)
    code += step(LOAD, NUMBER_OFFSET)
    code += b"".join(rule_code(*rule) for rule in rules if rule[0] in NUMBERS) + step(RETURN, ALLOW)
    program = Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or
                libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0):
            os._exit(126)
    return install


# What the default profile of Docker and Podman denies a process without capabilities: all that is not in its list.
# Namespaces: CLONE_NEW...; 40: AF_VSOCK.
NAMESPACES = 0x7e020000
CONTAINER = [(call, errno.EPERM) for call in """
    _sysctl acct add_key bpf chroot clock_settime create_module delete_module fanotify_init finit_module fsconfig fsmount
    fsopen fspick get_kernel_syms get_mempolicy init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl
    lookup_dcookie mbind migrate_pages mount mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree
    perf_event_open pidfd_getfd pivot_root process_madvise query_module quotactl quotactl_fd reboot request_key
    set_mempolicy set_mempolicy_home_node setdomainname sethostname setns settimeofday swapoff swapon sysfs syslog umount2
    unshare uselib userfaultfd ustat vhangup vserver""".split()]
CONTAINER += [("clone", errno.EPERM, (0, JUMP_ANY, [NAMESPACES])), ("clone3", errno.ENOSYS),
              ("socket", errno.EPERM, (0, JUMP_EQUAL, [40]))]
