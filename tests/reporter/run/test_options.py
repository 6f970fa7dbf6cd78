# SPDX-License-Identifier: MIT
"""Options of `lmm run` that are invalid, what is checked before the program starts, --keep."""
import os
import re
import shutil
import stat
import subprocess

import harness
import ledger
import running
from running import Case


class Usage(Case):
    def test_invalid_options_are_status_125(self):
        for arguments, words in (
                ([], "no program given"),
                (["--"], "no program given"),
                (["--nonsense", "true"], "--nonsense"),
                (["--depth", "65", "true"], "--depth needs a number from 0 to 64, not '65'"),
                (["--depth", "-1", "true"], "--depth"),
                (["--depth", "x", "true"], "--depth"),
                (["--top", "0", "true"], "--top"),
                (["--format", "word", "true"], "unknown format 'word'"),
                (["--report", "word", "true"], "unknown format 'word'"),
                (["--measure", "peak", "true"], "--measure is for the formats folded and pprof"),
                (["--measure", "word", "-F", "folded", "true"], "--measure takes live, peak"),
                (["--error-exitcode", "0", "true"], "--error-exitcode"),
                (["--error-exitcode", "256", "true"], "--error-exitcode"),
                *((["--error-exitcode", str(number), "true"], "--error-exitcode cannot be 125 to 127")
                  for number in (125, 126, 127)),
                (["--chldren", "true"], "unrecognized option '--chldren' (did you mean '--children'?)"),
                (["--leakes", "--", "true"], "(did you mean '--leaks'?)"),
                (["--fit", "frist", "true"], "(did you mean 'first'?)"),
                (["--fit", "worst", "true"], "--fit takes largest, first or best, not 'worst'"),
                (["--temporary", "brief", "true"], "--temporary takes lmm or heaptrack, not 'brief'"),
                (["--options", "word", "true"], "--options takes KEY=VALUE:..., not 'word'"),
                (["--options", "=x", "true"], "not '=x'"),
                (["--options", "fill=both:ledger=off", "true"], "cannot set ledger"),
                (["--options", "stacks=3", "true"], "cannot set stacks"),
                (["-o"], "'o'")):
            result = self.run_lmm(*arguments)
            self.assertEqual((result.returncode, result.stdout), (running.FAILED, ""), arguments)
            self.assertIn(words, result.stderr, arguments)
        self.assert_nothing_left()

    def test_help(self):
        result = self.run_lmm("--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertTrue(result.stdout.startswith("Usage: lmm run [OPTION...] [--] PROGRAM"))
        self.assertNotIn("preload-library", result.stdout)
        self.assertNotIn("--report", result.stdout)

    def test_the_manual_has_the_options(self):
        page = os.path.join(harness.SOURCE, "docs", "man", "lmm-run.1.scd")
        with open(page, encoding="utf-8") as file:
            in_page = set(re.findall(r"\*(--[a-z][-a-z]*)\*", file.read()))
        in_help = set(re.findall(r"--[a-z][-a-z]*", self.run_lmm("--help").stdout))
        others = {"--help", "--version", "--usage"}
        self.assertEqual(in_page - others, in_help - others)


class Before(Case):
    """Errors that lmm reports before it starts the program."""

    def refuse(self, words, *arguments):
        ran = self.path("ran")
        result = self.run_lmm(*arguments, "touch", ran)
        self.assertEqual((result.returncode, result.stdout), (running.FAILED, ""), arguments)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("lmm: "), result.stderr)
        self.assertIn(words, result.stderr, arguments)
        self.assertFalse(os.path.exists(ran), arguments)
        self.assert_nothing_left()

    def test_output_that_cannot_be_written(self):
        os.mkdir(self.path("folder"))
        self.refuse("No such file or directory", "-o", self.path("nowhere", "report"))
        self.refuse("No such file or directory", "-o", self.path("nowhere", "report.%p"))
        self.refuse("Is a directory", "-o", self.path("folder"))
        self.refuse("Not a directory", "-o", self.path("made", "report"))

    def test_several_processes_in_one_file_of_a_format_for_one(self):
        for report in ("csv", "openmetrics", "pprof", "folded"):
            self.refuse("%p in it", "--children", "--format", report, "-o", self.path("report"))

    def test_the_library(self):
        self.refuse("No such file", "--preload-library", "/nowhere/lib.so")
        blank = self.path("a library.so")
        shutil.copy(running.STAND_IN, blank)
        self.refuse("cannot be preloaded", "--preload-library", blank)
        self.environment["LMM_PRELOAD_LIBRARY"] = "/nowhere/lib.so"
        self.refuse("No such file")
        self.environment.pop("LMM_PRELOAD_LIBRARY")
        os.mkdir(self.path("bin"))
        shutil.copy(harness.LMM, self.path("bin", "lmm"))
        result = harness.run(self.path("bin", "lmm"), "run", "true", env=self.environment)
        self.assertEqual(result.returncode, running.FAILED)
        self.assertRegex(result.stderr, r"^lmm: cannot find liblmm_preload.so: expected in .*\n$")

    def test_the_library_is_found_beside_the_program(self):
        os.mkdir(self.path("bin"))
        os.makedirs(self.path("lib", "lmm"))
        shutil.copy(harness.LMM, self.path("bin", "lmm"))
        shutil.copy(running.STAND_IN, self.path("lib", "lmm", "liblmm_preload.so"))
        self.environment.pop("LMM_PRELOAD_LIBRARY")
        result = harness.run(self.path("bin", "lmm"), "run", "true", env=self.environment)
        self.assertIn("LMM: hr (pid ", result.stderr)

    def test_suppressions(self):
        bad = self.file("bad", "# words\nleak:a\nrace:b\n")
        self.refuse(f"{bad}:3: not a suppression: 'race:b'", "--suppressions", bad)
        self.refuse("No such file", "--suppressions", self.path("nowhere"))

    def test_a_directory_for_ledgers(self):
        self.environment["LMM_DIR"] = self.path("nowhere")
        self.refuse("cannot create a ledger directory in")
        self.environment["LMM_DIR"] = self.path("a:b")
        os.mkdir(self.path("a:b"), 0o700)
        self.refuse("a path with colons")
        self.assertEqual(os.listdir(self.path("a:b")), [])


