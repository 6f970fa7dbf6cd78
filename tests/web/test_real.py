# SPDX-License-Identifier: MIT
"""The page of real programs: a filled redis-server under `lmm run --html`, and the word index while it runs.

Arguments: lmm, the folder for pictures, the drop-in, and the program wordindex.
"""
import os
import shutil
import signal
import socket
import subprocess
import unittest

import page_file
from harness import LMM, SOURCE, until
from web_case import WebCase, arguments, pictures

PICTURES = pictures(arguments(1)[0])
PRELOAD, WORDINDEX = arguments(2)
KEYS = 20000


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Real(WebCase):
    def setUp(self):
        super().setUp()
        self.environment["LMM_PRELOAD_LIBRARY"] = PRELOAD

    def redis(self, port, *commands):
        """Sends commands to the server, each a list of words, in one go."""
        text = b"".join(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in
                                                             (str(word).encode() for word in words)) for words in commands)
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_a_filled_redis_server(self):
        port = free_port()
        page = self.path("redis.html")
        server = subprocess.Popen([LMM, "run", "--html", page, "--", "redis-server", "--port", str(port), "--save", "",
                                   "--bind", "127.0.0.1", "--dir", self.folder], env=self.environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8")
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        until(lambda: answers(port), "redis-server does not answer")
        self.redis(port, *(("SET", f"key:{i}", "x" * 120) for i in range(KEYS)),
                   *(("ZADD", "scores", i, f"member:{i}") for i in range(KEYS)),
                   *(("HSET", f"user:{i % 500}", f"field:{i}", i) for i in range(KEYS)))
        self.redis(port, ("SHUTDOWN", "NOSAVE"))
        _, report = server.communicate()
        self.assertEqual(server.returncode, 0, report)
        milliseconds = self.open(page)
        with open(page, "rb") as file:
            print(f"redis-server: {os.path.getsize(page)} bytes, drawn {milliseconds} ms after the page's start")
            document = page_file.document_of(file.read())
        self.assertIn("redis-server", self.text("h1"))
        self.assertIn("ended with status 0", self.text(".state"))
        self.assertGreater(document["totals"]["peak_blocks"], 2 * KEYS)
        self.check()
        self.press_button("Lines", ".tables")
        self.assertGreater(self.count(".grid tbody tr"), 10)
        (PICTURES / "redis-1400-light.png").write_bytes(self.browser.picture(whole=True))

    def test_the_word_index_while_it_runs(self):
        pipe = self.path("more-text")
        os.mkfifo(pipe)
        more = os.open(pipe, os.O_RDWR)
        self.addCleanup(os.close, more)
        program = subprocess.Popen([WORDINDEX, "--quiet", f"{SOURCE}/README.md", pipe], env=self.environment,
                                   stdout=subprocess.DEVNULL)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        until(lambda: "index.c" in self.lmm("sites", str(program.pid)).stdout, "the word index allocates nothing")
        page = self.path("index.html")
        self.succeed("report", "--format", "html", "-o", page, str(program.pid))
        self.open(page)
        self.assertIn("running for", self.text(".state"))
        self.assertEqual(self.text(".tables [aria-selected=true]"), "Families")
        self.check()
        (PICTURES / "wordindex-1400-light.png").write_bytes(self.browser.picture(whole=True))
        program.send_signal(signal.SIGKILL)
        program.wait()
        self.succeed("report", "--format", "html", "-o", page, str(program.pid))
        self.open(page)
        self.assertIn("killed", self.text(".state"))
        self.assertIn("as the process left them", self.text(".note"))
        self.assertGreater(self.count(".grid tbody tr"), 2)


if __name__ == "__main__":
    unittest.main()
