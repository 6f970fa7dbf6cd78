# SPDX-License-Identifier: MIT
"""`lmm serve`: who may ask, and what is refused (docs/http-api.md)."""
import contextlib
import socket
import time

from harness import LMM, main, run
from serving import ServeCase, json, os, until

PATHS = ["/", "/healthz", "/api/v1/processes", "/api/v1/events", "/metrics"]


class Refusals(ServeCase):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def sent(self, data, server=None):
        """Sends bytes as they are and returns all that the server sends."""
        server = server or self.server
        with socket.create_connection((server.host, server.port), timeout=60) as connection:
            answer = b""
            with contextlib.suppress(OSError):   # the server may refuse what it has not read to the end
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while part := connection.recv(65536):
                    answer += part
        return answer

    def raw(self, data, server=None):
        """The same, but returns the status of the answer; None: the connection was closed without one."""
        answer = self.sent(data, server)
        return int(answer.split()[1]) if answer.startswith(b"HTTP/1.") else None

    def request(self, first, *headers, body=b""):
        lines = [first, "Host: localhost", f"Authorization: Bearer {self.server.token}", "Connection: close", *headers, "", ""]
        return self.raw("\r\n".join(lines).encode("latin-1") + body)

    def test_only_health_needs_no_token(self):
        for path in PATHS:
            self.assertEqual(self.server.status(path, token=False), 200 if path == "/healthz" else 401, path)

    def test_wrong_tokens(self):
        token = self.server.token
        for given in (f"Bearer {token}x", f"Bearer {token[:-1]}", "Bearer ", "Bearer", token, f"Basic {token}", "Bearer \x00",
                      f"Bearer {token[:-1]}{'B' if token[-1] == 'A' else 'A'}"):
            self.assertIn(self.request("GET /metrics HTTP/1.1", f"X-Nothing: {given}"), (200, 400), given)
            self.assertEqual(self.server.status("/metrics", Authorization=given.replace("\x00", "")), 401, given)

    def test_unknown_paths_are_not_told_without_token(self):
        self.assertEqual(self.server.status("/nothing", token=False), 401)
        self.assertEqual(self.server.status("/nothing"), 404)

    def test_cookie(self):
        first = self.server.ask(f"/?token={self.server.token}", token=False)
        cookie = first.getheader("Set-Cookie")

        self.assertEqual((first.status, first.getheader("Location")), (303, "/"))
        self.assertIn("HttpOnly", cookie)
        self.assertIn("SameSite=Strict", cookie)
        self.assertNotIn(self.server.token, cookie)
        name, value = cookie.split(";")[0].split("=")
        self.assertIn(str(self.server.port), name)
        for header, status in ((f"{name}={value}", 200), (f"a=b; {name}={value}", 200), (f"{name}={value}; a=b", 200),
                               (f"{name}={value}x", 401), (f"{name}=", 401), (f"x{name}={value}", 401),
                               (f"{name}={self.server.token}", 401), (value, 401), ("", 401)):
            self.assertEqual(self.server.status("/api/v1/processes", token=False, Cookie=header), status, header)

    def test_wrong_token_in_the_address(self):
        for query in ("token=x", "token=", f"token={self.server.token}x", f"token={self.server.token}&token=x", "token"):
            answer = self.server.ask(f"/?{query}", token=False)
            self.assertEqual((answer.status, answer.getheader("Set-Cookie")), (401, None), query)

    def test_token_in_the_address_of_other_paths(self):
        self.assertEqual(self.server.status(f"/api/v1/processes?token={self.server.token}", token=False), 401)
        self.assertEqual(self.server.status(f"/debug/pprof/heap?token={self.server.token}", token=False), 404)

    def test_host(self):
        for host in ("localhost", "127.0.0.1", "127.0.0.1:1", "localhost:9464", "[::1]:80", "LOCALHOST", "192.0.2.1"):
            self.assertEqual(self.server.status("/metrics", Host=host), 200, host)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:", "localhost:x", "a@localhost",
                     "[::1", "[::1]x", "", "localhost:123456", "127.1", "0x7f000001", "2130706433"):
            self.assertEqual(self.server.status("/metrics", Host=host), 403, host)
            self.assertEqual(self.server.status("/healthz", Host=host), 403, host)
        self.assertEqual(self.server.status("/metrics", Host=socket.gethostname()), 200)

    def test_no_host(self):
        self.assertIn(self.raw(f"GET /metrics HTTP/1.1\r\nAuthorization: Bearer {self.server.token}\r\n"
                               "Connection: close\r\n\r\n".encode()), (400, 403))

    def test_origin(self):
        own = f"localhost:{self.server.port}"
        self.assertEqual(self.server.status("/metrics", Host=own, Origin=f"http://{own}"), 200)
        for origin in ("null", "http://evil.example", f"https://{own}", "http://localhost:1", f"http://{own}/", f"http://{own}x", ""):
            self.assertEqual(self.server.status("/metrics", Host=own, Origin=origin), 403, origin)

    def test_requests_of_other_sites_pages(self):
        for site, mode, status in (("same-origin", "cors", 200), ("none", "navigate", 200), ("cross-site", "navigate", 200),
                                   ("cross-site", "no-cors", 403), ("same-site", "cors", 403), ("cross-site", None, 403)):
            self.assertEqual(self.server.status("/metrics", Sec_Fetch_Site=site, Sec_Fetch_Mode=mode), status, (site, mode))

    def test_path_tricks(self):
        for path in ("//", "/..", "/../etc/passwd", "/api/v1/../v1/processes", "/api/v1/processes/", "/api//v1/processes", "/%2e%2e/x",
                     "/%68ealthz", "/api/v1/processes/1/../2", "/api/v1/processes/1%00", "/healthz/", "/API/v1/processes",
                     "/api/v1/processes/-1", "/api/v1/processes/1/", "/api/v1/processes/01", "/api/v1/processes/1.", "/api/v1/processes/.1",
                     "/api/v1/processes/99999999999999999999", "/api/v1/processes/1/nothing", "/debug/pprof/", "/./metrics",
                     "/api/v1/processes/1.99999999999999999999/types", "/index.html/..", "/" + "a" * 2000):
            self.assertEqual(self.request(f"GET {path} HTTP/1.1"), 404, path)
        self.assertEqual(self.request("GET http://localhost/metrics HTTP/1.1"), 404)

    def test_methods(self):
        for method, path, allow in (("POST", "/metrics", "GET, HEAD"), ("DELETE", "/", "GET, HEAD"), ("PUT", "/api/v1/processes", "GET, HEAD"),
                                    ("GET", "/api/v1/processes/1/marks", "POST"), ("GET", "/api/v1/processes/1/holders", "POST"), ("OPTIONS", "/metrics", "GET, HEAD"),
                                    ("DELETE", "/api/v1/processes/1/leaks", "GET, HEAD, POST"), ("TRACE", "/", "GET, HEAD")):
            answer = self.server.ask(path, method)
            self.assertEqual((answer.status, answer.getheader("Allow")), (405, allow), (method, path))

    def test_head(self):
        for path in PATHS:
            answer = self.server.ask(path, "HEAD")
            self.assertEqual((answer.status, answer.text), (200, b""), path)

    def test_parameters(self):
        for path in ("/metrics?sites=2", "/metrics?sites", "/metrics?sites=", "/metrics?top=1", "/metrics?x=1", "/healthz?x=1",
                     "/api/v1/processes?top=1", "/api/v1/events?since=x", "/api/v1/events?since=-1", "/api/v1/events?since=1&since=2",
                     "/api/v1/processes/1/types?top=0", "/api/v1/processes/1/types?top=10001", "/api/v1/processes/1/types?top=1%30",
                     "/debug/pprof/heap?pid=x", "/debug/pprof/heap?pid=0", "/api/v1/processes/1/diff?mark=x", "/?x=1", "/metrics?sites=%31"):
            self.assertEqual(self.server.status(path), 400, path)

    def test_bodies(self):
        path = "/api/v1/processes/1/marks"
        self.assertEqual(self.server.status(path, "POST", "{" + " " * 5000 + "}"), 413)
        self.assertEqual(self.request(f"POST {path} HTTP/1.1", "Content-Type: application/json", "Content-Length: 99999999999"), 413)
        self.assertEqual(self.request(f"POST {path} HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked",
                                      body=b"1388\r\n" + b" " * 5000 + b"\r\n0\r\n\r\n"), 413)
        self.assertEqual(self.server.status(path, "POST", "{}", Content_Type="text/plain"), 415)
        self.assertEqual(self.server.status(path, "POST", "{}", Content_Type="application/jsonx"), 415)
        self.assertEqual(self.server.status(path, "POST", "{}", Content_Type="application/json; charset=utf-8"), 404)
        self.assertEqual(self.server.status(path, "POST", "{}", token=False), 401)

    def test_malformed_requests(self):
        for data in (b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n",
                     b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n"):
            self.assertIn(self.raw(data), (None, 400, 401, 403, 505), data)
        self.assertIn(self.request("GET / HTTP/1.1", "X: " + "a" * 60000), (None, 413, 414, 431))
        self.assertEqual(self.server.status("/healthz"), 200)

    def test_answers_of_the_library(self):
        """Fixed texts: they repeat nothing of the request, and the connection is closed."""
        host = "Host: localhost\r\n"
        for status, request in ((400, f"GET /marker\r\n{host}\r\n"),
                                (400, f"GET /marker HTTP/1.1\r\n{host}marker\r\n\r\n"),
                                (400, "GET /marker HTTP/1.1\r\n\r\n"),
                                (400, f"POST /marker HTTP/1.1\r\n{host}Content-Length: marker\r\n\r\n"),
                                (413, f"POST /marker HTTP/1.1\r\n{host}Content-Length: {'9' * 30}\r\n\r\n"),
                                (414, f"GET /marker{'a' * 40000} HTTP/1.1\r\n{host}\r\n"),
                                (431, f"GET /marker HTTP/1.1\r\n{host}X-Marker: {'a' * 40000}\r\n\r\n"),
                                (505, f"GET /marker HTTP/2.0\r\n{host}\r\n")):
            answer = self.sent(request.encode())
            if not answer:   # it was reset, because there was more to read
                self.assertGreater(len(request), 40000)
                continue
            head, _, body = answer.lower().partition(b"\r\n\r\n")
            self.assertEqual(int(head.split()[1]), status, request[:80])
            self.assertEqual({line.split(b":")[0] for line in head.splitlines()[1:]}, {b"date", b"connection", b"content-length"})
            self.assertIn(b"connection: close", head)
            self.assertNotIn(b"marker", answer.lower())
            self.assertRegex(body, rb"(?s)<html>.*</html>$")

    def test_headers_of_answers(self):
        for path in (*PATHS, "/nothing"):
            answer = self.server.ask(path, "HEAD")
            policy = answer.getheader("Content-Security-Policy")
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(answer.getheader("X-Content-Type-Options"), "nosniff", path)
            self.assertEqual(answer.getheader("Referrer-Policy"), "no-referrer", path)
            self.assertEqual(answer.getheader("Cache-Control"), "no-store", path)
            self.assertIsNone(answer.getheader("Access-Control-Allow-Origin"), path)

    def test_errors_are_json(self):
        answer = self.server.ask("/api/v1/processes/1")
        self.assertEqual((answer.status, answer.getheader("Content-Type")), (404, "application/json"))
        self.assertIn("no such process", json.loads(answer.text)["error"])

    def test_too_many_requests(self):
        connection = self.server.connect()
        self.addCleanup(connection.close)

        def status():
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
            return answer.status
        start, count = time.monotonic(), 0
        while status() != 429:
            count += 1
            if count == 5000:
                rate = count / (time.monotonic() - start)
                self.assertLess(rate, 250)
                self.skipTest(f"this machine asks only {rate:.0f} times a second")
        until(lambda: status() == 200)


class Starting(ServeCase):
    def test_end_by_signal(self):
        server = self.serve()
        self.assertEqual(server.end(), (0, ""))

    def test_busy_port(self):
        server = self.serve()
        result = run(LMM, "serve", "--port", server.port, env=self.environment)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertEqual(result.stderr,
                         f"lmm: port {server.port} is in use, perhaps by another lmm serve: --port 0 takes a free one\n")

    def test_token_file(self):
        path = self.path("token")
        first = self.serve("--token-file", path)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(self.text_of("token"), first.token + "\n")
        first.end()
        self.assertEqual(self.serve("--token-file", path).token, first.token)

    def test_bad_token_files(self):
        for name, text, mode, message in (("open", "a" * 32, 0o644, "readable by you alone"), ("short", "abc", 0o600, "expected one line"),
                                          ("two", "a" * 32 + "\nb", 0o600, "expected one line"), ("blank", "a" * 20 + " b", 0o600, "expected"),
                                          ("long", "a" * 300, 0o600, "not a file with a token"), ("empty", "", 0o600, "expected")):
            self.fail_with(1, message, "serve", "--port", "0", "--token-file", self.file(name, text, mode))
        self.fail_with(1, "not a file with a token", "serve", "--port", "0", "--token-file", self.folder)

    def test_addresses(self):
        for words in (("--bind", "example"), ("--bind", "")):
            self.fail_with(1, "--bind needs an IP address", "serve", "--port", "0", *words)
        self.fail_with(1, "cannot listen on 192.0.2.1", "serve", "--port", "0", "--bind", "192.0.2.1")

    def test_public_address_is_told(self):
        server = self.serve("--bind", "0.0.0.0")
        self.assertEqual(server.status("/metrics"), 200)
        self.assertIn("not encrypted", server.end()[1])

    def test_command_line(self):
        for words, message in ((("x",), "unexpected argument"), (("--port", "x"), "--port"), (("--port", "65536"), "--port"),
                               (("--limit", "0"), "--limit"), (("--limit", "5X"), "--limit"), (("--limit", "-1"), "--limit"),
                               (("--limit", "99999999999G"), "--limit")):
            self.refuse(message, "serve", *words)


class UnixSocket(ServeCase):
    def test_unix_socket(self):
        path = self.path("socket")
        for _ in range(2):      # the second one finds the first one's socket
            process = self.start_unix(path)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: anything\r\nConnection: close\r\n\r\n")
                self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200 "))
            process.kill()
            process.wait()
            self.assertTrue(os.path.exists(path))

    def start_unix(self, path):
        import subprocess
        process = subprocess.Popen([LMM, "serve", "--unix", path], env=self.environment, stdout=subprocess.PIPE, encoding="utf-8")
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        self.assertEqual(process.stdout.readline(), f"listening on {path}\n")
        self.assertTrue(process.stdout.readline().startswith("token: "))
        return process

    def test_what_is_there_is_kept(self):
        path = self.file("plain", "text")
        self.fail_with(1, "cannot listen", "serve", "--unix", path)
        self.assertEqual(self.text_of("plain"), "text")
        self.fail_with(1, "too long", "serve", "--unix", "/" + "a" * 200)


if __name__ == "__main__":
    main()
