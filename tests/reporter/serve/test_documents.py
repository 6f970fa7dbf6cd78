# SPDX-License-Identifier: MIT
"""`lmm serve`: the documents of one process, its events, marks and leak checks."""
from harness import SOURCE, main
from serving import SERVED, Events, Served, ServeCase, json, os, signal, until

try:
    import jsonschema
except ImportError:
    jsonschema = None

NAMES = {"sites": ("frame", "type", "line", "family"), "families": ("name", "bytes")}
POINTS = ("time_ms", "live_bytes", "live_blocks", "committed_bytes", "resident_bytes", "major_faults", "minor_faults", "allocations")


def apply(document, delta):
    """Changes a document by a delta, as docs/http-api.md says."""
    document["sequence"] = delta["sequence"]
    for name in ("process", "totals"):
        document[name].update(delta.get(name, {}))
    document["strings"] += delta.get("strings", [])
    for table in ("types", "lines", "calls", "frames"):
        for column, values in delta.get(table, {}).items():
            document[table][column] += values
    for table, names in NAMES.items():
        change, rows = delta[table], document[table]
        assert change["from"] == len(rows[names[0]]), (table, change["from"])
        for name in names:
            rows[name] += change[name]
        count = len(rows[names[0]])
        for name, values in change.items():
            if name not in ("from", "index", *names):
                column = rows.setdefault(name, [])
                column += [0] * (count - len(column))
                for row, value in zip(change["index"], values, strict=True):
                    column[row] = value
        for name in rows:
            rows[name] += [0] * (count - len(rows[name]))
    if "series" in delta:
        change, series = delta["series"], document["series"]
        added = len(change["time_ms"])
        for name in POINTS:
            series[name] += change[name]
        given = {(row["by"], row["index"]): row["live_bytes"] for row in change["rows"]}
        for row in series["rows"]:
            row["live_bytes"] += given.pop((row["by"], row["index"]), row["live_bytes"][-1:] * added)
        series["rows"] += [{"by": by, "index": index, "live_bytes": values} for (by, index), values in given.items()]
        series["marks"] += change["marks"]
    for name in ("hints", "suspects", "notes"):
        if name in delta:
            document[name] = delta[name]


def plain(document):
    """A document in a form that does not depend on the order of rows of series, and on columns of zeros."""
    document = json.loads(json.dumps(document))
    for table in ("sites", "families"):
        document[table] = {name: values for name, values in document[table].items() if any(values) or name in NAMES[table]}
    if document["series"]:
        document["series"]["rows"].sort(key=lambda row: (row["by"], row["index"]))
    return document


