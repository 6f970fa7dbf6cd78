# SPDX-License-Identifier: MIT
"""Ledger files made by hand, from docs/ledger-format.md alone, of version 1 or 2, and the processes that keep them."""
import os
import struct

FORMATS = (["8s"] + ["I"] * 4 + ["Q"] + ["I"] * 4 + ["Q"] * 3 + ["40s"] + ["I"] * 2 + ["Q"] * 4 +
           ["I"] * 2 + ["1024s", "1024s"] + ["I"] * 2 + ["Q"] * 5 + ["I"] * 4 + ["1024s", "I", "I", "I", "788s"])
HEADER = struct.Struct("<" + "".join(FORMATS))
FIELDS = ("magic version header_bytes chunk_bytes state file_bytes pid parent_pid user "
          "system_page_bytes start_time_ns start_ticks pid_namespace boot_id move_sequence "
          "sites_merged reservoir_bytes overhead_bytes end_time_ns snapshot_time_ns lost_errno "
          "command_bytes command executable is_drop_in stack_frames peak_count peak_bytes_0 "
          "peak_bytes_1 peak_time_0 peak_time_1 other_malloc linked_allocator "
          "panic_bytes panic_stack panic_message started exit_kind exit_status reserved").split()
CHUNK = struct.Struct("<IIIIIIQ32x")
CHUNK_FIELDS = "kind record_bytes first capacity used owner bytes".split()
FAMILY = struct.Struct("<IIQQQQQQQQQQQ")
SITE = struct.Struct("<IIII")
ROW = struct.Struct("<QQQQ")
MODULE = struct.Struct("<QQQIIII32sQQQq")
MODULE_BYTES_MIN = 72  # where the fields of its file start
FRAME = struct.Struct("<QII")
STACK = struct.Struct("<I")
PEAK = struct.Struct("<QQ")
TEMPORARY = struct.Struct("<Q")
PAGE_HEAD = struct.Struct("<III52x")
PAGE_ROW = struct.Struct("<QQQQQQIIQ")
BOTH_PEAKS = struct.Struct("<QQQQ")
CHECK = struct.Struct("<QQQQIIIIIIQ64x")
LEAK = struct.Struct("<IIIIQQQQQQ")
MARK = struct.Struct("<QII")
DEFINITE, INDIRECT, POSSIBLE, REACHABLE, IGNORED = range(1, 6)
AT_EXIT = 1
ROWS_PER_PAGE = 2
PAGE_SIZE = PAGE_HEAD.size + ROWS_PER_PAGE * PAGE_ROW.size
(UNUSED, STRINGS, FAMILIES, SITES, ROWS, MODULES, FRAMES, STACKS, PEAKS,
 TEMPORARIES, GUESSES, LEAKS_EVEN, LEAKS_ODD, MARKS) = range(14)
RECORD_BYTES = {UNUSED: 0, STRINGS: 1, FAMILIES: FAMILY.size, SITES: SITE.size, ROWS: ROW.size,
                MODULES: MODULE.size, FRAMES: FRAME.size, STACKS: STACK.size, PEAKS: PEAK.size,
                TEMPORARIES: TEMPORARY.size, GUESSES: STACK.size, LEAKS_EVEN: LEAK.size, LEAKS_ODD: LEAK.size,
                MARKS: MARK.size}
FAMILY_BYTES = 1
RUNNING, EXITED, LOST = 1, 2, 3
START_NS = 1700000000123456789
ENDED_PID = 1 << 30    # no process has it: the kernel gives none above 4,194,304

assert HEADER.size == 4096 and CHUNK.size == 64 and FAMILY.size == 96
assert MODULE.size == 104 and FRAME.size == 16


def start_ticks(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rsplit(b")", 1)[1].split()[19])


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        return file.read().strip()


def field_offset(name):
    """Returns the offset of a field of the header, and its length."""
    index = FIELDS.index(name)
    return (struct.calcsize("<" + "".join(FORMATS[:index])), struct.calcsize("<" + FORMATS[index]))


def as_bytes(text):
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


