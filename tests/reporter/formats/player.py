# SPDX-License-Identifier: MIT
"""player.py FILE FOLDER: a process that keeps a ledger whose figures go by the clock, for `lmm watch`.

Of 40-byte structs, one second long and again: leak.c:1 leaks 100 blocks a second, cache.c:2 fills by 1,000 a
second and is emptied every 0.3 seconds, still.c:3 holds 50. What ends it is a line on its input:
`exit` leaves the ledger as a process does that exits with live blocks, `clean` removes it, and without a
line, killed, it is left as it is. `other` puts another process's ledger there. FOLDER has ledger.py.
"""
import mmap
import os
import select
import struct
import sys
import time

path, folder = sys.argv[1:]
sys.path.insert(0, folder)
import ledger  # noqa: E402  (its folder is an argument)

LEAK, CACHE, STILL = range(3)


def book_of(pid):
    book = ledger.Ledger("/usr/bin/player", start_time_ns=time.time_ns()).of_process(pid)
    family = book.family("item_t", 40)
    book.site(family, "leak.c", 1, "leak")
    book.site(family, "cache.c", 2, "fill")
    book.site(family, "still.c", 3, "hold", 50)
    return book


def row_offset(data, site):
    offset, = (offset for offset, chunk in ledger.records_of(data) if chunk["kind"] == ledger.ROWS)
    return offset + ledger.CHUNK.size + site * ledger.ROW.size


def set_row(mapping, site, allocated, freed):
    """The order of a real writer: nobody may see more freed than allocated."""
    offset = row_offset(mapping, site)
    struct.pack_into("<Q", mapping, offset, allocated)
    struct.pack_into("<Q", mapping, offset + 8, freed)


book_of(os.getpid()).write(path)
with open(path, "r+b") as file:
    mapping = mmap.mmap(file.fileno(), 0)
start = time.monotonic()
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.003)[0]:
    passed = time.monotonic() - start
    set_row(mapping, LEAK, int(100 * passed), 0)
    rounds = int(passed / 0.3)
    set_row(mapping, CACHE, int(1000 * passed), int(1000 * 0.3 * rounds))
word = sys.stdin.readline().strip()
if word == "exit":
    struct.pack_into("<I", mapping, ledger.field_offset("state")[0], ledger.EXITED)
elif word == "clean":
    os.unlink(path)
elif word == "other":
    book_of(os.getppid()).write(path + ".new")
    os.rename(path + ".new", path)
