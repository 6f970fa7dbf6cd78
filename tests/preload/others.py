#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""others.py LMM LIBRARY OWN FORWARDING LINKED STATIC OTHER: what is said of programs that have another malloc.

Each of OWN, FORWARDING, LINKED and STATIC is a program: with its own malloc; with a malloc that passes requests on to
LMM's; linked with another allocator, OTHER, behind LMM; and linked statically.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import patience

LMM, LIBRARY, OWN, FORWARDING, LINKED, STATIC, OTHER = sys.argv[1:]
CANNOT_TELL = 125
LEAKS = 9


def run(*command, **variables):
    environment = dict(os.environ, **variables)
    return subprocess.run(command, env=environment, timeout=patience.seconds(100), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


class Others(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lmm-others-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def lmm_run(self, *arguments):
        return run(LMM, "run", *arguments, LMM_DIR=self.folder)

    def document(self, program):
        path = os.path.join(self.folder, "report.json")
        self.lmm_run("--format", "json", "-o", path, "--", program)
        with open(path, encoding="utf-8") as file:
            return json.load(file)["processes"][0]

    def test_paths(self):
        for program, other_malloc, linked in ((OWN, OWN, None), (FORWARDING, None, None), (LINKED, None, OTHER)):
            process = self.document(program)
            self.assertEqual(process["other_malloc"], other_malloc and os.path.realpath(other_malloc), program)
            self.assertEqual(process["linked_allocator"], linked and os.path.realpath(linked), program)

    def test_status(self):
        for program, plain, gated in ((OWN, 0, CANNOT_TELL), (STATIC, 0, CANNOT_TELL), (FORWARDING, 0, LEAKS),
                                      (LINKED, 0, CANNOT_TELL)):
            self.assertEqual(self.lmm_run("--", program).returncode, plain, program)
            self.assertEqual(self.lmm_run("--error-exitcode", str(LEAKS), "--", program).returncode, gated, program)

    def test_text(self):
        for arguments in ((), ("--leaks",)):
            text = self.lmm_run(*arguments, "--", OWN).stderr
            self.assertIn(f"does not use LMM: its malloc is that of {os.path.realpath(OWN)}\n", text)
            self.assertIn(f"  note           it allocates by itself, with the malloc of {os.path.realpath(OWN)}; LMM saw 0 blocks", text)
            self.assertNotIn("SUMMARY", text)
            self.assertNotIn("at exit", text)
        self.assertIn(f"only {os.path.realpath(OTHER)} has are not counted\n", self.lmm_run("--", LINKED).stderr)
        self.assertIn("not done: another allocator is linked into it\n", self.lmm_run("--leaks", "--", LINKED).stderr)
        self.assertIn("SUMMARY: 1234 bytes lost in 1 block", self.lmm_run("--", FORWARDING).stderr)

    def test_one_line_for_another_format(self):
        path = os.path.join(self.folder, "report.csv")
        text = self.lmm_run("--format", "csv", "-o", path, "--", OWN).stderr
        self.assertEqual(text.count("\n"), 1, text)
        self.assertIn("does not use LMM", text)

    def test_every_view_of_the_ledger(self):
        run(OWN, LD_PRELOAD=LIBRARY, LMM_OPTIONS=f"ledger={self.folder}:keep=1")
        ledger, = (os.path.join(self.folder, name) for name in os.listdir(self.folder))
        for words in (["sites"], *(["report", "-F", name] for name in ("json", "csv", "openmetrics", "folded"))):
            result = run(LMM, *words, ledger)
            self.assertEqual((result.returncode, result.stderr.count("\n")), (0, 1), (words, result.stderr))
            self.assertIn(f"does not use LMM: its malloc is that of {os.path.realpath(OWN)}", result.stderr, words)
        self.assertIn("note: its malloc is that of", run(LMM, "report", ledger).stdout)
        self.assertIn("does not use LMM's malloc", run(LMM, "top", "--once", ledger).stdout.splitlines()[0])

    def test_report_of_the_process_itself(self):
        for preload, program, path in ((LIBRARY, OWN, OWN), (f"{OTHER}:{LIBRARY}", "/bin/true", OTHER)):
            text = run(program, LD_PRELOAD=preload, LMM_OPTIONS="leaks=1").stderr
            self.assertIn(f"note: its malloc is that of {os.path.realpath(path)}; LMM does not see its blocks", text)
            self.assertNotIn("SUMMARY", text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
