"""./dev bench workflows: durable steps, starts, recovery and memory of workflow runs, beside Temporal and Restate.

A step of ours is a memory read, performed in process; a tool's step starts a process, which is the fair neighbour of a peer whose
steps cross a process boundary. The peers (workflow_peers.py) come from PyPI and npm into folders of their own; where one cannot be
had, its lines say so.
"""
import os
import pathlib
import sqlite3
import time

import server as harness
import workflow_peers

TOOL = """#!/bin/sh
cat > /dev/null
echo '{"result": {}}'
"""
FILES = {
    "compozy.yaml": "name: bench\nworkflows: [{source: ./fan.yaml}, {source: ./steps.yaml}, {source: ./tools.yaml}, {source: ./sleep.yaml}, {source: ./many.yaml}, {source: ./wide.yaml}]\n"
                    "memories: [{id: notes, type: buffer, persistence: {type: redis}}]\n"
                    "tools: [{id: nothing, description: does nothing, execute: tools/nothing.sh}]\n",
    "steps.yaml": """
id: steps
tasks: [{id: all, type: collection, items: "1..{{ .workflow.input.steps }}", mode: sequential, task: {id: "s-{{ .index }}", type: memory, operation: read, memory_ref: notes, key_template: bench}, outputs: {n: 1}}]
outputs: {n: 1}
""",
    "tools.yaml": """
id: tools
tasks: [{id: all, type: collection, items: "1..{{ .workflow.input.steps }}", mode: sequential, task: {id: "s-{{ .index }}", tool: nothing, with: {x: 1}}, outputs: {n: 1}}]
outputs: {n: 1}
""",
    "wide.yaml": """
id: wide
tasks: [{id: all, type: collection, items: "1..{{ .workflow.input.items }}", task: {id: "s-{{ .index }}", type: aggregate, outputs: {i: "{{ .item }}"}}, outputs: {n: 1}}]
outputs: {n: 1}
""",
    "fan.yaml": """
id: fan
tasks: [{id: all, type: collection, items: "1..{{ .workflow.input.runs }}", max_workers: WORKERS, task: {id: "r-{{ .index }}", type: workflow, workflow: steps, with: {steps: 10}}, outputs: {n: 1}}]
outputs: {n: 1}
""",
    "many.yaml": """
id: many
tasks: [{id: all, type: collection, items: "1..{{ .workflow.input.runs }}", task: {id: "r-{{ .index }}", type: workflow, workflow: sleep, detached: true}, outputs: {n: 1}}]
outputs: {n: 1}
""",
    "sleep.yaml": """
id: sleep
tasks: [{id: nap, type: basic, sleep: 30 days}]
""",
    "tools/nothing.sh": TOOL,
}


def project(workers=64):
    return harness.write_project({name: text.replace("WORKERS", str(workers)) for name, text in FILES.items()})


def took_s(server, workflow, given, deadline_s=600):
    run = server.wait(server.start(workflow, given), deadline_s)
    assert run["status"] == "SUCCESS", run.get("error")
    return run["duration_ms"] / 1000


def wall_s(server, workflow, given):
    """As a client sees it: a run that decides everything in one step has no duration of its own."""
    began = time.perf_counter()
    server.call("POST", f"/api/v0/workflows/{workflow}/executions/sync", {"input": given, "timeout": 300})
    return time.perf_counter() - began


def rss_mb(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def served_after_s(server):
    """From starting the process to a run that it has served."""
    began = time.perf_counter()
    server.start_process()
    server.call("POST", "/api/v0/workflows/wide/executions/sync", {"input": {"items": 1}})
    return time.perf_counter() - began


def throughput(show):
    for workers in (1, 32, 64, 128):
        # Child runs, started from inside so that no client is measured; several parents, as one takes its children's ends in turn.
        parents = min(16, workers)
        with harness.Server(project(workers // parents)) as server:
            runs = 40 * workers if workers > 1 else 60
            ids = [server.start("fan", {"runs": runs // parents}) for _ in range(parents)]
            ended = [server.wait(run, 600) for run in ids]
            assert all(run["status"] == "SUCCESS" for run in ended)
            took = max(run["duration_ms"] for run in ended) / 1000
            show(f"durable steps/s, {workers} runs of 10 steps at once", f"{runs * 10 / took:,.0f}", f"{runs / took:,.0f} runs started and ended a second")
    with harness.Server(project()) as server:
        show("a tool's step (one process each), steps/s in one run", f"{100 / took_s(server, 'tools', {'steps': 100}):,.0f}")
        small = sum(wall_s(server, "wide", {"items": 1_000}) for _ in range(10))
        large = wall_s(server, "wide", {"items": 10_000})
        show("a collection of 10,000 items beside ten of 1,000", f"{large:.2f} s", f"{small:.2f} s; ratio {large / small:.2f}, goal 2")


def recovery(show):
    server = harness.Server(project(100)).start_process()
    began = time.perf_counter()
    took_s(server, "many", {"runs": 100_000})
    took = time.perf_counter() - began
    show("100,000 open runs: started", f"{100_000 / took:,.0f} /s", f"RSS then {rss_mb(server):.0f} MB")
    server.kill()
    show("100,000 open runs: kill -9 to first served run", f"{served_after_s(server) * 1000:.0f} ms", f"goal 500 ms; RSS then {rss_mb(server):.0f} MB")
    server.stop()
    grow_to_a_million(server.data / "compozy.db")
    show("1,000,000 sleeping runs: start to first served run", f"{served_after_s(server) * 1000:.0f} ms", f"goal 500 ms; RSS then {rss_mb(server):.0f} MB, goal 150 MB")
    server.kill()


def grow_to_a_million(path):
    """Copies the rows of one sleeping run: what a restart meets, without the hour that making them would take."""
    database = sqlite3.connect(path, isolation_level=None)
    (number,) = database.execute("SELECT min(run_no) FROM runs WHERE workflow = 'sleep'").fetchone()
    (last,) = database.execute("SELECT max(run_no) FROM runs").fetchone()
    database.execute("BEGIN")
    numbers = f"WITH RECURSIVE n(i) AS (SELECT {last + 1} UNION ALL SELECT i + 1 FROM n WHERE i < {last + 900_000}) "
    for table in ("runs", "records", "timers", "tasks", "events"):
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        own = {"run_no": "i", "run_id": "'copy-' || i", "idem_key": "NULL", "parent_run": "NULL", "parent_op": "NULL"}
        for row in database.execute(f"SELECT * FROM {table} WHERE run_no = ?", (number,)).fetchall():
            values = [own.get(column, "?") for column in columns]
            given = [value for column, value in zip(columns, row) if column not in own]
            database.execute(f"{numbers} INSERT INTO {table} SELECT {', '.join(values)} FROM n", given)
    database.execute("COMMIT")
    database.close()


def main(show):
    print("workflows, on the shipped binary")
    throughput(show)
    recovery(show)
    workflow_peers.temporal(show)
    workflow_peers.restate(show)
