# SPDX-License-Identifier: MIT
"""Damaged files: one clear line and status 1, whatever the damage."""
import json
import os
import shutil
import struct
import sys
import tempfile

import harness
import ledger

U32 = struct.Struct("<I")
U64 = struct.Struct("<Q")
GIBIBYTE = 1 << 30


class Damaged(harness.Case):
    """A good ledger, and ways to damage it."""
    make = staticmethod(ledger.sample)

    def setUp(self):
        super().setUp()
        self.file = self.path("damaged")
        self.whole = self.make().bytes()

    def put(self, data):
        with open(self.file, "wb") as file:
            file.write(data)

    def expect(self, words, data, *command):
        self.put(data)
        self.fail_with(1, words, *(command or ["report"]), self.file)

    def with_value(self, packing, offset, value):
        data = bytearray(self.whole)
        packing.pack_into(data, offset, value)
        return bytes(data)

    def with_field(self, name, value):
        offset, size = ledger.field_offset(name)
        if isinstance(value, bytes):
            return self.whole[:offset] + value.ljust(size, b"\0") + self.whole[offset + size:]
        return self.with_value(U32 if size == 4 else U64, offset, value)

    def chunk(self, kind):
        return next((offset, fields) for offset, fields in ledger.records_of(self.whole)
                    if fields["kind"] == kind)

    def with_chunk_field(self, kind, name, value):
        offset = self.chunk(kind)[0]
        index = ledger.CHUNK_FIELDS.index(name)
        return self.with_value(U64 if name == "bytes" else U32, offset + 4 * index, value)


