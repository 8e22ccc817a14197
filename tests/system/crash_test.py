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

TOOL = """#!/usr/bin/env python3
import json, os, sys
request = json.load(sys.stdin)
with open(os.path.join(os.path.dirname(__file__), "..", "calls.log"), "a") as log:
    log.write(request["tool_exec_id"] + " " + os.environ["COMPOZY_IDEMPOTENCY_KEY"] + "\\n")
print(json.dumps({"result": {"n": request["input"]["n"]}}))
"""

CONFIG = """
name: crash
workflows: [{source: ./flow.yaml}]
models: [{provider: openai, model: scripted, api_url: "http://127.0.0.1:PORT/v1", api_key: none, default: true}]
tools: [{id: mark, description: writes its key, execute: ./tools/mark.py, runtime: executable, input: {type: object, properties: {n: {type: integer}}}}]
memories: [{id: chat, type: buffer, persistence: {type: redis}}]
"""

FLOW = """
id: flow
agents:
  - id: talker
    instructions: You talk.
    memory: [{id: chat, key: "crash"}]
    tools: [mark]
    actions: [{id: say, prompt: "Turn {{ .input.turn }}."}]
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
            project = write_project({"compozy.yaml": CONFIG.replace("PORT", str(talker.port)), "flow.yaml": flow, "tools/mark.py": TOOL})
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
        # A recorded answer is never asked for again: for each run and turn, the model saw no request after one whose
        # answer was recorded. Recorded turns are unique by (op, n), so the count of answers must equal the turns.
        answers = database.execute("SELECT count(*) FROM turns WHERE kind = 'answer'").fetchone()[0]
        self.assertLessEqual(answers, talker.requests)
        asked_after_record = database.execute("SELECT count(*) - count(DISTINCT run_no || '/' || op || '/' || n) FROM turns").fetchone()[0]
        self.assertEqual(asked_after_record, 0)
        page = server.call("GET", "/api/v0/memory/chat/read?key=crash&limit=1000")
        per_run = 1 + 2 * self.talks * max(1, KILLS // 100)
        self.assertEqual(page["total_count"], per_run * len(runs), "memory is not what was acknowledged")


if __name__ == "__main__":
    unittest.main()
