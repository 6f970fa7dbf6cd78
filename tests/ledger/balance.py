#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""balance.py LMM LOGGER [READS]: reads, again and again, the books of a program whose threads
allocate at full speed, end and begin, and open new places. Each report adds up: live = allocated -
freed, never negative, sites to families, families to totals. And no counter goes down between two
reports.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

import look

COUNTERS = ("allocations", "frees")


def wait_for_ledger(folder, pid):
    for _ in range(3000):
        names = [name for name in os.listdir(folder) if name.startswith(f"{pid}.")]
        if names:
            return os.path.join(folder, names[0])
        time.sleep(0.01)
    raise AssertionError("no ledger came into being")


def counters(report):
    """{what: (allocations, frees)} of the totals, each family and each site."""
    rows = {"totals": report.totals}
    rows.update({f"family {name}": row for name, row in report.families.items()})
    rows.update({f"site {row['line']} of {row['family']}": row for row in report.sites})
    return {what: tuple(row[figure] for figure in COUNTERS) for what, row in rows.items()}


def complaint(report, before):
    """What is wrong with a report, as text; None when nothing is."""
    now = counters(report)
    if report.state != "running":
        return f"state {report.state}"
    if not report.document["settled"]:
        return "not settled"
    wrong = report.imbalance()
    if wrong:
        return wrong
    for what, figures in before.items():
        if what not in now:
            return f"{what} is gone"
        if any(a < b for a, b in zip(now[what], figures)):
            return f"{what} went down: {figures} before, now {now[what]}"
    return None


def main():
    reader = look.Reader(sys.argv[1])
    reads = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    folder = tempfile.mkdtemp(prefix="lmm-balance-")
    # It takes all processors, but steps aside for the reader.
    process = subprocess.Popen([sys.argv[2], "quiet", "1"], env=look.environment(LMM_DIR=folder),
                               stdout=subprocess.DEVNULL, preexec_fn=lambda: os.nice(10))
    failures = []
    before = {}
    try:
        path = wait_for_ledger(folder, process.pid)
        for read in range(reads):
            report = reader.report(path)
            wrong = complaint(report, before)
            if wrong:
                failures.append(wrong)
                print(f"report {read}: {wrong}")
            before = counters(report)
        if process.poll() is not None:
            failures.append("the program ended")
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)
    print(f"{reads} reports of up to {len(before)} rows, {len(failures)} of them wrong; "
          f"in the end {before['totals'][0]} allocations, {before['totals'][1]} frees")
    sys.exit(1 if failures or before["totals"][0] < 1000 else 0)


main()
