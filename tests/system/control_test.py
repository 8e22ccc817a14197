"""Loops, child runs and approvals as a user meets them: through the API, the command line, and a kill -9 in between."""
import json
import unittest

from server import Problem, Server, wait_until, write_project

CONFIG = """
name: control
workflows: [{source: ./order.yaml}, {source: ./ship.yaml}]
"""

ORDER = """
id: order
tasks:
  - id: refine
    type: loop
    max_iterations: 9
    until: last.n >= 3
    task: {id: step, type: aggregate, outputs: {n: "{{ add .iteration 1 }}"}}
    on_success: {next: sign-off}
  - id: sign-off
    type: approval
    message: "Ship {{ .tasks.refine.output.last.n }} boxes to {{ .workflow.input.to }}?"
    form: {type: object, properties: {carrier: {type: string}}, required: [carrier]}
    timeout: 1 hour
    on_success: {next: ship}
    on_error: {next: refused}
  - id: ship
    type: workflow
    workflow: ship
    with: {to: "{{ .workflow.input.to }}", carrier: "{{ .tasks.sign-off.output.values.carrier }}"}
  - {id: refused, type: aggregate, outputs: {why: "{{ .error.message }}"}}
outputs: {boxes: "{{ .tasks.refine.output.last.n }}", label: "{{ .tasks.ship.output.label }}"}
"""

SHIP = """
id: ship
tasks:
  - {id: print, type: aggregate, outputs: {label: "{{ .workflow.input.carrier }} to {{ .workflow.input.to }}"}, on_success: {next: hold}}
  - {id: hold, type: wait, wait_for: collected}
outputs: {label: "{{ .tasks.print.output.label }}"}
"""


class ControlTest(unittest.TestCase):
    def setUp(self):
        root = write_project({"compozy.yaml": CONFIG, "order.yaml": ORDER, "ship.yaml": SHIP})
        self.server = Server(root).start_process()
        self.addCleanup(lambda: self.server.kill())

    def asked(self, run):
        def look():
            return next((e for e in self.server.events(run) if e["type"] == "approval_requested"), None)
        return wait_until(look, "the request for approval")

    def child(self):
        def look():
            runs = self.server.call("GET", "/api/v0/executions/workflows?workflow=ship")["executions"]
            return runs[0]["exec_id"] if runs else None
        return wait_until(look, "the start of the child run")

    def test_an_approved_order_ships_although_the_server_dies_twice(self):
        run = self.server.start("order", {"to": "Oslo"})
        self.assertIn("Ship 3 boxes to Oslo?", json.dumps(self.asked(run)))
        self.server.kill()
        self.server.start_process()
        with self.assertRaises(Problem) as missing:
            self.server.call("POST", f"/api/v0/executions/workflows/{run}/approvals/sign-off", {"decision": "approve"})
        self.assertEqual(missing.exception.status, 422)
        self.assertIn("carrier", json.dumps(missing.exception.body))
        said = self.server.cli("execution", "approve", run, "sign-off", "--values", '{"carrier":"post"}')
        self.assertEqual(said.returncode, 0, said.stderr)
        child = self.child()
        self.server.kill()
        self.server.start_process()
        self.assertEqual(self.server.run(run)["status"], "RUNNING")
        self.server.call("POST", f"/api/v0/executions/workflows/{child}/signals", {"signal_name": "collected"})
        ended = self.server.wait(run)
        self.assertEqual(ended["output"], {"boxes": 3, "label": "post to Oslo"})
        self.assertEqual(self.server.wait(child)["status"], "SUCCESS")

    def test_a_rejection_goes_to_on_error_and_the_next_vote_is_refused(self):
        run = self.server.start("order", {"to": "Rome"})
        self.asked(run)
        said = self.server.cli("execution", "reject", run, "sign-off", "--comment", "too dear")
        self.assertEqual(said.returncode, 0, said.stderr)
        ended = self.server.wait(run)
        tasks = {task["task_id"]: task for task in ended["tasks"]}
        self.assertIn("too dear", tasks["refused"]["output"]["why"])
        self.assertNotEqual(self.server.cli("execution", "approve", run, "sign-off").returncode, 0)

    def test_an_unknown_approval_names_the_nearest(self):
        run = self.server.start("order", {"to": "Bonn"})
        self.asked(run)
        said = self.server.cli("execution", "approve", run, "sign-off#2")
        self.assertIn("sign-off#1", said.stderr)

    def test_canceling_the_parent_cancels_the_child(self):
        run = self.server.start("order", {"to": "Bern"})
        self.asked(run)
        self.server.call("POST", f"/api/v0/executions/workflows/{run}/approvals/sign-off", {"decision": "approve", "values": {"carrier": "air"}})
        child = self.child()
        self.server.call("POST", f"/api/v0/executions/workflows/{run}/cancel", {"reason": "no longer wanted"})
        self.assertEqual(self.server.wait(run)["status"], "CANCELED")
        self.assertEqual(self.server.wait(child)["status"], "CANCELED")


if __name__ == "__main__":
    unittest.main()
