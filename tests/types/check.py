#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check.py LMM [--levels LEVEL,...] [--compilers WORD,...] [--no-sources] [--all-verdicts] [PROGRAM...]: whether types
are right.

Builds the programs of corpus/, and those of testapp/ on malloc (plain/), by gcc and clang at several levels of
optimisation, those of C++ by clang also with libc++ where it is installed (Debian's libc++-dev conflicts with libunwind-dev, which other
tests need), runs each under LMM, and compares the type of each site with the comment at its line (corpus/keep.h
describes its form). A level is 0 to 3, or g1: -O2 with -g1, which has no types.

Fails if a certain type is wrong, if more than 2 % of the likely ones are, if less than 80 % of the types are found
(likely or certain), or if a site's line has no comment. What was compiled with g1 may have no types. With
--no-sources the source files are gone when types are looked for, and 70 % of them must be found.
Prints a table, and each wrong type; with --all-verdicts every site. Status 77: no compiler is there.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
PLAIN = HERE / "plain"
TESTAPP = HERE.parent.parent / "testapp"
SKIPPED = 77
LIKELY_WRONG_MAX = 0.02
FOUND_MIN = 0.8    # of the sites whose type somebody can tell
FOUND_MIN_WITHOUT_SOURCES = 0.7
CONFIDENCES = ("certain", "likely", "guess", "none")
FOUND = CONFIDENCES[:2]
LEVELS = {"0": ["-O0", "-g"], "1": ["-O1", "-g"], "2": ["-O2", "-g"], "3": ["-O3", "-g"], "g1": ["-O2", "-g1"]}
COMPILERS = {"gcc": ("gcc", "g++"), "clang": ("clang", "clang++"), "libc++": ("clang", "clang++ -stdlib=libc++")}
# What libc++ calls a type, and libstdc++, in normal names.
LIBCXX_NAMES = [("std::__1::", "std::"), ("std::__tree_node<", "std::_Rb_tree_node<"), ("std::__list_node<", "std::_List_node<"),
                ("std::__forward_list_node<", "std::_Fwd_list_node<"), ("std::__hash_node<", "std::__detail::_Hash_node<"),
                ("std::__shared_ptr_emplace<", "std::_Sp_counted_ptr_inplace<"),
                ("std::__shared_ptr_pointer<", "std::_Sp_counted_ptr<"), (",void*>", ">")]
FLAGS = {".c": ["-std=gnu11", "-D_GNU_SOURCE"], ".cpp": ["-std=c++17", "-D_GNU_SOURCE"]}
COMMENT = re.compile(r"/\* type: (.*?) \*/")
REGISTERED = re.compile(r"LMM_NEW(?:_ARRAY)?\((\w+)")
STATEMENT_END = re.compile(r"([;{}]|[^:]:|\*/)$|^#")
# The programs of testapp/ that register their types: sources, arguments, exit status. threads cannot check its counts.
APPS = {"wordindex": (["wordindex.c", "index.c"], [TESTAPP / "wordindex.c", TESTAPP / "index.c"], 0),
        "threads": (["threads.c"], ["2", "500"], 1)}
LIBRARY = "_library.c"    # such a program is also built as a library, with LIBRARY defined, that it needs
ALIASES = {"word_ref_t": "word_t *"}    # typedefs of what is no struct stand for it

Verdict = collections.namedtuple("Verdict", "program compiler level line confidence answer expected is_right evidence")


def read_expected(source):
    """{line: (text of the right types)} of a source; each line of a commented statement counts."""
    lines = source.read_text(encoding="utf-8").splitlines()
    codes = [COMMENT.sub("", line).strip() for line in lines]
    result = {}
    for i, line in enumerate(lines):
        found = COMMENT.search(line) or REGISTERED.search(line)
        if found:
            result[i + 1] = ALIASES.get(found[1], found[1])
    for number, text in list(result.items()):
        first = last = number - 1
        while first > 0 and first not in result and not STATEMENT_END.search(codes[first - 1] or ";"):
            first -= 1
        while last < len(lines) - 1 and last + 2 not in result and not STATEMENT_END.search(codes[last] or ";"):
            last += 1
        for i in range(first, last + 1):
            result.setdefault(i + 1, text)
    return result


