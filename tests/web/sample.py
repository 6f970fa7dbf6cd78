#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Documents as docs/page.schema.json describes them, for the tests of the page.

Each function of SAMPLES returns one. They are made of a seed, so they are the same every time. The figures of a
site agree with each other; the names of `hostile` are what a hostile program would have.
"""
import json
import math
import random
import sys

START_NS = 1_764_540_000_000_000_000
HOSTILE = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>", "</script><b>bold", "javascript:alert(3)",
           "\u202egnirts desrever", "a" * 3000, "line\nbreak\ttab", "\ud800", "${alert(4)}", "<!-- comment"]


class Document:
    """A document that grows by rows; rows are given as texts and become indexes."""

    def __init__(self, program, **process):
        self.strings = {"": 0}
        self.types = {name: [] for name in ("name", "confidence", "evidence", "bytes", "file", "line", "gap", "lacking")}
        self.lines = {name: [] for name in ("function", "file", "line", "module", "id")}
        self.calls = {name: [] for name in ("function", "file", "line", "module", "flags")}
        self.frames = {name: [] for name in ("up", "call", "flags")}
        self.sites = {name: [] for name in ("frame", "type", "line", "family")}
        self.families = {"name": [], "bytes": []}
        self.call_rows = {}
        self.frame_rows = {}
        self.line_rows = {}
        self.process = {
            "program": program, "command": [program, "--port", "6379"], "pid": 4711, "parent_pid": 812, "state": "exited",
            "exit_status": 0, "signal": None, "signal_name": None, "start_time_ns": START_NS,
            "end_time_ns": START_NS + 62_100_000_000, "made_time_ns": START_NS + 62_100_000_000, "run_ns": 62_100_000_000,
            "user_ns": 58_000_000_000, "system_ns": 3_000_000_000, "is_typed": False, "stack_frames": 32,
            "limit_bytes": None, "limit_source": None, **process}
        self.rest = {"series": None, "hints": [], "suspects": [], "before": None, "layouts": [], "notes": [],
                     "leak_check": None}
        self.kind = "report"

    def text(self, text):
        return self.strings.setdefault(text, len(self.strings))

    def add_type(self, name, size, file="", line=0, gap="", lacking="", confidence="certain"):
        row = dict(name=self.text(name), confidence="none" if gap else confidence,
                   evidence=[] if gap else ["source", "variable"], bytes=size, file=self.text(file), line=line, gap=gap,
                   lacking=self.text(lacking))
        for key, value in row.items():
            self.types[key].append(value)
        return len(self.types["name"]) - 1

    def add_line(self, function, file, line, module):
        key = (function, file, line, module)
        if key not in self.line_rows:
            self.line_rows[key] = len(self.lines["id"])
            row = (self.text(function), self.text(file), line, self.text(module), 60 + len(self.lines["id"]))
            for name, value in zip(self.lines, row):
                self.lines[name].append(value)
        return self.line_rows[key]

    def add_call(self, function, file, line, module, flags):
        key = (function, file, line, module, flags & ~4)
        if key not in self.call_rows:
            self.call_rows[key] = len(self.calls["flags"])
            row = (self.text(function), self.text(file), line, self.text(module), flags & ~4)
            for name, value in zip(self.calls, row):
                self.calls[name].append(value)
        return self.call_rows[key]

    def add_stack(self, calls):
        """Calls as (function, file, line, module, flags), outermost first; returns the innermost call's row."""
        parent = -1
        for call in calls:
            key = (parent, *call)
            if key not in self.frame_rows:
                row = self.frame_rows[key] = len(self.frames["up"])
                for name, value in (("up", row - parent if parent >= 0 else 0), ("call", self.add_call(*call)), ("flags", call[-1] & 4)):
                    self.frames[name].append(value)
            parent = self.frame_rows[key]
        return parent

    def add_site(self, frame, kind, line, family=-1, **columns):
        for name, value in dict(frame=frame, type=kind, line=line, family=family).items():
            self.sites[name].append(value)
        count = len(self.sites["frame"])
        for name, value in columns.items():
            column = self.sites.setdefault(name, [])
            column.extend([0] * (count - 1 - len(column)))
            column.append(value)

    def totals(self, prefix=""):
        def sum_of(name):
            return sum(self.sites.get(prefix + name, []))
        live = sum_of("live_bytes")
        return {
            "live_bytes": live, "live_blocks": sum_of("live_blocks"), "peak_bytes": sum_of("peak_bytes"),
            "peak_blocks": sum_of("peak_blocks"), "allocated_bytes": sum_of("allocated_bytes"),
            "allocations": sum_of("allocations"), "frees": sum_of("frees"), "temporaries": sum_of("temporaries"),
            "committed_bytes": int(live * 1.04) + (1 << 20), "peak_time_ns": START_NS + 48_200_000_000,
            "resident_bytes": None, "max_resident_bytes": int(sum_of("peak_bytes") * 1.1) + (6 << 20)}

    def finish(self):
        count = len(self.sites["frame"])
        for column in self.sites.values():
            column.extend([0] * (count - len(column)))
        return {"schema": "lmm-page", "schema_version": 2, "lmm": "1.0.0", "kind": self.kind, "process": self.process,
                "totals": self.totals(), "strings": list(self.strings), "types": self.types, "lines": self.lines,
                "calls": self.calls, "frames": self.frames, "sites": self.sites, "families": self.families, **self.rest}


