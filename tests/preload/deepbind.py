#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""deepbind.py LIBRARY MODULE MODULE: dlopen tells once that it takes RTLD_DEEPBIND off, and for which module."""
import os
import subprocess
import sys

import patience

LOAD = "import ctypes, os, sys; [ctypes.CDLL(path, os.RTLD_NOW | flag) for path in sys.argv[1:] for flag in (%s)]"
LINE = ("lmm: dlopen of %s without RTLD_DEEPBIND: with it, the module would free blocks of LMM with libc's free\n")


def complaints(library, flags, modules):
    """What Python prints on stderr while it loads each module with each of the flags."""
    result = subprocess.run([sys.executable, "-I", "-c", LOAD % flags, *modules], check=True, timeout=patience.seconds(200),
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8",
                            env=dict(os.environ, LD_PRELOAD=library))
    return result.stderr


def main():
    library, *modules = map(os.path.abspath, sys.argv[1:])
    failures = []
    for flags, wanted in (("0,", ""), ("os.RTLD_DEEPBIND, os.RTLD_DEEPBIND", LINE % modules[0])):
        got = complaints(library, flags, modules)
        if got != wanted:
            failures.append(f"flags {flags}: expected {wanted!r}, got {got!r}")
    print("\n".join(failures) if failures else "told once")
    return 1 if failures else 0


sys.exit(main())
