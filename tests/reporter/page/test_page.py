# SPDX-License-Identifier: MIT
"""HTML reports of real programs: `lmm run --html`, and --format html of run, report and diff."""
import os
import shutil
import signal
import unittest

import page_file
from harness import Case, arguments, run, LMM, PYTHON

PRELOAD, STACKS, TYPED, SCHEMA = arguments(4)
NO_PAGE = "it was built without" in run(LMM, "run", "--html", "/dev/null", "--", "true").stderr
BYTES_MAX = 1500000    # of the file of a program with 10,000 stacks
STACK_COUNT = 10000
# Of a program in which 50 types and 50 lines change all the time a point takes 110 bytes; there are at most so many.
POINT_BYTES, POINTS = 150, 2000


@unittest.skipIf(NO_PAGE, "lmm has no page (Debian: node-d3)")
class Page(Case):
    def setUp(self):
        super().setUp()
        self.environment["LMM_PRELOAD_LIBRARY"] = PRELOAD

    def page(self, name="page.html"):
        with open(self.path(name), "rb") as file:
            return file.read()

    def document(self, name="page.html"):
        """The document in a page, which has no fault."""
        page = self.page(name)
        document = page_file.document_of(page)
        self.assertEqual(page_file.faults_of_file(page), [])
        if len(document["sites"]["frame"]) < STACK_COUNT:    # jsonschema takes seconds for more
            self.assertEqual(page_file.faults_of_schema(document, SCHEMA), [])
        self.assertEqual(page_file.faults_of_indexes(document), [])
        self.assertEqual(page_file.faults_of_sums(document), [])
        return document

    def run_page(self, *words, options=()):
        """The document of a program that was run."""
        result = self.lmm("run", "--html", self.path("page.html"), *options, "--", *words)
        self.assertIn("SUMMARY:", result.stderr)
        return self.document()

    def test_ten_thousand_stacks(self):
        document = self.run_page(STACKS)
        stacks = {tuple(page_file.stack_of(document, site)) for site in range(len(document["sites"]["frame"]))}
        self.assertGreaterEqual(len(stacks), STACK_COUNT)
        self.assertLess(len(self.page()), BYTES_MAX)
        names = {document["strings"][name] for name in document["types"]["name"]}
        self.assertIn("struct node", names)
        self.assertEqual(document["process"]["state"], "exited")
        self.assertEqual(document["process"]["command"], [STACKS])
        self.assertEqual(document["kind"], "report")

    def test_ten_thousand_deep_stacks(self):
        document = self.run_page(STACKS, "deep", options=("--stacks", "64"))
        self.assertGreaterEqual(len(document["sites"]["frame"]), STACK_COUNT)
        self.assertEqual(len(document["frames"]["call"]), 200000, "as many as there may be")
        self.assertGreaterEqual(len(document["calls"]["function"]), 3000)
        points = len((document["series"] or {"time_ms": []})["time_ms"])
        self.assertLess(len(self.page()) + POINT_BYTES * (POINTS - points), BYTES_MAX)

    def test_more_stacks_than_rows(self):
        document = self.run_page(STACKS, "5")
        files = [document["strings"][document["lines"]["file"][line]] for line in document["sites"]["line"]]
        self.assertEqual(files.count("(further stacks)"), 1)
        self.assertEqual(len(files), 20001)

    def test_a_real_program(self):
        document = self.run_page(PYTHON, "-c", "import json; print(len(json.dumps(list(range(9000)))))")
        self.assertFalse(document["process"]["is_typed"])
        self.assertEqual(document["process"]["exit_status"], 0)
        self.assertGreater(document["totals"]["max_resident_bytes"], 0)

    def test_figures_over_time(self):
        script = "import time\nkept = []\nfor i in range(30): kept.append(bytes(100000 + i)); time.sleep(0.01)"
        series = self.run_page(PYTHON, "-c", script, options=("--sample", "20"))["series"]
        self.assertGreater(len(series["time_ms"]), 0)
        self.assertIn("exit", [mark["kind"] for mark in series["marks"]])
        self.assertEqual({row["by"] for row in series["rows"]}, {"type", "line"})

    def test_a_typed_program(self):
        ledger = self.path("typed.lmm")
        run(TYPED, env={**self.environment, "LMM_OPTIONS": f"ledger={self.ledgers}:keep=1"})
        left, = os.listdir(self.ledgers)
        os.rename(self.in_ledgers(left), ledger)
        self.succeed("report", "--format", "html", "-o", self.path("page.html"), ledger)
        document = self.document()
        self.assertTrue(document["process"]["is_typed"])
        self.assertEqual(set(document["types"]["confidence"]), {"certain"})

    def test_a_running_program(self):
        script = "print('ready', flush=True); input()"
        process = self.start(LMM, "run", "--", PYTHON, "-c", script)
        self.succeed("report", "--format", "html", "-o", self.path("page.html"), os.path.basename(PYTHON))
        document = self.document()
        process.communicate(b"\n")
        self.assertEqual(document["process"]["state"], "running")
        self.assertGreater(document["totals"]["resident_bytes"], 0)

    def test_a_killed_program(self):
        document = self.run_page(PYTHON, "-c", "import os; os.kill(os.getpid(), 9)")
        self.assertEqual(document["process"]["state"], "killed")
        self.assertEqual(document["process"]["signal"], signal.SIGKILL)
        self.assertEqual(document["process"]["signal_name"], "SIGKILL")

    def test_a_name_is_text(self):
        name = "<script>alert(1)&\"'"
        shutil.copy(shutil.which("true"), self.path(name))
        document = self.run_page(self.path(name))
        self.assertEqual(document["process"]["program"], name)
        self.assertIn(b"&#60;script&#62;alert(1)&#38;&#34;&#39; (pid ", self.page())

    def test_a_page_for_each_process(self):
        script = "import os, subprocess; subprocess.run(['true'])"
        result = self.lmm("run", "--children", "--html", self.path("%p.html"), "--", PYTHON, "-c", script)
        self.assertEqual(result.returncode, 0, result.stderr)
        pages = [name for name in os.listdir(self.folder) if name.endswith(".html")]
        self.assertEqual(len(pages), 2)
        for name in pages:
            self.assertEqual(f"{self.document(name)['process']['pid']}.html", name)

    def test_a_page_of_the_program_alone(self):
        script = "import subprocess; subprocess.run(['true'])"
        for name, others in (("page.html", "page.%p.html"), ("page", "page.%p"), ("a.b/.page", "a.b/.page.%p")):
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            result = self.lmm("run", "--children", "--html", self.path(name), "-o", self.path("report"), "--", PYTHON, "-c", script)
            self.assertEqual((result.returncode, result.stderr), (
                0, f"lmm: {self.path(name)} is the page of the program alone, of 2 processes; --html {self.path(others)} writes one for each\n"))
            self.assertIn(os.path.basename(PYTHON), self.document(name)["process"]["program"])
        result = self.lmm("run", "--children", "--html", self.path("page.html"), "-o", self.path("report"), "--", STACKS, "1")
        self.assertEqual((result.returncode, result.stderr), (0, ""), "no process has no page")

    def test_the_page_alone(self):
        result = self.lmm("run", "--format", "html", "-o", self.path("page.html"), "--", STACKS, "1")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(self.document()["totals"]["allocations"], 10)

    def test_two_runs_compared(self):
        for depth in ("1", "2"):
            self.run_page(STACKS, depth)
        self.succeed("diff", "--last", "--format", "html", "-o", self.path("page.html"))
        document = self.document()
        self.assertEqual(document["kind"], "diff")
        self.assertEqual(document["before"]["totals"]["live_blocks"], 10)
        self.assertEqual(document["totals"]["live_blocks"], 100)

    def test_the_last_run(self):
        self.run_page(STACKS, "2")
        os.remove(self.path("page.html"))
        self.succeed("report", "--format", "html", "-o", self.path("page.html"), "--last")
        self.assertEqual(self.document()["totals"]["live_blocks"], 100)

    def test_output_that_cannot_be_written(self):
        result = self.lmm("run", "--html", self.path("nowhere", "page.html"), "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn("nowhere", result.stderr)
        result = self.lmm("run", "--html", "/dev/full", "--", STACKS, "1")
        self.assertIn("lmm: /dev/full: No space left on device", result.stderr)


if __name__ == "__main__":
    unittest.main()
