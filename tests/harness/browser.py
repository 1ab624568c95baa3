"""Headless Chromium through its WebDriver: pages as people see them, keys as they press them."""
import base64
import json
import subprocess
import tempfile
import urllib.error
import urllib.request

from . import places

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # how WebDriver names an element
TAB, ENTER = "\ue004", "\ue007"
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--hide-scrollbars")


class Browser:
    """One window, with a profile of its own."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="sg-browser-")
        self.port = places.free_port()
        self.driver = subprocess.Popen(
            ["chromedriver", f"--port={self.port}"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=places.end_with_us)
        self.session = None
        try:
            assert places.wait_for(lambda: places.port_open(self.port)), "no chromedriver"
            self.session = self.call("POST", "/session", capabilities={"alwaysMatch": {
                "timeouts": {"script": 150000},  # axe-core on a long page of a busy machine
                "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {
                    "args": [*ARGUMENTS, f"--user-data-dir={self.profile.name}"]}}})["sessionId"]
        except BaseException:
            self.close()
            raise

    def call(self, method, path, **body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method,
            data=json.dumps(body).encode() if method == "POST" else None,
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=180) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()[:2000]) from error

    def post(self, path, **body):
        return self.call("POST", f"/session/{self.session}/{path}", **body)

    def devtools(self, command, **parameters):
        return self.post("goog/cdp/execute", cmd=command, params=parameters)

    def open(self, url, width=1280, height=900, scheme="light", scripts=True, media=""):
        """`scripts`: whether the page's own are run; ours always are. `media`: "print" for paper."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                      deviceScaleFactor=1, mobile=False)
        self.devtools("Emulation.setEmulatedMedia", media=media,
                      features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.devtools("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.complaints()
        self.post("url", url=str(url))

    def run(self, script, *arguments):
        return self.post("execute/sync", script=script, args=arguments)

    def run_async(self, script, *arguments):
        """Its last argument is to be called with the result."""
        return self.post("execute/async", script=script, args=arguments)

    def press(self, *keys):
        """Each key goes to what has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.post("actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def complaints(self):
        """What the console has said since the last call: broken policies, missing files."""
        return [entry["message"] for entry in self.post("se/log", type="browser")]

    def picture(self, path, tallest=6000):
        """The whole page as a PNG, or its upper part."""
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], tallest), "scale": 1}
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def paper(self, path):
        """The page as it is printed, a PDF."""
        pdf = self.devtools("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(pdf["data"]))

    def close(self):
        try:
            if self.session:
                self.call("DELETE", f"/session/{self.session}")
        finally:
            self.driver.terminate()
            self.driver.wait(30)
            self.profile.cleanup()
