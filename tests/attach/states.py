#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""states.py LMM FOLDER: `lmm attach` to processes whose threads cannot be stopped, or cannot load a library, or that are stopped,
killed or replaced meanwhile. It always returns, and afterwards nothing traces the process, which goes on."""
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import patience

LMM, FOLDER = sys.argv[1:3]
PATIENCE = patience.seconds(60)
STATUS = 4
TURNS = 12


def threads_of(pid):
    return os.listdir(f"/proc/{pid}/task")


def facts_of(pid, thread):
    """The thread's letter of state and the process that traces it; None: it has ended."""
    try:
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
            facts = dict(line.split(":", 1) for line in file)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return facts["State"].split()[0], int(facts["TracerPid"])


def kill_with_a_word(process):
    for thread in threads_of(process.pid):
        print(f"no answer: thread {thread} is {facts_of(process.pid, thread)}", file=sys.stderr)
    process.kill()


def next_line(process):
    """The program's next line; after PATIENCE it is killed, and the line is empty."""
    killer = threading.Timer(PATIENCE, kill_with_a_word, [process])
    killer.start()
    line = process.stdout.readline()
    killer.cancel()
    return line


class States(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lmm-states-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.gate = os.path.join(folder.name, "gate")
        os.mkdir(os.path.join(folder.name, "ledgers"), 0o700)
        self.environment = dict(os.environ, LMM_DIR=os.path.join(folder.name, "ledgers"), SLOW_LIBRARY_GATE=self.gate)

    def start(self, *words):
        process = subprocess.Popen([os.path.join(FOLDER, "states"), *words], stdout=subprocess.PIPE, encoding="utf-8",
                                   env=self.environment)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()

        self.addCleanup(end)
        self.assertEqual(next_line(process), "ready\n")
        return process

    def attach(self, process, *words):
        result = subprocess.run([LMM, "attach", *words, str(process.pid)], env=self.environment, timeout=PATIENCE,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                encoding="utf-8")
        self.assertIn(result.returncode, (0, 1), result.stderr)
        self.assertIn("lmm: ", result.stderr)
        return result

    def check_untouched(self, process):
        """Nothing traces it, no thread stands still, and it answers."""
        for thread in threads_of(process.pid):
            facts = facts_of(process.pid, thread)
            if facts is not None:
                self.assertEqual(facts[1], 0, f"thread {thread} is traced")
                self.assertNotIn(facts[0], "tT", f"thread {thread} is stopped")
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(next_line(process), "alive\n")

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), STATUS)

    def test_ending(self):
        process = self.start("ending")
        for turn in range(TURNS):
            result = self.attach(process)
            if "ptrace is" in result.stderr:
                self.skipTest(result.stderr)
            self.assertEqual(result.returncode, min(turn, 1), result.stderr)
            self.check_untouched(process)
        self.end(process)

    def test_vfork(self):
        process = self.start("vfork")
        result = self.attach(process)
        self.assertEqual(result.returncode, 1)
        self.assertIn("does not stop", result.stderr)
        self.check_untouched(process)
        self.end(process)

    def test_spawning(self):
        process = self.start("spawning")
        result = self.attach(process)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.check_untouched(process)
        self.end(process)

    def test_leader(self):
        process = self.start("leader")
        while facts_of(process.pid, process.pid)[0] != "Z":
            time.sleep(0.01)
        result = self.attach(process)
        self.assertEqual(result.returncode, 1)
        self.assertIn("its first thread has ended", result.stderr)
        self.check_untouched_without_leader(process)

    def check_untouched_without_leader(self, process):
        others = [thread for thread in threads_of(process.pid) if int(thread) != process.pid]
        self.assertEqual([facts_of(process.pid, thread)[1] for thread in others], [0] * len(others))
        self.end(process)

    def test_exec(self):
        process = self.start("exec")
        for _ in range(TURNS):
            self.attach(process, "--timeout", "2s")
            self.check_untouched(process)
        self.end(process)

    def test_stop(self):
        """SIGSTOP comes at any moment of the attach."""
        for turn in range(TURNS):
            process = self.start("ending")
            over = threading.Event()

            def stop_and_go():
                while not over.is_set():
                    time.sleep(random.uniform(0, 0.02))
                    process.send_signal(signal.SIGSTOP)
                    time.sleep(random.uniform(0, 0.05))
                    process.send_signal(signal.SIGCONT)

            other = threading.Thread(target=stop_and_go)
            other.start()
            try:
                self.attach(process, "--timeout", "2s")
            finally:
                over.set()
                other.join()
            self.check_untouched(process)
            self.end(process)

    def test_kill(self):
        for _ in range(TURNS):
            process = self.start("ending")
            killer = threading.Timer(random.uniform(0, 0.1), process.kill)
            killer.start()
            self.attach(process)
            killer.join()
            self.assertEqual(process.wait(PATIENCE), -signal.SIGKILL)

    def test_loader_is_held(self):
        """dlopen waits for the loader's lock: the thread is left in it, and goes on by itself."""
        process = self.start("loading", os.path.join(FOLDER, "slow_library.so"))
        result = self.attach(process, "--timeout", "1s")
        self.assertEqual(result.returncode, 1)
        self.assertIn("dlopen did not return in it", result.stderr)
        for thread in threads_of(process.pid):
            self.assertEqual(facts_of(process.pid, thread)[1], 0)
        with open(self.gate, "w", encoding="ascii"):
            pass
        self.check_untouched(process)
        result = self.attach(process)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.check_untouched(process)
        self.end(process)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
