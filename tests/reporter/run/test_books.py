# SPDX-License-Identifier: MIT
"""`lmm run` with the drop-in itself: the report of a real program, by function, file and line."""
import json
import os
import re
import shutil

import harness
from running import Case

LEAKY, TEMPORARIES = harness.arguments(2)
SOURCE = os.path.join(harness.SOURCE, "tests", "reporter", "run", "leaky.c")


def marks():
    with open(SOURCE, encoding="utf-8") as file:
        return {line.split("MARK ")[1].split()[0]: number
                for number, line in enumerate(file, 1) if "MARK " in line}


MARKS = marks()
LEAKS = {("leak_inline", MARKS["inline"], 1, 1000000), ("leak_blocks", MARKS["blocks"], 3, 300),
         ("leak_string", MARKS["string"], 1, 17)}


class Books(Case):
    def setUp(self):
        super().setUp()
        for name in ("LMM_PRELOAD_LIBRARY", "STAND_IN_LEDGER"):
            self.environment.pop(name)

    def document(self, *arguments, status=0):
        result = self.run_lmm("--full", "--format", "json", "-o", self.path("report"), *arguments)
        self.assertEqual((result.returncode, result.stderr), (status, ""), arguments)
        self.assert_nothing_left()
        return json.loads(self.text_of("report"))

    def leaks_of(self, process):
        return {(leak["function"], leak["line"], leak["blocks"], leak["bytes"])
                for leak in process["leaks"] if os.path.basename(leak["file"]) == "leaky.c"}

    def test_leaks_are_known_by_function_file_line_blocks_and_bytes(self):
        document = self.document(LEAKY, "7", status=7)
        process, = document["processes"]
        self.assertEqual(self.leaks_of(process), LEAKS)
        self.assertEqual(process["totals"]["leaked_bytes"], 1000317)
        calls = process["leaks"][0]["stacks"][0]["calls"]
        self.assertEqual([(call["function"], call["inlined"]) for call in calls[:2]],
                         [("leak_inline", True), ("main", False)])

    def test_the_id_of_a_row_names_its_line_to_other_subcommands(self):
        result = self.run_lmm(LEAKY)
        rows = re.findall(r"leaky\.c:(\d+) \(\w+\)(?:, .*)?  (#\d+)$", result.stderr, re.MULTILINE)
        self.assertGreaterEqual({int(line) for line, _ in rows}, {MARKS["inline"], MARKS["blocks"]}, result.stderr)
        for line, word in rows:
            found = self.succeed("sites", "--last", "--all", "--site", word).splitlines()
            self.assertEqual([row.split("\t")[2].rsplit("/", 1)[-1] for row in found], [f"leaky.c:{line}"])
            self.assertEqual(found[0].split("\t")[6], word)

    def test_temporaries_and_the_peak(self):
        process, = self.document(LEAKY)["processes"]
        temporary = process["temporaries"][0]
        self.assertEqual((temporary["function"], temporary["line"], temporary["temporaries"],
                          temporary["allocations"]),
                         ("make_temporaries", MARKS["temporary"], 1000, 1000))
        self.assertEqual(process["peak_consumers"][0]["function"], "leak_inline")
        self.assertEqual(process["peak_consumers"][0]["bytes"], 1000000)

    def test_temporaries_by_both_definitions(self):
        # The temporary blocks of 100 rounds of each function of temporaries.c: LMM's, heaptrack's.
        table = {"free_at_once": (100, 100), "free_two": (100, 100), "free_another_before": (100, 0),
                 "grow": (200, 200), "shrink": (200, 200), "other_frees": (0, 100), "other_allocates": (100, 0),
                 "take_block": (100, 0)}
        for column, options in enumerate(([], ["--temporary=heaptrack"])):
            process, = self.document(*options, TEMPORARIES)["processes"]
            found = dict.fromkeys(table, 0)
            for place in process["temporaries"]:
                found[place["function"]] = found.get(place["function"], 0) + place["temporaries"]
            self.assertEqual(found, {name: counts[column] for name, counts in table.items()}, options)
        self.document("--temporary", "lmm", TEMPORARIES)

    def test_heaptrack_agrees(self):
        if shutil.which("heaptrack") is None:
            self.skipTest("no heaptrack (Debian: heaptrack)")
        result = harness.run("heaptrack", "-o", self.path("track"), TEMPORARIES, cwd=self.folder)
        theirs = int(re.search(r"temporary allocations:\s+(\d+)", result.stdout + result.stderr).group(1))
        process, = self.document("--temporary=heaptrack", TEMPORARIES)["processes"]
        # Its own start allocates, too.
        self.assertAlmostEqual(theirs, process["totals"]["temporaries"], delta=10)

    def test_however_it_ends(self):
        for how, status in (("_exit", 3), ("signal", 137)):
            process, = self.document(LEAKY, how, status=status)["processes"]
            self.assertEqual(self.leaks_of(process), LEAKS)
            self.assertEqual(process["state"], "killed")

    def test_what_it_becomes_by_exec_is_reported(self):
        for arguments in (["sh", "-c", f"exec env {LEAKY} 4"], [LEAKY, "exec"]):
            process, = self.document(*arguments, status=4)["processes"]
            self.assertEqual((self.leaks_of(process), process["state"]), (LEAKS, "exited"))
        script = self.file("script", f"#!/usr/bin/env {LEAKY}\n", 0o755)
        process, = self.document(script)["processes"]
        self.assertEqual(os.path.basename(process["executable"]), os.path.basename(LEAKY))

    def test_children_are_on_lmm_only_when_asked_for(self):
        self.assertEqual(len(self.document(LEAKY, "fork")["processes"]), 1)
        script = f"{LEAKY} 5; exit 6"
        process, = self.document("sh", "-c", script, status=6)["processes"]
        self.assertEqual(self.leaks_of(process), set())
        processes = self.document("--children", "sh", "-c", script, status=6)["processes"]
        self.assertEqual([self.leaks_of(process) for process in processes], [set(), LEAKS])

    def test_one_summary_of_all_processes_comes_first(self):
        script = f"{LEAKY}; {LEAKY} 0; exit 0"
        text = self.run_lmm("--children", "sh", "-c", script).stderr
        head = text[:text.index("\nLMM: ")]
        self.assertRegex(head, r"^LMM: 3 processes: \w+ \(pid \d+\) and its children\n  at the peaks ")
        self.assertEqual(re.findall(r"(?m)^  \d +[0-9.]+ \w+ .*  (\w+) \(pid", head)[:2], ["leaky", "leaky"])
        row = rf"1.9 MiB +[0-9.]+% +2 +2  .*leaky.c:{MARKS['inline']} \(leak_inline\)"
        self.assertRegex(head, rf"(?ms)^Lines at the peaks .*^  1 +{row}$.*^Lost .*^  1 +{row}$")
        document = self.document("--children", "sh", "-c", script)
        lines = {(line["function"], line["line"], line["blocks"], line["bytes"], line["processes"])
                 for line in document["all_processes"]["leaks"] if os.path.basename(line["file"]) == "leaky.c"}
        self.assertEqual(lines, {(function, line, 2 * blocks, 2 * size, 2) for function, line, blocks, size in LEAKS})
        self.assertIsNone(self.document(LEAKY)["all_processes"])

    def test_a_brief_report_has_parts_of_few_processes(self):
        text = self.run_lmm("--children", "sh", "-c", "for i in 1 2 3 4 5 6 7; do /bin/true; done; exit 0").stderr
        self.assertEqual(len(re.findall(r"(?m)^LMM: \S+ \(pid", text)), 5)
        self.assertIn("\n... 3 more processes: --full\n", text)
        text = self.run_lmm("--full", "--children", "sh", "-c", "for i in 1 2 3 4 5 6 7; do /bin/true; done; exit 0").stderr
        self.assertEqual(len(re.findall(r"(?m)^LMM: \S+ \(pid", text)), 8)

    def test_the_programs_environment_is_as_without(self):
        plain = harness.run("env", env=self.environment).stdout
        self.assertEqual(self.run_lmm("-o", self.path("report"), "env").stdout, plain)

    def test_suppressions_and_the_exit_code(self):
        known = self.file("known", "# known\nleak:^leak_blocks$\nleak:*/leaky.c\n")
        arguments = ["--error-exitcode", "99", "--suppressions", known]
        document = self.document(*arguments, LEAKY)
        self.assertEqual(document["processes"][0]["leaks"], [])
        self.assertEqual([(item["pattern"], item["blocks"], item["bytes"])
                          for item in document["suppressions"][:2]],
                         [("^leak_blocks$", 3, 300), ("*/leaky.c", 2, 1000017)])
        self.document("--error-exitcode", "99", LEAKY, status=99)
        below = self.file("below", "leak:libc.so\nleak:^_start$\nleak:__libc_start\n")
        document = self.document("--error-exitcode", "99", "--suppressions", below, LEAKY, status=99)
        # Calls below main match nothing; strdup is in libc, too.
        self.assertEqual(self.leaks_of(document["processes"][0]), {leak for leak in LEAKS if leak[0] != "leak_string"})
        valgrind = self.file("valgrind", "{\n name\n Memcheck:Leak\n match-leak-kinds: definite\n fun:malloc\n ...\n"
                                         f" src:leaky.c:{MARKS['blocks']}\n ...\n fun:main\n}}\n")
        document = self.document("--error-exitcode", "99", "--suppressions", valgrind, LEAKY, status=99)
        self.assertEqual([(item["kind"], item["checked"]["blocks"]) for item in document["suppressions"][:1]],
                         [("valgrind", 3)])

    def test_without_stacks(self):
        process, = self.document("--depth", "0", LEAKY)["processes"]
        self.assertEqual(process["stack_frames"], 0)
        self.assertGreaterEqual(process["totals"]["allocations"], 1005)

    def test_lmm_knows_it_while_it_runs(self):
        process = self.start_lmm("-o", self.path("report"), "sh", "-c", "echo ready; read line")
        self.assertIn("malloc-", self.succeed("report"))
        process.communicate(b"\n", timeout=harness.PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 0)

    def leaked_by(self, pid):
        """The blocks of leak_blocks() that live in a process."""
        sites = json.loads(self.succeed("report", "--format", "json", str(pid)))["sites"]
        return sum(site["live_blocks"] for site in sites if site["function"] == "leak_blocks")

    def states(self):
        processes = json.loads(self.succeed("ls", "--format", "json"))["processes"]
        return {process["pid"]: process["state"] for process in processes}

    def test_a_child_that_lives_longer_keeps_its_ledger_until_it_ends(self):
        for how, at_once in (("daemon", 3), ("silent", 0)):
            program = self.start_lmm("--children", "-o", self.path("report"), LEAKY, how)
            child = int(program.stdout.readline())
            self.finish(program, 0)
            report = self.text_of("report")
            self.assertEqual(report.count("the process is still running"), 1 if at_once else 0)
            for more in (3, 6):
                program.stdin.write(b"x")
                program.stdin.flush()
                harness.until(lambda: child in self.states() and self.leaked_by(child) == 3 + at_once + more)
                self.assertEqual(self.states()[child], "live")
                self.succeed("gc")
                self.assertEqual(self.states(), {child: "live"})
            program.stdin.close()
            harness.until(lambda: self.states()[child] == "exited")
            self.assertEqual(self.leaked_by(child), 3 + at_once + 6 + 3)
            self.succeed("gc")
            self.assert_nothing_left()

    def test_set_user_id_programs(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        os.chmod(self.folder, 0o755)
        os.chmod(self.ledgers, 0o1777)
        program = self.path("program")
        shutil.copy(LEAKY, program)
        os.chown(program, 65534, 65534)
        os.chmod(program, 0o4755)
        result = self.run_lmm(program, "8")
        self.assertEqual(result.returncode, 8)
        self.assertEqual(result.stderr.splitlines()[-1],
                         f"lmm: {program} did not load LMM: it is a set-user-ID or set-group-ID "
                         "program")


harness.main()