class Documents(ServeCase):
    def check(self, document):
        if jsonschema is not None:
            with open(os.path.join(SOURCE, "docs", "page.schema.json"), encoding="utf-8") as file:
                jsonschema.validate(document, json.load(file))

    def test_typed(self):
        server = self.serve()
        program = self.typed(4)
        program.tell("keep 40")
        server.find(program.pid, live_blocks=40)
        document = server.json(f"/api/v1/processes/{program.pid}")
        self.check(document)
        self.assertEqual((document["kind"], document["names"], document["totals"]["live_blocks"], document["process"]["state"]),
                         ("live", "ready", 40, "running"))
        names = {document["strings"][name] for name in document["families"]["name"]}
        self.assertIn("<script>alert(1)</script>", names)
        self.assertEqual(sum(document["sites"]["live_blocks"]), 40)
        self.assertEqual(document["series"]["live_blocks"][-1], 40)
        by_id = server.json(f"/api/v1/processes/{server.find(program.pid)['id']}")
        self.assertEqual(by_id["process"]["pid"], program.pid)

    def test_drop_in(self):
        server = self.serve()
        program = self.plain()
        program.tell("node 100")
        program.tell("text 10")
        server.find(program.pid, names="ready")
        document = server.json(f"/api/v1/processes/{program.pid}")
        self.check(document)
        types = {document["strings"][name]: i for i, name in enumerate(document["types"]["name"])}
        self.assertIn("struct node", types)
        sites = document["sites"]
        self.assertEqual(sum(count for kind, count in zip(sites["type"], sites["live_blocks"]) if kind == types["struct node"]), 100)
        self.assertIn(("type", types["struct node"]), [(row["by"], row["index"]) for row in document["series"]["rows"]])

    def test_hints_and_layouts(self):
        server = self.serve()
        program = self.plain()
        program.tell("wide 1000")
        path = f"/api/v1/processes/{program.pid}"
        server.find(program.pid, names="ready")
        document = until(lambda: next((one for one in [server.json(path)] if one["layouts"]), None))
        self.check(document)
        names = {document["strings"][document["types"]["name"][layout["type"]]]: layout for layout in document["layouts"]}
        self.assertEqual([field["name"] for field in names["struct wide"]["fields"]], ["first", "second", "third"])
        self.assertIn("struct wide", [document["strings"][document["types"]["name"][hint["type"]]] for hint in document["hints"]])
        # Hints come again while somebody follows the page.
        saves = {hint["type"]: hint["saves_bytes"] for hint in document["hints"]}
        wide = document["types"]["name"].index(document["strings"].index("struct wide"))
        events = Events(self, server, f"{path}/events")
        program.tell("wide 3000")
        later = next(data for data in (events.next()[1] for _ in range(60))
                     if any(hint["type"] == wide and hint["saves_bytes"] > saves[wide] for hint in data.get("hints", ())))
        self.assertNotIn("layouts", later)

    def test_rows(self):
        server = self.serve()
        program = self.plain()
        program.tell("node 1000")
        server.find(program.pid, names="ready")
        path = f"/api/v1/processes/{program.pid}"
        types = until(lambda: next((rows for rows in [server.json(path + "/types")] if rows["rows"][0]["live_blocks"] >= 1000), None))
        self.assertEqual((types["schema"], types["by"]), ("lmm-rows", "type"))
        self.assertEqual(types["rows"][0]["name"], "struct node")
        lines = server.json(path + "/sites?top=1")
        self.assertEqual((len(lines["rows"]), lines["rows"][0]["function"]), (1, "add_node"))
        self.assertGreater(lines["count"], 1)
        history = server.json(path + "/history")
        self.assertGreater(len(history["series"]["time_ms"]), 0)
        late = server.json(path + f"/history?since_ms={history['series']['time_ms'][-1] + 1}")
        self.assertNotIn(history["series"]["time_ms"][-1], late["series"]["time_ms"])
        self.assertIsNone(server.json(path + "/leaks")["leak_check"])

    def follow(self, program, steps):
        """Follows a program's events while it obeys; the document that the deltas make is one of a new client."""
        server = self.serve()
        server.find(program.pid, names="none" if program.tell(steps[0]) is None and steps[0].startswith("keep") else "ready")
        path = f"/api/v1/processes/{program.pid}/events"
        events = Events(self, server, path)
        name, document = events.next()
        self.assertEqual(name, "document")
        kinds = []
        for step in steps[1:]:
            program.tell(step)
            before = document["totals"]["allocations"]
            while document["totals"]["allocations"] == before:
                name, data = events.next()
                self.assertEqual(events.id, data["sequence"])
                kinds.append(name)
                if name == "document":
                    document = data
                else:
                    apply(document, data)
        self.assertIn("delta", kinds)
        self.compare(server, path, events, document)
        return server, events, document

    def compare(self, server, path, events, document):
        """Takes documents of new clients until one has the number of an event that this one has, too."""
        history = {document["sequence"]: plain(document)}
        for _ in range(20):
            name, fresh = Events(self, server, path).next()
            self.assertEqual(name, "document")
            while fresh["sequence"] > document["sequence"]:
                name, data = events.next()
                if name == "document":
                    document.clear()
                    document.update(data)
                else:
                    apply(document, data)
                history[document["sequence"]] = plain(document)
            if fresh["sequence"] in history:
                self.maxDiff = None
                self.assertEqual(history[fresh["sequence"]], plain(fresh))
                self.check(fresh)
                return
        self.fail("no document of the same moment")

    def test_deltas_of_a_typed_program(self):
        self.follow(self.typed(3), ["keep 10", "keep 5", "lose 7", "keep 100"])

    def test_deltas_of_the_drop_in(self):
        self.follow(self.plain(), ["node 10", "node 5", "text 3", "node 1000"])

    def test_events_go_on(self):
        server, events, document = self.follow(self.typed(3), ["keep 10", "keep 2", "keep 3"])
        path = f"/api/v1/processes/{document['process']['pid']}/events"
        name, delta = Events(self, server, f"{path}?since={document['sequence']}").next()
        self.assertEqual((name, delta["sequence"]), ("delta", document["sequence"] + 1))
        self.assertEqual(Events(self, server, f"{path}?since=17").next()[0], "document")

    def test_killed(self):
        program = self.typed(3)
        server, events, document = self.follow(program, ["keep 10", "keep 2", "keep 3"])
        program.kill()
        while document["process"]["state"] == "running":
            name, data = events.next()
            if name == "document":
                document = data
            else:
                apply(document, data)
        self.assertEqual((document["process"]["state"], document["totals"]["live_blocks"]), ("killed", 15))
        self.assertGreater(document["process"]["end_time_ns"], 0)
        fresh = server.json(f"/api/v1/processes/{program.pid}")
        self.assertEqual((fresh["process"]["state"], fresh["totals"]["live_blocks"]), ("killed", 15))
        self.assertEqual([mark["kind"] for mark in fresh["series"]["marks"]], ["exit"])

    def test_clean_exit(self):
        server = self.serve()
        program = self.typed(3)
        program.tell("keep 8")
        program.tell("free 8")
        server.find(program.pid, frees=8)
        program.end()
        server.find(program.pid, is_removed=True)
        document = server.json(f"/api/v1/processes/{program.pid}")
        self.assertEqual((document["process"]["state"], document["totals"]["allocations"]), ("exited", 8))


