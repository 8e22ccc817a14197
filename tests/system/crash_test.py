"""kill -9, again and again, under a run of many steps.

The promise: whatever was acknowledged is there; no step is recorded twice; a model answer that was recorded is not asked
for again; conversation memory holds what was acknowledged, once; a tool runs at least once, always under its key.
"""
import collections
import json
import os
import random
import sqlite3
import threading
import time
import unittest

import model
from server import Problem, Server, wait_until, write_project

KILLS = 500 if os.environ.get("COMPOZY_NIGHT") else 100

TOOL = """#!/bin/sh
request=$(cat)
[ -n "$request" ] || exit 1  # the server died before it had asked
id=${request#*'"tool_exec_id":"'}
echo "${id%%'"'*} $COMPOZY_IDEMPOTENCY_KEY" >> calls.log
echo '{"result": {"ok": true}}'
"""

CONFIG = """
name: crash
workflows: [{source: ./flow.yaml}]
models: [{provider: openai, model: scripted, api_url: "http://127.0.0.1:PORT/v1", api_key: none, default: true}]
tools: [{id: mark, description: writes its key, execute: tools/mark.sh, input: {type: object, properties: {n: {type: integer}}}}]
memories: [{id: chat, type: buffer, persistence: {type: redis}}]
"""

FLOW = """
id: flow
agents:
  - id: talker
    instructions: You talk.
    memory: [{id: chat, key: "crash"}]
    tools: [mark]
    actions: [{id: say, prompt: "{{ .workflow.exec_id }} turn {{ .input.turn }}"}]
tasks:
  - {id: begin, type: memory, operation: append, memory_ref: chat, key_template: crash, payload: {role: system, content: begin}, on_success: {next: steps}}
  - id: steps
    type: collection
    items: "1..STEPS"
    mode: sequential
    task: {id: "step-{{ .index }}", type: basic, tool: mark, with: {n: "{{ .item }}"}}
    on_success: {next: talks}
  - id: talks
    type: collection
    items: "1..TALKS"
    mode: sequential
    task: {id: "talk-{{ .index }}", type: basic, agent: talker, action: say, with: {turn: "{{ .item }}"}}
    on_success: {next: fan}
  - id: fan
    type: collection
    items: "1..FAN"
    mode: parallel
    max_workers: 8
    task: {id: "fan-{{ .index }}", type: basic, tool: mark, with: {n: "{{ .item }}"}}
"""


KINDS_CONFIG = """
name: kinds
workflows: [{source: ./all.yaml}, {source: ./sub.yaml}]
tools: [{id: mark, description: writes its key, execute: tools/mark.sh, input: {type: object, properties: {n: {type: integer}}}}]
memories: [{id: chat, type: buffer, persistence: {type: redis}}]
"""

KINDS = """
id: all
tasks:
  - {id: note, type: memory, operation: append, memory_ref: chat, key_template: k, payload: {role: user, content: hi}, on_success: {next: again}}
  - {id: again, type: loop, max_iterations: 4, task: {id: turn, tool: mark, with: {n: "{{ .iteration }}"}}, on_success: {next: side}}
  - id: side
    type: parallel
    tasks: [{id: left, tool: mark, with: {n: 1}}, {id: right, type: composite, tasks: [{id: one, tool: mark, with: {n: 2}}, {id: two, type: aggregate, outputs: {x: 1}}]}]
    on_success: {next: choose}
  - {id: choose, type: router, condition: "tasks.again.output.iterations == 4 ? 'yes' : 'no'", routes: {"yes": below, "no": note}}
  - {id: below, type: workflow, workflow: sub, with: {n: 3}, on_success: {next: hold}}
  - {id: hold, type: wait, wait_for: go, sleep: 50ms, on_success: {next: sign}}
  - {id: sign, type: approval, message: "ok?"}
outputs:
  looped: "{{ .tasks.again.output.iterations }}"
  child: "{{ .tasks.below.output.n }}"
  votes: "{{ len .tasks.sign.output.votes }}"
  signal: "{{ .tasks.hold.output.signal.payload.v }}"
"""

SUB = """
id: sub
tasks: [{id: each, type: collection, items: "1..{{ .workflow.input.n }}", task: {id: "s-{{ .index }}", tool: mark, with: {n: "{{ .item }}"}}}]
outputs: {n: "{{ len .tasks.each.output.results }}"}
"""


def whole(database, column):
    """The value of a column, its large parts put back (docs/formats/records.md)."""
    if not column.startswith("@"):
        return json.loads(column)
    lifted, rest = column[1:].split("\n", 1)
    value = json.loads(rest)
    for path, key in json.loads(lifted):
        part = json.loads(database.execute("SELECT bytes FROM blobs WHERE hash = ?", (key,)).fetchone()[0])
        if not path:
            return part
        place = value
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = part
    return value


