# SPDX-License-Identifier: MIT
"""keeper.py FILE HOW: a process that keeps a ledger, until its input ends.

HOW: map    the file is mapped, as in a process with liblmm
     leave  the file is not mapped, as after exec
     lost   the ledger could not grow
     typed  as map; the ledger has this process's own arguments, and the process is called hr-worker
     play   a ledger whose figures change with each command

Commands of play, one a line, each answered by "ok":
  step   leak.c:1 allocates 5 blocks of 40 bytes; cache.c:2 allocates 50 and frees all it has in every sixth
         step; still.c:3 holds 50 blocks and does nothing
  leak   leak.c:1 allocates 5 blocks of 40 bytes
  exit   the ledger says that the process exited with live blocks
  clean  the ledger is removed, as by an exit without live blocks
  other  the ledger of another process takes the place of this one
"""
import mmap
import os
import struct
import sys
import time

import ledger

LEAK, CACHE, STEPS_FILLING = 0, 1, 6
path, how = sys.argv[1:]


def played_book(pid):
    book = ledger.Ledger("/usr/bin/player", start_time_ns=time.time_ns()).of_process(pid)
    family = book.family("item_t", 40)
    for file, function, blocks in (("leak.c", "leak", 0), ("cache.c", "fill", 0), ("still.c", "hold", 50)):
        book.site(family, file, len(book.sites) + 1, function, blocks)
    return book


def set_row(mapping, site, allocated, freed):
    """Writes in the order of a real writer: a reader never sees more freed than allocated."""
    rows, = (offset for offset, chunk in ledger.records_of(mapping) if chunk["kind"] == ledger.ROWS)
    offset = rows + ledger.CHUNK.size + site * ledger.ROW.size
    struct.pack_into("<Q", mapping, offset, allocated)
    struct.pack_into("<Q", mapping, offset + 8, freed)


def do(command, mapping, steps):
    if command == "step":
        set_row(mapping, LEAK, 5 * steps, 0)
        set_row(mapping, CACHE, 50 * steps, 50 * (steps - steps % STEPS_FILLING))
    elif command == "leak":
        set_row(mapping, LEAK, 5 * steps, 0)
    elif command == "exit":
        struct.pack_into("<I", mapping, ledger.field_offset("state")[0], ledger.EXITED)
    elif command == "clean":
        os.unlink(path)
    elif command == "other":
        played_book(os.getppid()).write(path + ".new")
        os.rename(path + ".new", path)


def main():
    book = played_book(os.getpid()) if how == "play" else ledger.sample().of_process(os.getpid())
    if how == "lost":
        book.header.update(state=ledger.LOST, lost_errno=28, end_time_ns=ledger.START_NS)
    if how == "typed":
        command = b"\0".join(word.encode() for word in sys.orig_argv) + b"\0"
        book.header.update(command=command, command_bytes=len(command))
        with open("/proc/self/comm", "w", encoding="ascii") as file:
            file.write("hr-worker")
    book.write(path)
    mapping = None
    if how in ("map", "play", "typed"):
        with open(path, "r+b") as file:
            mapping = mmap.mmap(file.fileno(), 0)
    print("ready", flush=True)
    for steps, line in enumerate(sys.stdin, 1):
        do(line.strip(), mapping, steps)
        print("ok", flush=True)


main()
