#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""guessed.py LMM PROGRAM: the callers of assembly without unwind tables (leaks/guessed.c) are shown, as guesses.

Where no frame pointer leads to them, the stack ends.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import patience

WANTED = {20: [("allocate", False), ("guessed_with_pointer", False), ("call_with_pointer", True), ("main", True)],
          300: [("allocate", False), ("guessed_without_pointer", False)]}
LOADS = 100


def run(lmm, program, folder, form):
    report = os.path.join(folder, form)
    subprocess.run([lmm, "run", "--leaks", "--full", "--format", form, "-o", report, "--", program], check=True,
                   timeout=patience.seconds(200), env=dict(os.environ, LMM_DIR=folder))
    with open(report, encoding="utf-8") as file:
        return file.read()


def main():
    lmm, program = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="lmm-guessed-") as folder:
        document = json.loads(run(lmm, program, folder, "json"))
        text = run(lmm, program, folder, "text")
    got = {}
    for leak in document["processes"][0]["leaks"]:
        for stack in leak["stacks"]:
            got[stack["bytes"] // LOADS] = [(call["function"], call.get("guessed", False)) for call in stack["calls"]]
    failures = [f"blocks of {size}: expected {calls}, got {got.get(size)}" for size, calls in WANTED.items()
                if got.get(size, [])[:len(calls)] != calls or (size == 300 and len(got[size]) != len(calls))]
    lines = [line for line in text.splitlines() if re.match(r" +#", line) and "call_with_pointer" in line]
    if not lines or not all(line.endswith(" [guessed]") for line in lines):
        failures.append(f"the text does not mark the guess: {lines}")
    print("\n".join(failures) if failures else "guessed as planned")
    return 1 if failures else 0


sys.exit(main())
