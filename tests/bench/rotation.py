# SPDX-License-Identifier: MIT
"""rotation.py RUN BIN: bench/run prints and writes what it measured, and says when something failed. No figure of time
is checked."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

RUN, BIN = [os.path.abspath(path) for path in sys.argv[1:3]]
ROUNDS = 10


class Rotation(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.output = os.path.join(self.folder.name, "out.json")

    def tearDown(self):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def bench(self, *words):
        return subprocess.run([sys.executable, "-B", RUN, "--bin", BIN, "--rounds", str(ROUNDS), "-o", self.output,
                               *words], capture_output=True, text=True, check=False)

    def result(self):
        with open(self.output, encoding="utf-8") as file:
            return json.load(file)

    def test_each_allocator_has_a_figure_for_each_round(self):
        for workload in ("pair", "two_threads", "realloc_16", "larson", "memalign"):
            with self.subTest(workload):
                run = self.bench("--allocators", "preload,glibc", "--workloads", workload)
                self.assertEqual(run.returncode, 0, run.stderr)
                result = self.result()
                figures = result["ns_per_operation"][workload]
                self.assertEqual({name: len(ns) for name, ns in figures.items()}, {"preload": ROUNDS, "glibc": ROUNDS})
                self.assertGreater(min(result["peak_mib"][workload]["preload"]), 0)
                self.assertRegex(run.stdout, rf"(?m)^\| {workload} ")

    def test_the_typed_programs_have_no_realloc(self):
        run = self.bench("--allocators", "preload,shared", "--workloads", "pair,realloc_16")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual({work: list(ns) for work, ns in self.result()["ns_per_operation"].items()},
                         {"pair": ["preload", "shared"], "realloc_16": ["preload"]})

    def test_another_build_is_compared_with_the_first(self):
        drop_in = os.path.join(os.path.dirname(BIN), "lib/lmm/liblmm_preload.so")
        run = self.bench("--allocators", "preload", "--preload", f"same={drop_in}", "--workloads", "pair")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("same / preload, by round", run.stdout)

    def test_libraries_of_a_folder_are_peers_and_budgets_count_them(self):
        os.symlink(os.path.join(os.path.dirname(BIN), "lib/lmm/liblmm_preload.so"), self.path("libother.so"))
        run = self.bench("--allocators", "preload,glibc", "--peers", self.folder.name, "--workloads", "memory_16,pair")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(list(self.result()["allocators"]), ["preload", "glibc", "other"])
        self.assertIn("| preload: mean vs best single peer", run.stdout)
        self.assertAlmostEqual(self.result()["memory_bytes"]["memory_16"]["other"],
                               self.result()["memory_bytes"]["memory_16"]["preload"], delta=1)

    def test_a_library_that_cannot_be_loaded_fails_and_the_others_are_measured(self):
        with open(self.path("text.so"), "w", encoding="utf-8") as file:
            file.write("no library\n")
        run = self.bench("--allocators", "glibc", "--preload", f"bad={self.path('text.so')}", "--workloads", "pair")
        self.assertEqual(run.returncode, 1)
        self.assertIn("cannot be preloaded", run.stderr)
        self.assertEqual(list(self.result()["ns_per_operation"]["pair"]), ["glibc"])

    def test_unusable_arguments_are_refused(self):
        for words, message in ((["--allocators", "none"], "unknown allocator none"),
                               (["--allocators", "glibc", "--workloads", "none"], "no workload is called none"),
                               (["--preload", "name"], "expected NAME=PATH, not name"),
                               (["--preload", "name=/nowhere.so"], "/nowhere.so does not exist"),
                               (["--rounds", "1"], "--rounds must be at least 10")):
            with self.subTest(words):
                run = self.bench(*words)
                self.assertNotEqual(run.returncode, 0)
                self.assertIn(message, run.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
