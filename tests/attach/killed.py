#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""killed.py LMM FOLDER [--repeat N] [PROGRAM...]: lmm is killed by SIGKILL at random moments of an attach. The process goes on: nothing traces
it, it takes signals, lmm can attach to it again (or it is on LMM already), and it ends by itself, with its blocks whole."""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from under_load import Failure, Place, require

COMMANDS = {
    "bound": (["bound", "4"], "", 7),
    "waiting": (["waiting"], "", 5),
    "forks": (["forks"], "", 6),
    "tables_relro": (["tables_relro", "plugin.so"], "stubborn.so", 11),
}
ALREADY = "it is on LMM already"
STARTS = "another thread of it starts LMM; try again"


def check_untraced(pid):
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
                facts = dict(line.split(":", 1) for line in file)
        except (FileNotFoundError, ProcessLookupError):
            continue
        require(int(facts["TracerPid"]) == 0 and facts["State"].split()[0] not in "tT", f"thread {thread}: {facts}")


def start(place, name):
    words, preload, status = COMMANDS[name]

    def full(word):
        return os.path.join(place.programs, word) if word.endswith(".so") else word

    return place.process(os.path.join(place.programs, words[0]), *map(full, words[1:]), status=status, preload=full(preload))


def kill_one(place, name, delay):
    """Whether lmm had attached, and whether it attached again."""
    with start(place, name) as process:
        with subprocess.Popen([place.lmm, "attach", str(process.pid)], env=place.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as lmm:
            time.sleep(delay)
            lmm.kill()
        time.sleep(0.02)
        check_untraced(process.pid)
        again = place.run_lmm("attach", str(process.pid))
        while STARTS in again.stderr:  # the thread of the first attempt does it
            again = place.run_lmm("attach", str(process.pid))
        require(again.returncode == 0 or ALREADY in again.stderr, again.stderr)
        check_untraced(process.pid)
        return lmm.returncode == 0, again.returncode == 0


def run(name, arguments):
    folder = tempfile.mkdtemp(prefix="lmm-killed-")
    longest = 0.2 * float(os.environ.get("PATIENCE_FACTOR", "1"))
    results = []
    try:
        place = Place(folder, arguments.lmm, arguments.folder)
        for _ in range(arguments.repeat):
            results.append(kill_one(place, name, random.uniform(0, longest)))
            longest *= 0.8 if results[-1][0] else 1.1  # most kills shall come before the end of the attach
        print(f"{name}: of {len(results)}, {sum(done for done, _ in results)} attached before they were killed, "
              f"{sum(again for _, again in results)} attached again", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lmm")
    parser.add_argument("folder")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    arguments = parser.parse_intermixed_args()
    there = [name for name in COMMANDS if os.path.exists(os.path.join(arguments.folder, COMMANDS[name][0][0]))]
    for name in arguments.programs or there:
        try:
            run(name, arguments)
        except (Failure, subprocess.SubprocessError, OSError) as failure:
            if "ptrace" in str(failure):
                print(f"{name}: {failure}")
                return 77
            print(f"{name}: {type(failure).__name__}: {failure}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
