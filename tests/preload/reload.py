#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""reload.py LMM PROGRAM MODULE NAME [MODULE NAME]...: a program loads its modules LOADS times in turn.

Each module must have one stack with all its blocks, through the function NAME, and the ledger no more frames and
modules than after FEW_LOADS of each, but for a SPREAD, far below the number of loads: the kernel may place some loads
elsewhere, because a file whose segments are aligned to more than a page needs a longer gap while it is loaded.
"""
import json
import os
import subprocess
import sys
import tempfile

import patience
from ledger import FIELDS, FRAMES, HEADER, MODULES, records_of

FEW_LOADS = 10
LOADS = 3000
SPREAD = 10


def run(lmm, program, modules, loads, scratch):
    """The leaks of the program, {functions of the stack: blocks}, and how many frames and modules its ledger has."""
    folder = tempfile.mkdtemp(dir=scratch)
    report = os.path.join(folder, "report.json")
    subprocess.run([lmm, "run", "--keep", "--full", "--format", "json", "-o", report, "--", program, str(loads), *modules],
                   check=True, timeout=patience.seconds(200), env=dict(os.environ, LMM_DIR=folder), stderr=subprocess.DEVNULL)
    with open(report, encoding="utf-8") as file:
        leaks = json.load(file)["processes"][0]["leaks"]
    stacks = [(tuple(call["function"] for call in stack["calls"]), stack["blocks"])
              for leak in leaks for stack in leak["stacks"]]
    paths = [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names
             if name.endswith(".lmm")]
    with open(paths[0], "rb") as file:
        header = dict(zip(FIELDS, HEADER.unpack(file.read(HEADER.size))))
        file.seek(0)
        used_bytes = file.read(header["file_bytes"])  # the file is longer, and sparse
        chunks = [chunk for _, chunk in records_of(used_bytes)]
    used = [sum(chunk["used"] for chunk in chunks if chunk["kind"] == kind) for kind in (FRAMES, MODULES)]
    return stacks, *used


def main():
    lmm, program, *rest = sys.argv[1:]
    modules, names = rest[::2], rest[1::2]
    with tempfile.TemporaryDirectory(prefix="lmm-reload-") as scratch:
        _, few_frames, few_modules = run(lmm, program, modules, FEW_LOADS * len(modules), scratch)
        stacks, frames, count = run(lmm, program, modules, LOADS, scratch)
    failures = []
    for name in names:
        ours = [blocks for functions, blocks in stacks if name in functions]
        if ours != [LOADS // len(names)]:
            failures.append(f"{name}: expected one stack with {LOADS // len(names)} blocks, "
                            f"got {len(ours)} with {sum(ours)}")
    if frames > few_frames + SPREAD or count > few_modules + SPREAD:
        failures.append(f"{frames} frames and {count} modules, {few_frames} and {few_modules} after {FEW_LOADS} loads of each")
    print("\n".join(failures) if failures else f"{frames} frames, {count} modules")
    return 1 if failures else 0


sys.exit(main())
