# SPDX-License-Identifier: MIT
"""test_stacks.py LMM PROGRAM SOURCE: names of frames, in ledgers made of stacks that PROGRAM recorded."""
import csv
import io
import json
import os
import re
import shutil
import subprocess

import harness
import ledger

PROGRAM, SOURCE = harness.arguments(2)

MODULE_BYTES = 0x100000


def lines_of(source):
    """The numbers of lines, by the word after "at:"."""
    with open(source, encoding="utf-8") as file:
        return {found[1]: number for number, line in enumerate(file, 1)
                if (found := re.search(r"// at: (\w+)", line))}


def build_id_of(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, check=True, text=True).stdout
    return bytes.fromhex(re.search(r"Build ID: ([0-9a-f]+)", notes)[1])


class Recording:
    """The output of PROGRAM."""

    def __init__(self, program=PROGRAM):
        out = subprocess.run([program], capture_output=True, check=True, text=True).stdout
        words = [line.split() for line in out.splitlines()]
        self.modules = [(w[1], *(int(n, 16) for n in w[2:])) for w in words if w[0] == "module"]
        self.stacks = {w[1]: [int(n, 16) for n in w[2:]] for w in words if w[0] == "stack"}

    def module_of(self, address):
        return next(i for i, (_, start, end, _) in enumerate(self.modules) if start <= address < end)


