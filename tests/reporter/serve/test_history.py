# SPDX-License-Identifier: MIT
"""`lmm serve`: figures over time that a later server has, too."""
import contextlib
import sqlite3
import time

from harness import main
from serving import ServeCase, os


class History(ServeCase):
    def setUp(self):
        super().setUp()
        self.program = self.typed(3)
        self.program.tell("keep 10")

    def series(self, server):
        return server.json(f"/api/v1/processes/{self.program.pid}/history")["series"]

    def test_a_later_server_has_it(self):
        folder = self.path("history")
        first = self.serve("--history", folder)
        first.find(self.program.pid, live_blocks=10)
        old = self.series(first)
        self.assertEqual(first.end(), (0, ""))
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(os.path.join(folder, "history.db")).st_mode & 0o777, 0o600)
        self.program.tell("keep 5")
        second = self.serve("--history", folder)
        second.find(self.program.pid, live_blocks=15)
        new = self.series(second)
        self.assertGreater(new["time_ms"][-1], new["time_ms"][0])
        self.assertLessEqual(new["time_ms"][0], old["time_ms"][-1] + 1000)
        self.assertEqual((new["live_blocks"][0], new["live_blocks"][-1]), (10, 15))
        for row in new["rows"]:
            self.assertGreater(row["live_bytes"][0], 0)
        self.assertEqual(sum(row["live_bytes"][0] for row in new["rows"] if row["by"] == "type"), new["live_bytes"][0])

    def test_without_a_folder_it_is_forgotten(self):
        first = self.serve()
        first.find(self.program.pid, live_blocks=10)
        last = self.series(first)["time_ms"][-1]
        first.end()
        second = self.serve()
        second.find(self.program.pid, live_blocks=10)
        self.assertGreater(self.series(second)["time_ms"][0], last)

    def copies(self, folder):
        return sorted(os.listdir(os.path.join(folder, "ledgers")))

    def check_past(self, server, blocks, **values):
        """A process whose ledger is gone is listed with its last figures, and has its page, rows, and figures over time."""
        one = server.find(self.program.pid, live_blocks=blocks, is_removed=True, **values)
        path = f"/api/v1/processes/{one['id']}"
        document = server.json(path)
        self.assertEqual((document["totals"]["live_blocks"], document["process"]["state"]), (blocks, values["state"]))
        self.assertEqual(document["process"]["made_time_ns"], one["read_time_ns"])
        self.assertGreater(one["read_time_ns"], one["start_time_ns"])
        self.assertEqual(sum(row["live_blocks"] for row in server.json(path + "/types")["rows"]), blocks)
        series = server.json(path + "/history")["series"]
        self.assertEqual(series["live_blocks"][-1], blocks)
        self.assertEqual(document["series"]["live_blocks"], series["live_blocks"])
        self.assertEqual(server.status(path + "/marks", "POST", "{}"), 409)
        self.assertEqual(server.status(f"/debug/pprof/heap?pid={one['id']}"), 200)
        self.assertNotIn(f'pid="{self.program.pid}"', server.ask("/metrics").text.decode())
        return one, series

    def test_an_end_while_no_server_ran(self):
        folder = self.path("history")
        first = self.serve("--history", folder)
        listed = first.find(self.program.pid, live_blocks=10)
        old = self.series(first)
        first.end()
        self.assertEqual(self.copies(folder), [f"{listed['id']}.running.0.lmm"])
        self.assertIn("live", self.succeed("report", os.path.join(folder, "ledgers", self.copies(folder)[0])))
        self.program.kill()
        self.succeed("gc")
        second = self.serve("--history", folder)
        one, series = self.check_past(second, 10, state="lost", end_time_ns=0)
        self.assertEqual(one["program"], listed["program"])
        self.assertLessEqual(series["time_ms"][0], old["time_ms"][-1] + 1000)
        second.end()
        third = self.serve("--history", folder)
        self.assertEqual(self.check_past(third, 10, state="lost")[0]["read_time_ns"], one["read_time_ns"])

    def test_ends_that_were_seen(self):
        folder = self.path("history")
        first = self.serve("--history", folder)
        first.find(self.program.pid, live_blocks=10)
        self.program.kill()
        end = first.find(self.program.pid, state="killed")["end_time_ns"]
        self.succeed("gc")
        first.find(self.program.pid, is_removed=True, state="killed", end_time_ns=end)
        first.end()
        self.assertRegex(" ".join(self.copies(folder)), rf"^{self.program.pid}\.\d+\.killed\.{end}\.lmm$")
        self.check_past(self.serve("--history", folder), 10, state="killed", end_time_ns=end)

    def test_a_clean_end(self):
        folder = self.path("history")
        first = self.serve("--history", folder)
        first.find(self.program.pid, live_blocks=10)
        self.program.tell("free 10")
        first.find(self.program.pid, live_blocks=0)
        self.program.end()
        first.find(self.program.pid, is_removed=True, state="exited")
        path = f"/api/v1/processes/{self.program.pid}"
        self.assertEqual(first.json(path)["process"]["state"], "exited")
        self.assertIn(f'lmm_process_up{{pid="{self.program.pid}"', first.ask("/metrics").text.decode())
        first.end()
        self.check_past(self.serve("--history", folder), 0, state="exited")

    def test_a_process_that_runs_elsewhere_is_not_listed(self):
        folder = self.path("history")
        first = self.serve("--history", folder)
        first.find(self.program.pid, live_blocks=10)
        first.end()
        os.mkdir(self.path("others"), 0o700)
        for name in os.listdir(self.ledgers):
            os.rename(self.in_ledgers(name), self.path("others", name))
        environment = {**self.environment, "LMM_DIR": self.path("nowhere")}
        self.assertNotIn(self.program.pid, [one["pid"] for one in self.serve("--history", folder, environment=environment).processes()
                                            if one["is_removed"]])

    def test_bounds(self):
        """The newest 200 copies stay, and none that is older than a week."""
        folder = self.path("history")
        first = self.serve("--history", folder)
        first.find(self.program.pid, live_blocks=10)
        first.end()
        self.program.kill()
        self.succeed("gc")
        name, = self.copies(folder)
        pid, start = name.split(".")[:2]
        ledgers = os.path.join(folder, "ledgers")
        for i in range(1, 251):
            os.link(os.path.join(ledgers, name), os.path.join(ledgers, f"{pid}.{int(start) - i}.running.0.lmm"))
        for other in ("notes", "1.2.odd.3.lmm", "1.2.exited.3", "x.2.exited.3.lmm"):
            self.file(os.path.join(ledgers, other), "")
        second = self.serve("--history", folder)
        kept = set(self.copies(folder))
        self.assertEqual(len(kept), 204)
        self.assertIn(name, kept)
        self.assertNotIn(f"{pid}.{int(start) - 200}.running.0.lmm", kept)
        self.assertEqual([one["pid"] for one in second.processes()], [self.program.pid])   # the others are not what their names say
        week = 7 * 24 * 3600
        status = os.stat(os.path.join(ledgers, name))
        os.utime(os.path.join(ledgers, name), (status.st_mtime - week - 10,) * 2)
        second.end()
        third = self.serve("--history", folder)
        self.assertEqual((len(self.copies(folder)), third.processes()), (4, []))

    def points(self, folder, statement, rows=()):
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "history.db"))) as file, file:
            return file.executemany(statement, rows) if rows else file.execute(statement).fetchall()

    def sweep(self, rows):
        """Adds points of process 1, each (seconds ago, milliseconds, bytes); returns those that a server leaves."""
        folder, now = self.path("history"), int(time.time())
        first = self.serve("--history", folder)
        first.find(self.program.pid, live_blocks=10)
        first.end()
        self.points(folder, "INSERT INTO point VALUES (1, 1, ?2, ?1, 0, 0, 0, 0, 0, 0, zeroblob(?3))",
                    [(now - ago, milliseconds, size) for ago, milliseconds, size in rows])
        second = self.serve("--history", folder)
        second.find(self.program.pid, live_blocks=10)
        second.end()
        return [one for one, in self.points(folder, "SELECT time_ms FROM point WHERE pid = 1 ORDER BY time_ms")]

    def test_old_points(self):
        """Of the last hour all, before that one a minute, none of a week ago."""
        self.assertEqual(self.sweep([(8 * 24 * 3600, 60000, 0), (2 * 3600, 120000, 0), (2 * 3600, 150000, 0), (1800, 190000, 0)]),
                         [120000, 190000])

    def test_many_points(self):
        """The oldest go when the file has more than 256 MiB."""
        left = self.sweep([(3600 - 10 * i, 60000 * i, 1 << 20) for i in range(270)])
        self.assertEqual(left, [60000 * i for i in range(270 - len(left), 270)])
        self.assertTrue(100 < len(left) < 256, len(left))

    def test_folders_that_cannot_be_used(self):
        self.fail_with(1, "not a folder", "serve", "--port", "0", "--history", self.file("plain", ""))
        self.fail_with(1, "cannot create", "serve", "--port", "0", "--history", self.path("no", "folder"))
        os.mkdir(self.path("open"))
        os.chmod(self.path("open"), 0o777)
        self.fail_with(1, "writable by you alone", "serve", "--port", "0", "--history", self.path("open"))
        os.mkdir(self.path("damaged"), 0o700)
        self.file("damaged/history.db", "this is no database" * 1000)
        result = self.lmm("serve", "--port", "0", "--history", self.path("damaged"))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("history", result.stderr)


if __name__ == "__main__":
    main(together=True)
