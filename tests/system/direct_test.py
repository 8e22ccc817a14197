"""Agents and tasks started by themselves: durable runs of their own, over HTTP and the command line (defect 33)."""
import json
import time
import unittest

from server import Problem, Server, wait_until, write_project

CONFIG = """
name: direct
models:
  - provider: mock
    model: m
    api_key: sk-not-to-be-seen
    default: true
    params: {rules: [{match: ["slowly"], reply: "at last"}, {match: ["weather in Oslo"], reply: {sky: blue}}]}
workflows: [{source: ./trip.yaml}]
agents:
  - id: guide
    instructions: You know {{ .workflow.input.city }}.
    actions:
      - {id: weather, prompt: "The weather in {{ .input.city }}?", input: {type: object, required: [city]},
         output: {type: object, properties: {sky: {type: string}}, required: [sky]}}
tools: [{id: slow, description: takes its time, execute: tools/slow.sh}, {id: nap, description: sleeps, execute: tools/nap.sh}]
runtime: {task_execution_timeout_default: 20s, task_execution_timeout_max: 30s}
autoload: {enabled: true, include: ["parts/*.yaml"]}
"""

TRIP = """
id: trip
agents: [{id: local, instructions: x, actions: [{id: say, prompt: "say {{ .input.word }}"}]}]
tasks:
  - {id: first, with: {a: 1, b: 2}, outputs: {sum: "{{ add .input.a .input.b }}"}, on_success: {next: second}}
  - {id: second, tool: nap}
"""

# Runs once over: what it has begun it notes, and it answers only when the file `go` is there.
SLOW = """#!/bin/sh
cat > /dev/null
echo begun >> begun
while [ ! -e go ]; do sleep 0.02; done
echo '{"result": {"done": true}}'
"""
NAP = "#!/bin/sh\ncat > /dev/null\nsleep 5\necho '{}'\n"
FETCH = "resource: task\nid: fetch\ntool: slow\nwith: {url: none}\n"


