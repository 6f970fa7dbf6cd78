# SPDX-License-Identifier: MIT
"""sandboxed.py LMM PRELOAD LIBRARY SUBJECT TYPED: where the kernel or the C library has less, or a sandbox forbids it, a
program runs as it would, and its report is the same, or one line says what LMM lacks."""
import errno
import os
import re
import subprocess
import unittest

import harness
from sandbox import CONTAINER, JUMP_EQUAL, NUMBERS, filter_of

PRELOAD, LIBRARY, SUBJECT, TYPED = harness.arguments(4)
STATUS = 3  # of the programs
FREE, HUGE, NO_HUGE, WIPE, POPULATE_READ, POPULATE_WRITE, COLLAPSE, DISCARD = 8, 14, 15, 18, 22, 23, 25, 4
OLD_CONTAINER = CONTAINER + [(call, errno.EPERM) for call in ("ptrace", "process_vm_readv", "process_vm_writev")]


def denied(*calls):
    """Two filters: as an older kernel, and as a sandbox, refuse the calls."""
    return [[(call, error) for call in calls] for error in (errno.ENOSYS, errno.EPERM)]


def advice(*values):
    """As a kernel that does not know this advice of madvise."""
    return [[("madvise", errno.EINVAL, (2, JUMP_EQUAL, values))]]


# What the kernel lacks, and filters of which each must do.
CASES = {
    "rseq": denied("rseq"),
    "membarrier": denied("membarrier"),
    "what containers deny": [CONTAINER, OLD_CONTAINER],
    "mincore": denied("mincore"),
    "process_vm_readv": denied("process_vm_readv"),
    "pidfd_open": denied("pidfd_open", "pidfd_send_signal", "pidfd_getfd"),
    "memfd_create": denied("memfd_create"),
    "clone3": [[("clone3", errno.ENOSYS)]],  # glibc gives up after any other error
    "getrandom": denied("getrandom"),
    "statx": denied("statx"),
    "openat2 and faccessat2": denied("openat2", "faccessat2"),  # Docker before 20.10 answers EPERM
    "close_range": denied("close_range"),
    "fallocate": denied("fallocate") + [[("fallocate", errno.EOPNOTSUPP)]],
    "mremap": denied("mremap"),
    "prctl": denied("prctl"),
    "getcpu and sched_getaffinity": denied("getcpu", "sched_getaffinity"),
    "MADV_FREE": advice(FREE),
    "large pages": advice(HUGE, NO_HUGE, COLLAPSE),
    "MADV_POPULATE_WRITE": advice(POPULATE_READ, POPULATE_WRITE),
    "MADV_WIPEONFORK": advice(WIPE),
    "MADV_DONTNEED": advice(DISCARD),
    "madvise": denied("madvise"),
}


def normal(text):
    """A report without what differs between runs, and without memory that is not the program's."""
    text = re.sub(r"\(pid \d+", "(pid N", text)
    text = re.sub(r"0x[0-9a-f]+", "0xN", text)
    text = re.sub(r"(?ms)^Their pages .*?\n\n", "", text)
    text = re.sub(r", \d+ committed bytes", "", text)
    return re.sub(r"(?m)^  (committed|kept for reuse|LMM's own records) .*\n", "", text)


class Case(harness.Case):
    def runs(self, *command, **options):
        """The status of a command, and what it prints."""
        result = harness.run(*command, env=self.environment, **options)
        return result.returncode, normal(result.stdout), normal(result.stderr)


class Filters(Case):
    """The filters themselves: what they name exists, and fails as they say."""
    ASK = "import ctypes, sys; libc = ctypes.CDLL(None, use_errno=True); " \
          "libc.syscall(*map(int, sys.argv[1:])); print(ctypes.get_errno())"

    def error_of(self, rules, call, *arguments):
        result = harness.run(harness.PYTHON, "-c", self.ASK, NUMBERS[call], *arguments, preexec_fn=filter_of(rules))
        return int(result.stdout)

    def test_calls_exist(self):
        named = {rule[0] for filters in CASES.values() for rules in filters for rule in rules if rules[:1] != CONTAINER[:1]}
        self.assertEqual(named - set(NUMBERS), set())

    def test_errors(self):
        for rules, error, *call in ((denied("membarrier")[0], errno.ENOSYS, "membarrier", 0, 0),
                                    (denied("membarrier")[1], errno.EPERM, "membarrier", 0, 0),
                                    (advice(HUGE, DISCARD)[0], errno.EINVAL, "madvise", 0, 0, HUGE),
                                    (advice(HUGE, DISCARD)[0], errno.EINVAL, "madvise", 0, 0, DISCARD),
                                    (advice(HUGE, DISCARD)[0], 0, "madvise", 0, 0, 0),
                                    (CONTAINER, errno.EPERM, "unshare", 0),
                                    (CONTAINER, errno.EPERM, "clone", 0x10000000, 0, 0, 0, 0),
                                    (CONTAINER, errno.ENOSYS, "clone3", 0, 0),
                                    (CONTAINER, errno.EPERM, "socket", 40, 1, 0), (CONTAINER, 0, "socket", 1, 1, 0)):
            with self.subTest(call=call, error=error):
                self.assertEqual(self.error_of(rules, *call), error)