class Keep(Case):
    def test_the_ledger_stays_and_its_path_is_told(self):
        result = self.run_lmm("--keep", "true")
        self.assertEqual(result.returncode, 0)
        path = re.search(r"(?m)^lmm: ledger of \d+: (/.*\.lmm)$", result.stderr).group(1)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)
        self.assertIn("usage report of hr", self.succeed("report", path))

    def test_it_is_listed_and_swept(self):
        self.run_lmm("--keep", "true")
        self.assertIn("exited", self.succeed("ls"))
        self.succeed("gc")
        self.assert_nothing_left()

    def test_it_is_not_swept_while_lmm_run_may_read_it(self):
        process = self.start_lmm("sh", "-c", "echo ready; read line")
        self.assertIn("removed 0 ledgers", self.succeed("gc"))
        process.communicate(b"\n", timeout=harness.PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 0)
        self.assert_nothing_left()

    def test_a_killed_lmm_run_leaves_nothing_that_is_not_swept(self):
        process = self.start_lmm("sh", "-c", "echo ready; read line")
        process.kill()
        process.communicate(timeout=harness.PATIENCE_SECONDS)
        harness.until(lambda: "killed" in self.succeed("ls") or "exited" in self.succeed("ls"))
        self.succeed("gc")
        self.assert_nothing_left()

    def test_it_stays_when_the_report_cannot_be_written(self):
        for words, status in ((["true"], 0), (["sh", "-c", "exit 3"], 3)):
            result = self.run_lmm("-o", "/dev/full", *words)
            self.assertEqual(result.returncode, status, "without a gate the status is the program's")
            self.assertIn("No space left on device", result.stderr)
            self.assertRegex(result.stderr, r"(?m)^lmm: ledger of \d+: /.*\.lmm$")
        clean = ledger.Ledger(state=ledger.EXITED)
        clean.site(clean.family("emp_t", 40), "hr.c", 42, "hire", 7, 7)
        clean.write(self.made)
        for words, status in ((["true"], running.FAILED), (["sh", "-c", "exit 3"], 3)):
            self.assertEqual(self.run_lmm("--error-exitcode", "9", "-o", "/dev/full", *words).returncode, status)

    def test_a_ledger_that_cannot_be_read_stays(self):
        self.environment["STAND_IN_LEDGER"] = self.file("made", "x" * 5000)
        for number, (words, status) in enumerate(((["sh", "-c", "exit 3"], 3), (["true"], 0),
                                                  (["--error-exitcode", "9", "true"], running.FAILED)), 1):
            result = self.run_lmm(*words)
            self.assertEqual(result.returncode, status, words)
            self.assertIn("lmm: ", result.stderr)
            self.assertEqual(len(os.listdir(self.ledgers)), number)


