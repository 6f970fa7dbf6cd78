# SPDX-License-Identifier: MIT
"""What the tests of `lmm run` share: the command with a library that replaces the drop-in (stand_in.c)."""
import os
import re
import subprocess

import harness
import ledger

STAND_IN, = harness.arguments(1)
FAILED, CANNOT_EXECUTE, NOT_FOUND = 125, 126, 127


class Case(harness.Case):
    """`ledgers` is for lmm's private directories; the ledger of each program is `made`."""

    def setUp(self):
        super().setUp()
        self.made = ledger.sample(state=ledger.EXITED).write(self.path("made"))
        self.environment.update(LMM_PRELOAD_LIBRARY=STAND_IN, STAND_IN_LEDGER=self.made)
        for name in ("LD_PRELOAD", "STAND_IN_SAYS"):
            self.environment.pop(name, None)

    def run_lmm(self, *words, **options):
        """Runs `lmm run` to its end and returns the result, with its output as text."""
        return self.lmm("run", *words, **options)

    def start_lmm(self, *words, **options):
        """Starts `lmm run`; the program is ready when its first line is there."""
        return self.start(harness.LMM, "run", *words, stderr=subprocess.PIPE, **options)

    def finish(self, process, status):
        """Waits for the end of lmm, which must have that status."""
        process.wait(timeout=harness.PATIENCE_SECONDS)
        self.assertEqual(process.returncode, status)

    def program_of_musl(self):
        """A program whose loader has the name of musl's; its status is 5, with LMM in its environment 6."""
        loader = self.path("ld-musl-x86_64.so.1")
        interpreter = subprocess.run(["readelf", "-l", "/bin/true"], capture_output=True, text=True, check=True).stdout
        os.symlink(re.search(r"interpreter: (.*)\]", interpreter)[1], loader)
        source = self.file("program.c", "#include <stdlib.h>\n"
                           "int main(void) { return getenv(\"LD_PRELOAD\") == NULL ? 5 : 6; }\n")
        subprocess.run(["cc", "-o", self.path("program"), source, f"-Wl,--dynamic-linker={loader}"], check=True)
        return self.path("program")

    def last_runs(self):
        """The directories of the last runs, which are kept."""
        return [name for name in os.listdir(self.ledgers) if name.startswith("lmm-last-")]

    def assert_nothing_left(self):
        self.assertEqual(set(os.listdir(self.ledgers)), set(self.last_runs()))
