# SPDX-License-Identifier: MIT
"""`lmm run --format json`: the figures over time, of programs with a known curve, and marks."""
import json
import os
import signal
import subprocess

import harness
from running import Case, FAILED

OVER_TIME, STATIC = harness.arguments(2)
COLUMNS = ("live_bytes", "live_blocks", "committed_bytes", "resident_bytes", "major_faults",
           "minor_faults", "allocations")


class OverTime(Case):
    def setUp(self):
        super().setUp()
        for name in ("LMM_PRELOAD_LIBRARY", "STAND_IN_LEDGER"):
            self.environment.pop(name)

    def document(self):
        document = json.loads(self.text_of("report"))
        try:
            import jsonschema
        except ImportError:
            return document
        with open(os.path.join(harness.SOURCE, "docs", "run.schema.json"), encoding="utf-8") as file:
            jsonschema.validate(document, json.load(file))
        return document

    def processes(self, *words, status=0):
        result = self.run_lmm("--format", "json", "-o", self.path("report"), *words)
        self.assertEqual((result.returncode, result.stderr), (status, ""), words)
        return self.document()["processes"]

    def check(self, series):
        """What holds of every series."""
        count = len(series["time_ms"])
        rows = series["types"] + series["lines"]
        self.assertGreater(count, 0)
        self.assertEqual(series["time_ms"], sorted(series["time_ms"]))
        for column in [series[name] for name in COLUMNS] + [row["live_bytes"] for row in rows]:
            self.assertEqual(len(column), count)
        times = [mark["time_ms"] for mark in series["marks"]]
        self.assertEqual(times, sorted(times))

    def check_sums(self, series):
        """All types and all lines are there, and add up to the total at each point."""
        for rows in (series["types"], series["lines"]):
            sums = [sum(column) for column in zip(*(row["live_bytes"] for row in rows))]
            self.assertEqual(sums, series["live_bytes"])

    def marks(self, series, kind):
        return [mark["text"] for mark in series["marks"] if mark["kind"] == kind]

    def test_bytes_grow_stay_and_fall(self):
        process, = self.processes(OVER_TIME, status=3)
        series = process["series"]
        self.check(series)
        self.check_sums(series)
        live = series["live_bytes"]
        self.assertEqual((live[0], live[-1]), (0, 0))
        self.assertEqual((series["allocations"][0], series["allocations"][-1]), (0, 1001))
        self.assertGreaterEqual(max(live), process["totals"]["peak_bytes"])
        self.assertLessEqual(max(live), 1004000)
        self.assertEqual(series["allocations"], sorted(series["allocations"]))
        self.assertEqual(series["minor_faults"], sorted(series["minor_faults"]))
        top = live.index(max(live))
        self.assertTrue(0 < top < len(live) - 1)
        self.assertGreater(max(series["resident_bytes"]), 1000000)

    def test_types_and_lines_have_curves(self):
        process, = self.processes(OVER_TIME, status=3)
        series = process["series"]
        self.assertEqual([row["type"]["name"] for row in series["types"]], ["struct item", "struct table"])
        self.assertEqual([(row["function"], os.path.basename(row["file"])) for row in series["lines"]],
                         [("make_item", "over_time.c"), ("main", "over_time.c")])
        self.assertEqual(max(series["types"][1]["live_bytes"]), 4000)

    def test_a_program_that_ends_at_once_has_its_start_and_its_end(self):
        process, = self.processes("sh", "-c", "exit 0")
        series = process["series"]
        self.check(series)
        self.check_sums(series)
        self.assertEqual(series["live_bytes"][0], 0)
        self.assertEqual(series["live_bytes"][-1], process["totals"]["live_bytes"])
        self.assertEqual(self.marks(series, "exit"), ["status 0"])

    def test_the_last_point_is_the_report(self):
        process, = self.processes("sh", "-c", "echo > /dev/null; kill -9 $$", status=128 + signal.SIGKILL)
        series, totals = process["series"], process["totals"]
        self.assertEqual([series[name][-1] for name in ("live_bytes", "live_blocks", "allocations")],
                         [totals[name] for name in ("live_bytes", "live_blocks", "allocations")])
        self.assertEqual(self.marks(series, "exit"), ["killed by SIGKILL"])

    def test_the_peak_is_a_point(self):
        process, = self.processes("sh", "-c", "exit 0")
        series = process["series"]
        peak, = [mark for mark in series["marks"] if mark["kind"] == "peak"]
        at = [bytes for time, bytes in zip(series["time_ms"], series["live_bytes"]) if time == peak["time_ms"]]
        self.assertIn(process["totals"]["peak_bytes"], at)

    def test_marks(self):
        process = self.start(harness.LMM, "run", "--format", "json", "-o", self.path("report"), OVER_TIME,
                             "wait", stdin=subprocess.PIPE)
        pid = process.stdout.readline().decode().strip()
        for text in ("after the load", "\"<b>\""):
            result = self.lmm("mark", pid, text)
            self.assertEqual(result.returncode, 0, result.stderr)
        process.stdin.close()
        self.finish(process, 3)
        series = self.document()["processes"][0]["series"]
        self.check(series)
        self.assertEqual(self.marks(series, "mark"), ["after the load", "\"<b>\""])
        self.assertEqual(self.marks(series, "leak_check"), ["at exit"])
        self.assertEqual(self.marks(series, "exit"), ["status 3"])

    def test_started_processes(self):
        process, = self.processes("sh", "-c", "/bin/true; /bin/true; /bin/true; exit 0")
        series = process["series"]
        started = [int(text.split()[0]) for text in self.marks(series, "fork")]
        self.assertEqual(sum(started), process["started"])
        self.assertEqual(process["started"], 3)

    def test_a_program_that_becomes_another_one(self):
        process, = self.processes("sh", "-c", f"exec {STATIC}")
        if process["became"] is None:
            self.skipTest("a static program that LMM sees")
        series = process["series"]
        self.check(series)
        self.assertEqual(self.marks(series, "exec"), [process["became"]])
        self.assertEqual(self.marks(series, "exit"), [])

    def test_the_figures_after_exec_are_those_of_the_last_program(self):
        process, = self.processes("sh", "-c", f"exec {OVER_TIME}", status=3)
        series = process["series"]
        self.check(series)
        self.check_sums(series)
        self.assertEqual(series["live_bytes"][0], 0)
        self.assertEqual(series["allocations"][-1], 1001)
        self.assertEqual(self.marks(series, "exec"), [OVER_TIME])
        self.assertEqual(self.marks(series, "exit"), ["status 3"])

    def test_each_process_has_its_own(self):
        script = f"{OVER_TIME}; {OVER_TIME}; exit 0"
        processes = self.processes("--children", "sh", "-c", script)
        curves = [process["series"] for process in processes if process["executable"] == OVER_TIME]
        self.assertEqual(len(curves), 2)
        for series in curves:
            self.check(series)
            self.check_sums(series)
            self.assertEqual(self.marks(series, "exit"), ["status 3"])
            self.assertEqual(series["live_bytes"][-1], 0)

    def test_samples_are_an_option(self):
        process, = self.processes("--sample", "off", OVER_TIME, status=3)
        self.assertIsNone(process["series"])
        process, = self.processes("--sample", "1", OVER_TIME, status=3)
        self.check(process["series"])
        process, = self.processes("--leaks", OVER_TIME, status=3)
        self.assertNotIn("series", process)

    def test_wrong_options(self):
        for word in ("0", "x", "-1", "3600001"):
            result = self.run_lmm("--sample", word, "true")
            self.assertEqual(result.returncode, FAILED, word)
            self.assertIn("--sample", result.stderr)


harness.main()
