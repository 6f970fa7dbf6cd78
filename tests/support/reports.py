# SPDX-License-Identifier: MIT
"""JSON reports of ledgers, and whether their figures balance."""
import collections
import json
import os
import subprocess

import patience

FIGURES = ("allocations", "frees", "live_blocks", "live_bytes")


class Report:
    """A usage report, by family and by site."""

    def __init__(self, document):
        self.document = document
        self.process = document["process"]
        self.state = self.process["state"]
        self.totals = document["totals"]
        self.families = {each["name"]: each for each in document["families"]}
        self.sites = document["sites"]

    def counts(self, family):
        """(allocations, frees, live blocks) of a family."""
        row = self.families[family]
        return row["allocations"], row["frees"], row["live_blocks"]

    def imbalance(self):
        """What does not add up, as text; None when everything does."""
        for row in [self.totals, *self.families.values(), *self.sites]:
            if not 0 <= row["live_blocks"] == row["allocations"] - row["frees"]:
                return f"live is not allocated - freed: {row}"
        for figure in FIGURES:
            of_families = sum(each[figure] for each in self.families.values())
            if of_families != self.totals[figure]:
                return f"{figure}: families {of_families}, totals {self.totals[figure]}"
            of_sites = collections.Counter()
            for site in self.sites:
                of_sites[site["family"]] += site[figure]
            for name, family in self.families.items():
                if of_sites[name] != family[figure]:
                    return f"{figure} of {name}: sites {of_sites[name]}, family {family[figure]}"
        return None


def read(lmm, path):
    """The report on a ledger. Complaints of lmm are an error, and so are the figures of a process at rest that
    do not balance."""
    result = subprocess.run([lmm, "report", "--format", "json", path], capture_output=True, timeout=patience.seconds(120),
                            encoding="utf-8", stdin=subprocess.DEVNULL, check=False)
    if result.returncode != 0 or result.stderr:
        raise AssertionError(f"lmm report {path}: status {result.returncode}: {result.stderr}")
    report = Report(json.loads(result.stdout))
    wrong = report.imbalance() if report.state != "running" else None
    if wrong:
        raise AssertionError(f"{path}: {wrong}")
    return report


def check_folder(lmm, folder, program, most=40):
    """Checks at most so many ledgers of the folder; one must be of the program. Returns how many there are."""
    paths = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".lmm"))
    programs = set()
    for path in paths[:most]:
        report = read(lmm, path)
        for row in [report.totals, *report.families.values(), *report.sites]:
            if row["live_bytes"] < 0 or (row["live_blocks"] == 0 and row["live_bytes"] != 0):
                raise AssertionError(f"{path}: bytes without blocks: {row}")
        programs.add(report.process["program"])
        if report.totals["allocations"] == 0:
            raise AssertionError(f"{path}: nothing was counted")
    if program not in programs:
        raise AssertionError(f"no ledger of {program} among those of {sorted(programs)}")
    return len(paths)
