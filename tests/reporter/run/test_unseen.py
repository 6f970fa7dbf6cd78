# SPDX-License-Identifier: MIT
"""What `lmm run` did not see is said, and a gate does not let it pass: programs that do not load LMM, processes that
are not traced, that end in some way, and that outlive the program."""
import json
import os
import re
import shutil
import signal
import subprocess
import unittest

import harness
from harness import until
from running import Case, FAILED, STAND_IN

STARTER, STATIC, OWN, TYPED, ASAN, LSAN = harness.arguments(6)
GATE = 9
IS_STATIC = "it is statically linked"
IS_ASAN = "it is built with AddressSanitizer, which has a malloc of its own"


class Unseen(Case):
    def setUp(self):
        super().setUp()
        for name in ("LMM_PRELOAD_LIBRARY", "STAND_IN_LEDGER"):
            self.environment.pop(name)

    def notes(self, *arguments, label="not seen"):
        """The lines of a report with that label."""
        text = self.run_lmm(*arguments).stderr
        return re.findall(rf"(?m)^  {label} +(.*)$", text)

    def statuses(self, *arguments):
        """The status plain, under lmm run, and under its gate."""
        return (harness.run(*arguments, env=self.environment).returncode, self.run_lmm(*arguments).returncode,
                self.run_lmm("--error-exitcode", GATE, *arguments).returncode)


class NotTraced(Unseen):
    def test_each_way_to_start_a_process_is_counted(self):
        for how, name in (("fork", "true"), ("vfork", "true"), ("spawn", "true"), ("clear", "true")):
            self.assertEqual(self.notes(STARTER, how, shutil.which("true")),
                             [f"1 process started, not traced ({name}): --children"], how)
        self.assertEqual(self.notes(STARTER, "system", "true"), ["1 process started, not traced (sh): --children"])
        # It executes nothing.
        self.assertEqual(self.notes(STARTER, "kill"), ["1 process started, not traced (starter): --children"])
        self.assertEqual(self.notes(STARTER), [])

    def test_a_script(self):
        script = "for i in 1 2 3 4; do /bin/true; /bin/echo; done; exit 0"
        self.assertEqual(self.notes("sh", "-c", script), ["8 processes started, not traced (true, echo): --children"])

    def test_in_every_format(self):
        document = json.loads(self.run_lmm("-F", "json", STARTER, "fork", "true").stderr)
        self.assertEqual((document["unseen"]["not_traced"], document["unseen"]["programs"]), (1, ["true"]))
        text = self.run_lmm("-F", "csv", "-o", self.path("report"), STARTER, "fork", "true").stderr
        self.assertEqual(text, "lmm: 1 process started, not traced: --children\n")
        text = self.run_lmm("--leaks", STARTER, "fork", "true").stderr
        self.assertRegex(text, r"(?m)^checked: starter \(pid \d+\); not checked: 1 process that it started$")

    def test_the_gate_is_for_children_too(self):
        self.assertEqual(self.statuses(STARTER, "fork", STATIC), (0, 0, FAILED))
        result = self.run_lmm("--error-exitcode", GATE, STARTER, "fork", STATIC)
        self.assertRegex(result.stderr, r"(?m)^lmm: not checked for leaks: starter_static \(pid \d+\): it is statically linked$")

    def test_the_gate_for_some_programs(self):
        for pattern, status in (("starter", 0), ("start*", FAILED), ("nothing", FAILED)):
            result = self.run_lmm("--error-exitcode", GATE, "--gate", pattern, STARTER, "fork", STATIC)
            self.assertEqual(result.returncode, status, pattern)
        self.assertIn("lmm: not checked for leaks: no process matches 'nothing'\n", result.stderr)


