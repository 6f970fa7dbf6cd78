# SPDX-License-Identifier: MIT
"""How a program runs under `lmm run`: status, standard files, signals, terminal, environment."""
import os
import select
import signal
import subprocess
import sys

import harness
import running
from harness import state_of, until
from running import Case

PYTHON = sys.executable


class Statuses(Case):
    def test_the_status_is_the_programs(self):
        for arguments, status in (
                (["true"], 0),
                (["false"], 1),
                (["--", "sh", "-c", "exit 42"], 42),
                (["sh", "-c", "exit 125"], 125),
                (["sh", "-c", "exit 255"], 255),
                (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
                (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
                (["sh", "-c", "ulimit -c 0; kill -SEGV $$"], 128 + signal.SIGSEGV)):
            result = self.run_lmm(*arguments)
            self.assertEqual(result.returncode, status, (arguments, result.stderr))
            self.assertIn("LMM: hr (pid ", result.stderr)
        self.assert_nothing_left()

    def test_the_report_says_how_it_ended(self):
        for script, words in (("exit 3", "ended with status 3"), ("kill -KILL $$", "was killed by SIGKILL"),
                              ("kill -40 $$", "was killed by signal 40")):
            self.assertRegex(self.run_lmm("sh", "-c", script).stderr,
                             rf"^LMM: hr \(pid \d+\) {words} after [0-9.]+ s\n")

    def test_programs_that_cannot_run(self):
        script = self.file("script", "#!/nowhere/at/all\n", 0o755)
        plain = self.file("plain", "exit 0\n")
        for program, status, words in (
                ("no-such-program", running.NOT_FOUND, "No such file"),
                ("/nowhere/program", running.NOT_FOUND, "No such file"),
                (script, running.NOT_FOUND, "No such file"),
                (plain, running.CANNOT_EXECUTE, "Permission denied"),
                (self.folder, running.CANNOT_EXECUTE, "Permission denied")):
            result = self.run_lmm(program)
            self.assertEqual(result.returncode, status, program)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
            self.assertIn(f"lmm: {program}: {words}", result.stderr)
        self.assert_nothing_left()

    def test_scripts_run(self):
        script = self.file("script", "#!/bin/sh\necho $1 $2; exit 7\n", 0o755)
        result = self.run_lmm(script, "one", "--two")
        self.assertEqual((result.returncode, result.stdout), (7, "one --two\n"))
        bare = self.file("bare", "echo bare; exit 8\n", 0o755)
        self.assertEqual(self.run_lmm(bare).returncode, 8)

    def test_options_end_at_the_program(self):
        result = self.run_lmm("echo", "--stacks", "x", "--", "-o")
        self.assertEqual(result.stdout, "--stacks x -- -o\n")

    def test_a_daemons_parent_is_reported_at_once(self):
        os.mkfifo(self.path("fifo"))
        daemon = f"sh -c 'cat <{self.path('fifo')}' >/dev/null 2>&1"
        result = self.run_lmm("sh", "-c", f"{daemon} & echo $!; exit 5")
        self.assertEqual(result.returncode, 5)
        self.assertIn("SUMMARY:", result.stderr)
        self.assertIn(state_of(int(result.stdout)), ("R", "S"), "the daemon still runs")
        self.file("fifo", "line\n")


class StandardFiles(Case):
    def test_binary_data_goes_through(self):
        data = bytes(range(256)) * 5000
        result = subprocess.run([harness.LMM, "run", "-o", self.path("report"), "cat"], input=data,
                                env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=harness.PATIENCE_SECONDS, check=True)
        self.assertEqual(result.stdout, data)
        self.assertEqual(result.stderr, b"")
        self.assertIn("LMM: hr (pid ", self.text_of("report"))

    def test_stderr_of_the_program_comes_before_the_report(self):
        result = self.run_lmm("sh", "-c", "echo words >&2; echo more")
        self.assertEqual(result.stdout, "more\n")
        self.assertTrue(result.stderr.startswith("words\nLMM: hr (pid "), result.stderr)

    def test_no_descriptor_of_lmm_is_left_open(self):
        result = self.run_lmm("sh", "-c", "ls /proc/self/fd")
        self.assertEqual(result.stdout.split(), ["0", "1", "2", "3"])

    def test_a_closed_reader_ends_the_program_as_without_lmm(self):
        script = "trap - PIPE; while :; do echo word; done"
        process = self.start_lmm("sh", "-c", "echo ready; " + script)
        process.stdout.close()
        self.finish(process, 128 + signal.SIGPIPE)


class Environment(Case):
    def said(self, *arguments):
        """Runs a program and returns its LD_PRELOAD and LMM_OPTIONS."""
        self.environment["STAND_IN_SAYS"] = self.path("said")
        result = self.run_lmm(*arguments, "true")
        self.assertEqual(result.returncode, 0, result.stderr)
        preload, options = self.text_of("said").splitlines()
        os.unlink(self.path("said"))
        return preload, options

    def test_what_the_drop_in_is_told(self):
        preload, options = self.said()
        self.assertEqual(preload, running.STAND_IN)
        self.assertRegex(options, rf"^check=1:ledger={self.ledgers}/lmm-run-......:keep=1:stacks=24:children=0:starts={self.ledgers}/lmm-run-....../starts$")
        for arguments, words in (
                (["--depth", "0"], ":stacks=0:"),
                (["--depth", "64"], ":stacks=64:"),
                (["--children"], ":children=1"),
                (["--fill"], ":fill=both"),
                (["--fit", "best"], "fit=best:"),
                (["--options", "reservoir=3:leaks=1"], "reservoir=3:leaks=1:ledger=")):
            self.assertIn(words, self.said(*arguments)[1], arguments)

    def test_the_old_name_of_depth(self):
        self.environment["STAND_IN_SAYS"] = self.path("said")
        result = self.run_lmm("--stacks", "7", "-o", "/dev/null", "true")
        self.assertEqual(result.returncode, 0)
        self.assertIn("lmm: --stacks N is now --depth N\n", result.stderr)
        self.assertIn(":stacks=7:", self.text_of("said"))

    def test_the_users_own_stays_and_lmms_counts(self):
        self.environment["LD_PRELOAD"] = "libm.so.6"
        self.environment["ASAN_OPTIONS"] = "verify_asan_link_order=0"    # of lmm in a dev build
        self.environment["LMM_OPTIONS"] = "leaks=1:stacks=3"
        preload, options = self.said()
        self.assertEqual(preload, running.STAND_IN + ":libm.so.6")
        self.assertTrue(options.startswith("check=1:leaks=1:stacks=3:ledger="), options)
        self.assertIn(":stacks=24:", options)

    def test_the_users_settings_that_do_not_count_are_named(self):
        self.environment["LMM_OPTIONS"] = "leaks=1:stacks=3::ledger=off:keeper=1"
        result = self.run_lmm("-o", self.path("report"), "true")
        self.assertEqual(result.stderr.splitlines(),
                         [f"lmm: ignoring {key} in LMM_OPTIONS: lmm run sets it"
                          for key in ("stacks", "ledger")])

    def test_a_directory_may_have_a_percent_sign(self):
        self.environment["LMM_DIR"] = self.path("100%p")
        os.mkdir(self.path("100%p"), 0o700)
        self.assertIn("100%%p/lmm-run-", self.said()[1])

    def test_the_directory_is_private_and_goes(self):
        result = self.run_lmm("sh", "-c", 'stat -c "%a %n" "$LMM_DIR"/*')
        self.assertRegex(result.stdout, rf"^700 {self.ledgers}/lmm-run-......\n$")
        self.assert_nothing_left()

    def test_masks_and_dispositions_are_the_callers(self):
        def prepare():
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        outputs = []
        for prefix in ([], [harness.LMM, "run"]):
            result = subprocess.run([*prefix, "grep", "^Sig[BI]", "/proc/self/status"],
                                    env=self.environment, stdout=subprocess.PIPE, check=False,
                                    stderr=subprocess.DEVNULL, preexec_fn=prepare,
                                    timeout=harness.PATIENCE_SECONDS)
            outputs.append(result.stdout)
            self.assertEqual(result.returncode, 0)
        self.assertEqual(*outputs)


class Signals(Case):
    # Handlers write with os.write(): print() fails when a signal comes while it writes.
    CATCHER = """
import os, signal, sys, time
def caught(number, frame):
    os.write(1, b"%d\\n" % number)
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, caught)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
os.write(1, b"ready\\n")
while True:
    time.sleep(0.01)
"""

    def test_signals_to_lmm_are_passed_on_once(self):
        process = self.start_lmm(PYTHON, "-S", "-c", self.CATCHER)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
                       signal.SIGALRM, signal.SIGWINCH, signal.SIGPIPE, signal.SIGRTMIN + 3):
            process.send_signal(number)
            self.assertEqual(process.stdout.readline(), b"%d\n" % number)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=harness.PATIENCE_SECONDS)
        self.assertEqual((process.returncode, process.stdout.read()), (9, b""))
        self.assertIn(b"SUMMARY:", process.stderr.read())

    def test_a_signal_that_ends_the_program_does_not_end_lmm(self):
        process = self.start_lmm("sh", "-c", "echo ready; exec sleep 1000")
        process.send_signal(signal.SIGTERM)
        self.finish(process, 128 + signal.SIGTERM)
        self.assertIn(b"was killed by SIGTERM", process.stderr.read())

    def test_signals_of_the_program_are_not_returned_to_it(self):
        script = """
import os, signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"caught\\n"))
signal.signal(signal.SIGUSR2, lambda *_: sys.exit())
os.kill(os.getppid(), signal.SIGUSR1)
print("ready", flush=True)
while True:
    time.sleep(0.05)    # a signal just before signal.pause() would not end that
"""
        process = self.start_lmm(PYTHON, "-S", "-c", script)
        process.send_signal(signal.SIGUSR2)    # lmm takes it after SIGUSR1, which has a lower number
        process.wait(timeout=harness.PATIENCE_SECONDS)
        self.assertEqual((process.returncode, process.stdout.read()), (0, b""))

    def test_a_program_that_is_stopped_is_waited_for(self):
        script = """
import os, signal, sys
signal.signal(signal.SIGWINCH, lambda *_: None)
print(os.getpid(), file=sys.stderr, flush=True)
print("ready", flush=True)
sys.stdin.readline()
sys.exit(4)
"""
        process = self.start_lmm(PYTHON, "-S", "-c", script)
        child = int(process.stderr.readline())
        os.kill(child, signal.SIGSTOP)
        until(lambda: state_of(child) == "T")
        # lmm takes SIGCHLD, which tells it of the stop, before SIGWINCH, which has a higher number.
        process.send_signal(signal.SIGWINCH)
        until(lambda: signal.SIGWINCH in harness.pending_signals(child))
        self.assertNotEqual(state_of(process.pid), "T")
        os.kill(child, signal.SIGCONT)
        process.stdin.write(b"\n")
        process.stdin.flush()
        self.finish(process, 4)

    def test_stopping_lmm_stops_the_program_and_both_go_on(self):
        process = self.start_lmm("sh", "-c", "echo $$ >&2; echo ready; read line; exit 4",
                             process_group=0)
        child = int(process.stderr.readline())
        process.send_signal(signal.SIGTSTP)
        until(lambda: state_of(process.pid) == "T" and state_of(child) == "T")
        process.send_signal(signal.SIGCONT)
        until(lambda: state_of(process.pid) != "T" and state_of(child) != "T")
        process.stdin.write(b"\n")
        process.stdin.flush()
        self.finish(process, 4)


