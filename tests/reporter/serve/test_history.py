# SPDX-License-Identifier: MIT
"""`lmm serve`: figures over time that a later server has, too."""
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
    main()
