# SPDX-License-Identifier: MIT
"""diff and watch: what they accept, print and refuse, and how they end."""
import json
import re
import signal
import statistics
import subprocess

import harness
import ledger

LINE = re.compile(r"^ *(\d+\.\d\d)s +([\d,]+) +([-+]?[\d,]+) +([\d,]+) +([\d,]+)  (item_t \+[\d,]+|-)$")


class Diff(harness.Case):
    def setUp(self):
        super().setUp()
        self.old = ledger.sample(snapshot_time_ns=ledger.START_NS + 1).write(self.path("old.lmm"))
        grown = ledger.sample(snapshot_time_ns=ledger.START_NS + 2)
        grown.count(0, 100, 1)
        self.new = grown.write(self.path("new.lmm"))

    def test_files(self):
        text = self.succeed("diff", self.old, self.new)
        self.assertEqual(text.splitlines()[-1], "SUMMARY: +99 live blocks, +3960 live bytes (256 -> 4216), "
                                                "+100 allocations, +1 free")
        self.assertIn("hr.c:42 (hire)", text)
        self.assertNotIn("note:", text)
        self.assertIn("note: the second is older than the first", self.succeed("diff", self.new, self.old))

    def test_a_process_and_its_snapshot(self):
        keeper = self.keep()
        self.succeed("snapshot", keeper.pid, "-o", self.path("saved.lmm"))
        document = json.loads(self.succeed("diff", "--format", "json", self.path("saved.lmm"), keeper.pid))
        self.assertEqual((document["same_process"], document["backwards"]), (True, False))
        self.assertEqual((document["families"], document["sites"]), ([], []))
        self.assertEqual(document["before"]["pid"], keeper.pid)

    def test_selected_families_and_rows(self):
        document = json.loads(self.succeed("diff", "-Fjson", "--family", "stud*", self.old, self.new))
        self.assertEqual(document["totals"]["live_bytes"], {"before": 56, "after": 56, "growth": 0})
        both = json.loads(self.succeed("diff", "-Fjson", "-fstud*", "-femp_?", self.old, self.new))
        self.assertEqual(both["totals"]["live_bytes"]["growth"], 3960)
        empty = ledger.Ledger().write(self.path("empty.lmm"))
        self.assertIn("... and 1 more family: --top\n", self.succeed("diff", "--top", "1", empty, self.new))

    def test_files_that_cannot_be_compared(self):
        self.fail_with(1, "nothing.lmm", "diff", self.old, self.path("nothing.lmm"))
        with open(self.new, "r+b") as file:
            file.truncate(5000)
        self.fail_with(1, "new.lmm", "diff", self.new, self.old)
        self.fail_with(1, "new.lmm", "diff", self.old, self.new)

    def test_wrong_usage(self):
        self.refuse("expected two ledgers", "diff", self.old)
        self.refuse("unexpected argument", "diff", self.old, self.old, self.old)
        self.refuse("--format takes text, json or html, not 'csv'", "diff", "--format=csv", self.old, self.old)
        self.refuse("--top", "diff", "--top=0", self.old, self.old)

    def test_full_output(self):
        for form in ("text", "json"):
            with open("/dev/full", "w", encoding="ascii") as full:
                self.fail_with(1, "No space left", "diff", "--format", form, self.old, self.new, stdout=full)


