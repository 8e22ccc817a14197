"""The event stream of a run: each durable event exactly once, in order, and a model's text while it is written.

A client reads, goes away at a random point and comes back with Last-Event-ID, hundreds of times, also across kill -9.
"""
import collections
import json
import os
import random
import time
import unittest

import model
from server import Problem, Server, read_events, write_project

CONFIG = """
name: stream
workflows: [{source: ./flow.yaml}, {source: ./talk.yaml}]
models: [{provider: openai, model: scripted, api_url: "http://127.0.0.1:PORT/v1", api_key: none, default: true}]
tools: [{id: mark, description: answers, execute: tools/mark.sh, input: {type: object, properties: {n: {type: integer}}}}]
"""

FLOW = """
id: flow
tasks:
  - id: steps
    type: collection
    items: "1..60"
    mode: sequential
    task: {id: "step-{{ .index }}", type: basic, tool: mark, with: {n: "{{ .item }}"}}
"""

TALK = """
id: talk
agents: [{id: talker, instructions: You talk., actions: [{id: say, prompt: "{{ .workflow.exec_id }} a long story"}]}]
tasks: [{id: say, agent: talker, action: say}]
outputs: {text: "{{ .tasks.say.output.response }}"}
"""

TOOL = """#!/bin/sh
cat > /dev/null
echo '{"result": {"ok": true}}'
"""


class StreamTest(unittest.TestCase):
    def setUp(self):
        self.talker = model.ScriptedModel(pause_s=0.05, chunks=20).__enter__()
        self.addCleanup(self.talker.__exit__)
        root = write_project({"compozy.yaml": CONFIG.replace("PORT", str(self.talker.port)), "flow.yaml": FLOW, "talk.yaml": TALK, "tools/mark.sh": TOOL})
        self.server = Server(root).start_process()
        self.addCleanup(lambda: self.server.kill())
        seed = int(os.environ.get("COMPOZY_SEED", time.time_ns() % 1_000_000))
        print("seed", seed)
        self.chance = random.Random(seed)

    def read_some(self, run, seen, count):
        """Reads up to `count` durable events after the last seen one; True when the stream ended by itself."""
        try:
            with self.server.stream(run, seen[-1][0] if seen else 0) as response:
                for ident, kind, data in read_events(response):
                    if not ident:
                        continue
                    seen.append((int(ident), kind, json.loads(data)))
                    count -= 1
                    if count == 0:
                        return False
            return True
        except OSError:  # the server was killed
            return False

    def check(self, run, seen):
        stored = [(event["id"], event["type"], event["data"]) for event in self.server.events(run)]
        self.assertEqual([event[0] for event in seen], list(range(1, len(stored) + 1)))
        self.assertEqual(seen, stored)
        self.assertEqual(seen[-1][1], "complete")

    def test_each_event_once_in_order_for_a_client_that_comes_and_goes(self):
        run = self.server.start("flow")
        seen, connections = [], 0
        while not seen or seen[-1][1] != "complete":
            self.read_some(run, seen, self.chance.randint(1, 3))
            connections += 1
        self.check(run, seen)
        for _ in range(3):  # the same after the end
            seen = []
            while not seen or seen[-1][1] != "complete":
                self.read_some(run, seen, self.chance.randint(1, 3))
                connections += 1
            self.check(run, seen)
        self.assertTrue(self.read_some(run, seen, 1), "a client that has seen all gets an end, not a wait")
        self.assertGreater(connections, 150)
        print(connections, "connections,", len(seen), "events")

    def test_each_event_once_across_kills(self):
        run = self.server.start("flow")
        seen, kills = [], 0
        while not seen or seen[-1][1] != "complete":
            self.read_some(run, seen, self.chance.randint(1, 8))
            if kills < 12:
                self.server.kill()
                self.server.start_process()
                kills += 1
        self.check(run, seen)
        self.assertEqual(kills, 12, "the run ended before it was killed often enough")

    def test_text_arrives_while_the_model_writes_and_is_complete(self):
        run = self.server.start("talk")
        at, pieces = [], []
        with self.server.stream(run) as response:
            for ident, kind, data in read_events(response):
                if kind == "llm_chunk":
                    self.assertEqual(ident, "")
                    pieces.append(json.loads(data))
                    at.append(time.monotonic())
                elif kind == "complete":
                    at.append(time.monotonic())
        output = self.server.wait(run)["output"]
        self.assertGreaterEqual(len(pieces), 15)
        self.assertGreater(at[-1] - at[0], 0.5, "the first piece came when the model had written everything")
        self.check_text(pieces, output["text"])

    def test_a_late_client_gets_the_text_so_far_once(self):
        run = self.server.start("talk")
        with self.server.stream(run) as response:
            pieces = []
            for _, kind, data in read_events(response):
                if kind == "llm_chunk":
                    pieces.append(json.loads(data))
                if len(pieces) == 8:
                    break
            with self.server.stream(run) as late:
                joined = [json.loads(data) for _, kind, data in read_events(late) if kind == "llm_chunk"]
        output = self.server.wait(run)["output"]
        self.assertGreaterEqual(len(joined[0]["text"]), sum(len(piece["text"]) for piece in pieces))
        self.check_text(joined, output["text"])

    def check_text(self, pieces, text):
        together = collections.defaultdict(str)
        for piece in pieces:
            key = (piece["op"], piece["attempt"])
            self.assertEqual(piece["offset"], len(together[key].encode()), "a piece is missing or came twice")
            together[key] += piece["text"]
        self.assertEqual(list(together.values()), [text])

    def test_a_malformed_position_is_refused(self):
        run = self.server.start("flow")
        for bad in ("abc", "-1", "1.5", "99999999999999999999"):
            with self.assertRaises(Problem) as refused:
                self.server.request("GET", f"/api/v0/executions/workflows/{run}/stream", headers={"Last-Event-ID": bad})
            self.assertEqual(refused.exception.status, 400)
            self.assertIn("Last-Event-ID", refused.exception.body["detail"])
        with self.assertRaises(Problem) as unknown:
            self.server.request("GET", "/api/v0/executions/workflows/nobody/stream")
        self.assertEqual(unknown.exception.status, 404)


if __name__ == "__main__":
    unittest.main()
