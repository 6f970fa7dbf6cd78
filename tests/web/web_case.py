# SPDX-License-Identifier: MIT
"""What the browser tests of the page share: a browser, HTML reports with documents of the tests, and what every page
must keep to.
"""
import base64
import json
import os
import pathlib
import re
import unittest
import zlib

import browser
from harness import LMM, SKIPPED, SOURCE, Case, arguments, run

DATA = re.compile(rb'(id="lmm-data">)([A-Za-z0-9+/=]*)(</script>)')
READY = "return document.documentElement.dataset.ready || (document.querySelector('.failure') && 'failed');"
WIDE, NARROW = (1400, 900), (400, 800)

# Contrast of all text that can be seen, by WCAG: what is below 4.5, as [text, ratio]. Disabled buttons are exempt.
CONTRAST = r"""
const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const groundOf = (element) => {
    for (let one = element; one; one = one.parentElement) {
        const colour = channels(getComputedStyle(one).backgroundColor);
        if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('script, style, noscript, :disabled, option, title')) continue;
    if (!element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const ink = light(channels(element instanceof SVGElement ? style.fill : style.color));
    const ground = light(groundOf(element));
    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (ratio < 4.5) found.push([walker.currentNode.data.slice(0, 40), Math.round(ratio * 100) / 100]);
}
return found;
"""
# Elements that can have the focus and have no name for a screen reader.
NAMELESS = r"""
return Array.from(document.querySelectorAll('button, input, a, section, aside, [tabindex], [role]')).filter((one) =>
    one.getClientRects().length && !(one.getAttribute('aria-label') || one.textContent.trim() || one.title ||
    one.closest('label') || one.getAttribute('role') === 'status')).map((one) => one.outerHTML.slice(0, 100));
"""


class WebCase(Case):
    """A test with a browser, which the tests of a class share."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not browser.is_installed():
            raise unittest.SkipTest("chromium or chromedriver is not installed")
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.look(WIDE, "light")
        self.browser.complaints()
        self.browser.requests()

    def look(self, size, theme, **features):
        """Sets the size of the page and what the system prefers."""
        self.browser.resize(*size)
        self.browser.prefer(prefers_color_scheme=theme, **features)

    def write_page(self, document, name="page.html"):
        """Writes an HTML report with a document (bytes: with these bytes as its data); returns its path."""
        shell = self.path("shell.html")
        if not os.path.exists(shell):
            ledger = pathlib.Path(SOURCE, "tests/data/wordindex-1.lmm")
            result = run(LMM, "report", "--format", "html", "-o", shell, ledger)
            self.assertEqual(result.returncode, 0, result.stderr)
        data = document if isinstance(document, bytes) else base64.b64encode(zlib.compress(
            json.dumps(document, separators=(",", ":")).encode()))
        with open(shell, "rb") as file:
            page = DATA.sub(lambda match: match[1] + data + match[3], file.read())
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(page)
        return path

    def open(self, path, ready="^[0-9]+$"):
        """Opens a file and waits until it is drawn; returns the milliseconds that this took."""
        self.browser.open("file://" + path)
        state = self.browser.until(READY)
        self.assertRegex(state, ready)
        return state

    def check(self):
        """What every page keeps to."""
        self.assertEqual(self.browser.complaints(), [], "the console has messages")
        outside = [address for address in self.browser.requests() if not address.startswith(self.origin())]
        self.assertEqual(outside, [], "requests leave the page")
        width, room = self.browser.run("return [document.documentElement.scrollWidth, window.innerWidth];")
        self.assertLessEqual(width, room, "the page scrolls sideways")
        self.assertEqual(self.browser.run(CONTRAST), [], "text without contrast")
        self.assertEqual(self.browser.run(NAMELESS), [], "elements without a name")

    def origin(self):
        return "file:///"

    def text(self, selector):
        """The text of the first such element, as it is seen."""
        return self.browser.run("const e = document.querySelector(arguments[0]); return e && e.innerText;", selector)

    def texts(self, selector):
        return self.browser.run(
            "return Array.from(document.querySelectorAll(arguments[0]), (e) => e.innerText.trim());", selector)

    def count(self, selector):
        return self.browser.run("return document.querySelectorAll(arguments[0]).length;", selector)

    def press_button(self, word, within="body"):
        """Clicks the button with this word."""
        clicked = self.browser.run(
            "const e = Array.from(document.querySelectorAll(arguments[1] + ' button')).find((b) => b.innerText.trim() === "
            "arguments[0]); if (e) { e.click(); } return Boolean(e);", word, within)
        self.assertTrue(clicked, f"no button {word}")


def pictures(folder_argument):
    """The folder for pictures, which is made."""
    folder = pathlib.Path(folder_argument)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


__all__ = ["NARROW", "SKIPPED", "WIDE", "WebCase", "arguments", "pictures"]
