"""What goes wrong around a server: each fault is refused or survived, and said in words.

Directories, ports, disks, keys, requests, projects, providers and tools.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import model
from server import BINARY, Problem, Server, free_port, scratch, wait_until, write_project

PROJECT = """
name: faults
workflows: [{source: ./flow.yaml}]
models: [{provider: openai, model: scripted, api_url: "http://127.0.0.1:PORT/v1", api_key: none, default: true}]
"""

FLOW = """
id: flow
config: {input: {type: object, properties: {count: {type: integer, default: 1}}}}
tasks: [{id: one, type: aggregate, outputs: {count: "{{ .workflow.input.count }}"}}]
outputs: {count: "{{ .tasks.one.output.count }}"}
"""

TALK = """
id: talk
agents: [{id: talker, instructions: You talk., actions: [{id: say, prompt: hello}]}]
tasks: [{id: say, agent: talker, action: say}]
outputs: {text: "{{ .tasks.say.output.response }}"}
"""


def project(port=1, **files):
    texts = {"compozy.yaml": PROJECT.replace("PORT", str(port)), "flow.yaml": FLOW}
    texts.update({name.replace("__", "/").replace("_", "."): text for name, text in files.items()})
    return write_project(texts)


def tool_project(script, **settings):
    lines = "".join(f"    {name}: {value}\n" for name, value in settings.items())
    flow = f"id: flow\ntools:\n  - id: bad\n    description: misbehaves\n    execute: tools/bad.sh\n{lines}tasks: [{{id: one, tool: bad, retries: 0}}]\n"
    return write_project({"compozy.yaml": PROJECT.replace("PORT", "1"), "flow.yaml": flow, "tools/bad.sh": "#!/bin/sh\n" + script})


def refused(root, *flags, words=(), mode=("--standalone",)):
    return subprocess.run([*words, BINARY, "start", *mode, "--cwd", str(root), "--port", "0", *flags], capture_output=True, text=True, timeout=20)


class StartTest(unittest.TestCase):
    def one_line(self, done, exit_code, *words):
        self.assertEqual(done.returncode, exit_code, done.stderr)
        said = [line for line in done.stderr.splitlines() if not line[:1].isdigit()]  # the log's lines begin with their time
        self.assertEqual(len(said), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_a_second_server_on_one_data_directory_is_refused(self):
        with Server(project()) as server:
            self.one_line(refused(server.project), 5, str(server.data))
            self.assertEqual(server.wait(server.start("flow"))["status"], "SUCCESS", "the first goes on")

    def test_a_busy_port_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            done = subprocess.run([BINARY, "start", "--standalone", "--cwd", str(project()), "--port", port], capture_output=True, text=True, timeout=20)
            self.one_line(done, 5, port)

    @unittest.skipUnless(os.geteuid() != 0 or shutil.which("setpriv"), "root writes everywhere, and there is no setpriv")
    def test_a_read_only_directory_is_named(self):
        root = project()
        root.chmod(0o555)
        for path in root.iterdir():
            path.chmod(0o444)
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        probe = subprocess.run([*words, BINARY, "version"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest("the other user cannot run the binary")
        done = refused(root, words=words)
        self.assertNotEqual(done.returncode, 0)
        self.one_line(done, done.returncode, ".compozy", "ermission denied")

    def test_distributed_says_what_is_missing(self):
        self.one_line(refused(project(), mode=()), 7, "Temporal", "--standalone")

    def test_no_keys_only_on_loopback(self):
        root = project()
        (root / "compozy.yaml").write_text((root / "compozy.yaml").read_text() + "server: {auth: {enabled: false}, host: 0.0.0.0}\n")
        done = refused(root)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("loopback", done.stderr)

    def test_what_a_process_needs_to_begin_is_named(self):
        for limit in (8, 12, 14, 16):
            done = refused(project(), words=("prlimit", f"--nofile={limit}"))
            self.assertGreater(done.returncode, 0, done.stderr)
            self.one_line(done, done.returncode, "Too many open files")

    def test_an_empty_folder_gets_a_hint(self):
        self.one_line(refused(scratch()), 4, "compozy init", "compozy.yaml")

    def test_what_was_damaged_at_rest_is_named_and_nothing_begins_anew_in_silence(self):
        with Server(project()) as server:
            server.wait(server.start("flow"))
            self.assertEqual(subprocess.run(["redis-cli", "-s", str(server.data / "redis.sock"), "SET", "a", "1"], capture_output=True, text=True).stdout, "OK\n")
            server.stop()
            log = server.data / "redis" / "appendonlydir"
            manifest = log / "appendonly.aof.manifest"
            kept = manifest.read_bytes()
            manifest.unlink()
            self.one_line(refused(server.project), 10, str(manifest), "missing", "backup")
            manifest.write_bytes(kept)
            base = log / "appendonly.aof.1.base.rdb"
            kept = base.read_bytes()
            base.write_bytes(b"")
            self.one_line(refused(server.project), 10, str(base), "empty", "backup")
            base.write_bytes(kept)
            database = server.data / "compozy.db"
            kept = database.read_bytes()
            database.write_bytes(b"\xee" * len(kept))
            self.one_line(refused(server.project), 10, str(database), "not a database", "backup")
            database.unlink()
            server.start_process()
            self.assertIn("the database is new", (server.project / "server.log").read_text())

    def test_every_defect_of_a_project_has_its_place_and_the_nearest_name(self):
        flow = "id: flow\ntasks:\n  - {id: one, type: agregate, outputs: {a: 1}}\n  - {id: two, agent: talkr, action: say, on_sucess: {next: one}}\n"
        flow += "agents: [{id: talker, instructions: x, actions: [{id: say, prompt: x}]}]\n"
        done = subprocess.run([BINARY, "config", "validate", "--cwd", str(project(flow_yaml=flow))], capture_output=True, text=True, timeout=10)
        self.assertEqual(done.returncode, 3, done.stderr)
        text = done.stdout + done.stderr
        for wanted in ("flow.yaml:3:", "'aggregate'", "flow.yaml:4:", "'on_success'"):
            self.assertIn(wanted, text)


class RequestTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(project()).start_process()
        cls.addClassCleanup(cls.server.kill)

    def problem(self, status, method, path, body=None, headers=None, key=True):
        with self.assertRaises(Problem) as answer:
            self.server.request(method, path, body, headers, key)
        self.assertEqual(answer.exception.status, status, answer.exception.body)
        self.assertEqual(answer.exception.body["status"], status)
        self.assertTrue(answer.exception.body["detail"])
        return answer.exception.body

    def test_keys(self):
        self.problem(401, "GET", "/api/v0/workflows", key=False)
        self.problem(401, "GET", "/api/v0/workflows", headers={"Authorization": "Bearer cmpz_wrong"}, key=False)

    def test_routes(self):
        self.problem(404, "GET", "/api/v0/workflow")
        self.problem(405, "DELETE", "/api/v0/workflows")
        self.assertIn("flow", self.problem(404, "POST", "/api/v0/workflows/flwo/executions", {})["detail"])

    def test_bodies(self):
        self.problem(400, "POST", "/api/v0/workflows/flow/executions", b"{not json")
        self.problem(400, "POST", "/api/v0/workflows/flow/executions", b"[1]")
        self.assertEqual(self.problem(400, "POST", "/api/v0/workflows/flow/executions", {"inptu": {}})["field"], "inptu")
        try:
            self.problem(413, "POST", "/api/v0/workflows/flow/executions", b'{"input":"' + b"x" * (32 << 20) + b'"}')
        except OSError:
            pass  # it closed the connection while this client was still writing
        self.assertIn("count", json.dumps(self.problem(422, "POST", "/api/v0/workflows/flow/executions", {"input": {"count": "many"}})))

    def test_an_idempotency_key_means_one_run(self):
        header = {"Idempotency-Key": "k1"}
        first = self.server.start("flow", {"count": 2}, header)
        self.assertEqual(self.server.start("flow", {"count": 2}, header), first)
        self.problem(422, "POST", "/api/v0/workflows/flow/executions", {"input": {"count": 3}}, header)
        self.assertEqual(self.server.wait(first)["output"], {"count": 2})


class ProviderTest(unittest.TestCase):
    def test_a_provider_that_is_away_blocks_the_run_until_it_is_back(self):
        port = free_port()
        with Server(project(port, flow_yaml=TALK)) as server:
            run = server.start("talk")
            blocked = wait_until(lambda: [event for event in server.events(run) if event["type"] == "task_blocked"], "task_blocked")
            self.assertIn(str(port), json.dumps(blocked[0]))
            self.assertEqual(server.run(run)["status"], "RUNNING")
            with model.ScriptedModel() as talker:
                with socket.create_server(("127.0.0.1", port)) as door:  # the provider comes up at its address
                    self.forward(door, talker.port)
                    run = server.wait(run)
            self.assertEqual((run["status"], run["output"]["text"]), ("SUCCESS", "answer to: hello #1"))

    @staticmethod
    def forward(door, port):


        def copy(source, target):
            try:
                while data := source.recv(65536):
                    target.sendall(data)
            except OSError:
                pass

        def answer(client, model_side):
            with client, model_side:
                copy(model_side, client)

        def serve():
            while True:
                try:
                    client, _ = door.accept()
                except OSError:
                    return
                model_side = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=copy, args=(client, model_side), daemon=True).start()
                threading.Thread(target=answer, args=(client, model_side), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()

    def test_a_refused_key_fails_at_once(self):
        with model.ScriptedModel(status=401) as talker, Server(project(talker.port, flow_yaml=TALK)) as server:
            run = server.wait(server.start("talk"), 10)
            self.assertEqual(run["status"], "FAILED")
            self.assertIn("401", run["error"]["message"])
            self.assertEqual(talker.requests, 1)


class ToolTest(unittest.TestCase):
    def ended(self, script, **settings):
        with Server(tool_project(script, **settings)) as server:
            run = server.wait(server.start("flow"), 20)
            self.assertEqual(run["status"], "FAILED")
            return run["error"]["message"]

    def test_a_tool_that_takes_too_long(self):
        self.assertRegex(self.ended("sleep 60\n", timeout="1s"), "1000 ms|1s|1 s")

    def test_a_tool_that_floods(self):
        self.assertRegex(self.ended("cat > /dev/null\nyes | head -c 200000000\n"), "output|bytes|MB|MiB")

    def test_a_tool_that_prints_garbage(self):
        self.assertIn("JSON", self.ended("cat > /dev/null\necho this is not it\n"))

    def test_a_tool_that_fails_says_why(self):
        self.assertIn("no such thing", self.ended("cat > /dev/null\necho no such thing >&2\nexit 3\n"))

    def test_a_step_that_kills_its_server_does_not_loop_for_ever(self):
        server = Server(tool_project("kill -9 $PPID\nsleep 5\n"))
        server.start_process()
        run, deaths = server.start("flow"), 0
        try:
            while True:
                wait_until(lambda: server.process.poll() is not None or self.status(server, run) == "FAILED", "the end of the server or the run")
                if server.process.poll() is None:
                    break
                deaths += 1
                self.assertLess(deaths, 60, "it loops")
                server.kill()
                self.start_through_death(server)
            error = server.run(run)["error"]
            print(deaths, "deaths")
            self.assertEqual(error["code"], "worker_lost")
        finally:
            server.kill()

    @staticmethod
    def status(server, run):
        try:
            return server.run(run)["status"]
        except OSError:
            return None

    @staticmethod
    def start_through_death(server):
        try:
            server.start_process()
        except AssertionError:
            pass  # the step killed it while it was starting


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("mount"), "mounting a small disk needs root")
class FullDiskTest(unittest.TestCase):
    def test_a_full_disk_refuses_says_so_and_recovers(self):
        disk = pathlib.Path(tempfile.mkdtemp(prefix="compozy-disk-"))
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)], capture_output=True).returncode != 0:
            self.skipTest("this host does not let root mount a tmpfs")
        self.addCleanup(lambda: (subprocess.run(["umount", "-l", str(disk)], check=False), disk.rmdir()))
        root = project()
        (root / ".compozy").symlink_to(disk)
        with Server(root) as server:
            acknowledged = [server.start("flow") for _ in range(5)]
            ballast = disk / "ballast"
            with open(ballast, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass
            problem = wait_until(lambda: self.refusal(server, acknowledged), "a refused write")
            self.assertEqual(problem.status, 507, problem.body)
            self.assertEqual(server.run(acknowledged[0])["exec_id"], acknowledged[0], "reads go on")
            ballast.unlink()
            wait_until(lambda: self.refusal(server, acknowledged) is None, "recovery")
            for run in acknowledged:
                self.assertEqual(server.wait(run)["status"], "SUCCESS")
            server.kill()
            room = os.statvfs(disk)
            ballast.write_bytes(b"x" * (room.f_bavail * room.f_bsize - (6 << 20)))
            server.start_process()  # also where little is left
            acknowledged.append(server.start("flow"))
            for run in acknowledged:
                self.assertEqual(server.wait(run)["status"], "SUCCESS")
            print(len(acknowledged), "runs acknowledged, none lost")

    @staticmethod
    def refusal(server, acknowledged):
        try:
            acknowledged.append(server.start("flow"))
            return None
        except Problem as problem:
            return problem


if __name__ == "__main__":
    unittest.main()
