#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""oracle.py TOOL PROGRAM MODULE [--lmm PATH] [--differences] [CASE...]: whether a tool gives the right answers.

TOOL is lmm, valgrind or lsan (for which PROGRAM is linked with -fsanitize=leak). cases.txt has the right answer of each
case, differences.txt what the tools are known to answer instead, with the reason. Any other answer is a failure.
--differences prints the tool's differences from cases.txt in the form of differences.txt, and fails on none.
TOOL may also be tables: then nothing is run; each case of PROGRAM has its answer, and docs/leaks.md tells the differences.

Only the program's own blocks count: those that it asked for itself, or by a function such as strdup, not those that
libc and the loader keep. LeakSanitizer knows only "lost": its answer is compared with definite and indirect together.
Status 77: the tool is not installed.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

LMM = {"path": "lmm"}
SKIPPED = 77
SECONDS = 120
HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = ("definite", "indirect", "possible", "reachable")
SOURCES = {name for name in os.listdir(os.path.join(HERE, "cases")) if not name.endswith(".h")}
MODULES = {"cases", "cases_lsan", "module.so"}
# Functions that allocate for their caller.
FOR_CALLER = re.compile(r"(__GI_)?_*(str|strn|wcs)dup$|_*v?asprintf|(?!__cxa).*alloc|.*memalign|operator new"
                        r"|([\w:]+(<.*>)?[*&]* )?std::|__interceptor_|_*interceptor")
PASSED = re.compile(r"/c\+\+/|/liblsan")
KIND_OF_VALGRIND = {"Leak_DefinitelyLost": "definite", "Leak_IndirectlyLost": "indirect",
                    "Leak_PossiblyLost": "possible", "Leak_StillReachable": "reachable"}
LSAN_LEAK = re.compile(r"(?:Direct|Indirect) leak of (\d+) byte\(s\) in (\d+) object")
LSAN_FRAME = re.compile(r"#\d+ \S+ (?:in (.+?))? ?\(?(/\S+?|\.\S+?|\w+/\S+?)(?::\d+|\+0x\w+)?\)?$")


def is_own(frames):
    """Whether the innermost function that does not allocate for its caller is the program's: [(function, file)]."""
    for function, file in frames:
        if os.path.basename(file) in SOURCES | MODULES:
            return True
        if not PASSED.search(file) and not FOR_CALLER.match(function):
            return False
    return bool(frames)


def count(leaks, is_libc):
    """The answer for leaks (class, blocks, bytes, frames): {class: "blocks/bytes"}."""
    sums = {name: [0, 0] for name in CLASSES}
    for name, blocks, size, frames in leaks:
        if is_libc or is_own(frames):
            sums[name][0] += blocks
            sums[name][1] += size
    answer = {name: f"{blocks}/{size}" if blocks else "-" for name, (blocks, size) in sums.items()}
    if is_libc:
        answer["reachable"] = "*"
    return answer


