# SPDX-License-Identifier: MIT
"""report, sites and snapshot: rows, their order, and the output file."""
import json
import os
import stat
import subprocess
import time

import harness
import ledger

HOSTILE = "\033[2J\n\t\u202e\\"
ESCAPED = r"\x1b[2J\x0a\x09\xe2\x80\xae\\"


class Report(harness.Case):
    def setUp(self):
        super().setUp()
        self.file = ledger.sample().write(self.path("sample.lmm"))

    def document(self, *arguments):
        return json.loads(self.succeed("report", "--format", "json", *arguments, self.file))

    def families(self, *arguments):
        return [family["name"] for family in self.document(*arguments)["families"]]

    def lines(self, *arguments):
        return [site["line"] for site in self.document(*arguments)["sites"]]

    # ---- The last leak check

    def lossy(self, **check):
        book = ledger.sample()
        book.header["version"] = 2
        book.header["state"] = ledger.EXITED
        leaks = [(0, 0, ledger.DEFINITE, 1, 40), (1, 0, ledger.INDIRECT, 2, 80), (1, 1, ledger.REACHABLE, 2, 80)]
        book.check([] if check.get("failure") else leaks, **check)
        return book.write(self.path("lossy.lmm"))

    def test_leaks(self):
        text = self.succeed("report", "--leaks", self.lossy())
        self.assertRegex(text, r"^LMM: leak check of hr \(pid 4242\): failed, 1 line loses memory\n"
                               r"  definitely lost: 40 bytes in 1 block\n  indirectly lost: 80 bytes in 2 blocks\n")
        self.assertRegex(text, r"(?m)^  1  120 bytes: 40 direct in 1 block, 80 indirect in 2  ")
        self.assertNotIn("Still reachable", text)
        self.assertIn("\nStill reachable\n", self.succeed("report", "--leaks", "--show-leak-kinds=all", self.lossy()))

    def test_leaks_in_json(self):
        document = json.loads(self.succeed("report", "--leaks", "-F", "json", self.lossy()))
        process, = document["processes"]
        self.assertEqual((document["schema"], process["check"]["definitely_lost"]), ("lmm-run", {"blocks": 1, "bytes": 40}))
        self.assertEqual([(row["kind"], row["bytes"]) for row in process["lost"]], [("definite", 120)])
        self.assertEqual({"command", "ending"} & set(document), set())  # no program was run

    def test_leaks_that_are_suppressed(self):
        known = self.path("known")
        with open(known, "w", encoding="utf-8") as file:
            file.write("leak:hire\n")
        text = self.succeed("report", "--leaks", "--suppressions", known, self.lossy())
        self.assertRegex(text, r"(?m): passed\n.*  definitely lost: +0 bytes in 0 blocks\n")
        self.assertRegex(text, r"(?m)^  suppressed: +\d+ bytes in \d+ blocks +\(known:1 leak:hire\)$")
        text = self.succeed("report", "--leaks", self.lossy(own="leak:hire\n"))
        self.assertRegex(text, r"(?m)^  suppressed: +\d+ bytes in \d+ blocks +\(__lsan_default_suppressions:1 leak:hire\)$")

    def test_leaks_that_were_not_looked_for(self):
        for flags, failure, words in ((0, 0, ""), (1, 12, ": not done: the leak check failed: Cannot allocate memory")):
            text = self.succeed("report", "--leaks", self.lossy(flags=flags, failure=failure))
            self.assertIn(words, text.splitlines()[0])
            self.assertNotIn("definitely", text)

    def test_leaks_for_ci(self):
        self.assertIn('<failure type="leak" message="40 bytes in 1 block definitely lost',
                      self.succeed("report", "-F", "junit", self.lossy()))
        self.assertEqual(self.succeed("report", "-F", "junit", self.lossy()),
                         self.succeed("report", "--leaks", "-F", "junit", self.lossy()))
        document = json.loads(self.succeed("report", "-F", "sarif", self.lossy()))
        self.assertEqual([result["ruleId"] for result in document["runs"][0]["results"]], ["definitely-lost"])

    def test_growth_that_fails(self):
        before, after = ledger.sample(), ledger.sample()
        after.rows[1][0] = tuple(figure * 2 for figure in after.rows[1][0])
        files = before.write(self.path("before.lmm")), after.write(self.path("after.lmm"))
        for percent, order, status in (("5%", 1, 3), ("1000000%", 1, 0), ("0%", -1, 0)):
            result = self.lmm("diff", "--fail-on-growth", percent, *files[::order])
            self.assertEqual(result.returncode, status, percent)
            self.assertEqual("lmm: live bytes grew from" in result.stderr, status == 3)

    # ---- Figures

    def test_figures_are_those_of_the_ledger(self):
        document = self.document()
        totals = document["totals"]
        self.assertEqual((totals["families"], totals["families_used"], totals["sites"],
                          totals["live_blocks"], totals["live_bytes"], totals["allocations"],
                          totals["frees"]), (3, 2, 3, 6, 256, 15, 9))
        self.assertEqual([(f["name"], f["live_blocks"], f["live_bytes"], f["peak_bytes"])
                          for f in document["families"]],
                         [("emp_t", 5, 200, 480), ("student_t", 1, 56, 168), ("idle_t", 0, 0, 0)])
        self.assertEqual([(s["file"], s["line"], s["function"], s["allocations"], s["frees"])
                          for s in document["sites"]],
                         [("hr.c", 42, "hire", 10, 5), ("school.c", 9, "enrol", 3, 2),
                          ("hr.c", 77, "merge", 2, 2)])
        self.assertEqual((document["settled"], document["process"]["state"]), (True, "killed"))

    def test_recorded_ledgers_of_each_version_are_read(self):
        data = os.path.join(harness.SOURCE, "tests", "data")
        recorded = sorted(name[:-4] for name in os.listdir(data) if name.endswith(".lmm"))
        self.assertIn("wordindex-1", recorded)
        for name in recorded:
            with open(os.path.join(data, name + ".txt"), encoding="utf-8") as file:
                self.assertEqual(self.succeed("report", "--sites",
                                              os.path.join(data, name + ".lmm")), file.read(), name)

    def test_reports_of_dead_processes_say_so(self):
        for header, note in (({}, "the process was killed"),
                             ({"state": ledger.EXITED}, "the process has exited"),
                             ({"state": ledger.LOST}, "the ledger could not grow"),
                             ({"snapshot_time_ns": 1}, None)):
            ledger.sample(**header).write(self.file)
            notes = [line for line in self.succeed("report", self.file).splitlines()
                     if line.startswith("note: ")]
            self.assertEqual(len(notes), 0 if note is None else 1, notes)
            self.assertIn(note or "", "".join(notes))
        keeper = self.keep()
        self.assertNotIn("note: ", self.succeed("report", keeper.pid))
        self.keep("replaced.lmm", "leave")
        self.assertIn("became another program", self.succeed("report",
                                                             self.in_ledgers("replaced.lmm")))

    def test_rows_that_were_moved_when_the_process_died_are_settled(self):
        ledger.sample(move_sequence=5).write(self.file)
        self.assertTrue(self.document()["settled"])
        ledger.sample(move_sequence=5, snapshot_time_ns=1).write(self.file)
        self.assertFalse(self.document()["settled"])
        keeper = self.keep()
        with open(self.in_ledgers("hr.lmm"), "r+b") as file:
            file.seek(ledger.field_offset("move_sequence")[0])
            file.write(b"\5")
        self.assertIn("may be inexact", self.succeed("report", keeper.pid))

    def test_of_two_chunks_of_an_owner_the_larger_counts(self):
        book = ledger.sample()
        stale = book.chunk(ledger.ROWS, [ledger.ROW.pack(99, 0, 0, 0)], owner=1)
        chunks = book.chunks()
        for place in range(len(chunks) + 1):
            book.chunks = lambda: chunks[:place] + [stale] + chunks[place:]
            book.write(self.file)
            self.assertEqual(self.document()["totals"]["allocations"], 15)

    def test_version_2_gives_the_figures_of_version_1(self):
        for make in (ledger.sample, ledger.drop_in):
            make(version=1).write(self.file)
            old = self.document()
            make(version=2).write(self.file)
            new = self.document()
            for site in old["sites"] + new["sites"]:
                del site["smallest_bytes"], site["largest_bytes"]
            for one, two in [(old["totals"], new["totals"]), *zip(old["sites"], new["sites"])]:
                for key in [key for key in one if key.startswith("peak_") and one[key] == 0]:
                    del one[key], two[key]  # version 1 has a peak only where one was recorded
            del old["hints_at"], new["hints_at"]  # the peak, if there is one
            self.assertEqual(old, new)

    def test_details_of_rows(self):
        book = ledger.sample(version=2)
        book.details = {(1, 0): (2, 40, 80), (2, 0): (1, 20, 60), (1, 1): (9, 0, 0)}
        book.write(self.file)
        self.assertEqual([(s["line"], s["foreign_frees"], s["smallest_bytes"], s["largest_bytes"])
                          for s in self.document()["sites"]],
                         [(42, 3, 20, 80), (9, 0, 56, 56), (77, 2, 40, 40)])

    def test_chunks_of_unknown_kinds_are_skipped(self):
        book = ledger.sample()
        chunks = book.chunks()
        for kind in (ledger.UNUSED, ledger.TEMPORARIES + 1, 0xffffffff):
            head = ledger.CHUNK.pack(kind, 7, 8, 0xffffffff, 9, 10, 128)
            book.chunks = lambda: chunks[:1] + [head.ljust(128, b"x")] + chunks[1:]
            book.write(self.file)
            self.assertEqual(self.document()["totals"]["allocations"], 15)

    # ---- Rows and their order

    def test_sort_keys(self):
        for key, families, lines in (
                ("bytes", ["emp_t", "student_t", "idle_t"], [42, 9, 77]),
                ("blocks", ["emp_t", "student_t", "idle_t"], [42, 9, 77]),
                ("allocations", ["emp_t", "student_t", "idle_t"], [42, 9, 77]),
                ("frees", ["emp_t", "student_t", "idle_t"], [42, 77, 9]),
                ("size", ["student_t", "emp_t", "idle_t"], [9, 42, 77]),
                ("peak", ["emp_t", "student_t", "idle_t"], [42, 9, 77]),
                ("committed", ["emp_t", "student_t", "idle_t"], [42, 9, 77]),
                ("name", ["emp_t", "idle_t", "student_t"], [42, 77, 9])):
            self.assertEqual(self.families("--sort", key), families, key)
            self.assertEqual(self.lines("--sort", key), lines, key)

    def test_the_text_names_the_sort_key(self):
        self.assertIn("\nLines with most live bytes\n", self.succeed("report", self.file))
        self.assertIn("\nLines by frees\n", self.succeed("report", "--sort", "frees", self.file))

    def test_patterns_select_families_and_their_totals(self):
        for patterns, families, live in ((["emp_t"], ["emp_t"], 200), (["*_t"], None, 256),
                                         (["s*", "i*"], ["student_t", "idle_t"], 56),
                                         (["[!e]*"], ["student_t", "idle_t"], 56),
                                         (["EMP*"], [], 0)):
            options = [word for pattern in patterns for word in ("--family", pattern)]
            document = self.document(*options)
            if families is not None:
                self.assertEqual([f["name"] for f in document["families"]], families)
                self.assertLessEqual({s["family"] for s in document["sites"]}, set(families))
            self.assertEqual(document["totals"]["live_bytes"], live, patterns)
            self.assertEqual(sum(s["live_bytes"] for s in document["sites"]), live)
        self.assertEqual(self.document("--family", "stud*")["sites"][0]["share_permille"], 1000)

    def test_top_hides_rows_but_not_their_figures(self):
        document = self.document("--top", "1")
        self.assertEqual((len(document["families"]), len(document["sites"])), (1, 1))
        self.assertEqual((document["totals"]["families"], document["totals"]["sites"],
                          document["totals"]["live_bytes"]), (3, 3, 256))
        text = self.succeed("report", "--top", "1", self.file)
        self.assertEqual(text.count("  and 2 other families with 1 live block\n"), 2)
        self.assertEqual(text.count("  and 2 other lines with 1 live block\n"), 1)
        self.assertEqual(self.families("--top", "99"), self.families())

    def test_sites_shows_all_of_them(self):
        ledger.large(3, 25).write(self.file)
        shown = self.succeed("report", self.file).count("src/module")
        self.assertEqual(shown, 10)
        self.assertEqual(self.succeed("report", "--sites", self.file).count("src/module"), 25)
        self.assertEqual(self.succeed("report", "--sites", "--top", "7",
                                      self.file).count("src/module"), 7)

    def test_ten_thousand_sites_of_a_thousand_families(self):
        ledger.large(1000, 10000).write(self.file)
        totals = self.document()["totals"]
        self.assertEqual((totals["families"], totals["sites"]), (1000, 10000))
        self.assertEqual(totals["allocations"], sum(100 + i * 7919 % 10007 for i in range(10000)))

    # ---- Sites

    def test_one_line_per_site_with_tabs_between_columns(self):
        self.assertEqual([line.split("\t") for line in self.succeed("sites",
                                                                    self.file).splitlines()],
                         [["200", "5", "hr.c:42", "hire", "emp_t", "0", "#0", "emp_t"],
                          ["56", "1", "school.c:9", "enrol", "student_t", "0", "#2", "student_t"]])
        self.assertEqual(self.succeed("sites", "--sort", "name", "--top", "1", "--family", "s*",
                                      self.file), "56\t1\tschool.c:9\tenrol\tstudent_t\t0\t#2\tstudent_t\n")

    def test_hostile_names_stay_in_their_column(self):
        book = ledger.Ledger(executable="/" + HOSTILE)
        book.site(book.family(HOSTILE, 8), HOSTILE, 1, HOSTILE, 1)
        book.site(book.family("", 8), "", 0, "", 1)
        book.site(book.family(b"\xff", 8), b"\xff", 0, b"\xff", 1)
        book.write(self.file)
        self.assertEqual(sorted(line.split("\t") for line in self.succeed("sites",
                                                                          self.file).splitlines()),
                         sorted([["8", "1", ESCAPED + ":1", ESCAPED, ESCAPED, "0", "#0", ESCAPED],
                                 ["8", "1", "-", "-", "", "0", "#1", "-"],
                                 ["8", "1", r"\xff", r"\xff", r"\xff", "0", "#2", r"\xff"]]))
        for arguments in (["report"], ["report", "--format", "folded"], ["sites"]):
            self.assertNotIn("\033", self.succeed(*arguments, self.file), arguments)
        self.assertEqual(json.loads(self.succeed("report", "--format", "json",
                                                 self.file))["process"]["program"], HOSTILE)

    def on_a_terminal(self, *arguments, **environment):
        """Returns what lmm writes to a terminal."""
        return harness.run_on_terminal(harness.LMM, *arguments, env=dict(self.environment, **environment))

    def test_a_terminal_gets_headings_and_colour(self):
        result, text = self.on_a_terminal("sites", self.file)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(text.splitlines()[0].split(),
                         ["BYTES", "BLOCKS", "PLACE", "FUNCTION", "FAMILY", "STACKS", "ID", "TYPE"])
        self.assertIn("\033[1m", self.on_a_terminal("report", self.file)[1])
        self.assertNotIn("\033", self.on_a_terminal("report", self.file, NO_COLOR="1")[1])
        self.assertNotIn("\033", self.on_a_terminal("report", self.file, TERM="dumb")[1])

    def test_a_terminal_gets_no_binary_format(self):
        result, text = self.on_a_terminal("report", "--format", "pprof", self.file)
        self.assertEqual((result.returncode, text), (2, ""))
        self.assertEqual(result.stderr, "lmm: not writing binary pprof to a terminal; use -o FILE\n")

    # ---- Output

    def test_a_file_is_complete_and_has_the_usual_mode(self):
        target = self.path("report.txt")
        self.assertEqual(self.succeed("report", "-o", target, self.file), "")
        with open(target, encoding="utf-8") as file:
            self.assertEqual(file.read(), self.succeed("report", self.file))
        mask = os.umask(0)
        os.umask(mask)
        self.assertEqual(stat.S_IMODE(os.stat(target).st_mode), 0o666 & ~mask)
        self.assertEqual(sorted(os.listdir(self.folder)), ["ledgers", "report.txt", "sample.lmm"])

    def test_a_file_is_replaced_also_through_a_link(self):
        target = self.path("report.txt")
        self.succeed("report", "-o", target, "--top", "1", self.file)
        os.symlink(target, self.path("link"))
        self.succeed("report", "-o", self.path("link"), self.file)
        self.assertTrue(os.path.islink(self.path("link")))
        with open(target, encoding="utf-8") as file:
            self.assertEqual(file.read(), self.succeed("report", self.file))

    def test_a_device_or_fifo_is_written_directly(self):
        before = os.stat("/dev/null")
        self.succeed("report", "-o", "/dev/null", self.file)
        self.assertEqual(os.stat("/dev/null").st_ino, before.st_ino)
        text = self.succeed("report", self.file)
        for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
            self.assertEqual(self.succeed("report", "-o", name, self.file), text)
        with open(self.path("all"), "w", encoding="utf-8") as file:
            self.lmm("report", "-o", "/dev/stdout", self.file, stdout=file)
        self.assertEqual(self.text_of(self.path("all")), text)
        result = self.lmm("report", "-o", "-", self.file)     # until 1.0
        self.assertEqual((result.returncode, result.stdout), (0, text))
        self.assertIn("use -o /dev/stdout", result.stderr)

    def test_a_full_disk_is_reported_and_leaves_no_file(self):
        self.fail_with(1, "/dev/full: No space left on device", "report", "-o", "/dev/full",
                       self.file)
        for command in (["report"], ["report", "--format", "pprof"], ["sites"],
                        ["ls", "--format", "json"], ["gc"]):
            with open("/dev/full", "wb") as full:
                arguments = command if command[0] in ("ls", "gc") else [*command, self.file]
                self.fail_with(1, "standard output: No space left on device", *arguments,
                               stdout=full)

    def test_a_failure_leaves_the_old_file(self):
        target = self.path("report.txt")
        with open(target, "w", encoding="utf-8") as file:
            file.write("old")
        ledger.large(200, 2000).write(self.file)
        limited = ("import os, resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
                   "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
                   "os.execv(sys.argv[1], sys.argv[1:])")
        for arguments in (["report", "--sites"], ["snapshot"]):
            result = subprocess.run(["python3", "-c", limited, harness.LMM, *arguments, "-o",
                                     target, self.file], env=self.environment,
                                    stderr=subprocess.PIPE, encoding="utf-8", timeout=harness.PATIENCE_SECONDS)
            self.assertEqual((result.returncode, result.stderr),
                             (1, f"lmm: {target}: File too large\n"))
            with open(target, encoding="utf-8") as file:
                self.assertEqual(file.read(), "old")
        self.assertEqual(sorted(os.listdir(self.folder)), ["ledgers", "report.txt", "sample.lmm"])

    def test_a_missing_directory_is_reported(self):
        for arguments in (["report"], ["snapshot"]):
            self.fail_with(1, "No such file or directory", *arguments, "-o",
                           self.path("no", "where"), self.file)
            self.fail_with(1, "Is a directory", *arguments, "-o", self.folder, self.file)

    def test_a_reader_that_has_seen_enough_is_no_failure(self):
        ledger.large(20, 2000).write(self.in_ledgers("many.lmm"))
        keeper = self.keep("live.lmm")
        for arguments in (["report", self.file], ["report", "--sites", "--format", "json", self.in_ledgers("many.lmm")],
                          ["sites", self.file], ["help"], ["ls"], ["ls", "--format", "json"], ["gc", "--dry-run"],
                          ["diff", self.file, self.in_ledgers("many.lmm")], ["top", "--once", self.file],
                          ["watch", "--every", "50ms", "--for", "1h", str(keeper.pid)],
                          ["report", "-o", "/dev/stdout", self.file]):
            reader, writer = os.pipe()
            os.close(reader)
            result = self.lmm(*arguments, stdout=writer)
            os.close(writer)
            self.assertEqual((result.returncode, result.stderr), (0, ""), arguments)

    def text_of(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_mode_and_owner_of_the_old_file_are_kept(self):
        target = self.path("report.txt")
        for mode in (0o600, 0o640, 0o444, 0o755):
            with open(target, "w", encoding="utf-8"):
                os.chmod(target, mode)
            if os.geteuid() == 0:
                os.chown(target, 65534, 65533)
            before = os.stat(target)
            self.succeed("report", "-o", target, self.file)
            after = os.stat(target)
            self.assertEqual((after.st_mode, after.st_uid, after.st_gid),
                             (before.st_mode, before.st_uid, before.st_gid))
            self.assertEqual(self.text_of(target), self.succeed("report", self.file))
            os.remove(target)

    def test_a_file_whose_owner_cannot_be_kept_is_overwritten(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make another user's file")
        folder, target = self.path("folder"), self.path("folder", "report.txt")
        os.mkdir(folder)
        os.chown(folder, 65534, 65534)
        os.chmod(self.folder, 0o755)
        with open(target, "w", encoding="utf-8") as file:
            file.write("old" * 10000)
        for mode, status in ((0o644, 1), (0o666, 0)):
            os.chmod(target, mode)
            before = os.stat(target)
            result = self.lmm("report", "-o", target, self.file, user=65534, group=65534, extra_groups=[])
            self.assertEqual(result.returncode, status, result.stderr)
            after = os.stat(target)
            self.assertEqual((after.st_ino, after.st_uid, after.st_mode), (before.st_ino, 0, before.st_mode))
            self.assertEqual(os.listdir(folder), ["report.txt"])
        self.assertEqual(self.text_of(target), self.succeed("report", self.file))

    def test_a_link_of_another_user_in_a_sticky_folder_is_not_followed(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make another user's link")
        sticky, victim = self.path("sticky"), self.path("victim")
        os.mkdir(sticky)
        os.mkdir(victim)
        with open(os.path.join(victim, "file"), "w", encoding="utf-8") as file:
            file.write("old")
        os.symlink(victim, os.path.join(sticky, "folder"))
        os.symlink(os.path.join(victim, "file"), os.path.join(sticky, "file"))
        os.symlink(os.path.join(victim, "new"), os.path.join(sticky, "dangling"))
        os.symlink(os.path.join(sticky, "file"), self.path("to-link"))
        os.symlink("/dev/null", os.path.join(sticky, "device"))
        names = ("file", "folder/file", "dangling", "../to-link", "device")
        # The owner of the link; the mode and owner of its folder; whether it is followed.
        for owner, mode, folder_owner, status in ((65534, 0o1777, 0, 1), (0, 0o1777, 0, 0), (65534, 0o1777, 65534, 0),
                                                  (65534, 0o777, 0, 0), (65534, 0o1755, 0, 0)):
            os.chown(sticky, folder_owner, 0)
            os.chmod(sticky, mode)
            for name in os.listdir(sticky):
                os.lchown(os.path.join(sticky, name), owner, 0)
            for name in names:
                case = (name, owner, oct(mode), folder_owner)
                for command in (["report", self.file], ["snapshot", self.file]):
                    result = self.lmm(*command, "-o", os.path.join(sticky, name))
                    self.assertEqual(result.returncode, status, (case, result.stderr))
                    self.assertEqual("Permission denied" in result.stderr, status == 1, case)
                if status == 1:
                    self.assertEqual(self.text_of(os.path.join(victim, "file")), "old", case)
                    self.assertEqual(os.listdir(victim), ["file"], case)
        self.assertEqual(sorted(os.listdir(victim)), ["file", "new"])
        self.assertTrue(os.path.islink(os.path.join(sticky, "file")))

    def test_links_in_a_circle_are_refused(self):
        os.symlink(self.path("b"), self.path("a"))
        os.symlink(self.path("a"), self.path("b"))
        self.fail_with(1, "Too many levels of symbolic links", "report", "-o", self.path("a"), self.file)

    def test_csv_on_a_terminal_is_escaped(self):
        book = ledger.Ledger(executable="/bin/evil")
        book.site(book.family("a,\033[2J\u202e\x9b", 8), "x\033]0;owned\007.c", 1, "f\u2066", 3, 0)
        book.write(self.file)
        for options in ([], ["--sites"]):
            text = self.on_a_terminal("report", "--format", "csv", *options, self.file)[1]
            self.assertNotRegex(text.replace("\r\n", "\n"), r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2066]")
            self.assertIn(r'"a,\x1b[2J\xe2\x80\xae\xc2\x9b"', text)
            exact = self.succeed("report", "--format", "csv", *options, self.file)
            self.assertIn('"a,\033[2J\u202e\x9b"', exact)

    # ---- Snapshots

    def test_a_snapshot_has_the_same_report_as_the_ledger(self):
        keeper = self.keep()
        target = self.path("kept.lmm")
        before = time.time_ns()
        self.assertEqual(self.succeed("snapshot", keeper.pid, "-o", target), "")
        self.assertEqual(self.succeed("report", target), self.succeed("report", keeper.pid))
        process = json.loads(self.succeed("report", "--format", "json", target))["process"]
        self.assertTrue(before <= process["snapshot_time_ns"] <= time.time_ns())
        self.assertEqual(stat.S_IMODE(os.stat(target).st_mode), 0o600)
        self.end(keeper)
        self.assertEqual(json.loads(self.succeed("report", "--format", "json",
                                                 target))["process"]["state"], "running")

    def test_a_snapshot_of_a_snapshot_keeps_its_time(self):
        ledger.sample(snapshot_time_ns=12345).write(self.file)
        target = self.path("again.lmm")
        self.succeed("snapshot", self.file, "-o", target)
        with open(self.file, "rb") as first, open(target, "rb") as second:
            self.assertEqual(first.read(), second.read())


harness.main()
