# SPDX-License-Identifier: MIT
"""What the tests of names share: programs that are compiled for a test, and their rows by `lmm run`."""
import json
import os
import shutil
import subprocess

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY, = harness.arguments(1)


def marks_of(name):
    """The numbers of a source's lines, by the word after MARK. #line directives count."""
    marks = {}
    number = 0
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        for line in file:
            number += 1
            if line.startswith("#line "):
                number = int(line.split()[1]) - 1
            if "MARK " in line and "MARK name" not in line:
                marks[line.split("MARK ")[1].split()[0]] = number
    return marks


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.environment["LMM_PRELOAD_LIBRARY"] = LIBRARY
        self.report = self.path("report.json")
        self.stderr = ""

    def compile(self, *words, compiler="cc"):
        """Runs a compiler in the test's folder; sources are files of this folder."""
        program = shutil.which(compiler)
        if program is None:
            self.skipTest(f"{compiler} is missing")
        words = [os.path.join(HERE, word) if os.path.exists(os.path.join(HERE, word)) else word for word in words]
        subprocess.run([program, *words], cwd=self.folder, check=True)

    def document(self, *words, stderr="", **options):
        """The report of the program; stderr: what lmm writes there, None: anything, which is then in self.stderr."""
        result = self.lmm("run", "--full", "--format", "json", "-o", self.report, *words, cwd=self.folder, **options)
        self.stderr = result.stderr
        self.assertEqual((result.returncode, result.stderr if stderr is not None else None), (0, stderr), words)
        with open(self.report, encoding="utf-8") as file:
            return json.load(file)["processes"][0]

    def leaks(self, *words, **options):
        """The leaks as {(function, file, line): bytes}."""
        return {(leak["function"], os.path.basename(leak["file"]), leak["line"]): leak["bytes"]
                for leak in self.document(*words, **options)["leaks"]}
