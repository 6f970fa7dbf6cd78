# SPDX-License-Identifier: MIT
"""The reports of `lmm run`: formats, where they go, suppressions, several processes."""
import json
import os
import re

import harness
import ledger
from running import Case


def lists_of(document):
    process = document["processes"][0]
    return process["leaks"], process["totals"]


class Formats(Case):
    def test_every_format_has_its_report(self):
        for report, words in (
                ("text", "LMM: hr (pid "),
                ("json", '"schema": "lmm-run"'),
                ("csv", "family,file,line,function"),
                ("openmetrics", "# EOF"),
                ("massif", "0x0: hr.c:42 (hire), emp_t"),
                ("folded", "hr;emp_t;hire (hr.c:42) 200")):
            for option in ("--format", "--report"):     # its name until 1.0
                result = self.run_lmm(option, report, "true")
                self.assertEqual((result.returncode, result.stdout), (0, ""), report)
                self.assertIn(words, result.stderr, report)
        text = self.run_lmm("-F", "folded", "--measure", "allocated", "true").stderr
        self.assertIn("hr;emp_t;hire (hr.c:42) 400", text)
        self.run_lmm("--format", "pprof", "-o", self.path("profile"), "true")
        with open(self.path("profile"), "rb") as file:
            self.assertEqual(file.read(2), b"\x1f\x8b")

    def test_json_follows_its_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("no jsonschema")
        with open(os.path.join(harness.SOURCE, "docs", "run.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        golden = os.path.join(harness.SOURCE, "tests", "reporter", "run", "golden")
        texts = [self.run_lmm("--format", "json", *options, "sh", "-c", script).stderr
                 for options in ([], ["--leaks"]) for script in ("exit 3", "kill -9 $$")]
        for name in os.listdir(golden):
            if name.endswith(".json"):
                with open(os.path.join(golden, name), encoding="utf-8") as file:
                    texts.append(file.read())
        for text in texts:
            jsonschema.validate(json.loads(text), schema)

    def test_leaks_by_function_file_line_blocks_and_bytes(self):
        leaks, totals = lists_of(json.loads(self.run_lmm("--format", "json", "true").stderr))
        self.assertEqual([(leak["function"], leak["file"], leak["line"], leak["blocks"],
                           leak["bytes"]) for leak in leaks],
                         [("hire", "hr.c", 42, 5, 200), ("enrol", "school.c", 9, 1, 56)])
        self.assertEqual((totals["leaked_blocks"], totals["leaked_bytes"]), (6, 256))


class Places(Case):
    def test_a_file_is_replaced_whole(self):
        report = self.file("report", "old words\n")
        self.assertEqual(self.run_lmm("-o", report, "grep", "old", report).stdout, "old words\n")
        self.assertTrue(self.text_of("report").startswith("LMM: hr (pid "))

    def test_standard_output_may_be_asked_for(self):
        for name in ("/dev/stdout", "-"):
            result = self.run_lmm("-o", name, "echo", "words")
            self.assertTrue(result.stdout.startswith("words\nLMM: hr (pid "), result.stdout)

    def test_a_reader_that_has_seen_enough_is_no_failure(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = self.run_lmm("sh", "-c", "exit 3", stderr=writer)
        os.close(writer)
        self.assertEqual(result.returncode, 3)
        self.assert_nothing_left()

    def test_the_pid_in_the_name(self):
        result = self.run_lmm("-o", self.path("report.%p.%%"), "sh", "-c", "echo $$")
        self.assertIn("SUMMARY:", self.text_of(f"report.{result.stdout.strip()}.%"))


def clean():
    """A program that freed all, and checked."""
    book = ledger.Ledger(state=ledger.EXITED, version=2)
    book.site(book.family("emp_t", 40), "hr.c", 42, "hire", 7, 7)
    return book.check([])


class Leaks(Case):
    """A program that lost all that it had at its end."""

    def setUp(self):
        super().setUp()
        self.lost = [(0, 0, ledger.DEFINITE, 5, 200), (2, 2, ledger.DEFINITE, 1, 56)]
        ledger.sample(state=ledger.EXITED, version=2).check(self.lost).write(self.made)

    def test_error_exitcode(self):
        for arguments, status in (
                (["--error-exitcode", "99", "true"], 99),
                (["--error-exitcode", "99", "false"], 1),
                (["true"], 0)):
            self.assertEqual(self.run_lmm(*arguments).returncode, status, arguments)
        clean().write(self.made)
        self.assertEqual(self.run_lmm("--error-exitcode", "99", "true").returncode, 0)

    def test_what_the_gate_is_for(self):
        kinds = {ledger.DEFINITE: "definite", ledger.POSSIBLE: "possible", ledger.REACHABLE: "reachable"}
        for kind, word in kinds.items():
            ledger.sample(state=ledger.EXITED, version=2).check([(0, 0, kind, 5, 200)]).write(self.made)
            for words in ("", "definite", "possible", "definite,possible", "reachable", "all", "none"):
                options = [f"--errors-for-leak-kinds={words}"] if words else []
                fails = word in words or words == "all" or (words == "" and word == "definite")
                result = self.run_lmm("--error-exitcode", "99", *options, "true")
                self.assertEqual(result.returncode, 99 if fails else 0, (word, words))
                self.assertRegex(result.stderr, r"(?m)^checked: hr \(pid \d+\)\nSUMMARY: ")

    def test_the_gate_never_passes_blind(self):
        books = (("no leak check was made (LMM_OPTIONS=check=1)", ledger.sample(state=ledger.EXITED)),
                 ("no leak check was made", ledger.sample(state=ledger.EXITED, is_drop_in=1)),
                 ("the leak check failed: Cannot allocate memory",
                  ledger.sample(state=ledger.EXITED, version=2).check([], failure=12)),
                 ("no leak check was made (LMM_OPTIONS=check=1)",
                  ledger.sample(state=ledger.EXITED, version=2).check(self.lost, flags=0)))
        for words, book in books:
            book.write(self.made)
            result = self.run_lmm("--error-exitcode", "99", "--leaks", "true")
            self.assertEqual(result.returncode, 125, words)
            self.assertRegex(result.stderr.splitlines()[0], f": not done: {re.escape(words)}$")
            self.assertRegex(result.stderr, rf"(?m)^lmm: not checked for leaks: hr \(pid \d+\): {re.escape(words)}$")
            self.assertIn("\nchecked: nothing; not checked: 1 process\n", result.stderr)

    def test_a_baseline(self):
        for name, book in (("lossy", ledger.sample(state=ledger.EXITED, version=2).check(self.lost[:1])), ("clean", clean())):
            book.write(self.made)
            self.assertEqual(self.run_lmm("-F", "json", "-o", self.path(f"{name}.json"), "true").returncode, 0)
            book.write(self.path(f"{name}.lmm"))
        for lost, name, status in ((self.lost[:1], "lossy", 0), (self.lost, "lossy", 99), (self.lost[:1], "clean", 99),
                                   ([(0, 0, ledger.DEFINITE, 5, 120)], "lossy", 0), ([], "clean", 0)):
            ledger.sample(state=ledger.EXITED, version=2).check(lost).write(self.made)
            for ending in ("json", "lmm"):
                result = self.run_lmm("--error-exitcode", "99", "--baseline", self.path(f"{name}.{ending}"), "true")
                self.assertEqual(result.returncode, status, (lost, name, ending))
        self.assertEqual(self.run_lmm("--baseline", self.path("nowhere"), "true").returncode, 125)
        self.assertEqual(self.run_lmm("--baseline", __file__, "true").returncode, 125)

    def test_leaks_alone(self):
        text = self.run_lmm("--leaks", "true").stderr
        self.assertRegex(text, r"^LMM: leak check of hr \(pid \d+\): failed, 2 lines lose memory\n"
                               r"  definitely lost: 256 bytes in 6 blocks\n(?:  .*\n)+\n"
                               r"  1  200 bytes in 5 blocks  hr.c:42 \(hire\) of emp_t  #0\n")
        for title in ("at the peak", "Most allocations", "Sizes"):
            self.assertNotIn(title, text)
        self.assertRegex(self.run_lmm("--leaks", "sh", "-c", "exit 3").stderr.splitlines()[0],
                         ": failed, 2 lines lose memory; it ended with status 3$")

    def test_a_check_that_passes_and_one_that_was_not_done(self):
        clean().write(self.made)
        text = self.run_lmm("--leaks", "true").stderr
        self.assertRegex(text, r"(?s): passed\n  definitely lost: 0 bytes in 0 blocks\n.*\nchecked: hr \(pid \d+\)\nSUMMARY: ")
        self.assertIn(": not done: it was killed by SIGKILL\n",
                      self.run_lmm("--leaks", "sh", "-c", "kill -9 $$").stderr)

    def test_what_lives_at_a_death_is_not_called_leaks(self):
        self.made = ledger.sample().write(self.made)
        text = self.run_lmm("sh", "-c", "kill -9 $$").stderr
        self.assertNotIn("\nLeaks ", text)
        self.assertRegex(text, r"(?m)^Live at exit +bytes  share")
        self.assertNotIn("leaked", text)
        self.assertRegex(text, r"(?m)^  note +a signal ended it")
        self.assertRegex(self.run_lmm("true").stderr, r"(?m)^  note +it ended by _exit")

    def test_top(self):
        text = self.run_lmm("--top", "1", "true").stderr
        self.assertIn("... 1 more line with 56 B: --full", text)
        self.assertNotIn("school.c", text)
        self.assertIn("school.c", self.run_lmm("--full", "true").stderr)
        document = json.loads(self.run_lmm("--top", "1", "--format", "json", "true").stderr)
        leaks, _ = lists_of(document)
        self.assertEqual(len(leaks), 1)
        self.assertEqual(document["processes"][0]["left_out"]["leaks"], {"places": 1, "bytes": 56, "blocks": 1})


class Lost(Case):
    """The ledger could not grow: each format says so, and nobody can tell leaks."""

    def lose(self, freed):
        book = ledger.Ledger(state=ledger.LOST, lost_errno=28)
        book.site(book.family("emp_t", 40), "hr.c", 42, "hire", 7, freed)
        book.write(self.made)

    def test_every_format_says_so(self):
        self.lose(4)
        text = self.run_lmm("true").stderr
        self.assertRegex(text, r"(?m)^  note +its ledger could not grow; these are the figures of that moment"
                               r"\n +No space left on device$")
        self.assertIn("\nLive when the ledger was lost  ", text)
        self.assertTrue(text.endswith("7 allocations, 4 frees, when its ledger was lost\n"), text)
        self.assertTrue(self.run_lmm("--leaks", "true").stderr.endswith("when its ledger was lost\n"))
        document = json.loads(self.run_lmm("--format", "json", "true").stderr)
        self.assertEqual(document["processes"][0]["state"], "lost")
        for report in ("csv", "openmetrics", "folded", "pprof"):
            for output in ("report", "%p"):
                result = self.run_lmm("--format", report, "-o", self.path(output), "true")
                self.assertRegex(result.stderr, r"^lmm: the ledger of \d+ could not grow; .*\n$", report)

    def test_a_gate_does_not_let_it_pass(self):
        for freed in (4, 7):
            self.lose(freed)
            for words, status in ((["true"], 125), (["sh", "-c", "exit 5"], 5)):
                self.assertEqual(self.run_lmm("--error-exitcode", "99", *words).returncode, status, freed)
            self.assertEqual(self.run_lmm("true").returncode, 0)

    def test_lists_are_bounded_unless_asked(self):
        book = ledger.Ledger(state=ledger.EXITED, version=2)
        family = book.family("emp_t", 40)
        for line in range(1, 31):
            book.site(family, "hr.c", line, "hire", line, 0)
        for title in (r"(?:Live at exit|  live:)", r"(?:Lost|  definitely lost:)"):
            book.write(self.made)
            self.check_bounds(title)
            book.check([(line - 1, line - 1, ledger.DEFINITE, line, 40 * line) for line in range(1, 31)])

    def check_bounds(self, title):
        for options, rows in (([], 5), (["--leaks"], 20), (["--top", "7"], 7), (["--top", "7", "--leaks"], 7),
                              (["--full"], 30), (["--full", "--leaks"], 30), (["--full", "--top", "8"], 8)):
            text = self.run_lmm(*options, "true").stderr
            section = re.search(rf"(?ms)^{title}.*?^(?:Most|checked)", text).group(0)
            self.assertEqual(len(re.findall(r"(?m)^  +\d+  .* hr\.c:\d+ \(hire\)", section)), rows, (options, text))
            self.assertEqual(re.findall(r"(?m)^  \.\.\. (\d+) more line", section),
                             [str(30 - rows)] if rows < 30 else [], options)
        for options, rows in (([], 20), (["--leaks"], 20), (["--top", "7"], 7), (["--full"], 30)):
            process, = json.loads(self.run_lmm(*options, "--format", "json", "true").stderr)["processes"]
            self.assertEqual(len(process["leaks"]), rows, options)
            self.assertEqual(process["left_out"]["leaks"],
                             {"places": 30 - rows, "blocks": sum(range(1, 31 - rows)),
                              "bytes": 40 * sum(range(1, 31 - rows))}, options)


class Children(Case):
    def test_one_report_after_the_other(self):
        script = "sh -c 'exit 0'; exit 4"
        result = self.run_lmm("--children", "sh", "-c", script)
        self.assertEqual(result.returncode, 4)
        reports = re.findall(r"(?m)^LMM: hr \(pid (\d+)[,)]", result.stderr)
        self.assertEqual(len(set(reports)), 2, result.stderr)
        self.assertEqual(len(re.findall(r"(?m)^LMM: .*ended with status 4", result.stderr)), 1)
        self.assertEqual(len(re.findall(r"(?m)^LMM: .*, a child of ", result.stderr)), 1)
        self.assertRegex(result.stderr, r"^LMM: 2 processes: hr \(pid \d+\) and its children\n")
        self.assertRegex(result.stderr.splitlines()[-1], "^SUMMARY: 2 processes, ")
        document = json.loads(self.run_lmm("--children", "--format", "json", "sh", "-c",
                                           script).stderr)
        self.assertEqual([process["is_program"] for process in document["processes"]],
                         [True, False])

    def test_a_file_for_each(self):
        for report in ("text", "folded"):
            folder = self.path(report)
            os.mkdir(folder)
            self.run_lmm("--children", "--format", report, "-o", os.path.join(folder, "%p"), "sh",
                         "-c", "sh -c 'exit 0'; exit 4")
            self.assertEqual(len(os.listdir(folder)), 2)


harness.main()
