#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""misuse.py LMM PROGRAM: `lmm run` tells why LMM stopped a program, and the function and line of the wrong call."""
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

import harness

PROGRAM, = harness.arguments(1)
SOURCE = os.path.join(harness.SOURCE, "tests", "preload", "moments", "misuse.c")
ABORTED = 128 + signal.SIGABRT
HEX = "0x[0-9a-f]+"
BLOCK = rf"{HEX} \(malloc-48, allocated at misuse\+{HEX}\)"

CASES = {
    "double": (f"double free: {BLOCK}", ["free_it", "free_twice", "main"]),
    "interior": (rf"free of an interior pointer: {HEX} \(3 bytes into a block at {HEX}, malloc-48, allocated at .*\)",
                 ["free_it", "free_inside", "main"]),
    "foreign": (f"free of a pointer that is no block: {HEX}", ["free_it", "free_foreign", "main"]),
    "realloc": (f"realloc of a freed block: {BLOCK}", ["resize_freed", "main"]),
    "usable": (f"malloc_usable_size of a freed block: {BLOCK}", ["ask_freed", "main"]),
    "thread": (rf"double free: {HEX} \(malloc-48.*\)", ["free_it", "free_twice", "in_thread"]),
    "after_thread": (rf"double free: {HEX} \(malloc-48.*\)", ["free_it", "free_after_thread", "main"]),
    "handler": (f"double free: {BLOCK}", ["free_it", "free_twice", "on_signal"]),
}


def lines():
    """{mark: line} of the program's source."""
    with open(SOURCE, encoding="utf-8") as file:
        marked = [(line.split("MARK ")[1].split()[0], i) for i, line in enumerate(file, 1) if "MARK " in line]
    return dict(marked)


class Misuse(harness.Case):
    def setUp(self):
        super().setUp()
        self.lines = lines()

    def document(self, case, *options, status=ABORTED):
        path = self.path("report.json")
        result = self.lmm("run", *options, "--format", "json", "-o", path, "--", PROGRAM, case)
        self.assertEqual(result.returncode, status, result.stderr)
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        self.follows_schema(document)
        return document, result.stderr

    def follows_schema(self, document):
        try:
            import jsonschema
        except ImportError:
            return
        with open(os.path.join(harness.SOURCE, "docs", "run.schema.json"), encoding="utf-8") as file:
            jsonschema.validate(document, json.load(file))

    def assert_calls(self, panic, functions):
        calls = [(call["function"], os.path.basename(call["file"]), call["line"]) for call in panic["calls"]]
        self.assertEqual(calls[:len(functions)], [(name, "misuse.c", self.lines[name]) for name in functions])

    def test_json(self):
        for case, (message, functions) in CASES.items():
            with self.subTest(case):
                document, stderr = self.document(case)
                panic = document["processes"][0]["panic"]
                self.assertRegex(panic["message"], f"^{message}$")
                self.assertEqual(stderr, f"lmm: panic: {panic['message']}\n", "one line")
                self.assert_calls(panic, functions)

    def test_text(self):
        for case, (message, functions) in CASES.items():
            with self.subTest(case):
                result = self.lmm("run", "--", PROGRAM, case)
                calls = "".join(rf"\s+#{i} {name} \(.*misuse.c:{self.lines[name]}\)"
                                for i, name in enumerate(functions))
                self.assertRegex(result.stderr, rf"LMM: misuse \(pid \d+\) was killed by SIGABRT.* after .* s\n"
                                 rf"  panic          LMM stopped the program:\s+{message}\n"
                                 rf"                 in stack 1:{calls}")

    def test_without_stacks(self):
        for case, (message, _) in CASES.items():
            with self.subTest(case):
                panic = self.document(case, "--depth", "0")[0]["processes"][0]["panic"]
                self.assertIn(message.split(":")[0], panic["message"])
                self.assertEqual(panic["calls"], [])

    def test_one_call(self):
        document, _ = self.document("double", "--depth", "1")
        calls = document["processes"][0]["panic"]["calls"]
        self.assertEqual([call["function"] for call in calls], ["free_it"])

    def test_no_misuse(self):
        document, _ = self.document("none", status=0)
        self.assertIsNone(document["processes"][0]["panic"])

    def test_report_of_the_ledger(self):
        self.lmm("run", "--keep", "--", PROGRAM, "double")
        ledger, = glob.glob(os.path.join(self.ledgers, "**", "*.lmm"), recursive=True)
        self.assertRegex(self.succeed("report", ledger), f"note: LMM stopped the program: double free: {BLOCK}\n")

    def test_a_child(self):
        document, _ = self.document("fork", "--children", status=0)
        parent, child = document["processes"]
        self.assertIsNone(parent["panic"])
        self.assertRegex(child["panic"]["message"], f"^double free: {HEX}")
        self.assert_calls(child["panic"], ["free_it", "in_child", "main"])

    def test_a_childs_panic_is_not_its_parents(self):
        for case in ("fork", "bare_fork", "vfork"):
            for options in ((), ("--children",)):
                with self.subTest(case, options=options):
                    document, stderr = self.document(case, *options, status=0)
                    self.assertIsNone(document["processes"][0]["panic"])
                    self.assertEqual(stderr.count("lmm: panic: "), 1)

    def test_the_panic_after_that_of_a_child_in_the_same_memory(self):
        panic = self.document("after_vfork")[0]["processes"][0]["panic"]
        self.assertRegex(panic["message"], f"^{CASES['foreign'][0]}$")
        self.assert_calls(panic, ["free_it", "free_foreign"])


harness.main()
