"""The known defects of the original by their numbers, each shown not to be here. Names: test_DefectNN_what_is_better.

One server runs those that need no restart; another is killed once for those that do.
"""
import json
import pathlib
import shutil
import subprocess
import unittest

from server import BINARY, Problem, Server, wait_until, write_project

CONFIG = """
name: defects
models:
  - {provider: mock, model: scripted, default: true, params: {rules: [{match: boom, error: {message: out of order}}]}}
  - {id: slow, provider: mock, model: slow, params: {delay_ms: 60000}}
agents:
  - {id: worker, instructions: Repeat., actions: [{id: say, prompt: "{{ .input.message }}"}]}
  - {id: sluggard, instructions: Wait., model: slow, actions: [{id: say, prompt: never}]}
tools:
  - {id: fail, execute: tools/fail.sh}
  - {id: flaky, execute: tools/flaky.sh}
  - {id: sleeper, execute: tools/sleeper.sh}
  - {id: greet, execute: tools/greet.sh}
config: {retry_policy: {maximum_attempts: 1}}
memories: [{id: talk, type: message_count_based, max_messages: 10, persistence: {type: redis}, default_key_template: "k"}]
workflows: [WORKFLOWS]
"""

FILES = {
    "tools/fail.sh": '#!/bin/sh\ncat >/dev/null\necho \'{"error": {"message": "broken"}}\'\n',
    "tools/flaky.sh": '#!/bin/sh\ncat >/dev/null\necho x >>tries\n[ $(wc -l <tries) -ge 3 ] && echo \'{"result": {"ok": true}}\' '
                      '|| echo \'{"error": {"message": "not yet", "retryable": true}}\'\n',
    "tools/sleeper.sh": "#!/bin/sh\nsleep 60\n",
    "tools/greet.sh": '#!/bin/sh\ncat >/dev/null\necho \'{"result": {"greeting": "hello from sh"}}\'\n',
}

