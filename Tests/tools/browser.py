"""Headless Chromium for tests of pages, driven by the W3C WebDriver protocol: Python's standard library is enough."""
import base64
import json
import subprocess
import time
import urllib.request


class Browser:
    """A session of the W3C WebDriver protocol."""

    KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": " ", "Down": "\ue015", "Up": "\ue013",
            "Home": "\ue011", "End": "\ue010", "Right": "\ue014", "Shift": "\ue008"}

    def __init__(self, shots, width=1200, height=900, traces=""):
        """`traces`: categories of the browser's trace, which is then in the log `performance`."""
        self.shots = shots
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                self.port = int(line.rstrip(". \n").rsplit(" ", 1)[1])
                break
        else:
            raise SystemExit("chromedriver did not start")
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required",
                            f"--window-size={width},{height}"]}
        logs = {"browser": "ALL"}
        if traces:
            options["perfLoggingPrefs"] = {"enableNetwork": False, "enablePage": False, "traceCategories": traces}
            logs["performance"] = "ALL"
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logs}
        self.path = ""
        self.path = "/session/" + self.call("POST", "/session", capabilities={"alwaysMatch": capabilities})["sessionId"]

    def call(self, method, path, **body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{self.path}{path}", method=method,
            data=json.dumps(body).encode() if method == "POST" else None, headers={"Content-Type": "application/json"})
        try:
            return json.load(urllib.request.urlopen(request, timeout=120))["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    def open(self, url):
        self.call("POST", "/url", url="about:blank")
        self.call("POST", "/url", url=url)

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", script=script, args=list(arguments))

    def finish(self, script, *arguments):
        """Runs a script that calls its last argument with the result."""
        return self.call("POST", "/execute/async", script=script, args=list(arguments))

    def devtools(self, command, **parameters):
        """A command of the Chrome DevTools Protocol."""
        return self.call("POST", "/goog/cdp/execute", cmd=command, params=parameters)

    def press(self, *keys):
        """Presses keys one after the other: characters, names in Browser.KEYS, or several joined by a plus sign at once."""
        actions = []
        for key in keys:
            values = [self.KEYS.get(part, part) for part in (key.split("+") if len(key) > 1 else [key])]
            actions += [{"type": "keyDown", "value": value} for value in values]
            actions += [{"type": "keyUp", "value": value} for value in reversed(values)]
        self.call("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def element(self, selector):
        return next(iter(self.call("POST", "/element", using="css selector", value=selector).values()))

    def click(self, selector):
        self.call("POST", f"/element/{self.element(selector)}/click")

    def type(self, selector, text):
        element = self.element(selector)
        self.call("POST", f"/element/{element}/clear")
        if text:
            self.call("POST", f"/element/{element}/value", text=text)

    def shoot(self, name):
        self.shots.mkdir(parents=True, exist_ok=True)
        (self.shots / f"{name}.png").write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def until(self, what, script, *arguments, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.run(script, *arguments)
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what}")

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
