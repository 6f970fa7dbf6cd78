#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""top.py LMM FEED WORDINDEX [TEST...]: drives `lmm top` in a terminal (tmux), with every key.

The watched process is feed (feed.c): the test sets every figure of its ledger. The last test watches a program
with liblmm. The tests wait for what the screen must show.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness
from harness import LMM, PATIENCE_SECONDS, until

FEED, WORDINDEX = harness.arguments(2)
RATE = r"[1-9]\d*"


class Fed:
    """A process that keeps a ledger and changes it on command."""

    def __init__(self, case, number, program="/usr/bin/demo"):
        self.case = case
        self.path = case.in_ledgers(f"{number}.1.lmm")
        self.process = case.start(FEED, self.path, program)

    def tell(self, *commands):
        for command in commands:
            self.case.tell(self.process, command)

    def end(self):
        self.case.end(self.process)

    def tell_usual(self):
        """Three families, the first with two sites."""
        self.tell("family emp_t 48", "family node_t 24", "family line_t 8",
                  "site 0 src/hr.c 42 hire", "site 1 src/tree.c 7 grow",
                  "site 0 src/hr.c 99 rehire", "site 2 src/lines.c 5 split",
                  "pages 0 2 16384 10000", "pages 1 9 4096 90", "pages 2 1 61440 500",
                  "alloc 0 100", "free 0 20", "alloc 1 50", "alloc 2 1", "alloc 3 300",
                  "started 3723")


class Terminal:
    """A terminal in which one command runs."""

    def __init__(self, case, command, columns=80, rows=24, **settings):
        self.socket = tempfile.mktemp(prefix="tmux", dir=case.folder)
        self.environment = case.environment
        words = " ".join(f"{key}='{value}'" for key, value in settings.items())
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  f"echo before; {words} {command}; echo status=$?; exec sleep 1000")

    def tmux(self, *words):
        result = harness.run("tmux", "-u", "-S", self.socket, *words, env=self.environment)
        if result.returncode != 0:
            raise AssertionError(f"tmux {words}: {result.stderr}")
        return result.stdout

    def keys(self, *keys):
        for key in keys:
            self.tmux("send-keys", key)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def wait(self, pattern):
        """Waits until the screen matches; ^ and $ are those of a line."""
        regex = re.compile(pattern, re.MULTILINE)
        until(lambda: regex.search(self.screen()), lambda: f"no {pattern!r} on\n{self.screen()}")
        return self.screen()

    def wait_gone(self, pattern):
        regex = re.compile(pattern, re.MULTILINE)
        until(lambda: not regex.search(self.screen()), lambda: f"{pattern!r} on\n{self.screen()}")
        return self.screen()

    def quit(self, *keys):
        """Gives the keys, after which `lmm top` must end with status 0."""
        self.keys(*keys)
        self.wait("^status=0$")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], stderr=subprocess.DEVNULL)


