"""A headless Chromium for a test, driven over its debugging pipe (file descriptors 3 and 4, JSON with a NUL behind each).

    with Browser() as browser:
        page = browser.open("http://127.0.0.1:5001/")
        page.wait("document.querySelector('h1')", "the page")
"""
import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

DEADLINE_S = 30
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--no-proxy-server", "--remote-debugging-pipe", "about:blank"]


def find():
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    def __enter__(self):
        self.profile = pathlib.Path(tempfile.mkdtemp(prefix="compozy-chromium-"))
        reads, self.out = os.pipe()
        self.into, writes = os.pipe()
        # Above 10, so that neither is overwritten while the child puts them at 3 and 4.
        child = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (reads, writes)]

        def place():
            os.dup2(child[0], 3)
            os.dup2(child[1], 4)

        self.process = subprocess.Popen([find(), f"--user-data-dir={self.profile}", "--window-size=1440,900", *FLAGS], preexec_fn=place,
                                        pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        for fd in (reads, writes, *child):
            os.close(fd)
        self.buffer, self.count, self.events = b"", 0, []
        return self

    def __exit__(self, *unused):
        try:
            self.send("Browser.close")
            self.process.wait(10)
        except (OSError, AssertionError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.into)
        shutil.rmtree(self.profile, ignore_errors=True)

    def read(self, deadline):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.into], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            piece = os.read(self.into, 1 << 20)
            assert piece, "the browser has ended"
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, parameters=None, session=None):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        deadline = time.monotonic() + DEADLINE_S
        while True:
            answer = self.read(deadline)
            if answer.get("id") == self.count:
                assert "error" not in answer, f"{method}: {answer.get('error')}"
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def open(self, url):
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log"):
            page.send(domain + ".enable")
        page.send("Page.navigate", {"url": url})
        return page


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def send(self, method, parameters=None):
        return self.browser.send(method, parameters, self.session)

    def get(self, expression):
        answer = self.send("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def wait(self, expression, what, deadline_s=DEADLINE_S):
        """The first truthy value of an expression."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            try:
                value = self.get(f"(() => {{ const v = {expression}; return v instanceof Element ? true : v; }})()")
            except AssertionError as error:  # the document is being replaced
                if "context" not in str(error):
                    raise
                value = None
            if value:
                return value
            time.sleep(0.03)
        raise AssertionError(f"{what} did not happen within {deadline_s} s; the page shows:\n" + self.text())

    def text(self):
        return self.get("document.body.innerText")

    def click(self, selector):
        self.wait(f"document.querySelector({json.dumps(selector)})", selector)
        self.get(f"document.querySelector({json.dumps(selector)}).click()")

    def click_text(self, selector, text):
        find_it = f"[...document.querySelectorAll({json.dumps(selector)})].find((e) => e.textContent.trim() === {json.dumps(text)})"
        self.wait(find_it, f"{selector} '{text}'")
        self.get(find_it + ".click()")

    def press(self, key):
        text = key if len(key) == 1 else {"Enter": "\r"}.get(key)
        code = {"Enter": 13, "Escape": 27}.get(key, 0)
        about = {"key": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", {"type": "keyDown", **about, **({"text": text} if text else {})})
        self.send("Input.dispatchKeyEvent", {"type": "keyUp", **about})

    def type(self, text):
        self.send("Input.insertText", {"text": text})

    def picture(self, path):
        pathlib.Path(path).write_bytes(base64.b64decode(self.send("Page.captureScreenshot", {"format": "png"})["data"]))

    def complaints(self):
        """Uncaught exceptions and what the browser blocked; lost connections are no complaint."""
        self.get("1")
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            if event["method"] == "Runtime.exceptionThrown":
                found.append(event["params"]["exceptionDetails"])
            elif event["method"] == "Log.entryAdded" and event["params"]["entry"]["source"] in ("security", "violation", "javascript"):
                found.append(event["params"]["entry"])
        return found
