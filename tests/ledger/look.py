# SPDX-License-Identifier: MIT
"""What the tests of the ledger file share: a program that does what it is told, and `lmm` to look
at its books with."""
import collections
import json
import os
import resource
import shutil
import subprocess
import tempfile
import unittest

SETTINGS = ("LMM_DIR", "LMM_OPTIONS", "XDG_RUNTIME_DIR")


def environment(**settings):
    """The caller's, without what would steer LMM, and with these settings."""
    result = {key: value for key, value in os.environ.items() if key not in SETTINGS}
    # At the end of a program without descriptors LeakSanitizer cannot do its work.
    result["ASAN_OPTIONS"] = result.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    result.update({key: value for key, value in settings.items() if value is not None})
    return result


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Report:
    """A usage report, by family and by site."""

    def __init__(self, document):
        self.document = document
        self.process = document["process"]
        self.state = self.process["state"]
        self.totals = document["totals"]
        self.families = {each["name"]: each for each in document["families"]}
        self.sites = document["sites"]

    def counts(self, family):
        """(allocations, frees, live blocks) of a family."""
        row = self.families[family]
        return row["allocations"], row["frees"], row["live_blocks"]

    def imbalance(self):
        """What does not add up, as text; None when everything does."""
        for row in [self.totals, *self.families.values(), *self.sites]:
            if row["live_blocks"] < 0 or row["live_blocks"] != row["allocations"] - row["frees"]:
                return f"live is not allocated - freed: {row}"
        for figure in ("allocations", "frees", "live_blocks", "live_bytes"):
            of_families = sum(each[figure] for each in self.families.values())
            if of_families != self.totals[figure]:
                return f"{figure}: families {of_families}, totals {self.totals[figure]}"
            of_sites = collections.Counter()
            for site in self.sites:
                of_sites[site["family"]] += site[figure]
            for name, family in self.families.items():
                if of_sites[name] != family[figure]:
                    return f"{figure} of {name}: sites {of_sites[name]}, family {family[figure]}"
        return None


class Reader:
    """`lmm`, as the tests use it."""

    def __init__(self, program):
        self.program = program

    def run(self, *arguments, folder=None):
        return subprocess.run([self.program, *map(str, arguments)], env=environment(LMM_DIR=folder),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False)

    def report(self, path):
        """The report on a ledger; an error when lmm has anything to complain of."""
        result = self.run("report", "--format", "json", path)
        if result.returncode != 0 or result.stderr:
            raise AssertionError(f"lmm report {path}: {result.returncode} {result.stderr}")
        report = Report(json.loads(result.stdout))
        wrong = report.imbalance() if report.state != "running" else None
        if wrong:
            raise AssertionError(f"{path}: {wrong}")
        return report

    def states(self, folder):
        """{pid: state} of the processes that `lmm ls` shows."""
        result = self.run("ls", "--format", "json", folder=folder)
        if result.returncode != 0 or result.stderr:
            raise AssertionError(f"lmm ls: {result.returncode} {result.stderr}")
        return {each["pid"]: each["state"] for each in json.loads(result.stdout)["processes"]}


class Worker:
    """A running worker program (worker.c)."""

    def __init__(self, program, *commands, cwd=None, launcher=(), **settings):
        # A pipe, which has no limit of file sizes; what LMM says fits into it.
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
        return self.process.wait(60)

    def kill(self):
        self.process.kill()
        return self.process.wait()

    def stderr(self):
        """What was written to stderr up to now."""
        try:
            while self.errors is not None and (part := os.read(self.errors, 65536)):
                self.said += part
        except BlockingIOError:
            pass
        return self.said.decode()

    def hang_up(self):
        """Nobody will read stderr any more."""
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


class Case(unittest.TestCase):
    """Each test has a folder of its own, and in it `ledgers`."""

    reader = None
    worker_program = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lmm-ledger-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.ledgers = self.path("ledgers")
        os.mkdir(self.ledgers, 0o700)

    def path(self, *names):
        return os.path.join(self.folder, *names)

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
        return self.reader.report(self.ledger_of(pid, folder))

    def assert_one_line(self, worker, words):
        """LMM said one line, with these words in it, and nobody else anything."""
        text = worker.stderr()
        self.assertEqual(text.count("\n"), 1, text)
        self.assertTrue(text.startswith("lmm: "), text)
        self.assertIn(words, text)