def normal(name):
    """A type's name as it is compared: without blanks beside signs, and without what libraries add."""
    name = name.replace("__cxx11::", "")
    name = re.sub(r"\b(short|long) int\b", r"\1", re.sub(r"\blong unsigned int\b", "unsigned long", name))
    name = re.sub(r" ?([^\w.]) ?", r"\1", name.strip())
    if "std::__1::" in name:
        for other, usual in LIBCXX_NAMES:
            name = name.replace(other, usual)
        name = re.sub(r"std::__hash_node_base<.*>\*", "std::__detail::_Hash_node_base*", name)
    return name


def element(name):
    return name[:-2] if name.endswith("[]") else name


def fits(answer, expected):
    """Whether a type is one of the right ones; "" stands for none."""
    for right in expected.split(" | "):
        if right == "none":
            if not answer:
                return True
            continue
        pattern = ".*".join(re.escape(part) for part in element(normal(right)).split("..."))
        if answer and re.fullmatch(pattern, element(normal(answer))):
            return True
    return False


class Program:
    """A program of the corpus, or of testapp/."""

    def __init__(self, name):
        self.name = name
        if name in APPS:
            sources, self.arguments, self.status = APPS[name]
            self.sources = [TESTAPP / source for source in sources]
            self.includes = [f"-I{PLAIN}"]
        else:
            self.sources = [CORPUS / name]
            self.arguments = []
            self.status = 0
            self.includes = []
        self.expected = {source.name: read_expected(source) for source in self.sources}

    def build(self, compiler, level, folder, has_sources):
        """Compiles it; returns the path of the program."""
        suffix = self.sources[0].suffix
        driver = COMPILERS[compiler][suffix == ".cpp"].split()
        binary = folder / f"{self.sources[0].stem}-{compiler}-{level}"
        helper = [] if self.includes else [folder / f"keep-{compiler}.o"]
        # At odd levels the paths in the debug information are relative.
        sources = [os.path.relpath(source, HERE) if level in "13" else source for source in self.sources]
        with tempfile.TemporaryDirectory(dir=folder) as copies:
            if not has_sources:
                sources = [shutil.copy(source, copies) for source in self.sources]
            command = [*driver, *FLAGS[suffix], *LEVELS[level], "-w", *self.includes, f"-I{CORPUS}", f"-I{TESTAPP}"]
            if self.name.endswith(LIBRARY):
                library = f"{binary}.so"
                subprocess.run([*command, "-fPIC", "-shared", "-DLIBRARY", "-o", library, *sources], check=True, cwd=HERE)
                helper = [*helper, library]
            subprocess.run([*command, "-o", binary, *sources, *helper, "-lpthread"], check=True, cwd=HERE)
        return binary

    def sites(self, lmm, binary, folder):
        """Runs it, and returns its sites as `lmm sites` tells them."""
        books = folder / f"{binary.name}.books"
        books.mkdir()
        settings = dict(os.environ, LMM_DIR=str(books), XDG_CACHE_HOME=str(books / "cache"))
        settings.pop("LMM_OPTIONS", None)
        ended = subprocess.run([lmm, "run", "--keep", "-o", os.devnull, "--", binary, *self.arguments], check=False,
                               env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if ended.returncode != self.status:
            raise RuntimeError(f"{binary.name} ended with {ended.returncode}")
        ledger, = books.glob("*/*.lmm")
        output = subprocess.run([lmm, "sites", "--by", "site", "--all", "--json", ledger], check=True, env=settings,
                                stdout=subprocess.PIPE).stdout
        shutil.rmtree(books)
        return json.loads(output)["sites"]

    def judge(self, lmm, compiler, level, folder, has_sources):
        """Returns the verdicts of its sites, and what went wrong besides: (verdicts, complaints)."""
        binary = self.build(compiler, level, folder, has_sources)
        verdicts = []
        complaints = []
        for site in self.sites(lmm, binary, folder):
            source = os.path.basename(site["file"])
            if source not in self.expected or site["allocations"] == 0:
                continue
            expected = self.expected[source].get(site["line"], "none" if self.includes else None)
            if expected is None:
                complaints.append(f"{source}:{site['line']} ({compiler} {level}): no comment says its type")
                continue
            found = site["type"] or {"name": "", "confidence": "none", "evidence": []}
            answer = found["name"] if found["confidence"] != "none" else ""
            verdicts.append(Verdict(self.name, compiler, level, site["line"], found["confidence"], answer, expected,
                                    fits(answer, expected), " ".join(found["evidence"])))
        binary.unlink()
        if not verdicts:
            complaints.append(f"{self.name} ({compiler} {level}): no site was found")
        return verdicts, complaints


def describe(verdict):
    return (f"{verdict.program}:{verdict.line} ({verdict.compiler} {verdict.level}): {verdict.confidence}"
            f" {verdict.answer or '-'} [{verdict.evidence}], is {verdict.expected}")


def print_table(verdicts):
    """Right and wrong types by confidence, for each compiler and level."""
    print(f"{'':12}" + "".join(f"{word:>16}" for word in CONFIDENCES) + f"{'sites':>9}")
    rows = sorted({(verdict.compiler, verdict.level) for verdict in verdicts})
    for row in [*rows, None]:
        chosen = [verdict for verdict in verdicts if row in ((verdict.compiler, verdict.level), None)]
        cells = ""
        for word in CONFIDENCES:
            right = sum(verdict.is_right for verdict in chosen if verdict.confidence == word)
            wrong = sum(not verdict.is_right for verdict in chosen if verdict.confidence == word)
            cells += f"{right:>9}/{wrong:<6}"
        print(f"{' '.join(row) if row else 'all':12}{cells}{len(chosen):>9}")
    print("(right/wrong; none is right where nobody can tell)")


def summarise(verdicts, complaints, shows_all, found_min):
    """Prints the result; returns whether it is good."""
    wrong = {word: [verdict for verdict in verdicts if verdict.confidence == word and not verdict.is_right]
             for word in CONFIDENCES}
    for verdict in verdicts if shows_all else wrong["certain"] + wrong["likely"]:
        print(("right: " if verdict.is_right else "WRONG: ") + describe(verdict))
    for complaint in complaints:
        print(complaint)
    print_table(verdicts)
    likely = sum(verdict.confidence == "likely" for verdict in verdicts)
    known = [verdict for verdict in verdicts if verdict.level != "g1" and "none" not in verdict.expected.split(" | ")]
    found = sum(verdict.is_right and verdict.confidence in FOUND for verdict in known)
    print(f"found: {found} of {len(known)}")
    return (not wrong["certain"] and not complaints and len(wrong["likely"]) <= likely * LIKELY_WRONG_MAX
            and found >= len(known) * found_min)


def is_installed(compiler):
    """Whether both drivers can compile, with the standard library that they name."""
    return all(shutil.which(driver.split()[0]) and
               subprocess.run([*driver.split(), "-x", language, "-fsyntax-only", "-"], input=f"#include <{header}>\n",
                              text=True, stderr=subprocess.DEVNULL, check=False).returncode == 0
               for driver, language, header in zip(COMPILERS[compiler], ("c", "c++"), ("stdlib.h", "map")))


def is_meant(compiler, program):
    return compiler != "libc++" or program.endswith(".cpp")


def words_of(text, known, what):
    words = text.split(",")
    for word in words:
        if word not in known:
            sys.exit(f"unknown {what} '{word}'")
    return words


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lmm", type=os.path.abspath)
    parser.add_argument("--levels", default=",".join(LEVELS))
    parser.add_argument("--compilers", default=",".join(COMPILERS))
    parser.add_argument("--no-sources", action="store_true")
    parser.add_argument("--all-verdicts", action="store_true")
    parser.add_argument("programs", nargs="*")
    arguments = parser.parse_intermixed_args()
    names = arguments.programs or [*sorted(path.name for path in CORPUS.glob("*.c*") if path.name != "keep.c"), *APPS]
    compilers = [word for word in words_of(arguments.compilers, COMPILERS, "compiler") if is_installed(word)]
    if not compilers:
        print("no compiler is installed")
        return SKIPPED
    levels = words_of(arguments.levels, LEVELS, "level")
    verdicts = []
    complaints = []
    with tempfile.TemporaryDirectory(prefix="lmm-types-") as name, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = pathlib.Path(name)
        for compiler in compilers:
            subprocess.run([COMPILERS[compiler][0], "-O1", "-c", "-o", folder / f"keep-{compiler}.o", CORPUS / "keep.c"],
                           check=True)
        works = [pool.submit(Program(program).judge, arguments.lmm, compiler, level, folder, not arguments.no_sources)
                 for program in names for compiler in compilers if is_meant(compiler, program) for level in levels]
        for work in works:
            found, complained = work.result()
            verdicts += found
            complaints += complained
    found_min = FOUND_MIN_WITHOUT_SOURCES if arguments.no_sources else FOUND_MIN
    return 0 if summarise(verdicts, complaints, arguments.all_verdicts, found_min) else 1


if __name__ == "__main__":
    sys.exit(main())
