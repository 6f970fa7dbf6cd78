# SPDX-License-Identifier: MIT
"""`lmm serve` beside files that are truncated while it has them mapped."""
import shutil
import time

from harness import main
from serving import PLAIN, ServeCase, os, threading, until

ANSWERS = ("", "/types", "/sites", "/families", "/history", "/leaks")


class Truncated(ServeCase):
    def test_a_program_that_is_built_anew(self):
        server = self.serve()
        for size in (0, 4096, os.path.getsize(PLAIN) // 2):
            binary = shutil.copy(PLAIN, self.path(f"built_{size}"))
            program = self.plain(binary)
            program.tell("wide 100")
            server.find(program.pid, names="ready")
            program.kill()
            os.truncate(binary, size)
            server.find(program.pid, state="killed")
            for rest in ANSWERS:
                self.assertEqual(server.status(f"/api/v1/processes/{program.pid}{rest}"), 200, (size, rest))
            self.assertEqual(server.status(f"/debug/pprof/heap?pid={program.pid}"), 200)
        self.assertEqual(server.end(), (0, ""))

    def test_ledgers(self):
        """Of programs that stand still, so that they do not miss them; each is whole again after a moment."""
        server = self.serve()
        programs = [self.typed(200) for _ in range(4)]
        for program in programs:
            program.tell("keep 1000")
            server.find(program.pid, live_blocks=1000)
        ledgers = [os.path.join(folder, name) for folder, _, names in os.walk(self.ledgers) for name in names if name.endswith(".lmm")]
        self.assertEqual(len(ledgers), len(programs))
        contents = {}
        for path in ledgers:
            with open(path, "rb") as file:
                contents[path] = file.read(1 << 20)
        has_ended = threading.Event()

        def truncate():
            while not has_ended.is_set():
                for path, content in contents.items():
                    size = os.path.getsize(path)
                    os.truncate(path, 4096)
                    time.sleep(0.001)
                    with open(path, "r+b") as file:
                        file.write(content)
                    os.truncate(path, size)

        thread = threading.Thread(target=truncate)
        thread.start()
        try:
            troubles = set()
            until(lambda: troubles.update(one["trouble"] for one in server.processes()) or len(troubles) >= 2, lambda: troubles)
        finally:
            has_ended.set()
            thread.join()
        for program in programs:
            server.find(program.pid, live_blocks=1000, trouble="")
            program.tell("keep 1")
        self.assertEqual(server.end(), (0, ""))


if __name__ == "__main__":
    main(together=True)