WORKFLOWS = {
    "race": """
tasks:
  - id: p
    type: parallel
    strategy: race
    tasks:
      - {id: slow1, agent: sluggard, action: say}
      - {id: bad, agent: worker, action: say, with: {message: boom}}
      - {id: slow2, agent: sluggard, action: say}
      - {id: good, agent: worker, action: say, with: {message: won}}
    on_error: {next: mend}
  - {id: mend}
""",
    "fail-fast": """
tasks:
  - {id: p, type: parallel, strategy: fail_fast, tasks: [{id: slow, agent: sluggard, action: say}, {id: bad, agent: worker, action: say, with: {message: boom}}], on_error: {next: mend}}
  - {id: mend}
""",
    "fails": "tasks: [{id: f, tool: fail}]\n",
    "handled": """
tasks:
  - {id: risky, tool: fail, on_error: {next: mend, with: {code: "{{ .error.code }}"}}}
  - {id: mend, with: {why: "{{ .error.message }}"}, on_success: {next: end, with: {passed: "{{ .output.code }}"}}}
  - {id: end}
""",
    "link-basic": "tasks: [{id: t, tool: fail, on_error: {next: mend}}, {id: mend}]\n",
    "link-router": "tasks: [{id: t, type: router, condition: \"'nowhere'\", routes: {x: mend}, on_error: {next: mend}}, {id: mend}]\n",
    "link-aggregate": "tasks: [{id: t, type: aggregate, outputs: {x: '{{ .workflow.input.none }}'}, on_error: {next: mend}}, {id: mend}]\n",
    "link-signal": "tasks: [{id: t, type: signal, signal: {id: nobody-waits}, on_error: {next: mend}}, {id: mend}]\n",
    "link-parallel": "tasks: [{id: t, type: parallel, tasks: [{id: x, tool: fail}], on_error: {next: mend}}, {id: mend}]\n",
    "link-collection": "tasks: [{id: t, type: collection, items: [1], task: {id: 'x-{{ .index }}', tool: fail}, on_error: {next: mend}}, {id: mend}]\n",
    "link-composite": "tasks: [{id: t, type: composite, tasks: [{id: x, tool: fail}], on_error: {next: mend}}, {id: mend}]\n",
    "link-loop": "tasks: [{id: t, type: loop, max_iterations: 3, task: {id: x, tool: fail}, on_error: {next: mend}}, {id: mend}]\n",
    "link-wait": "tasks: [{id: t, type: wait, wait_for: s, condition: signal.payload.n, on_error: {next: mend}}, {id: mend}]\n",
    "link-approval": "tasks: [{id: t, type: approval, timeout: 10ms, on_error: {next: mend}}, {id: mend}]\n",
    "link-workflow": "tasks: [{id: t, type: workflow, workflow: fails, on_error: {next: mend}}, {id: mend}]\n",
    "link-memory": "tasks: [{id: t, type: memory, operation: append, memory_ref: talk, payload: {role: nobody, content: x}, on_error: {next: mend}}, {id: mend}]\n",
    "fields": """
tasks:
  - {id: again, tool: flaky, retries: 2, config: {retry_policy: {initial_interval: 1ms}}, on_success: {next: quick}}
  - {id: quick, tool: sleeper, timeout: 100ms, on_error: {next: unless}}
  - {id: unless, tool: fail, condition: has(workflow.input.wanted), on_success: {next: pick}}
  - {id: pick, type: router, condition: "'last'", routes: {last: last, never: never}}
  - {id: last, final: true, on_success: {next: never}}
  - {id: never, tool: fail}
""",
    "filter": """
tasks:
  - {id: cel, type: collection, items: [1, 2, 3, 4], filter: item > 2, task: {id: "c-{{ .item }}"}, on_success: {next: braces}}
  - {id: braces, type: collection, items: [1, 2, 3, 4], filter: "{{ lt .item 3 }}", task: {id: "b-{{ .item }}"}, on_success: {next: text}}
  - {id: text, type: collection, items: [1], filter: "{{ .item }} perhaps", task: {id: "t-{{ .item }}"}, on_error: {next: end}}
  - {id: end, with: {why: "{{ .error.message }}"}}
""",
    "ordered": """
tasks:
  - {id: seq, type: collection, mode: sequential, strategy: best_effort, items: "0..11", task: {id: "x-{{ .index }}", agent: worker, action: say,
     with: {message: '{{ if eq .item 4 }}boom{{ else }}{{ .item }}{{ end }}'}}}
outputs: {results: "{{ .tasks.seq.output.results }}", failed: "{{ .tasks.seq.output.failed }}", info: "{{ .tasks.seq.output.progress_info }}"}
""",
    "router": """
tasks:
  - {id: bare, type: router, condition: '{{ .workflow.input.big | ternary "large" "small" }}', routes: {large: cel, small: end}}
  - {id: cel, type: router, condition: 'workflow.input.n > 2 ? "many" : "few"', routes: {many: mixed, few: end}}
  - {id: mixed, type: router, condition: '{{ .workflow.input.n }} > 2', routes: {"true": none}, default_route: end}
  - {id: none, type: router, condition: workflow.input.word, routes: {known: end}, default_route: fallback}
  - {id: fallback}
  - {id: end}
""",
    "paths": """
tasks:
  - id: left
    type: composite
    tasks: [{id: step, with: {side: left}}]
    on_success: {next: right}
  - id: right
    type: composite
    tasks: [{id: step, with: {side: right}}]
    on_success: {next: look}
  - id: look
    with: {latest: "{{ .tasks.step.output.side }}", left: "{{ .tasks.left.children.step.output.side }}", right: "{{ .tasks.right.children.step.output.side }}"}
    on_success: {next: again}
  - {id: again, with: {n: "{{ add 1 (.tasks.again.output.n | default 0) }}"}, on_success: {next: pick}}
  - {id: pick, type: router, condition: tasks.again.output.n < 3, routes: {"true": again, "false": end}}
  - {id: end}
""",
    "many": """
tasks:
  - {id: all, type: collection, items: "1..3000", task: {id: "m-{{ .index }}", with: {n: "{{ .item }}"}}}
outputs: {n: "{{ .tasks.all.output.progress_info.success_count }}", last: "{{ (last .tasks.all.output.results).n }}"}
""",
    "patient": """
tasks:
  - {id: hold, type: wait, wait_for: go, processor: {id: seen, with: {n: "{{ .signal.payload.n }}"}}, condition: processor.output.n == 3, on_success: {next: bad}}
  - {id: bad, type: wait, wait_for: stop, condition: signal.payload.n}
""",
    "starts": "triggers: [{type: signal, name: begin, schema: {type: object, properties: {n: {type: integer}}, required: [n]}}]\ntasks: [{id: a, with: {n: '{{ .workflow.input.n }}'}}]\n",
    "gate": """
tasks:
  - {id: hold, type: wait, wait_for: go, on_success: {next: after}}
  - {id: after}
""",
    "shell": "tasks: [{id: a, tool: greet}]\n",
    "absent": """
tasks:
  - {id: pick, type: router, condition: "'b'", routes: {a: a, b: b}}
  - {id: a}
  - {id: b}
outputs:
  other: '{{ .tasks.a.output.x | default "nothing" }}'
  flag: '{{ .workflow.input.flag }}'
  text: '{{ .workflow.input.none | default true }}'
  number: '{{ .workflow.input.list | len | add 1 }}'
  items: '{{ .workflow.input.list | reverse }}'
  same: '{{ eq (len .workflow.input.list) 2 }}'
""",
    "modern": """
tasks:
  - {id: sub, type: workflow, workflow: shell, on_success: {next: rounds}}
  - {id: rounds, type: loop, max_iterations: 9, until: last.n == 3, task: {id: r, with: {n: "{{ add .iteration 1 }}"}}, on_success: {next: ask}}
  - {id: ask, type: approval, approvals_required: 1}
outputs: {greeting: "{{ .tasks.sub.output.a.output.greeting }}", rounds: "{{ .tasks.rounds.output.iterations }}", approved: "{{ .tasks.ask.output.approved }}"}
""",
    "cancel-other": "schedule: {cron: '* * * * * *', overlap_policy: cancel_other}\ntasks: [{id: h, type: wait, wait_for: never}]\n",
    "skip": "schedule: {cron: '* * * * * *', overlap_policy: skip}\ntasks: [{id: h, type: wait, wait_for: never}]\n",
    "five": "schedule: {cron: '0 3 1 1 *'}\ntasks: [{id: a}]\n",
    "six": "schedule: {cron: '0 0 3 1 1 *'}\ntasks: [{id: a}]\n",
    "seven": "schedule: {cron: '0 0 3 1 1 * 2060'}\ntasks: [{id: a}]\n",
    "macro": "schedule: {cron: '@yearly'}\ntasks: [{id: a}]\n",
}


