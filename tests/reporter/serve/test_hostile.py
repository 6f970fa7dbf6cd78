# SPDX-License-Identifier: MIT
"""`lmm serve` beside clients that send damaged requests and leave in the middle, while processes come and go.

The last arguments: how many seconds, and a number that the requests are made of. The server must answer at the end, and end
with status 0.
"""
import contextlib
import random
import socket
import time

from harness import arguments, main
from serving import PRELOAD, ServeCase, json, os, threading, until

SECONDS, SEED = (int(one.rpartition("/")[2]) for one in arguments(2))
CLIENTS, PROGRAMS = 8, 3
PATHS = ("/", "/healthz", "/nothing", "/api/v1/processes", "/api/v1/events", "/metrics", "/metrics?sites=1", "/debug/pprof/heap",
         *("/api/v1/processes/{}" + rest for rest in ("", "/events", "/types", "/sites", "/families", "/history", "/leaks", "/diff?mark=1")),
         "/debug/pprof/heap?pid={}")
POSTS = {"/api/v1/processes/{}/marks": b'{"text": "x"}', "/api/v1/processes/{}/leaks": b"{}",
         "/api/v1/processes/{}/holders": b'{"type": 1, "retained": true}'}


class Hostile(ServeCase):
    def run_programs(self, number):
        choose = random.Random(SEED * 100 + number)
        while time.monotonic() < self.end:
            is_typed = choose.random() < 0.5 or not os.path.isfile(PRELOAD)
            program = self.typed(choose.randrange(1, 60)) if is_typed else self.plain()
            self.pids.append(program.pid)
            for line in ("keep 100", "lose 5", "spin") if is_typed else ("node 100", "text 5", "wide 9"):
                program.tell(line)
                time.sleep(choose.random())
            if choose.random() < 0.5:
                program.kill()
            else:
                program.end()

    def request(self, choose):
        pid = choose.choice(self.pids[-2 * PROGRAMS:] or [1])
        method, path, body = choose.choice(["GET"] * 8 + ["HEAD", "PUT"]), choose.choice(PATHS), b""
        if choose.random() < 0.1:
            method, (path, body) = "POST", choose.choice(list(POSTS.items()))
        lines = [f"{method} {path.format(pid)} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.server.token}"]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        data = bytearray("\r\n".join([*lines, "", ""]).encode() + body)
        if choose.random() < 0.2:
            for _ in range(choose.randrange(1, 6)):
                data[choose.randrange(len(data))] = choose.randrange(256)
            del data[choose.randrange(1, 3 * len(data)):]
        return bytes(data)

    def run_client(self, number):
        choose = random.Random(SEED * 1000 + number)
        while time.monotonic() < self.end:
            with contextlib.suppress(OSError), socket.create_connection((self.server.host, self.server.port), timeout=3) as connection:
                for _ in range(choose.randrange(1, 4)):
                    connection.sendall(self.request(choose))
                    connection.settimeout(choose.choice((0.05, 0.5, 2)))
                    for _ in range(choose.randrange(4)):
                        connection.recv(choose.choice((10, 65536)))
            time.sleep(choose.random() / 20)

    def test_server_survives(self):
        self.server = self.serve("--history", self.path("history"))
        self.pids, self.end = [], time.monotonic() + SECONDS
        threads = [threading.Thread(target=run, args=(i,)) for run, count in ((self.run_programs, PROGRAMS), (self.run_client, CLIENTS))
                   for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: self.server.status("/healthz", token=False) == 200)
        self.assertIn("processes", until(lambda: (answer := self.server.ask("/api/v1/processes")).status == 200 and json.loads(answer.text)))
        self.assertEqual(self.server.end(), (0, ""))


if __name__ == "__main__":
    main()