class CrashTest(unittest.TestCase):
    steps, talks, fan = 120, 40, 80

    def test_a_run_survives_being_killed_at_random_instants(self):
        seed = int(os.environ.get("COMPOZY_SEED", time.time_ns() % 1_000_000))
        print("seed", seed, "kills", KILLS)
        chance = random.Random(seed)
        scale = KILLS // 100
        flow = FLOW.replace("STEPS", str(self.steps * scale)).replace("TALKS", str(self.talks * scale)).replace("FAN", str(self.fan * scale))
        with model.ScriptedModel() as talker:
            project = write_project({"compozy.yaml": CONFIG.replace("PORT", str(talker.port)), "flow.yaml": flow, "tools/mark.sh": TOOL})
            server = Server(project).start_process()
            try:
                runs = [server.start("flow")]
                acknowledged = set(runs)
                kills = 0
                while kills < KILLS:
                    time.sleep(chance.uniform(0.005, 0.25))
                    server.kill()
                    kills += 1
                    server.start_process()
                    if self.ended(server, runs[-1]):
                        runs.append(server.start("flow", headers={"Idempotency-Key": f"key-{kills}"}))
                        acknowledged.add(runs[-1])
                for run in runs:
                    self.assertEqual(server.wait(run, 240)["status"], "SUCCESS", server.run(run).get("error"))
                self.check(server, project, talker, runs)
            finally:
                server.kill()

    def test_every_kind_of_task_survives_being_killed(self):
        seed = int(os.environ.get("COMPOZY_SEED", time.time_ns() % 1_000_000))
        print("seed", seed)
        chance = random.Random(seed)
        project = write_project({"compozy.yaml": KINDS_CONFIG, "all.yaml": KINDS, "sub.yaml": SUB, "tools/mark.sh": TOOL})
        server = Server(project).start_process()
        try:
            run = server.start("all")
            for kill in range(KILLS // 2):
                time.sleep(chance.uniform(0.005, 0.15))
                server.kill()
                server.start_process()
                # What a person would do, again and again: each of it counts once.
                self.answer(server, run)
                if self.ended(server, run):
                    run = server.start("all", headers={"Idempotency-Key": f"kinds-{kill}"})
            wait_until(lambda: self.answer(server, run) or self.ended(server, run), "the end", 120)
            database = sqlite3.connect(f"file:{server.data}/compozy.db?mode=ro", uri=True)
            parents = database.execute("SELECT count(*) FROM runs WHERE workflow = 'all'").fetchone()[0]
            children = database.execute("SELECT count(*), count(DISTINCT parent_run) FROM runs WHERE workflow = 'sub' AND status = 'SUCCESS'").fetchone()
            self.assertEqual(children, (parents, parents), "each run has one child run")
            for (number,) in database.execute("SELECT run_no FROM runs WHERE workflow = 'all'").fetchall():
                paths = [path for (path,) in database.execute("SELECT path FROM tasks WHERE run_no = ?", (number,))]
                self.assertEqual(len(paths), len(set(paths)), "a task was entered twice")
                output = json.loads(database.execute("SELECT output FROM runs WHERE run_no = ?", (number,)).fetchone()[0])
                self.assertEqual(output, {"looped": 4, "child": 3, "votes": 1, "signal": "go"})
        finally:
            server.kill()

    @staticmethod
    def answer(server, run):
        for path, body in ((f"{run}/signals", {"signal_name": "go", "payload": {"v": "go"}, "dedupe": "once"}),
                           (f"{run}/approvals/sign", {"decision": "approve"})):
            try:
                server.call("POST", f"/api/v0/executions/workflows/{path}", body)
            except Problem as problem:  # not asked for yet, or the run has ended
                assert problem.status in (404, 409), problem

    @staticmethod
    def ended(server, run):
        return server.run(run)["status"] == "SUCCESS"

    def check(self, server, project, talker, runs):
        database = sqlite3.connect(f"file:{server.data}/compozy.db?mode=ro", uri=True)
        for run in runs:
            number = database.execute("SELECT run_no FROM runs WHERE run_id = ?", (run,)).fetchone()[0]
            bodies = database.execute("SELECT body FROM records WHERE run_no = ? ORDER BY seq", (number,))
            records = [whole(database, body)["records"] for (body,) in bodies]
            opened, closed, entered = (collections.Counter() for _ in range(3))
            for kind, fields in (record for row in records for record in row):
                if kind == 14:  # a checkpoint: what it holds open stands for the records before it
                    opened = collections.Counter(op["op"] for op in fields["state"]["ops"])
                    entered = collections.Counter(frame["path"] for frame in fields["state"]["frames"])
                    closed.clear()
                elif kind in (3, 4):
                    (opened if kind == 3 else closed)[fields["op"]] += 1
                elif kind == 2:
                    entered[fields["path"]] += 1
            self.assertEqual(set(closed), set(opened))
            self.assertEqual(max(closed.values()), 1, "an op was recorded twice")
            self.assertEqual(max(opened.values()), 1)
            self.assertEqual(max(entered.values()), 1, "a task was entered twice")
            numbers = [event["id"] for event in server.events(run)]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)), "events have a hole or a repeat")
        calls = [line.split() for line in (project / "calls.log").read_text().splitlines()]
        for key, variable in calls:
            self.assertEqual(key, variable)
        self.assertGreater(len(set(key for key, _ in calls)), self.steps)
        # The model numbers its answers to one prompt: a recorded answer must be the last that was asked for.
        answers = database.execute("SELECT body FROM turns WHERE kind = 'answer'").fetchall()
        self.assertEqual(len(answers), self.talks * max(1, KILLS // 100) * len(runs))
        for (body,) in answers:
            prompt, number = json.loads(body)["text"].removeprefix("answer to: ").rsplit(" #", 1)
            self.assertEqual(talker.asked[prompt], int(number), "a recorded answer was asked for again")
        page = server.call("GET", "/api/v0/memory/chat/read?key=crash&limit=1000")
        per_run = 1 + 2 * self.talks * max(1, KILLS // 100)
        self.assertEqual(page["total_count"], per_run * len(runs), "memory is not what was acknowledged")


if __name__ == "__main__":
    unittest.main()
