"""The history of runs as a user meets it: found by attributes, priced by usage, limited by key, and let go in the end."""
import json
import sqlite3
import time
import unittest

from server import Problem, Server, wait_until, write_project

CONFIG = """
name: history
models: [{provider: mock, model: m, default: true}]
workflows: [{source: ./order.yaml}, {source: ./brief.yaml}, {source: ./many.yaml}, {source: ./one.yaml}]
tools: [{id: mark, description: notes when it runs, execute: tools/mark.sh}]
"""

ORDER = """
id: order
attributes: {tenant: "{{ .workflow.input.tenant }}", amount: "{{ .workflow.input.amount }}"}
tasks: [{id: ask, prompt: "say {{ .workflow.input.amount }}"}]
outputs: {n: 1}
"""

BRIEF = """
id: brief
retention: {succeeded: 1s, failed: 1s}
tasks:
  - id: each
    type: collection
    items: "1..6"
    task:
      id: "m-{{ .index }}"
      tool: mark
      concurrency: [{key: "'one'", limit: 2}]
"""

# Forty that go one after the other, and one of another workflow that waits for the same key.
MANY = """
id: many
tasks:
  - id: each
    type: collection
    items: "1..40"
    task: {id: "m-{{ .index }}", tool: mark, concurrency: [{limit: 1, scope: project}]}
"""
ONE = "id: one\ntasks: [{id: m, tool: mark, concurrency: [{limit: 1, scope: project}]}]\n"

# How many of them are at work at once: each says so in a folder that all share.
MARK = """#!/bin/sh
cat > /dev/null
mkdir -p at; touch at/$$; ls at | wc -l >> most; sleep 0.05; rm at/$$
echo '{"result": {}}'
"""