def project(workflows):
    names = ", ".join(f"{{source: {name}.yaml}}" for name in workflows)
    return write_project({"compozy.yaml": CONFIG.replace("WORKFLOWS", names), **FILES,
                          **{f"{name}.yaml": f"id: {name}\n" + text for name, text in workflows.items()}})


def refused(workflow):
    done = subprocess.run([BINARY, "config", "validate", "--cwd", str(project({"w": workflow, "fails": WORKFLOWS["fails"]}))],
                          capture_output=True, text=True, timeout=10)
    return "valid" if done.returncode == 0 else done.stderr


class Base(unittest.TestCase):
    def run_of(self, workflow, given=None):
        return self.server.wait(self.server.start(workflow, given))

    def tasks(self, run):
        return {task["task_id"]: task for task in run["tasks"]}

    def signal(self, exec_id, name, payload):
        self.server.call("POST", f"/api/v0/executions/workflows/{exec_id}/signals", {"signal_name": name, "payload": payload})

    def runs(self, workflow):
        return self.server.call("GET", f"/api/v0/executions/workflows?workflow={workflow}")["executions"]


class DefectsTest(Base):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(project(WORKFLOWS)).start_process()
        cls.addClassCleanup(cls.server.kill)

    def test_Defect01_race_and_fail_fast_cancel_the_losers_at_once(self):
        for workflow, slow in (("race", ("slow1", "slow2")), ("fail-fast", ("slow",))):
            run = self.run_of(workflow)  # a loser would take a minute
            self.assertLess(run["duration_ms"], 20_000)
            self.assertEqual({self.tasks(run)[id]["status"] for id in slow}, {"CANCELED"})

    def test_Defect02_a_race_ends_with_the_first_success_not_with_the_first_failure(self):
        tasks = self.tasks(self.run_of("race"))
        self.assertEqual((tasks["bad"]["status"], tasks["good"]["status"], tasks["p"]["status"]), ("FAILED", "SUCCESS", "SUCCESS"))

    def test_Defect03_a_handled_failure_does_not_fail_the_run(self):
        run = self.run_of("handled")
        self.assertEqual((run["status"], self.tasks(run)["risky"]["status"]), ("SUCCESS", "FAILED"))
        self.assertEqual(self.run_of("fails")["status"], "FAILED")

    def test_Defect04_on_error_is_reached_from_every_type_of_task(self):
        runs = {name: self.server.start(name) for name in WORKFLOWS if name.startswith("link-")}
        self.signal(runs["link-wait"], "s", {"n": 1})
        self.assertEqual(len(runs), 12)
        for name, exec_id in runs.items():
            with self.subTest(name):
                run = self.server.wait(exec_id)
                self.assertEqual(run["status"], "SUCCESS", run.get("error"))
                self.assertIn(self.tasks(run)["t"]["status"], ("FAILED", "TIMED_OUT"))
                self.assertEqual(self.tasks(run)["mend"]["status"], "SUCCESS")

    def test_Defect05_what_a_transition_passes_arrives_and_handlers_see_the_error(self):
        tasks = self.tasks(self.run_of("handled"))
        self.assertEqual(tasks["mend"]["output"], {"why": tasks["risky"]["error"]["message"], "code": tasks["risky"]["error"]["code"]})
        self.assertEqual(tasks["end"]["output"], {"passed": tasks["risky"]["error"]["code"]})

    def test_Defect06_retries_timeout_condition_and_final_are_obeyed(self):
        run = self.run_of("fields")
        self.assertEqual(run["status"], "SUCCESS", run.get("error"))
        tasks = self.tasks(run)
        self.assertEqual(tasks["again"]["output"], {"ok": True})
        self.assertEqual(tasks["quick"]["status"], "TIMED_OUT")
        self.assertEqual(tasks["unless"]["output"], {"skipped": True})
        self.assertNotIn("never", tasks)

    def test_Defect07_overlap_policies_are_obeyed(self):
        runs = wait_until(lambda: len(found := self.runs("cancel-other")) >= 3 and found, "three scheduled runs")
        ended = self.server.wait(sorted(runs, key=lambda run: run["created_at"])[0]["exec_id"])
        self.assertEqual(ended["status"], "CANCELED")
        self.assertEqual(len(self.runs("skip")), 1, "the first run is still open")

    def test_Defect08_cron_takes_five_six_and_seven_fields_and_macros(self):
        shown = {schedule["workflow_id"]: schedule["next_run_time"] for schedule in self.server.call("GET", "/api/v0/schedules")["schedules"]}
        for workflow in ("five", "six"):
            self.assertEqual(shown[workflow][4:], "-01-01T03:00:00.000Z")
        self.assertEqual(shown["seven"], "2060-01-01T03:00:00.000Z")
        self.assertEqual(shown["macro"][4:], "-01-01T00:00:00.000Z")

    def test_Defect10_a_filter_is_cel_or_a_template_and_must_be_boolean(self):
        tasks = self.tasks(self.run_of("filter"))
        self.assertTrue({"c-3", "c-4", "b-1", "b-2"} <= set(tasks) and not {"c-1", "b-3", "t-1"} & set(tasks))
        self.assertIn("must give true or false, found '1 perhaps'", tasks["end"]["output"]["why"])

    def test_Defect11_sequential_goes_by_index(self):
        run = self.run_of("ordered")
        children = [task["task_id"] for task in sorted(run["tasks"], key=lambda task: task["n"])][1:]
        self.assertEqual(children, [f"x-{i}" for i in range(12)])

    def test_Defect12_results_are_a_list_in_order_with_the_failures_named(self):
        output = self.run_of("ordered")["output"]
        self.assertEqual(output["results"], [None if i == 4 else {"response": str(i)} for i in range(12)])
        self.assertEqual([(failure["id"], failure["index"]) for failure in output["failed"]], [("x-4", 4)])
        self.assertEqual((output["info"]["success_count"], output["info"]["failed_count"]), (11, 1))

    def test_Defect13_a_router_has_a_default_route(self):
        self.assertIn("fallback", self.tasks(self.run_of("router", {"big": True, "n": 3, "word": "unknown"})))

    def test_Defect14_old_router_templates_and_cel_both_route(self):
        tasks = self.tasks(self.run_of("router", {"big": True, "n": 3, "word": "unknown"}))
        self.assertEqual([tasks[id]["output"]["condition"] for id in ("bare", "cel", "mixed")], ["large", "many", "true"])

    def test_Defect15_the_graph_is_checked_when_it_is_loaded(self):
        self.assertIn("w.yaml:2:36: task 'a'.on_success.next: unknown task 'nxt'; did you mean 'next'?",
                      refused("tasks: [{id: a, on_success: {next: nxt}}, {id: next}]\n"))
        self.assertIn("w.yaml:2:18: tasks: nothing leads to task 'b'", refused("tasks: [{id: a}, {id: b}]\n"))
        self.assertIn("goes round without end", refused("tasks: [{id: a, on_success: {next: a}}]\n"))
        self.assertIn("task 'b' cannot have run before task 'a'",
                      refused("tasks: [{id: a, with: {x: '{{ .tasks.b.output }}'}, on_success: {next: b}}, {id: b}]\n"))

    def test_Defect16_equal_ids_and_repeated_visits_keep_their_own_results(self):
        run = self.run_of("paths")
        self.assertEqual(self.tasks(run)["look"]["output"], {"latest": "right", "left": "left", "right": "right"})
        self.assertEqual([(task["path"], task["output"]["n"]) for task in run["tasks"] if task["task_id"] == "again"],
                         [("again#1", 1), ("again#2", 2), ("again#3", 3)])

    def test_Defect17_a_step_in_a_nested_container_is_one_row(self):
        paths = [task["path"] for task in self.run_of("paths")["tasks"]]
        self.assertEqual(len(paths), len(set(paths)))
        self.assertEqual([path for path in paths if "step" in path], ["left#1/step#1", "right#1/step#1"])

    def test_Defect18_a_parent_ends_with_its_last_child_and_counts_them_exactly(self):
        exec_id = self.server.start("ordered")
        self.server.wait(exec_id)
        events = self.server.events(exec_id)
        self.assertEqual([event["type"] for event in events if event["type"] in ("task_retry", "task_blocked")], [])
        ends = [event["data"]["path"] for event in events if event["type"] == "task_status" and event["data"]["status"] != "RUNNING"]
        self.assertEqual((len(ends), ends[-1]), (13, "seq#1"))

    def test_Defect20_a_collection_has_no_ceiling_of_history(self):
        self.assertEqual(self.run_of("many")["output"], {"n": 3000, "last": 3000})

    def test_Defect21_wait_needs_no_timeout_loses_no_signal_and_leaves_the_right_status(self):
        exec_id = self.server.start("patient")
        for n in (1, 2, 3):
            self.signal(exec_id, "go", {"n": n})
        self.signal(exec_id, "stop", {"n": "no boolean"})
        run = self.server.wait(exec_id)
        self.assertEqual(run["status"], "FAILED")
        self.assertEqual([task["output"]["n"] for task in run["tasks"] if task["task_id"] == "seen"], [1, 2, 3])
        self.assertEqual(self.tasks(run)["bad"]["error"]["code"], "WAIT_TASK_ERROR")

    def test_Defect22_a_signal_that_nobody_can_use_is_refused_with_the_reason(self):
        for body, status, reason in (({"name": "begn", "payload": {}}, 404, "begn"), ({"name": "begin", "payload": {"n": "x"}}, 422, "expected integer")):
            with self.assertRaises(Problem) as problem:
                self.server.call("POST", "/api/v0/events", body)
            self.assertEqual(problem.exception.status, status)
            self.assertIn(reason, problem.exception.body["detail"])

    def test_Defect24_a_paused_run_takes_no_step_until_it_is_resumed(self):
        exec_id = self.server.start("gate")
        self.server.call("POST", f"/api/v0/executions/workflows/{exec_id}/pause")
        self.signal(exec_id, "go", {})
        run = self.server.run(exec_id)
        self.assertEqual((run["status"], list(self.tasks(run))), ("PAUSED", ["hold"]))
        self.server.call("POST", f"/api/v0/executions/workflows/{exec_id}/resume")
        self.assertEqual(list(self.tasks(self.server.wait(exec_id))), ["hold", "after"])

    @unittest.skipUnless(shutil.which("node") or shutil.which("bun"), "neither node nor bun is on this host")
    def test_Defect31_script_tools_share_a_process_that_is_kept(self):
        root = write_project({"compozy.yaml": "name: workers\nworkflows: [{source: w.yaml}]\ntools: [{id: whoami, execute: whoami.mjs}]\n",
                              "whoami.mjs": "export default () => ({pid: process.pid})\n",
                              "w.yaml": "id: w\ntasks: [{id: a, tool: whoami, on_success: {next: b}}, {id: b, tool: whoami}]\n"})
        with Server(root) as server:
            tasks = self.tasks(server.wait(server.start("w")))
            self.assertEqual(tasks["a"]["output"], tasks["b"]["output"])

    def test_Defect32_a_tool_is_any_executable(self):
        self.assertEqual(self.run_of("shell")["output"], {"a": {"output": {"greeting": "hello from sh"}}})

    def test_Defect38_durations_are_checked_when_they_are_loaded(self):
        self.assertIn("w.yaml:2:50: tasks[0].config.start_to_close_timeout: '5 minuts' is not a duration",
                      refused("tasks: [{id: a, config: {start_to_close_timeout: 5 minuts}}]\n"))

    def test_Defect39_default_rescues_what_is_absent_and_booleans_stay_booleans(self):
        output = self.run_of("absent", {"flag": False, "list": [1, 2]})["output"]
        self.assertEqual(output["other"], "nothing")
        self.assertIs(output["flag"], False)
        self.assertIs(output["text"], True)

    def test_Defect40_the_last_value_of_a_pipeline_keeps_its_type(self):
        output = self.run_of("absent", {"flag": False, "list": [1, 2]})["output"]
        self.assertEqual((output["number"], output["items"], output["same"]), (3, [2, 1], True))

    def test_Defect41_what_the_engine_does_not_have_is_refused_by_name(self):
        for name in ("collection", "race", "parallel"):
            self.assertIn(f"there is no '.{name}' here", refused(f"tasks: [{{id: a, with: {{x: '{{{{ .{name}.winner }}}}'}}}}]\n"))
        self.assertIn("they hold no templates", refused("tasks: [{id: a, $use: 'tool(local::tools.#(id==\"{{ .x }}\"))'}]\n"))
        self.assertIn("must be the id of a task", refused("tasks: [{id: a, on_success: {next: '{{ .x }}'}}]\n"))

    def test_Defect43_workflows_loops_and_approvals_are_tasks(self):
        exec_id = self.server.start("modern")
        wait_until(lambda: any(event["type"] == "approval_requested" for event in self.server.events(exec_id)), "the question")
        self.server.call("POST", f"/api/v0/executions/workflows/{exec_id}/approvals/ask", {"decision": "approve"})
        self.assertEqual(self.server.wait(exec_id)["output"], {"greeting": "hello from sh", "rounds": 3, "approved": True})


