#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""thread_local_budget.py LIBRARY: the drop-in needs little of the room that threads have for variables of libraries that are
loaded later: glibc keeps 1,664 bytes by default, which all such libraries share, and dlopen fails past it."""
import subprocess
import sys

BUDGET = 256


def main():
    headers = subprocess.run(["readelf", "-lW", sys.argv[1]], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    lines = [line.split() for line in headers.splitlines() if line.split()[:1] == ["TLS"]]
    if len(lines) != 1:
        print("not one segment of thread-local variables:", lines)
        return 1
    needed, align = int(lines[0][5], 16), int(lines[0][7], 16)
    print(f"{needed} bytes, aligned to {align}, of {BUDGET}")
    return 0 if needed <= BUDGET and align <= 16 else 1


sys.exit(main())
