# SPDX-License-Identifier: MIT
"""The page in a browser: HTML reports of sample documents, every view of them.

Arguments: lmm, and the folder where pictures of all pages are put for people to look at.
"""
import json
import unittest

import page_file
import sample
from harness import SOURCE
from web_case import NARROW, WIDE, WebCase, arguments, pictures

PICTURES = pictures(arguments(1)[0])
SAMPLES = {name: make() for name, make in sample.SAMPLES.items()}


class Samples(unittest.TestCase):
    def test_they_keep_to_the_schema(self):
        for name, document in SAMPLES.items():
            if name != "big":    # jsonschema takes long for it
                with self.subTest(name):
                    self.assertEqual(page_file.faults_of_schema(document, f"{SOURCE}/docs/page.schema.json"), [])


class Page(WebCase):
    def show(self, name):
        return self.open(self.write_page(SAMPLES[name]))

    def test_every_sample_in_both_themes_and_widths(self):
        for name in SAMPLES:
            path = self.write_page(SAMPLES[name], name + ".html")
            for theme in ("light", "dark"):
                for size in (WIDE, NARROW):
                    with self.subTest(name, theme=theme, size=size):
                        self.look(size, theme)
                        self.open(path)
                        self.check()
                        picture = self.browser.picture(whole=True)
                        (PICTURES / f"{name}-{size[0]}-{theme}.png").write_bytes(picture)

    def test_the_state_in_words(self):
        words = {"server": "ended with status 0 after 62.1 s", "killed": "killed by SIGKILL after 62.1 s",
                 "typed": "running for 62.1 s", "single": "gone; its last figures are of"}
        for name, state in words.items():
            with self.subTest(name):
                self.show(name)
                self.assertIn(state, self.text("header .state"))

    def test_ten_thousand_stacks_open(self):
        milliseconds = self.show("big")
        print(f"a page with 10,000 stacks was drawn {milliseconds} ms after its start")
        self.assertEqual(self.text(".tables .toolbar [role=status]"), "2,000 rows")
        self.assertLess(self.count(".grid tbody tr"), 100)
        self.browser.run("document.querySelector('.scroller').scrollTop = 1e6;")
        self.browser.until("return document.querySelector('#row-1999');")

    def test_hostile_names_are_text(self):
        self.show("hostile")
        name = sample.HOSTILE[0]
        self.assertEqual(self.text("h1"), name)
        self.assertTrue(any(cell.startswith(name) for cell in self.texts(".grid td.name")))
        self.browser.click("#row-0")
        self.assertEqual(self.text(".drawer h2"), name)
        self.press_button("Text", ".flame")
        self.assertIn(name, self.text(".calls"))
        self.assertEqual(self.count("img"), 0)
        self.assertEqual(self.count("script"), 2)
        self.check()

    def test_damaged_data_is_said(self):
        for data in (b"", b"AAAA", b"eJwDAAAAAAE="):
            self.open(self.write_page(data), "failed")
            self.assertIn("The data inside this file is damaged.", self.text("body"))
        wrong = {**SAMPLES["single"], "schema_version": 7}
        self.open(self.write_page(wrong), "failed")
        self.assertIn("version 7; this page reads version 2", self.text("body"))


class Time(WebCase):
    def setUp(self):
        super().setUp()
        self.open(self.write_page(SAMPLES["server"]))

    def test_eight_layers_and_the_rest(self):
        self.assertEqual(self.count("path.layer"), 9)
        self.assertIn("char[]", self.texts(".legend .name"))
        self.press_button("Lines", ".time")
        self.assertIn("sds.c:98 (_sdsnewlen)", self.texts(".legend .name"))

    def test_the_legend_reads_the_cursor(self):
        before = self.texts(".legend .number")
        self.browser.point("svg.chart", -200, 0)
        self.browser.until("return !document.querySelector('.cursor').hasAttribute('hidden');")
        self.assertNotEqual(self.texts(".legend .number"), before)

    def test_the_brush_chooses_a_span_that_everything_follows(self):
        change = self.texts(".grid td.change")[0]
        self.browser.drag("svg.chart", (-100, 0), (50, 10))
        self.browser.until("return document.querySelector('.span').innerText.startsWith('shown: ') && "
                           "!document.querySelector('.span').innerText.includes('whole');")
        self.assertNotEqual(self.texts(".grid td.change")[0], change)
        heads = self.texts(".grid thead th")
        at = next(i for i, head in enumerate(heads) if head.startswith("At "))
        cells = self.browser.run("return Array.from(document.querySelectorAll('.grid tbody tr[id]'), (row) => row.cells[arguments[0]].innerText);", at)
        self.assertRegex(cells[0], r"^[\d.]+ MiB$")
        self.assertIn("\u2013", cells, "a row without figures over time")
        self.assertIn(f"Only the columns {heads[at]}, Change and Trend follow the chosen span, where figures over time are known; "
                      "all else is at the peak of the whole time.", self.text("main"))
        self.assertIn("peak at the peak of the whole time", self.text(".flame h2"))
        self.browser.click("#row-0")
        self.assertIn(f"Live {heads[at].lower()}\t{cells[0]}", self.text(".drawer"))
        self.check()
        (PICTURES / "span-1400-light.png").write_bytes(self.browser.picture())
        self.browser.press("Escape")
        self.assertRegex(self.text(".sentences"), r"Grown in this span\nchar\[\] grew by [\d.]+ MiB, [\d.]+ MiB a second\.")
        self.press_button("Show the whole time")
        self.assertEqual(self.text(".span"), "shown: the whole time")
        self.assertNotIn("chosen span", self.text("main"))
        self.assertEqual(self.texts(".grid td.change")[0], change)

    def test_keys_choose_a_span(self):
        self.browser.run("document.querySelector('svg.chart').focus();")
        for _ in range(3):
            self.browser.press("ArrowLeft", "Shift")
        self.browser.press("Enter")
        self.assertNotIn("whole", self.text(".span"))
        self.browser.press("Escape")
        self.assertIn("whole", self.text(".span"))

    def test_a_layer_opens_its_row(self):
        self.browser.click(".legend button")
        self.assertEqual(self.text(".drawer h2"), self.browser.run(
            "return document.querySelector('.legend button .name').innerText;"))

    def test_a_limit_in_sight_is_drawn(self):
        self.assertEqual(self.count("line.limit"), 0)
        self.open(self.write_page(SAMPLES["killed"]))
        self.assertEqual(self.count("line.limit"), 1)


