# SPDX-License-Identifier: MIT
"""Used by bench/run: processes that run a workload in chunks of some milliseconds, in rotation.

There is one process for each allocator, which keeps its state (a live set) from chunk to chunk. It
runs a chunk when it is told to and otherwise waits, so one of them runs at any time. In a round each
process runs one chunk, in an order that is random but the same in each run. All processes do the
same operations. Chunks of a round are a few milliseconds apart, in which the machine's speed changes
little, so ratios are taken by round.

Where the pages of a process lie makes it faster or slower for all its life, by up to a tenth when it
misses the caches. So after a part of the rounds new processes go on, set up in another order.
"""
import os
import random
import select
import subprocess
import tempfile

from measure import say

ANSWER_SECONDS_MAX = 120


class Broken(Exception):
    """A process crashed, hangs, or is not what it should be."""


class Worker:
    """A process that runs one workload with one allocator."""

    def __init__(self, allocator, workload):
        self.what = f"{allocator.name}: {workload}"
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([allocator.program, "-c", workload], bufsize=0,
                                        env=allocator.environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors)

    def answer(self):
        """The next line of the process."""
        text = b""
        output = self.process.stdout
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([output], [], [], ANSWER_SECONDS_MAX)
            more = os.read(output.fileno(), 100) if ready else b""
            if not more:
                raise Broken(f"{self.what}: {'ended' if ready else 'hangs'}")
            text += more
        return text.decode().strip()

    def tell(self, order):
        try:
            os.write(self.process.stdin.fileno(), order)
        except BrokenPipeError:
            pass  # answer() reports it
        return self.answer()

    def chunk(self):
        """ns per operation of one more chunk."""
        return float(self.tell(b"r"))

    def memory(self, key):
        """VmHWM or VmRSS of the process, in MiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) / 1024
        raise Broken(f"{self.what}: no {key}")

    def finish(self):
        """Frees everything, ends the process, and returns (peak, final) resident MiB."""
        self.tell(b"e")
        memory = self.memory("VmHWM"), self.memory("VmRSS")
        self.process.stdin.close()
        self.process.wait(ANSWER_SECONDS_MAX)
        if self.process.returncode != 0:
            raise Broken(f"{self.what}: ended with status {self.process.returncode}")
        return memory

    def close(self):
        """Ends the process, whatever it does, and shows what it printed on stderr."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.seek(0)
        text = self.errors.read().decode(errors="replace").strip()
        self.errors.close()
        if text:
            say(f"{self.what}: {text}")
        return text


class Samples:
    """Of one workload: ns per operation by round, and resident MiB by process, of each allocator."""

    def __init__(self, names):
        self.ns = {name: [] for name in names}
        self.peak_mib = {name: [] for name in names}
        self.final_mib = {name: [] for name in names}

    def drop(self, name):
        """Removes an allocator that failed."""
        for figures in (self.ns, self.peak_mib, self.final_mib):
            figures.pop(name, None)


class Group:
    """A process of each allocator, which run a workload in rotation. Figures go to samples."""

    def __init__(self, allocators, workload, samples):
        self.samples = samples
        self.workers = {}
        for each in allocators:
            if each.name in samples.ns:
                self.workers[each.name] = Worker(each, workload)
                self.attempt(each.name, self.set_up)

    def attempt(self, name, action):
        """Does action with a worker and its name; when it fails, drops the allocator."""
        if name not in self.samples.ns:
            return
        try:
            action(name, self.workers[name])
        except Broken as error:
            say(str(error))
            self.samples.drop(name)

    def set_up(self, _, worker):
        if worker.answer() != "ready":
            raise Broken(f"{worker.what}: is not ready")

    def run_chunk(self, name, worker):
        self.samples.ns[name].append(worker.chunk())

    def finish(self, name, worker):
        peak_mib, final_mib = worker.finish()
        self.samples.peak_mib[name].append(peak_mib)
        self.samples.final_mib[name].append(final_mib)

    def all_do(self, action, order):
        for name in order:
            self.attempt(name, action)

    def run(self, rounds, shuffle):
        order = list(self.workers)
        for _ in range(rounds):
            shuffle(order)
            self.all_do(self.run_chunk, order)
        self.all_do(self.finish, list(self.workers))

    def close(self):
        for name, worker in self.workers.items():
            # If the loader cannot preload a library it goes on, and the figures would be glibc's.
            if "cannot be preloaded" in worker.close():
                self.samples.drop(name)


def rotate(allocators, workload, rounds, groups):
    """Runs a workload, so many rounds in each group of processes. Returns Samples, in which an
    allocator that failed is missing."""
    samples = Samples([each.name for each in allocators])
    shuffle = random.Random(workload).shuffle
    order = list(allocators)
    for _ in range(groups):
        shuffle(order)
        group = Group(order, workload, samples)
        try:
            group.run(rounds, shuffle)
        finally:
            group.close()
    return samples