BEFORE = {
    "inside": """
tasks:
  - id: c
    type: composite
    tasks: [{id: one, with: {v: 1}}, {id: hold, type: wait, wait_for: go}, {id: three, with: {v: "{{ .tasks.one.output.v }}"}}]
""",
    "starts": WORKFLOWS["starts"],
    "pinned": "tasks: [{id: hold, type: wait, wait_for: go, on_success: {next: end}}, {id: end, with: {says: before}}]\n",
    "nightly": "schedule: {cron: '0 3 * * *'}\ntasks: [{id: a}]\n",
}


class DefectsAcrossACrashTest(Base):
    @classmethod
    def setUpClass(cls):
        root = project(BEFORE)
        cls.server = Server(root).start_process()
        cls.addClassCleanup(cls.server.kill)
        cls.inside = cls.server.start("inside")
        cls.pinned = cls.server.start("pinned")
        cls.server.call("PATCH", "/api/v0/schedules/nightly", {"enabled": False, "cron": "0 4 * * *"})
        cls.server.call("POST", "/api/v0/events", {"name": "begin", "payload": {"n": 7}})
        cls.server.kill()
        shutil.rmtree(cls.server.data / "redis")  # what the original kept there for 24 hours
        path = pathlib.Path(root) / "pinned.yaml"
        path.write_text(path.read_text().replace("before", "after"))
        cls.server.start_process()

    def test_Defect09_what_people_change_of_a_schedule_is_kept(self):
        schedule = self.server.call("GET", "/api/v0/schedules/nightly")
        self.assertEqual((schedule["enabled"], schedule["cron"], schedule["is_override"]), (False, "0 4 * * *", True))

    def test_Defect19_a_run_in_the_middle_of_a_container_needs_nothing_but_its_records(self):
        self.signal(self.inside, "go", {})
        run = self.server.wait(self.inside)
        self.assertEqual(run["status"], "SUCCESS", run.get("error"))
        self.assertEqual(self.tasks(run)["three"]["output"], {"v": 1})

    def test_Defect23_an_accepted_event_survives_the_process(self):
        runs = wait_until(lambda: self.runs("starts"), "the run that the event started")
        self.assertEqual(len(runs), 1)
        self.assertEqual(self.server.wait(runs[0]["exec_id"])["output"], {"a": {"output": {"n": 7}}})

    def test_Defect45_a_run_keeps_the_definition_that_it_started_with(self):
        self.signal(self.pinned, "go", {})
        self.assertEqual(self.server.wait(self.pinned)["output"]["end"]["output"], {"says": "before"})
        later = self.server.start("pinned")
        self.signal(later, "go", {})
        self.assertEqual(self.server.wait(later)["output"]["end"]["output"], {"says": "after"})


if __name__ == "__main__":
    unittest.main()