class Tables(WebCase):
    def setUp(self):
        super().setUp()
        self.open(self.write_page(SAMPLES["server"]))

    def first(self):
        return self.texts(".grid td.name")[0]

    def test_a_click_on_a_head_sorts(self):
        self.assertTrue(self.first().startswith("char[]"))
        self.press_button("Blocks", ".grid thead")
        self.assertTrue(self.first().startswith("char[]"))
        self.press_button("Blocks \u25be", ".grid thead")
        self.assertTrue(self.first().startswith("dictEntry *[]"))
        self.assertEqual(self.browser.run("return document.querySelector('th[aria-sort]').getAttribute('aria-sort');"),
                         "ascending")

    def test_the_filter(self):
        self.browser.press("/")
        self.browser.type(".tables input", "dict ENTRY")
        self.assertEqual(len(self.texts(".grid td.name")), 2)
        self.assertEqual(self.text(".tables .toolbar [role=status]"), "2 of 13 rows")
        self.browser.press("Escape")
        self.assertEqual(len(self.texts(".grid td.name")), 13)

    def test_every_table(self):
        heads = {"Types": "Type", "Lines": "Line", "Leaks": "Definitely", "Temporary": "Of its own", "Sizes": "Full"}
        for tab, head in heads.items():
            with self.subTest(tab):
                self.press_button(tab, ".tables")
                self.assertIn(head, [word.strip(" \u25be") for word in self.texts(".grid th")])
                self.assertGreater(len(self.texts(".grid td.name")), 0)
                self.check()
        self.press_button("Leaks", ".tables")
        self.assertIn("session.c:51", self.first())

    def test_keys_open_a_row(self):
        self.browser.run("document.querySelector('.grid').focus();")
        self.browser.press("ArrowDown")
        self.browser.press("Enter")
        self.assertEqual(self.text(".drawer h2"), "dictEntry *[]")
        self.assertIn("2 call stacks", self.text(".drawer"))
        self.browser.press("Escape")
        self.assertEqual(self.count(".drawer[hidden]"), 1)

    def test_the_drawer_of_a_type(self):
        self.press_button("quicklistNode", ".sentences")
        drawer = self.text(".drawer")
        for words in ("40 bytes each", "by the statement in the source", "11 of 40 bytes are padding, in 2 holes",
                      "#0 zmalloc", "quicklist.c:120 (quicklistCreateNode)"):
            self.assertIn(words, drawer)
        self.assertEqual(self.count("rect.hole"), 2)
        for theme in ("light", "dark"):
            self.look(WIDE, theme)
            self.check()
            (PICTURES / f"drawer-1400-{theme}.png").write_bytes(self.browser.picture())
        self.look(NARROW, "light")
        self.check()
        (PICTURES / "drawer-400-light.png").write_bytes(self.browser.picture())
        self.look(WIDE, "light")
        self.press_button("quicklist.c:120 (quicklistCreateNode)", ".drawer")
        self.assertIn("Its types", self.text(".drawer"))
        self.press_button("Close", ".drawer")

    def test_a_row_of_a_size_class(self):
        self.press_button("Sizes", ".tables")
        self.browser.click("#row-0")
        self.assertIn("full", self.text(".drawer"))

    def test_what_is_copied_is_exact(self):
        copied = self.browser.run(
            "const range = document.createRange(); range.selectNodeContents(document.querySelector('#row-0'));"
            "getSelection().removeAllRanges(); getSelection().addRange(range);"
            "const event = new ClipboardEvent('copy', {clipboardData: new DataTransfer(), bubbles: true, cancelable: true});"
            "document.body.dispatchEvent(event); return event.clipboardData.getData('text/plain');")
        self.assertIn("536017688", copied)
        self.assertIn("\t4000132\t", copied)

    def test_families_come_first_in_a_typed_program(self):
        self.open(self.write_page(SAMPLES["typed"]))
        self.assertEqual(self.texts(".tables .choice button")[0], "Families")
        self.assertEqual(self.first(), "struct emp")