class Sandboxed(Case):
    def check(self, *command):
        plain = self.runs(*command)
        self.assertEqual(plain[0], STATUS, plain)
        self.assertIn("1000 bytes", plain[2].replace(",", ""))
        for name, filters in CASES.items():
            for rules in filters:
                with self.subTest(without=name, error=os.strerror(rules[-1][1])):
                    self.assertEqual(self.runs(*command, preexec_fn=filter_of(rules)), plain)

    def test_lmm_run(self):
        self.check(harness.LMM, "run", "--leaks", SUBJECT)

    def test_drop_in(self):
        self.environment.update(LD_PRELOAD=PRELOAD, LMM_OPTIONS="leaks=1:usage=1:stacks=8")
        self.check(SUBJECT)

    def test_typed(self):
        self.environment["LMM_OPTIONS"] = "leaks=1:usage=1"
        self.check(TYPED)

    def test_rseq_off_in_libc(self):
        for command in ((harness.LMM, "run", "--leaks", SUBJECT), (TYPED,)):
            self.environment.pop("GLIBC_TUNABLES", None)
            plain = self.runs(*command)
            self.environment["GLIBC_TUNABLES"] = "glibc.pthread.rseq=0"
            self.assertEqual(self.runs(*command), plain)

    def test_ls(self):
        for name, filters in CASES.items():
            for rules in filters:
                with self.subTest(without=name):
                    plain = self.runs("ls", "/", preexec_fn=filter_of(rules))
                    got = self.runs(harness.LMM, "run", "--leaks", "-o", self.path("report"), "--", "ls", "/",
                                    preexec_fn=filter_of(rules))
                    self.assertEqual(got, plain)
                    self.assertIn("LMM: leak check of ls", self.text_of("report"))


class OlderLibc(Case):
    """A C library that lacks what glibc 2.28 lacks: copies of the libraries ask for names that no library has. These are weak
    symbols, so they are missing then, as they are there."""
    NEWER = (b"strerrordesc_np", b"_dl_find_object", b"__libc_single_threaded")

    def copy(self, library):
        with open(library, "rb") as file:
            contents = file.read()
        for name in self.NEWER:
            self.assertIn(b"\0" + name + b"\0", contents)
            contents = contents.replace(name + b"\0", name[:-2] + b"??\0")
        copy = self.path(os.path.basename(library))
        with open(copy, "wb") as file:
            file.write(contents)
        return copy

    def test_lmm_run(self):
        plain = self.runs(harness.LMM, "run", "--leaks", SUBJECT)
        self.environment["LMM_PRELOAD_LIBRARY"] = self.copy(PRELOAD)
        self.assertEqual(self.runs(harness.LMM, "run", "--leaks", SUBJECT), plain)

    def test_drop_in(self):
        self.environment.update(LD_PRELOAD=PRELOAD, LMM_OPTIONS="leaks=1:usage=1:stacks=8")
        plain = self.runs(SUBJECT)
        self.environment["LD_PRELOAD"] = self.copy(PRELOAD)
        self.assertEqual(self.runs(SUBJECT), plain)

    def test_typed(self):
        self.environment["LMM_OPTIONS"] = "leaks=1:usage=1"
        plain = self.runs(TYPED)
        self.environment["LD_PRELOAD"] = self.copy(LIBRARY)
        self.assertEqual(self.runs(TYPED), plain)

    def test_texts_of_errors(self):
        """LMM's own, where libc has none."""
        self.environment.update(LD_PRELOAD=self.copy(PRELOAD), LMM_OPTIONS="leaks=1:ledger=/proc/none")
        plain = harness.run(SUBJECT, env={**self.environment, "LD_PRELOAD": PRELOAD})
        self.assertIn(": No such file or directory", plain.stderr)
        self.assertEqual(self.runs(SUBJECT)[2], normal(plain.stderr))


def can_hide_proc():
    return subprocess.run(HIDE_PROC + ["true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


# The rest of the command runs where /proc is empty.
HIDE_PROC = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
FAILS = "the leak check failed"


@unittest.skipUnless(can_hide_proc(), "no user namespaces here")
class WithoutProc(harness.Case):
    """The counts are as they were; what needs /proc says so in one line."""

    def run_hidden(self, *command, **settings):
        return harness.run(*HIDE_PROC, "env", *(f"{name}={value}" for name, value in settings.items()), *command,
                           env=self.environment)

    def test_lmm_run(self):
        result = self.run_hidden(harness.LMM, "run", "--leaks", SUBJECT)
        self.assertEqual((result.returncode, result.stderr),
                         (125, "lmm: cannot find liblmm_preload.so: /proc/self/exe: No such file or directory "
                               "(is /proc mounted?)\n"))
        result = self.run_hidden(harness.LMM, "run", "--leaks", SUBJECT, LMM_PRELOAD_LIBRARY=PRELOAD)
        self.assertEqual(result.returncode, STATUS)
        self.assertIn(f": not done: {FAILS}: No such file or directory (is /proc mounted?); it ended with status 3\n",
                      result.stderr)
        self.assertRegex(result.stderr, r"(?m)^  live: +1,120 bytes in 4 blocks$")

    def test_drop_in(self):
        result = self.run_hidden(SUBJECT, LD_PRELOAD=PRELOAD, LMM_OPTIONS="leaks=1:stacks=8")
        self.assertEqual(result.returncode, STATUS)
        self.assertIn(f"\nnote: {FAILS} (errno 2: is /proc mounted?); these are all live blocks\n", result.stderr)
        self.assertIn("\nlive: 1 block, 1000 bytes of malloc-1024 allocated at 0x", result.stderr)

    def test_typed(self):
        result = self.run_hidden(TYPED, LMM_OPTIONS="leaks=1")
        self.assertEqual(result.returncode, STATUS)
        self.assertIn(f"\nnote: {FAILS} (errno 2: is /proc mounted?); these are all live blocks\n", result.stderr)
        self.assertIn("\nlive: 3 blocks, 120 bytes of struct node allocated at ", result.stderr)


harness.main()
