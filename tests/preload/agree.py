#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""agree.py LMM PROGRAM: whether heaptrack and `lmm run --depth 24` report the same about a program.

The program (agree_program.c) is deterministic. These must agree: calls that allocate, leaked bytes and temporary
blocks, in total and for each function, and the five functions that hold most at the peak. Only stacks through main
are compared: heaptrack's library loads libstdc++, which allocates, and at the end heaptrack makes libc free its own
blocks (__libc_freeres).

The peak may differ by 1 %: LMM records it when the total has passed the last record by that much.
Status 77: heaptrack is not installed.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import patience

SKIPPED = 77
MEASURES = {"allocations": ("most_allocating", "allocations"), "leaked": ("leaks", "bytes"),
            "temporary": ("temporaries", "temporaries"), "peak": ("peak_consumers", "bytes")}


def call(*command):
    return subprocess.run(command, check=True, timeout=patience.seconds(200), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8").stdout


def by_heaptrack(program, folder):
    """{measure: {function that main calls: figure}}, from stacks such as "main (a.c);f (a.c);strdup (s.c); 7"."""
    call("heaptrack", "-o", os.path.join(folder, "data"), program)
    data = next(os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("data"))
    figures = {}
    for measure in MEASURES:
        stacks = os.path.join(folder, measure)
        call("heaptrack_print", "-f", data, "-p", "0", "-a", "0", "-T", "0", "--flamegraph-cost-type", measure,
             "-F", stacks)
        figures[measure] = {}
        with open(stacks, encoding="utf-8") as file:
            for line in file:
                stack, cost = line.rsplit(None, 1)
                calls = [part.split(" (")[0] for part in stack.split(";")]
                if "main" in calls:
                    add(figures[measure], calls[calls.index("main") + 1], int(cost))
    return figures


def by_lmm(lmm, program, folder):
    report = os.path.join(folder, "report.json")
    call(lmm, "run", "--depth", "24", "--full", "--format", "json", "-o", report, "--", program)
    with open(report, encoding="utf-8") as file:
        process = json.load(file)["processes"][0]
    figures = {}
    for measure, (section, name) in MEASURES.items():
        figures[measure] = {}
        for place in process[section]:
            for stack in place["stacks"]:
                calls = [call["function"] for call in stack["calls"]]
                if "main" in calls:
                    add(figures[measure], calls[calls.index("main") - 1], stack[name])
    return figures


def add(figures, function, figure):
    if figure:
        figures[function] = figures.get(function, 0) + figure


def top_five(figures):
    return sorted(figures, key=lambda function: -figures[function])[:5]


def compare(theirs, ours):
    """The differences, one line each."""
    differences = []
    for measure in ("allocations", "leaked", "temporary"):
        for function in sorted(set(theirs[measure]) | set(ours[measure])):
            a, b = theirs[measure].get(function, 0), ours[measure].get(function, 0)
            if a != b:
                differences.append(f"{measure}, {function}: heaptrack {a}, lmm {b}")
    if top_five(theirs["peak"]) != top_five(ours["peak"]):
        differences.append(f"peak: heaptrack {top_five(theirs['peak'])}, lmm {top_five(ours['peak'])}")
    total = sum(theirs["peak"].values())
    for function in top_five(theirs["peak"]):
        a, b = theirs["peak"][function], ours["peak"].get(function, 0)
        if abs(a - b) > total / 100:
            differences.append(f"peak, {function}: heaptrack {a}, lmm {b}")
    return differences


def main():
    lmm, program = map(os.path.abspath, sys.argv[1:])
    if not (shutil.which("heaptrack") and shutil.which("heaptrack_print")):
        print("skipped: heaptrack is not installed")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="lmm-agree-") as folder:
        theirs, ours = by_heaptrack(program, folder), by_lmm(lmm, program, folder)
    differences = compare(theirs, ours)
    print("\n".join(differences) if differences else "they agree: "
          + ", ".join(f"{measure} {sum(ours[measure].values())}" for measure in MEASURES))
    return 1 if differences else 0


sys.exit(main())