class Last(Case):
    """The ledgers of the last five runs, which are kept for other reports."""

    def record(self, name):
        ledger.sample(executable=f"/bin/{name}", state=ledger.EXITED).write(self.made)
        self.assertEqual(self.run_lmm("true").returncode, 0)
        folders = {os.path.join(self.ledgers, folder) for folder in self.last_runs()}
        new, = folders - getattr(self, "known", set())
        self.known = folders
        return new

    def of(self, number, **times):
        """An older run by hand."""
        folder = self.in_ledgers(f"lmm-last-{number:06}")
        os.mkdir(folder, 0o700)
        ledger.sample(executable=f"/bin/old{number}", state=ledger.EXITED).write(os.path.join(folder, "1.1.0.lmm"))
        os.utime(folder, (times.get("at", number),) * 2)
        self.known = getattr(self, "known", set()) | {folder}
        return folder

    def title(self, *arguments):
        return self.succeed("report", *arguments).splitlines()[0].split()[4]

    def test_the_last_five_are_kept_and_the_newest_is_the_last(self):
        self.fail_with(1, "no run is kept for --last; start one with: lmm run PROGRAM", "report", "--last")
        folders = [self.record(f"prog{i}") for i in range(5)]
        self.assertEqual(self.title("--last"), "prog4")
        folders = folders[1:] + [self.record("prog5")]
        self.assertEqual(self.known, set(folders))
        self.assertEqual(stat.S_IMODE(os.stat(folders[0]).st_mode), 0o700)
        self.assertEqual([len(os.listdir(folder)) for folder in folders], [1] * 5)
        self.assertEqual(self.title("--last"), "prog5")
        for command in (["sites"], ["top", "--once"], ["snapshot", "-o", self.path("copy")]):
            self.succeed(*command, "--last")
        self.assertEqual(self.title(self.path("copy")), "prog5")
        self.assertEqual(self.succeed("ls"), "")                        # they are no processes
        self.fail_with(1, "no ledger found for prog5", "report", "prog5")
        self.refuse("unexpected argument", "report", "--last", "hr")

    def test_diff_compares_the_last_two_or_another_one_with_the_last(self):
        self.fail_with(1, "no run is kept", "report", "--last")
        self.record("first")
        self.fail_with(1, "only one run is kept for --last; start another one with: lmm run PROGRAM", "diff", "--last")
        self.record("second")
        self.record("third")
        other = ledger.sample(executable="/bin/other").write(self.path("other.lmm"))
        for words, programs in ((["--last"], ("second", "third")), (["--last", other], ("other", "third"))):
            text = self.succeed("diff", *words)
            self.assertRegex(text, fr"^LMM: change from {programs[0]} .* to {programs[1]} ")
        self.refuse("with --last, name A only", "diff", "--last", other, other)
        self.refuse("expected two ledgers", "diff", other)

    def test_their_bytes_are_bounded(self):
        for number in (1, 2, 3):
            with open(os.path.join(self.of(number), "2.1.0.lmm"), "wb") as file:
                os.posix_fallocate(file.fileno(), 0, 50 << 20)
        with open(os.path.join(self.of(4), "2.1.0.lmm"), "wb") as file:
            file.truncate(1 << 30)                                      # a hole takes no space
        self.run_lmm("true")
        self.assertEqual({name[-2:] for name in self.last_runs() if name.startswith("lmm-last-0000")},
                         {"02", "03", "04"})
        self.assertEqual(len(self.last_runs()), 4)

    def test_what_runs_or_is_kept_is_none_of_them(self):
        self.run_lmm("--keep", "true")
        self.assertEqual(self.last_runs(), [])
        self.run_lmm("/nowhere/at/all")
        self.environment["STAND_IN_LEDGER"] = ""
        self.run_lmm("true")
        self.assertEqual(self.last_runs(), [])

    def test_other_users_and_links_are_left_alone(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make another user's directory")
        target = self.path("target")
        os.mkdir(target)
        ledger.sample(executable="/bin/linked", state=ledger.EXITED).write(os.path.join(target, "1.1.0.lmm"))
        os.symlink(target, self.in_ledgers("lmm-last-linked"))
        os.chown(self.of(1, at=4000000000), 65534, 65534)
        for number in range(2, 7):
            self.of(number)
        self.assertEqual(self.title("--last"), "old6")
        self.run_lmm("true")
        self.succeed("gc")
        self.assertEqual(sorted(self.last_runs()), ["lmm-last-000001", "lmm-last-linked"])
        self.assertEqual(len(os.listdir(target)), 1)

    def test_gc_removes_them(self):
        self.of(1)
        self.record("new")
        said = self.succeed("gc", "--dry-run")
        self.assertRegex(said, r"^would remove 2 ledgers, \d+ bytes\n$")
        self.assertEqual(len(self.last_runs()), 2)
        self.assertRegex(self.succeed("gc", "--older-than", "1h"), r"^removed 1 ledger, \d+ bytes\n$")
        self.assertEqual(self.title("--last"), "new")
        self.succeed("gc")
        self.assertEqual(self.last_runs(), [])


class Unloaded(Case):
    """Programs that leave no ledger."""

    def test_one_line_says_so_and_the_status_is_the_programs(self):
        self.environment["STAND_IN_LEDGER"] = ""
        result = self.run_lmm("sh", "-c", "exit 6")
        self.assertEqual(result.returncode, 6)
        self.assertEqual(result.stderr, "lmm: sh did not load LMM: is it statically linked or "
                                        "set-user-ID?\n")
        self.assert_nothing_left()

    def test_the_reason_where_it_is_known(self):
        self.environment["STAND_IN_LEDGER"] = ""
        program = self.path("program")
        shutil.copy("/bin/true", program)
        os.chmod(program, 0o4755)
        self.assertEqual(self.run_lmm(program).stderr,
                         f"lmm: {program} did not load LMM: it is a set-user-ID or set-group-ID "
                         "program\n")

    def test_statically_linked_programs(self):
        source = self.file("program.c", "int main(void) { return 5; }\n")
        built = subprocess.run(["cc", "-static", "-o", self.path("program"), source],
                               stderr=subprocess.DEVNULL, check=False)
        if built.returncode != 0:
            self.skipTest("no static libc")
        result = self.run_lmm(self.path("program"))
        self.assertEqual(result.returncode, 5)
        self.assertIn("did not load LMM: it is statically linked\n", result.stderr)

    def test_programs_of_another_c_library(self):
        """musl's loader would not start a program with LMM, so it runs without. Only the name of the loader counts."""
        result = self.run_lmm(self.program_of_musl())
        self.assertEqual(result.returncode, 5)
        self.assertEqual(result.stderr, f"lmm: {self.path('program')} did not load LMM: it is linked with musl, "
                                        "and LMM needs glibc\n")


harness.main()