class Damage(Damaged):
    # ---- Other files

    def test_files_that_cannot_be_opened(self):
        for command in (["report"], ["sites"], ["snapshot", "-o", self.path("copy")],
                        ["report", "--format", "json"]):
            self.fail_with(1, "No such file or directory", *command, self.path("nothing"))
            self.fail_with(1, "a directory, not a ledger", *command, self.folder)
            self.fail_with(1, "not a regular file", *command, "/dev/zero")
        os.mkfifo(self.path("fifo"))
        self.fail_with(1, "not a regular file", "report", self.path("fifo"))
        self.assertEqual(os.listdir(self.folder).count("copy"), 0)

    def test_files_without_the_right_to_read(self):
        if os.geteuid() == 0:
            self.skipTest("root may read everything")
        self.put(self.whole)
        os.chmod(self.file, 0)
        self.fail_with(1, "Permission denied", "report", self.file)

    def test_files_that_are_not_ledgers(self):
        self.expect("an empty file", b"")
        for data in (b"x", b"LMM-BOO", b"lmm-book" * 600, os.urandom(8192)):
            self.expect("not a ledger", data)
        for data in (bytes(1), bytes(4096), bytes(100000)):
            self.expect("still being created", data)

    def test_hostile_paths_stay_on_their_line(self):
        path = self.path("\033[31m\nlmm: all is well")
        self.fail_with(1, r"\x1b[31m\x0almm: all is well: No such file", "report", path)

    # ---- Lengths

    def test_every_truncation_reports_the_bytes_left(self):
        whole = len(self.whole)
        for there in (8, 9, 12, 24, 100, 4095):
            self.expect(f"a truncated ledger: {there} bytes, shorter than its header",
                        self.whole[:there])
        lengths = {4096, 4097, 4159, 4160, whole - 1}
        for offset, _ in ledger.records_of(self.whole):
            lengths |= {offset, offset + 1, offset + 63, offset + 64, offset + 65}
        for there in sorted(lengths - {whole}):
            self.expect(f"a truncated ledger: {there} of {whole} bytes", self.whole[:there])

    def test_bytes_after_the_ledger_are_ignored(self):
        self.put(self.whole + b"\xff" * 1000)
        self.assertIn("SUMMARY: 3 families", self.succeed("report", self.file))

    def test_the_header_alone_is_a_ledger_without_records(self):
        empty = bytearray(self.whole[:4096])
        U64.pack_into(empty, ledger.field_offset("file_bytes")[0], 4096)
        self.put(empty)
        self.assertIn("SUMMARY: 0 families", self.succeed("report", self.file))

    def test_impossible_sizes(self):
        for size in (0, 1, 4095, len(self.whole) - 1, 1 << 30 | 1, (1 << 30) + 64, 1 << 63,
                     (1 << 64) - 1, (1 << 64) - 64):
            self.expect("a damaged ledger: its header gives a size of", self.with_field("file_bytes", size))

    def test_a_file_larger_than_any_ledger_is_not_copied(self):
        size = (1 << 30) + 64
        self.put(self.with_field("file_bytes", size))
        os.truncate(self.file, size)
        self.fail_with(1, f"its header gives a size of {size} bytes", "report", self.file)

    # ---- The header

    def test_newer_versions_have_their_own_message(self):
        for version, needed in ((0, "an older"), (3, "a newer"), (0xffffffff, "a newer")):
            self.expect(f"a ledger of version {version}; this lmm reads 1 to 2: use {needed} one",
                        self.with_field("version", version))

    def test_inconsistent_header_fields(self):
        for name, values in (("header_bytes", (0, 64, 4095, 4097, 8192, 0xffffffff)),
                             ("chunk_bytes", (0, 63, 65, 128, 0xffffffff)),
                             ("state", (0, 4, 0xffffffff)),
                             ("command_bytes", (1025, 0xffffffff)),
                             ("boot_id", (b"x" * 40,)),
                             ("executable", (b"x" * 1024,))):
            for value in values:
                self.expect("a damaged ledger: inconsistent header",
                            self.with_field(name, value))

    def test_header_fields_that_may_have_any_value(self):
        for name in ("pid", "parent_pid", "user", "system_page_bytes", "start_time_ns",
                     "start_ticks", "pid_namespace", "sites_merged", "move_sequence",
                     "reservoir_bytes", "overhead_bytes", "end_time_ns", "snapshot_time_ns",
                     "lost_errno", "reserved", "command"):
            size = ledger.field_offset(name)[1]
            value = b"\xff" * size if size > 8 else (1 << 8 * size) - 1
            self.put(self.with_field(name, value))
            for command in (["report"], ["report", "--format", "json"], ["sites"]):
                self.assertNotEqual(self.succeed(*command, self.file), "", name)

    # ---- The chain

    def test_chunks_that_end_outside_the_file(self):
        for kind in (ledger.STRINGS, ledger.FAMILIES, ledger.SITES, ledger.ROWS):
            offset, fields = self.chunk(kind)
            for value in (0, 1, 63, fields["bytes"] - 1, len(self.whole), 1 << 32, 1 << 63,
                          (1 << 64) - 64):
                self.expect(f"a damaged ledger: a chunk of {value} bytes at byte {offset} of "
                            f"{len(self.whole)}", self.with_chunk_field(kind, "bytes", value))

    def test_chunks_that_overlap(self):
        for kind in (ledger.STRINGS, ledger.FAMILIES, ledger.SITES):
            for value in (64, self.chunk(kind)[1]["bytes"] + 64):
                self.expect("a damaged ledger: ", self.with_chunk_field(kind, "bytes", value))

    def test_a_million_empty_chunks(self):
        chunk = ledger.CHUNK.pack(ledger.UNUSED, 0, 0, 0, 0, 0, 64)
        book = ledger.sample()
        book.chunks = lambda: [chunk] * (1 << 18)
        self.put(book.bytes())
        self.assertIn("SUMMARY: 0 families", self.succeed("report", self.file))
        book.chunks = lambda: [chunk] * 1000000
        self.expect("more than 262144 chunks", book.bytes())

    def test_inconsistent_chunk_fields(self):
        for kind in (ledger.STRINGS, ledger.FAMILIES, ledger.SITES, ledger.ROWS):
            capacity = self.chunk(kind)[1]["capacity"]
            for name, values in (("record_bytes", (0, 2, 0xffffffff)),
                                 ("first", (1, 0xffffffff)),
                                 ("capacity", (0x7fffffff, 0xffffffff)),
                                 ("used", (capacity + 1, 0xffffffff)),
                                 ("owner", (1 << 20, 0xffffffff))):
                for value in values:
                    self.expect("a damaged ledger: inconsistent records",
                                self.with_chunk_field(kind, name, value))
        self.expect("inconsistent records",
                    self.with_chunk_field(ledger.ROWS, "used", 0))

    # ---- Records

    def test_inconsistent_records(self):
        family = self.chunk(ledger.FAMILIES)[0] + 64
        site = self.chunk(ledger.SITES)[0] + 64
        strings = self.chunk(ledger.STRINGS)[0] + 64
        for packing, offset, value in (
                (U32, family, 0xffffffff), (U32, family, self.chunk(ledger.STRINGS)[1]["used"]),
                (U32, family + 4, 0), (U32, family + 4, 24), (U64, family + 8, 0),
                (U64, family + 16, 39), (U32, site, 3), (U32, site, 0xffffffff),
                (U32, site + 8, 0xffffffff), (U32, site + 12, 0xffffffff)):
            self.expect("a damaged ledger: inconsistent records",
                        self.with_value(packing, offset, value))
        used = self.chunk(ledger.STRINGS)[1]["used"]
        self.expect("a damaged ledger: inconsistent records",
                    self.whole[:strings] + b"x" * used + self.whole[strings + used:])

    def test_impossible_figures_do_no_harm(self):
        for kind, size in ((ledger.FAMILIES, ledger.FAMILY.size), (ledger.ROWS, ledger.ROW.size)):
            start = self.chunk(kind)[0] + 64
            skip = 24 if kind == ledger.FAMILIES else 0
            for offset in range(start + skip, start + size, 8):
                self.put(self.with_value(U64, offset, (1 << 64) - 1))
                for form in ("text", "json", "csv", "openmetrics", "folded"):
                    self.assertNotEqual(self.succeed("report", "--format", form, self.file), "")

    def test_every_subcommand_refuses_damaged_ledgers(self):
        bad = self.path("bad")
        good = ledger.sample().write(self.path("good"))
        with open(bad, "wb") as file:
            file.write(self.whole[:5000])
        words = f"{bad}: a truncated ledger: 5000 of {len(self.whole)} bytes"
        for command in (["report", bad], ["sites", bad], ["diff", good, bad], ["diff", bad, good],
                        ["snapshot", bad, "-o", self.path("copy")]):
            self.fail_with(1, words, *command)


