# SPDX-License-Identifier: MIT
"""Used by bench/run and bench/programs: the peers, figures and their ratios, tables."""
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Settings of allocators and programs that are removed from the environment.
TUNING = ("LD_PRELOAD", "LMM_", "ALLOCATOR_", "MALLOC_", "MIMALLOC_", "TCMALLOC_", "_RJEM_",
          "GLIBC_TUNABLES", "PYTHON", "DEBUGINFOD_")
QUICK_REPS = 3


def say(text):
    print(text, file=sys.stderr, flush=True)


def clean_environment():
    """The environment without settings that would tune an allocator or a program."""
    return {key: value for key, value in os.environ.items() if not key.startswith(TUNING)}


def find_library(soname):
    """The path of a shared library as the loader would find it; None if it is not installed."""
    ldconfig = shutil.which("ldconfig", path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin")
    if ldconfig:
        cache = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=False)
        for line in cache.stdout.splitlines():
            name, _, path = line.strip().partition(" => ")
            if name.split(" ")[0] == soname and os.path.exists(path):
                return path
    for folder in (f"/usr/lib/{platform.machine()}-linux-gnu", "/usr/lib64", "/usr/lib"):
        path = os.path.join(folder, soname)
        if os.path.exists(path):
            return path
    return None


# The allocators that LMM is compared with: the library to preload, and its Debian package. Debian 12
# has mimalloc 2, Debian 13 has mimalloc 3.
PEERS = {
    "glibc": (None, "libc6"),
    "mimalloc2": ("libmimalloc.so.2", "libmimalloc2.0"),
    "mimalloc3": ("libmimalloc.so.3", "libmimalloc3"),
    "jemalloc": ("libjemalloc.so.2", "libjemalloc2"),
    "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
}


def package_version(package):
    try:
        query = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                               capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return query.stdout if query.returncode == 0 else ""


def median(figures):
    present = [figure for figure in figures if figure is not None]
    return statistics.median(present) if present else None


def ratio(figures, others):
    """The median of the ratios of neighbouring runs; None if there are none."""
    return median([a / b for a, b in zip(figures, others) if a is not None and b is not None])


def unless_missing(function, figures):
    """function(figures); None if one is missing, so a failed run does not improve a summary."""
    return function(figures) if figures and None not in figures else None


def geometric_mean(figures):
    return math.exp(statistics.fmean(map(math.log, figures)))


def verdict(figure, limit, complete):
    """The text for a figure with a limit. complete: whether the figure covers everything."""
    if figure is None:
        return "not measured"
    text = "PASS" if figure <= limit else (
        f"MISSED by {figure - limit:.2f} ({100 * (figure / limit - 1):.0f} %)")
    return text if complete else text + ", of the chosen workloads"


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release()}


def show(figure, decimals):
    return "-" if figure is None else f"{figure:.{decimals}f}"


def print_table(title, head, rows):
    """Prints Markdown that is aligned also as plain text: the first column left, others right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells):
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
        return "| " + " | ".join(padded) + " |"

    rules = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    print(f"\n{title}\n", line(head), line(rules), *map(line, rows), sep="\n")


def print_verdicts(title, verdicts):
    print_table(title, ["budget", "at most", "measured", "verdict"],
                [[each["budget"], f"{each['limit']:.2f}", show(each["figure"], 2), each["verdict"]]
                 for each in verdicts])


def write_json(path, result):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    say(f"\nJSON: {path}")
