# SPDX-License-Identifier: MIT
"""A real Prometheus scrapes `lmm serve` and answers queries; the rules of contrib/prometheus do what their tests say."""
import http.client
import shutil
import socket
import urllib.parse

from harness import SOURCE, main, run
from serving import ServeCase, json, os, subprocess, until

FOLDER = os.path.join(SOURCE, "contrib", "prometheus")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Prometheus(ServeCase):
    def setUp(self):
        super().setUp()
        for name in ("prometheus", "promtool"):
            if shutil.which(name) is None:
                self.skipTest(f"{name} is not installed")

    def test_rules(self):
        for words in (("check", "rules", "lmm-rules.yml"), ("test", "rules", "lmm-rules.test.yml")):
            result = run("promtool", *words, cwd=FOLDER)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_dashboard(self):
        with open(os.path.join(SOURCE, "contrib", "grafana", "lmm-memory.json"), encoding="utf-8") as file:
            panels = json.load(file)["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))

    def query(self, port, expression):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/api/v1/query?query=" + urllib.parse.quote(expression))
            answer = connection.getresponse()
            return json.loads(answer.read())["data"]["result"] if answer.status == 200 else []
        except ConnectionRefusedError:
            return []
        finally:
            connection.close()

    def test_scrape(self):
        server = self.serve("--token-file", self.path("token"))
        program = self.typed(5)
        program.tell("keep 50")
        server.find(program.pid, live_blocks=50)
        shutil.copy(os.path.join(FOLDER, "lmm-rules.yml"), self.folder)
        with open(os.path.join(FOLDER, "scrape.yml"), encoding="utf-8") as file:
            text = file.read()
        for old, new in (("15s", "1s"), ("/etc/prometheus/lmm-token", self.path("token")), ("127.0.0.1:9464", f"127.0.0.1:{server.port}")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        port = free_port()
        process = subprocess.Popen(["prometheus", f"--config.file={self.file('scrape.yml', text)}", f"--storage.tsdb.path={self.path('data')}",
                                    f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        live = until(lambda: self.query(port, "lmm_process_live_blocks"))
        self.assertEqual((live[0]["metric"]["program"], live[0]["metric"]["pid"], live[0]["value"][1]), ("served", str(program.pid), "50"))
        families = self.query(port, 'lmm_family_live_blocks{family="<script>alert(1)</script>"}')
        self.assertEqual([one["value"][1] for one in families], ["10"])
        self.assertEqual(self.query(port, "up")[0]["value"][1], "1")


if __name__ == "__main__":
    main()
