# SPDX-License-Identifier: MIT
"""What the tests of `lmm run` share: the command with the library that stands in for the drop-in."""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

LMM, STAND_IN, SOURCE = map(os.path.abspath, sys.argv[1:4])
sys.path.insert(0, os.path.join(SOURCE, "tests", "reporter", "program"))
import ledger  # noqa: E402  (its folder is known only now)

FAILED, CANNOT_EXECUTE, NOT_FOUND = 125, 126, 127


class Case(unittest.TestCase):
    """Each test has a folder of its own; in it `ledgers`, for lmm's private directories."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lmm-run-test-", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.ledgers = self.path("ledgers")
        os.mkdir(self.ledgers, 0o700)
        self.made = ledger.sample(state=ledger.EXITED).write(self.path("made"))
        self.environment = dict(os.environ, LMM_DIR=self.ledgers, LC_ALL="C.UTF-8", TERM="vt100",
                                LMM_PRELOAD_LIBRARY=STAND_IN, STAND_IN_LEDGER=self.made)
        for name in ("LD_PRELOAD", "LMM_OPTIONS", "STAND_IN_SAYS"):
            self.environment.pop(name, None)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def file(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def text_of(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def run_lmm(self, *arguments, **options):
        """Runs `lmm run` and returns what became of it, with its output as text."""
        options = dict(dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, encoding="utf-8"), **options)
        return subprocess.run([LMM, "run", *arguments], env=self.environment, timeout=60,
                              check=False, **options)

    def start(self, *arguments, **options):
        """Starts `lmm run`; the program is ready when its first line is there."""
        process = subprocess.Popen([LMM, "run", *arguments], env=self.environment,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, **options)
        self.addCleanup(self.end, process)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def end(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()

    def until(self, condition):
        """Waits for a condition."""
        for _ in range(1000):
            if condition():
                return
            time.sleep(0.01)
        self.fail("waited too long")

    def assert_nothing_left(self):
        self.assertEqual(os.listdir(self.ledgers), [])


def main():
    """Runs the tests that are named behind the files, or all."""
    names = [word for word in sys.argv[4:] if not os.path.exists(word)]
    unittest.main(module="__main__", argv=[sys.argv[0], *names])
