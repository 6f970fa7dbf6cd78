#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pictures.py LMM PRELOAD FOLDER [REDIS-SERVER]: makes the pictures of the README, FOLDER/{live,report}.png.

A redis-server works for 70 seconds under `lmm run --html`, while `lmm serve` observes it: the live page in the dark
theme, then the report in the light one. With debug information (Debian: redis-tools-dbgsym) its rows have types.
"""
import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
sys.dont_write_bytecode = True

import browser  # noqa: E402 (found by the line above)
import picture  # noqa: E402

LMM, PRELOAD, FOLDER = sys.argv[1:4]
REDIS = sys.argv[4] if len(sys.argv) > 4 else "redis-server"
SIZE = (1400, 940)
STEPS, KEYS_PER_STEP = 280, 450    # of a quarter of a second each
READY = "return document.documentElement.dataset.ready;"


def send(port, commands):
    """Sends commands, each a tuple of words, to the server and waits for all answers."""
    text = b"".join(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in
                                                         (str(word).encode() for word in words)) for words in commands)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass


def commands_of(step):
    """What clients do in one step: a cache that fills, a ranking, sessions that are forgotten now and then."""
    keys = range(step * KEYS_PER_STEP, (step + 1) * KEYS_PER_STEP)
    yield from (("SET", f"page:{key}", "x" * 300) for key in keys if step < 150)
    yield from (("ZADD", "ranking", key, f"player:{key}") for key in keys)
    yield from (("HSET", f"session:{key % 9000}", f"field:{key}", key) for key in keys)
    if step % 70 == 69:
        yield from (("DEL", f"session:{key}") for key in range(9000))
    if step > 170:
        yield from (("DEL", f"page:{key}") for key in range((step - 171) * KEYS_PER_STEP, (step - 170) * KEYS_PER_STEP))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)


def work(port):
    for step in range(STEPS):
        start = time.monotonic()
        send(port, list(commands_of(step)))
        time.sleep(max(0, 0.25 - (time.monotonic() - start)))


def save(window, name):
    png = picture.smaller(window, window.picture())
    path = pathlib.Path(FOLDER, name)
    path.write_bytes(png)
    print(f"{path}: {len(png)} bytes")


def main():
    window = browser.Browser()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stack.callback(window.close)
        environment = {**os.environ, "LMM_DIR": folder, "LMM_PRELOAD_LIBRARY": PRELOAD, "XDG_CONFIG_HOME": folder}
        os.chmod(folder, 0o700)
        port, page = free_port(), f"{folder}/report.html"
        server = subprocess.Popen([LMM, "serve", "--port", "0", "--limit", "64M"], env=environment, stdout=subprocess.PIPE,
                                  encoding="utf-8")
        stack.callback(server.terminate)
        address = server.stdout.readline().strip()
        program = subprocess.Popen([LMM, "run", "--html", page, "--", REDIS, "--port", str(port), "--save", "", "--dir",
                                    folder, "--bind", "127.0.0.1"], env=environment, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        stack.callback(program.kill)
        wait_for(port)
        window.resize(*SIZE)
        window.prefer(prefers_color_scheme="dark")
        window.open(address)
        window.until("return document.querySelector('.processes a');")
        window.run("document.querySelector('.processes a').click();")
        window.until("return document.querySelector('.grid');")
        work(port)
        time.sleep(1.5)
        save(window, "live.png")
        send(port, [("SHUTDOWN", "NOSAVE")])
        program.wait()
        window.prefer(prefers_color_scheme="light")
        window.open("file://" + page)
        window.until(READY)
        save(window, "report.png")
        print(re.sub(r"\?.*", "", address), os.path.getsize(page), "bytes of HTML")


main()
