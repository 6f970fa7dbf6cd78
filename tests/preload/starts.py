# SPDX-License-Identifier: MIT
"""starts.py PROGRAM LIBRARY: what a process tells of the processes that it starts, and of its end."""
import collections
import glob
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import ledger
import patience

PROGRAM, LIBRARY = (os.path.abspath(path) for path in sys.argv[1:3])
STARTED, BY_FORK = 7, 3
NOT_YET, NORMAL, QUICK = 1, 2, 3
COUNTED_LINES_MAX = 16 << 10


def run(folder, children, lines):
    """Runs the program in the folder; returns its PID, and by PID the fields of each ledger there."""
    settings = f"ledger={folder}:keep=1:stacks=8:children={children}:starts={lines}"
    with subprocess.Popen([PROGRAM], cwd=folder, env={**os.environ, "LD_PRELOAD": LIBRARY, "LMM_OPTIONS": settings},
                          stdin=subprocess.DEVNULL) as program:
        assert program.wait(timeout=patience.seconds(100)) == 7, program.returncode
    headers = {}
    for path in glob.glob(os.path.join(folder, "*.lmm")):
        with open(path, "rb") as file:
            fields = dict(zip(ledger.FIELDS, ledger.HEADER.unpack(file.read(ledger.HEADER.size))))
        headers[fields["pid"]] = fields
    return program.pid, headers


def read(lines):
    with open(lines, encoding="utf-8") as file:
        return [line.rstrip("\n").split(" ", 3) for line in file]


def check_lines(events, folder):
    assert collections.Counter(event[0] for event in events) == {"f": BY_FORK, "x": 4, "!": 2, "s": 1, "c": 2}, events
    paths = collections.Counter(event[3] for event in events)
    assert paths == {"": BY_FORK + 2, "true": 2, "nowhere": 1, "sh": 2, folder + "/./nowhere": 1, "/bin/true": 1}, paths


def main():
    for children in (0, 1):
        with tempfile.TemporaryDirectory() as folder:
            lines = os.path.join(folder, "lines")
            with open(lines, "wb"):
                pass
            pid, headers = run(folder, children, lines)
            told = {key: (fields["exit_kind"], fields["exit_status"]) for key, fields in headers.items()}
            assert headers[pid]["started"] == STARTED, headers[pid]["started"]
            assert told[pid] == (NORMAL, 7), told
            if children:
                assert {(QUICK, 3), (NOT_YET, 0), (NORMAL, 0)} <= set(told.values()), told
                assert all(fields["started"] == 0 for key, fields in headers.items()
                           if told[key] in ((QUICK, 3), (NOT_YET, 0))), "a child counts its own"
                check_lines(read(lines), os.path.realpath(folder))
            else:
                assert list(headers) == [pid], told
                check_lines(read(lines), os.path.realpath(folder))
            os.truncate(lines, COUNTED_LINES_MAX)
            run(folder, 0, lines)
            assert os.stat(lines).st_size == COUNTED_LINES_MAX, "with children=0 the file stays short"
            os.unlink(lines)
            run(folder, children, lines)
            assert not os.path.exists(lines), "the file is not made"


main()
