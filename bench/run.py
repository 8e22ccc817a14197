#!/usr/bin/env python3
"""./dev bench [micro|system|workflows]: what Compozy costs, beside a peer or a calibration in the same run.

Ratios are what to quote: a machine's seconds change from day to day. Nothing here is a test; nothing fails by being slow.
"""
import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
os.environ.setdefault("COMPOZY_BINARY", str(BUILD / "compozy"))
sys.path.insert(0, str(ROOT / "tests" / "system"))
import server as harness  # noqa: E402: the tests' own way to run a server

STEPS = """
id: steps
tasks:
  - id: all
    type: collection
    items: "1..{{ .workflow.input.steps }}"
    mode: sequential
    task: {id: "s-{{ .index }}", type: memory, operation: read, memory_ref: notes, key_template: bench}
    outputs: {n: "{{ len .output }}"}
"""
PROJECT = {"compozy.yaml": "name: bench\nworkflows: [{source: ./steps.yaml}]\n"
                           "memories: [{id: notes, type: buffer, persistence: {type: redis}}]\n", "steps.yaml": STEPS}


def show(name, value, beside=""):
    print(f"  {name:<46} {value:>16}   {beside}")


def fdatasync_ms(folder, rounds=300):
    times = []
    with open(folder / "calibration", "wb", buffering=0) as file:
        for _ in range(rounds):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def bare_sqlite_steps_per_s(folder, group=64, groups=60):
    """Commits of `group` steps, each five rows of the size of ours: what grouped SQLite alone can do here."""
    database = sqlite3.connect(folder / "bare.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE t (run INTEGER, n INTEGER, body TEXT, PRIMARY KEY (run, n)) WITHOUT ROWID")
    began = time.perf_counter()
    for i in range(groups):
        database.execute("BEGIN IMMEDIATE")
        for run in range(group):
            database.executemany("INSERT INTO t VALUES (?, ?, ?)", [(run, i * 5 + k, "x" * 300) for k in range(5)])
        database.execute("COMMIT")
    return group * groups / (time.perf_counter() - began)


def start_up_ms(project, rounds=9):
    times = []
    for _ in range(rounds):
        server = harness.Server(project)
        began = time.perf_counter()
        server.start_process()
        server.request("GET", "/livez", key=False).read()
        times.append((time.perf_counter() - began) * 1000)
        server.kill()
    return statistics.median(times)


def steps_per_s(server, runs, steps):
    began = time.perf_counter()
    ids = [server.start("steps", {"steps": steps}) for _ in range(runs)]
    for run in ids:
        server.wait(run, 300)
    database = sqlite3.connect(f"file:{server.data}/compozy.db?mode=ro", uri=True)
    marks = ",".join("?" * len(ids))
    first, last = database.execute(f"SELECT min(started_ms), max(ended_ms) FROM runs WHERE run_id IN ({marks})", ids).fetchone()
    del began
    return runs * steps / max(1, last - first) * 1000


def system():
    project = harness.write_project(PROJECT)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="compozy-bench-"))
    print("system, on the shipped binary")
    size = os.path.getsize(os.environ["COMPOZY_BINARY"])
    show("stripped binary", f"{size / 1e6:.1f} MB", "goal 40 MB")
    show("cold start to first served request, median", f"{start_up_ms(project):.0f} ms", "goal 100 ms")
    with harness.Server(project) as server:
        time.sleep(1)
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        rss = int(status.split("VmRSS:")[1].split()[0]) / 1024
        show("idle RSS", f"{rss:.1f} MB", "goal 40 MB")
        one = 1000 / steps_per_s(server, 1, 400)
        show("one step at concurrency 1, mean", f"{one:.3f} ms", f"one fdatasync, median: {fdatasync_ms(folder):.3f} ms")
        many = steps_per_s(server, 64, 300)
        bare = bare_sqlite_steps_per_s(folder)
        show("durable steps/s at 64 concurrent runs", f"{many:,.0f}", f"bare SQLite, 64 steps a commit: {bare:,.0f}; ratio {many / bare:.2f}")


def micro(arguments):
    print("in process, beside redis-server and bare SQLite")
    subprocess.run([BUILD / "compozy_bench", "--benchmark_counters_tabular=true", *arguments], check=True)


def main():
    which = sys.argv[1] if len(sys.argv) > 1 else ""
    if which in ("", "system"):
        system()
    if which == "workflows":  # long, and wants the network for its peer
        import workflows
        workflows.main(show)
    if which in ("", "micro"):
        micro(sys.argv[2:])


main()