class Ledger:
    """A ledger that a test fills; bytes() returns it as a file has it. `header` holds the fields of the header."""

    def __init__(self, executable="/usr/bin/hr", pid=4242, **header):
        command = as_bytes(executable) + b"\0"
        self.header = dict(magic=b"LMM-BOOK", version=1, header_bytes=4096, chunk_bytes=64,
                           state=RUNNING, file_bytes=None, pid=pid, parent_pid=1,
                           user=os.geteuid(), system_page_bytes=4096, start_time_ns=START_NS,
                           start_ticks=1, pid_namespace=0, boot_id=boot_id(),    # it has ended
                           move_sequence=0, sites_merged=0, reservoir_bytes=262144,
                           overhead_bytes=65536, end_time_ns=0, snapshot_time_ns=0, lost_errno=0,
                           command_bytes=len(command), command=command,
                           executable=as_bytes(executable), is_drop_in=0, stack_frames=0, peak_count=0,
                           peak_bytes_0=0, peak_bytes_1=0, peak_time_0=0, peak_time_1=0,
                           other_malloc=0, linked_allocator=0, panic_bytes=0, panic_stack=0,
                           panic_message=b"", started=0, exit_kind=0, exit_status=0, reserved=b"")
        self.header.update(header)
        self.strings = b"\0"
        self.marks = []    # of version 2
        self.families = []
        self.sites = []
        self.rows = {}
        self.modules = []
        self.frames = []
        self.guesses = []
        self.stacks = {}
        self.peaks = [{}, {}]
        self.temporaries = {}
        self.leaks = []
        self.details = {}  # version 2: by owner and site, foreign frees, smallest and largest bytes

    def of_process(self, pid):
        """Makes it the ledger of a running process."""
        self.header.update(pid=pid, start_ticks=start_ticks(pid), boot_id=boot_id(),
                           pid_namespace=os.stat("/proc/self/ns/pid").st_ino)
        return self

    def string(self, text):
        text = as_bytes(text)
        if not text:
            return 0
        self.strings += text + b"\0"
        return len(self.strings) - len(text) - 1

    def family(self, name, size, align=8, pages=1, slots=None, run_free=0, longest=0, peak=0,
               flags=0):
        stride = (size + align - 1) // align * align
        slots = 262144 // stride if slots is None else slots
        self.families.append((self.string(name), align, size, stride, pages, pages * 262144,
                              pages * 262144, slots, run_free, longest, peak, 0, flags))
        return len(self.families) - 1

    def site(self, family, file, line, function, allocated=0, freed=0, owner=1):
        self.sites.append((family, line, self.string(file), self.string(function)))
        self.count(len(self.sites) - 1, allocated, freed, owner)
        return len(self.sites) - 1

    def count(self, site, allocated, freed=0, owner=1, extra=0, freed_extra=0):
        rows = self.rows.setdefault(owner, {})
        before = rows.get(site, (0, 0, 0, 0))
        rows[site] = (before[0] + allocated, before[1] + freed, before[2] + extra,
                      before[3] + freed_extra)

    # ---- Records of the drop-in

    def module(self, path, start, end, bias, build_id=b"", gone=0, file=None):
        """file: an os.stat_result, of a module without a build-id. Without any the records are short."""
        self.modules.append((start, end, bias, self.string(path), gone, len(build_id), int(file is not None), build_id,
                             *((file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns) if file else (0,) * 4)))
        return len(self.modules)

    def frame(self, address, caller=0, module=0):
        """Adds a frame and returns its number; module: as module() returned it."""
        self.frames = self.frames or [(0, 0, 0)]
        self.frames.append((address, caller, module))
        return len(self.frames) - 1

    def stack(self, calls):
        """Adds the frames of a stack, (address, module) with the innermost first; returns its number."""
        number = 0
        for address, module in reversed(calls):
            number = self.frame(address, number, module)
        return number

    def stack_site(self, family, stack, allocated, freed=0, size=0, temporaries=0, owner=1):
        site = self.site(family, "", 0, "", owner=owner)
        self.count(site, allocated, freed, owner, allocated * size, freed * size)
        self.stacks[site] = stack
        if temporaries:
            self.temporaries.setdefault(owner, {})[site] = temporaries
        return site

    def drop_in(self, frames=24):
        self.header.update(is_drop_in=1, stack_frames=frames)
        return self

    def peak(self, count, total, sites):
        """Writes peaks, {site: (blocks, bytes)}, for the count-th time."""
        self.peaks[count % 2] = dict(sites)
        self.header.update({"peak_count": count, f"peak_bytes_{count % 2}": total,
                            f"peak_time_{count % 2}": START_NS + count})

    def check(self, leaks, flags=AT_EXIT, failure=0, unseen=0, own=""):
        """Adds a leak check. leaks: site, leader, kind, blocks, bytes of each; own: the program's suppressions. The
        ledger is of version 2."""
        self.leaks = [LEAK.pack(site, leader, kind, 1, blocks, count, 0x1000 * (i + 1), 0, 0, 0)
                      for i, (site, leader, kind, blocks, count) in enumerate(leaks)]
        facts = CHECK.pack(START_NS, 1000, 2000, 3000, len(leaks), 1, unseen, 0, flags, failure, 0)
        self.header["reserved"] = (struct.pack("<IQ", 0, 1) + bytes(CHECK.size) + facts +
                                   struct.pack("<I", self.string(own) if own else 0))
        return self

    def mark(self, text, time_ns):
        """Adds a mark; the ledger is of version 2."""
        self.marks.append(MARK.pack(time_ns, self.string(text), 0))
        return self

    def records(self, packing, sparse, nothing):
        return [packing.pack(*sparse.get(i, nothing)) for i in range(max(sparse, default=-1) + 1)]

    def drop_in_chunks(self):
        stacks = {site: (stack,) for site, stack in self.stacks.items()}
        size = MODULE.size if any(module[6] for module in self.modules) else MODULE_BYTES_MIN
        chunks = [(MODULES, [MODULE.pack(*module)[:size] for module in self.modules], 0),
                  (FRAMES, [FRAME.pack(*frame) for frame in self.frames], 0),
                  (GUESSES, [STACK.pack(frame) for frame in self.guesses], 0),
                  (STACKS, self.records(STACK, stacks, (0,)), 0)]
        if not self.is_v1():
            return [self.chunk(kind, records) for kind, records, _ in chunks if records] + self.both_peaks()
        chunks += [(PEAKS, self.records(PEAK, self.peaks[owner], (0, 0)), owner) for owner in (0, 1)]
        chunks += [(TEMPORARIES, self.records(TEMPORARY, {site: (n,) for site, n in sites.items()},
                                              (0,)), owner)
                   for owner, sites in self.temporaries.items()]
        return [self.chunk(kind, records, owner=owner) for kind, records, owner in chunks if records]

    # ---- Version 2

    def is_v1(self):
        return self.header["version"] == 1

    def page(self, owner, first):
        """Returns a row page: the rows of an owner from the site `first` on."""
        temporaries = self.temporaries.get(owner, {})
        rows = [PAGE_ROW.pack(*self.rows.get(owner, {}).get(site, (0, 0, 0, 0)), temporaries.get(site, 0),
                              *self.details.get((owner, site), (0, 0, 0)), 0)
                for site in range(first, first + ROWS_PER_PAGE)]
        return PAGE_HEAD.pack(owner, first, ROWS_PER_PAGE) + b"".join(rows)

    def row_pages(self):
        """Returns a chunk of row pages for each half of them, as there may be any number."""
        places = sorted({(owner, site // ROWS_PER_PAGE * ROWS_PER_PAGE)
                         for rows in (self.rows, self.temporaries) for owner in rows
                         for site in rows[owner]})
        pages = [self.page(owner, first) for owner, first in places]
        half = len(pages) // 2
        return [self.chunk(ROWS, some, size=PAGE_SIZE, capacity=len(some) + 1)
                for some in (pages[:half], pages[half:]) if some]

    def both_peaks(self):
        sites = max(max(peaks, default=-1) for peaks in self.peaks) + 1
        turns = [[peaks.get(site, (0, 0)) for site in range(sites)] for peaks in self.peaks]
        records = [BOTH_PEAKS.pack(a[0], b[0], a[1], b[1]) for a, b in zip(*turns)]
        return [self.chunk(PEAKS, records, size=BOTH_PEAKS.size)] if records else []

    def chunk(self, kind, records, capacity=None, owner=0, spare=0, size=None):
        size = size or (len(records[0]) if kind == MODULES else RECORD_BYTES[kind])
        body = records if kind == STRINGS else b"".join(records)
        used = len(body) // size
        capacity = max(used, capacity or 0)
        used = capacity if kind == ROWS and self.is_v1() else used
        length = (CHUNK.size + capacity * size + 63) // 64 * 64 + spare
        head = CHUNK.pack(kind, size, 0, capacity, used, owner, length)
        return (head + body).ljust(length, b"\0")

    def chunks(self):
        rows = [self.chunk(ROWS, [ROW.pack(*self.rows[owner].get(i, (0, 0, 0, 0)))
                                  for i in range(max(self.rows[owner]) + 1)], owner=owner)
                for owner in self.rows] if self.is_v1() else self.row_pages()
        return [self.chunk(STRINGS, self.strings, capacity=len(self.strings) + 32),
                self.chunk(FAMILIES, [FAMILY.pack(*family) for family in self.families], spare=64),
                self.chunk(SITES, [SITE.pack(*site) for site in self.sites]), *rows,
                *self.drop_in_chunks(), *([self.chunk(LEAKS_ODD, self.leaks)] if self.leaks else []),
                *([self.chunk(MARKS, self.marks)] if self.marks else [])]

    def bytes(self):
        body = b"".join(self.chunks())
        fields = dict(self.header)
        if fields["file_bytes"] is None:
            fields["file_bytes"] = HEADER.size + len(body)
        return HEADER.pack(*(fields[name] for name in FIELDS)) + body

    def own_name(self):
        """The name that LMM gives to the file."""
        return f"{self.header['pid']}.{self.header['start_ticks']}.{self.header['pid_namespace']}.lmm"

    def write(self, path):
        with open(path, "wb") as file:
            file.write(self.bytes())
        return path


def sample(**header):
    """Returns a ledger of three families, three sites and two owners; every figure can be checked by eye."""
    ledger = Ledger(**header)
    employee = ledger.family("emp_t", 40, peak=12)
    student = ledger.family("student_t", 56, peak=3)
    ledger.family("idle_t", 8, pages=0, slots=0)
    hire = ledger.site(employee, "hr.c", 42, "hire", 10, 4)
    ledger.site(employee, "hr.c", 77, "merge", 2, 2)
    ledger.site(student, "school.c", 9, "enrol", 3, 2, owner=2)
    ledger.count(hire, 0, 1, owner=2)
    return ledger


def drop_in(**header):
    """Returns a ledger of the drop-in: two stacks in two size classes, some blocks freed, and no names."""
    ledger = Ledger("/usr/bin/tool", **header).drop_in()
    small = ledger.family("malloc-48", 48, align=16, peak=400, flags=FAMILY_BYTES)
    large_ = ledger.family("malloc-large", 1024, align=16, peak=20000, flags=FAMILY_BYTES)
    tool = ledger.module("/nowhere/tool", 0x1000, 0x9000, 0x1000, b"\x0a\x0b\x0c\x0d")
    lib = ledger.module("/nowhere/libpart.so", 0x70000, 0x78000, 0x70000, gone=1)
    main = ledger.frame(0x1500, 0, tool)
    part = ledger.frame(0x70123, main, lib)
    ledger.site(small, "(unattributed)", 0, "", 1, 0)
    ledger.stack_site(small, part, 10, 4, 40, temporaries=3)
    ledger.stack_site(large_, main, 2, 1, 9000)
    ledger.count(1, 0, 1, owner=2, freed_extra=40)
    ledger.temporaries[2] = {1: 1}
    ledger.peak(3, 9999, {1: (8, 320), 2: (1, 9000)})
    ledger.peaks[0] = {1: (7, 777), 2: (7, 777)}
    return ledger


def large(families, sites):
    """Returns a ledger with as many families and sites as a large program has."""
    ledger = Ledger()
    for i in range(families):
        ledger.family(f"family_number_{i:04}_t", 16 + 8 * (i % 64))
    for i in range(sites):
        ledger.site(i * 7 % families, f"src/module{i % 97}/file{i % 331}.c", i % 3000 + 1,
                    f"function_{i}", 100 + i * 7919 % 10007, i % 100)
    return ledger


def records_of(data):
    """Returns the offset and the fields of each chunk of a ledger."""
    offset = HEADER.size
    found = []
    while offset < len(data):
        fields = dict(zip(CHUNK_FIELDS, CHUNK.unpack_from(data, offset)))
        found.append((offset, fields))
        offset += fields["bytes"]
    return found
