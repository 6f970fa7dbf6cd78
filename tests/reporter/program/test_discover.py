# SPDX-License-Identifier: MIT
"""Which ledgers are found, the state of their processes, and which one a word selects."""
import fcntl
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import unittest

import harness
import ledger
from harness import LMM

PRELOAD, = harness.arguments(1)


class Places(harness.Case):
    def rows(self):
        """`lmm ls` as a list of rows, by its headings."""
        lines = [line.split() for line in self.succeed("ls").splitlines()]
        return [dict(zip(lines[0], line)) for line in lines[1:]]

    def states(self):
        return [row["STATE"] for row in self.rows()]

    # ---- ls

    def test_no_ledgers(self):
        self.assertEqual(self.succeed("ls"), "")
        self.assertEqual(json.loads(self.succeed("ls", "--format", "json"))["processes"], [])
        os.rmdir(self.ledgers)
        self.assertEqual(self.succeed("ls"), "")

    def test_a_live_process_has_its_row(self):
        keeper = self.keep()
        row, = self.rows()
        self.assertEqual((row["PID"], row["PROGRAM"], row["LIVE-BYTES"], row["FAMILIES"],
                          row["STATE"]), (str(keeper.pid), "hr", "256", "3", "live"))
        self.assertRegex(row["AGE"], r"^\d+d\d\dh$")

    def test_age_has_its_unit(self):
        for seconds, expected in ((0, r"^\d{1,2}s$"), (62, r"^1m\d\ds$"), (2 * 3600 + 60, r"^2h01m$"),
                                  (3 * 86400 + 3600, r"^3d01h$")):
            start = time.time_ns() - seconds * 10 ** 9
            ledger.sample(start_time_ns=start).write(self.in_ledgers("1.lmm"))
            self.assertRegex(self.rows()[0]["AGE"], expected)
        ledger.sample(start_time_ns=time.time_ns() + 10 ** 12).write(self.in_ledgers("1.lmm"))
        self.assertEqual(self.rows()[0]["AGE"], "0s")

    def test_every_state_has_its_name(self):
        self.keep("live.lmm")
        self.keep("replaced.lmm", "leave")
        self.keep("lost.lmm", "lost")
        ledger.sample(start_time_ns=ledger.START_NS + 1).write(self.in_ledgers("killed.lmm"))
        ledger.sample(start_time_ns=ledger.START_NS + 2, state=ledger.EXITED).write(
            self.in_ledgers("exited.lmm"))
        ledger.sample(start_time_ns=ledger.START_NS + 3, snapshot_time_ns=1).write(
            self.in_ledgers("snapshot.lmm"))
        ledger.sample(start_time_ns=ledger.START_NS + 4, boot_id=ledger.boot_id(),
                      pid_namespace=1).write(self.in_ledgers("unknown.lmm"))
        broken = ledger.sample(start_time_ns=ledger.START_NS + 5).bytes()
        with open(self.in_ledgers("damaged.lmm"), "wb") as file:
            file.write(broken[:4096] + b"\xff" * (len(broken) - 4096))
        self.assertEqual(sorted(self.states()[:3]), ["live", "lost", "replaced"])
        self.assertEqual(self.states()[3:], ["killed", "exited", "snapshot", "unknown", "damaged"])

    def test_a_killed_process_is_dead_before_it_is_reaped(self):
        keeper = self.keep()
        keeper.kill()
        os.waitid(os.P_PID, keeper.pid, os.WEXITED | os.WNOWAIT)
        self.assertEqual(self.states(), ["killed"])
        keeper.wait()
        self.assertEqual(self.states(), ["killed"])

    def test_a_pid_used_again_is_another_process(self):
        book = ledger.sample().of_process(os.getpid())
        book.header["start_ticks"] += 1
        book.write(self.in_ledgers("1.lmm"))
        self.assertEqual(self.states(), ["killed"])

    def test_a_process_of_another_boot_or_host_is_unknown(self):
        for pid in (os.getpid(), 4242):
            book = ledger.sample(pid=pid, boot_id=b"00000000-0000-0000-0000-000000000000")
            book.write(self.in_ledgers(book.own_name()))
        self.assertEqual(self.states(), ["unknown", "unknown"])
        self.assertEqual(self.succeed("gc"), "removed 0 ledgers, 0 bytes\n")
        self.assertIn("2 processes have a ledger", self.lmm("report").stderr)
        keeper = self.keep()    # one that runs for sure is meant
        self.assertEqual(self.title(), f"LMM: usage report of hr (pid {keeper.pid})")
        self.assertEqual(self.title("hr"), f"LMM: usage report of hr (pid {keeper.pid})")

    def test_ls_shows_what_is_asked_for(self):
        keeper = self.keep()
        for pid, name, state in ((7, "cat", ledger.EXITED), (9, "bee", ledger.RUNNING), (8, "bee", ledger.EXITED)):
            book = ledger.sample(executable=f"/bin/{name}", pid=pid, state=state, start_time_ns=ledger.START_NS + pid)
            book.site(0, "x.c", pid, "f", pid * 100, 0)
            book.write(self.in_ledgers(book.own_name()))
        live = str(keeper.pid)
        for arguments, pids in (
                ([], [live, "7", "8", "9"]), (["--live"], [live]), (["-l", "bee"], []), (["bee"], ["8", "9"]),
                (["9", "cat"], ["7", "9"]), (["none"], []), (["be"], []), (["hr", "cat"], [live, "7"]),
                (["--sort", "start"], [live, "7", "8", "9"]), (["--sort", "name"], ["8", "9", "7", live]),
                (["--sort", "bytes"], ["9", "8", "7", live]), (["--sort", "state"], ["7", "8", "9", live]),
                (["--sort", "pid", "bee", "cat"], ["7", "8", "9"])):
            rows = [line.split()[0] for line in self.succeed("ls", *arguments).splitlines()[1:]]
            self.assertEqual(rows, pids, arguments)
            document = json.loads(self.succeed("ls", "--format", "json", *arguments))
            self.assertEqual([str(process["pid"]) for process in document["processes"]], pids, arguments)

    def test_files_that_are_not_ledgers_are_counted(self):
        for name, content in (("a.lmm", b""), ("b.lmm", b"words"), ("c.lmm", bytes(5000)),
                              ("d.txt", b"")):
            with open(self.in_ledgers(name), "wb") as file:
                file.write(content)
        os.mkfifo(self.in_ledgers("e.lmm"))
        os.mkdir(self.in_ledgers("f.lmm"))
        result = self.lmm("ls")
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertEqual(result.stderr, "lmm: 5 more files cannot be read as ledgers\n")

    def test_a_folder_that_is_a_link_is_not_searched(self):
        ledger.sample().write(self.in_ledgers("1.lmm"))
        os.symlink(self.ledgers, self.path("link"))
        self.environment["LMM_DIR"] = self.path("link")
        self.assertEqual(self.succeed("ls"), "")

    def test_the_folder_of_another_user_is_not_searched(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give a folder away")
        ledger.sample().write(self.in_ledgers("1.lmm"))
        os.chown(self.ledgers, 65534, 65534)
        self.assertEqual(self.succeed("ls"), "")

    def test_the_runtime_folder_is_searched(self):
        del self.environment["LMM_DIR"]
        self.environment["XDG_RUNTIME_DIR"] = self.folder
        os.rename(self.ledgers, self.path("lmm"))
        ledger.sample(executable="/bin/of_this_test").write(self.path("lmm", "1.lmm"))
        self.assertIn("of_this_test", self.succeed("ls"))

    def test_hostile_names_stay_on_their_line(self):
        ledger.sample(executable="/x/\033[2Jevil\nkilled\u202e").write(self.in_ledgers("1.lmm"))
        text = self.succeed("ls")
        self.assertIn(r"\x1b[2Jevil\x0akilled\xe2\x80\xae", text)
        self.assertEqual(text.count("\n"), 2)
        process, = json.loads(self.succeed("ls", "--format", "json"))["processes"]
        self.assertEqual(process["program"], "\033[2Jevil\nkilled\u202e")

    def test_json_has_every_figure(self):
        keeper = self.keep()
        ledger.sample(executable=b"/x/\xff", start_time_ns=ledger.START_NS + 1,
                      state=ledger.EXITED).write(self.in_ledgers("2.lmm"))
        document = json.loads(self.succeed("ls", "--format", "json"))
        self.assertEqual((document["schema"], document["schema_version"]), ("lmm-ls", 1))
        live, dead = document["processes"]
        self.assertEqual((live["pid"], live["state"], live["live_bytes"], live["live_blocks"],
                          live["families"], live["start_time_ns"], live["ledger"]),
                         (keeper.pid, "live", 256, 6, 3, ledger.START_NS,
                          self.in_ledgers("hr.lmm")))
        self.assertEqual(live["ledger_bytes"], os.stat(self.in_ledgers("hr.lmm")).st_size)
        self.assertEqual((dead["program"], dead["state"]), ("\ufffd", "exited"))

    # ---- Selection

    def title(self, *arguments):
        return self.succeed("report", *arguments).splitlines()[0]

    def test_no_word_selects_the_only_live_process(self):
        keeper = self.keep()
        ledger.sample(executable="/bin/dead", pid=77).write(self.in_ledgers("dead.lmm"))
        self.assertEqual(self.title(), f"LMM: usage report of hr (pid {keeper.pid})")

    def test_no_word_and_no_process(self):
        self.fail_with(1, "no process has a ledger", "report")

    def test_no_word_and_only_dead_processes_lists_them(self):
        ledger.sample(executable="/bin/dead", pid=77).write(self.in_ledgers("dead.lmm"))
        result = self.lmm("report")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        first, choice = result.stderr.splitlines()
        self.assertIn("no live process", first)
        self.assertEqual(choice.split(), ["77", "killed", "dead", self.in_ledgers("dead.lmm")])

    def test_no_word_and_two_live_processes_lists_them(self):
        pids = sorted(str(self.keep(name).pid) for name in ("1.lmm", "2.lmm"))
        result = self.lmm("report")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("name one of them", result.stderr.splitlines()[0])
        self.assertEqual(sorted(line.split()[0] for line in result.stderr.splitlines()[1:]), pids)

    def test_a_pid(self):
        keeper = self.keep("1.lmm")
        self.keep("2.lmm")
        self.assertEqual(self.title(keeper.pid), f"LMM: usage report of hr (pid {keeper.pid})")
        for word in (0x7fffffff, 99999999999):
            self.fail_with(1, f"no ledger found for {word} (lmm ls lists all)", "report", word)

    def test_a_pid_selects_the_live_process_or_the_newest_dead_one(self):
        ledger.sample(executable="/bin/old", pid=ledger.ENDED_PID).write(self.in_ledgers("2.lmm"))
        ledger.sample(executable="/bin/new", pid=ledger.ENDED_PID, start_time_ns=ledger.START_NS + 1).write(
            self.in_ledgers("1.lmm"))
        self.assertEqual(self.title(ledger.ENDED_PID), f"LMM: usage report of new (pid {ledger.ENDED_PID})")
        keeper = self.keep()
        ledger.sample(executable="/bin/new", pid=keeper.pid,
                      start_time_ns=ledger.START_NS + 1).write(self.in_ledgers("3.lmm"))
        self.assertEqual(self.title(keeper.pid), f"LMM: usage report of hr (pid {keeper.pid})")

    def test_a_name_selects_the_live_process(self):
        keeper = self.keep()
        ledger.sample(pid=77).write(self.in_ledgers("dead.lmm"))
        self.assertEqual(self.title("hr"), f"LMM: usage report of hr (pid {keeper.pid})")
        self.fail_with(1, "no ledger found for cobbler", "report", "cobbler")

    def test_a_name_is_what_was_typed_the_processs_own_or_its_files(self):
        link = self.path("served")
        os.symlink(sys.executable, link)
        script = os.path.join(harness.HERE, "keeper.py")
        keeper = self.start(link, script, self.in_ledgers("served.lmm"), "typed")
        title = f"LMM: usage report of served (pid {keeper.pid})"
        for name in ("served", "hr", "hr-worker"):
            self.assertEqual(self.title(name), title, name)
        for name in ("serve", "bin/served", "r-worker"):
            self.assertEqual(self.lmm("report", name).returncode, 1, name)
        self.end(keeper)
        self.assertEqual(self.title("served"), title)
        self.fail_with(1, "no ledger found for hr-worker", "report", "hr-worker")

    def start_called(self, name):
        """Starts a process without LMM that gives itself a name. No earlier process with its PID left a ledger in the
        usual places, which are those of all programs of this user: lmm looks there as well."""
        script = f"open('/proc/self/comm', 'w').write('{name}'); print('ready', flush=True); input()"
        while True:
            process = self.start(sys.executable, "-c", script)
            if not any(glob.glob(f"{place}/lmm-*/{process.pid}.*") for place in ("/dev/shm", "/tmp")):
                return process
            self.end(process)

    def test_a_process_that_runs_without_lmm(self):
        process = self.start_called("lone-worker")
        for word in (process.pid, "lone-worker"):
            self.fail_with(1, f"lone-worker (pid {process.pid}) runs, but not under LMM\n", "report", word)

    @unittest.skipUnless(os.path.isfile(PRELOAD), "this build has no drop-in")
    def test_a_process_with_lmm_but_without_a_ledger(self):
        """The message says how to get one."""
        for preload, options in ((PRELOAD, ""), (PRELOAD, "stacks=8"), (PRELOAD, "ledger=off")):
            self.environment.update(LD_PRELOAD=preload, LMM_OPTIONS=options)
            process = self.start_called("ledgerless")
            del self.environment["LD_PRELOAD"]
            for word in (process.pid, "ledgerless"):
                self.fail_with(1, f"ledgerless (pid {process.pid}) has LMM, but keeps no ledger: start it by lmm run, or "
                                  "with LMM_OPTIONS=ledger=on\n", "report", word)
            self.end(process)

    def test_a_pid_means_the_process_that_has_it_now(self):
        process = self.start_called("lone-worker")
        places = self.in_ledgers("old.lmm"), self.in_ledgers("new.lmm")
        for at, path in enumerate(places):
            ledger.sample(pid=process.pid, start_time_ns=ledger.START_NS + at, state=ledger.EXITED).write(path)
        message = (f"lone-worker (pid {process.pid}) runs, but not under LMM; "
                   f"an earlier process with that PID left {places[1]}\n")
        self.fail_with(1, message, "report", process.pid)
        self.succeed("report", places[1])
        process.kill()
        process.wait()
        self.assertEqual(self.title(process.pid), f"LMM: usage report of hr (pid {process.pid})")

    def test_a_ledger_of_its_own_past_is_a_processs_own(self):
        """What it left before it became another program, or lmm snapshot saved of it."""
        for settings in ({}, {"snapshot_time_ns": 1}):
            process = self.start_called("lone-worker")
            ledger.sample(**settings).of_process(process.pid).write(self.in_ledgers("own.lmm"))
            self.assertEqual(self.title(process.pid), f"LMM: usage report of hr (pid {process.pid})")

    def test_in_the_folder_of_a_program(self):
        """Its file is not taken for a ledger; a ledger's copy of any name and mode is."""
        self.file("lone-tool", "#!/bin/sh\n", 0o755)
        self.fail_with(1, "no ledger found for lone-tool", "report", "lone-tool", cwd=self.folder)
        process = self.start_called("lone-tool")
        self.fail_with(1, f"lone-tool (pid {process.pid}) runs, but not under LMM\n", "report", "lone-tool", cwd=self.folder)
        self.file("lone-notes", "text\n")
        self.fail_with(1, "lone-notes: not a ledger", "report", "lone-notes", cwd=self.folder)
        ledger.sample().write(self.path("copy"))
        for mode in (0o600, 0o755):
            os.chmod(self.path("copy"), mode)
            self.succeed("report", "copy", cwd=self.folder)

    def test_several_processes_that_run_without_lmm(self):
        for _ in range(2):
            self.start_called("twin-worker")
        self.fail_with(1, "2 processes are called twin-worker, but none runs under LMM", "report", "twin-worker")

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_another_users_process_is_said_to_be_its(self):
        process = self.start_called("roots-worker")
        os.chmod(self.folder, 0o711)
        for word in (process.pid, "roots-worker"):
            result = harness.run(LMM, "report", word, env=self.environment, user=65534, group=65534, extra_groups=[])
            self.assertEqual((result.returncode, result.stderr),
                             (1, f"lmm: roots-worker (pid {process.pid}) belongs to another user, root\n"))

    @unittest.skipIf(shutil.which("unshare") is None, "needs unshare")
    def test_other_mount_namespaces_are_looked_into(self):
        if harness.run("unshare", "-m", "true").returncode != 0:
            self.skipTest("no mount namespace: not root, or the root directory is not a mount (chroot)")
        script = os.path.join(harness.HERE, "keeper.py")
        inside = f"mount -t tmpfs none {self.ledgers} && exec {sys.executable} {script} {self.in_ledgers('a.lmm')} map"
        keeper = self.start("unshare", "-m", "sh", "-c", inside)
        self.assertEqual(os.listdir(self.ledgers), [])
        for word in (keeper.pid, "hr"):
            self.assertEqual(self.title(word), f"LMM: usage report of hr (pid {keeper.pid})")
        del self.environment["LMM_DIR"]
        self.assertIn((str(keeper.pid), "live"), [(row["PID"], row["STATE"]) for row in self.rows()])

    def test_a_ledger_in_a_place_of_its_own_is_found_by_the_pid(self):
        keeper = self.keep("../elsewhere.lmm")
        self.assertEqual(self.title(keeper.pid), f"LMM: usage report of hr (pid {keeper.pid})")
        self.assertEqual(self.succeed("ls"), "")
        ledger.sample(executable="/bin/dead", pid=keeper.pid).write(self.in_ledgers("dead.lmm"))
        self.assertEqual(self.title(keeper.pid), f"LMM: usage report of hr (pid {keeper.pid})")
        self.end(keeper)
        self.assertEqual(self.title(keeper.pid), f"LMM: usage report of dead (pid {keeper.pid})")

    def test_a_name_of_two_dead_processes_lists_them(self):
        for pid in (77, 78):
            ledger.sample(pid=pid).write(self.in_ledgers(f"{pid}.lmm"))
        result = self.lmm("report", "hr")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("2 ledgers belong to hr", result.stderr.splitlines()[0])
        self.assertEqual([line.split()[0] for line in result.stderr.splitlines()[1:]], ["77", "78"])

    def test_a_file_in_any_directory(self):
        ledger.sample(pid=77).write(self.path("saved"))
        ledger.sample(pid=78).write(self.path("saved.lmm"))
        self.assertIn("pid 77", self.title(self.path("saved")))
        self.assertIn("pid 77", self.lmm("report", "saved", cwd=self.folder).stdout)
        self.assertIn("pid 78", self.lmm("report", "saved.lmm", cwd=self.folder).stdout)

    # ---- gc

    def names(self):
        return sorted(os.listdir(self.ledgers))

    def fill(self):
        self.keep("live.lmm")
        self.keep("lost.lmm", "lost")
        ledger.sample().write(self.in_ledgers("4242.1.0.lmm"))
        ledger.sample(pid=5, state=ledger.EXITED).write(self.in_ledgers("5.1.0.lmm"))
        ledger.sample(pid=6, snapshot_time_ns=1).write(self.in_ledgers("6.1.0.lmm"))
        ledger.sample(pid=7, pid_namespace=1).write(self.in_ledgers("7.1.1.lmm"))
        ledger.sample().write(self.in_ledgers("copy.lmm"))      # of a ledger, whatever its process does
        ledger.sample().write(self.in_ledgers("4242.2.0.lmm"))
        with open(self.in_ledgers("notes.lmm"), "w", encoding="utf-8") as file:
            file.write("not a ledger")

    def test_gc_removes_the_ledgers_of_ended_processes_only(self):
        self.fill()
        size = os.stat(self.in_ledgers("4242.1.0.lmm")).st_size
        self.assertEqual(self.succeed("gc"), f"removed 2 ledgers, {2 * size} bytes\n")
        self.assertEqual(self.names(), ["4242.2.0.lmm", "6.1.0.lmm", "7.1.1.lmm", "copy.lmm", "live.lmm", "lost.lmm",
                                        "notes.lmm"])
        self.assertEqual(self.succeed("gc"), "removed 0 ledgers, 0 bytes\n")

    def test_gc_takes_ledgers_of_other_boots_only_when_asked(self):
        other = b"00000000-0000-0000-0000-000000000000"
        live = self.keep("live.lmm").pid
        for book in (ledger.sample(pid=live, boot_id=other), ledger.sample(pid=6, snapshot_time_ns=1, boot_id=other),
                     ledger.sample(pid=7, pid_namespace=1, boot_id=ledger.boot_id())):
            book.write(self.in_ledgers(book.own_name()))
        ledger.sample(pid=5, boot_id=other).write(self.in_ledgers("copy.lmm"))
        before = self.names()
        for arguments, removed in (([], 0), (["--other-boots", "-n"], 1), (["--other-boots"], 1)):
            self.assertRegex(self.succeed("gc", *arguments), fr"removed? {removed} ledger", arguments)
        self.assertEqual(set(before) - set(self.names()), {ledger.sample(pid=live, boot_id=other).own_name()})

    def test_gc_dry_run_removes_nothing(self):
        self.fill()
        before = self.names()
        self.assertRegex(self.succeed("gc", "--dry-run"), r"^would remove 2 ledgers, \d+ bytes\n$")
        self.assertEqual(self.names(), before)

    def test_gc_keeps_ledgers_written_recently(self):
        for pid in (1, 2):
            ledger.sample(pid=pid).write(self.in_ledgers(f"{pid}.1.0.lmm"))
        hour_ago = time.time() - 3600
        os.utime(self.in_ledgers("1.1.0.lmm"), (hour_ago, hour_ago))
        ledger.sample(pid=3, state=ledger.EXITED, end_time_ns=time.time_ns()).write(self.in_ledgers("3.1.0.lmm"))
        os.utime(self.in_ledgers("3.1.0.lmm"), (hour_ago, hour_ago))
        self.assertIn("removed 0 ledgers", self.succeed("gc", "--older-than", "2h"))
        self.assertIn("removed 1 ledger,", self.succeed("gc", "--older-than", "30m"))
        self.assertEqual(self.names(), ["2.1.0.lmm", "3.1.0.lmm"])

    def test_gc_sweeps_drafts_and_empty_folders(self):
        old = time.time() - 3600
        for name, is_old in ((".42.1.0.lmm.new", True), (".43.1.0.lmm.new", False), (".x.lmm.new", True), (".lmm.new", True),
                             ("44.1.0.lmm.new", True), (".45.1.0.lmm.newer", True)):
            with open(self.in_ledgers(name), "wb"):
                os.utime(self.in_ledgers(name), (old, old) if is_old else None)
        os.mkdir(self.in_ledgers(".46.1.0.lmm.new"))
        for name, draft in (("lmm-run-empty", None), ("lmm-run-draft", ".1.1.0.lmm.new"), ("lmm-run-notes", "notes"), ("lmm-run-starts", "starts"),
                            ("lmm-run-new", None), ("lmm-run-busy", None), ("other", None)):
            folder = self.in_ledgers(name)
            os.mkdir(folder)
            if draft is not None:
                with open(os.path.join(folder, draft), "wb"):
                    os.utime(os.path.join(folder, draft), (old, old))
            if name != "lmm-run-new":
                os.utime(folder, (old, old))
        left = sorted(set(self.names()) - {".42.1.0.lmm.new", "lmm-run-empty", "lmm-run-draft", "lmm-run-starts"})
        busy = os.open(self.in_ledgers("lmm-run-busy"), os.O_RDONLY)
        fcntl.flock(busy, fcntl.LOCK_SH)
        before = self.names()
        said = "2 drafts, 3 empty folders"
        self.assertEqual(self.succeed("gc", "--older-than", "2h"), "removed 0 ledgers, 0 bytes\n")
        self.assertEqual(self.succeed("gc", "--dry-run"), f"would remove 0 ledgers, 0 bytes, {said}\n")
        self.assertEqual(self.names(), before)
        self.assertEqual(self.succeed("gc"), f"removed 0 ledgers, 0 bytes, {said}\n")
        self.assertEqual(self.names(), left)
        os.close(busy)

    def listen(self, name, is_old=True, is_closed=True):
        made = socket.socket(socket.AF_UNIX)
        made.bind(self.in_ledgers(name))
        made.listen(1)
        if is_old:
            os.utime(self.in_ledgers(name), (0, 0))
        if is_closed:
            made.close()
        else:
            self.addCleanup(made.close)

    def test_gc_sweeps_sockets_on_which_nobody_listens(self):
        self.listen("1.1.0.lmm.sock")
        self.listen("2.1.0.lmm.sock", is_closed=False)
        self.listen("3.1.0.lmm.sock", is_old=False)
        self.listen("4.sock")
        self.listen(".lmm.sock")
        with open(self.in_ledgers("5.1.0.lmm.sock"), "wb"):
            os.utime(self.in_ledgers("5.1.0.lmm.sock"), (0, 0))
        before = self.names()
        self.assertEqual(self.succeed("gc", "--dry-run"), "would remove 0 ledgers, 0 bytes, 1 socket\n")
        self.assertEqual(self.names(), before)
        self.assertEqual(self.succeed("gc"), "removed 0 ledgers, 0 bytes, 1 socket\n")
        self.assertEqual(set(before) - set(self.names()), {"1.1.0.lmm.sock"})

    def test_gc_removes_the_socket_of_a_ledger(self):
        ledger.sample().write(self.in_ledgers("4242.1.0.lmm"))
        self.listen("4242.1.0.lmm.sock", is_old=False)
        self.assertIn("removed 1 ledger,", self.succeed("gc"))
        self.assertEqual(self.names(), [])

    def test_gc_reports_what_it_cannot_remove(self):
        if os.geteuid() == 0 and subprocess.run(["chattr", "-f", "-i", self.folder]).returncode:
            self.skipTest("nothing stops root here")
        ledger.sample().write(self.in_ledgers("4242.1.0.lmm"))
        stop, go = ((["chattr", "+i"], ["chattr", "-i"]) if os.geteuid() == 0
                    else (["chmod", "500"], ["chmod", "700"]))
        subprocess.run([*stop, self.ledgers], check=True)
        self.addCleanup(subprocess.run, [*go, self.ledgers], check=True)
        result = self.lmm("gc")
        self.assertEqual(result.returncode, 1)
        self.assertIn("4242.1.0.lmm: ", result.stderr)
        self.assertIn("removed 0 ledgers", result.stdout)


harness.main()
