#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py LMM WORKER MODULE SERVER START [unittest options]: the ledger's file, from its creation to its end.

As root (or where user namespaces are allowed) it runs itself in a mount namespace of its own, so
that small file systems can be mounted, and /dev/shm is another; else these tests are skipped.
"""
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

import harness
import reports
import workers
from workers import Case

NOBODY = 65534
NAMESPACE_MARK = "LMM_TEST_MOUNT_NAMESPACE"


def enter_namespace():
    """Starts this script again in a mount namespace, where that is possible."""
    if NAMESPACE_MARK in os.environ:
        return
    for options in (["-m"], ["-r", "-m"]):
        command = ["unshare", *options, "--propagation", "private"]
        try:
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                os.environ[NAMESPACE_MARK] = "1"
                os.execvp("unshare", [*command, *sys.orig_argv])
        except FileNotFoundError:
            return


def mount(case, folder, size="1m"):
    """Mounts a small file system for the user alone; the test is skipped where that cannot be."""
    if NAMESPACE_MARK not in os.environ:
        case.skipTest("needs a mount namespace")
    options = f"size={size},mode=0700,uid={os.geteuid()}"
    result = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "lmm-test", folder],
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        case.skipTest(f"cannot mount: {result.stderr.strip()}")
    case.addCleanup(subprocess.run, ["umount", "-l", folder], check=False, capture_output=True)


def populates():
    """Whether the kernel has MADV_POPULATE_WRITE, so that a ledger grows without its name."""
    return tuple(int(part) for part in os.uname().release.split(".")[:2]) >= (5, 14)


def give_away(case, path):
    try:
        os.chown(path, NOBODY, NOBODY)
    except OSError as error:
        case.skipTest(f"cannot give a folder away: {error}")


class Place(Case):
    """The directory of the file."""

    def assert_private(self, folder, pid):
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        path = self.ledger_of(pid, folder)
        self.assertRegex(os.path.basename(path), rf"^{pid}\.\d+\.\d+\.lmm$")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(self.files(folder), [os.path.basename(path)], "nothing else is left")
        self.assertEqual(reports.read(harness.LMM, path).counts("family_0"), (5, 0, 5))

    def allocate(self, worker):
        worker.do("families 1", "alloc 0 5")
        return worker

    def test_the_folder_is_made_and_belongs_to_the_user_alone(self):
        folder = self.path("made")
        launcher = ["sh", "-c", 'umask 0; exec "$0"']
        worker = self.allocate(self.worker(LMM_DIR=folder, launcher=launcher))
        self.assert_private(folder, worker.pid)
        self.assertEqual(worker.stderr(), "")

    def test_umask_cannot_take_the_users_own_right(self):
        worker = self.allocate(self.worker(launcher=["sh", "-c", 'umask 0777; exec "$0"']))
        self.assert_private(self.ledgers, worker.pid)

    def test_the_option_goes_before_the_variable(self):
        chosen = self.path("chosen")
        worker = self.allocate(self.worker(LMM_OPTIONS=f"ledger={chosen}"))
        self.assert_private(chosen, worker.pid)
        self.assertEqual(self.files(), [])

    def test_the_option_can_name_pid_and_program(self):
        worker = self.allocate(self.worker(LMM_OPTIONS=f"ledger={self.folder}/%e-%p"))
        folder = self.path(f"{os.path.basename(self.worker_program)}-{worker.pid}")
        self.assert_private(folder, worker.pid)
        child = int(worker.do("fork alloc 0 1; _exit 0"))
        worker.do("wait")
        self.assertEqual(self.report_of(child, folder).counts("family_0"), (6, 0, 6),
                         "a forked child's stands beside its parent's")

    def test_off_means_no_file(self):
        worker = self.allocate(self.worker(LMM_OPTIONS="ledger=off"))
        worker.do("sites 2000", "fork alloc 0 1; exit 0", "wait")
        self.assertEqual(self.files(), [])
        self.assertEqual((worker.end("exit 0"), worker.stderr()), (0, ""))

    def test_the_runtime_folder_is_next(self):
        worker = self.allocate(self.worker(LMM_DIR=None, XDG_RUNTIME_DIR=self.folder))
        self.assert_private(self.path("lmm"), worker.pid)

    def test_an_empty_variable_is_none(self):
        worker = self.allocate(self.worker(LMM_DIR="", XDG_RUNTIME_DIR=self.folder))
        self.assert_private(self.path("lmm"), worker.pid)

    def test_last_is_shared_memory(self):
        mount(self, "/dev/shm")
        worker = self.allocate(self.worker(LMM_DIR=None))
        self.assert_private(f"/dev/shm/lmm-{os.geteuid()}", worker.pid)

    def test_somebody_elses_runtime_folder_is_left_alone(self):
        give_away(self, self.folder)
        mount(self, "/dev/shm")
        worker = self.allocate(self.worker(LMM_DIR=None, XDG_RUNTIME_DIR=self.folder))
        self.assert_private(f"/dev/shm/lmm-{os.geteuid()}", worker.pid)
        self.assertEqual(sorted(os.listdir(self.folder)), ["ledgers"])

    def test_a_relative_folder_is_that_of_the_start(self):
        worker = self.worker(LMM_DIR="relative", cwd=self.folder)
        self.allocate(worker)
        worker.do("chdir /", "sites 1000")
        self.assertEqual(self.report_of(worker.pid, self.path("relative")).totals["sites"], 1001)
        child = int(worker.do("fork alloc 0 1; _exit 0"))
        worker.do("wait")
        self.report_of(child, self.path("relative"))

    def assert_refused(self, words, folder):
        """One line says why, and the next place is taken."""
        following = tempfile.mkdtemp(dir=self.folder)
        worker = self.worker(LMM_DIR=folder, XDG_RUNTIME_DIR=following)
        worker.do("families 2", "alloc 1 100", "sites 1000", "free 1 50")
        place = os.path.join(following, "lmm")
        self.assertEqual(self.report_of(worker.pid, place).totals["allocations"], 1100)
        self.environment = workers.environment(LMM_DIR=self.path("elsewhere"), XDG_RUNTIME_DIR=following)
        self.assertIn(f"(pid {worker.pid})", self.succeed("report", str(worker.pid)), "lmm looks there, too")
        self.assert_end_with_line(worker, words)
        self.assertIn(f"'{folder[:600]}'", worker.stderr())
        self.assertIn(f"; it is in '{place}'", worker.stderr())

    def test_a_link_is_refused(self):
        link = self.path("link")
        os.symlink(self.ledgers, link)
        self.assert_refused("a symbolic link", link)
        self.assertEqual(self.files(), [])

    def test_a_folder_open_to_others_is_refused(self):
        for mode in (0o755, 0o710, 0o701, 0o720, 0o1777):
            os.chmod(self.ledgers, mode)
            self.assert_refused("not a directory of this user alone", self.ledgers)
            self.assertEqual(self.files(), [])

    def test_a_file_is_refused(self):
        path = self.path("file")
        self.file("file", "mine\n")
        self.assert_refused("not a directory", path)
        self.assert_content(path, b"mine\n")

    def test_somebody_elses_folder_is_refused(self):
        give_away(self, self.ledgers)
        self.assert_refused("not a directory of this user alone", self.ledgers)
        self.assertEqual(self.files(), [])

    def test_a_folder_without_a_parent_is_refused(self):
        self.assert_refused("No such file or directory", self.path("no", "such"))

    def test_a_name_too_long_is_refused(self):
        self.assert_refused("File name too long", "/" + "x" * 2000)

    def test_a_full_folder_is_refused(self):
        mount(self, self.ledgers, "4k")
        self.file("ledgers/filler", "x" * 4096)
        self.assert_refused("No space left on device", self.ledgers)

    def test_without_shared_memory_a_folder_in_tmp_is_made(self):
        mount(self, "/dev/shm", "4k")
        with open("/dev/shm/filler", "wb") as file:
            file.write(b"x" * 4096)
        worker = self.worker(LMM_DIR=None)
        worker.do("families 1", "alloc 0 5")
        path = self.ledger_of(worker.pid, f"/tmp/lmm-{os.geteuid()}")
        self.addCleanup(os.unlink, path)
        self.assertEqual(reports.read(harness.LMM, path).counts("family_0"), (5, 0, 5))
        self.assertEqual(worker.stderr(), "")

    def test_without_any_folder_the_file_is_in_memory(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        empty = self.path("empty")
        os.mkdir(empty)
        worker = self.worker(f"chroot {empty}", LMM_DIR="/nowhere/at/all")
        worker.process.stdout.readline()
        worker.do("families 1", "sites 1000", "alloc 0 5")
        child = int(worker.do("fork sites 100; pause"))
        self.addCleanup(os.kill, child, signal.SIGKILL)
        self.environment = workers.environment(XDG_RUNTIME_DIR=self.folder)

        def allocations(pid):
            result = self.lmm("report", "-F", "json", str(pid))
            return json.loads(result.stdout)["totals"]["allocations"] if result.returncode == 0 else None

        harness.until(lambda: allocations(worker.pid) == 1005)
        harness.until(lambda: allocations(child) == 1105)
        self.assertIn(str(worker.pid), self.lmm("ls").stdout)
        self.assert_one_line(worker, "only while it lives")
        self.assertEqual(os.listdir(empty), [])

    def test_raised_privileges_mean_no_file(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        os.chmod(self.folder, 0o755)
        copy = self.path("raised")
        shutil.copy(self.worker_program, copy)
        os.chmod(copy, 0o4755)
        launcher = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        for settings in ({"LMM_DIR": self.ledgers}, {"LMM_OPTIONS": f"ledger={self.ledgers}"}):
            worker = self.worker("families 1", "alloc 0 5", "_exit 3", program=copy,
                                 launcher=launcher, **settings)
            status = worker.end()
            if status != 3:
                self.skipTest(f"cannot run it: {status} {worker.stderr().strip()}")
            self.assertEqual((self.files(), worker.stderr()), ([], ""))
        plain = self.worker("families 1", "alloc 0 5", "_exit 3", program=copy)
        self.assertEqual((plain.end(), len(self.files())), (3, 1), "run by its owner it has one")


class Ends(Case):
    """The file after its process ended, or became another program."""

    def started(self, **settings):
        worker = self.worker(**settings)
        worker.do("families 3", "alloc 0 10", "sites 30", "free 0 4")
        return worker

    def assert_kept(self, pid, state):
        report = self.report_of(pid)
        self.assertEqual(report.state, state)
        self.assertEqual(self.states(), {pid: state})
        self.assertEqual(report.counts("family_0"), (20, 4, 16))
        self.assertEqual(report.counts("family_2"), (10, 0, 10))
        return report

    def test_an_exit_without_live_blocks_removes_it(self):
        worker = self.worker()
        worker.do("families 2", "alloc 0 10000", "alloc 1 5", "free 0 10000", "thread free 1 5")
        self.assertEqual(len(self.files()), 1)
        self.assertEqual((worker.end("exit 5"), self.files(), worker.stderr()), (5, [], ""))

    def test_nothing_allocated_leaves_nothing(self):
        worker = self.worker()
        worker.do("families 2")
        self.assertEqual((worker.end("exit 0"), self.files()), (0, []))

    def test_an_exit_with_live_blocks_keeps_it(self):
        worker = self.started()
        before = time.time_ns()
        self.assertEqual(worker.end("exit 5"), 5)
        report = self.assert_kept(worker.pid, "exited")
        self.assertTrue(before <= report.process["end_time_ns"] <= time.time_ns())

    def test_an_end_that_lmm_does_not_see_keeps_it(self):
        for command, status in (("_exit 0", 0), ("abort", -signal.SIGABRT)):
            worker = self.started()
            self.assertEqual(worker.end(command), status)
            self.assert_kept(worker.pid, "killed")
            os.unlink(self.ledger_of(worker.pid))

    def test_a_panic_is_told(self):
        worker = self.started()
        self.assertEqual(worker.end("panic 1"), -signal.SIGABRT)
        line = worker.stderr()
        self.assertRegex(line, r"^lmm: panic: double free: 0x[0-9a-f]+ \(family_1, .*\)\n$")
        message = line[len("lmm: panic: "):]
        self.assertIn(f"\nnote: LMM stopped the program: {message}", self.succeed("report", self.ledger_of(worker.pid)))

    def test_a_panic_under_lmm_run_has_its_stack(self):
        result = self.lmm("run", "--", self.worker_program, "families 1", "panic 0")
        if "cannot find liblmm_preload.so" in result.stderr:
            self.skipTest("a sanitized build has no drop-in")
        self.assertEqual(result.returncode, 128 + signal.SIGABRT)
        self.assertRegex(result.stderr, r"\n  panic +LMM stopped the program: double free: 0x[0-9a-f]+ \(family_0, .*\)"
                                        r"\n +in stack 1: +#0 end_panic \(")

    def test_a_panic_of_a_child_is_not_its_parents(self):
        worker = self.started()
        for child in ("fork panic 1", "fork alloc 0 1; panic 1"):
            pid = int(worker.do(child))
            worker.do("wait")
            self.assertIn("note: LMM stopped", self.succeed("report", self.ledger_of(pid)))
        self.assertEqual(worker.stderr().count("lmm: panic: double free"), 2)
        self.assertNotIn("LMM stopped", self.succeed("report", self.ledger_of(worker.pid)))

    def test_kill_9_keeps_it(self):
        worker = self.started()
        self.assertEqual(self.states(), {worker.pid: "live"})
        worker.kill()
        self.assert_kept(worker.pid, "killed")

    def test_a_thread_that_ended_is_still_counted(self):
        worker = self.worker()
        worker.do("families 1")
        for _ in range(20):
            worker.do("thread alloc 0 100", "thread sites 10", "thread free 0 50")
        worker.kill()
        self.assertEqual(self.report_of(worker.pid).counts("family_0"), (2200, 1000, 1200))

    def test_a_cancelled_thread_does_its_work_first(self):
        worker = self.started()
        worker.do("cancel")
        worker.kill()
        report = self.report_of(worker.pid)
        self.assertEqual(report.totals["allocations"], 10 + 30 + 500)
        self.assertEqual((worker.stderr(), report.state), ("", "killed"))

    def test_another_program_in_its_place_is_told(self):
        worker = self.started()
        path = self.ledger_of(worker.pid)
        worker.send("exec /bin/sh -c echo;read\tx")
        self.assertEqual(worker.process.stdout.readline(), b"\n")
        self.assertEqual(reports.read(harness.LMM, path).state, "replaced")
        self.assert_kept(worker.pid, "replaced")
        worker.process.stdin.close()
        worker.process.wait(harness.PATIENCE_SECONDS)
        self.assert_kept(worker.pid, "killed")

    def test_itself_in_its_place_has_a_ledger_of_its_own(self):
        worker = self.started()
        inode = os.stat(self.ledger_of(worker.pid)).st_ino
        worker.send(f"exec {self.worker_program}")
        worker.do("families 1")
        self.assertNotEqual(os.stat(self.ledger_of(worker.pid)).st_ino, inode)
        worker.do("alloc 0 7")
        report = self.report_of(worker.pid)
        self.assertEqual((report.state, report.counts("family_0")), ("running", (7, 0, 7)))
        self.assertEqual((list(report.families), len(self.files())), (["family_0"], 1))
        self.assertEqual(worker.stderr(), "")

    def test_a_start_by_vfork_or_spawn_leaves_the_books_alone(self):
        worker = self.started()
        for command in ("vfork /bin/true", "spawn /bin/true", "thread spawn /bin/true"):
            worker.do(command, "alloc 1 1", "sites 200", "free 1 1")
        report = self.report_of(worker.pid)
        self.assertEqual((report.state, report.totals["allocations"]), ("running", 10 + 630 + 3))
        self.assertEqual((len(self.files()), worker.stderr()), (1, ""))
        worker.kill()
        self.assertEqual(self.report_of(worker.pid).totals["allocations"], 643)

    def test_a_module_that_goes_and_comes_back_has_one_place(self):
        worker = self.started()
        for _ in range(3):
            worker.do(f"load {self.module} 10 4", "unload", "sites 100")
        worker.kill()
        report = self.report_of(worker.pid)
        self.assertEqual(report.counts("struct module_record"), (30, 12, 18))
        rows = [site for site in report.sites if site["family"] == "struct module_record"]
        self.assertEqual([(row["function"], row["allocations"]) for row in rows],
                         [("module_work", 30)])
        self.assertTrue(rows[0]["file"].endswith("module.c"), rows)


# Ways of a server's child to end that leave no ledger: with no block, or no more than it inherited.
NO_FILE = ("clean", "level")


class Forks(Case):
    """A child has a ledger of its own, which starts from its parent's counts."""

    def test_a_child_counts_on_from_the_fork(self):
        worker = self.worker()
        worker.do("families 2", "alloc 0 100", "free 0 30")
        child = int(worker.do("fork alloc 0 5; free 0 50; sites 1000; _exit 0"))
        worker.do("wait", "alloc 0 1")
        worker.kill()
        self.assertEqual(self.report_of(worker.pid).counts("family_0"), (101, 30, 71))
        report = self.report_of(child)
        self.assertEqual(report.counts("family_0"), (605, 80, 525))
        self.assertEqual(report.counts("family_1"), (500, 0, 500))
        self.assertEqual(report.process["parent_pid"], worker.pid)
        self.assertEqual(worker.stderr(), "")

    def test_a_child_that_does_nothing_has_none(self):
        worker = self.worker()
        worker.do("families 1", "alloc 0 1", "fork _exit 0", "fork exit 0", "wait")
        self.assertEqual(self.files(), [os.path.basename(self.ledger_of(worker.pid))])

    def test_a_grandchild_counts_on_from_both(self):
        worker = self.worker()
        worker.do("families 2", "alloc 0 100")
        # The first child has no file of its own yet when it forks, the second has.
        worker.do("fork fork alloc 1 7", "wait", "fork alloc 0 1; fork alloc 1 8", "wait")

        def counts():
            # A file that is still being made has another name.
            found = [reports.read(harness.LMM, self.in_ledgers(name))
                     for name in self.files() if name.endswith(".lmm")]
            return sorted((each.counts("family_0")[0], each.counts("family_1")[0]) for each in found)

        harness.until(lambda: len(counts()) == 4)
        self.assertEqual(counts(), [(100, 0), (100, 7), (101, 0), (101, 8)])

    def test_a_child_of_a_parent_that_lost_its_ledger_has_a_whole_one(self):
        mount(self, self.ledgers, "16m")
        filler = os.path.join(self.ledgers, "filler")
        with open(filler, "wb") as file:
            file.write(b"x" * ((16 << 20) - (64 << 10)))
        worker = self.worker()
        worker.do("families 10", "sites 10000")
        self.assertEqual(self.report_of(worker.pid).state, "lost")
        os.unlink(filler)
        child = int(worker.do("fork alloc 0 5; sites 1000; pause"))
        self.addCleanup(os.kill, child, signal.SIGKILL)
        harness.until(lambda: any(name.startswith(f"{child}.") for name in self.files())
                      and self.report_of(child).totals["allocations"] == 11005)
        report = self.report_of(child)
        self.assertEqual((report.state, report.totals["allocations"]), ("running", 11005))
        self.assertEqual(self.report_of(worker.pid).state, "lost")
        self.assert_one_line(worker, "No space left on device")

    def test_a_fork_while_another_thread_starts_lmm(self):
        for settings in ({}, {"LMM_OPTIONS": "ledger=off"}):
            result = subprocess.run([self.start], capture_output=True, timeout=200, check=False,
                                    env=workers.environment(LMM_DIR=self.ledgers, **settings))
            self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_a_server_and_its_children(self):
        for _ in range(10):
            self.serve_once()

    def serve_once(self):
        server = self.worker(program=self.server)
        told = {}
        for line in iter(server.process.stdout.readline, b"ready\n"):
            self.assertNotEqual(line, b"", server.stderr())
            pid, how, family, allocated, freed, live = line.decode().split()
            family = family.replace("\\", " ")
            told.setdefault((int(pid), how), {})[family] = (allocated, freed, live)
        self.assertEqual(len([who for who in told if who[0] != server.pid]), 20 + 4)
        self.assert_told(told, {server.pid: "running"})
        server.process.stdin.close()
        self.assertEqual((server.process.wait(harness.PATIENCE_SECONDS), server.stderr()), (0, ""))
        self.assert_told({who: told[who] for who in told if who[0] == server.pid},
                         {server.pid: "exited"})
        self.assertEqual(len(self.files()), len([who for who in told if who[1] not in NO_FILE]))
        for name in self.files():
            os.unlink(os.path.join(self.ledgers, name))

    def assert_told(self, told, states):
        """Each process printed its own counts, which its ledger must hold; "-" is an unknown count."""
        for (pid, how), families in told.items():
            if how in NO_FILE:
                self.assertEqual([name for name in self.files() if name.startswith(f"{pid}.")], [])
                continue
            report = self.report_of(pid)
            expected = states.get(pid, "exited" if how == "exit" else "killed")
            self.assertEqual(report.state, expected, (pid, how))
            for name, counts in families.items():
                found = report.counts(name)
                wanted = tuple(found[i] if counts[i] == "-" else int(counts[i]) for i in range(3))
                self.assertEqual(found, wanted, (pid, how, name))