class WithoutLmm(Unseen):
    def test_the_program_itself(self):
        for program, reason in ((STATIC, IS_STATIC), (ASAN, IS_ASAN), (LSAN, IS_ASAN.replace("Address", "Leak"))):
            if program.endswith("none"):
                continue
            result = self.run_lmm(program)
            self.assertEqual(result.stderr.splitlines()[-1], f"lmm: {program} did not load LMM: {reason}")
            self.assertEqual(self.statuses(program), (0, 0, FAILED), program)
            text = self.run_lmm("--leaks", program).stderr
            self.assertRegex(text.splitlines()[-1], rf"^LMM: leak check of \w+ \(pid \d+\): not done: {reason}$")

    @unittest.skipIf(LSAN.endswith("none"), "no LeakSanitizer")
    def test_a_sanitizer_finds_what_it_finds_without_lmm(self):
        for program in (ASAN, LSAN):
            plain = harness.run(program, "leak", env=self.environment)
            self.assertNotEqual(plain.returncode, 0)
            self.assertEqual(self.statuses(program, "leak"), (plain.returncode,) * 3, program)

    @unittest.skipIf(ASAN.endswith("none"), "no AddressSanitizer")
    def test_a_child_with_a_sanitizer_starts_without_lmm(self):
        plain = harness.run(ASAN, env=self.environment)
        self.assertEqual((plain.returncode, plain.stderr), (0, ""))
        script = self.path("script")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"#!{ASAN}\n")
        os.chmod(script, 0o700)
        os.symlink(ASAN, self.path("in_path"))
        self.environment["PATH"] = f"{self.folder}:{os.environ['PATH']}"
        name = os.path.basename(ASAN)
        for name, *words in ((name, STARTER, "fork", ASAN), (name, STARTER, "vfork", ASAN), (name, STARTER, "spawn", ASAN),
                             ("in_path", STARTER, "fork", "in_path"), ("in_path", STARTER, "spawn", "in_path"),
                             ("script", STARTER, "fork", script), (name, "sh", "-c", f"{ASAN}; exit 0"),
                             (name, "sh", "-c", f"sh -c '{ASAN}; exit 0'; exit 0")):
            result = self.run_lmm("--children", *words)
            self.assertNotIn("ASan runtime", result.stderr, words)
            self.assertEqual(result.returncode, 0, words)
            seen = re.findall(r"(?m)^  not seen +(.*)$", result.stderr)
            self.assertEqual([re.sub(r"\d+", "N", line) for line in seen],
                             [f"{name} (pid N): {IS_ASAN}"], words)

    def test_a_child_of_another_c_library_starts_without_lmm(self):
        """musl's loader would not start it with LMM."""
        program = self.program_of_musl()
        reason = "it is linked with musl, and LMM needs glibc"
        for words in ((STARTER, "fork", program), (STARTER, "vfork", program), (STARTER, "spawn", program),
                      ("sh", "-c", f"{program}; test $? = 5")):
            result = self.run_lmm("--children", *words)
            seen = re.findall(r"(?m)^  not seen +(.*)$", result.stderr)
            self.assertEqual([re.sub(r"\d+", "N", line) for line in seen], [f"program (pid N): {reason}"], words)
        self.assertEqual(result.returncode, 0)
        for options in ((), ("--children",)):
            result = self.run_lmm(*options, STARTER, "exec", program)
            self.assertEqual((result.returncode, re.findall(r"(?m)^  note +(.*)$", result.stderr)),
                             (5, [f"it became {program}, which LMM did not see: {reason}"]), options)

    @unittest.skipIf(ASAN.endswith("none"), "no AddressSanitizer")
    def test_a_program_that_becomes_one_with_a_sanitizer(self):
        for options in ((), ("--children",)):
            for program in ([STARTER, "exec", ASAN], ["env", ASAN]):
                result = self.run_lmm(*options, *program)
                self.assertEqual((result.returncode, re.findall(r"(?m)^  note +(.*)$", result.stderr)),
                                 (0, [f"it became {ASAN}, which LMM did not see: {IS_ASAN}"]), (options, program))

    @unittest.skipIf(LSAN.endswith("none"), "no LeakSanitizer")
    def test_the_rest_of_the_environment_of_a_child_with_a_sanitizer_stays(self):
        """With few variables and with many, and with another library to load."""
        self.environment["LD_PRELOAD"] = os.path.join(os.path.dirname(OWN), "other.so")
        shutil.copy(STAND_IN, self.environment["LD_PRELOAD"])
        for count in (0, 400):
            self.environment.update((f"VARIABLE_{i}", "x" * 20) for i in range(count))
            plain = harness.run("sh", "-c", f"{LSAN} environment", env=self.environment).stdout.splitlines()
            self.assertIn(f"LD_PRELOAD={self.environment['LD_PRELOAD']}", plain)
            result = self.run_lmm("--children", "sh", "-c", f"{LSAN} environment; exit 0")
            self.assertEqual(sorted(result.stdout.splitlines()), sorted(plain))

    def test_a_check_that_was_not_done_goes_to_its_file(self):
        result = self.run_lmm("--leaks", "-o", self.path("report.%p"), STATIC)
        self.assertEqual(result.stderr, "")
        name, = (name for name in os.listdir(self.folder) if name.startswith("report."))
        self.assertRegex(self.text_of(name), r"^LMM: leak check of \w+ \(pid \d+\): not done: it is statically linked\n$")

    def test_a_check_that_was_not_done_in_the_formats_of_ci(self):
        for name, words in (("junit", 'tests="1" failures="0" errors="1"'), ("sarif", '"executionSuccessful": false')):
            result = self.run_lmm("--error-exitcode", GATE, "-F", name, STATIC)
            self.assertEqual(result.returncode, FAILED)
            self.assertIn(words, result.stderr)
            self.assertIn("it is statically linked", result.stderr)

    def test_what_the_program_became(self):
        for options in ((), ("--children",)):
            self.assertEqual(self.notes(*options, STARTER, "exec", STATIC, label="note"),
                             [f"it became {STATIC}, which LMM did not see: {IS_STATIC}"])
        self.assertEqual(self.statuses(STARTER, "exec", STATIC), (0, 0, FAILED))
        self.assertEqual(self.statuses(STARTER, "exec", STARTER, "leak"), (0, 0, GATE))
        self.assertEqual(self.statuses(STARTER, "exec", "env", STARTER), (0, 0, 0))

    def test_its_children(self):
        for how in ("fork", "vfork", "spawn", "clear"):
            seen = self.notes("--children", STARTER, how, STATIC)
            self.assertEqual([re.sub(r"\d+", "N", line) for line in seen],
                             [f"{os.path.basename(STATIC)} (pid N): {IS_STATIC}"], how)
            result = self.run_lmm("--children", "--error-exitcode", GATE, STARTER, how, STATIC)
            self.assertEqual(result.returncode, FAILED, how)
            self.assertEqual(self.run_lmm("--children", STARTER, how, STATIC).returncode, 0, how)
        seen = self.notes("--children", STARTER, "clear", STARTER)
        self.assertEqual([re.sub(r"\d+", "N", line) for line in seen], ["starter (pid N): it did not load LMM"])

    def test_children_that_were_seen(self):
        for how in ("fork", "vfork", "spawn"):
            self.assertEqual(self.notes("--children", STARTER, how, STARTER), [], how)
            for word, status in (("", 0), ("leak", GATE)):
                result = self.run_lmm("--children", "--error-exitcode", GATE, STARTER, how, STARTER, word)
                self.assertEqual(result.returncode, status, (how, word, result.stderr))
        self.assertEqual(self.notes("--children", "sh", "-c", "true; (exit 3); echo $(true) | cat; exit 0"), [])

    def test_a_malloc_of_its_own(self):
        line = f"it allocates by itself, with the malloc of {os.path.realpath(OWN)}; LMM saw 0 blocks, and cannot tell leaks"
        self.assertEqual(self.notes(OWN, label="note"), [line])
        self.assertRegex(self.run_lmm("--leaks", OWN).stderr, r": not done: it allocates by itself\n")
        self.assertEqual(self.run_lmm("--children", "--error-exitcode", GATE, STARTER, "fork", OWN).returncode, FAILED)


    def test_a_liblmm_of_its_own(self):
        text = self.run_lmm(TYPED).stderr
        line = r"  note +liblmm is linked into it, so the blocks of its types are not in this report"
        path = re.search(rf"(?m)^{line}:\n +lmm report (\S+)$", text).group(1)
        self.assertIn("9.8 KiB (10,000)", self.succeed("report", path))
        self.assertRegex(self.run_lmm(TYPED, "clean").stderr, rf"(?m)^{line}$")
        for options in ((), ("--children",)):
            result = self.run_lmm(*options, "--leaks", "--error-exitcode", GATE, TYPED)
            self.assertEqual(result.returncode, FAILED)
            self.assertIn(": not done: liblmm is linked into it\n", result.stderr)


