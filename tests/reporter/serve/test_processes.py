# SPDX-License-Identifier: MIT
"""`lmm serve`: the list of processes, their documents, metrics and profiles."""
import shutil

from harness import main, run
from serving import Events, ServeCase, json, until


def apply(processes, changes):
    """The list after an event `changes`."""
    by_id = {one["id"]: one for one in processes}
    by_id.update({one["id"]: one for one in changes["changed"]})
    return sorted((one for key, one in by_id.items() if key not in changes["gone"]),
                  key=lambda one: (one["start_time_ns"], one["pid"]))


class List(ServeCase):
    def test_empty(self):
        self.assertEqual(self.serve().processes(), [])

    def test_states(self):
        server = self.serve()
        program = self.typed()
        program.tell("keep 30")
        one = server.find(program.pid, live_blocks=30)
        self.assertEqual((one["program"], one["state"], one["is_typed"], one["names"], one["end_time_ns"], one["trouble"]),
                         ("served", "running", True, "none", 0, ""))
        self.assertEqual(one["id"], f"{program.pid}.{one['start_time_ns']}")
        self.assertGreater(one["resident_bytes"], 0)
        program.kill()
        dead = server.find(program.pid, state="killed")
        self.assertEqual((dead["live_blocks"], dead["id"]), (30, one["id"]))
        self.assertGreater(dead["end_time_ns"], one["start_time_ns"])

    def test_clean_exit_keeps_the_last_figures(self):
        server = self.serve()
        program = self.typed()
        program.tell("keep 20")
        server.find(program.pid, live_blocks=20)
        program.tell("free 20")
        server.find(program.pid, live_blocks=0)
        program.end()
        one = server.find(program.pid, is_removed=True)
        self.assertEqual((one["state"], one["allocations"], one["frees"]), ("exited", 20, 20))

    def test_dead_before_the_server(self):
        program = self.typed()
        program.tell("keep 7")
        program.kill()
        server = self.serve()
        self.assertEqual(server.find(program.pid)["live_blocks"], 7)
        self.assertEqual(len(server.json(f"/api/v1/processes/{program.pid}/families")["families"]), 3)

    def test_names_of_stacks_that_come_later(self):
        server = self.serve()
        program = self.plain()
        self.assertEqual(server.find(program.pid, names="none")["allocations"], 0)
        program.tell("node 100")
        server.find(program.pid, names="ready")

    def test_drop_in(self):
        server = self.serve()
        program = self.plain()
        program.tell("node 100")
        one = server.find(program.pid, names="ready")
        self.assertFalse(one["is_typed"])

    def test_limit(self):
        program = self.typed()
        program.tell("keep 1")
        server = self.serve("--limit", "3G")
        self.assertIn(server.find(program.pid)["limit_bytes"] > 0, (True,))

    def test_events(self):
        server = self.serve()
        events = Events(self, server, "/api/v1/events")
        name, document = events.next()
        self.assertEqual((name, document["processes"]), ("processes", []))
        program = self.typed()
        program.tell("keep 5")
        processes = []
        while not any(one["live_blocks"] == 5 for one in processes):
            name, changes = events.next()
            self.assertEqual(name, "changes")
            self.assertEqual(events.id, changes["sequence"])
            processes = apply(processes, changes)
        self.assertEqual([one["pid"] for one in processes], [program.pid])
        again = Events(self, server, "/api/v1/events", Last_Event_ID=str(document["sequence"]))
        name, changes = again.next()
        self.assertEqual((name, changes["sequence"]), ("changes", document["sequence"] + 1))
        for since in ("1", str(events.id + 1000)):
            self.assertEqual(Events(self, server, f"/api/v1/events?since={since}").next()[0], "processes", since)

    def test_end_ends_streams(self):
        server = self.serve()
        events = Events(self, server, "/api/v1/events")
        self.assertEqual(events.next()[0], "processes")
        self.assertEqual(server.end(), (0, ""))
        while events.next()[0] is not None:
            pass


