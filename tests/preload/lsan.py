#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lsan.py LMM PROGRAM: a program that is annotated for LeakSanitizer (leaks/lsan.c) works unchanged."""
import json
import os
import subprocess
import sys
import tempfile

import patience

NOT_DONE, FAILED = 125, 9


def run(lmm, program, folder, *words):
    """Returns lmm's status, what the program printed, and the part of its report for the process."""
    report = os.path.join(folder, "report.json")
    done = subprocess.run([lmm, "run", "--leaks", "--error-exitcode", str(FAILED), "-F", "json", "-o", report, "--",
                           program, *words], check=False, capture_output=True, text=True, timeout=patience.seconds(200),
                          env=dict(os.environ, LMM_DIR=folder))
    with open(report, encoding="utf-8") as file:
        return done.returncode, done.stdout, json.load(file)["processes"][0]


def main():
    lmm, program = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="lmm-lsan-") as folder:
        status, _, process = run(lmm, program, folder)
        assert status == 0, status
        check = process["check"]
        assert check["definitely_lost"] == {"bytes": 0, "blocks": 0}, check
        assert check["suppressed"]["bytes"] >= 100 + 400 + 800, check

        status, _, process = run(lmm, program, folder, "off")
        assert status == NOT_DONE, status
        assert process["check"] is None and "__lsan_is_turned_off" in process["not_checked"], process["not_checked"]

        status, printed, process = run(lmm, program, folder, "ask")
        assert (status, printed) == (FAILED, "1 1\n"), (status, printed)
        assert process["check"]["definitely_lost"] == {"bytes": 200, "blocks": 1}, process["check"]

        status, _, process = run(lmm, program, folder, "last")
        assert status == FAILED, (status, process["not_checked"])
        assert process["check"]["definitely_lost"] == {"bytes": 200, "blocks": 1}, process["check"]
        assert process["check"]["suppressed"]["bytes"] >= 100 + 400 + 800, process["check"]


main()
