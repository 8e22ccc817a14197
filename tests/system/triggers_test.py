"""What starts runs by itself: webhooks with their signatures, and schedules, also across a kill -9."""
import hashlib
import hmac
import json
import unittest

from server import Problem, Server, wait_until, write_project

CONFIG = """
name: triggers
workflows: [{source: ./hook.yaml}, {source: ./tick.yaml}]
"""

HOOK = """
id: issues
triggers:
  - type: webhook
    webhook:
      slug: gh
      verify: {strategy: github, secret: "{{ .env.HOOK_SECRET }}"}
      dedupe: {enabled: true, ttl: 10 minutes, key: delivery.id}
      events:
        - name: issue.opened
          filter: payload.action == "opened"
          input: {title: "{{ .payload.issue.title }}", n: "{{ .payload.issue.number }}"}
          schema: {type: object, properties: {n: {type: integer}}}
tasks: [{id: note, type: aggregate, outputs: {seen: "{{ .workflow.input.title }} #{{ .workflow.input.n }}"}}]
"""

TICK = """
id: tick
schedule: {cron: "* * * * * *", overlap_policy: allow, input: {from: schedule}}
tasks: [{id: hi, type: aggregate, outputs: {from: "{{ .workflow.input.from }}"}}]
"""

SECRET = "correct horse"


class TriggersTest(unittest.TestCase):
    def setUp(self):
        root = write_project({"compozy.yaml": CONFIG, "hook.yaml": HOOK, "tick.yaml": TICK})
        self.server = Server(root, env={"HOOK_SECRET": SECRET}).start_process()
        self.addCleanup(lambda: self.server.kill())

    def send(self, body, secret=SECRET, slug="gh", method="POST"):
        raw = json.dumps(body).encode()
        signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
        return self.server.request(method, f"/api/v0/hooks/{slug}", raw, {"X-Hub-Signature-256": signature}, key=False)

    def refused(self, status, *args, **kwargs):
        with self.assertRaises(Problem) as problem:
            self.send(*args, **kwargs)
        self.assertEqual(problem.exception.status, status, problem.exception.body)
        return json.dumps(problem.exception.body)

    def opened(self, delivery, **issue):
        return {"action": "opened", "delivery": {"id": delivery}, "issue": {"title": "Broken", "number": 7, **issue}}

    def test_a_signed_delivery_starts_one_run_also_when_it_comes_again_after_a_crash(self):
        with self.send(self.opened("d1")) as response:
            self.assertEqual(response.status, 202)
            run = json.load(response)["data"]["exec_id"]
        self.assertEqual(self.server.wait(run)["output"]["note"]["output"]["seen"], "Broken #7")
        self.assertIn(run, self.refused(409, self.opened("d1")))
        self.server.kill()
        self.server.start_process()
        self.assertIn(run, self.refused(409, self.opened("d1")))
        with self.send(self.opened("d2")) as response:
            self.assertEqual(response.status, 202)

    def test_what_cannot_be_used_is_refused_and_kept(self):
        self.assertIn("signature", self.refused(401, self.opened("d3"), secret="guess"))
        self.refused(404, self.opened("d3"), slug="gx")
        self.refused(405, self.opened("d3"), method="PUT")
        self.refused(422, self.opened("d4", number="seven"))
        with self.send({"action": "closed", "delivery": {"id": "d5"}}) as response:
            self.assertEqual(response.status, 204)
        letters = self.server.call("GET", "/api/v0/dead-letters")["dead_letters"]
        self.assertEqual([letter["source"] for letter in letters], ["webhook/gh"])
        self.assertIn("integer", letters[0]["reason"])
        with self.send(self.opened("d4")) as response:  # mended, it is taken: the refusal left no key behind
            self.assertEqual(response.status, 202)

    def ticks(self):
        return [run["exec_id"] for run in self.server.call("GET", "/api/v0/workflows/tick/executions?limit=200")["executions"]]

    def test_a_schedule_runs_pauses_and_goes_on_after_a_crash(self):
        wait_until(lambda: len(self.ticks()) >= 2, "two scheduled runs")
        self.assertEqual(self.server.wait(self.ticks()[-1])["output"]["hi"]["output"]["from"], "schedule")
        self.server.kill()
        before = len(set(self.ticks_from_disk()))
        self.server.start_process()
        wait_until(lambda: len(self.ticks()) > before, "a scheduled run after the crash")
        self.assertEqual(self.server.cli("schedule", "pause", "tick").returncode, 0)
        paused = len(self.ticks())
        shown = self.server.cli("schedule", "get", "tick")
        self.assertIn("paused", shown.stdout)
        self.server.stop()
        self.server.start_process()
        self.assertFalse(self.server.call("GET", "/api/v0/schedules/tick")["enabled"])
        self.assertEqual(len(self.ticks()), paused)
        self.assertEqual(self.server.cli("schedule", "update", "tick", "61 * * * *").returncode, 3)
        moved = self.server.cli("schedule", "update", "tick", "@every 2s", "--json")
        self.assertEqual(json.loads(moved.stdout)["cron"], "@every 2s", moved.stderr)
        self.server.cli("schedule", "resume", "tick")
        wait_until(lambda: len(self.ticks()) > paused, "a run after resuming")
        self.assertEqual(self.server.call("DELETE", "/api/v0/schedules/tick")["cron"], "* * * * * *")

    def ticks_from_disk(self):
        import sqlite3
        with sqlite3.connect(f"file:{self.server.data}/compozy.db?mode=ro", uri=True) as database:
            return [row[0] for row in database.execute("SELECT run_id FROM runs WHERE workflow = 'tick'")]


if __name__ == "__main__":
    unittest.main()
