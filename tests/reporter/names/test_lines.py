# SPDX-License-Identifier: MIT
"""One line of a program is one row, with the right figures, in every command; and a first screen shows its stacks."""
import os
import re
import shutil

import harness

NAMESAKES, TYPED_PEAK = harness.arguments(2)
import names    # takes the argument after them

ROUND_BLOCKS, ROUND_BYTES = 100, sum(8 + i * 37 % 6000 for i in range(0, 400, 4))


class Case(names.Case):
    def first_screen(self, *words):
        """What lmm run prints without options, but for the classes of what lives at exit."""
        result = self.lmm("run", "--options", "check=0", "-o", self.path("text"), *words, cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""), words)
        return self.text_of("text")

    def ledger(self):
        path, = [os.path.join(folder, name) for folder, _, files in os.walk(self.ledgers) for name in files
                 if name.endswith(".lmm")]
        return path


class OneLine(Case):
    """A line that leaks blocks of a hundred sizes, in as many families."""

    def start_program(self, *words):
        self.compile("-g", "-O1", "-w", "one_line.c", "-o", "one_line")
        self.line = f"one_line.c:{names.marks_of('one_line.c')['line']}"
        return self.start(harness.LMM, "run", "-o", self.path("report"), "./one_line", *words, cwd=self.folder)

    def rows_of(self, text):
        return [line for line in text.splitlines() if self.line in line]

    def ask(self, *words):
        return self.succeed(*words, "one_line")

    def test_report_sites_and_top(self):
        self.start_program()
        row, = self.rows_of(self.ask("report", "--by=line"))
        self.assertIn(f"({ROUND_BYTES:,})", row)
        self.assertRegex(row, rf" {ROUND_BLOCKS} +100.0% ")
        row, = self.rows_of(self.ask("sites", "--by=line"))
        self.assertEqual(row.split("\t")[:2], [str(ROUND_BYTES), str(ROUND_BLOCKS)])
        row, = self.rows_of(self.ask("top", "--once", "--by=line"))
        self.assertEqual(row.split()[1], str(ROUND_BLOCKS))

    def test_diff(self):
        process = self.start_program()
        shutil.copy(self.ledger(), self.path("before.lmm"))
        process.stdin.write(b"\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"ready\n")
        row, = self.rows_of(self.succeed("diff", "--by=line", self.path("before.lmm"), "one_line"))
        self.assertIn(f"+{ROUND_BYTES:,}", row)
        self.assertIn(f"+{ROUND_BLOCKS}", row)

    def test_watch(self):
        self.start_program("forever")
        text = self.ask("watch", "--by=line", "--every", "50ms", "--for", "3s")    # 12 readings are enough
        _, found, growing = text.partition("BYTES/S")
        self.assertTrue(found, text)
        row, = self.rows_of(growing)
        self.assertNotIn("malloc-", text)

    def test_run(self):
        self.compile("-g", "-O1", "-w", "one_line.c", "-o", "one_line")
        self.line = f"one_line.c:{names.marks_of('one_line.c')['line']}"
        sections = self.first_screen("./one_line").split("\n\n")
        leaks, = [section for section in sections if section.startswith("Live at exit")]
        self.assertEqual(len([line for line in leaks.splitlines() if re.match(r"  \d", line)]), 1, leaks)
        self.assertIn(f"SUMMARY: {ROUND_BYTES} bytes live in {ROUND_BLOCKS} blocks", sections[-1])


class Wrappers(Case):
    def test_every_command_names_the_caller(self):
        """The same rows as in test_wrappers.py."""
        self.compile("-g", "-O1", "-w", "wrappers.c", "-o", "wrappers")
        self.document("--keep", "./wrappers", stderr=None)
        path = self.ledger()
        marks = names.marks_of("wrappers.c")
        right = {500: ("by_rule", "users"), 700: ("alloc", "users"), 300: ("table", "users"), 100: ("pool", "pool_get")}
        for words in (["report"], ["sites"], ["top", "--once"]):
            text = self.succeed(*words, path)
            for size, (mark, function) in right.items():
                row, = [line for line in text.splitlines() if f"wrappers.c:{marks[mark]}" in line]
                self.assertIn(str(size), row, words)
                self.assertIn(function, row, words)
            self.assertNotIn("zmalloc", text, words)


class FirstScreens(Case):
    def test_two_sizes_are_one_peak(self):
        self.compile("-g", "-O1", "-w", "two_sizes.c", "-o", "two_sizes")
        text = self.first_screen("./two_sizes")
        self.assertIn("\n  at the peak    81 B in 2 blocks,", text)
        self.assertIn("SUMMARY: 81 bytes live in 2 blocks, peak 81, 2 allocations, 0 frees\n", text)

    def test_the_peak_of_blocks_that_are_freed(self):
        self.compile("-g", "-O1", "-w", "peak.c", "-o", "peak")
        line = f"peak.c:{names.marks_of('peak.c')['make']} (make)"
        for words, leaked in (([], "24000 bytes live in 1001 blocks"), (["free"], "8000 bytes live in 1 block")):
            text = self.first_screen("./peak", *words)
            summary = re.search(r"(?m)^SUMMARY: (.*), peak (\d+), 1001 allocations, (\d+) frees?$", text)
            self.assertEqual((summary[1], summary[3]), (leaked, "1000" if words else "0"))
            self.assertTrue(22800 <= int(summary[2]) <= 24000, text)    # the recorded one may be 1/100 smaller
            sections = {part.split("  ")[0]: [row for row in part.splitlines() if re.match(r"  \d+ ", row)]
                        for part in text.split("\n\n")[1:-1]}
            for name in ("Lines at the peak", "Live at exit", "Most allocations"):
                row, = sections[name]
                self.assertIn(line, row, name)

    def write_many(self):
        """A program with a dozen places for each section, deep stacks, and blocks of all sizes."""
        text = "#include <stdlib.h>\nvoid *volatile kept, *volatile peak[12];\n"
        calls = {"peak": "peak[{i}] = malloc(100000 << {i} % 4)", "leak": "kept = malloc(1 << {i})",
                 "temporary": "free(kept = malloc(3 << {i}))"}
        for i in range(12):
            for kind, call in calls.items():
                name = f"{kind}_of_a_place_with_a_long_name_{i}"
                text += f"void {name}_0(void) {{ {call.format(i=i)}; }}\n"
                text += "".join(f"void {name}_{n + 1}(void) {{ {name}_{n}(); }}\n" for n in range(9))
        body = [[f"{kind}_of_a_place_with_a_long_name_{i}_9();" for i in range(12)] for kind in calls]
        text += "int main(void)\n{\n" + "\n".join([*body[0], "for (int i = 0; i < 12; i++) free(peak[i]);", *body[1], *body[2]])
        self.file("many.c", text + "\nreturn 0;\n}\n")

    def test_the_fullest_fits(self):
        self.write_many()
        self.compile("-O0", "-w", "-fno-builtin", "many.c", "-o", "many")
        lines = self.first_screen("./many").splitlines()
        headings = [line.split("  ")[0] for line, before in zip(lines[1:], lines) if not before]
        self.assertEqual(headings, ["Lines at the peak", "Live at exit", "Most allocations", "Temporary", "Sizes", "Names",
                                    headings[-1]])
        self.assertLessEqual(len(lines), 60)
        self.assertLessEqual(max(map(len, lines)), 120)

    def test_each_stack_shows_a_call(self):
        """A row that has one line for its stack shortens the call's name, rather than showing none."""
        self.compile("-g", "-O0", "-w", "long_name.cpp", "-o", "long_name", compiler="c++")
        text = self.first_screen("./long_name")
        self.assertRegex(text, r"(?m)^       stack 2:  #0 \S*function_with_some_parameters\(\.\.\.\) \(")
        self.assertNotRegex(text, r"stack \d+: +\.\.\.")
        self.assertLessEqual(max(map(len, text.splitlines())), 120)


class Within(Case):
    def test_functions_in_functions(self):
        for compiler in ("gcc", "clang"):
            self.compile("-g", "-O1", "-w", "within.cpp", "-lstdc++", "-o", "within", compiler=compiler)
            marks = names.marks_of("within.cpp")
            leaks = {(function.split("::")[-1].split("(")[0], line): bytes
                     for (function, file, line), bytes in self.leaks("./within").items() if file == "within.cpp"}
            self.assertEqual(leaks, {("hold", marks["member"]): 100, ("hold", marks["local"]): 200,
                                     ("operator", marks["lambda"]): 400}, compiler)

    def test_a_nested_function(self):
        self.compile("-g", "-O1", "-w", "within.c", "-o", "within", compiler="gcc")
        self.assertEqual(self.leaks("./within"), {("inner", "within.c", names.marks_of("within.c")["inner"]): 600})


class Typed(Case):
    def test_two_types_of_one_name(self):
        leaks = {(leak["function"], leak["line"], leak["bytes"]) for leak in self.document(NAMESAKES)["leaks"]
                 if leak["bytes"] < 100}
        self.assertEqual(leaks, {("main", names.marks_of("namesakes.c")["small"], 16),
                                 ("lmm_test_other_node", names.marks_of("namesakes_other.c")["large"], 48)})
        text = self.first_screen(NAMESAKES)
        self.assertRegex(text, r"(?m) of struct node  #\d+$")
        self.assertRegex(text, r"(?m) of struct node \(48\)  #\d+$")

    def test_the_peak(self):
        text = self.first_screen(TYPED_PEAK)
        peak = int(re.search(r", peak (\d+), ", text)[1])
        self.assertLessEqual(peak, 1000000)
        self.assertGreater(peak, 950000)    # the recorded one may be 1/100 smaller
        self.assertIn("SUMMARY: 10000 bytes live in 10 blocks, ", text)
        self.assertRegex(text, r"(?m)^Lines at the peak .*\n  1 .*[ /]typed_peak\.c:\d+ \(main\) of struct record  #\d+$")


harness.main()
