#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill.py LMM LOGGER [TRIES [SEED]]: kills a program that allocates in many threads, at random moments, and
compares its ledger with its log.

For each site the ledger has at least the logged allocations and frees. Over all sites it has at most one
operation for each thread more: the one that was counted but not logged yet.
"""
import collections
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

import harness
import reports
import workers

THREADS = 8
FREED = 1 << 31
OPERATIONS_MAX = 50000
PIPE_BYTES = 1 << 20


class Log(threading.Thread):
    """A thread that reads the log of the program."""

    def __init__(self, stream, enough):
        super().__init__()
        self.stream = stream
        self.parts = []
        self.enough = enough    # bytes
        self.has_enough = threading.Event()
        self.start()

    def run(self):
        size = 0
        while part := os.read(self.stream.fileno(), PIPE_BYTES):
            self.parts.append(part)
            size += len(part)
            if size >= self.enough:
                self.has_enough.set()
        self.has_enough.set()

    def counts(self):
        """Returns how many allocations and how many frees each site has in the log."""
        self.join()
        data = b"".join(self.parts)
        if len(data) % 4 != 0:
            raise AssertionError(f"{len(data)} bytes of log are no whole operations")
        records = collections.Counter(each for each, in struct.iter_unpack("<I", data))
        allocated = {site: n for site, n in records.items() if not site & FREED}
        freed = {site & ~FREED: n for site, n in records.items() if site & FREED}
        return allocated, freed


def run_and_kill(logger, folder, seed):
    """Runs the program, kills it at a random moment, and returns its counts and its PID."""
    chance = random.Random(seed)
    process = subprocess.Popen([logger, str(seed)], env=workers.environment(LMM_DIR=folder),
                               stdout=subprocess.PIPE, bufsize=0, pipesize=PIPE_BYTES)
    # One in eight is killed while it starts, the others after a random number of operations.
    log = Log(process.stdout, 4 * chance.randrange(1, OPERATIONS_MAX))
    if chance.random() > 0.125:
        log.has_enough.wait(harness.PATIENCE_SECONDS)
    time.sleep(chance.random() * 0.005)
    process.kill()
    process.wait()
    counts = log.counts()
    process.stdout.close()
    return counts, process.pid


def difference(report, allocated, freed):
    """Returns how many operations the report has more than the log; it is an error when it has fewer."""
    ahead = 0
    rows = {site["line"] - 1: site for site in report.sites if site["line"] > 0}
    for log, figure in ((allocated, "allocations"), (freed, "frees")):
        for site in set(rows) | set(log):
            told = rows[site][figure] if site in rows else 0
            if told < log.get(site, 0):
                raise AssertionError(f"site {site}: {told} {figure}, {log[site]} in the log")
            ahead += told - log.get(site, 0)
    if ahead > THREADS:
        raise AssertionError(f"{ahead} operations more than in the log of {THREADS} threads")
    return ahead


def try_once(logger, folder, seed):
    """Returns the number of operations in the log, the number that only the ledger has, and the number of sites."""
    (allocated, freed), pid = run_and_kill(logger, folder, seed)
    operations = sum(allocated.values()) + sum(freed.values())
    names = [name for name in os.listdir(folder) if name.startswith(f"{pid}.")]
    if not names:
        if operations > 0:
            raise AssertionError(f"no ledger of {operations} operations")
        return 0, 0, 0
    path = os.path.join(folder, names[0])
    report = reports.read(harness.LMM, path)
    if report.state != "killed":
        raise AssertionError(f"state {report.state}")
    result = operations, difference(report, allocated, freed), len(report.sites)
    os.unlink(path)
    return result


def main():
    logger, = harness.arguments(1)
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    first = int(sys.argv[2]) if len(sys.argv) > 2 else int.from_bytes(os.urandom(3), "little")
    folder = tempfile.mkdtemp(prefix="lmm-kill-")
    failed = 0
    results = []
    for seed in range(first, first + tries):
        try:
            results.append(try_once(logger, folder, seed))
        except AssertionError as error:
            failed += 1
            print(f"seed {seed}: {error}")
    drafts = len(os.listdir(folder))
    shutil.rmtree(folder)
    print(f"seeds {first} to {first + tries - 1}: {tries - failed} of {tries} agree; "
          f"{sum(each[0] for each in results)} operations in all, "
          f"at most {max((each[2] for each in results), default=0)} sites; ahead of the log by "
          f"{dict(sorted(collections.Counter(each[1] for each in results).items()))}; "
          f"files of processes killed before they had a ledger: {drafts}")
    if not any(each[0] > 1000 for each in results):
        print("no run was long enough to say anything")
        failed += 1
    sys.exit(failed != 0)


main()
