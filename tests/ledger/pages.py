#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pages.py LMM SPARSE PRELOAD [unittest options]: walks over the pages, at exit and in a running process."""
import glob
import json
import subprocess
import tempfile

import harness
from workers import Case

SPARSE, PRELOAD = harness.arguments(2)
BLOCKS = 1563    # each 64th of 100,000, one on each system page
PAGE = 4096


class Sparse(Case):
    def variables(self, options):
        self.run_folder = tempfile.mkdtemp(dir=self.folder)
        return harness.environment(LD_PRELOAD=PRELOAD, LMM_OPTIONS=f"ledger={self.run_folder}:stacks=8:keep=1:{options}")

    def run_sparse(self, word, options="pages=1"):
        return subprocess.run([SPARSE, word], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              env=self.variables(options))

    def report(self, *words):
        ledger, = glob.glob(self.run_folder + "/*.lmm")
        shown = subprocess.run([harness.LMM, "report", *words, "--format", "json", ledger],
                               capture_output=True, text=True, check=True, env=harness.environment())
        return json.loads(shown.stdout)

    def expect_planted(self, report):
        """Whether the planted line has its figures; others may have a block on some of its pages."""
        use = max((site.get("page_use", {"sparse_bytes": 0}) for site in report["sites"]),
                  key=lambda use: use["sparse_bytes"])
        self.assertEqual((use["blocks"], use["live_bytes"]), (BLOCKS, BLOCKS * 64))
        self.assertGreaterEqual(use["sparse_blocks"], BLOCKS - 1)
        self.assertGreater(use["sparse_bytes"], (BLOCKS - 2) * PAGE)
        self.assertLessEqual(use["sparse_bytes"], BLOCKS * PAGE)
        walk = report["page_walk"]
        self.assertGreaterEqual(walk["sparse_bytes"], use["sparse_bytes"])
        self.assertLessEqual(walk["sparse_bytes"], walk["held_bytes"])
        return walk


class Pages(Sparse):
    def test_at_exit(self):
        for by in ("line", "stack", "site"):
            for option in ("pages=1", "check=1"):
                with self.subTest(by=by, option=option):
                    self.assertEqual(self.run_sparse("end", option).returncode, 0)
                    walk = self.expect_planted(self.report("--by", by))
                    self.assertTrue(walk["at_exit"])
                    self.assertEqual(walk["committed_bytes"], walk["held_bytes"] + walk["returnable_bytes"])

    def test_with_threads(self):
        self.assertEqual(self.run_sparse("threads").returncode, 0)
        self.expect_planted(self.report())

    def test_without_the_option_there_is_none(self):
        self.assertEqual(self.run_sparse("end", "pages=0").returncode, 0)
        self.assertNotIn("page_walk", self.report())

    def test_a_killed_process_has_none(self):
        self.assertEqual(self.run_sparse("kill").returncode, -9)
        report = self.report()
        self.assertNotIn("page_walk", report)
        self.assertFalse([site for site in report["sites"] if "page_use" in site])



class Asked(Sparse):
    def start_sparse(self, word, options=""):
        process = subprocess.Popen([SPARSE, word], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=self.variables("check=0" + options))
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def diet(self, *words):
        shown = subprocess.run([harness.LMM, "diet", *words], capture_output=True, text=True, check=True,
                               env=harness.environment(LMM_DIR=self.run_folder))
        return shown.stdout

    def hint(self, word):
        """The first hint about pages that are nearly empty; other threads may have such pages, too."""
        return next(hint for hint in json.loads(self.diet("--json", word))["hints"] if hint["kind"] == "sparse")

    def expect_hint(self, hint):
        self.assertGreaterEqual(hint["blocks"], BLOCKS - 1)
        self.assertLessEqual(hint["saves_bytes"], BLOCKS * (PAGE - 64))
        self.assertGreater(hint["saves_bytes"], (BLOCKS - 2) * PAGE - BLOCKS * 64)
        self.assertEqual((hint["after_bytes"], hint["text"]),
                         (64, "keep 6.1 MiB of pages under 25% full: allocate them together"))

    def test_a_running_process_is_asked(self):
        for word in ("wait", "threads"):
            process = self.start_sparse(word)
            for _ in range(3):
                self.expect_hint(self.hint(str(process.pid)))
            self.assertFalse(self.expect_planted(self.report())["at_exit"])

    def test_what_was_found_outlives_the_process(self):
        process = self.start_sparse("wait")
        self.hint(str(process.pid))
        process.kill()
        process.wait()
        self.expect_hint(self.hint(glob.glob(self.run_folder + "/*.lmm")[0]))

    def test_a_process_that_cannot_be_asked(self):
        process = self.start_sparse("wait", ":signal=0")
        self.assertRegex(self.diet(str(process.pid)), r"(?m)^note: no hints about pages: .*cannot be asked")

    def test_at_exit(self):
        self.run_sparse("end")
        text = self.diet("--full", glob.glob(self.run_folder + "/*.lmm")[0])
        self.assertRegex(text, r"at exit keep 6\.1 MiB of pages under 25% full: allocate them together")


harness.main()