class Stacks(harness.Case):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.lines = lines_of(SOURCE)
        self.recording = Recording()

    def make(self, path=None, build_id=None, **stacks):
        """A ledger with a site for each recorded stack; path and build_id replace those of PROGRAM."""
        book = ledger.Ledger(PROGRAM).drop_in()
        family = book.family("malloc-48", 48, align=16, flags=ledger.FAMILY_BYTES)
        numbers = []
        for i, (name, start, end, bias) in enumerate(self.recording.modules):
            if i == 0:
                name = path or name
                known = build_id_of(PROGRAM) if build_id is None else build_id
            else:
                known = b""
            numbers.append(book.module(name, start, end, bias, known))
        for stack in (stacks or self.recording.stacks).values():
            calls = [(address, numbers[self.recording.module_of(address)]) for address in stack]
            book.stack_site(family, book.stack(calls), 3, 1, 40)
        return book.write(self.path("ledger"))

    def document(self, file, *options):
        return json.loads(self.succeed("report", "--format", "json", *options, file))

    def calls(self, file, site=0):
        stack = self.document(file, "--stacks")["sites"][site]["stack"]
        return [(call["function"], os.path.basename(call["file"]), call["line"], call["inlined"])
                for call in stack]

    # ---- Names

    def test_functions_files_lines_and_what_was_inlined(self):
        calls = self.calls(self.make(company=self.recording.stacks["company"]))
        self.assertEqual(calls[:4], [
            ("int* hr::make<int>(int)", "stacks.cpp", self.lines["make"], False),
            ("hr::hire(int)", "stacks.cpp", self.lines["hire"], True),
            ("run_company", "stacks.cpp", self.lines["company"], False),
            ("main", "stacks.cpp", self.lines["main"], False)])

    def test_a_site_is_named_by_what_is_no_wrapper(self):
        sites = self.document(self.make())["sites"]
        # Of a static function some compilers have the name alone.
        named = sorted((os.path.basename(site["file"]), site["line"],
                        re.sub(r"^grow\(.*", "grow", site["function"])) for site in sites)
        self.assertEqual(named, [
            ("stacks.cpp", self.lines["make"], "int* hr::make<int>(int)"),
            ("stacks.cpp", self.lines["grow"], "grow")])

    def test_wrappers_are_in_the_stack(self):
        functions = [call[0] for call in self.calls(self.make(grow=self.recording.stacks["grow"]))]
        self.assertEqual(functions[0], "operator new(unsigned long)")
        self.assertTrue(any(name.startswith("std::") for name in functions), functions)

    def test_text_shows_stacks_when_asked(self):
        file = self.make(company=self.recording.stacks["company"])
        plain = self.succeed("report", file)
        self.assertIn(f"stacks.cpp:{self.lines['make']} (int* hr::make<int>(int))", plain)
        self.assertNotIn("hr::hire", plain)
        two = self.succeed("report", "--stacks=2", file)
        self.assertRegex(two, rf"\n {{8}}int\* hr::make<int>\(int\) \(.*:{self.lines['make']}\)\n"
                         rf" {{8}}hr::hire\(int\) \(.*:{self.lines['hire']}\) \[inlined\]\n"
                         r" {8}\.\.\.\n")
        self.assertIn("        main (", self.succeed("report", "--stacks", file))
        self.refuse("--stacks needs a number", "report", "--stacks=0", file)

    def test_nothing_is_loaded_to_ask_servers_that_nobody_named(self):
        """For a stripped file libdw would load its client, with an HTTP client."""
        if shutil.which("strace") is None:
            self.skipTest("strace is missing")
        stripped = self.path("stripped")
        subprocess.run(["strip", "-o", stripped, PROGRAM], check=True)
        trace = self.path("trace")
        done = subprocess.run(["strace", "-f", "-e", "trace=openat", "-o", trace, harness.LMM, "report",
                               self.make(stripped, company=self.recording.stacks["company"])],
                              env=self.environment, capture_output=True, check=False)
        if done.returncode != 0 and b"ptrace" in done.stderr:
            self.skipTest("strace may not trace")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(trace, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(stripped, text)
        self.assertNotIn("libdebuginfod.so", text)

    # ---- Files that are not as they were

    def test_a_stripped_file_gives_modules_and_offsets(self):
        stripped = self.path("stripped")
        subprocess.run(["strip", "-o", stripped, PROGRAM], check=True)
        calls = self.calls(self.make(stripped, company=self.recording.stacks["company"]))
        _, _, _, bias = self.recording.modules[0]
        offset = self.recording.stacks["company"][0] - bias
        self.assertEqual(calls[0], (f"stripped+{offset:#x}", "", 0, False))
        line = self.succeed("sites", self.path("ledger")).split("\t")
        self.assertEqual(line[2:4], [f"stripped+{offset:#x}", "-"])

    def test_a_symbol_table_gives_functions_without_lines(self):
        bare = self.path("bare")
        subprocess.run(["strip", "--strip-debug", "-o", bare, PROGRAM], check=True)
        file = self.make(bare, company=self.recording.stacks["company"])
        self.assertEqual(self.calls(file)[:2], [("int* hr::make<int>(int)", "", 0, False),
                                                ("run_company", "", 0, False)])
        self.assertIn("  int* hr::make<int>(int) (bare)  #0\n", self.succeed("report", file))
        self.assertEqual(self.succeed("sites", file).split("\t")[2:4],
                         ["bare", "int* hr::make<int>(int)"])

    def test_a_debug_file_of_its_own_is_found_beside_it(self):
        path = self.path("split")
        debug = self.path("split.debug")
        subprocess.run(["objcopy", "--only-keep-debug", PROGRAM, debug], check=True)
        subprocess.run(["strip", "-o", path, PROGRAM], check=True)
        subprocess.run(["objcopy", f"--add-gnu-debuglink={debug}", path], check=True, cwd=self.folder)
        calls = self.calls(self.make(path, company=self.recording.stacks["company"]))
        self.assertEqual(calls[1][:3], ("hr::hire(int)", "stacks.cpp", self.lines["hire"]))

    def test_a_replaced_file_is_not_used_and_that_is_said_once(self):
        file = self.make(build_id=b"\x12\x34" * 10)
        result = self.lmm("report", "--stacks", file)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, f"lmm: {PROGRAM}: not the file that was mapped; its functions "
                         "have no names\n")
        self.assertNotIn("hr::make", result.stdout)
        self.assertRegex(result.stdout, r"stacks_fixture\+0x[0-9a-f]+\n")

    def test_files_that_are_gone_or_no_files(self):
        os.mkfifo(self.path("fifo"))
        for path in (self.path("nothing"), "relative", "[vdso]"):
            self.assertIn(f"{os.path.basename(path)}+0x", self.succeed("report", self.make(path)))
        for path in (self.path("fifo"), self.folder, "/dev/zero"):
            self.assertIn("+0x", self.lmm("report", self.make(path)).stdout)

    def test_modules_at_one_place_do_not_meet(self):
        """One was unloaded before the other was loaded; both have frames at the same addresses."""
        other = self.path("other")
        shutil.copy(PROGRAM, other)
        address = self.recording.stacks["company"][0]
        name, start, end, bias = self.recording.modules[0]
        main = self.recording.stacks["company"][3]
        book = ledger.Ledger(PROGRAM).drop_in()
        family = book.family("malloc-48", 48, flags=ledger.FAMILY_BYTES)
        libc = next(m for m in self.recording.modules if "/libc." in m[0])
        moved = address - bias + libc[3]
        old = book.module(libc[0], libc[1], libc[2], libc[3], gone=1)
        new = book.module(name, libc[1], libc[2], libc[3], build_id_of(PROGRAM))
        for module in (old, new):
            book.stack_site(family, book.stack([(moved, module)]), 1, 0, 40)
        stacks = [site["stack"] for site in self.document(book.write(self.path("ledger")), "--stacks")
                  ["sites"]]
        modules = sorted((stack[0]["module"], stack[0]["function"] == "int* hr::make<int>(int)")
                         for stack in stacks)
        self.assertEqual(modules, [("libc.so.6", False), (os.path.basename(name), True)])
        self.assertNotEqual(main, address)
        self.assertTrue(end > start)

    def test_damaged_files_do_no_harm(self):
        with open(PROGRAM, "rb") as file:
            whole = file.read()
        damaged = self.path("damaged")
        step = max(1, len(whole) // 40)
        for offset in range(0, len(whole), step):
            data = bytearray(whole)
            data[offset:offset + 64] = os.urandom(min(64, len(whole) - offset))
            with open(damaged, "wb") as file:
                file.write(data if offset % 3 else whole[:offset])
            result = self.lmm("report", "--stacks", self.make(damaged, build_id=b""))
            self.assertEqual(result.returncode, 0, (offset, result.stderr))

    # ---- The other subcommands and formats

    def test_folded_has_whole_stacks(self):
        lines = self.succeed("report", "--format", "folded", self.make()).splitlines()
        company = next(line for line in lines if "hr::make" in line)
        self.assertRegex(company, r"^stacks_fixture;.*;main;run_company;hr::hire\(int\);"
                         r"int\*_hr::make<int>\(int\) 80$")

    def test_csv_has_the_drop_ins_columns(self):
        text = self.succeed("report", "--format", "csv", "--sites", self.make())
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual({(row["temporaries"], row["peak_blocks"], row["live_bytes"])
                          for row in rows}, {("0", "0", "80")})

    def test_diff_knows_stacks_again(self):
        before = self.make()
        shutil.copy(before, self.path("before"))
        # Another run of the program: everything is somewhere else.
        self.recording = Recording()
        after = self.make()
        self.assertNotIn("changed", self.succeed("diff", self.path("before"), after)
                         .replace("nothing changed", ""))
        document = json.loads(self.succeed("diff", "--format", "json", self.path("before"), after))
        self.assertEqual(document["sites"], [])

    def test_diff_tells_stacks_of_one_place_apart(self):
        company = self.recording.stacks["company"]
        before = self.make(long=company)
        shutil.copy(before, self.path("before"))
        document = json.loads(self.succeed("diff", "--format", "json", self.path("before"),
                                           self.make(long=company, short=company[:3])))
        self.assertEqual([(site["line"], site["in_before"]) for site in document["sites"]],
                         [(self.lines["make"], False)])

    def test_a_snapshot_keeps_stacks(self):
        file = self.make()
        copy = self.path("copy")
        self.succeed("snapshot", "-o", copy, file)
        self.assertEqual(self.calls(copy), self.calls(file))

    def test_the_network_is_asked_when_the_user_says_so_alone(self):
        """An address where no server runs: a connection would be refused, and there is no name to look up."""
        if shutil.which("strace") is None:
            self.skipTest("strace is missing")
        self.environment["DEBUGINFOD_URLS"] = "http://127.0.0.1:9/"
        trace = self.path("trace")
        stripped = self.path("stripped")
        subprocess.run(["strip", "-o", stripped, PROGRAM], check=True)
        done = subprocess.run(["strace", "-f", "-e", "trace=connect", "-o", trace, harness.LMM, "report",
                               self.make(stripped)], env=self.environment, capture_output=True,
                              check=False)
        if done.returncode != 0 and b"ptrace" in done.stderr:
            self.skipTest("strace may not trace")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(trace, encoding="utf-8") as file:
            self.assertNotIn("connect(", file.read())


harness.main()