class Watch(harness.Case):
    def play(self):
        """Starts a process, `player`, that changes its ledger on request."""
        return self.keep("player.lmm", "play")

    def watch(self, *arguments, lines=4, player=None):
        """Starts `lmm watch` and reads so many lines of changes. After each line the player makes one step
        while watch is stopped, so that no step is missed however slow the machine is. Returns watch and the
        lines."""
        watch = subprocess.Popen([harness.LMM, "watch", *map(str, arguments)], env=self.environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        self.addCleanup(self.end, watch)
        self.assertRegex(watch.stdout.readline(),
                         "^ +TIME +LIVE-BYTES +CHANGE +ALLOCS/S +FREES/S  GREW-MOST$")
        matches = []
        for _ in range(lines):
            line = watch.stdout.readline()
            self.assertRegex(line, LINE)
            matches.append(LINE.match(line))
            if player is not None:
                watch.send_signal(signal.SIGSTOP)
                self.tell(player, "step")
                watch.send_signal(signal.SIGCONT)
        return watch, matches

    def interrupt(self, watch):
        watch.send_signal(signal.SIGINT)
        return self.ended(watch)

    def ended(self, watch):
        """Waits for the end, which must succeed; returns the output not read yet."""
        text, complaints = watch.communicate(timeout=harness.PATIENCE_SECONDS)
        self.assertEqual((watch.returncode, complaints), (0, ""), text)
        return text

    def test_finds_the_leak(self):
        watch, rows = self.watch("player", "--every", "50ms", lines=40, player=self.play())
        head, table = self.interrupt(watch).split("1 line grows steadily:\n")
        # A reading that comes late may be in the same hundredth of a second as the next.
        times = [float(row[1]) for row in rows]
        self.assertEqual(times, sorted(times))
        self.assertGreater(len(set(times)), len(times) // 2)
        self.assertRegex(head.splitlines()[-1],
                         r"^player \(pid \d+\), \d+\.\d s, \d+ readings: live bytes \+[\d,]+$")
        headings, row = [line.split() for line in table.splitlines()]
        self.assertEqual(headings, ["BYTES/S", "GREW-BY", "LIVE-BYTES", "FAMILY", "ALLOCATED-AT"])
        self.assertEqual(row[3:6], ["item_t", "leak.c:1", "(leak)"])
        self.assertEqual(self.succeed("sites", "--site", row[6], "player").split("\t")[2], "leak.c:1")
        leaked = [5 * 40 * i for i in range(len(rows))]    # the bytes that leak.c:1 held in each line
        rate = statistics.linear_regression(times, leaked).slope
        self.assertAlmostEqual(int(row[0].replace(",", "")), rate, delta=rate / 5)

    def test_changes_add_up(self):
        watch, rows = self.watch("--every=20ms", lines=20, player=self.play())
        self.interrupt(watch)
        live, change = ([int(row[i].replace(",", "")) for row in rows] for i in (2, 3))
        for i in range(1, len(rows)):
            self.assertEqual(live[i], live[i - 1] + change[i], rows[i][0])
        for row in rows:
            self.assertEqual(row[6] == "-", not row[3].startswith("+"), row[0])
            if row[3].startswith("+"):
                self.assertEqual(row[6], "item_t " + row[3])

    def test_few_readings_give_no_verdict(self):
        self.play()
        result = self.lmm("watch", "--every=100ms", "--for=200ms")
        self.assertEqual((result.returncode, result.stderr),
                         (0, "lmm: 3 readings will be too few to tell which lines grow steadily: 12 need "
                             "--for 1.1s\n"))
        self.assertRegex(result.stdout, "\ntoo few readings to tell which lines grow steadily: [123] of 12\n$")

    def test_the_start_says_whether_readings_will_be_too_few(self):
        self.play()
        for every, whole, few in (("10ms", "109ms", True), ("10ms", "110ms", False), ("1h", "1ms", True)):
            result = self.lmm("watch", "--every", every, "--for", whole)
            self.assertEqual("will be too few" in result.stderr, few, (every, whole))

    def test_rows_by_other_words(self):
        for option, row, word in (("--by=function", "leak (leak.c)", "function"), ("--by=module", "player", "module"),
                                  ("--site=leak.c:1", None, "line")):
            player = self.play()
            self.tell(player, "leak")
            watch, lines = self.watch_rows(option, player)
            watch.send_signal(signal.SIGINT)
            text = self.ended(watch)
            self.assertRegex(text, fr"\n1 {word} grows steadily:\n.*\n.* item_t +" +
                             (re.escape(row) if row is not None else r"leak\.c:1 \(leak\)  #\d+") + "\n$")
            if row is not None:
                self.assertTrue(all(line.rsplit(" ", 1)[0].endswith(row) or line.endswith(" -") for line in lines),
                                lines)
            self.end(player)

    def watch_rows(self, option, player):
        """A watch of 20 lines with an option; the cache is left out, or it would hide the leak from a module."""
        watch = subprocess.Popen([harness.LMM, "watch", option, "--every=50ms", str(player.pid)],
                                 env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 encoding="utf-8")
        self.addCleanup(self.end, watch)
        watch.stdout.readline()
        lines = []
        for _ in range(20):
            lines.append(watch.stdout.readline().rstrip("\n"))
            watch.send_signal(signal.SIGSTOP)
            self.tell(player, "leak")
            watch.send_signal(signal.SIGCONT)
        return watch, lines

    def test_no_such_site(self):
        self.play()
        self.fail_with(1, "no site 'hodl' (did you mean 'hold'?)", "watch", "--site", "hodl")

    def test_nothing_grows_in_a_process_at_rest(self):
        watch, _ = self.watch(self.keep().pid, "--every=10ms", lines=20)
        self.assertIn("no line grows steadily\n", self.interrupt(watch))

    def test_an_interrupt_ends_the_watch(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                player = self.play()
                watch, _ = self.watch(player.pid, "--every", "20ms")
                watch.send_signal(number)
                text = self.ended(watch)
                self.assertIn("readings: live bytes ", text)
                self.assertNotIn("ended early", text)
                self.end(player)

    def test_the_process_ends(self):
        for word, reason in (("exit", "the process exited, and left live blocks"),
                             ("clean", "the process exited without live blocks"),
                             ("other", "another process has its ledger there now"),
                             (None, "the process was killed")):
            with self.subTest(word):
                player = self.play()
                watch, _ = self.watch(player.pid, "--every=20ms", "--for=1h", player=player)
                if word is None:
                    player.kill()
                else:
                    self.tell(player, word)
                    self.end(player)
                player.wait()
                text = self.ended(watch)
                self.assertIn("\nended early: " + reason, text)
                self.assertRegex(text, r"player \(pid %d\), .* readings: live bytes \+" % player.pid)

    def test_nothing_to_watch(self):
        self.fail_with(1, "nobody", "watch", "nobody")
        keeper = self.keep()
        keeper.kill()
        keeper.wait()
        self.fail_with(1, "nothing to watch: the process was killed", "watch", keeper.pid)
        self.fail_with(1, "a saved snapshot", "watch",
                       ledger.sample(snapshot_time_ns=1).write(self.path("copy.lmm")))
        lost = self.keep("lost.lmm", "lost")
        self.fail_with(1, "its ledger could not grow", "watch", lost.pid)
        elsewhere = ledger.sample(state=ledger.LOST).of_process(lost.pid)
        elsewhere.header["pid_namespace"] += 1
        self.fail_with(1, "its ledger could not grow", "watch", elsewhere.write(self.path("elsewhere.lmm")))

    def test_wrong_usage(self):
        self.refuse("invalid duration 'soon'", "watch", "--every=soon")
        self.refuse("at least 10ms", "watch", "--every=9ms")
        self.refuse("invalid duration '0s'", "watch", "--for", "0s")
        self.refuse("--top", "watch", "--top=many")
        self.refuse("unexpected argument", "watch", "1", "2")

    def test_full_output(self):
        keeper = self.keep()
        with open("/dev/full", "w", encoding="ascii") as full:
            self.fail_with(1, "No space left", "watch", keeper.pid, "--for=1h", "--every=10ms", stdout=full)


harness.main()
