# SPDX-License-Identifier: MIT
"""Ledger files made by hand, from docs/ledger-format.md alone, and the processes that keep them."""
import os
import struct

HEADER = struct.Struct("<8sIIIIQIIIIQQQ40sIIQQQQII1024s1024s1888s")
FIELDS = ("magic version header_bytes chunk_bytes state file_bytes pid parent_pid user "
          "system_page_bytes start_time_ns start_ticks pid_namespace boot_id move_sequence "
          "sites_merged reservoir_bytes overhead_bytes end_time_ns snapshot_time_ns lost_errno "
          "command_bytes command executable reserved").split()
CHUNK = struct.Struct("<IIIIIIQ32x")
CHUNK_FIELDS = "kind record_bytes first capacity used owner bytes".split()
FAMILY = struct.Struct("<IIQQQQQQQQQQQ")
SITE = struct.Struct("<IIII")
ROW = struct.Struct("<QQQQ")
UNUSED, STRINGS, FAMILIES, SITES, ROWS = range(5)
RECORD_BYTES = {UNUSED: 0, STRINGS: 1, FAMILIES: FAMILY.size, SITES: SITE.size, ROWS: ROW.size}
RUNNING, EXITED, LOST = 1, 2, 3
START_NS = 1700000000123456789

assert HEADER.size == 4096 and CHUNK.size == 64 and FAMILY.size == 96


def start_ticks(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rsplit(b")", 1)[1].split()[19])


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        return file.read().strip()


def field_offset(name):
    """Where a field of the header stands, and its length."""
    formats = ["8s"] + ["I"] * 4 + ["Q"] + ["I"] * 4 + ["Q"] * 3 + ["40s"] + ["I"] * 2 + ["Q"] * 4
    formats += ["I"] * 2 + ["1024s", "1024s", "1888s"]
    index = FIELDS.index(name)
    return (struct.calcsize("<" + "".join(formats[:index])), struct.calcsize("<" + formats[index]))


def as_bytes(text):
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


class Ledger:
    """Families, sites and rows; bytes() lays them out. Header fields are attributes of `header`."""

    def __init__(self, executable="/usr/bin/hr", pid=4242, **header):
        command = as_bytes(executable) + b"\0"
        self.header = dict(magic=b"LMM-BOOK", version=1, header_bytes=4096, chunk_bytes=64,
                           state=RUNNING, file_bytes=None, pid=pid, parent_pid=1,
                           user=os.geteuid(), system_page_bytes=4096, start_time_ns=START_NS,
                           start_ticks=0, pid_namespace=0, boot_id=b"another boot",
                           move_sequence=0, sites_merged=0, reservoir_bytes=262144,
                           overhead_bytes=65536, end_time_ns=0, snapshot_time_ns=0, lost_errno=0,
                           command_bytes=len(command), command=command,
                           executable=as_bytes(executable), reserved=b"")
        self.header.update(header)
        self.strings = b"\0"
        self.families = []
        self.sites = []
        self.rows = {}

    def of_process(self, pid):
        """Says that a running process keeps it."""
        self.header.update(pid=pid, start_ticks=start_ticks(pid), boot_id=boot_id(),
                           pid_namespace=os.stat("/proc/self/ns/pid").st_ino)
        return self

    def string(self, text):
        text = as_bytes(text)
        if not text:
            return 0
        self.strings += text + b"\0"
        return len(self.strings) - len(text) - 1

    def family(self, name, size, align=8, pages=1, slots=None, run_free=0, longest=0, peak=0):
        stride = (size + align - 1) // align * align
        slots = 262144 // stride if slots is None else slots
        self.families.append((self.string(name), align, size, stride, pages, pages * 262144,
                              pages * 262144, slots, run_free, longest, peak, 0, 0))
        return len(self.families) - 1

    def site(self, family, file, line, function, allocated=0, freed=0, owner=1):
        self.sites.append((family, line, self.string(file), self.string(function)))
        self.count(len(self.sites) - 1, allocated, freed, owner)
        return len(self.sites) - 1

    def count(self, site, allocated, freed=0, owner=1):
        rows = self.rows.setdefault(owner, {})
        before = rows.get(site, (0, 0, 0, 0))
        rows[site] = (before[0] + allocated, before[1] + freed, 0, 0)

    def chunk(self, kind, records, capacity=None, owner=0, spare=0):
        size = RECORD_BYTES[kind]
        body = records if kind == STRINGS else b"".join(records)
        used = len(body) // size
        capacity = max(used, capacity or 0)
        used = capacity if kind == ROWS else used
        length = (CHUNK.size + capacity * size + 63) // 64 * 64 + spare
        head = CHUNK.pack(kind, size, 0, capacity, used, owner, length)
        return (head + body).ljust(length, b"\0")

    def chunks(self):
        rows = [self.chunk(ROWS, [ROW.pack(*self.rows[owner].get(i, (0, 0, 0, 0)))
                                  for i in range(max(self.rows[owner]) + 1)], owner=owner)
                for owner in self.rows]
        return [self.chunk(STRINGS, self.strings, capacity=len(self.strings) + 32),
                self.chunk(FAMILIES, [FAMILY.pack(*family) for family in self.families], spare=64),
                self.chunk(SITES, [SITE.pack(*site) for site in self.sites]), *rows]

    def bytes(self):
        body = b"".join(self.chunks())
        fields = dict(self.header)
        if fields["file_bytes"] is None:
            fields["file_bytes"] = HEADER.size + len(body)
        return HEADER.pack(*(fields[name] for name in FIELDS)) + body

    def write(self, path):
        with open(path, "wb") as file:
            file.write(self.bytes())
        return path


def sample(**header):
    """Two families, three sites, two owners; every figure can be checked by eye."""
    ledger = Ledger(**header)
    employee = ledger.family("emp_t", 40, peak=12)
    student = ledger.family("student_t", 56, peak=3)
    ledger.family("idle_t", 8, pages=0, slots=0)
    hire = ledger.site(employee, "hr.c", 42, "hire", 10, 4)
    ledger.site(employee, "hr.c", 77, "merge", 2, 2)
    ledger.site(student, "school.c", 9, "enrol", 3, 2, owner=2)
    ledger.count(hire, 0, 1, owner=2)
    return ledger


def large(families, sites):
    """As many families and sites as a large program has."""
    ledger = Ledger()
    for i in range(families):
        ledger.family(f"family_number_{i:04}_t", 16 + 8 * (i % 64))
    for i in range(sites):
        ledger.site(i * 7 % families, f"src/module{i % 97}/file{i % 331}.c", i % 3000 + 1,
                    f"function_{i}", 100 + i * 7919 % 10007, i % 100)
    return ledger


def records_of(data):
    """Offsets of the chunks of a ledger, with their kinds."""
    offset = HEADER.size
    found = []
    while offset < len(data):
        fields = dict(zip(CHUNK_FIELDS, CHUNK.unpack_from(data, offset)))
        found.append((offset, fields))
        offset += fields["bytes"]
    return found
