# SPDX-License-Identifier: MIT
"""What the tests of `lmm serve` share: a server, its clients, and programs that it observes."""
import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import threading

from harness import LMM, Case, arguments, until

SERVED, PLAIN, PRELOAD = arguments(3)


class Server:
    """A running `lmm serve`, with a token."""

    def __init__(self, case, *options, environment=None):
        self.process = subprocess.Popen([LMM, "serve", "--port", "0", *options], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                                        env=environment or case.environment)
        self.messages = None
        case.addCleanup(self.end)
        line = self.process.stdout.readline()
        found = re.fullmatch(r"http://(?P<host>[0-9.]+|\[::1\]):(?P<port>\d+)/\?token=(?P<token>\S+)\n", line)
        if not found:
            raise AssertionError(f"{line!r} {self.end()}")
        self.host, self.port, self.token = found["host"], int(found["port"]), found["token"]

    def end(self):
        """Ends the server and returns its exit status and messages."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if self.messages is None:
            self.messages = self.process.communicate(timeout=60)[1]
        return self.process.returncode, self.messages

    def connect(self):
        return http.client.HTTPConnection(self.host.strip("[]"), self.port, timeout=60)

    def ask(self, path, method="GET", body=None, token=True, **headers):
        """Returns the answer, with its body as `text`. Headers that are None are left out; _ stands for a dash."""
        sent = {"Authorization": f"Bearer {self.token}"} if token else {}
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        connection = self.connect()
        try:
            connection.request(method, path, body=body,
                               headers={name: value for name, value in sent.items() if value is not None})
            answer = connection.getresponse()
            answer.text = answer.read()
            return answer
        except (ConnectionError, http.client.RemoteDisconnected) as error:
            raise AssertionError(f"{method} {path}: {error}; the server: {self.end()}") from error
        finally:
            connection.close()

    def status(self, path, *words, **headers):
        return self.ask(path, *words, **headers).status

    def json(self, path, *words, **headers):
        answer = self.ask(path, *words, **headers)
        if answer.status >= 300:
            raise AssertionError(f"{path}: {answer.status} {answer.text}")
        return json.loads(answer.text)

    def processes(self):
        return self.json("/api/v1/processes")["processes"]

    def find(self, pid, **values):
        """The process of the list, as soon as it is there with these values."""
        def there():
            return next((one for one in self.processes()
                         if one["pid"] == pid and all(one[key] == value for key, value in values.items())), None)
        return until(there, lambda: f"{pid} {values}: {self.processes()}")


class Events:
    """An event stream; next() waits for the next event and returns its name and data."""

    def __init__(self, case, server, path, **headers):
        self.connection = server.connect()
        case.addCleanup(self.connection.close)
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {server.token}",
                                                      **{name.replace("_", "-"): text for name, text in headers.items()}})
        self.answer = self.connection.getresponse()
        case.assertEqual(self.answer.status, 200)
        case.assertEqual(self.answer.getheader("Content-Type"), "text/event-stream")
        self.id = None

    def next(self):
        name, data = None, None
        while line := self.answer.readline():
            line = line.decode().rstrip("\n")
            if line.startswith("id: "):
                self.id = int(line[4:])
            elif line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif not line and name:
                return name, data
        return None, None


class Served:
    """A running program that obeys lines."""

    def __init__(self, case, *command, environment=None):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=environment or case.environment, encoding="utf-8")
        self.pid = self.process.pid
        case.addCleanup(self.kill)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if answer != "ok\n":
            raise AssertionError(f"{line}: {answer!r}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)


class ServeCase(Case):
    def serve(self, *options, **settings):
        return Server(self, *options, **settings)

    def typed(self, families=3):
        return Served(self, SERVED, families)

    def plain(self, program=PLAIN):
        """A program on the drop-in, where that is built."""
        if not os.path.isfile(PRELOAD):
            self.skipTest("a sanitized build has no drop-in")
        return Served(self, program, environment={**self.environment, "LD_PRELOAD": PRELOAD,
                                                "LMM_OPTIONS": f"stacks=24:ledger={self.ledgers}"})


__all__ = ["Events", "Served", "ServeCase", "Server", "json", "os", "signal", "subprocess", "threading", "until"]
