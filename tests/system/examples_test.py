"""Every offline example, and the project of `compozy init`, on the shipped binary: valid, and ends with what its README says."""
import json
import shutil
import subprocess
import unittest

from server import BINARY, Server, copy_example, scratch, wait_until

OFFLINE = ("quickstart", "weather", "chat-memory", "code-review", "orders")


def by_command_line(server, workflow, given):
    """The output of `compozy workflow execute … --wait`."""
    done = server.cli("workflow", "execute", workflow, "--input", json.dumps(given), "--wait")
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"
    return json.loads(done.stdout)


class ExamplesTest(unittest.TestCase):
    def by_api(self, server, workflow, given):
        run = server.wait(server.start(workflow, given))
        self.assertEqual(run["status"], "SUCCESS", run.get("error"))
        return run["output"]

    def test_every_example_is_valid(self):
        for name in (*OFFLINE, "local-model"):
            done = subprocess.run([BINARY, "config", "validate", "--cwd", str(copy_example(name))], capture_output=True, text=True, timeout=10)
            self.assertEqual(done.returncode, 0, name + ": " + done.stdout + done.stderr)

    def test_quickstart(self):
        with Server(copy_example("quickstart")) as server:
            output = self.by_api(server, "trip", {"name": "Ada"})
            self.assertEqual((output["title"], output["stops"]), ("A weekend by the sea", 4))
            self.assertIn("come back soon", output["farewell"])
            again = by_command_line(server, "trip", {"name": "Ada"})
            self.assertNotEqual(again["farewell"], output["farewell"], "the second farewell counts what is remembered")
            report = (server.project / "out" / "trip.md").read_text()
            self.assertIn("# A weekend by the sea", report)
            for stop in ("the old harbour", "the lighthouse", "the fish market", "the night train"):
                self.assertIn("## " + stop, report)

    def test_orders(self):
        items = [{"name": "tea", "price": 3.5}, {"name": "cup", "price": 8}]
        with Server(copy_example("orders")) as server:
            run = server.start("order", {"customer": "Ada", "items": items})
            wait_until(lambda: any(event["type"] == "approval_requested" for event in server.events(run)), "the question")
            said = server.cli("execution", "approve", run, "sign-off", "--values", '{"carrier": "post"}')
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertEqual(server.wait(run)["output"], {"total": 11.5, "label": "POST to Ada"})
            with server.request("POST", "/api/v0/hooks/shop", {"type": "order.placed", "id": "o-1", "customer": "Bob", "items": items}, key=False) as response:
                run = json.load(response)["data"]["exec_id"]
            wait_until(lambda: any(event["type"] == "approval_requested" for event in server.events(run)), "the question")
            server.cli("execution", "reject", run, "sign-off", "--comment", "no stock")
            self.assertEqual(server.wait(run)["output"]["label"], "not shipped: rejected by owner: no stock")
            self.assertIn("0 8 * * MON-FRI", server.cli("schedule", "list").stdout)

    @unittest.skipUnless(shutil.which("node") or shutil.which("bun"), "neither node nor bun is on this host")
    def test_weather(self):
        with Server(copy_example("weather")) as server:
            for output in (self.by_api(server, "weather", {"city": "Zurich"}), by_command_line(server, "weather", {"city": "Zurich"})):
                self.assertEqual((output["city"], output["temperature"], output["status"]), ("Zurich", 24.5, "SUCCESS"))
                self.assertEqual(output["first"]["what"], "sail on the lake")
                self.assertIs(output["first"]["verdict"]["suitable"], True)
                self.assertEqual(output["saved"], "out/weather.json")
            saved = json.loads((server.project / "out" / "weather.json").read_text())
            self.assertEqual(saved["now"]["weather"], "sunny with a light breeze")
            text = (server.project / "out" / "weather.txt").read_text()
            self.assertIn("- sail on the lake: yes", text)
            self.assertIn("- visit the old museum: no", text)

    def test_chat_memory_remembers_across_kill(self):
        with Server(copy_example("chat-memory")) as server:
            first = self.by_api(server, "chat", {"user_id": "ada", "message": "My name is Ada"})
            self.assertIn("My name is Ada", first["reply"])
            self.assertEqual(first["messages"], 3)
            server.kill()
            server.start_process()
            second = by_command_line(server, "chat", {"user_id": "ada", "message": "What did I say?"})
            self.assertEqual(second["messages"], 6)
            page = server.call("GET", "/api/v0/memory/user_memory/read?key=user:ada")
            self.assertEqual(page["total_count"], 6)
            self.assertEqual([message["role"] for message in page["messages"]], ["system", "user", "assistant"] * 2)
            self.assertEqual([page["messages"][1]["content"], page["messages"][4]["content"]], ["My name is Ada", "What did I say?"])
            other = server.call("GET", "/api/v0/memory/user_memory/read?key=user:grace")
            self.assertEqual(other["total_count"], 0, "each user has a conversation of their own")

    def test_code_review(self):
        with Server(copy_example("code-review")) as server:
            for output in (self.by_api(server, "review", {"directory": "sample"}), by_command_line(server, "review", {"directory": "sample"})):
                verdicts = {review["file"]: review["verdict"] for review in output["reviews"]}
                self.assertEqual(set(verdicts), {"math.go", "parse.go", "store.go"}, "test files are left out")
                self.assertEqual(verdicts["math.go"], "good")
                self.assertIn("needs work", verdicts.values())
                self.assertEqual(output["report"], "out/review.md")
            report = (server.project / "out" / "review.md").read_text()
            for name, verdict in verdicts.items():
                self.assertIn(f"- {name}: {verdict}", report)

    def test_the_project_of_init_runs(self):
        root = scratch()
        made = subprocess.run([BINARY, "init", "hello"], cwd=root, capture_output=True, text=True, timeout=10)
        self.assertEqual(made.returncode, 0, made.stderr)
        again = subprocess.run([BINARY, "init", "hello"], cwd=root, capture_output=True, text=True, timeout=10)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("nothing was written", again.stderr)
        with Server(root / "hello") as server:
            done = server.cli("workflow", "execute", "hello", "--param", "name=Ada", "--wait")
            self.assertEqual(done.returncode, 0, done.stderr)
            output = json.loads(done.stdout)
            self.assertIn("Ada", output["greeting"])
            self.assertEqual(output["length"], len(output["greeting"]))


if __name__ == "__main__":
    unittest.main()
