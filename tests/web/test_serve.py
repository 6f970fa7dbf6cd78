# SPDX-License-Identifier: MIT
"""The page of a real `lmm serve`, in a browser: programs that it observes, until they are killed and it ends.

Arguments: lmm, the programs served and served_plain, the drop-in, and the folder for pictures.
"""
import sys
import unittest

from harness import SOURCE

sys.path.append(f"{SOURCE}/tests/reporter/serve")

from serving import ServeCase  # noqa: E402 (it takes its arguments before the next ones are taken)
from web_case import WebCase, arguments, pictures  # noqa: E402

PICTURES = pictures(arguments(1)[0])


class Served(WebCase, ServeCase):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def origin(self):
        return f"http://{self.server.host}:{self.server.port}/"

    def open_page(self):
        """Opens the address that the server has printed; returns the milliseconds until the first picture."""
        self.browser.open("about:blank")
        self.browser.open(f"{self.origin()}?token={self.server.token}")
        return self.browser.until("return document.documentElement.dataset.ready;")

    def open_process(self, pid):
        """Opens the page of a process, as its link in the list does."""
        identity = self.server.find(pid)["id"]
        self.open_page()
        self.browser.until("return document.querySelector(arguments[0]);", f"a[href='#{identity}']")
        self.browser.click(f"a[href='#{identity}']")
        self.browser.until("return document.querySelector('.grid');")

    def summary_has(self, words):
        self.browser.until("return document.querySelector('.summary').innerText.includes(arguments[0]);", words)

    def test_the_first_picture(self):
        program = self.typed(3)
        program.tell("keep 10")
        self.server.find(program.pid, live_blocks=10)
        print(f"the list was drawn {self.open_page()} ms after the page's start")
        self.assertNotIn("token", self.browser.run("return location.href;"))
        self.check()

    def test_a_program_on_the_drop_in(self):
        program = self.plain()
        program.tell("node 1000")
        self.server.find(program.pid, names="ready")
        self.open_process(program.pid)
        self.assertIn("running for", self.text(".state"))
        self.browser.until("return Array.from(document.querySelectorAll('.grid td.name'), (e) => e.innerText).some((name) => "
                           "name.startsWith('struct node'));")
        program.tell("node 5000")
        self.summary_has("6,0")
        self.browser.until("return document.querySelectorAll('path.layer').length > 1;")
        self.check()
        self.press_button("Leak check", "nav")
        self.browser.until("return document.querySelector('nav').innerText.includes('Leak check: done.');")
        self.press_button("Mark", "nav")
        self.browser.until("return document.querySelector('nav span a');")
        program.tell("text 100")
        self.browser.click("nav span a")
        self.browser.until("return document.querySelector('.grown');")
        self.check()
        self.browser.click("nav a")
        self.browser.until("return document.querySelector('nav button');")
        (PICTURES / "served-1400-light.png").write_bytes(self.browser.picture(whole=True))

    def test_a_typed_program_is_killed_and_the_server_ends(self):
        program = self.typed(3)
        program.tell("keep 40")
        self.server.find(program.pid, live_blocks=40)
        self.open_process(program.pid)
        self.assertEqual(self.text(".tables [aria-selected=true]"), "Families")
        self.assertIn("<script>alert(1)</script>", self.texts(".grid td.name"))
        program.tell("keep 60")
        self.summary_has("in 100 blocks")
        self.browser.click("#row-0")
        self.press_button("Show how full they are", ".drawer")
        self.browser.until("return document.querySelectorAll('.cells .cell').length === 1;")
        self.assertIn("1 page, ", self.text(".drawer"))
        self.press_button("Show who holds it", ".drawer")
        self.browser.until("return document.querySelectorAll('.ways > li').length === 1;")
        self.assertIn("served!kept", self.text(".ways"))
        program.kill()
        self.browser.until("return document.querySelector('.state').innerText.includes('killed');")
        self.assertEqual((self.count(".cells .cell"), self.count(".ways > li")), (1, 1), "answers stay")
        self.assertNotIn("Show how full they are", self.text(".drawer"))
        self.summary_has("in 100 blocks")
        self.check()
        self.server.end()
        self.browser.until("const e = document.querySelector('.connection');"
                           "return e && e.innerText.includes('has not answered since');")
        self.summary_has("in 100 blocks")
        self.browser.complaints()    # the browser itself reports the lost connection


if __name__ == "__main__":
    unittest.main()
