#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""leaks.py LMM PLANTS MODULE SOURCE...: whether `lmm run` reports each planted leak, and nothing else.

Comments on the lines that leak (see leaks/plants.cpp) have the expected function, blocks and bytes. The report must
have exactly these, with the file and the line.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import patience

COMMENT = re.compile(r"/\* leak( of the child)?: (.+), (\d+), (\d+) \*/")


def expectations(paths):
    """Of the program and of its child: {(file, line): (function, blocks, bytes)}."""
    of_program, of_child = {}, {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                match = COMMENT.search(line)
                if match:
                    wanted = (match[2], int(match[3]), int(match[4]))
                    place = (os.path.basename(os.path.dirname(path)) + "/" + os.path.basename(path), number)
                    (of_child if match[1] else of_program)[place] = wanted
    return of_program, of_child


def bare(function):
    """"void (anonymous namespace)::f<double>(long)" to "f<double>": debug information has names of both kinds."""
    name = re.sub(r"\(.*", "", function.replace("(anonymous namespace)::", ""))
    return name.rsplit(" ", 1)[-1].rsplit("::", 1)[-1]


def reported(process, folder):
    """The leaks of the process in files of that folder, by place, and all others as text."""
    ours, others = {}, []
    for leak in process["leaks"]:
        file = "/".join(leak["file"].split("/")[-2:])
        if os.path.dirname(file) == folder:
            ours[(file, leak["line"])] = (bare(leak["function"]), leak["blocks"], leak["bytes"])
        else:
            others.append(f"{leak['function']} {leak['file']}:{leak['line']} {leak['blocks']} {leak['bytes']}")
    return ours, others


def main():
    lmm, program, module, *sources = sys.argv[1:]
    of_program, of_child = expectations(sources)
    if len(of_program) != 11 or len(of_child) != 1:
        sys.exit(f"expected 11 plants and 1 of a child, the sources have {len(of_program)} and {len(of_child)}")
    folder = os.path.basename(os.path.dirname(sources[0]))
    with tempfile.TemporaryDirectory(prefix="lmm-leaks-") as scratch:
        report = os.path.join(scratch, "report.json")
        subprocess.run([lmm, "run", "--children", "--full", "--format", "json", "-o", report, "--", program, module],
                       check=True, timeout=patience.seconds(200), env=dict(os.environ, LMM_DIR=scratch))
        with open(report, encoding="utf-8") as file:
            processes = json.load(file)["processes"]
    failures = []
    if len(processes) != 2:
        failures.append(f"expected 2 processes, there are {len(processes)}")
    for process in processes:
        wanted = of_program if process["is_program"] else of_child
        got, others = reported(process, folder)
        if not process["is_program"]:
            # A child's books start with its parent's; what its parent had leaked by then is in them, too.
            got = {place: leak for place, leak in got.items() if leak != of_program.get(place)}
        who = "program" if process["is_program"] else "child"
        for place in sorted(set(wanted) | set(got)):
            if wanted.get(place) != got.get(place):
                failures.append(f"{who}, {place[0]}:{place[1]}: expected {wanted.get(place)}, "
                                f"got {got.get(place)}")
        failures += [f"{who}: a leak that was not planted: {other}" for other in others]
    print("\n".join(failures) if failures else f"{len(of_program)} + {len(of_child)} leaks as planted")
    return 1 if failures else 0


sys.exit(main())