class Endings(Unseen):
    def ends(self, *arguments, options=()):
        """How each child ended, by its part of the report."""
        text = self.run_lmm("--children", *options, *arguments).stderr
        return re.findall(r"(?m)^LMM: \S+ \(pid \d+, a child of \d+\) (.*?)(?: after .*)?$", text)

    def test_each_part_says_how_its_process_ended(self):
        for arguments, end in ((("quick", "3"), "ended with status 3"), (("quick", "300"), "ended with status 44"),
                               (("kill",), "was killed by a signal"), (("fork", STARTER), "ended with status 0")):
            self.assertEqual(self.ends(STARTER, *arguments), [end], arguments)
        self.assertEqual(self.ends(STARTER, "fork", STARTER, "exec", STATIC), [f"became {os.path.basename(STATIC)}"])

    def test_a_child_that_was_killed_could_not_be_checked(self):
        self.assertEqual(self.run_lmm("--children", "--error-exitcode", GATE, STARTER, "kill").returncode, FAILED)

    def test_in_json(self):
        for arguments, end in ((("quick", "3"), (3, None, None)), (("kill",), (None, None, None))):
            document = json.loads(self.run_lmm("--children", "-F", "json", STARTER, *arguments).stderr)
            parent, child = document["processes"]
            self.assertEqual((child["exit_status"], child["signal"], child["became"]), end, arguments)
            self.assertEqual((parent["exit_status"], parent["started"]), (0, 1))


