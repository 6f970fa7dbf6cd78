# SPDX-License-Identifier: MIT
"""What the Python tests of `lmm` share: paths, waiting for events, and unittest cases with a folder for ledgers.

CMake puts this folder on PYTHONPATH. The first argument of each test that imports this is the program `lmm`.
"""
import concurrent.futures
import contextlib
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import patience

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
SKIPPED = 77
# The system's own, where there is one: the one on PATH may be a script that starts many processes.
PYTHON = shutil.which("python3", path="/usr/bin") or sys.executable
PATIENCE_SECONDS = patience.seconds(120)    # the bound of every wait; a test that passes never comes near it


def arguments(count):
    """Takes the next arguments of the test, which are paths, from the command line."""
    paths = [os.path.abspath(path) for path in sys.argv[1:1 + count]]
    del sys.argv[1:1 + count]
    return paths


LMM, = arguments(1) if len(sys.argv) > 1 else ["lmm"]


def environment(**settings):
    """The caller's environment without the variables that steer LMM, and with these settings (None: unset)."""
    result = dict(os.environ)
    for name in ("LMM_DIR", "LMM_OPTIONS", "XDG_RUNTIME_DIR"):
        result.pop(name, None)
    result.update({key: value for key, value in settings.items() if value is not None})
    return result


def until(ask, what="waited too long"):
    """Returns the first true answer of ask(); after PATIENCE_SECONDS it fails with `what`, a text or a function."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ask()):
        if time.monotonic() > end:
            raise AssertionError(what() if callable(what) else what)
        time.sleep(0.01)
    return answer


def state_of(pid):
    """The letter of a process's state in /proc, such as R, S, T or Z; None when there is no such process."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rsplit(b")", 1)[1].split()[0].decode()
    return None


def pending_signals(pid):
    """The signals that were sent to a process and not yet taken by it."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigPnd:", "ShdPnd:"))]
    return {number for number in range(1, 65) for mask in masks if mask >> (number - 1) & 1}


def run(*command, **options):
    """subprocess.run with stdout and stderr as text, no input and a bound; options go before these."""
    defaults = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                    errors="surrogateescape", timeout=PATIENCE_SECONDS, check=False)
    return subprocess.run([str(word) for word in command], **{**defaults, **options})


def run_on_terminal(*command, **options):
    """As run(), with a terminal for stdout; returns the result and what was written to the terminal."""
    leader, follower = pty.openpty()
    try:
        result = run(*command, stdout=follower, **options)
    finally:
        os.close(follower)
    text = b""
    with contextlib.suppress(OSError):
        while part := os.read(leader, 65536):
            text += part
    os.close(leader)
    return result, text.decode().replace("\r\n", "\n")


class Case(unittest.TestCase):
    """Each test has a folder of its own, and in it `ledgers`, the only one in which lmm looks."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lmm-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.ledgers = self.path("ledgers")
        os.mkdir(self.ledgers, 0o700)
        self.environment = environment(LMM_DIR=self.ledgers, LC_ALL="C.UTF-8", TERM="vt100",
                                       XDG_CONFIG_HOME=self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def in_ledgers(self, name):
        return os.path.join(self.ledgers, name)

    def file(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def text_of(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def lmm(self, *words, **options):
        """Runs lmm to its end and returns the result, with its output as text."""
        return run(LMM, *words, env=self.environment, **options)

    def succeed(self, *words, **options):
        result = self.lmm(*words, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""), words)
        return result.stdout

    def fail_with(self, status, message, *words, **options):
        """Expects one line on stderr that holds the message, nothing on stdout, and the status."""
        result = self.lmm(*words, **options)
        self.assertEqual(result.returncode, status, (words, result.stderr))
        self.assertIn(message, result.stderr, words)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("lmm: "), result.stderr)
        self.assertIn(result.stdout, (None, ""), words)

    def refuse(self, message, *words):
        """Expects a usage error."""
        result = self.lmm(*words)
        self.assertEqual(result.returncode, 2, (words, result.stderr))
        self.assertIn(message, result.stderr, words)
        self.assertEqual(result.stdout, "", words)

    def start(self, *command, **options):
        """Starts a process with pipes for its input and output; it is ready when it has printed that."""
        options = {"env": self.environment, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **options}
        process = subprocess.Popen([str(word) for word in command], **options)
        self.addCleanup(self.end, process)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def start_on_terminal(self, *command, **settings):
        """Starts a process in a terminal of its own; returns its PID and the terminal's descriptor."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(command[0], command, {**self.environment, **settings})
        return pid, terminal

    def keep(self, name="hr.lmm", how="map"):
        """Starts a process that keeps a ledger; returns it. how: see keeper.py."""
        return self.start(sys.executable, os.path.join(HERE, "keeper.py"), self.in_ledgers(name), how)

    def tell(self, process, command):
        """Gives a keeper a command and waits until it is done."""
        process.stdin.write(command.encode() + b"\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"ok\n")

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def tests_of(suite):
    """The tests of a suite, also of those in it."""
    for one in suite:
        if isinstance(one, unittest.TestCase):
            yield one
        else:
            yield from tests_of(one)


class Together(unittest.TestSuite):
    """Runs its tests in a few threads, because they wait most of the time. They have no setUpClass() and the like."""
    THREADS = 4

    def run(self, result, debug=False):
        def run_one(test):
            found = unittest.TestResult()
            test.run(found)
            return found

        with concurrent.futures.ThreadPoolExecutor(self.THREADS) as pool:
            for found in pool.map(run_one, tests_of(self)):
                result.testsRun += found.testsRun
                for name in ("failures", "errors", "skipped", "expectedFailures", "unexpectedSuccesses"):
                    getattr(result, name).extend(getattr(found, name))
        return result


def main(together=False):
    """Runs the tests that the rest of the command line names, or all."""
    if together:
        unittest.defaultTestLoader.suiteClass = Together
    unittest.main(module="__main__", argv=sys.argv)
