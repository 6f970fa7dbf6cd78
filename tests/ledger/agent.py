#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""agent.py LMM TYPED MALLOC PRELOAD [unittest options]: `lmm leaks` and `lmm mark` on running processes."""
import ctypes
import glob
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import harness
from workers import Case

TYPED, MALLOC, PRELOAD = harness.arguments(3)
BYTES = 104


def signal_in(ledger):
    """The signal by which the process is asked. The file is sparse, and too long to be read as a whole."""
    with open(ledger, "rb") as file:
        file.seek(3308)
        return file.read(1)[0]


class Loser:
    """A program that loses blocks when told to."""

    def __init__(self, case, program, options="", **settings):
        self.folder = case.new_folder()
        variables = {"LMM_OPTIONS": f"ledger={self.folder}:stacks=8{options}", **settings}
        if program == MALLOC:
            variables["LD_PRELOAD"] = PRELOAD
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=harness.environment(**variables))
        self.pid = self.process.pid
        case.addCleanup(self.stop)
        self.do("keep 3")

    def do(self, command):
        """Sends a command, and returns the lines before its "done"."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline().strip()) != "done":
            if not line:
                raise AssertionError(f"the program ended: {self.process.wait()}")
            lines.append(line)
        return lines

    def stop(self):
        self.process.kill()
        self.process.communicate()

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def lmm(self, *words, status=0):
        result = subprocess.run([harness.LMM, *words], capture_output=True, text=True, check=False,
                                env=harness.environment(LMM_DIR=self.folder))
        if result.returncode != status:
            raise AssertionError(f"{words}: {result.returncode}: {result.stdout}{result.stderr}")
        return result.stdout if status == 0 else result.stderr

    def check(self, *words):
        report = json.loads(self.lmm("leaks", str(self.pid), "--format", "json", *words))
        return report["processes"][0]["check"]

    def leaks(self, *words):
        """The class sums of a check: (blocks, bytes) by class."""
        check = self.check(*words)
        return {name: (check[long]["blocks"], check[long]["bytes"])
                for name, long in (("definite", "definitely_lost"), ("indirect", "indirectly_lost"),
                                   ("possible", "possibly_lost"), ("reachable", "still_reachable"))}


    def ask(self, question):
        """Sends bytes as a question, and returns the answer."""
        name = glob.glob(self.folder + "/*.lmm")[0]
        number = signal_in(name)
        with socket.socket(socket.AF_UNIX) as connection:
            tries = itertools.count()

            def connect():
                if next(tries) % 50 == 0:    # again: a thread that was about to end may not have seen it
                    ctypes.CDLL(None).sigqueue(self.pid, number, ctypes.c_void_p(0x4c4d4d))
                return connection.connect_ex(name + ".sock") == 0
            harness.until(connect, "it does not listen")
            try:
                connection.sendall(question)
            except ConnectionError:
                pass    # it has answered before all was read
            answer = b""
            while not answer.endswith(b"\n") and (part := connection.recv(8192)):
                answer += part
        return answer.decode()


class Leaks(Case):
    def new_folder(self):
        folder = os.path.join(self.folder, str(len(os.listdir(self.folder))))
        os.mkdir(folder, 0o700)
        return folder

    def test_what_is_lost_is_found_and_nothing_else(self):
        for program in (TYPED, MALLOC):
            loser = Loser(self, program)
            self.assertEqual(loser.leaks()["definite"], (0, 0))
            loser.do("lose 50")
            loser.do("keep 7")
            for _ in range(3):
                self.assertEqual(loser.leaks()["definite"], (50, 50 * BYTES))

    def test_the_check_of_a_running_process_counts(self):
        loser = Loser(self, MALLOC)
        loser.do("lose 2")
        report = json.loads(loser.lmm("leaks", str(loser.pid), "--format", "json"))
        self.assertEqual({"command", "ending"} & set(report), set())
        self.assertEqual((report["unseen"], report["processes"][0]["not_checked"]), (None, None))
        self.assertIn('failures="1" errors="0"', loser.lmm("leaks", str(loser.pid), "--format", "junit"))
        sarif = json.loads(loser.lmm("leaks", str(loser.pid), "--format", "sarif"))
        self.assertIs(sarif["runs"][0]["invocations"][0]["executionSuccessful"], True)
        text = loser.lmm("leaks", str(loser.pid), "--full")
        self.assertRegex(text, r"(?m)^  command +.*loser")
        self.assertNotIn("processor", text)

    def test_since_a_mark(self):
        for program in (TYPED, MALLOC):
            loser = Loser(self, program)
            loser.do("lose 20")
            self.assertEqual(loser.lmm("mark", str(loser.pid), "first").strip(), "1")
            loser.do("lose 30")
            self.assertEqual(loser.lmm("mark", str(loser.pid)).strip(), "2")
            loser.do("lose 4")
            self.assertEqual(loser.leaks("--since", "1")["definite"], (34, 34 * BYTES))
            self.assertEqual(loser.leaks("--since", "2")["definite"], (4, 4 * BYTES))
            self.assertEqual(loser.leaks()["definite"], (54, 54 * BYTES))
            self.assertIn("mark is not kept", loser.lmm("leaks", str(loser.pid), "--since", "9", status=1))

    def test_of_an_age(self):
        loser = Loser(self, TYPED)
        loser.do("lose 20")
        with subprocess.Popen([harness.LMM, "leaks", str(loser.pid), "--min-age", "3s", "--format", "json"],
                              stdout=subprocess.PIPE, text=True,
                              env=harness.environment(LMM_DIR=loser.folder)) as waiting:
            harness.until(lambda: loser.threads() > 1, "it was not asked")
            time.sleep(1)
            loser.do("lose 5")
            report = json.loads(waiting.communicate()[0])
        self.assertEqual(report["processes"][0]["check"]["definitely_lost"]["blocks"], 20)

    def between_passes(self, loser, command):
        """A check with two passes, between which the program gets the command."""
        with subprocess.Popen([harness.LMM, "leaks", str(loser.pid), "--confirm=2000", "--format", "json"],
                              stdout=subprocess.PIPE, text=True,
                              env=harness.environment(LMM_DIR=loser.folder)) as waiting:
            self.assertEqual(loser.process.stdout.readline(), "stopped\n")
            loser.do(command)
            check = json.loads(waiting.communicate()[0])["processes"][0]["check"]
        self.assertTrue(check["confirmed"])
        self.assertEqual(loser.process.stdout.readline(), "stopped\n")
        return check["definitely_lost"]["blocks"], check["possibly_lost"]["blocks"]

    def test_confirmed_by_a_second_pass(self):
        for program in (TYPED, MALLOC):
            loser = Loser(self, program)
            loser.do("lose 20")
            loser.do("hidden")
            self.assertEqual(loser.leaks()["definite"], (21, 21 * BYTES))
            self.assertEqual(loser.leaks("--confirm=1")["definite"], (21, 21 * BYTES))
            loser.do("watch")
            self.assertEqual(self.between_passes(loser, "show"), (20, 0))
            self.assertEqual(self.between_passes(loser, "unshow"), (20, 1))
        self.assertEqual(self.between_passes(loser, "scratch"), (20, 1))
        self.assertEqual(self.between_passes(loser, "lose 3"), (21, 3))
        self.assertEqual(self.between_passes(loser, "keep 1"), (24, 0))

    def test_the_report_says_that_it_is_confirmed(self):
        loser = Loser(self, TYPED)
        loser.do("lose 5")
        note = "a second pass, which has confirmed"
        self.assertIn(note, loser.lmm("leaks", str(loser.pid), "--confirm"))
        self.assertNotIn(note, loser.lmm("leaks", str(loser.pid)))
        for value in ("0", "600001", "x"):
            self.assertIn("--confirm", loser.lmm("leaks", str(loser.pid), f"--confirm={value}", status=2))

    def test_options_of_the_report(self):
        loser = Loser(self, TYPED)
        loser.do("lose 50")
        known = os.path.join(loser.folder, "known")
        with open(known, "w", encoding="utf-8") as file:
            file.write("race:lose\n")
        self.assertIn("not a suppression", loser.lmm("leaks", str(loser.pid), "--suppressions", known, status=2))
        with open(known, "w", encoding="utf-8") as file:
            file.write("leak:lose\n")
        self.assertEqual(loser.leaks("--suppressions", known)["definite"], (0, 0))
        self.assertEqual(loser.leaks("--no-builtin-suppressions")["definite"], (50, 50 * BYTES))
        text = loser.lmm("leaks", str(loser.pid), "--show-leak-kinds", "all", "-t", "1", "--full", "--absolute")
        self.assertRegex(text, r"(?m)^ +1 .*/loser.c:\d+")
        self.assertNotRegex(text, r"(?m)^ +2 .*loser.c:\d+")

    def test_why(self):
        for program in (TYPED, MALLOC):
            loser = Loser(self, program)
            of_type = " of struct lost" if program == TYPED else ""
            name = os.path.basename(program)
            loser.do("keep 17")     # and 3 from the start
            text = loser.lmm("leaks", str(loser.pid), "--why", "keep")
            self.assertRegex(text, rf"^2\.0 KiB in 20 blocks{of_type} \(keep\) are held by\n +20 blocks, 2\.0 KiB\n"
                                   rf"       {name}!kept \+8\*i\n       -> 104 bytes{of_type}  loser\.c:\d+ \(keep\)  #\d+\n$")
            loser.do("spread 9")
            self.assertIn(f"\n       {name}!wide+0x{15000 * 8:x} +8*i\n", loser.lmm("leaks", str(loser.pid), "--why", "spread"))
            loser.do("braid 100")
            text = loser.lmm("leaks", str(loser.pid), "--why", "add_link")
            self.assertRegex(text, rf"^10\.2 KiB in 100 blocks{of_type} \(add_link\) are held by\n +100 blocks, 10\.2 KiB\n"
                                   rf"       {name}!first\n"
                                   rf"       -> 104 bytes{of_type}  loser\.c:\d+ \(add_link\)  #\d+, and on by \+0\n$")
            report = json.loads(loser.lmm("leaks", str(loser.pid), "--show-leak-kinds=all", "-F", "json"))
            blocks = {row["function"]: row["stacks"][0]["examples"][0] for row in report["processes"][0]["lost"]}
            self.assertIn("!kept\n", loser.lmm("leaks", str(loser.pid), "--why", blocks["keep"]))
            text = loser.lmm("leaks", str(loser.pid), "--why", blocks["add_link"])
            self.assertRegex(text, r"\+0 -> 104 bytes.* at 0x\w+  loser.c:\d+ \(add_link\)  #\d+  x \d+\n|!first\n")
            self.assertIn("is in no live block", loser.lmm("leaks", str(loser.pid), "--why", "0x1000"))
            self.assertIn("no site 'nowhere'", loser.lmm("leaks", str(loser.pid), "--why", "nowhere", status=1))

    def test_why_names_a_thread(self):
        for program in (TYPED, MALLOC):
            loser = Loser(self, program)
            loser.do("hold")
            text = loser.lmm("leaks", str(loser.pid), "--why", "hold")
            self.assertRegex(text, r'\n       thread \d+ "holder", (a register|stack or variables at 0x\w+)\n       -> 104 bytes')

    def test_an_answer_holds_no_block(self):
        for program in (TYPED, MALLOC):
            loser = Loser(self, program)
            loser.do("hidden")
            loser.do("show")
            self.assertIn("!shown\n", loser.lmm("leaks", str(loser.pid), "--why", "hide"))
            loser.do("unshow")
            self.assertEqual(loser.leaks()["definite"], (1, BYTES))

    def test_the_report_says_that_the_process_was_not_copied(self):
        note = "the threads stood still for the whole check"
        loser = Loser(self, TYPED)
        loser.do("lose 5")
        text = loser.lmm("leaks", str(loser.pid))
        self.assertIn("): 1 line loses memory so far\n", text)
        self.assertNotIn(note, text)
        self.assertIs(loser.check()["stopped"], False)
        loser = Loser(self, TYPED)
        loser.do("uncopied")    # before its thread of LMM, which then has the filter, too
        self.assertIn(note, loser.lmm("leaks", str(loser.pid)))
        self.assertIs(loser.check()["stopped"], True)

    def test_retained(self):
        for program in (TYPED, MALLOC):
            loser = Loser(self, program)
            loser.do("braid 100")   # of one line, whatever calls it
            text = loser.lmm("leaks", str(loser.pid), "--retained")
            # Each link retains what follows it; all of them are held by the first.
            row = re.search(r"(?m)^ +1 +([0-9.]+ \w+) +([0-9.]+ \w+) +(\d+)  loser.c:\d+ \(add_link\)", text)
            self.assertIsNotNone(row, text)
            self.assertEqual(row.groups(), ("10.2 KiB", "10.2 KiB", "100"))
            self.assertEqual(loser.lmm("report", str(loser.pid), "--retained"), text)
            self.assertRegex(loser.lmm("report", str(loser.pid), "--retained", "-t", "1"), r"(?m)^\.\.\. \d+ more: --top N$")
            copy = os.path.join(loser.folder, "copy.lmm")
            loser.lmm("snapshot", "-o", copy, str(loser.pid))
            self.assertRegex(loser.lmm("report", copy, "--retained", status=1),
                             r"^lmm: process \d+ is snapshot: --retained needs a live process, or one that lmm run --retained started\n$")
            self.assertIn("--retained is for text", loser.lmm("report", copy, "--retained", "--json", status=2))

    def test_retained_of_a_process_that_has_ended(self):
        row = r"(?m)^ +1 +10\.2 KiB +10\.2 KiB +100  loser.c:\d+ \(add_link\)"
        for options in ((), ("--retained",)):
            folder = self.new_folder()
            variables = harness.environment(LMM_DIR=folder, LMM_PRELOAD_LIBRARY=PRELOAD)
            subprocess.run([harness.LMM, "run", *options, "-o", os.path.join(folder, "report"), MALLOC], env=variables,
                           input="chain 100\n", text=True, stdout=subprocess.DEVNULL, check=True)
            shown = subprocess.run([harness.LMM, "report", "--last", "--retained"], env=variables,
                                   capture_output=True, text=True, check=False)
            self.assertEqual(shown.returncode, 0 if options else 1, shown.stderr)
            self.assertRegex(shown.stdout + shown.stderr, row if options else "is exited: --retained needs a live process")
        folder = self.new_folder()
        subprocess.run([TYPED], env=harness.environment(LMM_OPTIONS=f"ledger={folder}:check=1:retained=1"),
                       input="chain 100\n", text=True, stdout=subprocess.DEVNULL, check=True)
        ledger, = os.listdir(folder)
        shown = subprocess.run([harness.LMM, "report", "--retained", os.path.join(folder, ledger)], env=harness.environment(),
                               capture_output=True, text=True, check=True)
        self.assertRegex(shown.stdout, row)
        copy = os.path.join(folder, "copy")
        subprocess.run([harness.LMM, "snapshot", "-o", copy, os.path.join(folder, ledger)], check=True)
        again = subprocess.run([harness.LMM, "report", "--retained", copy], capture_output=True, text=True, check=True)
        self.assertEqual(again.stdout, shown.stdout)

    def test_nothing_is_left_when_nobody_asks(self):
        losers = [Loser(self, program) for program in (TYPED, MALLOC)]
        descriptors = [os.listdir(f"/proc/{loser.pid}/fd") for loser in losers]
        for loser in losers:
            self.assertEqual(loser.threads(), 1)
            loser.leaks()
            self.assertEqual(loser.threads(), 2)
        for loser, before in zip(losers, descriptors):
            harness.until(lambda loser=loser: loser.threads() == 1, "the thread stays")
            self.assertEqual(os.listdir(f"/proc/{loser.pid}/fd"), before)
            self.assertEqual(glob.glob(loser.folder + "/*.sock"), [])

    def test_a_child_has_a_thread_of_its_own(self):
        for program in (TYPED, MALLOC):
            loser = Loser(self, program)
            loser.leaks()
            child, = loser.do("fork")
            loser.pid = int(child)
            loser.do("keep 1")
            loser.do("lose 11")
            self.assertEqual(loser.leaks()["definite"], (11, 11 * BYTES))

    def test_a_thread_that_cannot_be_stopped_makes_lost_possible(self):
        loser = Loser(self, MALLOC)
        loser.do("lose 9")
        loser.do("deaf")
        classes = loser.leaks()
        self.assertEqual(classes["definite"], (0, 0))
        self.assertGreaterEqual(classes["possible"][0], 9)
        self.assertIn("could not see the registers of 1 of", loser.lmm("leaks", str(loser.pid)))

    def test_the_signal(self):
        loser = Loser(self, TYPED, options=":signal=0")
        self.assertIn("cannot be asked", loser.lmm("leaks", str(loser.pid), status=1))
        loser = Loser(self, TYPED, options=":signal=45")
        self.assertEqual(loser.leaks()["definite"], (0, 0))
        os.kill(loser.pid, 45)
        self.assertEqual(loser.process.wait(), -45, "without the value it ends the process, as without LMM")

    def test_a_signal_that_the_program_took(self):
        loser = Loser(self, TYPED, options=":signal=45")
        loser.do("take 45")
        self.assertEqual(signal_in(glob.glob(loser.folder + "/*.lmm")[0]), 45)
        os.kill(loser.pid, 45)
        self.assertEqual(loser.process.stdout.readline(), "taken\n")

    def test_questions_that_nobody_should_send(self):
        loser = Loser(self, TYPED)
        for question, answer in (
                (b"\n", "error 38 this version of LMM does not know the question"),
                (b"census\n", "error 22 the question is not understood"),
                (b"census 8 1 1 0 65 0 1\n", "error 22 the question is not understood"),
                (b"census 65537 1 0\n", "error 22 the question is not understood"),
                (b"census 104 1 65" + 65 * b" 0 8 0" + b"\n", "error 22 the question is not understood"),
                (b"census 104 1 1 0 8 0" + 2000 * b" 1048575" + b"\n", "ok 0 0 0\n 0 0 0 0 0"),
                (b"census 104 1 0" + 65520 * b" " + b"\n", "error 22 the question is not understood"),
                (b"census " + 65528 * b"9", "error 22 a question is one line"),
                (b"cells -1\n", "error 22 the question is not understood"),
                (b"cells 65536\n", "error 22 the question is not understood"),
                (b"cells 65535\n", "ok 0 0 0"),
                (b"mark " + 256 * b"x" + b"\n", "error 22 no mark was made")):
            self.assertEqual(loser.ask(question), answer + "\n", question[:60])
        self.assertEqual(loser.ask(b"mark " + 255 * b"x" + b"\n"), "ok 1\n")
        self.assertEqual(loser.leaks()["definite"], (0, 0))

    def test_a_census_of_blocks(self):
        loser = Loser(self, TYPED)
        loser.do("lose 50")
        blocks, elements, skipped = loser.ask(b"census 104 1 0 " + b" ".join(b"%d" % site for site in range(99)) + b"\n"
                                              ).split()[1:]
        self.assertEqual((blocks, elements, skipped), ("53", "53", "0"))

    def cells(self, loser, families=b""):
        head, *lines = loser.ask(b"cells" + families + b"\n").splitlines()
        cells = [tuple(map(int, line.split())) for line in lines]
        self.assertEqual(head, f"ok 1 {len(cells)} 0")
        return cells

    def test_how_full_pages_are(self):
        loser = Loser(self, TYPED)
        loser.do("lose 50")
        cell, = (cell for cell in self.cells(loser) if cell[3] == 53)
        loser.do("lose 20")
        self.assertEqual(self.cells(loser, b" %d" % cell[0]), [(*cell[:3], 73)])
        self.assertEqual(cell[2], (256 << 10) // BYTES)

    def sockets(self, loser):
        return glob.glob(loser.folder + "/*.sock")

    def test_no_socket_stays(self):
        for program in (TYPED, MALLOC):
            loser = Loser(self, program)
            for _ in range(2):
                self.assertEqual(loser.leaks()["definite"], (0, 0))
                self.assertEqual(self.sockets(loser), [])
            loser.stop()
            self.assertEqual(self.sockets(loser), [])

    def test_many_who_ask_at_once(self):
        loser = Loser(self, TYPED)
        asking = [subprocess.Popen([harness.LMM, "mark", str(loser.pid)], stdout=subprocess.PIPE, text=True,
                                   env=harness.environment(LMM_DIR=loser.folder)) for _ in range(8)]
        self.assertEqual(sorted(int(each.communicate()[0]) for each in asking), list(range(1, 9)))
        # Whoever signals again while another one is answered may leave a socket, for 5 s at most.
        harness.until(lambda: not self.sockets(loser), "a socket stays")

    def test_a_process_that_is_killed_when_it_is_asked(self):
        loser = Loser(self, TYPED)
        os.kill(loser.pid, signal.SIGSTOP)
        harness.until(lambda: harness.state_of(loser.pid) == "T", "it was not stopped")    # SIGSTOP is pending before
        name = glob.glob(loser.folder + "/*.lmm")[0] + ".sock"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(name)
        with subprocess.Popen([harness.LMM, "leaks", str(loser.pid)], stderr=subprocess.PIPE, text=True,
                              env=harness.environment(LMM_DIR=loser.folder)) as asking:
            harness.until(lambda: harness.pending_signals(loser.pid), "it was not asked")
            loser.stop()
            self.assertIn("No such process", asking.communicate()[1])
        self.assertEqual(self.sockets(loser), [])

    def test_processes_that_cannot_be_asked(self):
        loser = Loser(self, TYPED)
        os.kill(loser.pid, signal.SIGSTOP)
        self.assertIn("does not answer", loser.lmm("mark", str(loser.pid), status=1))
        os.kill(loser.pid, signal.SIGCONT)
        self.assertIn("no control characters", loser.lmm("mark", str(loser.pid), "a\nb", status=2))
        self.assertIn("at most 127 bytes", loser.lmm("mark", str(loser.pid), "x" * 128, status=2))
        loser.stop()
        self.assertIn("only a live process", loser.lmm("mark", str(loser.pid), status=1))


harness.main(together=True)