class HistoryTest(unittest.TestCase):
    def setUp(self):
        self.root = write_project({"compozy.yaml": CONFIG, "order.yaml": ORDER, "brief.yaml": BRIEF, "many.yaml": MANY, "one.yaml": ONE, "tools/mark.sh": MARK})
        self.server = Server(self.root).start_process()
        self.addCleanup(lambda: self.server.kill())

    def listed(self, *words):
        said = self.server.cli("execution", "list", "--json", *words)
        self.assertEqual(said.returncode, 0, said.stderr)
        return [run["exec_id"] for run in json.loads(said.stdout)]

    def test_runs_are_found_by_attributes_and_show_what_they_used(self):
        runs = [self.server.start("order", {"tenant": tenant, "amount": amount}) for tenant, amount in (("acme", 5), ("acme", 80), ("zeta", 80))]
        ended = [self.server.wait(run) for run in runs]
        self.assertEqual(ended[0]["attributes"], {"tenant": "acme", "amount": 5})
        self.assertGreater(ended[0]["usage"][0]["total_tokens"], 0)
        self.assertEqual(self.listed("--where", "tenant=acme"), [runs[1], runs[0]])
        self.assertEqual(self.listed("--where", "tenant=acme", "--where", "amount>=10"), [runs[1]])
        self.assertEqual(self.listed("--where", "amount=80", "--limit", "1"), [runs[2]])
        self.assertEqual(self.listed("--where", "tenant=nobody"), [])
        self.assertEqual(self.listed("--since", "1h"), list(reversed(runs)))
        self.assertEqual(self.listed("--until", "2020-01-01T00:00:00Z"), [])
        refused = self.server.cli("execution", "list", "--where", "tenant")
        self.assertIn("expected NAME=VALUE", refused.stderr)
        with self.assertRaises(Problem) as wrong:
            self.server.call("GET", "/api/v0/executions/workflows?since=yesterday")
        self.assertEqual(wrong.exception.body["field"], "since")

    def test_what_people_do_to_runs_is_written_down_and_a_changed_row_shows(self):
        run = self.server.start("brief")
        self.server.call("POST", f"/api/v0/executions/workflows/{run}/cancel", {"reason": "enough"})
        with self.assertRaises(Problem):
            self.server.call("POST", f"/api/v0/executions/workflows/{run}/cancel", {})
        self.server.cli("execution", "purge", "--dry-run")
        entries = self.server.call("GET", "/api/v0/audit")["entries"]
        self.assertEqual([entry["action"] for entry in entries], ["execution.purge", "execution.cancel", "execution.start"])
        self.assertEqual((entries[1]["actor"], entries[1]["subject"], entries[1]["detail"]), ("owner (key first key)", run, {"reason": "enough"}))
        self.assertEqual((entries[2]["actor"], entries[2]["subject"], entries[2]["detail"]["workflow_id"]), ("owner (key first key)", run, "brief"))
        self.assertTrue(self.server.call("GET", "/api/v0/audit/check")["whole"])
        listed = json.loads(self.server.cli("audit", "list", "--json", "--subject", run, "--since", "1h").stdout)
        self.assertEqual([entry["n"] for entry in listed], [2, 1])
        self.assertIn("execution.cancel", self.server.cli("audit", "list", "--limit", "2").stdout)
        self.assertEqual(json.loads(self.server.cli("audit", "list", "--json", "--since", "2100-01-01T00:00:00Z").stdout), [])
        self.assertIn("whole: 3 entries", self.server.cli("audit", "verify").stdout)
        self.server.stop()
        database = sqlite3.connect(self.server.data / "compozy.db")
        database.execute("UPDATE audit SET actor = 'nobody' WHERE n = 1")
        database.commit()
        database.close()
        self.server.start_process()
        self.assertEqual(self.server.call("GET", "/api/v0/audit/check")["first_broken"], 1)
        verified = self.server.cli("audit", "verify")
        self.assertNotEqual(verified.returncode, 0)
        self.assertIn("entry 1 is not as it was written", verified.stderr)

    def test_without_keys_the_trail_says_what_a_client_says_of_itself(self):
        self.server.stop()
        self.server = Server(self.root, flags=["--auth-enabled", "false"], env={"USER": "ada"}).start_process()
        said = self.server.cli("workflow", "execute", "brief", "--wait")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual(self.server.call("GET", "/api/v0/audit", key=False)["entries"][0]["actor"], "anonymous (ada)")

    def test_a_workflow_with_many_waiting_holds_up_no_other(self):
        many = self.server.start("many")
        wait_until(lambda: (self.root / "most").exists(), "the first of many began")
        one = self.server.wait(self.server.start("one"))
        self.assertEqual(one["status"], "SUCCESS")
        progress = [task for task in self.server.run(many)["tasks"] if task["status"] == "SUCCESS"]
        self.assertLess(len(progress), 20)

    def test_a_concurrency_key_bounds_what_runs_at_once_over_several_runs(self):
        for run in [self.server.start("brief") for _ in range(2)]:
            self.assertEqual(self.server.wait(run)["status"], "SUCCESS")
        most = max(int(line) for line in (self.root / "most").read_text().split())
        self.assertLessEqual(most, 2)

    def test_runs_go_after_their_retention_and_a_dry_run_only_counts(self):
        brief, order = self.server.start("brief"), self.server.start("order", {"tenant": "t", "amount": 1})
        self.server.wait(brief)
        self.server.wait(order)
        time.sleep(1.1)
        said = self.server.cli("execution", "purge", "--dry-run")
        self.assertRegex(said.stdout, r"brief +1 +0")
        self.assertEqual(self.server.run(brief)["status"], "SUCCESS")
        self.assertEqual(self.server.cli("execution", "purge").returncode, 0)
        with self.assertRaises(Problem) as gone:
            self.server.run(brief)
        self.assertEqual(gone.exception.status, 404)
        self.assertEqual(self.server.run(order)["status"], "SUCCESS")
        unknown = self.server.cli("execution", "purge", "--workflow", "ordr")
        self.assertIn("did you mean 'order'?", unknown.stderr)


if __name__ == "__main__":
    unittest.main()
