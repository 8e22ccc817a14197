"""What people who mean no good try on the shipped binary: pages of other sites, strangers without a key, tools and models that tell."""
import pathlib
import resource
import socket
import threading
import unittest

from server import Problem, Server, copy_example, write_project

KEY = "sk-very-secret-key-1234"


def raw(server, text, wait_s=20):
    """All that the server sends to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), wait_s) as link:
        link.sendall(text)
        heard = b""
        while piece := link.recv(65536):
            heard += piece
        return heard


class HostileTest(unittest.TestCase):
    def test_without_keys_pages_of_other_sites_reach_nothing(self):
        with Server(copy_example("quickstart"), flags=["--auth-enabled", "false"]) as server:
            def status(**headers):
                try:
                    with server.request("POST", "/api/v0/workflows/trip/executions", b'{"input": {"name": "x"}}', headers, key=False) as answer:
                        return answer.status
                except Problem as problem:
                    return problem.status
            own = server.url.removeprefix("http://")
            self.assertEqual(status(), 202)
            self.assertEqual(status(Origin=server.url), 202)
            self.assertEqual(status(Origin="https://evil.example"), 403)
            self.assertEqual(status(Origin="null"), 403)
            self.assertEqual(status(Host="evil.example:" + own.split(":")[1]), 403, "a name that its owner points here")
            self.assertEqual(status(Host="localhost:" + own.split(":")[1]), 202)

    def test_a_stranger_is_refused_before_its_body_is_read(self):
        with Server(copy_example("quickstart")) as server:
            head = b"POST /api/v0/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"
            self.assertTrue(raw(server, head).startswith(b"HTTP/1.1 401"))
            late = (b"POST /api/v0/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
                    b"Authorization: Bearer " + server.key.encode() + b"\r\n\r\n")
            self.assertTrue(raw(server, late).startswith(b"HTTP/1.1 401"), "a key behind the body is no key")

    def test_a_crowd_of_silent_connections_keeps_nobody_out(self):
        with Server(copy_example("quickstart"), env={"SERVER_MAX_CONNECTIONS": "50"}) as server:
            port = int(server.url.rsplit(":", 1)[1])
            crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
            try:
                self.assertEqual(server.call("GET", "/api/v0/workflows")["workflows"][0]["id"], "trip")
            finally:
                for link in crowd:
                    link.close()

    def test_a_crowd_that_takes_every_descriptor_keeps_nobody_out(self):
        with Server(copy_example("quickstart")) as server:
            resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (200, 200))
            crowd = [socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1]))) for _ in range(300)]
            try:
                self.assertEqual(server.call("GET", "/api/v0/workflows")["workflows"][0]["id"], "trip")
                self.assertLess((server.project / "server.log").read_text().count("cannot accept"), 3, "lines in the log")
            finally:
                for link in crowd:
                    link.close()

    def test_clients_that_never_read_cost_little(self):
        project = write_project({
            "compozy.yaml": "name: wide\nworkflows: [{source: ./wide.yaml}]\n",
            "wide.yaml": "id: wide\ntasks:\n  - {id: all, type: loop, max_iterations: 60, task: {id: x, with: {big: '{{ repeat 200000 \"x\" }}'}, sleep: 2ms}}\n"})
        with Server(project) as server:
            memory = lambda: int(pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * 4096 >> 20
            run = server.start("wide")
            head = f"GET /api/v0/executions/workflows/{run}/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n\r\n"
            links = []
            for _ in range(60):
                link = socket.socket()
                self.addCleanup(link.close)
                link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                link.connect(("127.0.0.1", int(server.url.rsplit(":", 1)[1])))
                link.sendall(head.encode())
                links.append(link)
            self.assertEqual(server.wait(run, 90)["status"], "SUCCESS")
            self.assertLess(memory(), 300, "MiB, where every client has 12 MB and more to read")

    def test_what_strangers_send_in_vain_is_kept_in_small(self):
        project = write_project({
            "compozy.yaml": "name: open\nworkflows: [{source: ./open.yaml}]\n",
            "open.yaml": "id: open\ntriggers: [{type: webhook, webhook: {slug: open, events: [{name: x, input: {t: '{{ .payload.none }}'}}]}}]\ntasks: [{id: t}]\n"})
        with Server(project) as server:
            with self.assertRaises(Problem) as refused:
                server.call("POST", "/api/v0/hooks/open", {"pad": "x" * 900_000}, key=False)
            self.assertEqual(refused.exception.status, 422)
            letter = server.call("GET", "/api/v0/dead-letters")["dead_letters"][0]
            self.assertLess(len(letter["body"]), 20_000)
            self.assertTrue(letter["body"].endswith("(900011 bytes)"), letter["body"][-40:])

    def test_a_member_of_the_wrong_type_never_does_more_than_was_meant(self):
        with Server(copy_example("quickstart")) as server:
            for path, body in (("executions/purge", {"dry_run": "true"}), ("workflows/trip/executions", {"input": {"name": "x"}, "task_id": 5}),
                               ("workflows/trip/executions/sync", {"input": {"name": "x"}, "timeout": "5"})):
                with self.assertRaises(Problem) as refused:
                    server.call("POST", "/api/v0/" + path, body)
                self.assertEqual(refused.exception.status, 400, path)

    def test_one_key_starts_one_run_however_many_ask_at_once(self):
        with Server(copy_example("quickstart")) as server:
            found, gate = [], threading.Barrier(24)

            def ask():
                gate.wait()
                found.append(server.start("trip", {"name": "Ada"}, {"Idempotency-Key": "one"}))
            threads = [threading.Thread(target=ask) for _ in range(24)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual((len(found), len(set(found))), (24, 1))
            with self.assertRaises(Problem) as other:
                server.start("trip", {"name": "Eve"}, {"Idempotency-Key": "one"})
            self.assertEqual(other.exception.status, 422)

    def test_what_tools_and_providers_complain_about_holds_no_secret(self):
        project = write_project({
            "compozy.yaml": "name: leaky\nworkflows: [{source: ./leak.yaml}]\n"
                            "tools: [{id: leak, description: x, execute: ./leak.sh, env: {TOKEN: '{{ .env.MY_KEY }}'}}]\n",
            "leak.yaml": "id: leak\ntasks: [{id: t, tool: leak, config: {retry_policy: {maximum_attempts: 1}}}]\n",
            "leak.sh": "#!/bin/sh\necho \"refused: $TOKEN\" >&2; exit 1\n"})
        with Server(project, env={"MY_KEY": KEY}) as server:
            run = server.wait(server.start("leak"))
            self.assertIn("refused: [TOKEN]", run["error"]["message"])
            server.stop()
            for path in project.rglob("*"):
                if path.is_file():
                    self.assertNotIn(KEY.encode(), path.read_bytes(), path)

    def test_nothing_that_a_tool_leaves_behind_outlives_it(self):
        """Two tools whose helper has a session of its own and outlives its parent, one of them without the tool's variables."""
        helper = "#!/bin/sh\n%ssetsid sh -c 'sleep 1000 & echo $! > \"$0\"' {0}.pid & wait\necho '{{}}'\n"
        project = write_project({
            "compozy.yaml": "name: behind\nworkflows: [{source: ./a.yaml}, {source: ./b.yaml}]\n"
                            "tools: [{id: a, description: x, execute: ./a.sh}, {id: b, description: x, execute: ./b.sh}]\n",
            "a.yaml": "id: a\ntasks: [{id: t, tool: a}]\n", "b.yaml": "id: b\ntasks: [{id: t, tool: b}]\n",
            "a.sh": (helper % "").format("a"), "b.sh": (helper % "env -i PATH=$PATH ").format("b")})
        with Server(project) as server:
            for name in "ab":
                self.assertEqual(server.wait(server.start(name))["status"], "SUCCESS")
                pid = (project / f"{name}.pid").read_text().strip()
                self.assertFalse(pathlib.Path("/proc", pid).exists(), name)


if __name__ == "__main__":
    unittest.main()