def curve(shape, part):
    """How much of its most a row has at a part of the time."""
    if shape == "steps":
        return (int(part * 12) + 1) / 13
    if shape == "wave":
        return 0.6 + 0.4 * math.sin(part * 40)
    if shape == "burst":
        return math.exp(-((part - 0.78) / 0.05) ** 2)
    return min(1.0, part / 0.78) ** 1.4 - max(0.0, part - 0.78) * 0.15


def add_series(document, rows, points, length_ms, chance):
    """rows: (by, index, most bytes, shape)."""
    parts = [i / (points - 1) for i in range(points)]
    columns = [[max(0, int(most * curve(shape, part) * chance.uniform(0.985, 1.015))) for part in parts]
               for _, _, most, shape in rows]
    typed = [column for row, column in zip(rows, columns) if row[0] == "type"]
    live = [sum(cells) + 9_000_000 for cells in zip(*typed)]
    document.rest["series"] = {
        "time_ms": [round(part * length_ms) for part in parts], "live_bytes": live,
        "live_blocks": [bytes_ // 92 for bytes_ in live], "committed_bytes": [int(bytes_ * 1.05) for bytes_ in live],
        "resident_bytes": [int(bytes_ * 1.1) + 6_000_000 for bytes_ in live],
        "rows": [{"by": row[0], "index": row[1], "live_bytes": column} for row, column in zip(rows, columns)],
        "marks": [{"time_ms": round(0.776 * length_ms), "kind": "peak", "text": ""},
                  {"time_ms": round(0.31 * length_ms), "kind": "fork", "text": "redis-rdb-bgsave"},
                  {"time_ms": round(0.5 * length_ms), "kind": "mark", "text": "keys loaded"},
                  {"time_ms": length_ms, "kind": "exit", "text": ""}]}


def server(**process):
    """A key-value server with known types, figures over time, hints, suspects and a leak check."""
    chance = random.Random(1)
    document = Document("redis-server", **process)
    module = "/usr/bin/redis-server"
    rows = [("char[]", 1, "sds.c", 98, "_sdsnewlen", 4_000_132, 134, "grow"),
            ("dictEntry *[]", 8, "dict.c", 210, "_dictExpand", 2, 67_108_864, "steps"),
            ("dictEntry", 24, "dict.c", 146, "dictInsertAtPosition", 4_000_000, 24, "grow"),
            ("robj", 16, "object.c", 43, "createObject", 4_000_020, 16, "grow"),
            ("quicklistNode", 40, "quicklist.c", 120, "quicklistCreateNode", 800_000, 40, "grow"),
            ("client", 18_920, "networking.c", 131, "createClient", 1050, 18_920, "wave"),
            ("rax", 24, "rax.c", 190, "raxNew", 220_000, 24, "grow"),
            ("zskiplistNode", 72, "t_zset.c", 69, "zslCreateNode", 120_000, 72, "wave"),
            ("listNode", 24, "adlist.c", 92, "listAddNodeTail", 40_000, 24, "burst"),
            ("struct session", 264, "session.c", 51, "session_open", 22_000, 264, "grow"),
            ("clientReplyBlock", 32, "networking.c", 300, "addReplyProtoToList", 500, 16_384, "burst"),
            ("dict", 56, "dict.c", 120, "dictCreate", 700, 56, "steps")]
    series = []
    for number, (name, size, file, line, function, blocks, block_bytes, shape) in enumerate(rows):
        kind = document.add_type(name, size, "/usr/src/redis/src/" + file, line - 40,
                                 confidence="likely" if number % 3 == 2 else "certain")
        site_line = document.add_line(function, "/usr/src/redis/src/" + file, line, module)
        series += [("type", kind, blocks * block_bytes, shape), ("line", site_line, blocks * block_bytes, shape)]
        add_server_sites(document, chance, kind, site_line, (function, file, line), blocks, block_bytes, module)
    gap = document.add_type("(no type known: libssl.so.3)", 0, gap="no debug information", lacking="/usr/lib/libssl.so.3")
    line = document.add_line("CRYPTO_malloc", "", 0, "/usr/lib/libssl.so.3")
    frame = document.add_stack([("main", "server.c", 7200, module, 0), ("SSL_new", "", 0, "/usr/lib/libssl.so.3", 0),
                                ("CRYPTO_malloc", "", 0, "/usr/lib/libssl.so.3", 2)])
    document.add_site(frame, gap, line, live_bytes=9_000_000, live_blocks=60_000, peak_bytes=9_000_000, peak_blocks=60_000,
                      allocated_bytes=30_000_000, allocations=200_000, frees=140_000, temporaries=90_000,
                      smallest_bytes=16, largest_bytes=4096, reachable_bytes=9_000_000, reachable_blocks=60_000)
    add_series(document, series, 620, 62_100, chance)
    for slot in (16, 24, 32, 40, 64, 80, 144, 0):
        document.families["name"].append(document.text(f"malloc-{slot}" if slot else "malloc-large"))
        document.families["bytes"].append(slot)
        for name, value in dict(live_bytes=slot * 900_000 or 1 << 27, live_blocks=900_000 if slot else 2,
                                peak_bytes=slot * 1_000_000 or 1 << 27, allocations=4_000_000 if slot else 40,
                                frees=3_100_000 if slot else 38, pages=slot * 4 or 512,
                                committed_bytes=slot * 1_010_000 or 1 << 27).items():
            document.families.setdefault(name, []).append(value)
    add_server_advice(document)
    return document.finish()


def add_server_sites(document, chance, kind, line, place, blocks, block_bytes, module):
    """Several stacks that lead to one line."""
    function, file, number = place
    count = min(blocks, chance.randint(2, 9))
    for part in range(count):
        commands = ("setCommand", "lpushCommand", "zaddCommand", "hsetCommand", "getCommand", "saddCommand")
        command = commands[(part + kind) % len(commands)]
        calls = [("main", "server.c", 7250, module, 0), ("aeMain", "ae.c", 500, module, 0),
                 ("aeProcessEvents", "ae.c", 430, module, 1), ("readQueryFromClient", "networking.c", 2620, module, 0),
                 ("processInputBuffer", "networking.c", 2511, module, 0), ("processCommand", "server.c", 4100, module, 0),
                 ("call", "server.c", 3600 + part % 2, module, 0), (command, command[0] + "_" + file, 90 + part, module, 0),
                 (function, file, number, module, 0), ("zmalloc", "zmalloc.c", 98, module, 2)]
        share = blocks // count + (blocks % count if part == 0 else 0)
        bytes_ = share * block_bytes
        lost = 3 if part == 0 and function == "session_open" else 0
        document.add_site(
            document.add_stack(calls), kind, line, live_bytes=bytes_ * 98 // 100, live_blocks=share * 98 // 100,
            peak_bytes=bytes_, peak_blocks=share, allocated_bytes=bytes_ * 7, allocations=share * 7,
            frees=share * 7 - share * 98 // 100, temporaries=share * (5 if function == "addReplyProtoToList" else part % 2),
            smallest_bytes=max(1, block_bytes // 2), largest_bytes=block_bytes * 2,
            definite_bytes=lost * block_bytes, definite_blocks=lost, indirect_bytes=lost * 40, indirect_blocks=lost,
            reachable_bytes=bytes_ * 98 // 100, reachable_blocks=share * 98 // 100)


def add_server_advice(document):
    session = 9
    document.rest["hints"] = [
        {"kind": "order", "saves_bytes": 30_400_000, "text": "16 of 40 bytes are padding in 800,000 blocks; another order of its "
         "fields needs 24.", "type": 4, "line": -1},
        {"kind": "slot", "saves_bytes": 15_200_000, "text": "asks for 65 bytes 2.0 million times, in slots of 72; 64 would fit the "
         "next smaller.", "type": -1, "line": 0},
        {"kind": "double", "saves_bytes": 0, "text": "doubles its table: 52 % full.", "type": -1, "line": 1},
        {"kind": "order", "saves_bytes": 120_000, "text": "8 of 72 bytes are padding.", "type": 7, "line": -1}]
    document.rest["suspects"] = [
        {"type": session, "line": 9, "bytes_per_hour": 3_250_000, "steady_ms": 7_200_000, "reaches_limit_ms": 20_400_000},
        {"type": 0, "line": -1, "bytes_per_hour": 1_100_000, "steady_ms": 3_600_000, "reaches_limit_ms": None}]
    document.rest["leak_check"] = {
        "time_ns": START_NS + 62_000_000_000, "is_at_exit": True, "failure": None,
        "definite": {"bytes": 792, "blocks": 3}, "indirect": {"bytes": 120, "blocks": 3}, "possible": {"bytes": 0, "blocks": 0},
        "reachable": {"bytes": 1_190_000_000, "blocks": 8_000_000}, "suppressed": {"bytes": 0, "blocks": 0}}
    document.rest["layouts"] = [
        {"type": 4, "bytes": 40, "better_bytes": 24, "fields": [
            {"name": "prev", "type": "struct quicklistNode *", "offset": 0, "bytes": 8, "bits": None},
            {"name": "container", "type": "char", "offset": 8, "bytes": 1, "bits": None},
            {"name": "next", "type": "struct quicklistNode *", "offset": 16, "bytes": 8, "bits": None},
            {"name": "count", "type": "unsigned int", "offset": 24, "bytes": 4, "bits": 16},
            {"name": "entry", "type": "unsigned char *", "offset": 32, "bytes": 8, "bits": None}]}]
    document.rest["notes"] = ["libssl.so.3 has no debug information; the package libssl3-dbgsym has it."]


def killed():
    """A server that SIGKILL ended: no leak check, a limit in sight."""
    document = server(state="killed", exit_status=None, signal=9, signal_name="SIGKILL", limit_bytes=1 << 30,
                      limit_source="cgroup")
    document["leak_check"] = None
    for name in [name for name in document["sites"] if name.startswith(("definite", "indirect", "reachable"))]:
        del document["sites"][name]
    document["notes"] = []
    return document


def big(stacks=10_000):
    """Many stacks, lines and types."""
    chance = random.Random(2)
    document = Document("big", exit_status=3)
    modules = ["/usr/bin/big", "/usr/lib/libc.so.6", "/usr/lib/libstdc++.so.6", "/usr/lib/libcrypto.so.3"]
    kinds = [document.add_type(f"struct thing_{i}", 8 * (1 + i % 90), f"src/thing_{i % 77}.c", 10 + i) for i in range(2000)]
    for i in range(stacks):
        depth = chance.randint(5, 24)
        calls = [("main", "big.c", 100, modules[0], 0)]
        for level in range(depth):
            branch = int(chance.expovariate(0.35 / (1 + level / 6)))
            calls.append((f"step_{level}_{branch}", f"src/file_{branch % 90}.c", 10 + level, modules[branch % 4], int(level % 7 == 3)))
        line = document.add_line(f"alloc_{i % 9000}", f"src/alloc_{i % 900}.c", 1 + i % 9000, modules[0])
        blocks = int(chance.paretovariate(0.9)) + 1
        size = chance.choice((16, 24, 40, 64, 100, 512, 4096))
        document.add_site(document.add_stack(calls), kinds[i % 2000], line, live_bytes=blocks * size // 2,
                          live_blocks=blocks // 2, peak_bytes=blocks * size, peak_blocks=blocks,
                          allocated_bytes=3 * blocks * size, allocations=3 * blocks, frees=3 * blocks - blocks // 2,
                          temporaries=blocks, smallest_bytes=size, largest_bytes=size)
    rows = []
    for by in ("type", "line"):
        sums = {}
        for row, bytes_ in zip(document.sites[by], document.sites["peak_bytes"]):
            sums[row] = sums.get(row, 0) + bytes_
        largest = sorted(sums, key=sums.get, reverse=True)[:50]
        rows += [(by, row, sums[row], ("grow", "wave", "steps")[i % 3]) for i, row in enumerate(largest)]
    add_series(document, rows, 2000, 3_600_000, chance)
    return document.finish()


def typed():
    """A program on LMM's own interface: families first, no stacks."""
    document = Document("emp-student", is_typed=True, stack_frames=0, state="running", exit_status=None, end_time_ns=0)
    for i, (name, size, count) in enumerate((("struct emp", 56, 40_000), ("struct student", 120, 12_000), ("struct node", 24, 900))):
        kind = document.add_type(name, size, "app.c", 10 + i)
        family = len(document.families["name"])
        document.families["name"].append(document.text(name))
        document.families["bytes"].append(size)
        for key, value in dict(live_bytes=size * count, live_blocks=count, peak_bytes=size * count, allocations=2 * count,
                               frees=count, committed_bytes=size * count * 5 // 4, pages=1 + size * count // 262_144).items():
            document.families.setdefault(key, []).append(value)
        for part in range(2):
            line = document.add_line(f"make_{name[7:]}", "app.c", 100 + 10 * i + part, "/usr/bin/emp-student")
            document.add_site(-1, kind, line, family, live_bytes=size * count // 2, live_blocks=count // 2,
                              peak_bytes=size * count // 2, peak_blocks=count // 2, allocated_bytes=size * count,
                              allocations=count, frees=count // 2)
    return document.finish()


def hostile():
    """Every text is one that would do harm in a careless page."""
    document = Document(HOSTILE[0], command=HOSTILE)
    for i, name in enumerate(HOSTILE):
        kind = document.add_type(name, 16 + i, name, 1)
        line = document.add_line(name, name, 2 + i, name)
        frame = document.add_stack([(other, other, i, name, 15) for other in HOSTILE])
        document.add_site(frame, kind, line, live_bytes=1000 * (20 - i), live_blocks=20 - i, peak_bytes=1000 * (20 - i),
                          peak_blocks=20 - i, allocated_bytes=1000 * (20 - i), allocations=20 - i)
    chance = random.Random(3)
    add_series(document, [("type", i, 100_000, "grow") for i in range(8)], 50, 10_000, chance)
    document.rest["series"]["marks"].append({"time_ms": 5000, "kind": "mark", "text": HOSTILE[0]})
    document.rest["hints"] = [{"saves_bytes": 2 ** 63, "text": HOSTILE[0], "type": 0, "line": -1}]
    document.rest["suspects"] = [{"type": 0, "line": 0, "bytes_per_hour": 2 ** 53, "steady_ms": 0, "reaches_limit_ms": 0}]
    document.rest["notes"] = HOSTILE
    document.rest["layouts"] = [{"type": 0, "bytes": 16, "better_bytes": None, "fields": [
        {"name": HOSTILE[0], "type": HOSTILE[1], "offset": 2 ** 40, "bytes": 8, "bits": None},
        {"name": HOSTILE[0], "type": HOSTILE[1], "offset": 4, "bytes": 2 ** 40, "bits": None}]}]
    return document.finish()


def compared():
    """Two moments of one program."""
    document = server()
    chance = random.Random(4)
    sites = document["sites"]
    for name in ("live_bytes", "live_blocks", "peak_bytes", "peak_blocks", "allocated_bytes", "allocations"):
        sites["before_" + name] = list(sites[name])
    for i in range(len(sites["frame"])):
        factor = chance.choice((0, 0.5, 0.9, 1, 1, 1.2, 3))
        for name in [name for name in sites if name.startswith("before_")]:
            sites[name][i] = int(sites[name][i] * factor)
    before = {name: sum(sites["before_" + name]) for name in
              ("live_bytes", "live_blocks", "peak_bytes", "peak_blocks", "allocated_bytes", "allocations")}
    document.update(kind="diff", series=None, suspects=[], hints=[], leak_check=None, notes=[], layouts=[], before={
        "process": {**document["process"], "pid": 4600}, "totals": {**document["totals"], **before}})
    return document


def empty():
    """A process that has allocated nothing."""
    return Document("true").finish()


def single():
    """One row of everything, without debug information, too short to be sampled."""
    document = Document("one", state="lost", exit_status=None)
    kind = document.add_type("(no type known: one)", 0, gap="file missing", lacking="/opt/one")
    line = document.add_line("", "", 0, "/opt/one")
    frame = document.add_stack([("", "", 0, "/opt/one", 8)])
    document.add_site(frame, kind, line, peak_bytes=1, peak_blocks=1, allocated_bytes=1, allocations=1, frees=1)
    document.rest["notes"] = ["/opt/one is no longer there, so its lines cannot be named."]
    return document.finish()


SAMPLES = {"server": server, "killed": killed, "big": big, "typed": typed, "hostile": hostile, "compared": compared,
           "empty": empty, "single": single}

if __name__ == "__main__":
    json.dump(SAMPLES[sys.argv[1]](), sys.stdout, separators=(",", ":"))
