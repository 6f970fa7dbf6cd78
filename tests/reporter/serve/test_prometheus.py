# SPDX-License-Identifier: MIT
"""A real Prometheus scrapes `lmm serve` and answers queries; the rules of contrib/prometheus do what their tests say."""
import http.client
import re
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

    def dashboard(self):
        with open(os.path.join(SOURCE, "contrib", "grafana", "lmm-memory.json"), encoding="utf-8") as file:
            return json.load(file)

    def test_dashboard(self):
        """What Grafana's schema (37) asks for: a title, types that it has, places that do not overlap, and a source for each query."""
        dashboard = self.dashboard()
        self.assertTrue(dashboard["title"] and dashboard["uid"] and len(dashboard["uid"]) <= 40 and dashboard["schemaVersion"] >= 37)
        variables = [one["name"] for one in dashboard["templating"]["list"]]
        self.assertEqual(variables, ["source", "program", "pid"])
        panels, cells = dashboard["panels"], set()
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        for panel in panels:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            covered = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & covered, panel["title"])
            cells |= covered
            self.assertIn(panel["type"], ("timeseries", "stat", "table", "bargauge", "text"))
            self.assertEqual(panel["datasource"], {"type": "prometheus", "uid": "${source}"})
            self.assertEqual(len({target["refId"] for target in panel["targets"]}), len(panel["targets"]))
            for target in panel["targets"]:
                self.assertTrue(set(re.findall(r"\$(\w+)", target["expr"] + target.get("legendFormat", ""))) <= {*variables, "__rate_interval"})

    def expressions(self, program):
        """The dashboard's queries and those of its variables, as Grafana sends them."""
        dashboard = self.dashboard()
        texts = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        texts += [re.fullmatch(r"label_values\((.*), \w+\)", one["query"]["query"])[1]
                  for one in dashboard["templating"]["list"] if one["type"] == "query"]
        return [text.replace("$program", ".*").replace("$pid", str(program.pid)).replace("$__rate_interval", "5m") for text in texts]

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
        server = self.serve("--token-file", self.path("token"), "--limit", "1G")
        program = self.typed(5)
        program.tell("keep 50")
        server.find(program.pid, live_blocks=50)
        with open(os.path.join(FOLDER, "lmm-rules.yml"), encoding="utf-8") as file:
            self.file("lmm-rules.yml", file.read().replace("  - name: lmm\n", "  - name: lmm\n    interval: 1s\n"))
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
        program.tell("keep 5000")   # it grows
        self.assertEqual(server.status(f"/api/v1/processes/{program.pid}/leaks", "POST", "{}"), 200)
        missing = self.expressions(program)

        def answered():
            missing[:] = [text for text in missing if not self.query(port, text)]
            return not missing

        self.assertGreaterEqual(len(missing), 10)
        until(answered, lambda: f"no data for {missing}")


if __name__ == "__main__":
    main()
