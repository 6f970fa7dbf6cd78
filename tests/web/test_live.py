# SPDX-License-Identifier: MIT
"""The page as `lmm serve` serves it: the list, a process that changes, marks and leak checks, and a silent server.

Arguments: lmm, and the folder for pictures.
"""
import unittest

import sample
from fake_server import FakeServer
from harness import until
from web_case import NARROW, WIDE, WebCase, arguments, pictures

PICTURES = pictures(arguments(1)[0])
ID = "4711.1764540000000000000"


class Live(WebCase):
    def setUp(self):
        super().setUp()
        self.document = {**sample.server(state="running", exit_status=None, end_time_ns=0, limit_bytes=1 << 30,
                                         limit_source="cgroup"), "kind": "live", "sequence": 5}
        other = {**sample.hostile(), "kind": "live", "sequence": 1}
        with open(self.write_page({}), "rb") as file:
            self.server = FakeServer(file.read(), {ID: self.document, "7.1": other})
        self.addCleanup(self.server.close)
        # Before that, or the page asks a server that is gone, and the next test finds the message about it.
        self.addCleanup(self.browser.open, "about:blank")

    def origin(self):
        return self.server.address

    def open_live(self, fragment=""):
        self.browser.open("about:blank")
        self.browser.open(self.server.address + fragment)
        self.browser.until("return document.documentElement.dataset.ready || document.querySelector('.failure');")

    def open_process(self):
        self.open_live("#" + ID)
        self.browser.until("return document.querySelector('.grid');")
        until(lambda: self.is_followed(), "the page asks for no events")

    def is_followed(self):
        return any(ID in stream.path for stream in self.server.streams)

    def delta(self, **changes):
        self.document["sequence"] += 1
        self.server.tell("delta", {"sequence": self.document["sequence"], **changes})

    def test_the_list_of_processes(self):
        for theme in ("light", "dark"):
            for size in (WIDE, NARROW):
                self.look(size, theme)
                self.open_live()
                self.browser.until("return document.querySelector('.processes');")
                self.assertIn(sample.HOSTILE[0], self.texts(".processes a"))
                self.check()
                (PICTURES / f"list-{size[0]}-{theme}.png").write_bytes(self.browser.picture(whole=True))
        until(lambda: self.server.streams, "the page asks for no events")
        new = {**self.server.list["processes"][0], "id": "9.9", "program": "newcomer", "pid": 9}
        self.server.tell("changes", {"sequence": 2, "time_ns": 0, "changed": [new], "gone": ["7.1"]})
        self.browser.until("return Array.from(document.querySelectorAll('.processes a'), (a) => a.innerText).sort().join() === "
                           "'newcomer,redis-server';")

    def test_no_process_says_what_to_type(self):
        self.server.list["processes"] = []
        self.open_live()
        self.browser.until("return document.body.innerText.includes('lmm run -- PROGRAM');")
        self.check()
        (PICTURES / "none-1400-light.png").write_bytes(self.browser.picture())

    def test_a_process_is_followed(self):
        self.open_live()
        self.browser.until("return document.querySelector('.processes a');")
        self.browser.click(f".processes a[href='#{ID}']")
        self.browser.until("return document.querySelector('.grid');")
        until(lambda: self.is_followed(), "the page asks for no events")
        self.assertIn("running for 62.1 s", self.text(".state"))
        self.check()
        (PICTURES / "live-1400-light.png").write_bytes(self.browser.picture(whole=True))
        self.delta(totals={"live_bytes": 1 << 30}, process={"run_ns": 63_100_000_000},
                   sites={"index": [0], "live_bytes": [1 << 30]},
                   series={"time_ms": [63_100], "live_bytes": [1 << 30], "rows": [], "marks": []})
        self.browser.until("return document.querySelector('.summary').innerText.includes('1.00 GiB');")
        self.assertIn("63.1 s", self.text(".state"))
        self.assertIn("1.00 GiB", self.text(".legend"))

    def test_a_span_that_reaches_the_end_goes_on(self):
        self.open_process()
        self.browser.run("Array.from(document.querySelectorAll('.label')).find((e) => e.textContent.startsWith('keys loaded'))"
                         ".dispatchEvent(new MouseEvent('click', {bubbles: true}));")
        self.assertIn("to 62.1 s", self.text(".span"))
        self.delta(series={"time_ms": [70_000], "live_bytes": [1 << 30], "rows": [], "marks": []})
        self.browser.until("return document.querySelector('.span').innerText.endsWith('to 70.0 s');")

    def test_a_line_says_how_to_ask_who_holds_its_blocks(self):
        self.open_process()
        self.press_button("Lines", ".tables")
        self.browser.click("#row-0")
        self.assertIn("lmm leaks 4711 --why=#60", self.text(".drawer"))

    def test_who_holds_the_blocks_of_a_type(self):
        def link(kind, line, size, start, loop=None, inside=False):
            return {"type": kind, "line": line, "least_bytes": size, "most_bytes": size, "is_inside": inside, "from": start, "loop": loop}
        node, other = 4, 9     # with a layout in the document; without
        self.server.answers["holders"] = (200, {
            "schema": "lmm-holders", "schema_version": 1, "id": ID, "by": "type", "row": node, "retained_bytes": None,
            "held_blocks": 799_000, "held_bytes": 31_960_000, "ways": 5, "groups": [
                {"blocks": 700_000, "bytes": 28_000_000, "root": "redis-server!server+0x3a8", "links_left_out": 0, "links": [
                    link(1, 1, 67_108_864, None), link(2, 2, 24, [0, 67_108_856, 8]),
                    link(node, 4, 40, [8, 8, 0], loop=[16, 16, 0])]},
                {"blocks": 50_000, "bytes": 2_000_000, "root": "thread 4713 \"<b>io</b>\", stack or variables at 0x7f00", "links_left_out": 3,
                 "links": [link(other, 9, 264, None), link(node, 4, 40, [32, 32, 0], inside=True), link(-1, -1, 1, [40, 40, 0]),
                           link(node, 4, 40, [5, 5, 0])]}]})
        self.open_process()
        self.press_button("Types", ".tables")
        self.browser.run("Array.from(document.querySelectorAll('.grid td.name')).find((e) => e.innerText.startsWith('quicklistNode')).click();")
        self.press_button("Show who holds it", ".drawer")
        self.browser.until("return document.querySelectorAll('.ways > li').length === 2;")
        self.assertEqual(self.server.posts, [(f"/api/v1/processes/{ID}/holders", {"type": node})])
        first, second = self.texts(".ways > li")
        self.assertEqual(first.split("\n"), [
            "700,000 blocks, 26.7 MiB, 87.6 %", "redis-server!server+0x3a8",
            "\u2192 67,108,864 bytes of dictEntry *[], dict.c:210 (_dictExpand)",
            "+0 +8\u00d7i \u2192 24 bytes of dictEntry, dict.c:146 (dictInsertAtPosition)",
            "+8 \u2192 40 bytes of quicklistNode, quicklist.c:120 (quicklistCreateNode), and on by .next"])
        self.assertEqual(second.split("\n")[1:], [
            'thread 4713 "<b>io</b>", stack or variables at 0x7f00', "\u2192 264 bytes of struct session, session.c:51 (session_open)",
            "+32 \u2192 the inside of 40 bytes of quicklistNode, quicklist.c:120 (quicklistCreateNode)",
            "\u2026 3 more", "+40 \u2192 1 byte, a line that is not in the page yet",
            "+5 \u2192 40 bytes of quicklistNode, quicklist.c:120 (quicklistCreateNode)"])
        self.assertIn("In other ways: 49,000 blocks, 1.87 MiB", self.text(".drawer"))
        self.browser.until("return document.querySelector('.drawer').scrollTop === 0;")
        for size, theme in ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light")):
            self.look(size, theme)
            self.check()
            self.browser.run("document.querySelector('.ways').scrollIntoView({block: 'center'});")
            (PICTURES / f"holders-{size[0]}-{theme}.png").write_bytes(self.browser.picture())
        self.look(WIDE, "light")
        self.browser.run("document.querySelector('.chain li:last-child button').click();")
        self.assertEqual((self.count(".ways"), self.text(".tables [aria-selected=true]")), (0, "Lines"))

    def test_what_blocks_retain_and_what_nobody_holds(self):
        answer = {"schema": "lmm-holders", "schema_version": 1, "id": ID, "by": "line", "row": 0, "retained_bytes": 5 << 20,
                  "held_blocks": 0, "held_bytes": 0, "ways": 0, "groups": []}
        self.server.answers["holders"] = (200, answer)
        self.open_process()
        self.press_button("Lines", ".tables")
        self.browser.click("#row-0")
        self.press_button("And what it retains", ".drawer")
        self.browser.until("return document.querySelector('.drawer').innerText.includes('They retain 5.00 MiB');")
        self.assertIn("they are lost", self.text(".drawer"))
        self.assertTrue(self.server.posts[0][1]["retained"])
        for status, document, words in ((409, {"error": "process 4711 does not answer: it is stopped"}, "does not answer: it is stopped."),
                                        (200, {**answer, "schema": "lmm-rows"}, "Not known: the server answers with another"),
                                        (200, {**answer, "groups": [{"links": []}]}, "Not known: ")):
            self.server.answers["holders"] = (status, document)
            self.press_button("Show who holds it", ".drawer")
            self.browser.until("return document.querySelector('.drawer').innerText.includes(arguments[0]);", words)
        self.server.answers["holders"] = (200, answer)
        self.press_button("Show who holds it", ".drawer")
        self.browser.until("return document.querySelector('.drawer').innerText.includes('they are lost');")
        self.delta(process={"state": "exited"})
        self.browser.until("return document.querySelector('.state').innerText.includes('ended');")
        self.assertIn("they are lost", self.text(".drawer"), "an answer stays after the end")
        self.assertNotIn("Show who holds it", self.text(".drawer"))

    def test_how_full_the_pages_of_a_type_are(self):
        cells = {"family": [0] * 3, "pages": [1] * 3, "slots": [120] * 3, "live_slots": [120, 0, 37]}
        pages = {"schema": "lmm-pages", "schema_version": 1, "pages_per_cell": 1, "pages": 3, "pages_left_out": 0, "cells": cells}
        self.server.documents[ID + "/pages"] = {**pages, "schema": "lmm-rows"}
        self.open_process()
        self.press_button("Types", ".tables")
        self.browser.click("#row-0")
        self.press_button("Show how full they are", ".drawer")
        self.browser.until("return document.querySelector('.drawer').innerText.includes('Not known: the server answers with another');")
        self.server.documents[ID + "/pages"] = pages
        self.press_button("Show how full they are", ".drawer")
        self.browser.until("return document.querySelectorAll('.cells .cell').length === 3;")
        self.assertIn("3 pages, 44 % full.", self.text(".drawer"))
        self.assertEqual(self.browser.run("return Array.from(document.querySelectorAll('.cells .cell'), (cell) => cell.getAttribute('class')"
                                          " + ': ' + cell.textContent).join();"),
                         "cell cell-5: page 1: 120 of 120 slots,cell cell-0: page 2: 0 of 120 slots,cell cell-2: page 3: 37 of 120 slots")
        self.delta(totals={"live_bytes": 1 << 30}, sites={"index": [0], "live_bytes": [1 << 30]})
        self.browser.until("return document.querySelector('.summary').innerText.includes('1.00 GiB');")
        self.assertEqual(self.count(".cells .cell"), 3)
        self.browser.click("#row-1")
        self.assertEqual(self.count(".cells .cell"), 0)

    def test_keys_lead_from_cell_to_cell(self):
        cells = {"family": [0] * 200, "pages": [1] * 200, "slots": [120] * 200, "live_slots": [i % 121 for i in range(200)]}
        self.server.documents[ID + "/pages"] = {"schema": "lmm-pages", "schema_version": 1, "pages_per_cell": 1, "pages": 200,
                                                "pages_left_out": 0, "cells": cells}
        self.open_process()
        self.press_button("Types", ".tables")
        self.browser.click("#row-0")
        self.press_button("Show how full they are", ".drawer")
        self.browser.until("return document.querySelectorAll('.cells .cell').length === 200;")
        button = "Array.from(document.querySelectorAll('.drawer button')).find((e) => e.innerText === 'Show how full they are')"
        self.browser.run(f"{button}.focus();")
        self.browser.press("Tab")
        said = ("const svg = document.activeElement, cell = document.getElementById(svg.getAttribute('aria-activedescendant'));"
                "return [svg.getAttribute('class'), cell.getAttribute('aria-label'), cell.getAttribute('aria-selected'),"
                " document.querySelector('.cell-line').textContent, document.querySelectorAll('.cell[aria-selected=true]').length];")
        for key, page in ((None, 1), ("ArrowRight", 2), ("ArrowDown", 66), ("ArrowUp", 2), ("ArrowUp", 2), ("End", 200), ("ArrowRight", 200),
                          ("ArrowLeft", 199), ("Home", 1), ("ArrowLeft", 1)):
            if key:
                self.browser.press(key)
            text = f"page {page}: {(page - 1) % 121} of 120 slots"
            self.assertEqual(self.browser.run(said), ["cells", text, "true", text.capitalize(), 1], key)
        self.delta(totals={"live_bytes": 1 << 30})
        self.browser.until("return document.querySelector('.summary').innerText.includes('1.00 GiB');")
        self.assertEqual(self.browser.run(said)[0], "cells", "figures that come take the focus away")
        self.browser.press("Tab")
        self.assertNotEqual(self.browser.run("return document.activeElement.getAttribute('class');"), "cells")

    def test_more_cells_than_fit_a_line(self):
        cells = {"family": [0] * 1300, "pages": [2] * 1300, "slots": [240] * 1300, "live_slots": [i * 7 % 241 for i in range(1300)]}
        self.server.documents[ID + "/pages"] = {"schema": "lmm-pages", "schema_version": 1, "pages_per_cell": 2, "pages": 2600,
                                                "pages_left_out": 0, "cells": cells}
        for theme in ("light", "dark"):
            for size in (WIDE, NARROW):
                self.look(size, theme)
                self.open_process()
                self.browser.click("#row-0")
                self.press_button("Show how full they are", ".drawer")
                self.browser.until("return document.querySelectorAll('.cells .cell').length === 1300;")
                self.check()
                self.browser.run("document.querySelector('.cells').scrollIntoView({block: 'end'});")
                (PICTURES / f"pages-{size[0]}-{theme}.png").write_bytes(self.browser.picture())

    def test_a_new_type_appears(self):
        self.open_process()
        count = len(self.document["strings"])
        types, sites = len(self.document["types"]["name"]), len(self.document["sites"]["frame"])
        self.delta(strings=["struct newcomer"],
                   types={"name": [count], "confidence": ["certain"], "evidence": [["record"]], "bytes": [8], "file": [0],
                          "line": [0], "gap": [""], "lacking": [0]},
                   sites={"from": sites, "frame": [0], "type": [types], "line": [0], "family": [-1], "index": [sites],
                          "live_bytes": [1 << 40], "live_blocks": [1], "peak_bytes": [1 << 40], "peak_blocks": [1]})
        self.browser.until("return document.querySelector('.grid td.name').innerText.startsWith('struct newcomer');")

    def test_names_that_are_looked_up_are_waited_for(self):
        ready = dict(self.document)
        nothing = {"types": {key: [] for key in ready["types"]}, "lines": {key: [] for key in ready["lines"]},
                   "calls": {key: [] for key in ready["calls"]}, "frames": {key: [] for key in ready["frames"]},
                   "sites": {key: [] for key in ready["sites"]},
                   "families": {key: [] for key in ready["families"]}}
        self.server.documents[ID] = {**ready, **nothing, "names": "waiting", "series": None, "hints": [], "suspects": [],
                                     "layouts": []}
        self.open_process()
        self.assertIn("being looked up", self.text(".connection"))
        self.assertIn("860 MiB", self.text(".summary"))
        self.check()
        self.server.tell("document", {**ready, "names": "ready", "sequence": 6})
        self.browser.until("return document.querySelector('.grid td.name');")
        self.assertIsNone(self.text(".connection"))
        self.assertEqual(self.text(".tables [aria-selected=true]"), "Types")

    def test_a_killed_process_keeps_its_figures(self):
        self.open_process()
        before = self.text(".summary")
        self.delta(process={"state": "killed", "signal": 9, "signal_name": "SIGKILL"})
        self.browser.until("return document.querySelector('.state').innerText.includes('killed by SIGKILL');")
        self.assertEqual(self.text(".summary").replace("AT THE END", "NOW").replace("At the end", "Now"), before)
        self.assertIn("as the process left them", self.text(".note"))

    def test_a_silent_server_is_said_and_heard_again(self):
        self.open_process()
        self.server.say_nothing_more()
        self.browser.until("const e = document.querySelector('.connection');"
                           "return e && e.innerText.includes('has not answered since');")
        self.assertIn("redis-server", self.text("h1"))
        (PICTURES / "silent-1400-light.png").write_bytes(self.browser.picture())
        self.server.is_silent = False
        until(lambda: self.is_followed(), "the page does not try again")
        self.delta(totals={"live_blocks": 5})
        self.browser.until("return !document.querySelector('.connection');")
        self.browser.complaints()    # the browser itself reports the lost connection

    def test_a_delta_that_does_not_fit_is_answered_by_a_new_start(self):
        self.open_process()
        self.document["process"]["program"] = "renewed"
        self.delta(sites={"from": 1, "frame": [], "index": []})
        self.browser.until("return document.querySelector('h1').innerText === 'renewed';")

    def test_the_reader_holds_the_page(self):
        self.open_process()
        self.press_button("Pause", "nav")
        self.delta(totals={"live_bytes": 1 << 30})
        self.delta(process={"run_ns": 70_000_000_000})
        self.assertNotIn("1.00 GiB", self.text(".summary"))
        self.press_button("Go on", "nav")
        self.browser.until("return document.querySelector('.summary').innerText.includes('1.00 GiB');")

    def test_the_focus_stays_while_figures_change(self):
        self.open_process()
        self.browser.run("document.querySelectorAll('.legend button')[2].focus();")
        self.delta(totals={"live_bytes": 1 << 30})
        self.browser.until("return document.querySelector('.summary').innerText.includes('1.00 GiB');")
        self.assertTrue(self.browser.run("return document.activeElement === document.querySelectorAll('.legend button')[2];"))

    def test_a_leak_check(self):
        self.server.answers["leaks"] = (200, {"leak_check": self.document["leak_check"]})
        self.open_process()
        self.press_button("Leak check", "nav")
        self.browser.until("return document.querySelector('nav').innerText.includes('Leak check: done.');")
        self.assertEqual(self.server.posts, [(f"/api/v1/processes/{ID}/leaks", {})])
        self.assertEqual(self.text(".tables [aria-selected=true]"), "Leaks")

    def test_an_answer_that_refuses_is_said(self):
        self.server.answers["leaks"] = (409, {"error": "the process has ended"})
        self.open_process()
        self.press_button("Leak check", "nav")
        self.browser.until("return document.querySelector('nav').innerText.includes('the process has ended');")

    def test_a_mark_and_the_comparison_with_it(self):
        self.server.answers["marks"] = (201, {"number": 3, "time_ns": 1})
        self.server.documents[ID + "/diff"] = sample.compared()
        self.open_process()
        self.press_button("Mark", "nav")
        self.browser.until("return document.querySelector('nav').innerText.includes('Compare with mark 3');")
        self.browser.click("nav span a")
        self.browser.until("return document.querySelector('.grown');")
        self.check()
        self.browser.click("nav a")
        self.browser.until("return document.querySelector('nav button');")

    def test_an_unknown_process_is_said(self):
        self.open_live("#1.2")
        self.browser.until("return document.body.innerText.includes('No such process.');")


if __name__ == "__main__":
    unittest.main()
