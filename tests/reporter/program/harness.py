# SPDX-License-Identifier: MIT
"""What the tests of `lmm` share: a folder for ledgers, running the program, processes with a ledger."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import ledger

LMM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "lmm"
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))


class Case(unittest.TestCase):
    """Each test has a folder of its own, and in it `ledgers`, the only one that lmm looks at."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lmm-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.ledgers = self.path("ledgers")
        os.mkdir(self.ledgers, 0o700)
        self.environment = dict(os.environ, LMM_DIR=self.ledgers, LC_ALL="C.UTF-8", TERM="vt100")
        self.environment.pop("XDG_RUNTIME_DIR", None)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def in_ledgers(self, name):
        return os.path.join(self.ledgers, name)

    def lmm(self, *arguments, stdout=subprocess.PIPE, **options):
        """Runs lmm and returns what became of it, with stdout and stderr as text."""
        return subprocess.run([LMM, *map(str, arguments)], env=self.environment, stdout=stdout,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60,
                              encoding="utf-8", errors="surrogateescape", **options)

    def succeed(self, *arguments, **options):
        result = self.lmm(*arguments, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""), arguments)
        return result.stdout

    def fail_with(self, status, words, *arguments, **options):
        """Expects one line on stderr that holds the words, nothing on stdout, and the status."""
        result = self.lmm(*arguments, **options)
        self.assertEqual(result.returncode, status, (arguments, result.stderr))
        self.assertIn(words, result.stderr, arguments)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("lmm: "), result.stderr)
        self.assertIn(result.stdout, (None, ""), arguments)

    def refuse(self, words, *arguments):
        """Expects a usage error."""
        result = self.lmm(*arguments)
        self.assertEqual(result.returncode, 2, (arguments, result.stderr))
        self.assertIn(words, result.stderr, arguments)
        self.assertEqual(result.stdout, "", arguments)

    def keep(self, name="hr.lmm", how="map"):
        """Starts a process that keeps a ledger; returns it. how: see keeper.py."""
        process = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "keeper.py"),
                                    self.in_ledgers(name), how],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end, process)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def end(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()


def main():
    unittest.main(module="__main__", argv=[sys.argv[0], *sys.argv[2:]])


__all__ = ["Case", "HERE", "LMM", "SOURCE", "ledger", "main"]
