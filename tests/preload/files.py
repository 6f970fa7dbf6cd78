#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""files.py LIBRARY PROGRAM: a program under the drop-in closes descriptors, opens files of its own (moments/files.c), and
ends with a leak report. No file may have anything that the program did not write; the report goes to the standard error
that the program started with, or nowhere."""
import os
import pathlib
import subprocess
import sys
import tempfile

import patience

# What the program closes from; what its standard error is; whether the report must be there.
CASES = ((3, "pipe", True), (3, "file", True), (0, "pipe", False), (0, "file", False))


def run(library, program, first, kind, expects_report):
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as file:
        environment = {**os.environ, "LD_PRELOAD": library, "LMM_OPTIONS": "stacks=0:leaks=all", "CHECK_PRELOADED": "1"}
        ended = subprocess.run([program, folder, str(first)], env=environment, check=False, timeout=patience.seconds(120),
                               stderr=subprocess.PIPE if kind == "pipe" else file)
        what = f"closed from {first}, standard error is a {kind}"
        assert ended.returncode == 0, f"{what}: status {ended.returncode}"
        file.seek(0)
        report = (ended.stderr if kind == "pipe" else file.read()).decode()
        if expects_report:
            assert "live" in report, f"{what}: no report, but {report!r}"
        files = list(pathlib.Path(folder).iterdir())
        assert len(files) == 400, what
        for path in files:
            text = path.read_text(encoding="utf-8", errors="replace")
            assert text == "mine\n", f"{what}: {path.name} has {text!r}"


for case in CASES:
    run(sys.argv[1], sys.argv[2], *case)
