#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# model.py DRIVER PAGE_SIZE START OPERATIONS [SEED]: MeMS against a naive model of its contract. Makes a
# random program from the seed (or LMM_SEED, else a new one; printed), lets DRIVER do it, and compares every
# line: each virtual address, the statistics, the complaints on stderr, and what each byte holds. Physical
# addresses are the kernel's choice: they must be a base for each node plus the offset, and nodes must not overlap.
# Status 77: the kernel has longer pages.
import bisect
import os
import random
import subprocess
import sys

SKIPPED = 77


class Node:
    def __init__(self, start, length):
        self.start = start
        self.length = length
        self.segments = [["H", start, length]]  # kind, first address, length
        self.base = None

    def find(self, address):
        for i, (_, start, length) in enumerate(self.segments):
            if start <= address < start + length:
                return i
        return None


class Model:
    def __init__(self, page, start):
        self.page = page
        self.start = start
        self.reset()

    def reset(self):
        self.nodes = []
        self.starts = []
        self.next = self.start
        self.bytes = {}
        self.live = []  # starts of process segments, in no order
        self.place = {}  # start: index in live
        self.segment_count = 0

    def node_of(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0 or address >= self.nodes[i].start + self.nodes[i].length:
            return None
        return self.nodes[i]

    def use(self, node, i, size):
        _, start, length = node.segments[i]
        pieces = [["P", start, size]]
        if length > size:
            pieces.append(["H", start + size, length - size])
        node.segments[i : i + 1] = pieces
        self.segment_count += len(pieces) - 1
        self.place[start] = len(self.live)
        self.live.append(start)
        return start

    def malloc(self, size):
        if size == 0:
            return "EINVAL"
        for node in self.nodes:
            for i, (kind, _, length) in enumerate(node.segments):
                if kind == "H" and length >= size:
                    return self.use(node, i, size)
        pages = -(-size // self.page)
        if pages * self.page >= 1 << 56:
            return "ENOMEM"
        node = Node(self.next, pages * self.page)
        self.nodes.append(node)
        self.starts.append(node.start)
        self.segment_count += 1
        self.next += node.length
        return self.use(node, 0, size)

    def is_process(self, address):
        node = self.node_of(address)
        return node is not None and node.segments[node.find(address)][0] == "P"

    def free(self, address):
        if not self.is_process(address):
            return False
        node = self.node_of(address)
        i = node.find(address)
        if node.segments[i][1] != address:
            return False
        node.segments[i][0] = "H"
        for upper in (i + 1, i):
            if 0 < upper < len(node.segments):
                low, high = node.segments[upper - 1], node.segments[upper]
                if low[0] == "H" and high[0] == "H":
                    low[2] += high[2]
                    del node.segments[upper]
                    self.segment_count -= 1
        last = self.live.pop()
        place = self.place.pop(address)
        if last != address:
            self.live[place] = last
            self.place[last] = place
        return True

    def statistics(self):
        yield "----- MeMS SYSTEM STATS -----"
        for node in self.nodes:
            chain = "".join(f"{k}[{s}:{s + n - 1}] <-> " for k, s, n in node.segments)
            yield f"MAIN[{node.start}:{node.start + node.length - 1}]-> {chain}NULL"
        segments = [segment for node in self.nodes for segment in node.segments]
        yield f"Pages used:\t{sum(node.length for node in self.nodes) // self.page}"
        yield f"Space unused:\t{sum(n for k, _, n in segments if k == 'H')}"
        yield f"Main Chain Length:\t{len(self.nodes)}"
        yield "Sub-chain Length array: [" + "".join(f"{len(n.segments)}, " for n in self.nodes) + "]"
        yield "-----------------------------"


class Program:
    """Random operations, and beside each the lines that it must print."""

    def __init__(self, model, seed):
        self.model = model
        self.random = random.Random(seed)
        self.lines = []
        self.expected = []  # a line, or (node, offset, byte) for what a get must print
        self.complaints = []

    def size(self):
        page, roll = self.model.page, self.random.random()
        holes = self.some_holes() if roll < 0.2 else []
        if holes:
            return max(0, self.random.choice(holes) + self.random.choice((-1, 0, 0, 1)))
        if roll < 0.6:
            return self.random.randint(1, 300)
        if roll < 0.9:
            return self.random.randint(1, page)
        if roll < 0.99:
            return self.random.randint(1, 4) * page + self.random.choice((-1, 0, 1, 77))
        return self.random.choice((0, 1 << 56, 1 << 63, (1 << 64) - 1))

    def some_holes(self):
        nodes = self.model.nodes
        if not nodes:
            return []
        return [n for k, _, n in self.random.choice(nodes).segments if k == "H"]

    def some_address(self):
        """Mostly near the start or the end of some segment; sometimes anything."""
        nodes = self.model.nodes
        if not nodes or self.random.random() < 0.02:
            return self.random.choice((0, 1, self.model.next, (1 << 64) - 1, self.random.getrandbits(64)))
        _, start, length = self.random.choice(self.random.choice(nodes).segments)
        address = self.random.choice((start, start + length - 1, start + length, start - 1,
                                      self.random.randint(start, start + length - 1)))
        return max(address, 0)

    def malloc(self):
        size = self.size()
        self.lines.append(f"m {size}")
        self.expected.append(f"m {self.model.malloc(size)}")

    def free(self):
        if self.model.live and self.random.random() < 0.9:
            address = self.random.choice(self.model.live)
        else:
            address = self.some_address()
        self.lines.append(f"f {address}")
        self.expected.append("f")
        if not self.model.free(address):
            self.complaints.append(f"lmm: mems_free: {address} is not the start of a PROCESS segment")

    def get(self):
        address, byte = self.some_address(), self.random.randrange(256)
        self.lines.append(f"g {address} {byte}")
        if self.model.is_process(address):
            node = self.model.node_of(address)
            self.expected.append((node, address - node.start, self.model.bytes.get(address, 0)))
            self.model.bytes[address] = byte
        else:
            self.expected.append("g EFAULT")
            self.complaints.append(f"lmm: mems_get: {address} is not in a PROCESS segment")

    def print(self):
        self.lines.append("p")
        self.expected.extend(self.model.statistics())

    def finish(self):
        self.print()
        self.lines.append("x")
        self.lines.extend(self.random.choice(([], ["i"], ["x", "i", "i"])))
        self.model.reset()
        self.print()

    def make(self, operations):
        self.print()
        limit = 1
        while len(self.lines) < operations:
            roll = self.random.random()
            # A crowd that grows and shrinks: few segments and many, tight ones and torn ones.
            if self.random.random() < 0.0005:
                limit = self.random.choice((3, 30, 100, 300, 1500))
            if roll < 0.0002:
                self.finish()
            elif roll < 0.35:
                self.get()
            elif roll < 0.65 and len(self.model.live) < limit or not self.model.live:
                self.malloc()
            elif roll < 0.95:
                self.free() if len(self.model.live) > limit or roll < 0.8 else self.malloc()
            elif self.random.random() * (self.model.segment_count + 1) < 100:
                self.print()
        self.finish()


class Places:
    """The addresses of nodes that mems_get() has returned so far."""

    def __init__(self):
        self.bases = []

    def problem(self, line, node, offset, byte):
        words = line.split()
        if len(words) != 3 or words[0] != "g" or words[2] != str(byte):
            return f"expected g ADDRESS {byte}"
        base = int(words[1]) - offset
        if node.base is None:
            node.base = base
        if node.base != base:
            return f"offset {offset} of node {node.start} should be at {node.base + offset}"
        return None


def are_disjoint(nodes):
    spans = sorted((node.base, node.base + node.length) for node in nodes)
    return all(a[1] <= b[0] for a, b in zip(spans, spans[1:]))


def compare(program, out):
    """Returns the first line that is not as expected, or None."""
    seen, places = {}, Places()
    for number, (line, expected) in enumerate(zip(out, program.expected)):
        problem = None
        if isinstance(expected, tuple):
            problem = places.problem(line, *expected)
            seen[id(expected[0])] = expected[0]
        elif line != expected:
            problem = f"expected {expected}"
        # Nodes must not overlap until mems_finish(); then all are gone.
        if line == "Sub-chain Length array: []":
            if not are_disjoint(seen.values()):
                problem = "two nodes share physical addresses"
            seen.clear()
        if problem:
            return f"output line {number + 1}: {line}\n{problem}"
    if len(out) != len(program.expected):
        return f"{len(out)} lines of output, expected {len(program.expected)}"
    return None


def main():
    driver, page, start, operations = sys.argv[1], *map(int, sys.argv[2:5])
    if page % os.sysconf("SC_PAGESIZE") != 0:
        print(f"skipped: the kernel's pages are longer than {page} bytes")
        sys.exit(SKIPPED)
    given = sys.argv[5] if len(sys.argv) > 5 else os.environ.get("LMM_SEED")
    seed = int(given) if given else random.SystemRandom().getrandbits(32)
    print(f"PAGE_SIZE {page}, MEMS_VADDR_START {start}, seed {seed}", flush=True)
    program = Program(Model(page, start), seed)
    program.make(operations)
    run = subprocess.run([driver, str(page), str(start)], input="\n".join(program.lines) + "\n",
                         capture_output=True, text=True, check=False)
    problem = compare(program, run.stdout.splitlines())
    complaints = run.stderr.splitlines()
    if problem is None and complaints != program.complaints:
        wrong = next((pair for pair in zip(complaints, program.complaints) if pair[0] != pair[1]),
                     (f"{len(complaints)} lines", f"{len(program.complaints)}"))
        problem = f"stderr: {wrong[0]}\nexpected {wrong[1]}"
    if problem is None and run.returncode != 0:
        problem = "all lines are right"
    if problem:
        print(f"{problem}\nthe driver ended with {run.returncode}")
        return 1
    print(f"{len(program.lines)} operations, {len(program.expected)} lines of output, "
          f"{len(complaints)} complaints")
    return 0


sys.exit(main())
