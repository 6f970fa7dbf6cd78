#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lsan_own.py LMM PIE NO_PIE STRIPPED: what a program (leaks/lsan_own.c) defines for LeakSanitizer is found in its symbol
table when it does not export it, and its options are used."""
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

import patience

LMM, PIE, NO_PIE, STRIPPED = map(os.path.abspath, sys.argv[1:5])
OWN = {"blocks": 2, "bytes": 500}  # what is lost and not suppressed
ALL = {"blocks": 3, "bytes": 600}


class Own(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="lmm-lsan-own-"))

    def run_lmm(self, *command, lsan="", cwd=None, **variables):
        """Returns the status, and the report's part for the last process."""
        report = os.path.join(self.folder, "report.json")
        done = subprocess.run([LMM, "run", "--leaks", "--children", "-F", "json", "-o", report, "--", *command], check=False,
                              capture_output=True, text=True, timeout=patience.seconds(200), cwd=cwd,
                              env=dict(os.environ, LMM_DIR=self.folder, LSAN_OWN_OPTIONS=lsan, **variables))
        with open(report, encoding="utf-8") as file:
            return done.returncode, json.load(file)["processes"][-1]

    def lost(self, *command, **settings):
        _, process = self.run_lmm(*command, **settings)
        return process["check"]["definitely_lost"]

    def script(self, line):
        path = os.path.join(self.folder, "script.sh")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{line}\n")
        os.chmod(path, 0o755)
        return path

    def test_found_where_there_is_a_symbol_table(self):
        for program, lost in ((PIE, OWN), (NO_PIE, OWN), (STRIPPED, ALL)):
            with self.subTest(program=program):
                self.assertEqual(self.lost(program), lost)

    def test_found_in_programs_that_scripts_start(self):
        self.assertEqual(self.lost(self.script(f"exec {PIE}")), OWN)
        self.assertEqual(self.lost(self.script(f"{PIE}\n:")), OWN)

    def test_started_by_the_loader(self):
        loaders = glob.glob("/lib64/ld-linux-*.so.*") + glob.glob("/lib/ld-linux-*.so.*")
        if not loaders:
            self.skipTest("no loader at its usual place")
        for program, lost in ((PIE, OWN), (STRIPPED, ALL)):
            with self.subTest(program=program):
                self.assertEqual(self.lost(loaders[0], program), lost)

    def test_turned_off(self):
        for settings in ({"LSAN_OWN_OFF": "1"}, {"lsan": "detect_leaks=0"}, {"lsan": "verbosity=1:leak_check_at_exit='false'"}):
            with self.subTest(settings=settings):
                _, process = self.run_lmm(PIE, **settings)
                self.assertIsNone(process["check"])
                self.assertIn("turned leak checks off", process["not_checked"])

    def test_options_that_change_nothing(self):
        for text in ("detect_leaks=1", "detect_leaks=maybe", "detect_leaks", "=0", "xdetect_leaks=0", "detect_leaks=0:detect_leaks=1",
                     "log_path='a detect_leaks=0'", "use_stacks=0,,max_leaks=1", "suppressions=/no/such/file", "'"):
            with self.subTest(text=text):
                self.assertEqual(self.lost(PIE, lsan=text), OWN)

    def test_unaligned(self):
        held = {"blocks": 1, "bytes": 200}
        for text in ("use_unaligned=1", "fast_unwind_on_malloc=0 use_unaligned=yes\n", 'exitcode=0,use_unaligned="true"'):
            with self.subTest(text=text):
                self.assertEqual(self.lost(PIE, lsan=text), held)
        self.assertEqual(self.lost(PIE, lsan="use_unaligned=1", LMM_OPTIONS="unaligned=0"), OWN)

    def test_file_of_suppressions(self):
        path = os.path.join(self.folder, "known leaks.supp")
        with open(path, "w", encoding="utf-8") as file:
            file.write("# known\nleak:lose\nleak:hide\n")
        for text, cwd in ((f"suppressions='{path}'", None), ("suppressions='known leaks.supp'", self.folder)):
            with self.subTest(text=text):
                self.assertEqual(self.lost(PIE, lsan=text, cwd=cwd), {"blocks": 0, "bytes": 0})

    def test_exit_status(self):
        for text, options, status in (("exitcode=7", "leaks=1", 7), ("exitcode=7", "leaks=1:exitcode=8", 8),
                                      ("exitcode=7", "leaks=0", 0), ("exitcode=700", "leaks=1", 0)):
            with self.subTest(text=text, options=options):
                self.assertEqual(self.run_lmm(PIE, lsan=text, LMM_OPTIONS=options)[0], status)


unittest.main(argv=sys.argv[:1])
