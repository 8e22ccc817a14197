"""A Compozy server for a test: the shipped binary in a scratch directory, on a free port.

    with Server(project) as server:
        run = server.start("hello", {"name": "Ada"})
        server.wait(run)

kill() is SIGKILL; start_process() again continues on the same data. Everything waits on a condition with a deadline.
"""
import atexit
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

BINARY = os.environ.get("COMPOZY_BINARY", "build/release/compozy")
SOURCE = pathlib.Path(os.environ.get("COMPOZY_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
DEADLINE_S = 30


class Problem(Exception):
    """An HTTP answer of 400 or more: status, and the problem+json body."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


def wait_until(condition, what, deadline_s=DEADLINE_S):
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen within {deadline_s} s")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scratch():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="compozy-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def write_project(files):
    """A project from {path: text}; returns its folder."""
    root = scratch()
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if name.endswith((".py", ".sh")):
            path.chmod(0o755)
    return root


def copy_example(name):
    root = scratch() / name
    shutil.copytree(SOURCE / "examples" / name, root, ignore=shutil.ignore_patterns(".compozy"))
    return root


class Server:
    def __init__(self, project, flags=(), env=None, mode="--standalone"):
        self.project = pathlib.Path(project)
        self.flags = list(flags)
        self.env = {**os.environ, **(env or {})}
        self.mode = [mode] if mode else []
        self.process = None
        self.url = None
        self.lines = []

    def __enter__(self):
        self.start_process()
        return self

    def __exit__(self, *unused):
        self.kill()

    def start_process(self, port=0):
        self.log = open(self.project / "server.log", "ab")
        self.process = subprocess.Popen(
            [BINARY, "start", *self.mode, "--cwd", str(self.project), "--port", str(port), *self.flags],
            stdout=subprocess.PIPE, stderr=self.log, env=self.env, text=True)
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            if line.strip().startswith("next"):
                break
        else:
            raise AssertionError("the server did not start:\n" + "".join(self.lines) + (self.project / "server.log").read_text(errors="replace"))
        self.url = next(line.split()[1] for line in self.lines if line.strip().startswith("api")).removesuffix("/api/v0")
        return self

    def kill(self, how=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(DEADLINE_S)
        if self.process and self.process.stdout:
            self.process.stdout.close()
        if getattr(self, "log", None):
            self.log.close()

    def stop(self):
        self.kill(signal.SIGTERM)
        return self.process.returncode

    @property
    def data(self):
        return self.project / ".compozy"

    @property
    def key(self):
        return (self.data / "api_key").read_text().strip()

    def request(self, method, path, body=None, headers=None, key=True, timeout=DEADLINE_S):
        request = urllib.request.Request(self.url + path, method=method)
        if key:
            request.add_header("Authorization", "Bearer " + self.key)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            return urllib.request.urlopen(request, data, timeout=timeout)
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            raise Problem(error.code, json.loads(text) if text.startswith("{") else text) from None

    def call(self, method, path, body=None, headers=None, key=True):
        with self.request(method, path, body, headers, key) as response:
            return json.load(response)["data"]

    def start(self, workflow, given=None, headers=None):
        return self.call("POST", f"/api/v0/workflows/{workflow}/executions", {"input": given or {}}, headers)["exec_id"]

    def run(self, exec_id):
        return self.call("GET", f"/api/v0/executions/workflows/{exec_id}")

    def wait(self, exec_id, deadline_s=DEADLINE_S):
        def ended():
            run = self.run(exec_id)
            return run if run["status"] in ("SUCCESS", "FAILED", "CANCELED", "TIMED_OUT") else None
        return wait_until(ended, f"the end of {exec_id}", deadline_s)

    def events(self, exec_id):
        events, after = [], 0
        while True:
            page = self.call("GET", f"/api/v0/executions/workflows/{exec_id}/events?after={after}&limit=500")["events"]
            events += page
            if len(page) < 500:
                return events
            after = page[-1]["id"]

    def stream(self, exec_id, last=0):
        """The open response of the event stream."""
        headers = {"Last-Event-ID": str(last)} if last else {}
        return self.request("GET", f"/api/v0/executions/workflows/{exec_id}/stream", headers=headers)

    def cli(self, *words):
        env = {**self.env, "COMPOZY_BASE_URL": self.url or "", "COMPOZY_API_KEY": self.key}
        return subprocess.run([BINARY, *words], capture_output=True, text=True, env=env, timeout=DEADLINE_S)


def read_events(response):
    """Server-sent events of an open response, as (id, event, data), until it ends."""
    ident, event, data = "", "message", []
    for raw in response:
        line = raw.decode().rstrip("\n").rstrip("\r")
        if line == "":
            if data:
                yield ident, event, "\n".join(data)
            ident, event, data = "", "message", []
        elif line.startswith("id:"):
            ident = line[3:].strip()
        elif line.startswith("event:"):
            event = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
