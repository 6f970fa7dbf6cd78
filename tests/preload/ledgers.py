# SPDX-License-Identifier: MIT
"""Whether the books that processes left balance: live = allocated - freed, and totals are sums."""
import json
import os
import subprocess

COUNTS = "live_blocks live_bytes allocations frees".split()


class Unbalanced(Exception):
    pass


def read(lmm, path):
    result = subprocess.run([lmm, "report", "--format", "json", path], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=60, encoding="utf-8",
                            stdin=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        raise Unbalanced(f"lmm report {path}: status {result.returncode}: {result.stderr}")
    return json.loads(result.stdout)


def check_balance(book, path):
    """Raises Unbalanced where a figure is not what it is defined to be."""
    totals, families, sites = book["totals"], book["families"], book["sites"]
    for row in [totals, *families, *sites]:
        if not 0 <= row["live_blocks"] == row["allocations"] - row["frees"]:
            raise Unbalanced(f"{path}: live is not allocated - freed: {row}")
        if row["live_bytes"] < 0 or (row["live_blocks"] == 0 and row["live_bytes"] != 0):
            raise Unbalanced(f"{path}: bytes without blocks: {row}")
    for name in COUNTS:
        if totals[name] != sum(family[name] for family in families):
            raise Unbalanced(f"{path}: total {name} is not the families' sum")
    for family in families:
        own = [site for site in sites if site["family"] == family["name"]]
        for name in COUNTS:
            if family[name] != sum(site[name] for site in own):
                raise Unbalanced(f"{path}: {name} of {family['name']} is not its sites' sum")


def check_folder(lmm, folder, program, most=40):
    """Checks the ledgers in the folder, up to so many; one must be of the program. Returns how many."""
    paths = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".lmm"))
    programs = set()
    for path in paths[:most]:
        book = read(lmm, path)
        check_balance(book, path)
        programs.add(book["process"]["program"])
        if book["totals"]["allocations"] == 0:
            raise Unbalanced(f"{path}: nothing was counted")
    if program not in programs:
        raise Unbalanced(f"no ledger of {program} among those of {sorted(programs)}")
    return len(paths)
