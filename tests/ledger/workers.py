# SPDX-License-Identifier: MIT
"""What the tests of the ledger file share: a worker program, and `lmm` to read its ledger."""
import json
import os
import resource
import subprocess

import harness
import reports


def environment(**settings):
    # LeakSanitizer cannot do its work at the end of a program without descriptors.
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return harness.environment(ASAN_OPTIONS=options, **settings)


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Worker:
    """A running worker program (worker.c)."""

    def __init__(self, program, *commands, cwd=None, launcher=(), **settings):
        # A pipe has no limit of file sizes; all that LMM writes fits into it.
        self.errors, errors = os.pipe()
        os.set_blocking(self.errors, False)
        self.said = b""
        self.process = subprocess.Popen([*launcher, program, *commands], cwd=cwd,
                                        env=environment(**settings), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=errors, bufsize=0,
                                        preexec_fn=no_core)
        os.close(errors)
        self.pid = self.process.pid

    def send(self, command):
        self.process.stdin.write(command.encode() + b"\n")

    def do(self, *commands):
        """Gives commands; returns the last answer, without its "ok"."""
        for command in commands:
            self.send(command)
            line = self.process.stdout.readline().decode()
            if not line.startswith("ok"):
                raise AssertionError(f"{command!r}: {line!r}; stderr: {self.stderr()!r}")
        return line[3:-1]

    def end(self, command=None):
        """The exit status, after a last command; negative: the signal that ended it."""
        if command is not None:
            self.send(command)
        self.process.stdin.close()
        return self.process.wait(harness.PATIENCE_SECONDS)

    def kill(self):
        self.process.kill()
        return self.process.wait()

    def stderr(self):
        """What was written to stderr so far."""
        try:
            while self.errors is not None and (part := os.read(self.errors, 65536)):
                self.said += part
        except BlockingIOError:
            pass
        return self.said.decode()

    def hang_up(self):
        """Closes the reading end of stderr."""
        os.close(self.errors)
        self.errors = None

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        if self.errors is not None:
            self.hang_up()


class Case(harness.Case):
    worker_program = None

    def setUp(self):
        super().setUp()
        self.environment = environment(LMM_DIR=self.ledgers)

    def worker(self, *commands, cwd=None, launcher=(), program=None, **settings):
        """Starts a worker whose ledger goes to `ledgers`, unless the settings say otherwise."""
        settings.setdefault("LMM_DIR", self.ledgers)
        worker = Worker(program or self.worker_program, *commands, cwd=cwd, launcher=launcher,
                        **settings)
        self.addCleanup(worker.close)
        return worker

    def files(self, folder=None):
        return sorted(os.listdir(folder or self.ledgers))

    def ledger_of(self, pid, folder=None):
        """The one ledger of a process."""
        names = [name for name in self.files(folder) if name.startswith(f"{pid}.")]
        self.assertEqual(len(names), 1, (pid, self.files(folder)))
        return os.path.join(folder or self.ledgers, names[0])

    def report_of(self, pid, folder=None):
        return reports.read(harness.LMM, self.ledger_of(pid, folder))

    def states(self):
        """{pid: state} of the processes that `lmm ls` shows."""
        return {each["pid"]: each["state"] for each in json.loads(self.succeed("ls", "--format", "json"))["processes"]}

    def assert_end_with_line(self, worker, words, status=0):
        """The worker exits with the status, and LMM wrote one line with these words."""
        self.assertEqual(worker.end(f"exit {status}"), status)
        self.assert_one_line(worker, words)

    def assert_content(self, path, data):
        with open(path, "rb") as file:
            self.assertEqual(file.read(), data, path)

    def assert_one_line(self, worker, words):
        """LMM wrote one line with these words, and nothing else was written."""
        text = worker.stderr()
        self.assertEqual(text.count("\n"), 1, text)
        self.assertTrue(text.startswith("lmm: "), text)
        self.assertIn(words, text)