def call(command, **settings):
    """Runs a case and returns its PID; how it ends is a part of some cases, except that it may not have run."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          encoding="utf-8", errors="replace", env=dict(os.environ, **settings)) as process:
        try:
            _, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    if process.returncode in (SKIPPED, 1, 2):
        raise RuntimeError(f"status {process.returncode}: {errors[-500:]}")
    return process.pid


def by_valgrind(command, option, folder):
    """The PID of the case, and {PID: leaks} of it and its children."""
    more = ["--leak-check-heuristics=none"] if option else []
    pid = call(["valgrind", "--leak-check=full", "--show-leak-kinds=all", "--num-callers=40", "--xml=yes", *more,
                f"--xml-file={folder}/%p.xml", *command])
    found = {}
    for path in glob.glob(folder + "/*.xml"):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if "</valgrindoutput>" in text and ("<state>FINISHED</state>" in text or "Leak_" in text):
            found[int(os.path.basename(path)[:-4])] = list(valgrind_leaks(text))
    return pid, found


def valgrind_leaks(text):
    for error in xml.etree.ElementTree.fromstring(text).iter("error"):
        name = KIND_OF_VALGRIND.get(error.findtext("kind"))
        if name:
            frames = [(frame.findtext("fn", ""), place_of(frame)) for frame in error.iter("frame")]
            direct = re.search(r"\(([\d,]+) direct", error.findtext("xwhat/text"))
            size = direct[1].replace(",", "") if direct else error.findtext("xwhat/leakedbytes")
            yield name, int(error.findtext("xwhat/leakedblocks")), int(size), frames


def place_of(frame):
    return os.path.join(frame.findtext("dir", ""), frame.findtext("file", "")) or frame.findtext("obj", "")


def by_lsan(command, option, folder):
    pid = call(command, LSAN_OPTIONS=f"log_path={folder}/log:exitcode=0:fast_unwind_on_malloc=0"
               ":allocator_may_return_null=1")
    found = {}
    for path in glob.glob(folder + "/log.*"):
        with open(path, encoding="utf-8", errors="replace") as file:
            found[int(path.rsplit(".", 1)[1])] = list(lsan_leaks(file.read()))
    return pid, found


def lsan_leaks(text):
    for part in text.split("\n\n"):
        match = LSAN_LEAK.search(part)
        if match:
            frames = [(frame[1] or "", frame[2]) for frame in map(LSAN_FRAME.search, part.splitlines()) if frame]
            yield "definite", int(match[2]), int(match[1]), frames


def by_lmm(command, option, folder):
    path = os.path.join(folder, "report.json")
    more = ["--options", option] if option else []
    pid = call([LMM["path"], "run", "--children", "--leaks", "--full", "--depth", "40", "--format", "json", "-o", path,
                "--show-leak-kinds=definite,possible,reachable", "--no-builtin-suppressions", *more, "--", *command],
               LMM_DIR=folder)
    with open(path, encoding="utf-8") as file:
        processes = json.load(file)["processes"]
    return pid, {pid if process["is_program"] else process["pid"]: list(lmm_leaks(process))
                 for process in processes if process["check"] and process["state"] != "replaced"
                 and os.path.basename(process["executable"]) == os.path.basename(command[0])}


def lmm_leaks(process):
    for row in process["lost"]:
        for stack in row["stacks"]:
            frames = [(call["function"], call["file"] or call["module"]) for call in stack["calls"]]
            if row["kind"] != "definite":
                yield row["kind"], stack["blocks"], stack["bytes"], frames
                continue
            for kind, part in (("definite", "direct"), ("indirect", "indirect")):
                yield kind, stack[part]["blocks"], stack[part]["bytes"], frames


def answers(tool, command, option, folder):
    """The answers for the process and for its child; None: there is none."""
    is_libc = command[1].startswith("libc_")
    pid, found = tool(command, option, folder)
    process = count(found.pop(pid), is_libc) if pid in found else None
    children = [count(found[child], is_libc) for child in sorted(found)]
    return process, (children + [None])[0]


def expected_of(tool, wanted):
    """What the tool should answer where cases.txt wants this."""
    if tool != "lsan":
        return wanted
    pairs = [tuple(map(int, wanted[name].split("/"))) for name in ("definite", "indirect") if "/" in wanted[name]]
    blocks, size = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    lost = f"{blocks}/{size}" if pairs else wanted["definite"]
    return dict(wanted, definite=lost, indirect="-", possible="-", reachable="*")


def text_of(answer):
    return " ".join(answer[name] for name in CLASSES)


def read_table(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                yield [cell.strip() for cell in line.split("|")]


def read_cases():
    """{case: {"" or child or option: answer}}"""
    cases = {}
    for name, *cells in read_table(os.path.join(HERE, "cases.txt")):
        case, _, which = name.partition(" ")
        cases.setdefault(case, {})[which] = dict(zip(CLASSES, cells))
    return cases


def read_differences(tool):
    """{case as in cases.txt: answer}"""
    rows = read_table(os.path.join(HERE, "differences.txt"))
    return {name: answer for name, of_tool, answer, _ in rows if of_tool == tool}


def same(wanted, got):
    return all(a in ("*", b) for a, b in zip(wanted.split(), got.split()))


class Oracle:
    def __init__(self, name, tool, program):
        self.name, self.tool, self.program = name, tool, program
        self.differences = read_differences(name)

    def got(self, case, option):
        with tempfile.TemporaryDirectory(prefix="lmm-oracle-") as folder:
            return answers(self.tool, [self.program[0], case, *self.program[1:]], option, folder)

    def check(self, case, rows):
        """Of each row that is wrong: (case as in cases.txt, what is wanted, what was answered)."""
        wrong = []
        try:
            process, child = self.got(case, "")
            for which, wanted in rows.items():
                answer = child if which == "child" else process
                if which not in ("", "child"):
                    if self.name == "lsan":
                        continue
                    answer, _ = self.got(case, which)
                self.compare(wrong, f"{case} {which}".strip(), wanted, answer)
        except (RuntimeError, subprocess.TimeoutExpired, xml.etree.ElementTree.ParseError) as failure:
            wrong.append((case, "an answer", str(failure)))
        return wrong

    def compare(self, wrong, name, wanted, answer):
        unknown = "- - - *" if self.name == "lsan" else "? ? ? ?"
        got = unknown if answer is None else text_of(answer)
        right = text_of(expected_of(self.name, wanted))
        if self.name == "lsan":
            got = got.rsplit(" ", 1)[0] + " *"
            right = right.replace("?", "-")
        expected = self.differences.get(name, right)
        if not same(expected, got):
            wrong.append((name, expected, got))
        elif name in self.differences and same(right, got):
            wrong.append((name, "a difference", "none: take it out of differences.txt"))


def check_tables(program):
    """Whether the tables, the program and the document speak of the same cases."""
    listed = subprocess.run([program, "--list"], stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout.split()
    cases = read_cases()
    differences = [row[0].split()[0] for row in read_table(os.path.join(HERE, "differences.txt"))]
    with open(os.path.join(HERE, "..", "..", "docs", "leaks.md"), encoding="utf-8") as file:
        document = file.read()
    wrong = [f"{case}: not in cases.txt" for case in listed if case not in cases]
    wrong += [f"{case}: not a case of the program" for case in cases if case not in listed]
    wrong += [f"{case}: not in docs/leaks.md" for case in differences if f"`{case}`" not in document]
    wrong += [f"{case}: twice" for case in listed if listed.count(case) > 1]
    print("\n".join(wrong) if wrong else f"{len(listed)} cases, {len(differences)} differences")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", choices=("lmm", "valgrind", "lsan", "tables"))
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("module", type=os.path.abspath)
    parser.add_argument("--lmm", type=os.path.abspath)
    parser.add_argument("--differences", action="store_true")
    parser.add_argument("cases", nargs="*")
    words = parser.parse_args()
    if words.tool == "tables":
        return check_tables(words.program)
    if words.tool == "valgrind" and not shutil.which("valgrind"):
        print("skipped: valgrind is not installed")
        return SKIPPED
    LMM["path"] = words.lmm
    cases = read_cases()
    tools = {"lmm": by_lmm, "valgrind": by_valgrind, "lsan": by_lsan}
    oracle = Oracle(words.tool, tools[words.tool], [words.program, words.module])
    if words.differences:
        oracle.differences = {}
    chosen = words.cases or list(cases)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [row for rows in pool.map(lambda case: oracle.check(case, cases[case]), chosen) for row in rows]
    for case, wanted, got in wrong:
        print(f"{case:37} | {words.tool:8} | {got}" if words.differences
              else f"{case}: expected {wanted}, {words.tool} says {got}")
    print(f"{words.tool}: {len(chosen)} cases, {len(wrong)} wrong")
    return 1 if wrong and not words.differences else 0


sys.exit(main())
