"""Skeletons of the workflows that people write, C, D, F and G; A, B and E are the examples weather, code-review, chat-memory."""
import hashlib
import hmac
import json
import unittest

from server import Problem, Server, wait_until, write_project

CONFIG = """
name: skeletons
workflows: [{source: nested.yaml}, {source: waiting.yaml}, {source: sender.yaml}, {source: receiver.yaml}, {source: webhook.yaml}, {source: clock.yaml}]
models: [{provider: mock, model: m, default: true}]
tools:
  - {id: echo, execute: tools/echo.py}
  - {id: counter, execute: tools/counter.py}
"""

ECHO = """#!/usr/bin/env -S python3 -S
import json, sys
print(json.dumps({"result": {"echoed_message": json.load(sys.stdin)["input"]["message"]}}))
"""

COUNTER = """#!/usr/bin/env -S python3 -S
import json, sys
print(json.dumps({"result": {"numbers": list(range(json.load(sys.stdin)["input"]["count"]))}}))
"""

NESTED = """
id: nested
tasks:
  - id: root
    type: composite
    tasks:
      - {id: par, type: parallel, strategy: wait_all, tasks: [{id: a, type: basic, tool: echo, with: {message: A}}, {id: c, type: basic, tool: counter, with: {count: 3}}]}
      - {id: col, type: collection, mode: parallel, strategy: best_effort, items: "{{ .workflow.input.test_data }}",
         task: {id: "p-{{ .index }}", type: basic, tool: echo, with: {message: "{{ .item }} at {{ .index }}"}}}
      - id: inner
        type: composite
        tasks:
          - {id: race, type: parallel, strategy: race, tasks: [{id: r1, type: basic, tool: echo, with: {message: 1}}, {id: r2, type: basic, tool: echo, with: {message: 2}}]}
          - {id: last, type: collection, mode: sequential, strategy: fail_fast, items: '["x","y"]', task: {id: "l-{{ .index }}", type: basic, tool: echo, with: {message: "{{ .item }}"}}}
    outputs: {items: "{{ .tasks.col.output }}", par: "{{ .tasks.par.output }}"}
"""

WAITING = """
id: waiting
tasks:
  - {id: start, type: basic, tool: echo, with: {message: go}, on_success: {next: hold}}
  - id: hold
    type: wait
    wait_for: ready
    condition: 'signal.payload.status == "ready"'
    timeout: 5m
    processor: {id: proc, type: basic, tool: echo, with: {message: "got {{ .signal.payload.status }}"}}
    on_success: {next: end}
  - {id: end, type: basic, tool: echo, with: {message: done}}
"""

SENDER = """
id: sender
tasks: [{id: tell, type: signal, signal: {id: workflow-ready, payload: {message: "{{ .workflow.input.m }}"}}}]
"""

RECEIVER = """
id: receiver
triggers: [{type: signal, name: workflow-ready, schema: {type: object, required: [message]}}]
tasks: [{id: got, type: basic, tool: echo, with: {message: "{{ .workflow.input.message }}"}}]
"""

WEBHOOK = """
id: webhook
triggers:
  - type: webhook
    webhook: {slug: gh, verify: {strategy: github, secret: "{{ .env.S }}"}, dedupe: {enabled: true, key: delivery.id},
      events: [{name: issue.commented, filter: 'payload.action == "created"', input: {title: "{{ .payload.issue.title }}", n: "{{ .payload.issue.number }}"}}]}
agents: [{id: analyst, instructions: Judge., actions: [{id: go, prompt: "About: {{ .input.title }}"}]}]
tasks: [{id: an, type: basic, agent: analyst, action: go, with: {title: "{{ .workflow.input.title }}"}, final: true}]
"""

CLOCK = """
id: clock
schedule: {cron: "* * * * * *", timezone: UTC, enabled: true}
tasks: [{id: hi, type: basic, tool: echo, with: {message: tick}, outputs: {r: "{{ .output.echoed_message }}"}}]
"""

SECRET = "s3cret"


class SkeletonsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        root = write_project({"compozy.yaml": CONFIG, "nested.yaml": NESTED, "waiting.yaml": WAITING, "sender.yaml": SENDER, "receiver.yaml": RECEIVER,
                              "webhook.yaml": WEBHOOK, "clock.yaml": CLOCK, "tools/echo.py": ECHO, "tools/counter.py": COUNTER})
        cls.server = Server(root, env={"S": SECRET}).start_process()
        cls.addClassCleanup(cls.server.kill)

    def tasks(self, run):
        return {task["task_id"]: task for task in run["tasks"]}

    def runs_of(self, workflow, count=1):
        def look():
            runs = self.server.call("GET", f"/api/v0/executions/workflows?workflow={workflow}")["executions"]
            return runs if len(runs) >= count else None
        return wait_until(look, f"{count} run(s) of {workflow}")

    def test_c_containers_in_containers(self):
        run = self.server.wait(self.server.start("nested", {"test_data": ["u", "v"]}))
        self.assertEqual(run["status"], "SUCCESS", run.get("error"))
        output = run["output"]["root"]["output"]
        self.assertEqual(output["par"]["outputs"], {"a": {"echoed_message": "A"}, "c": {"numbers": [0, 1, 2]}})
        self.assertEqual(output["items"]["results"], [{"echoed_message": "u at 0"}, {"echoed_message": "v at 1"}])
        tasks = self.tasks(run)
        self.assertEqual({tasks[id]["status"] for id in ("r1", "r2")}, {"SUCCESS", "CANCELED"})
        self.assertEqual(tasks["race"]["status"], "SUCCESS")
        self.assertEqual([tasks[f"l-{i}"]["output"] for i in (0, 1)], [{"echoed_message": "x"}, {"echoed_message": "y"}])
        self.assertLess(tasks["l-0"]["n"], tasks["l-1"]["n"])
        self.assertEqual(tasks["l-1"]["path"], "root#1/inner#1/last#1/l-1#1[1]")

    def test_d_waits_for_a_signal_that_its_processor_has_seen(self):
        exec_id = self.server.start("waiting")
        for status in ("nearly", "ready"):
            self.server.call("POST", f"/api/v0/executions/workflows/{exec_id}/signals", {"signal_name": "ready", "payload": {"status": status}})
        run = self.server.wait(exec_id)
        self.assertEqual(run["status"], "SUCCESS", run.get("error"))
        hold = self.tasks(run)["hold"]["output"]
        self.assertEqual((hold["wait_status"], hold["signal"]["payload"]), ("completed", {"status": "ready"}))
        self.assertEqual(hold["processor_output"], {"echoed_message": "got ready"})
        seen = [task["output"]["echoed_message"] for task in run["tasks"] if task["task_id"] == "proc"]
        self.assertEqual(seen, ["got nearly", "got ready"])
        self.assertEqual(self.tasks(run)["end"]["output"], {"echoed_message": "done"})

    def test_d_a_signal_task_starts_the_workflow_with_that_trigger(self):
        run = self.server.wait(self.server.start("sender", {"m": "hello"}))
        self.assertEqual(run["output"]["tell"]["output"], {"signal_dispatched": True, "signal_id": "workflow-ready"})
        received = self.server.wait(self.runs_of("receiver")[0]["exec_id"])
        self.assertEqual(received["output"]["got"]["output"], {"echoed_message": "hello"})

    def test_f_a_signed_webhook_starts_an_agent(self):
        raw = json.dumps({"action": "created", "delivery": {"id": "d1"}, "issue": {"title": "It breaks", "number": 7}}).encode()
        signature = "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": signature}
        with self.server.request("POST", "/api/v0/hooks/gh", raw, headers, key=False) as response:
            self.assertEqual(response.status, 202)
            exec_id = json.load(response)["data"]["exec_id"]
        run = self.server.wait(exec_id)
        self.assertEqual((run["input"], run["output"]), ({"title": "It breaks", "n": 7}, {"an": {"output": {"response": "About: It breaks"}}}))
        with self.assertRaises(Problem) as again:
            self.server.request("POST", "/api/v0/hooks/gh", raw, headers, key=False)
        self.assertEqual(again.exception.status, 409)

    def test_g_a_schedule_starts_runs(self):
        for started in self.runs_of("clock", 2)[:2]:
            run = self.server.wait(started["exec_id"])
            self.assertEqual(run["output"], {"hi": {"output": {"r": "tick"}}})


if __name__ == "__main__":
    unittest.main()
