#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""refused.py LMM FOLDER: processes to which `lmm attach` does not attach: one line each says why, and they go on."""
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

LMM, FOLDER = sys.argv[1:]
HAS_TABLES = os.path.exists(os.path.join(FOLDER, "tables_relro"))
SKIPPED = 77
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
ALLOW = 0x7fff0000
NOBODY = 65534


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def allow_all_by_a_filter():
    """A filter of system calls that forbids none: lmm cannot know that."""
    libc = ctypes.CDLL(None)
    code = b"\x06\x00\x00\x00" + ALLOW.to_bytes(4, "little")  # return ALLOW
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Program(1, code)), 0, 0) != 0:
        os._exit(1)


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


class Refused(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lmm-refused-")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        os.mkdir(os.path.join(folder.name, "ledgers"), 0o700)
        self.environment = dict(os.environ, LMM_DIR=os.path.join(folder.name, "ledgers"))

    def start(self, *command, status=5, preload="", **options):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", **options,
                                   env=dict(self.environment, LD_PRELOAD=preload))

        def end():
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
            self.assertIn(process.wait(60), (status, -signal.SIGTERM))
            process.stdout.close()

        self.addCleanup(end)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process.pid

    def waiting(self, **options):
        return self.start(os.path.join(FOLDER, "waiting"), **options)

    def lmm(self, *words, **options):
        return subprocess.run([LMM, *words], env=self.environment, timeout=60, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", **options)

    def refuse(self, pid, text, *words, **options):
        result = self.lmm("attach", *words, str(pid), **options)
        self.assertEqual((result.returncode, result.stderr.count("\n"), result.stdout), (1, 1, ""), result.stderr)
        self.assertIn(text, result.stderr)

    def test_static(self):
        self.refuse(self.start(os.path.join(FOLDER, "plain_static")), "it is statically linked")

    def test_stopped(self):
        pid = self.waiting()
        os.kill(pid, signal.SIGSTOP)
        while "T (stopped)" not in read(f"/proc/{pid}/status"):
            time.sleep(0.01)
        self.refuse(pid, "it is stopped")

    def test_function_of_another_malloc(self):
        """mi_expand takes a block of mimalloc, which may be LMM's."""
        program = os.path.join(FOLDER, "expands")
        library = "libmimalloc.so.2"
        if subprocess.run(["true"], env=dict(os.environ, LD_PRELOAD=library), check=True,
                          stderr=subprocess.PIPE).stderr != b"":
            self.skipTest("mimalloc is not installed")
        pid = self.start(program, preload=library)
        self.refuse(pid, "it calls mi_expand of its malloc, which LMM does not replace")
        attached = self.lmm("attach", str(self.start(program)))
        self.assertEqual(attached.returncode, 0, attached.stderr)

    @unittest.skipUnless(HAS_TABLES, "entries can always be led here")
    def test_pointer_to_free(self):
        """The entries of this malloc cannot be led; by tables a pointer that the program has stored would still lead to its free."""
        pid = self.start(os.path.join(FOLDER, "tables_relro"), "", "stored", status=11, preload=os.path.join(FOLDER, "stubborn.so"))
        self.refuse(pid, "its free cannot be led to LMM: a branch leads into its first instructions, and a pointer to it is stored")

    @unittest.skipUnless(HAS_TABLES, "entries can always be led here")
    def test_direct_call_of_free(self):
        pid = self.start(os.path.join(FOLDER, "tables_lazy"), status=11, preload=os.path.join(FOLDER, "stubborn_calls.so"))
        self.refuse(pid, "a branch leads into its first instructions, and code at 0x")

    def test_no_safe_point(self):
        pid = self.start(os.path.join(FOLDER, "waiting"), "spin")
        self.refuse(pid, "no thread was at a place where a library can be loaded", "--timeout", "300ms")
        self.assertNotIn("liblmm", read(f"/proc/{pid}/maps"))

    def test_filter(self):
        pid = self.waiting(preexec_fn=allow_all_by_a_filter)
        self.refuse(pid, "it filters its system calls (seccomp)")
        attached = self.lmm("attach", "--seccomp", str(pid))
        self.assertEqual(attached.returncode, 0, attached.stderr)

    def test_thread_of_the_kernel(self):
        if os.path.exists("/proc/2/maps"):
            if "kthreadd" in read("/proc/2/status"):
                self.refuse(2, "it is a thread of the kernel")

    def test_nobody_there(self):
        self.assertEqual(self.lmm("attach", "4194304").stderr, "lmm: no process '4194304'\n")
        self.assertEqual(self.lmm("attach").returncode, 2)

    def test_traced(self):
        pid = self.waiting()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.ptrace(0x4206, pid, None, None) != 0:  # PTRACE_SEIZE
            self.skipTest("ptrace is not allowed")
        self.refuse(pid, f"process {os.getpid()} traces it already")
        libc.ptrace(0x4207, pid, None, None)  # PTRACE_INTERRUPT
        os.waitpid(pid, 0x40000000)
        libc.ptrace(17, pid, None, None)  # PTRACE_DETACH

    def test_on_lmm_already(self):
        pid = self.start(LMM, "run", "-o", "/dev/null", "--", os.path.join(FOLDER, "waiting"))
        child = int(read(f"/proc/{pid}/task/{pid}/children"))
        self.refuse(child, "is on LMM already")
        detached = self.lmm("detach", str(child))
        self.assertEqual(detached.returncode, 1)
        self.assertIn("was started with LMM", detached.stderr)
        os.kill(child, signal.SIGTERM)

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_rights(self):
        self.refuse(self.waiting(), "it belongs to another user", preexec_fn=become_nobody)

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_other_namespace(self):
        """The process sees another file system, where LMM's library is not."""
        program = os.path.join(FOLDER, "waiting")
        command = (f"mount -t tmpfs none {os.path.dirname(os.path.dirname(LMM))}/lib 2>/dev/null || exit 77;"
                   f" exec {program}")
        process = subprocess.Popen(["unshare", "-m", "sh", "-c", command], stdout=subprocess.PIPE, encoding="utf-8",
                                   env=self.environment)
        if process.stdout.readline() != "ready\n":
            process.wait()
            process.stdout.close()
            self.skipTest("no mount namespace")
        result = self.lmm("attach", str(process.pid))
        self.assertEqual(result.returncode, 0, result.stderr)
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(process.stdout.readline(), "allocated\n")
        report = self.lmm("report", str(process.pid))
        self.assertIn("since the attach", report.stdout)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 5)
        process.stdout.close()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
