# SPDX-License-Identifier: MIT
"""A small WebDriver client for Debian's Chromium: only what the tests of the page need.

A Browser starts chromedriver on a free port, with a profile of its own, which goes with it.
"""
import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

PATIENCE_SECONDS = 120
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Escape": "\ue00c", "Enter": "\ue007", "Tab": "\ue004", "ArrowLeft": "\ue012", "ArrowUp": "\ue013",
        "ArrowRight": "\ue014", "ArrowDown": "\ue015", "Shift": "\ue008", "End": "\ue010", "Home": "\ue011"}
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--force-color-profile=srgb",
         "--hide-scrollbars"]


def is_installed():
    """Whether there is a browser to drive."""
    return all(shutil.which(name) for name in ("chromium", "chromedriver"))


class Browser:
    """One browser with one window."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="lmm-web-")
        self.log = open(f"{self.profile}/driver.log", "w+", encoding="utf-8", errors="replace")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=self.log, stderr=subprocess.STDOUT)
        try:
            self.base = f"http://127.0.0.1:{self.driver_port()}"
            answer = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                "goog:chromeOptions": {"binary": shutil.which("chromium"),
                                       "args": FLAGS + [f"--user-data-dir={self.profile}/profile"]}}}})
            self.base += "/session/" + answer["sessionId"]
            self.open("about:blank")
            self.requests()
        except BaseException:
            self.close()
            raise

    def driver_port(self):
        """The port that chromedriver has chosen; it prints it when it listens."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end and self.driver.poll() is None:
            self.log.seek(0)
            for line in self.log:
                if "started successfully on port" in line:
                    return int(line.rsplit(" ", 1)[1].strip().rstrip("."))
            time.sleep(0.02)
        self.log.seek(0)
        raise AssertionError("chromedriver did not start: " + self.log.read())

    def ask(self, method, path, body=None):
        """Sends a command and returns its value."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode(errors='replace')[:800]}") from None

    def close(self):
        """Ends the browser and removes its profile."""
        with contextlib.suppress(Exception):
            self.ask("DELETE", "")
        self.driver.terminate()
        self.driver.wait()
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, address):
        self.ask("POST", "/url", {"url": address})

    def run(self, script, *arguments):
        """Runs the body of a function in the page and returns what it returns."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, script, *arguments):
        """Waits until the body of a function returns something true, and returns that."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (answer := self.run(script, *arguments)):
            if time.monotonic() > end:
                raise AssertionError("waited too long for: " + script)
            time.sleep(0.02)
        return answer

    def resize(self, width, height):
        """Sets the size of the page itself; a window of Chromium cannot be as narrow as a telephone."""
        self.command("Emulation.setDeviceMetricsOverride",
                     {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def command(self, name, parameters):
        """Sends a command of the browser's own protocol."""
        return self.ask("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def prefer(self, **features):
        """Sets what the system prefers: prefers_color_scheme='dark', prefers_reduced_motion='reduce'."""
        self.command("Emulation.setEmulatedMedia", {"features": [
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()]})

    def picture(self, whole=False):
        """A PNG of the window, or of the whole page."""
        if not whole:
            return base64.b64decode(self.ask("GET", "/screenshot"))
        size = self.command("Page.getLayoutMetrics", {})["cssContentSize"]
        return base64.b64decode(self.command("Page.captureScreenshot", {
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}})["data"])

    def element(self, selector):
        return self.ask("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self.ask("POST", f"/element/{self.element(selector)}/click", {})

    def type(self, selector, text):
        """Types into an element; KEYS has the names of keys without a letter."""
        self.ask("POST", f"/element/{self.element(selector)}/value", {"text": KEYS.get(text, text)})

    def press(self, key, *held):
        """Presses a key where the focus is, while others are held."""
        words = [KEYS.get(one, one) for one in (*held, key)]
        actions = [{"type": "keyDown", "value": word} for word in words]
        actions += [{"type": "keyUp", "value": word} for word in reversed(words)]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def drag(self, selector, start, end):
        """Drags the pointer over an element, from one offset of its middle to another; both are (x, y)."""
        origin = {ELEMENT: self.element(selector)}
        moves = [{"type": "pointerMove", "origin": origin, "x": x, "y": y, "duration": 50} for x, y in (start, end)]
        actions = [moves[0], {"type": "pointerDown", "button": 0}, moves[1], {"type": "pointerUp", "button": 0}]
        self.ask("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": actions}]})

    def point(self, selector, x, y):
        """Moves the pointer to an offset of an element's middle."""
        move = {"type": "pointerMove", "origin": {ELEMENT: self.element(selector)}, "x": x, "y": y, "duration": 0}
        self.ask("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [move]}]})

    def complaints(self):
        """What the console has said since the last call, of any level."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]

    def requests(self):
        """The addresses that the page has asked for since the last call, without those inside it."""
        found = []
        for entry in self.ask("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return [address for address in found if not address.startswith(("data:", "blob:"))]
