# SPDX-License-Identifier: MIT
"""check.py RENDER FOLDER SCHEMA: the HTML reports of ledgers made by hand: what RENDER (formats_render) prints in the format
html. They need no other file, their documents keep to the SCHEMA and add up, and three of them are those in FOLDER;
LMM_GOLDEN_RECORD=1 writes these."""
import json
import os
import subprocess
import sys

import page_file

SKIPPED = 77
LEDGERS = ["ordinary", "later", "another", "empty", "twins", "many", "hostile", "stacks"]
GOLDEN = ["ordinary", "hostile", "stacks"]

PEAKS = ("peak_bytes", "peak_blocks")    # ledgers made by hand need not have those of all sites

failures = []


def expect(faults, what):
    for fault in faults:
        failures.append(fault)
        print("FAILED:", what, fault)


def rendered(render, ledger):
    done = subprocess.run([render, "html", ledger], capture_output=True, check=False)
    if b"it was built without" in done.stderr:
        print("skipped:", done.stderr.decode())
        sys.exit(SKIPPED)
    if done.returncode != 0:
        sys.exit(f"{ledger}: exit status {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def check_golden(folder, ledger, document):
    """A document as text; its version, and the time when it was made, are not compared."""
    document["lmm"] = document["process"]["made_time_ns"] = 0
    text = json.dumps(document, indent=1) + "\n"
    path = os.path.join(folder, ledger + ".json")
    if os.environ.get("LMM_GOLDEN_RECORD"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with open(path, encoding="utf-8") as file:
        if file.read() != text:
            expect([f"differs; it is now:\n{text}"], ledger)


def main():
    render, folder, schema = sys.argv[1:]
    for ledger in LEDGERS:
        page = rendered(render, ledger)
        document = page_file.document_of(page)
        expect(page_file.faults_of_file(page), ledger)
        expect(page_file.faults_of_schema(document, schema), ledger)
        expect(page_file.faults_of_indexes(document), ledger)
        expect(page_file.faults_of_sums(document, but=PEAKS), ledger)
        if ledger in GOLDEN:
            check_golden(folder, ledger, document)
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
