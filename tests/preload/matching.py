#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""matching.py LMM LIBRARY MATCHING STATIC OWN HOST PLUGIN HIDDEN OWNER PARTIAL: what match=1 tells of each pair of allocation and
free, and what it does not tell. The programs and modules are those of the folder matching."""
import json
import os
import re
import subprocess

import harness

LIBRARY, MATCHING, STATIC, OWN, HOST, PLUGIN, HIDDEN, OWNER, PARTIAL = harness.arguments(9)
HEX = "0x[0-9a-f]+"
BYTES, LINES = 48, 100

# The function, the alignment.
MAKERS = {
    "malloc": ("malloc", 0), "calloc": ("malloc", 0), "realloc": ("malloc", 0), "strdup": ("malloc", 0),
    "posix_memalign": ("malloc", 0), "aligned_alloc": ("malloc", 0),
    "new": ("new", 0), "new nothrow": ("new", 0), "new align": ("new", 64), "new align nothrow": ("new", 64),
    "new[]": ("new[]", 0), "new[] nothrow": ("new[]", 0), "new[] align": ("new[]", 64),
    "new[] align nothrow": ("new[]", 64),
}
# The function, the size, the alignment.
RELEASES = {
    "free": ("free", None, 0), "realloc": ("realloc", None, 0),
    "delete": ("delete", None, 0), "delete by address": ("delete", None, 0), "delete by name": (None, None, 0),
    "delete nothrow": ("delete", None, 0), "delete size": ("delete", 48, 0), "delete other size": ("delete", 40, 0),
    "delete align": ("delete", None, 64), "delete other align": ("delete", None, 32),
    "delete align nothrow": ("delete", None, 64), "delete size align": ("delete", 48, 64),
    "delete[]": ("delete[]", None, 0), "delete[] nothrow": ("delete[]", None, 0), "delete[] size": ("delete[]", 48, 0),
    "delete[] other size": ("delete[]", 49, 0), "delete[] align": ("delete[]", None, 64),
    "delete[] align nothrow": ("delete[]", None, 64), "delete[] other size align": ("delete[]", 96, 64),
}
RIGHT = {"malloc": ("free", "realloc"), "new": ("delete",), "new[]": ("delete[]",)}


def aligned(word, align):
    return f"{word} with alignment {align}" if align else f"{word} without alignment"


def mistake(maker, release):
    """What is told of the pair; None: nothing."""
    (made, made_align), (freed, size, align) = MAKERS[maker], RELEASES[release]
    if freed is None:    # by the runtime's own function, which LMM does not see
        return None
    if made != "malloc" and freed.startswith("delete") and made_align != align:
        return f"{aligned(freed, align)} of a block of {aligned(made, made_align)}"
    if freed not in RIGHT[made]:
        return f"{freed} of a block of {made}"
    if size not in (None, BYTES):
        return f"{freed} with size {size} of a block of {made}"
    return None


def line(text, made_in, freed_in, size=BYTES):
    return (rf"lmm: mismatch: {re.escape(text)}: {HEX} \({size} bytes, allocated at {re.escape(made_in)}\+{HEX}\), "
            rf"freed at {re.escape(freed_in)}\+{HEX}")


class Matching(harness.Case):
    def lines(self, *words, options="match=1"):
        environment = dict(os.environ, LD_PRELOAD=LIBRARY, LMM_OPTIONS=options)
        result = subprocess.run(words, check=False, capture_output=True, text=True, env=environment,
                                timeout=harness.PATIENCE_SECONDS)
        self.assertEqual(result.returncode, 0, (words, result.stderr))
        return result.stderr.splitlines()

    def expect(self, lines, patterns):
        self.assertEqual(len(lines), len(patterns), "\n".join(lines))
        for found, pattern in zip(lines, patterns):
            self.assertRegex(found, f"^{pattern}$")

    def test_every_pair(self):
        for options in ("match=1", "match=1:stacks=24", "match=1:stacks=1", "match=1:fill=both"):
            for maker in MAKERS:
                place = "libc.so.6" if maker == "strdup" else "matching"
                place = "libstdc++.so.6" if options.endswith("stacks=1") and maker.startswith("new") else place
                patterns = []
                for release in RELEASES:
                    patterns.append(re.escape(release))
                    text = mistake(maker, release)
                    patterns += [line(text, place, "matching")] if text else []
                with self.subTest(maker=maker, options=options):
                    self.expect(self.lines(MATCHING, maker, options=options), patterns)

    def test_off(self):
        for options in ("", "match=0", "stacks=24", "match=1:match=0"):
            for maker in ("malloc", "new", "new[] align"):
                with self.subTest(maker=maker, options=options):
                    self.assertEqual(self.lines(MATCHING, maker, options=options), list(RELEASES))

    def test_a_pair_of_places_once(self):
        self.expect(self.lines(MATCHING, "again"), [line("free of a block of new", "matching", "matching", 1)])

    def test_at_most_so_many_lines(self):
        lines = self.lines(MATCHING, "many")
        self.expect(lines, [line("free of a block of new", "matching", "matching", i + 1) for i in range(LINES)] +
                    [f"lmm: mismatch: told of {LINES} pairs of places, and not of any more"])

    def test_threads_and_children(self):
        self.expect(self.lines(MATCHING, "other thread"), [line("delete of a block of new[]", "matching", "matching")])
        self.expect(self.lines(MATCHING, "child"), [line("free of a block of new[]", "matching", "matching")])

    def report(self, turn):
        """What `lmm run` says of mismatches, after it is compared with the lines."""
        path = self.path("report")
        result = self.lmm("run", "--check-matching", "-F", "json", "-o", path, "--", MATCHING, turn)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(path, encoding="utf-8") as file:
            found = json.load(file)["processes"][0]["mismatches"]
        lines = [text for text in result.stderr.splitlines() if "lmm: mismatch" in text]
        self.assertEqual([text.split(": ")[2] for text in lines][:LINES], [item["message"] for item in found])
        return found

    def test_lmm_run(self):
        found, = self.report("again")
        self.assertEqual((found["message"], found["bytes"], found["blocks"]), ("free of a block of new", 1, 1000))
        for side in ("allocated", "freed"):
            calls = [call["function"] for call in found[side] if call["module"] == "matching"]
            self.assertEqual([name.rpartition("::")[2] for name in calls][:2], ["again", "main"])
            self.assertNotIn("liblmm_preload.so", [call["module"] for call in found[side]])
        self.assertEqual(len(self.report("new[] align")), sum(bool(mistake("new[] align", way)) for way in RELEASES))
        self.assertEqual(len(self.report("many")), LINES)
        self.assertEqual(self.report("right"), [])

    def test_right(self):
        self.assertEqual(self.lines(MATCHING, "right"), ["bad_alloc"])

    def test_operators_of_the_program(self):
        self.assertEqual(self.lines(OWN), ["lmm: match=1 checks nothing: the program has operators new and delete of its own"])

    def test_a_runtime_in_the_program(self):
        for maker in ("malloc", "new", "new[]"):
            self.assertEqual([text for text in self.lines(STATIC, maker) if "mismatch" in text], [])

    def test_modules_of_a_c_program(self):
        host, plugin = os.path.basename(HOST), os.path.basename(PLUGIN)
        self.expect(self.lines(HOST, PLUGIN), [line("free of a block of new", plugin, host),
                                               line("delete of a block of malloc", host, plugin)])

    def test_modules_with_hidden_operators(self):
        self.assertEqual(self.lines(HOST, HIDDEN), [])
        self.assertEqual(self.lines(HOST, PLUGIN, HIDDEN), [])
        self.assertEqual(self.lines(HOST, HIDDEN, PLUGIN), [])
        self.assertEqual(self.lines(HOST, PARTIAL, PARTIAL), [])

    def test_modules_with_their_own_operators(self):
        note = f"lmm: match=1 checks nothing: {OWNER} has operators new and delete of its own"
        self.assertEqual(self.lines(HOST, OWNER), [note])
        self.assertEqual(self.lines(HOST, PLUGIN, OWNER), [note])


harness.main()
