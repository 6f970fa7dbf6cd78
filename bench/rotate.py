# SPDX-License-Identifier: MIT
"""Used by bench/run: processes that run a workload in chunks of some milliseconds, in rotation.

There is one process for each allocator, which keeps its state (a live set) from chunk to chunk. It
runs a chunk when it is told to and otherwise waits, so one of them runs at any time. In a round each
process runs one chunk, in an order that is random but the same in each run. All processes do the
same operations. Chunks of a round are a few milliseconds apart, in which the machine's speed changes
little, so ratios are taken by round.
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
    """Of one workload: ns per operation by round, and resident MiB, of each allocator."""

    def __init__(self):
        self.ns = {}
        self.peak_mib = {}
        self.final_mib = {}


def start(allocators, workload):
    """The workers that are ready. They are set up one after the other."""
    workers = {}
    for each in allocators:
        worker = Worker(each, workload)
        try:
            if worker.answer() != "ready":
                raise Broken(f"{worker.what}: is not ready")
            workers[each.name] = worker
        except Broken as error:
            say(str(error))
            worker.close()
    return workers


def rotate(allocators, workload, rounds):
    """Runs a workload and returns Samples. An allocator that failed is missing in them."""
    samples = Samples()
    workers = start(allocators, workload)
    broken = set()
    order = list(workers)
    shuffle = random.Random(workload).shuffle
    samples.ns = {name: [] for name in workers}
    try:
        for _ in range(rounds):
            shuffle(order)
            for name in [name for name in order if name not in broken]:
                try:
                    samples.ns[name].append(workers[name].chunk())
                except Broken as error:
                    say(str(error))
                    broken.add(name)
        for name in [name for name in workers if name not in broken]:
            try:
                samples.peak_mib[name], samples.final_mib[name] = workers[name].finish()
            except Broken as error:
                say(str(error))
                broken.add(name)
    finally:
        for name, worker in workers.items():
            # If the loader cannot preload a library it goes on, and the figures would be glibc's.
            if "cannot be preloaded" in worker.close():
                broken.add(name)
    for name in broken:
        for figures in (samples.ns, samples.peak_mib, samples.final_mib):
            figures.pop(name, None)
    return samples
