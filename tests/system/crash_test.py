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
from server import Server, wait_until, write_project

KILLS = 500 if os.environ.get("COMPOZY_NIGHT") else 100

TOOL = """#!/bin/sh
request=$(cat)
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

    @staticmethod
    def ended(server, run):
        return server.run(run)["status"] == "SUCCESS"

    def check(self, server, project, talker, runs):
        database = sqlite3.connect(f"file:{server.data}/compozy.db?mode=ro", uri=True)
        for run in runs:
            number = database.execute("SELECT run_no FROM runs WHERE run_id = ?", (run,)).fetchone()[0]
            records = [json.loads(body)["records"] for (body,) in database.execute("SELECT body FROM records WHERE run_no = ? ORDER BY seq", (number,))]
            flat = [record for row in records for record in row]
            closed = collections.Counter(fields["op"] for kind, fields in flat if kind == 4)
            opened = collections.Counter(fields["op"] for kind, fields in flat if kind == 3)
            self.assertEqual(set(closed), set(opened))
            self.assertEqual(max(closed.values()), 1, "an op was recorded twice")
            self.assertEqual(max(opened.values()), 1)
            entered = collections.Counter(fields["path"] for kind, fields in flat if kind == 2)
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