class Top(harness.Case):
    def setUp(self):
        super().setUp()
        self.environment.pop("TMUX", None)

    def feed(self, number=1, **words):
        return Fed(self, number, **words)

    def terminal(self, command, **words):
        terminal = Terminal(self, command, **words)
        self.addCleanup(terminal.close)
        return terminal

    def usual(self, options="-d 0.1", **words):
        fed = self.feed()
        fed.tell_usual()
        terminal = self.terminal(f"{LMM} top {options} {fed.path}", **words)
        terminal.wait(r" emp_t$")
        return fed, terminal

    def order(self, terminal, *names):
        """Waits until the table's rows have these names."""
        rows = "".join(f"[^\n]* {re.escape(name)}\n" for name in names)
        terminal.wait(f"NAME *\n{rows}")

    # ---- What is shown

    def test_figures_are_those_of_the_ledger_and_follow_it(self):
        fed, terminal = self.usual()
        terminal.wait(r"^demo  pid \d+  up 1:0\d:\d\d  live ")
        terminal.wait(r"^ Live 7\.3K in 431 blocks  Committed 80\.0K \(9\.1%\)  Resident \d+\.\dM$")
        terminal.wait(r"^ allocs/s 0  frees/s 0  Reusable 256\.0K  Records 100\.0K$")
        terminal.wait(r"^ In all 451 allocs, 20 frees  3 of 3 families, 4 sites$")
        terminal.wait(r"^ by line  FAMILY  \(Tab changes\) ")
        terminal.wait(r"^>     3\.7K       81  23\.7%      48    16\.0K        0 +█+ emp_t$")
        fed.tell("alloc 1 1000")
        terminal.wait(r"^>    24\.6K     1050 .* node_t$")  # the top of the table stays selected
        fed.tell("family late_t 8", "site 3 src/late.c 1 come", "alloc 4 3")
        terminal.wait(r" 24        3 .* late_t$")

    def test_a_trend_needs_utf8_and_has_an_ascii_form(self):
        fed, terminal = self.usual(LC_ALL="C")
        terminal.wait(r"@{3} emp_t$")
        fed.tell("free 0 80")
        terminal.wait(r"@\.+ emp_t$")

    def test_rates_show_what_happens(self):
        fed, terminal = self.usual("-d 0.5")
        terminal.wait(r" 0 +█+ emp_t$")

        def busy():
            fed.tell("alloc 0 1000", "free 0 1000")
            return re.search(rf"(?s)^ allocs/s {RATE}  frees/s {RATE} .* {RATE} +█+ emp_t$",
                             terminal.screen(), re.MULTILINE)

        until(busy, terminal.screen)
        terminal.wait(r"^ allocs/s 0  frees/s 0 ")

    def test_lines_show_how_they_change(self):
        fed, terminal = self.usual("-d 0.5")
        terminal.keys("Tab")
        terminal.wait(r"^ by LINE  family  ")
        terminal.wait(r"^>     3\.7K +\+?0 +80 +0 src/hr\.c:42 hire$")

        def grows():
            fed.tell("alloc 0 100")
            return re.search(r"(?m)^> +\S+ +\+\S+ +\d+ +\d+ src/hr\.c:42 hire$", terminal.screen())

        until(grows, terminal.screen)

        def shrinks():
            fed.tell("free 0 10")
            return re.search(r"(?m)^> +\S+ +-\d\S* +\d+ +\d+ src/hr\.c:42 hire$", terminal.screen())

        until(shrinks, terminal.screen)

    def test_hostile_names_stay_text(self):
        fed = self.feed(program="/bin/\033]2;taken\007\033[2J")
        fed.tell(r"family \x1b]2;taken\x07 8", r"site 0 \x1b[H\x0d\x0a.c 1 \x9b31m", "alloc 0 1")
        terminal = self.terminal(f"{LMM} top -d 0.1 {fed.path}", columns=132)
        terminal.wait(r"^\\x1b\]2;taken\\x07\\x1b\[2J  pid")
        terminal.wait(r" \\x1b\]2;taken\\x07$")
        terminal.keys("Enter")
        terminal.wait(r" \\x1b\[H\\x0d\\x0a\.c:1 \\x9b31m$")
        self.assertNotIn("taken", terminal.tmux("display-message", "-p", "#{pane_title}"))

    # ---- Keys

    def test_every_sort_key_and_r(self):
        _, terminal = self.usual("-d 0.1 -s name", columns=200)
        self.order(terminal, "emp_t", "line_t", "node_t")
        orders = {
            "a": ("blocks", "line_t", "emp_t", "node_t"),
            "b": ("page-slots", "emp_t", "line_t", "node_t"),
            "c": ("committed", "line_t", "emp_t", "node_t"),
            "l": ("pages", "node_t", "emp_t", "line_t"),
            "v": ("mapped", "node_t", "emp_t", "line_t"),
            "n": ("name", "emp_t", "line_t", "node_t"),
            "o": ("slots", "emp_t", "line_t", "node_t"),
            "p": ("page-bytes", "emp_t", "line_t", "node_t"),
            "s": ("size", "emp_t", "node_t", "line_t"),
            "u": ("use", "node_t", "emp_t", "line_t"),
            "B": ("bytes", "emp_t", "line_t", "node_t"),
        }
        for key, (name, *order) in orders.items():
            terminal.keys(key)
            terminal.wait(f" by {name}, ")
            self.order(terminal, *order)
            terminal.keys("r")
            terminal.wait(f" by {name} \\(reversed\\), ")
            terminal.keys("r")
            terminal.wait(f" by {name}, ")
        for key, name in (("A", "allocations"), ("F", "frees"), ("P", "peak")):
            terminal.keys(key)
            terminal.wait(f" by {name}, ")

    def test_arrows_and_pages(self):
        fed = self.feed()
        for i in range(100):
            fed.tell(f"family f{i:02}_t 8")
        terminal = self.terminal(f"{LMM} top --all -d 0.1 -s n {fed.path}", rows=16)  # 10 rows of it
        terminal.wait(r"^>.* f00_t$")
        for key, selected in (("Down", 1), ("Down", 2), ("Up", 1), ("NPage", 11), ("NPage", 21),
                              ("PPage", 11), ("End", 99), ("Down", 99), ("PPage", 89), ("Home", 0),
                              ("Up", 0)):
            terminal.keys(key)
            terminal.wait(rf"^>.* f{selected:02}_t$")

    def test_enter_leads_to_sites_and_back(self):
        _, terminal = self.usual()
        for back in ("Escape", "BSpace", "q"):
            terminal.wait(r"^>.* emp_t$")
            terminal.keys("Enter")
            terminal.wait(r"^ Sites of emp_t$")
            terminal.wait(r"^>     3\.7K +\+?0       80 +0 src/hr\.c:42 hire$")
            terminal.wait(r"^        48 +\+?0        1 +0 src/hr\.c:99 rehire$")
            names = ("blocks", "name", "bytes", "total", "allocations", "frees", "growth", "peak")
            for key, name in zip("anBtAFgP", names):
                terminal.keys(key)
                terminal.wait(f" by {name}, ")
            terminal.keys("B")
            terminal.wait(" by bytes, ")
            terminal.keys(back)
            terminal.wait_gone("Sites of")
        terminal.quit("q")

    def test_filter(self):
        _, terminal = self.usual()
        terminal.type("/NODE")
        terminal.wait(r"^ Filter: NODE_ \(1 of 3\)$")
        terminal.wait(r"^>.* node_t$")
        terminal.wait_gone(r" emp_t$")
        terminal.keys("BSpace", "BSpace", "BSpace", "BSpace")
        terminal.wait(r"^ Filter: _ \(3 of 3\)$")
        terminal.type("*n?_t")
        terminal.wait(r"^ Filter: \*n\?_t_ \(1 of 3\)$")
        terminal.wait(r"^>.* line_t$")
        terminal.keys("C-u")
        terminal.type("lin?")
        terminal.wait(r"^ Filter: lin\?_ \(0 of 3\)$")
        terminal.wait("no row passes the filter")
        terminal.keys("C-u")
        terminal.type("[el]*")
        terminal.keys("Enter")
        terminal.wait(r"^ Filter: \[el\]\* \(2 of 3\)$")
        terminal.keys("n")  # a sort key again, and no text
        terminal.wait(" by name, ")
        self.order(terminal, "emp_t", "line_t")
        terminal.keys("Escape")
        terminal.wait_gone("Filter")
        self.order(terminal, "emp_t", "line_t", "node_t")
        terminal.type("/xyz")
        terminal.wait("xyz_")
        terminal.keys("Escape")
        terminal.wait_gone("Filter")

    def test_mark(self):
        fed, terminal = self.usual()
        terminal.keys("m")
        terminal.wait(r"^ marked \d\d:\d\d:\d\d, 0:0\d:\d\d ago: 0 bytes, 0 blocks$")
        terminal.wait("^ a mark of lmm top alone: process \\d+ cannot be asked: LMM has no signal there")
        fed.tell("alloc 1 100", "free 0 10")
        terminal.wait(r"^ marked .* ago: \+1\.8K bytes, \+90 blocks$")
        terminal.wait(r" \+BYTES  \+BLOCKS ")
        terminal.wait(r"^>    \+2\.3K     \+100 .* node_t$")
        terminal.wait(r"^      -480      -10 .* emp_t$")
        terminal.keys("m")
        terminal.wait_gone("^ marked| alone: ")
        terminal.wait(r" 3\.5K      150 .* node_t$")

    def test_a_leak_check_of_a_process_that_cannot_be_asked_is_one_line(self):
        fed, terminal = self.usual()
        terminal.keys("L")
        terminal.wait(r"^ process \d+ cannot be asked: LMM has no signal there")
        terminal.keys("Down")
        terminal.wait_gone("cannot be asked")
        fed.end()
        terminal.wait("KILLED")
        terminal.keys("L")
        terminal.wait(r"^ process \d+ is killed: only a live process can be asked$")

    def test_space_reads_at_once(self):
        fed, terminal = self.usual("-d 3600")
        terminal.wait(r" 81 .* emp_t$")
        fed.tell("alloc 0 19")

        def read_at_once():
            terminal.keys("Space")  # ignored while the last reading is less than 50 ms old
            return re.search(r" 100 .* emp_t$", terminal.screen(), re.MULTILINE)

        until(read_at_once, terminal.screen)

    def test_help(self):
        _, terminal = self.usual()
        for ask in ("?", "h", "F1"):
            terminal.keys(ask)
            terminal.wait("any key goes back")
            terminal.wait("slots per page")
            terminal.keys("q")
            terminal.wait(r"^>.* emp_t$")

    # ---- The list

    def test_more_than_one_process_gives_a_list(self):
        program = f"listed{os.getpid()}"
        feds = [self.feed(i, program=f"/bin/{program}") for i in (1, 2)]
        for number, fed in enumerate(feds):
            fed.tell(f"family only{number}_t 8", "site 0 a.c 1 f", "alloc 0 1", f"started {100 + number}")
        terminal = self.terminal(f"{LMM} top -d 0.1 {program}")
        first, second = (fed.process.pid for fed in feds)
        terminal.wait("^2 live processes with a ledger")
        terminal.wait(rf"^> +{first} +0:0\d:\d\d +8 +live {program}$")
        terminal.wait(rf"^  +{second} +0:0\d:\d\d +8 +live {program}$")
        terminal.keys("Down")
        terminal.wait(rf"^> +{second} ")
        terminal.keys("Enter")
        terminal.wait("only1_t$")
        terminal.keys("Escape")
        terminal.wait(rf"^> +{second} ")
        terminal.keys("i")
        terminal.wait(" by pid, ")
        terminal.keys("Home", "Enter")
        terminal.wait("only[01]_t$")
        terminal.keys("BSpace")
        terminal.wait("^2 live processes")
        feds[0].end()
        terminal.wait("^1 live process with")
        terminal.quit("q")

    # ---- What may happen to the process and its ledger

    def test_a_killed_process_keeps_its_figures_and_the_keys_work(self):
        fed, terminal = self.usual()
        fed.end()
        terminal.wait("KILLED: its last figures")
        terminal.wait(r"^>     3\.7K       81 ")
        terminal.keys("Enter")
        terminal.wait(r"^ Sites of emp_t$")
        terminal.keys("q", "n", "m", "/")
        terminal.type("li")
        terminal.wait(r"^>.* line_t$")
        terminal.quit("Enter", "q")

    def test_a_ledger_that_goes_away_leaves_its_figures(self):
        fed, terminal = self.usual()
        fed.tell("remove")
        terminal.wait("ENDED, ledger removed: its last figures")
        terminal.wait(r"^>     3\.7K       81 ")
        terminal.keys("Space", "Enter")
        terminal.wait(r"^ Sites of emp_t$")

    def test_a_process_that_exits_with_live_blocks(self):
        fed, terminal = self.usual()
        fed.tell("exited")
        fed.end()
        terminal.wait("EXITED with live blocks: its last figures")

    def test_a_ledger_that_cannot_be_read_for_a_moment(self):
        fed, terminal = self.usual(columns=132)
        fed.tell("damage")
        terminal.wait(r"UNREADABLE, figures are 0:0\d:\d\d old: \w")
        terminal.wait(r"^>     3\.7K       81 ")
        fed.tell("alloc 2 9", "repair")
        terminal.wait("  live ")
        terminal.wait(r"^>     4\.2K       90 ")

    def test_a_ledger_of_another_process_starts_anew(self):
        fed, terminal = self.usual()
        terminal.keys("m")
        terminal.wait("^ marked")
        fed.end()
        terminal.wait("KILLED")
        other = self.feed(program="/usr/bin/other")
        other.tell("family emp_t 48", "site 0 a.c 1 f", "alloc 0 2")
        terminal.wait(rf"^other  pid {other.process.pid}  up 0:0\d:\d\d  live ")
        terminal.wait(r"^>       96        2 .* emp_t$")
        terminal.wait_gone("^ marked")

    # ---- What may happen to the terminal

    def test_sizes(self):
        _, terminal = self.usual()
        terminal.resize(20, 5)
        terminal.wait(r"\Ademo  pid \d+ .*\n  NAME\n> emp_t\n")
        terminal.keys("Down", "m", "Enter", "q", "?", "q")
        terminal.resize(4, 2)
        terminal.wait(r"\Ademo\n> li\n?\Z")
        terminal.resize(1, 1)
        terminal.keys("Up", "Enter", "q", "/", "Escape", "m", "Home")
        terminal.resize(132, 40)
        terminal.wait(r"^> +3\.7K +81 +3\.7K +10000 +23\.7% +48 +2 +16\.0K +512\.0K .* emp_t$")
        terminal.resize(80, 24)
        terminal.wait(r"^>     3\.7K       81  23\.7%      48    16\.0K .* emp_t$")

    def test_terminals_without_colours(self):
        for name in ("vt100", "vt220", "linux", "xterm-256color"):
            _, terminal = self.usual(TERM=name)
            terminal.keys("?")
            terminal.wait("any key goes back")
            terminal.keys("q")
            terminal.wait(r"^>.* emp_t$")
            coloured = re.search(r"\033\[[0-9;]*3[0-7]m", terminal.screen("-e")) is not None
            self.assertEqual(coloured, not name.startswith("vt"), name)
            terminal.quit("q")

    def test_what_is_no_terminal_gets_one_line(self):
        fed = self.feed()
        cases = (("-u TERM", ""), ("TERM=", ""), ("TERM=dumb", "dumb"), ("TERM=no", "no"))
        for setting, name in cases:
            terminal = self.terminal(f"env {setting} {LMM} top {fed.path}", columns=132)
            terminal.wait(f"^before\nlmm: cannot draw on a terminal of type '{name}' .*--once.*"
                          "\nstatus=1$")
        for result in (self.lmm("top", fed.path),
                       harness.run_on_terminal(LMM, "top", fed.path, env=self.environment)[0]):
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr, r"\Almm: not a terminal; use --once .*\n\Z")

    def test_signals_restore_the_terminal(self):
        fed = self.feed()
        fed.tell_usual()
        for number, status in ((signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            file = self.path("tty")
            terminal = self.terminal(f"sh -c 'stty -g > {file}.1; echo $$ > {file}.pid; "
                                     f"exec {LMM} top {fed.path}'; echo status=$?; "
                                     f"stty -g > {file}.2; false")
            terminal.wait(r"^>.* emp_t$")
            os.kill(int(self.text_of("tty.pid")), number)
            screen = terminal.wait("^status=1$")  # of false
            self.assertRegex(screen, "(?m)^before$")
            self.assertRegex(screen, f"(?m)^status={status}$")
            self.assertNotIn("emp_t", screen)
            self.assertEqual(self.text_of("tty.1"), self.text_of("tty.2"))
            self.assertEqual(terminal.tmux("display-message", "-p", "#{cursor_flag}"), "1\n")

    def test_a_signal_gets_in_between_keys_without_end(self):
        fed = self.feed()
        fed.tell_usual()
        pid, terminal = self.start_on_terminal(LMM, "top", fed.path, TERM="xterm")
        os.set_blocking(terminal, False)
        end = time.monotonic() + PATIENCE_SECONDS
        shown = 0
        status = None
        while status is None:
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
            try:
                for _ in range(100):
                    os.write(terminal, b"\033[B\033[A" * 50)
            except OSError:
                pass  # it has enough for now
            try:
                shown += len(os.read(terminal, 65536)) > 0
                if shown == 20:  # it is in the middle of it
                    os.kill(pid, signal.SIGTERM)
            except OSError:
                pass
            ended, number = os.waitpid(pid, os.WNOHANG)
            status = number if ended else None
        os.close(terminal)
        self.assertEqual(os.WTERMSIG(status), signal.SIGTERM)

    def test_control_c_quits(self):
        _, terminal = self.usual()
        terminal.quit("C-c")

    def test_stop_and_go_on(self):
        fed = self.feed()
        fed.tell_usual()
        terminal = self.terminal("env PS1='prompt: ' bash --norc --noprofile -i")
        terminal.wait("^prompt:$")
        terminal.type(f"{LMM} top -d 0.1 {fed.path}\n")
        terminal.wait(r"^>.* emp_t$")
        for _ in range(10):    # also while it reads or draws
            terminal.keys("C-z")
            terminal.wait("Stopped")
            terminal.type("clear; fg\n")
            terminal.wait(r"^>.* emp_t$")
        terminal.keys("C-z")
        terminal.wait("Stopped")
        self.assertNotRegex(terminal.screen(), r"(?m)^>.* emp_t$")
        terminal.resize(100, 30)
        terminal.type("fg\n")
        terminal.wait(r"^>     3\.7K       81    10000  23\.7% .* emp_t$")
        terminal.keys("n")
        terminal.wait(" by name, ")
        terminal.keys("q")
        terminal.wait("^prompt:$")

    def test_ends_with_its_terminal(self):
        fed = self.feed()
        file = self.path("pid")
        # Without its terminal's session LeakSanitizer waits for itself for ever.
        terminal = self.terminal(f"env ASAN_OPTIONS=detect_leaks=0 sh -c 'trap \"\" HUP; "
                                 f"echo $$ > {file}; exec {LMM} top -d 0.1 {fed.path}'")
        terminal.wait("^demo  pid")
        pid = int(self.text_of("pid"))
        terminal.close()
        until(lambda: harness.state_of(pid) in (None, "Z"), "still there")    # nobody may wait for it

    # ---- Options

    def test_once(self):
        fed = self.feed()
        fed.tell_usual()
        self.environment["COLUMNS"] = "80"
        shown = re.sub("  Resident .*", "", self.succeed("top", "-1", "-s", "n", fed.path))
        self.assertEqual(shown.split("\n", 1)[1],
                         " Live 7.3K in 431 blocks  Committed 80.0K (9.1%)\n"
                         " allocs/s -  frees/s -  Reusable 256.0K  Records 100.0K\n"
                         " In all 451 allocs, 20 frees  3 of 3 families, 4 sites\n"
                         "     BYTES   BLOCKS    SLOTS    USE    SIZE   COMMIT   ALLOCS NAME\n"
                         "      3.7K       81    10000  23.7%      48    16.0K      101 emp_t\n"
                         "      2.3K      300      500   3.9%       8    60.0K      300 line_t\n"
                         "      1.1K       50       90  29.2%      24     4.0K       50 node_t\n")
        with open("/dev/full", "w", encoding="ascii") as full:
            self.fail_with(1, "", "top", "-1", fed.path, stdout=full)

    def test_wrong_options_and_ledgers(self):
        for words in (["-d", "0"], ["-d", "0.049"], ["-d", "x"], ["-d", "1e3"], ["-d", ""],
                      ["-d", "-1"], ["-d", "3601"], ["-d", "."], ["-s", "z"], ["-s", ""],
                      ["--nosuch"], ["one", "two"]):
            result = self.lmm("top", *words)
            self.assertEqual(result.returncode, 2, words)
            self.assertEqual(result.stdout, "", words)
        for words in ([self.path("none.lmm")], ["-1", "/etc/passwd"], ["-1", self.folder],
                      ["nobody-of-this-name"]):
            result = self.lmm("top", *words)
            self.assertEqual(result.returncode, 1, words)
            self.assertRegex(result.stderr, r"\Almm: [^\n]*\n\Z", words)

    def test_help_option_names_all_sort_keys(self):
        text = self.succeed("top", "--help")
        for letter in "abclvnopsuBAFP":
            self.assertRegex(text, rf"(?m)^  {letter}, ")

    # ---- A program with liblmm

    def start_wordindex(self):
        process = subprocess.Popen([WORDINDEX, "/dev/stdin"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   env=self.environment)
        self.addCleanup(self.end, process)
        process.stdin.write(b"one two three two\n" * 5000)
        process.stdin.flush()
        return process

    def test_marks_are_those_of_the_process(self):
        process = self.start_wordindex()
        terminal = self.terminal(f"{LMM} top -d 0.1 {process.pid}", columns=120)
        terminal.wait("^wordindex")
        self.assertEqual(self.succeed("mark", str(process.pid), "before").strip(), "1")
        terminal.wait(r"^ marked \d\d:\d\d:\d\d #1 before, 0:0\d:\d\d ago: 0 bytes, 0 blocks$")
        terminal.keys("m")
        terminal.wait_gone("^ marked")
        terminal.keys("m")
        terminal.wait(r"^ marked \d\d:\d\d:\d\d #2 lmm top, ")
        process.stdin.write(b"four five six\n" * 5000)
        process.stdin.flush()
        terminal.wait(r"^ marked .* #2 lmm top, .* ago: \+\d+ bytes, \+\d+ blocks$")
        self.assertEqual(self.succeed("mark", str(process.pid)).strip(), "3")
        terminal.wait(r"^ marked \d\d:\d\d:\d\d #3, 0:0\d:\d\d ago: 0 bytes, 0 blocks$")
        late = self.terminal(f"{LMM} top -d 0.1 {process.pid}")
        late.wait("^wordindex")
        terminal.keys("L")
        terminal.wait(r"^ leak check \d\d:\d\d:\d\d since #3: nothing is lost$")
        terminal.wait(r"^ +LOST +\+BYTES .* FILE:LINE FUNCTION$")
        terminal.keys("m", "L")
        terminal.wait(r"^ leak check \d\d:\d\d:\d\d: ")
        late.wait_gone("^ marked|^ leak check")    # it has no reading from before the mark
        process.stdin.close()
        terminal.wait("EXITED|ENDED")
        terminal.quit("q")

    def test_a_real_process(self):
        process = self.start_wordindex()
        terminal = self.terminal(f"{LMM} top -d 0.1 {process.pid}")
        terminal.wait(rf"^wordindex  pid {process.pid}  up 0:\d\d:\d\d  live ")
        terminal.type("/word_t\n")
        terminal.wait(r"^> +\S+ +[1-9].* word_t$")
        terminal.keys("Enter")
        terminal.wait(r" index\.c:\d+ \w+$| testapp/index\.c:\d+ \w+$")
        process.stdin.close()
        terminal.wait("EXITED|ENDED")
        terminal.quit("q", "q")


if shutil.which("tmux") is None:
    print("skipped: no tmux")
    sys.exit(harness.SKIPPED)
sys.argv[1:] = ["-v", *(f"Top.{name}" for name in sys.argv[1:])]
harness.main()