class Metrics(ServeCase):
    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.programs = [self.typed(5), self.typed(5)]
        for program in self.programs:
            program.tell("keep 50")
            self.server.find(program.pid, live_blocks=50)

    def test_formats(self):
        for accept, kind in ((None, "text/plain"), ("*/*", "text/plain"), ("text/plain;version=0.0.4", "text/plain"),
                             ("application/openmetrics-text; version=1.0.0,text/plain;q=0.5", "application/openmetrics-text")):
            answer = self.server.ask("/metrics", Accept=accept)
            self.assertEqual(answer.getheader("Content-Type").split(";")[0], kind, accept)
            self.assertTrue(answer.text.endswith(b"\n# EOF\n"))

    def test_samples(self):
        text = self.server.ask("/metrics").text.decode()
        for program in self.programs:
            self.assertIn(f'lmm_process_up{{pid="{program.pid}",program="served"}} 1\n', text)
            self.assertIn(f'lmm_process_live_blocks{{pid="{program.pid}",program="served"}} 50\n', text)
            self.assertIn(f'lmm_family_live_blocks{{pid="{program.pid}",program="served",family="struct type_1"}} 10\n', text)
        self.assertNotIn("lmm_site_", text)
        self.assertIn("lmm_site_live_blocks{", self.server.ask("/metrics?sites=1").text.decode())
        self.programs[0].kill()
        self.server.find(self.programs[0].pid, state="killed")
        text = self.server.ask("/metrics").text.decode()
        self.assertIn(f'lmm_process_up{{pid="{self.programs[0].pid}",program="served"}} 0\n', text)
        self.assertNotIn(f'lmm_family_live_blocks{{pid="{self.programs[0].pid}"', text)

    def test_metrics_stand_together(self):
        for path in ("/metrics", "/metrics?sites=1"):
            names = [line.split()[2] for line in self.server.ask(path).text.decode().splitlines() if line.startswith("# TYPE ")]
            self.assertEqual(len(names), len(set(names)), path)

    def test_promtool(self):
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("promtool is not installed")
        for path in ("/metrics", "/metrics?sites=1"):
            result = run(promtool, "check", "metrics", input=self.server.ask(path).text.decode(), stdin=None)
            self.assertEqual((result.returncode, result.stderr), (0, ""), path)

    def test_openmetrics_parser(self):
        try:
            from prometheus_client.openmetrics.parser import text_string_to_metric_families
        except ImportError:
            self.skipTest("python3-prometheus-client is not installed")
        for path in ("/metrics", "/metrics?sites=1"):
            families = {one.name: one for one in text_string_to_metric_families(self.server.ask(path).text.decode())}
            self.assertEqual(len(families["lmm_process_up"].samples), 2)


class Profiles(ServeCase):
    def test_profile(self):
        server = self.serve()
        self.assertEqual(server.status("/debug/pprof/heap"), 404)
        program = self.typed()
        program.tell("keep 30")
        server.find(program.pid, live_blocks=30)
        for path in ("/debug/pprof/heap", f"/debug/pprof/heap?pid={program.pid}", f"/debug/pprof/heap?token={server.token}"):
            answer = server.ask(path, token="token" not in path)
            self.assertEqual((answer.status, answer.text[:2]), (200, b"\x1f\x8b"), path)

    def test_go_tool_pprof(self):
        go = shutil.which("go")
        if go is None:
            self.skipTest("go is not installed")
        server = self.serve()
        program = self.plain()
        program.tell("node 100")
        server.find(program.pid, names="ready")
        url = f"http://127.0.0.1:{server.port}/debug/pprof/heap?pid={program.pid}&token={server.token}"
        result = run(go, "tool", "pprof", "-top", url, env={**self.environment, "PPROF_TMPDIR": self.folder, "HOME": self.folder})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("add_node", result.stdout)
        environment = {**self.environment, "PPROF_TMPDIR": self.folder, "HOME": self.folder}
        for kind in ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects"):   # those of Go's, which profilers look for
            result = run(go, "tool", "pprof", "-top", f"-sample_index={kind}", url, env=environment)
            self.assertIn(f"Type: {kind}", result.stdout, result.stderr)
        result = run(go, "tool", "pprof", "-top", "-seconds=1", url, env=environment)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("400", result.stderr)

    def test_pull_clients(self):
        """As a scraping profiler asks: no token in the address, and any profile is compressed already."""
        server = self.serve()
        program = self.typed()
        server.find(program.pid)
        path = f"/debug/pprof/heap?pid={program.pid}"
        for accepts in ("*/*", "application/octet-stream", None):
            answer = server.ask(path, Accept=accepts, Accept_Encoding="gzip", User_Agent="Alloy/v1.9")
            self.assertEqual((answer.status, answer.text[:2], answer.getheader("Content-Encoding")), (200, b"\x1f\x8b", None))
        self.assertEqual(server.status(path + "&seconds=14"), 400)


if __name__ == "__main__":
    main(together=True)
