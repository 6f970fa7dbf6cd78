#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""checks_made.py LMM PROGRAM LIBRARY: which processes check for leaks when they end. The program (leaks/forker.c) says so itself."""
import os
import subprocess
import sys
import tempfile
import unittest

import patience

LMM, PROGRAM, LIBRARY = map(os.path.abspath, sys.argv[1:4])
CHILDREN = 6


class ChecksMade(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="lmm-checks-"))

    def checks(self, *command, **variables):
        """How many checks the program made, and how many its children."""
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              timeout=patience.seconds(200), env=dict(os.environ, LMM_DIR=self.folder, **variables))
        lines = done.stdout.split()
        return lines.count("main"), lines.count("child")

    def run_lmm(self, *options, **variables):
        return self.checks(LMM, "run", "-o", os.devnull, *options, "--", PROGRAM, **variables)

    def preloaded(self, options):
        return self.checks(PROGRAM, LD_PRELOAD=LIBRARY, LMM_OPTIONS=options)

    def test_children_without_a_ledger_make_no_check(self):
        for options in ((), ("--leaks",)):
            with self.subTest(options=options):
                self.assertEqual(self.run_lmm(*options), (1, 0))

    def test_children_with_a_ledger_do(self):
        for options in (("--children",), ("--leaks", "--children"), ("--error-exitcode", "9")):
            with self.subTest(options=options):
                self.assertEqual(self.run_lmm(*options), (1, CHILDREN))

    def test_without_lmm_run(self):
        for options, expected in (("check=1", (0, 0)), (f"check=1:ledger={self.folder}", (1, CHILDREN)),
                                  (f"ledger={self.folder}", (0, 0)), ("leaks=1", (1, CHILDREN)), ("leaks=all", (0, 0)),
                                  ("leaks=1:ledger=off", (1, CHILDREN))):
            with self.subTest(options=options):
                self.assertEqual(self.preloaded(options), expected)

    def test_no_check_where_it_is_turned_off(self):
        self.assertEqual(self.run_lmm("--children", LMM_OPTIONS="check=0"), (0, 0))


unittest.main(argv=sys.argv[:1])