class Questions(ServeCase):
    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.program = self.typed(3)
        self.program.tell("keep 10")
        self.server.find(self.program.pid, live_blocks=10)
        self.path = f"/api/v1/processes/{self.program.pid}"

    def post(self, path, body):
        return self.server.ask(self.path + path, "POST", (json.dumps(body) if not isinstance(body, str) else body).encode())

    def test_leak_check(self):
        self.program.tell("lose 5")
        answer = self.post("/leaks", {})
        leaks = json.loads(answer.text)
        self.assertEqual(answer.status, 200, leaks)
        self.assertEqual((leaks["leak_check"]["definite"]["blocks"], leaks["rows"][0]["function"], leaks["rows"][0]["definite_blocks"]),
                         (5, "lose", 5))
        self.assertEqual(self.server.json(self.path + "/leaks")["rows"], leaks["rows"])
        document = until(lambda: next((one for one in [self.server.json(self.path)] if one["leak_check"]), None))
        self.assertEqual(sum(document["sites"]["definite_blocks"]), 5)
        self.assertIn(f'lmm_process_lost_bytes{{pid="{self.program.pid}",program="served",class="definite"}} 500\n',
                      self.server.ask("/metrics").text.decode())

    def test_mark_and_difference(self):
        answer = self.post("/marks", {"text": "before \u00e4 \"lot\""})
        mark = json.loads(answer.text)
        self.assertEqual((answer.status, mark["number"]), (201, 1))
        self.program.tell("keep 20")
        self.server.find(self.program.pid, live_blocks=30)
        difference = self.server.json(self.path + "/diff?mark=1")
        self.assertEqual((difference["kind"], difference["totals"]["live_blocks"], difference["before"]["totals"]["live_blocks"]),
                         ("diff", 30, 10))
        self.assertEqual(sum(difference["sites"]["before_live_blocks"]), 10)
        def marks():
            series = self.server.json(self.path)["series"]
            return [one["text"] for one in series["marks"] if one["kind"] == "mark"]
        until(lambda: marks() == ["before \u00e4 \"lot\""])
        self.program.tell("lose 3")
        leaks = json.loads(self.post("/leaks", {"mark": 1}).text)
        self.assertEqual(leaks["leak_check"]["definite"]["blocks"], 3)
        self.assertEqual(self.server.status(self.path + "/diff"), 400)
        self.assertEqual(self.server.status(self.path + "/diff?mark=2"), 404)

    def test_how_full_pages_are(self):
        self.program.tell("keep 50")
        self.server.find(self.program.pid, live_blocks=60)
        path = self.path + "/pages"
        whole = self.server.json(path)
        self.assertEqual((whole["schema"], whole["pages_per_cell"], whole["pages_left_out"]), ("lmm-pages", 1, 0))
        self.assertEqual(sum(whole["cells"]["live_slots"]), 60)
        self.assertEqual(whole["pages"], len(whole["cells"]["slots"]))
        document = self.server.json(self.path)
        names = [document["strings"][name] for name in document["families"]["name"]]
        family = names.index("struct type_2")
        row = document["sites"]["family"].index(family)
        for query in (f"family={family}", f"type={document['sites']['type'][row]}"):
            cells = self.server.json(f"{path}?{query}")["cells"]
            self.assertEqual(cells, {"family": [family], "pages": [1], "slots": [(256 << 10) // 32], "live_slots": [20]}, query)
        line = self.server.json(f"{path}?line={document['sites']['line'][row]}")["cells"]
        self.assertEqual(line["live_slots"], [20])
        for query in ("family=x", "family=-1", "family=1&type=1", "family=1&family=1", "top=1", "family=77777", "type=77777", "type="):
            self.assertEqual(self.server.status(f"{path}?{query}"), 400, query)
        self.program.tell("free 60")
        def emptied():
            self.server.find(self.program.pid, live_blocks=0)
            return self.server.json(f"{path}?type={document['sites']['type'][row]}")
        until(lambda: emptied()["pages"] == 0)
        self.program.kill()
        self.server.find(self.program.pid, state="killed")
        answer = self.server.ask(path)
        self.assertEqual((answer.status, json.loads(answer.text)["error"]), (409, "the process has ended"))

    def holders(self, **body):
        answer = self.post("/holders", body)
        self.assertEqual(answer.status, 200, answer.text)
        return json.loads(answer.text)

    def test_who_holds_blocks(self):
        self.program.tell("lose 4")
        self.server.find(self.program.pid, live_blocks=14)
        document = self.server.json(self.path)
        sites, lines = document["sites"], document["lines"]
        names = [document["strings"][name] for name in document["types"]["name"]]
        kind = names.index("struct type_1")
        row = sites["type"].index(kind)
        line = sites["line"][row]
        for by, index in (("type", kind), ("family", sites["family"][row]), ("line", line)):
            answer = self.holders(**{by: index})
            self.assertEqual((answer["schema"], answer["by"], answer["row"], answer["held_blocks"], answer["held_bytes"], answer["ways"],
                              answer["retained_bytes"]), ("lmm-holders", by, index, 3, 72, 1, None))
            group, = answer["groups"]
            self.assertRegex(group["root"], r"^served!kept\+0x8 \+24\*i$")
            self.assertEqual((group["blocks"], group["bytes"], group["links_left_out"]), (3, 72, 0))
            self.assertEqual(group["links"], [{"type": kind, "line": line, "least_bytes": 24, "most_bytes": 24, "is_inside": False,
                                               "from": None, "loop": None}])
        self.assertEqual(self.holders(type=kind, retained=True)["retained_bytes"], 72)
        lost = next(i for i, name in enumerate(lines["function"]) if document["strings"][name] == "lose")
        answer = self.holders(line=lost, retained=True)
        self.assertEqual((answer["held_blocks"], answer["groups"], answer["retained_bytes"]), (0, [], None))

    def test_who_holds_blocks_of_a_list(self):
        program = self.plain()
        program.tell("node 100")
        self.server.find(program.pid, names="ready")
        self.path = f"/api/v1/processes/{program.pid}"
        document = self.server.json(self.path)
        names = [document["strings"][name] for name in document["types"]["name"]]
        answer = self.holders(type=names.index("struct node"))
        group, = answer["groups"]
        self.assertEqual((group["root"], group["blocks"], group["links"][-1]["loop"]), ("served_plain!nodes", 100, [0, 0, 0]))

    def test_rows_whose_holders_cannot_be_asked_for(self):
        for body in ("{}", '{"line": 0, "type": 0}', '{"line": -1}', '{"line": 77777}', '{"type": 77777}', '{"family": 77777}', '{"retained": true}',
                     '{"line": 0, "retained": 1}', '{"line": "0"}', '{"mark": 1}', "x"):
            self.assertEqual(self.post("/holders", body).status, 400, body)
        self.assertEqual(self.server.status(self.path + "/holders"), 405)
        self.program.tell("free 10")
        self.server.find(self.program.pid, live_blocks=0)
        self.assertEqual(self.holders(line=0)["groups"], [])

    def test_processes_that_cannot_be_asked_for_holders(self):
        program = Served(self, SERVED, 3, environment={**self.environment, "LMM_OPTIONS": "signal=0"})
        program.tell("keep 3")
        self.server.find(program.pid, live_blocks=3)
        answer = self.server.ask(f"/api/v1/processes/{program.pid}/holders", "POST", b'{"line": 0}')
        self.assertEqual(answer.status, 409)
        self.assertIn("cannot be asked", json.loads(answer.text)["error"])
        self.program.kill()
        self.server.find(self.program.pid, state="killed")
        answer = self.post("/holders", {"line": 0})
        self.assertEqual((answer.status, json.loads(answer.text)["error"]), (409, "the process has ended"))

    def test_a_process_that_stands_still_does_not_answer(self):
        document = self.server.json(self.path)
        os.kill(self.program.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.program.pid, signal.SIGCONT)
        answer = self.post("/holders", {"type": document["sites"]["type"][0]})
        self.assertEqual(answer.status, 409)
        self.assertRegex(json.loads(answer.text)["error"], "^process [0-9]+ does not answer: it is stopped")

    def test_bad_bodies(self):
        for body in ("x", "[]", "{", '{"text": 1}', '{"text": "a", "text": "b"}', '{"x": 1}', '{"text": "a\\u0000b"}', '{"text": "a\\nb"}',
                     '{"text": "\\ud800"}', '{"text": "' + "a" * 128 + '"}', '{} {}', '{"text": "a",}', '{"text": "a\x01"}', "{'text': 'a'}",
                     '{"text": "\u202e"}', '{"te\\u0078t": }'):
            self.assertEqual(self.post("/marks", body).status, 400, body)
        for body in ('{"mark": -1}', '{"mark": 1.5}', '{"mark": "1"}', '{"old": 1}', '{"old": true}', '{"confirm_ms": 60001}', '{"mark": null}',
                     '{"mark": 01}', '{"mark": 4294967296}'):
            self.assertEqual(self.post("/leaks", body).status, 400, body)
        self.assertEqual(self.post("/marks", '{"te\\u0078t": "\\ud83d\\ude00\\/"}').status, 201)
        self.assertEqual(self.post("/marks", "").status, 201)

    def test_dead_processes_are_not_asked(self):
        self.program.kill()
        self.server.find(self.program.pid, state="killed")
        answer = self.post("/leaks", {})
        self.assertEqual((answer.status, json.loads(answer.text)["error"]), (409, "the process has ended"))

    def test_unknown_mark(self):
        self.assertEqual(self.post("/leaks", {"mark": 77}).status, 409)

    def test_others_are_served_while_a_process_stands_still(self):
        os.kill(self.program.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.program.pid, signal.SIGCONT)
        connection = self.server.connect()
        self.addCleanup(connection.close)
        connection.request("POST", self.path + "/leaks", "{}",
                           {"Authorization": f"Bearer {self.server.token}", "Content-Type": "application/json"})
        until(lambda: self.post("/leaks", {}).status == 429)
        self.assertEqual(self.server.status("/healthz"), 200)
        self.assertEqual(self.server.json(self.path)["process"]["state"], "running")


if __name__ == "__main__":
    main(together=True)