class DropIn(Damaged):
    """The kinds of chunks that the drop-in adds."""
    make = staticmethod(ledger.drop_in)
    INCONSISTENT = "a damaged ledger: inconsistent records"

    def document(self, data, *options):
        self.put(data)
        return json.loads(self.succeed("report", "--format", "json", *options, self.file))

    def test_the_undamaged_ledger_is_accepted(self):
        document = self.document(self.whole, "--stacks")
        sites = {site["live_bytes"]: site for site in document["sites"]}
        self.assertEqual(set(sites), {9000, 200, 0})
        self.assertEqual([sites[200][name] for name in ("live_blocks", "live_slots", "temporaries",
                                                        "peak_blocks", "peak_bytes", "function")],
                         [5, 5, 4, 8, 320, ""])
        self.assertEqual([call["function"] for call in sites[200]["stack"]],
                         ["libpart.so+0x123", "tool+0x500"])
        totals = document["totals"]
        self.assertEqual([totals[name] for name in ("temporaries", "peak_bytes", "stack_frames")],
                         [4, 9999, 24])

    def test_inconsistent_chunk_fields(self):
        for kind in (ledger.MODULES, ledger.FRAMES, ledger.STACKS, ledger.PEAKS, ledger.TEMPORARIES):
            capacity = self.chunk(kind)[1]["capacity"]
            for name, values in (("record_bytes", (0, 1, 3, 64, 0xffffffff)),
                                 ("first", (1, 0xffffffff)),
                                 ("capacity", (0, 0x7fffffff, 0xffffffff)),
                                 ("used", (capacity + 1, 0xffffffff)),
                                 ("owner", (1 << 20, 0xffffffff))):
                for value in values:
                    self.expect(self.INCONSISTENT, self.with_chunk_field(kind, name, value))
        for kind in (ledger.MODULES, ledger.FRAMES, ledger.STACKS):
            self.expect(self.INCONSISTENT, self.with_chunk_field(kind, "owner", 1))
        self.expect(self.INCONSISTENT, self.with_chunk_field(ledger.PEAKS, "owner", 2))

    def test_inconsistent_records(self):
        module = self.chunk(ledger.MODULES)[0] + 64
        frame = self.chunk(ledger.FRAMES)[0] + 64 + ledger.FRAME.size
        for packing, offset, value in (
                (U64, module + 8, 0xfff), (U32, module + 24, 0xffffffff), (U32, module + 32, 33),
                (U32, module + 32, 0xffffffff),
                (U32, frame + 8, 1), (U32, frame + 8, 2), (U32, frame + 8, 0xffffffff),
                (U32, frame + 12, 3), (U32, frame + 12, 0xffffffff)):
            self.expect(self.INCONSISTENT, self.with_value(packing, offset, value))

    def test_a_missing_stack_is_shown_as_none(self):
        stack = self.chunk(ledger.STACKS)[0] + 64 + 4
        for value in (0, 3, 0xffffffff):
            sites = self.document(self.with_value(U32, stack, value), "--stacks")["sites"]
            self.assertEqual(next(site["stack"] for site in sites if site["live_bytes"] == 200), [])

    def test_a_stack_deeper_than_the_limit(self):
        for frames, sound in ((256, True), (257, False)):
            book = ledger.drop_in()
            book.stack_site(0, book.stack([(0x1500, 1)] * frames), 1, 0, 40)
            if sound:
                self.document(book.bytes())
            else:
                self.expect(self.INCONSISTENT, book.bytes())

    def test_the_callers_of_a_guess_are_marked(self):
        for inner, marks in ((0, [False, True, True]), (1, [False, False, True]), (2, [False] * 3),
                             (-99, [False] * 3)):
            book = ledger.drop_in(version=2)
            stack = book.stack([(0x1500, 1)] * 3)
            book.stack_site(0, stack, 1, 0, 4000)
            book.guesses = [stack - inner]
            site, = (site for site in self.document(book.bytes(), "--stacks")["sites"] if site["live_bytes"] == 4000)
            self.assertEqual([call.get("guessed", False) for call in site["stack"]], marks)

    def test_the_first_frame_means_none_whatever_it_contains(self):
        frame = self.chunk(ledger.FRAMES)[0] + 64
        data = bytearray(self.whole)
        data[frame:frame + 16] = b"\xff" * 16
        self.assertEqual(len(self.document(bytes(data))["sites"]), 3)

    def test_only_the_valid_peaks_are_shown(self):
        for count, total, peak in ((0, 0, 0), (2, 0, 777), (3, 9999, 320), (4, 0, 777)):
            document = self.document(self.with_field("peak_count", count))
            self.assertEqual(document["totals"]["peak_bytes"], total)
            self.assertEqual(next(site["peak_bytes"] for site in document["sites"]
                                  if site["live_bytes"] == 200), peak)

    def test_series_shorter_than_the_sites(self):
        for kind in (ledger.STACKS, ledger.PEAKS, ledger.TEMPORARIES):
            document = self.document(self.with_chunk_field(kind, "used", 0), "--stacks")
            self.assertEqual(len(document["sites"]), 3)
        for kind in (ledger.STACKS, ledger.FRAMES, ledger.PEAKS, ledger.TEMPORARIES):
            self.document(self.with_chunk_field(kind, "kind", ledger.UNUSED), "--stacks")
        self.expect(self.INCONSISTENT, self.with_chunk_field(ledger.MODULES, "kind", ledger.UNUSED))

    def test_of_two_chunks_of_an_owner_the_larger_counts(self):
        book = ledger.drop_in()
        chunks = book.chunks()
        larger = book.chunk(ledger.TEMPORARIES, [ledger.TEMPORARY.pack(n) for n in (0, 2, 1)], owner=1)
        book.chunks = lambda: chunks + [larger]
        self.assertEqual(self.document(book.bytes())["totals"]["temporaries"], 4)
        book.chunks = lambda: chunks + [larger, larger]
        self.expect(self.INCONSISTENT, book.bytes())

    def test_impossible_figures_do_no_harm(self):
        for kind, size in ((ledger.PEAKS, ledger.PEAK.size), (ledger.TEMPORARIES, 16),
                           (ledger.MODULES, 24), (ledger.ROWS, 64), (ledger.FAMILIES, 0)):
            start = self.chunk(kind)[0] + 64
            data = bytearray(self.whole)
            data[start:start + size] = b"\xff" * size
            self.put(bytes(data))
            for command in (["report", "--stacks"], ["sites"], ["report", "--format", "json"],
                            ["report", "--format", "folded"],
                            ["report", "--format", "pprof", "-o", self.path("profile")]):
                self.succeed(*command, self.file)