class Survivors(Unseen):
    def run_daemon(self, *options):
        """Starts a daemon under lmm run; returns it, with a pipe to the daemon that ends it when it is closed."""
        return self.popen(harness.LMM, "run", "-o", self.path("report"), *options, STARTER, "daemon")

    def popen(self, *command):
        process = subprocess.Popen(command, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end, process)
        return process

    def let_go(self, process):
        """Ends the daemon that the report names, and waits for its end."""
        pid = int(re.search(r"(?m)^  still running  1 process: starter \(pid (\d+)\); --wait waits for it$",
                            self.text_of("report")).group(1))
        process.stdin.close()
        until(lambda: harness.state_of(pid) in (None, "Z"))

    def test_processes_that_outlive_the_program_are_told(self):
        for options, status in (((), 0), (("--children",), 0), (("--children", "--error-exitcode", str(GATE)), FAILED)):
            process = self.run_daemon(*options)
            self.finish(process, status)
            self.let_go(process)

    def test_wait_waits_for_them(self):
        process = self.run_daemon("--wait")
        until(lambda: [name for name in os.listdir(self.ledgers) if name.startswith("lmm-run-")])
        pid = until(lambda: self.orphan_of(process.pid))
        self.assertIsNone(process.poll())
        self.assertFalse(os.path.exists(self.path("report")))
        process.stdin.close()
        self.finish(process, 0)
        text = self.text_of("report")
        self.assertRegex(text, rf"(?m)^LMM: starter \(pid {pid}, a child of \d+\) ended with status 5 after ")
        self.assertRegex(text, r"(?m)^  at exit +2.9 KiB \(3,000\) in 2 blocks")
        self.assertNotIn("still running", text)
        self.assert_nothing_left()

    def test_a_survivor_that_is_killed(self):
        process = self.run_daemon("--wait", "--error-exitcode", str(GATE))
        os.kill(until(lambda: self.orphan_of(process.pid)), 9)
        self.finish(process, 0)    # it had allocated nothing

    def test_a_signal_ends_the_wait(self):
        process = self.run_daemon("--wait")
        until(lambda: self.orphan_of(process.pid))
        process.terminate()
        self.finish(process, 0)
        self.let_go(process)

    def test_a_signal_that_comes_with_the_programs_end_ends_the_wait(self):
        process = self.popen(harness.LMM, "run", "-o", self.path("report"), "--wait", "sh", "-c",
                             'read -r line && exec "$0" daemon', STARTER)
        until(lambda: self.children_of(process.pid))
        process.send_signal(signal.SIGSTOP)
        process.stdin.write(b"\n")
        process.stdin.flush()
        until(lambda: self.orphan_of(process.pid))
        process.terminate()    # it is pending beside SIGCHLD, which has a higher number
        process.send_signal(signal.SIGCONT)
        self.finish(process, 0)
        self.let_go(process)

    def children_of(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    def orphan_of(self, pid):
        """The child of lmm that is in a session of its own."""
        try:
            return next((child for child in self.children_of(pid) if os.getsid(child) == child), None)
        except ProcessLookupError:  # one has ended since
            return None


harness.main()