class DirectTest(unittest.TestCase):
    def setUp(self):
        self.root = write_project({"compozy.yaml": CONFIG, "trip.yaml": TRIP, "tools/slow.sh": SLOW, "tools/nap.sh": NAP, "parts/fetch.yaml": FETCH})
        self.server = Server(self.root).start_process()
        self.addCleanup(lambda: self.server.kill())

    def post(self, path, body, headers=None):
        return self.server.call("POST", "/api/v0/" + path, body, headers)

    def test_an_agents_action_is_answered_with_its_output_and_its_state(self):
        ended = self.post("agents/guide/executions/sync", {"action": "weather", "with": {"city": "Oslo"}})
        self.assertEqual(ended["output"], {"sky": "blue"})
        state = ended["state"]
        self.assertEqual((state["status"], state["component"], state["agent_id"]), ("SUCCESS", "agent", "guide"))
        self.assertGreater(state["usage"][0]["total_tokens"], 0)
        shown = self.server.call("GET", "/api/v0/executions/agents/" + ended["exec_id"])
        self.assertEqual(shown["output"], {"sky": "blue"})
        with self.assertRaises(Problem) as other:
            self.server.call("GET", "/api/v0/executions/tasks/" + ended["exec_id"])
        self.assertEqual(other.exception.status, 404)

    def test_a_prompt_is_text_and_not_a_template(self):
        ended = self.post("agents/guide/executions/sync", {"prompt": "say {{ .env.HOME }}", "with": {"city": "Oslo"}})
        self.assertIn("{{ .env.HOME }}", ended["output"]["response"])

    def test_what_is_asked_wrongly_is_refused(self):
        for path, body, status, says in (
                ("agents/guide/executions", {}, 400, "needs an 'action', a 'prompt' or both"),
                ("agents/guide/executions", {"action": "wether"}, 404, "did you mean 'weather'"),
                ("agents/gide/executions", {"prompt": "x"}, 404, "did you mean 'guide'"),
                ("agents/guide/executions", {"prompt": "x", "with": 1}, 400, "expected an object"),
                ("agents/guide/executions/sync", {"prompt": "x", "timeout": 31}, 400, "expected 1 to 30 seconds"),
                ("tasks/frist/executions", {}, 404, "did you mean 'first'"),
                ("tasks/first/executions", {"action": "x"}, 400, "action")):
            with self.subTest(path=path, body=body), self.assertRaises(Problem) as refused:
                self.post(path, body)
            self.assertEqual(refused.exception.status, status)
            self.assertIn(says, refused.exception.body["detail"])
        ended = self.post("agents/guide/executions/sync", {"action": "weather", "with": {}})
        self.assertEqual(ended["state"]["status"], "FAILED")
        self.assertIn("city", ended["state"]["error"]["message"])

    def test_a_task_of_a_workflow_runs_alone_with_what_it_is_given_over_its_own(self):
        ended = self.post("tasks/first/executions/sync", {"with": {"b": 40}})
        self.assertEqual(ended["output"], {"sum": 41})
        self.assertEqual(len(self.server.run(ended["exec_id"])["tasks"]), 1)

    def test_defect_33_a_run_outlives_its_caller_and_the_process(self):
        started = self.post("tasks/fetch/executions", {"with": {"url": "x"}}, {"X-Idempotency-Key": "k"})
        self.assertEqual(started["exec_url"], "/api/v0/executions/tasks/" + started["exec_id"])
        wait_until(lambda: (self.root / "begun").exists(), "the tool began")
        self.server.kill()
        self.server.start_process()
        self.assertEqual(self.post("tasks/fetch/executions", {"with": {"url": "x"}}, {"X-Idempotency-Key": "k"})["exec_id"], started["exec_id"])
        (self.root / "go").touch()
        run = self.server.wait(started["exec_id"])
        self.assertEqual((run["status"], run["output"], run["workflow_id"]), ("SUCCESS", {"done": True}, "task:fetch"))
        self.assertEqual(run["tasks"][0]["input"], {"url": "x"})

    def test_a_run_that_takes_too_long_is_a_408_and_goes_on(self):
        begun = time.monotonic()
        with self.assertRaises(Problem) as late:
            self.post("tasks/second/executions/sync", {"timeout": 1})
        self.assertLess(time.monotonic() - begun, 4)
        self.assertEqual(late.exception.status, 408)
        self.assertIn("/api/v0/executions/tasks/", late.exception.body["detail"])

    def test_each_part_can_be_looked_at(self):
        get = lambda path: self.server.call("GET", "/api/v0/" + path)
        guide = get("agents/guide")
        self.assertEqual((guide["id"], guide["actions"][0]["id"], guide["model"]["provider"]), ("guide", "weather", "mock"))
        self.assertEqual(guide["model"]["api_key"], "***", "a key in the YAML is not shown")
        self.assertEqual(get("agents/local?workflow=trip")["workflow_id"], "trip")
        self.assertEqual(get("tasks/first")["with"], {"a": 1, "b": 2})
        self.assertEqual([task["id"] for task in get("workflows/trip/tasks")["tasks"]], ["first", "second"])
        self.assertEqual(get("workflows/trip/tasks/second")["tool"], "nap")
        self.assertEqual([agent["id"] for agent in get("workflows/trip/agents")["agents"]], ["local"])
        self.assertEqual(get("workflows/trip/tools/nap")["source"], "tools/nap.sh")
        self.assertEqual([(tool["id"], tool["workflows"]) for tool in get("tools")["tools"]], [("nap", ["trip"])])
        self.assertEqual(get("tools/nap")["description"], "sleeps")
        for path, says in (("agents/gide", "did you mean 'guide'"), ("tasks/frist", "did you mean 'first'"), ("tools/npa", "did you mean 'nap'"),
                           ("workflows/trip/tasks/zz", "workflow 'trip'"), ("agents/guide?workflow=trip", "has no agent 'guide' of its own")):
            with self.subTest(path=path), self.assertRaises(Problem) as refused:
                get(path)
            self.assertEqual(refused.exception.status, 404)
            self.assertIn(says, refused.exception.body["detail"])
        shown = self.server.cli("agent", "get", "local", "--workflow", "trip")
        self.assertEqual((shown.returncode, json.loads(shown.stdout)["instructions"]), (0, "x"))
        self.assertEqual(json.loads(self.server.cli("task", "get", "fetch").stdout)["with"], {"url": "none"})

    def test_the_command_line_lists_and_runs_them(self):
        agents = json.loads(self.server.cli("agent", "list", "--json").stdout)
        self.assertEqual(agents, [{"id": "guide", "actions": ["weather"]}, {"id": "local", "workflow_id": "trip", "actions": ["say"]}])
        tasks = {task["id"]: task.get("workflow_id") for task in json.loads(self.server.cli("task", "list", "--json").stdout)}
        self.assertEqual(tasks, {"fetch": None, "first": "trip", "second": "trip"})
        said = self.server.cli("agent", "execute", "local", "--action", "say", "--param", "word=hello", "--wait")
        self.assertEqual((said.returncode, json.loads(said.stdout)["response"]), (0, "say hello"))
        said = self.server.cli("task", "execute", "first", "--with", '{"a": 5}', "--wait")
        self.assertEqual(json.loads(said.stdout), {"sum": 7})
        self.assertIn("did you mean 'first'", self.server.cli("task", "execute", "frist").stderr)


if __name__ == "__main__":
    unittest.main()
