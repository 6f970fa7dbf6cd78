#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""balance.py LMM LOGGER [READS]: reads, again and again, the ledger of a program whose threads allocate at full
speed, end and begin, and open new places.

Each settled report adds up: live = allocated - freed, never negative, sites to families, families to totals. No
counter goes down between two settled reports. A report is not settled when rows were moved throughout its hundred
tries, for example while the thread that moves them was off the processor (docs/reports.md): it is read again.
"""
import os
import shutil
import subprocess
import sys
import tempfile

import harness
import reports
import workers

COUNTERS = ("allocations", "frees")
UNSETTLED_PER_READ_MAX = 20


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
    wrong = report.imbalance()
    if wrong:
        return wrong
    for what, figures in before.items():
        if what not in now:
            return f"{what} is gone"
        if any(a < b for a, b in zip(now[what], figures)):
            return f"{what} went down: {figures} before, now {now[what]}"
    return None


def read_settled(path):
    """A settled report, and how many others came before it."""
    for unsettled in range(UNSETTLED_PER_READ_MAX):
        report = reports.read(harness.LMM, path)
        if report.document["settled"]:
            return report, unsettled
    raise AssertionError(f"{UNSETTLED_PER_READ_MAX} reports in a row are not settled")


def main():
    logger, = harness.arguments(1)
    reads = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    folder = tempfile.mkdtemp(prefix="lmm-balance-")
    # Its eight threads take all processors; the reader goes first.
    process = subprocess.Popen([logger, "quiet", "1"], env=workers.environment(LMM_DIR=folder),
                               stdout=subprocess.DEVNULL, preexec_fn=lambda: os.nice(10))
    failures = unsettled = 0
    before = {}
    try:
        name = harness.until(lambda: next((name for name in os.listdir(folder)
                                           if name.startswith(f"{process.pid}.") and name.endswith(".lmm")),
                                          None), "no ledger")
        for number in range(reads):
            report, others = read_settled(os.path.join(folder, name))
            unsettled += others
            wrong = complaint(report, before)
            if wrong:
                failures += 1
                print(f"report {number}: {wrong}")
            before = counters(report)
        if process.poll() is not None:
            failures += 1
            print("the program ended")
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)
    print(f"{reads} reports of up to {len(before)} rows, {failures} of them wrong, and {unsettled} not settled; "
          f"in the end {before['totals'][0]} allocations, {before['totals'][1]} frees")
    sys.exit(1 if failures or before["totals"][0] < 1000 else 0)


main()
