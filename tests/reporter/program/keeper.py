# SPDX-License-Identifier: MIT
"""keeper.py FILE HOW: a process that keeps a ledger, until its input ends.

HOW: map    has the file mapped, as liblmm has
     leave  has not: as after exec
     lost   the ledger could not grow
"""
import mmap
import os
import sys

import ledger

path, how = sys.argv[1:]
book = ledger.sample().of_process(os.getpid())
if how == "lost":
    book.header.update(state=ledger.LOST, lost_errno=28, end_time_ns=ledger.START_NS)
book.write(path)
if how == "map":
    with open(path, "r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0)
print("ready", flush=True)
sys.stdin.read()