class Sparse(harness.Case):
    """Ledgers of 1 GiB with nearly nothing in them: a reader must not pay for the holes."""

    def make(self, path, kind, **header):
        book = ledger.sample(state=ledger.EXITED, **header)
        data = book.bytes()
        size = ledger.RECORD_BYTES[kind]
        if kind == ledger.ROWS and header.get("version") == 2:
            size = ledger.PAGE_SIZE
        chunk = GIBIBYTE - len(data)
        capacity = min((chunk - ledger.CHUNK.size) // size, 1000) if size > 0 else 0
        with open(path, "wb") as file:
            file.write(data + ledger.CHUNK.pack(kind, size, 0, capacity, 0, 0, chunk))
            file.truncate(GIBIBYTE)
            file.seek(ledger.field_offset("file_bytes")[0])
            file.write(GIBIBYTE.to_bytes(8, "little"))
        return path

    def rss_bytes(self, *arguments):
        """Runs lmm; returns its exit status and the most memory that it had. A small process starts it, because
        a process starts with the most that its parent had."""
        script = ("import os, resource, subprocess, sys; "
                  "status = subprocess.call(sys.argv[1:], stdout=2); "
                  "print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        result = harness.run(sys.executable, "-c", script, harness.LMM, *arguments, env=self.environment)
        status, kibibytes = result.stdout.split()
        return int(status), int(kibibytes) * 1024

    def test_holes_cost_nothing(self):
        folder = tempfile.mkdtemp(dir="/dev/shm")
        self.addCleanup(shutil.rmtree, folder)
        for place in (self.folder, folder):
            for version in (1, 2):
                for kind in ledger.RECORD_BYTES:
                    path = self.make(os.path.join(place, "sparse.lmm"), kind, version=version)
                    copy = os.path.join(place, "copy.lmm")
                    status, memory = self.rss_bytes("report", path)
                    self.assertIn(status, (0, 1))
                    self.assertLess(memory, GIBIBYTE // 8, (kind, version, place))
                    self.assertLess(os.stat(path).st_blocks * 512, GIBIBYTE // 64, "a hole was filled")
                    if status == 0 and kind == ledger.UNUSED:
                        self.assertEqual(self.rss_bytes("snapshot", "-o", copy, path)[0], 0)
                        self.assertEqual(os.stat(copy).st_size, GIBIBYTE)
                        self.assertLess(os.stat(copy).st_blocks * 512, GIBIBYTE // 64)
                        self.assertEqual(self.succeed("report", copy).splitlines()[1:3],
                                         self.succeed("report", path).splitlines()[1:3])


harness.main()
