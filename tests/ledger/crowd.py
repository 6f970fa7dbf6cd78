#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crowd.py LMM CROWD [LIBRARY]: what the ledger of a process with many threads and many places costs, and whether its
figures are exact. CROWD is crowd.c: typed, or, with LIBRARY, the drop-in, on malloc.

The file of a ledger is sparse and 1 GiB long, so these tests read only the heads of its chunks.
"""
import csv
import json
import os
import sys

import harness
import ledger

BLOCK_BYTES = 203
PLACES, IDLE, MORE = 16000, 400, 100000
WAVE, WAVE_PLACES, ENDED = 100, 20, 4000
LEDGER_BYTES_MAX = 32000000
LIST_BYTES = 262144       # of a thread's private list, which a high-water mark may miss
PEAKS_BYTES_MAX = 1 << 20  # a peak of all places is recorded at any time, or never
SHARED_PAGES_MAX = 128 // 8 + 1  # of rows: a thread's first calls may be counted in those that threads share
CROWD, *LIBRARY = harness.arguments(len(sys.argv) - 1)


class Crowd(harness.Case):
    def setUp(self):
        super().setUp()
        self.program = None
        settings = dict(LMM_DIR=self.ledgers)
        if LIBRARY:
            settings.update(LD_PRELOAD=LIBRARY[0], LMM_OPTIONS=f"stacks=16:ledger={self.ledgers}:keep=1:children=1")
        self.program = self.start(CROWD, env=harness.environment(**settings))
        self.allocated = self.freed = 0

    def tell(self, *commands):
        """Gives commands; returns the last answer."""
        for command in commands:
            self.program.stdin.write(command.encode() + b"\n")
            self.program.stdin.flush()
            line = self.program.stdout.readline().decode().split()
            self.assertEqual(line[:1], ["ok"], command)
        return int(line[1])

    def path_of(self, pid):
        """The ledger of a process; None: it has none."""
        names = [name for name in os.listdir(self.ledgers) if name.startswith(f"{pid}.")]
        self.assertLessEqual(len(names), 1, names)
        return self.in_ledgers(names[0]) if names else None

    def sizes(self, pid):
        """(bytes used, row pages) of a ledger."""
        with open(self.path_of(pid), "rb", buffering=0) as file:
            header = dict(zip(ledger.FIELDS, ledger.HEADER.unpack(os.pread(file.fileno(), ledger.HEADER.size, 0))))
            offset, pages = ledger.HEADER.size, 0
            while offset < header["file_bytes"]:
                head = os.pread(file.fileno(), ledger.CHUNK.size, offset)
                chunk = dict(zip(ledger.CHUNK_FIELDS, ledger.CHUNK.unpack(head)))
                pages += chunk["used"] if chunk["kind"] == ledger.ROWS else 0
                offset += chunk["bytes"]
            self.assertEqual(offset, header["file_bytes"])
            # Some file systems count their own records of a file's blocks.
            self.assertLessEqual(os.fstat(file.fileno()).st_blocks * 512, header["file_bytes"] * 9 // 8)
        return header["file_bytes"], pages

    def rows(self, pid, *options):
        """The rows of the blocks in a report as CSV, with numbers for digits."""
        family = "malloc-208" if LIBRARY else "record"
        text = self.succeed("report", "-F", "csv", "-f", family, *options, self.path_of(pid))
        return [{key: int(cell) if cell.isdigit() else cell for key, cell in row.items()}
                for row in csv.DictReader(text.splitlines())]

    def assert_same_sizes(self, sizes):
        """The process has as many row pages as then, but for those of the heap that threads share at first."""
        now = self.sizes(self.program.pid)
        self.assertLessEqual(sizes[1], now[1])
        self.assertLessEqual(now[1], sizes[1] + SHARED_PAGES_MAX)
        self.assertLessEqual(now[0], sizes[0] + PEAKS_BYTES_MAX)

    def totals(self):
        return json.loads(self.succeed("report", "-F", "json", self.path_of(self.program.pid)))["totals"]

    def assert_counted(self, allocated, freed, pid=None):
        """The family's counts are exact, and its peak is not below what lives. Returns its row."""
        row, = self.rows(pid or self.program.pid)
        live = allocated - freed
        self.assertEqual((row["allocations"], row["frees"], row["live_blocks"], row["live_bytes"]),
                         (allocated, freed, live, live * BLOCK_BYTES))
        self.assertGreaterEqual(row["peak_bytes"], row["live_bytes"])
        return row

    def test_idle_threads_and_many_places(self):
        pid = self.program.pid
        self.tell(f"idle {IDLE}", f"sites {PLACES}")
        self.assert_counted(IDLE + PLACES, IDLE)
        self.tell(f"wake {PLACES // 2}")
        before = self.sizes(pid)
        self.assertLess(before[0], LEDGER_BYTES_MAX)
        allocated, freed = 3 * IDLE + PLACES, 2 * IDLE
        self.assert_counted(allocated, freed)

        self.tell(f"more {MORE}")
        allocated += MORE
        self.assert_counted(allocated, freed)
        totals = self.totals()
        self.assertGreaterEqual(totals["peak_bytes"], totals["live_bytes"])
        sites = self.rows(pid, "--sites")
        self.assertEqual(sum(site["allocations"] for site in sites), allocated)
        self.assertEqual(sum(site["live_blocks"] for site in sites), allocated - freed)
        # Those of the idle threads, in the drop-in: first, when awake, and the one that is kept.
        self.assertEqual(len(sites), PLACES + (3 if LIBRARY else 0))
        for site in sites:
            self.assertGreaterEqual(site["peak_bytes"], site["live_bytes"], site)

        most = (allocated - freed) * BLOCK_BYTES
        self.tell("less")
        peak = self.assert_counted(allocated, freed + MORE)["peak_bytes"]
        self.assertTrue(most - LIST_BYTES - IDLE * BLOCK_BYTES <= peak <= most, (peak, most))
        self.assert_same_sizes(before)

    def test_children_of_many_threads_and_places(self):
        self.tell("idle 100", f"sites {PLACES}")
        own = self.sizes(self.program.pid)
        for _ in range(3):
            child, silent = self.tell("fork"), self.tell("fork-idle")
            self.assert_counted(PLACES + 101, 100, child)
            self.assertIsNone(self.path_of(silent))
            self.assertLessEqual(self.sizes(child)[0], own[0] + PEAKS_BYTES_MAX)
        self.assert_counted(PLACES + 100, 100)
        self.assert_same_sizes(own)

    def test_the_rows_of_ended_threads_are_used_again(self):
        for at_once, waves in ((WAVE, ENDED // WAVE), (ENDED, 2)):
            self.tell(f"wave {at_once} {WAVE_PLACES}")
            sizes, overhead = self.sizes(self.program.pid), self.totals()["overhead_bytes"]
            for _ in range(waves - 1):
                self.tell(f"wave {at_once} {WAVE_PLACES}")
            self.assert_same_sizes(sizes)
            self.assertLessEqual(self.totals()["overhead_bytes"], overhead + PEAKS_BYTES_MAX, at_once)
            self.allocated += at_once * waves * WAVE_PLACES
            self.assert_counted(self.allocated, self.allocated)


harness.main()
