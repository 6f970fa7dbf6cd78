# SPDX-License-Identifier: MIT
"""Whose line a block is: wrappers by rule, table and pattern, and those of C++ and Rust."""
import json
import os
import re
import shutil

import harness
import names


class Wrappers(names.Case):
    def place(self, function, mark, source="wrappers.c"):
        return (function, source, names.marks_of(source)[mark])

    def wrappers(self, *options):
        return self.leaks(*options, "./wrappers")

    def test_rule_table_and_pattern(self):
        self.compile("-g", "-O1", "-w", "wrappers.c", "-o", "wrappers")
        built_in = {self.place("users", "by_rule"): 500, self.place("users", "alloc"): 700,
                    self.place("users", "table"): 300, self.place("pool_get", "pool"): 100}
        named = {**built_in, self.place("users", "user"): 100}
        del named[self.place("pool_get", "pool")]
        self.assertEqual(self.wrappers(), built_in)
        self.assertEqual(self.wrappers("--wrapper", "pool_*"), named)
        self.assertEqual(self.wrappers("--wrapper", "other", "--wrapper", "pool_get"), named)
        self.file(".lmmrc", "# ours\nwrapper:pool_get\n")
        self.assertEqual(self.wrappers(), named)
        os.remove(self.path(".lmmrc"))
        os.mkdir(self.path("lmm"))
        self.file("lmm/lmmrc", "wrapper:pool_get\n")
        self.assertEqual(self.wrappers(), named)

    def test_programs_with_names_like_the_runtimes(self):
        for name in ("ld-parser", "libc-tool", "ld-linux-tool", "libstdc++.so-test"):
            self.compile("-g", "-O1", "-w", "wrappers.c", "-o", name)
            self.assertEqual(self.leaks(f"./{name}")[self.place("users", "alloc")], 700, name)

    def test_files_and_modules(self):
        self.compile("-g", "-O1", "-w", "wrappers.c", "-o", "wrappers")
        for pattern in ("wrappers.c", "names/wrappers.c", "wrappers", self.path("wrappers")):
            # All calls of the program are wrappers then; the outermost is main.
            (function, _, _), = self.wrappers("--wrapper", pattern)
            self.assertEqual(function, "main", pattern)

    def test_every_command_takes_it(self):
        for command in ("run", "report", "sites", "top", "watch", "diff"):
            self.assertIn("--wrapper=PATTERN", self.succeed(command, "--help"))
            result = self.lmm(command, "--wrapper=", *(["true"] if command == "run" else []))
            self.assertIn("--wrapper needs a pattern", result.stderr)

    def test_a_wrong_line_is_told(self):
        self.compile("-g", "-O1", "-w", "wrappers.c", "-o", "wrappers")
        self.file(".lmmrc", "pool_get\n")
        self.leaks("./wrappers", stderr="lmm: .lmmrc:1: ignored: 'pool_get' (expected wrapper:PATTERN)\n")

    def names_of(self, *words):
        """The lines of the section of names in the report for people."""
        result = self.lmm("run", "-o", self.path("text"), *words, cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        sections = [part.splitlines() for part in self.text_of("text").split("\n\n")]
        return [line.strip() for section in sections if section[0] == "Names" for line in section[1:]]

    def test_a_function_with_many_callers_is_named(self):
        self.compile("-g", "-O1", "-w", "callers.c", "-o", "callers")
        self.assertEqual(self.names_of("./callers"), ["node_new has 20 stacks from 20 callers: --wrapper node_new?"])
        self.assertEqual(self.names_of("--wrapper", "node_new", "./callers"), [])

    def test_files_without_debug_information(self):
        self.compile("-O1", "-w", "wrappers.c", "-o", "plain")
        note = "plain: no debug information (compile it with -g)"
        self.assertEqual(self.names_of("./plain"), [note])
        self.assertIn(f"\nnote: {note}\n", self.succeed("report", "--last"))
        self.assertEqual(self.succeed("top", "--once", "--last").splitlines()[-1], f" note: {note}")
        result, text = harness.run_on_terminal(harness.LMM, "sites", "--last", env=self.environment)
        self.assertEqual((result.returncode, text.splitlines()[-1]), (0, f"note: {note}"))
        self.assertNotIn(note, self.succeed("sites", "--last"))
        self.succeed("run", "-F", "json", "-o", self.path("json"), "./plain", cwd=self.folder)
        self.assertEqual(json.loads(self.text_of("json"))["files_without_lines"],
                         [{"file": os.path.realpath(self.path("plain")), "reason": "no debug information", "package": None}])
        self.compile("-g", "-O1", "-w", "wrappers.c", "-o", "wrappers")
        self.assertEqual(self.names_of("./wrappers"), [])

    def test_headers_alone(self):
        """Stacks of which the kept calls are all in headers, or in std."""
        self.compile("-g", "-O0", "-w", "headers.cpp", "-o", "headers", compiler="c++")
        rows = {bytes: place for place, bytes in self.leaks("./headers").items()}
        self.assertRegex(rows[2000][0], r"^boost::any<\d+>::make\(unsigned long\)$")
        self.assertEqual(rows[2000][1], "any.hpp")
        self.assertRegex(rows[1000][0], r"^std::lmm_deep<\d+>::make\(unsigned long\)$")
        # Three calls of std, and 21 of boost: the outermost kept one is the last.
        self.assertEqual(rows[2000][0], "boost::any<18>::make(unsigned long)")
        self.assertEqual(rows[1000][0], "std::lmm_deep<22>::make(unsigned long)")
        for mark, size in (("shallow", 4000), ("node", 600), ("os", 500)):
            self.assertEqual(rows[size], self.place("main", mark, "headers.cpp"))

    def test_rust(self):
        if shutil.which("rustc") is None:
            self.skipTest("rustc is missing")
        self.compile("-g", "names.rs", "-o", "rust", compiler="rustc")
        leaks = self.leaks("./rust")
        own = {place: size for place, size in leaks.items() if place[1] == "names.rs" and "main" not in place[0]}
        marks = names.marks_of("names.rs")
        sizes = {place[2]: size for place, size in own.items()}
        self.assertEqual(set(sizes), set(marks.values()))
        for mark, size in (("vec", 1000), ("box", 64), ("push", 512), ("go", 100)):
            self.assertEqual(sizes[marks[mark]], size, mark)
        self.assertTrue(all(re.match(r"(names|rust)::|<.* as (names|rust)::Go>::go", place[0]) for place in own), own)
        # What the library keeps for itself is at main, not at a file of the library.
        self.assertFalse([place for place in leaks if place[1].endswith(".rs") and place[1] != "names.rs"], leaks)


class Manual(harness.Case):
    def test_it_has_the_table_of_the_source(self):
        folder = os.path.join(harness.SOURCE, "reporter", "program", "symbols")
        with open(os.path.join(folder, "wrapper_table.c"), encoding="utf-8") as file:
            table = {group: re.findall(r'"([^"]+)"', patterns)
                     for group, patterns in re.findall(r'\{"([^"]+)",\s*PATTERNS\(([^)]*)\)', file.read())}
        with open(os.path.join(harness.SOURCE, "docs", "man", "lmm-run.1.scd"), encoding="utf-8") as file:
            section = file.read().split("# WRAPPERS\n")[1].split("\n# ")[0]
        manual = {group: re.split(r",\s+", text.replace("\\", "").strip())
                  for group, text in re.findall(r"(?m)^\*(.*)\*\n((?:\t.*\n)+)", section + "\n")}
        self.assertEqual(manual, table)
        self.assertGreater(len(table), 20)


harness.main()