class Terminal(Case):
    """A shell with job control in a terminal of its own."""

    def setUp(self):
        super().setUp()
        pid, self.terminal = self.start_on_terminal("bash", "--norc", "--noprofile", "-i", PS1="PROMPT> ")
        self.addCleanup(self.close, pid)
        self.seen = ""
        self.expect("PROMPT> ")

    def close(self, pid):
        os.close(self.terminal)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def expect(self, words):
        """Reads until the words appear, and drops the text up to their end."""
        while words not in self.seen:
            if not select.select([self.terminal], [], [], harness.PATIENCE_SECONDS)[0]:
                self.fail((words, self.seen))
            self.seen += os.read(self.terminal, 65536).decode("utf-8", "replace")
        before, self.seen = self.seen.split(words, 1)
        return before

    def expect_number(self):
        """Reads a line and returns it as a number."""
        return int(self.expect("\n"))

    def test_ctrl_c_ends_the_program_and_is_reported(self):
        self.type(f"{harness.LMM} run sh -c 'echo run''ning; exec sleep 1000'\n")
        self.expect("running")
        self.type("\x03")
        self.expect("was killed by SIGINT")
        self.expect("SUMMARY:")
        self.expect("PROMPT> ")
        self.type("echo status=$?\n")
        self.expect("status=130")

    def test_a_program_may_catch_ctrl_c(self):
        self.type(f"{harness.LMM} run sh -c 'trap \"echo cau\"\"ght; exit 6\" INT; echo run''ning; "
                  "while :; do sleep 0.1; done'\n")
        self.expect("running")
        self.type("\x03")
        self.expect("caught")
        self.expect("ended with status 6")
        self.expect("PROMPT> ")

    def test_ctrl_z_and_fg(self):
        self.type(f"{harness.LMM} run sh -c 'echo run''ning $$; read line; echo \"got $line\"; exit 3'\n")
        self.expect("running")
        child = self.expect_number()
        self.type("\x1a")
        self.expect("Stopped")
        self.expect("PROMPT> ")
        self.type("fg\n")
        until(lambda: os.tcgetpgrp(self.terminal) == os.getpgid(child) and state_of(child) == "S")
        self.type("words\n")
        self.expect("got words")
        self.expect("ended with status 3")
        self.expect("PROMPT> ")

    def test_an_interactive_program_has_the_terminal(self):
        self.type(f"{harness.LMM} run bash --norc --noprofile -i\n")
        self.expect("PROMPT> ")
        self.type("echo $((6 * 7)) in''side\n")
        self.expect("42 inside")
        self.expect("PROMPT> ")
        self.type("sh -c 'echo sleep''ing; exec sleep 1000'\n")
        self.expect("sleeping")
        self.type("\x03")
        self.expect("PROMPT> ")
        self.type("exit 11\n")
        self.expect("ended with status 11")
        self.expect("PROMPT> ")


harness.main()