class Trouble(Case):
    """When its file cannot grow, the program goes on, prints one line, and the file stays readable."""

    def grow(self, worker):
        worker.do("sites 5000", "families 100", "sites 5000", "thread alloc 0 1000",
                  "thread alloc 1 10")

    def started(self, *more, **settings):
        worker = self.worker(**settings)
        worker.do("families 2", "alloc 0 10", "sites 10", *more)
        return worker

    def started_with_limit(self, bytes_most):
        """A worker whose file can have so many bytes."""
        worker = self.worker(f"fsize {bytes_most}")
        worker.process.stdout.readline()
        worker.do("families 2", "alloc 0 10", "sites 10")
        return worker

    def assert_goes_on(self, worker, path=None):
        """The file grows, although it is out of the worker's reach."""
        if not populates():
            self.skipTest("needs Linux 5.14")
        self.grow(worker)
        if path is not None:
            report = reports.read(harness.LMM, path)
            self.assertEqual((report.state, report.totals["allocations"]), ("running", 20 + 10000 + 1010))
            self.assertIsNone(report.imbalance())
        self.assertEqual((worker.stderr(), worker.end("exit 3")), ("", 3))
        if path is not None:
            self.assertEqual(reports.read(harness.LMM, path).state, "exited")

    def assert_lost(self, worker, error, path=None):
        """The worker loses its ledger and goes on to its normal end; the file has older figures."""
        self.grow(worker)
        self.assert_one_line(worker, "the ledger cannot grow")
        path = path or self.ledger_of(worker.pid)
        report = reports.read(harness.LMM, path)
        self.assertEqual((report.state, report.process["lost_errno"]), ("lost", error))
        self.assertGreaterEqual(report.families["family_0"]["allocations"], 15)
        self.assertGreaterEqual(report.families["family_1"]["allocations"], 5)
        self.assertLessEqual(report.totals["allocations"], 20 + 10000 + 1010 + 500)
        text = self.lmm("report", path)
        self.assertEqual((text.returncode, text.stderr), (0, ""))
        self.assertIn("without", [line for line in text.stdout.splitlines()
                                  if line.startswith("note: ")][0])
        self.assert_loss_is_told(path)
        self.assert_end_with_line(worker, "the ledger cannot grow", 3)

    def assert_loss_is_told(self, path):
        """In every view; report and its JSON were looked at."""
        self.assertEqual([state for pid, state in self.states().items() if path.startswith(f"{self.ledgers}/{pid}.")],
                         ["lost"] if path.startswith(self.ledgers + "/") else [])
        copy = self.path("copy.lmm")
        self.succeed("snapshot", path, "-o", copy)
        for ledger in (path, copy):
            for words in (["sites"], *(["report", "-F", name] for name in ("csv", "openmetrics", "folded"))):
                result = self.lmm(*words, ledger)
                self.assertEqual((result.returncode, result.stderr.count("\n")), (0, 1), words)
                self.assertIn("could not grow", result.stderr, words)
            self.assertIn("the ledger of the second could not grow", self.succeed("diff", path, ledger))
            self.assertTrue(json.loads(self.succeed("diff", "-F", "json", path, ledger))["after"]["lost"])
            self.assertIn("could not grow", self.succeed("top", "--once", ledger).splitlines()[0])
        self.assertIn("note: the ledger could not grow", self.succeed("report", copy))
        self.assertEqual(reports.read(harness.LMM, copy).state, "lost")
        self.fail_with(1, "its ledger could not grow", "watch", path)

    def test_a_disk_that_fills_up(self):
        mount(self, self.ledgers, "64k")
        worker = self.started()
        self.assert_lost(worker, 28)
        self.assertEqual(self.report_of(worker.pid).state, "lost")
        self.assertEqual(self.states(), {worker.pid: "lost, ended"})
        self.assertIn("removed 1 ledger,", self.succeed("gc"))

    def test_a_disk_that_is_full_at_the_start(self):
        mount(self, self.ledgers, "64k")
        with open(os.path.join(self.ledgers, "filler"), "wb") as file:
            file.write(b"x" * 60 * 1024)
        worker = self.started()
        self.grow(worker)
        self.assert_end_with_line(worker, "No space left on device")
        self.assertEqual(self.files(), ["filler"], "no half of a file is left")

    def test_every_size_of_a_disk(self):
        for pages in range(1, 40):
            mount(self, self.ledgers, f"{4 * pages}k")
            worker = self.started()
            worker.do("sites 300", "thread alloc 0 20", "free 0 10")
            self.assertEqual(worker.end("_exit 0"), 0)
            lines = worker.stderr().splitlines()
            self.assertLessEqual(len(lines), 1, lines)
            for name in self.files():
                path = os.path.join(self.ledgers, name)
                self.assertEqual(reports.read(harness.LMM, path).state, "lost" if lines else "killed")
            subprocess.run(["umount", self.ledgers], check=True)
        self.assertEqual(lines, [], "the last one was large enough")

    def test_a_folder_that_is_removed(self):
        worker = self.started()
        shutil.rmtree(self.ledgers)
        self.assert_goes_on(worker)
        self.assertFalse(os.path.exists(self.ledgers))

    def test_a_folder_that_is_renamed(self):
        worker = self.started()
        moved = self.path("moved")
        os.rename(self.ledgers, moved)
        self.assert_goes_on(worker, self.ledger_of(worker.pid, moved))

    def test_a_disk_that_turns_read_only(self):
        mount(self, self.ledgers, "16m")
        worker = self.started()
        # A writable mapping keeps the file system writable; a read-only mount over it does not.
        subprocess.run(["mount", "--bind", self.ledgers, self.ledgers], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.ledgers], check=False)
        subprocess.run(["mount", "-o", "remount,bind,ro", self.ledgers], check=True)
        self.assert_goes_on(worker, self.ledger_of(worker.pid))

    def test_another_file_under_its_name(self):
        for content in (b"", b"not ours\n" * 1000):
            worker = self.started()
            path = self.ledger_of(worker.pid)
            os.rename(path, self.path("aside"))
            with open(path, "wb") as file:
                file.write(content)
            self.assert_goes_on(worker, self.path("aside"))
            self.assert_content(path, content)
            os.unlink(path)

    def test_something_else_under_its_name(self):
        outside = self.path("outside")
        for make in (os.mkdir, os.mkfifo, lambda path: os.symlink(outside, path)):
            with open(outside, "wb") as file:
                file.write(b"not ours\n")
            worker = self.started()
            path = self.ledger_of(worker.pid)
            os.rename(path, self.path("aside"))
            make(path)
            self.assert_goes_on(worker, self.path("aside"))
            self.assertTrue(os.path.lexists(path))
            (os.rmdir if make is os.mkdir else os.unlink)(path)
            self.assert_content(outside, b"not ours\n")

    def test_a_removed_file_is_not_made_again(self):
        worker = self.started()
        os.unlink(self.ledger_of(worker.pid))
        self.assert_goes_on(worker)
        self.assertEqual(self.files(), [])

    def test_privileges_that_are_dropped(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        worker = self.started()
        worker.do(f"setuid {NOBODY}")
        self.assert_goes_on(worker, self.ledger_of(worker.pid))

    def test_a_child_of_a_process_that_dropped_its_privileges(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        mount(self, "/dev/shm", "16m")
        os.chmod("/dev/shm", 0o1777)
        worker = self.started()
        worker.do(f"setuid {NOBODY}")
        child = int(worker.do("fork sites 100; _exit 0"))
        worker.do("wait")
        place = f"/dev/shm/lmm-{NOBODY}"
        self.assertEqual(self.report_of(child, place).totals["allocations"], 120)
        self.assert_one_line(worker, f"it is in '{place}'")
        self.assertEqual(self.report_of(worker.pid).totals["allocations"], 20)

    def test_another_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        worker = self.started()
        os.mkdir(self.path("root"))
        worker.do(f"chroot {self.path('root')}")
        self.assert_goes_on(worker, self.ledger_of(worker.pid))

    def test_a_limit_of_address_space(self):
        worker = self.started("space 1", "sites 1")
        with open(f"/proc/{worker.pid}/statm", encoding="utf-8") as file:
            mapped_pages = int(file.read().split()[0])
        self.assertEqual((worker.end("_exit 4"), worker.stderr()), (4, ""))
        if mapped_pages > 1 << 28:
            self.skipTest("a sanitizer maps more than any limit")
        for limit in (64 << 20, 96 << 20, 256 << 20):
            worker = self.worker(f"space {limit}")
            worker.process.stdout.readline()
            worker.do("families 2", "alloc 0 10", "sites 1000")
            self.assertEqual(self.report_of(worker.pid).totals["allocations"], 1010)
            self.assertEqual((worker.end("_exit 4"), worker.stderr()), (4, ""))

    def test_a_limit_of_file_sizes(self):
        self.assert_lost(self.started_with_limit(45000), 27)

    def test_the_programs_own_report_goes_on(self):
        worker = self.worker("fsize 45000", LMM_OPTIONS="usage=1")
        worker.process.stdout.readline()
        worker.do("families 2", "alloc 0 10", "sites 10")
        self.grow(worker)
        worker.end("exit 3")
        text = worker.stderr()
        self.assertTrue(text.startswith("lmm: the ledger cannot grow"), text)
        self.assertNotIn("that moment", text)
        self.assertIn(f", {20 + 10000 + 1010} allocations, 0 frees\n", text)
        self.assertEqual(self.report_of(worker.pid).state, "lost")

    def test_a_limit_of_file_sizes_that_comes_later(self):
        self.assert_goes_on(self.started("fsize 45000"))

    def test_a_limit_of_file_sizes_at_the_start(self):
        for limit in (0, 1, 4096, 8191):
            worker = self.worker(f"fsize {limit}")
            worker.process.stdout.readline()
            worker.do("families 2", "alloc 0 10", "sites 500")
            self.assert_end_with_line(worker, "File too large")
            self.assertEqual(self.files(), [])

    def test_no_descriptors_left(self):
        self.assert_goes_on(self.started("nofile 0"))

    def test_no_descriptors_at_the_start(self):
        worker = self.worker("nofile 0")
        worker.process.stdout.readline()
        worker.do("families 2", "alloc 0 10", "sites 500")
        self.assert_end_with_line(worker, "Too many open files")

    def test_a_cancelled_thread_loses_the_ledger(self):
        worker = self.started_with_limit(45000)
        worker.do("cancel")
        self.assert_lost(worker, 27)

    def test_a_pipe_that_nobody_reads_any_more(self):
        worker = self.worker(LMM_DIR=self.path("no", "such"))
        worker.hang_up()
        worker.do("families 2", "alloc 0 10", "sites 500")
        self.assertEqual(worker.end("exit 3"), 3)

    def test_a_log_at_its_limit(self):
        path = self.path("log")
        with open(path, "wb") as file:
            file.write(b"x" * 45000)
        launcher = ["sh", "-c", f'exec "$0" "$@" 2>>"{path}"']
        worker = self.worker("fsize 45000", "families 2", launcher=launcher)
        worker.process.stdout.readline()
        worker.process.stdout.readline()
        self.grow(worker)
        self.assertEqual(worker.end("exit 3"), 3)
        self.assertEqual(self.report_of(worker.pid).state, "lost")
        self.assertEqual(os.stat(path).st_size, 45000)

    def assert_mine(self, paths):
        for path in paths:
            self.assert_content(path, b"mine\n")

    def test_a_program_that_closes_what_it_does_not_know(self):
        paths = [self.path(f"own-{i}") for i in range(20)]
        worker = self.started("closefrom 3 " + " ".join(paths))
        self.grow(worker)
        child = int(worker.do("fork sites 100; _exit 0"))
        worker.do("wait")
        worker.kill()
        self.assertEqual(self.report_of(worker.pid).totals["allocations"], 20 + 10000 + 1010)
        self.assertEqual(self.report_of(child).totals["allocations"], 20 + 10000 + 1010 + 100)
        self.assert_mine(paths)
        self.assertEqual(worker.stderr(), "")

    def test_a_program_that_closes_everything(self):
        paths = [self.path(f"own-{i}") for i in range(20)]
        worker = self.worker("families 2", "alloc 0 10", "closefrom 0 " + " ".join(paths),
                             "sites 3000", "fork sites 100", "wait", "_exit 7")
        self.assertEqual(worker.end(), 7)
        self.assertEqual(self.report_of(worker.pid).totals["allocations"], 3010)
        self.assertEqual(len(self.files()), 2)
        self.assert_mine(paths)

    def test_a_program_that_closes_everything_before_the_start(self):
        paths = [self.path(f"own-{i}") for i in range(3)]
        worker = self.worker("closefrom 0 " + " ".join(paths), "families 2", "alloc 0 10",
                             "sites 3000", "_exit 7")
        self.assertEqual(worker.end(), 7)
        self.assertEqual(self.report_of(worker.pid).totals["allocations"], 3010)
        self.assert_mine(paths)


class Size(Case):
    def test_a_thousand_sites_and_eight_threads(self):
        worker = self.worker()
        worker.do("families 20", "sites 1000", "crowd 8")
        path = self.ledger_of(worker.pid)
        report = reports.read(harness.LMM, path)
        self.assertLessEqual(os.stat(path).st_blocks * 512, 3 << 19)
        self.assertEqual((report.totals["sites"], report.totals["live_blocks"]), (1000, 1000))
        self.assertEqual(report.totals["allocations"], 9000)

    def test_ten_thousand_sites_and_a_thousand_families(self):
        worker = self.worker()
        worker.do("families 1000", "sites 10000", "crowd 2")
        report = self.report_of(worker.pid)
        self.assertEqual((report.totals["families"], report.totals["sites"]), (1000, 10000))
        self.assertIsNone(report.imbalance())
        self.assertEqual(report.totals["allocations"], 30000)
        self.assertEqual({each["live_blocks"] for each in report.families.values()}, {10})
        self.assertEqual(sorted(site["line"] for site in report.sites), list(range(1, 10001)))


def main():
    enter_namespace()
    Case.worker_program, Ends.module, Forks.server, Forks.start = harness.arguments(4)
    harness.main()


main()