class Flame(WebCase):
    def setUp(self):
        super().setUp()
        self.look(WIDE, "light", prefers_reduced_motion="reduce")
        self.open(self.write_page(SAMPLES["server"]))

    def test_pointing_shows_figures_and_a_click_zooms(self):
        self.browser.run("document.querySelector('.flame').scrollIntoView();")
        self.browser.point(".flame-scroller canvas", -290, 55)
        self.browser.until("return document.querySelector('.detail').innerText.includes('setCommand');")
        self.assertIn("of all", self.text(".detail"))
        self.browser.run("const c = document.querySelector('.flame-scroller canvas'), b = c.getBoundingClientRect();"
                         "c.dispatchEvent(new MouseEvent('click', {clientX: b.left + 20, clientY: b.top + 147, bubbles: true}));")
        self.browser.until("return document.querySelector('.detail').innerText.includes('of what is shown');")
        self.browser.press("Escape")
        self.press_button("Zoom out", ".flame")

    def test_keys_move_between_calls(self):
        self.browser.run("document.querySelector('.flame-scroller').focus();")
        for _ in range(3):
            self.browser.press("ArrowDown")
        self.assertIn("aeProcessEvents", self.text(".detail"))
        self.browser.press("Enter")
        self.assertIn("of what is shown", self.text(".detail"))
        self.browser.press("Escape")
        self.assertIn("aeMain", self.text(".detail"))

    def test_the_root_at_the_bottom(self):
        self.press_button("Flame", ".flame")
        self.browser.run("document.querySelector('.flame-scroller').focus();")
        self.browser.press("ArrowUp")
        self.browser.press("ArrowUp")
        self.assertIn("aeMain", self.text(".detail"))
        self.browser.run("const c = document.querySelector('.flame-scroller canvas'), b = c.getBoundingClientRect();"
                         "c.dispatchEvent(new PointerEvent('pointermove', {clientX: b.left + 20, clientY: b.bottom - 8, "
                         "bubbles: true}));")
        self.assertTrue(self.text(".detail").startswith("main"))

    def test_the_search(self):
        self.browser.type(".flame input[type=search]", "_sdsnewlen")
        self.assertRegex(self.text(".flame [role=status]"), r"^4 found, 58\.\d %$")
        self.browser.type(".flame input[type=search]", "x")
        self.assertEqual(self.text(".flame [role=status]"), "not found")

    def test_the_same_as_text(self):
        self.press_button("Text", ".flame")
        rows = self.texts(".calls tbody tr")
        self.assertIn("main", rows[1])
        self.assertIn("100 %", rows[1])
        self.check()
        (PICTURES / "text.png").write_bytes(self.browser.picture(whole=True))

    def test_it_follows_row_measure_and_unit(self):
        whole = self.text(".flame h2")
        self.browser.click("#row-1")
        self.assertIn("dictEntry *[]", self.text(".flame h2"))
        self.assertNotEqual(self.text(".flame h2"), whole)
        for measure in ("Live", "Lost", "Allocated", "Temporary"):
            self.press_button(measure, "main")
            self.assertIn(measure.lower(), self.text(".flame h2").lower() + self.text(".flame .nothing").lower())
        self.press_button("Peak", "main")
        self.press_button("Blocks", ".toolbar")
        self.assertIn("2 blocks", self.text(".flame h2"))

    def test_a_comparison(self):
        self.open(self.write_page(SAMPLES["compared"]))
        self.assertEqual(self.texts(".grid th")[-1], "Change \u25be")
        self.assertIn("red grows", self.text(".flame h2"))
        self.browser.run("document.querySelector('.flame-scroller').focus();")
        self.browser.press("ArrowDown")
        self.assertIn("\u2192", self.text(".detail"))

    def test_the_list_of_keys(self):
        self.browser.press("?")
        self.assertEqual(self.count("dialog[open]"), 1)
        self.check()
        self.browser.press("Escape")
        self.assertEqual(self.count("dialog[open]"), 0)

    def test_the_switch_of_the_theme(self):
        theme = "return document.documentElement.dataset.theme;"
        self.assertEqual(self.browser.run(theme), "light")
        self.press_button("Dark", "header")
        self.assertEqual(self.browser.run(theme), "dark")
        self.browser.ask("POST", "/refresh", {})
        self.browser.until("return document.documentElement.dataset.ready;")
        self.assertEqual(self.browser.run(theme), "dark")
        self.press_button("Light", "header")


if __name__ == "__main__":
    unittest.main()
