#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs Redis 7.0.15's own test suite against `compozy redis-server` and compares with what passed before.

  ./dev compat redis [UNIT …]            units such as unit/acl or type/list; none: all of them
      --update                           write tests/compat/redis_suite.json and the table in docs/compatibility.md
      --jobs N                           units at once (4: fixed sleeps dominate)
      --recorded                         only units that are recorded as coming to their end, and without those that take
                                         minutes each unless COMPOZY_NIGHT is set: what CI runs
      --binary FILE                      another compozy than build/release/compozy
      --reference                        Debian's redis-server in place of ours: what the suite itself gives here

The suite is Debian's source package of redis, fetched once into the cache and never part of this repository. A unit runs
against a running server (external) or starts its servers itself (own); each in its own tree, beside the others. What
passed once may not fail again: each unit must have at least the recorded successes and at most the recorded failures. Tests
that measure time fail on a busy machine: a unit that is worse runs once more, alone, before that counts.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORD = ROOT / "tests/compat/redis_suite.json"
PAGE = ROOT / "docs/compatibility.md"
VERSION = "7.0.15"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "compozy"
LOGS = ROOT / "build/compat"
UNIT_SECONDS_MAX = 600
TAGS = "-slow"
FIRST_PORT = random.randrange(21000)

EXTERNAL = """unit/type/list-3 unit/hyperloglog unit/geo unit/dump unit/type/list unit/type/stream unit/protocol
unit/keyspace unit/scan unit/info-command unit/type/string unit/type/incr unit/type/set unit/type/zset unit/type/hash
unit/type/stream-cgroups unit/sort unit/expire unit/other unit/multi unit/quit unit/latency-monitor unit/pubsub
unit/slowlog unit/scripting unit/functions unit/introspection unit/introspection-2 unit/bitops unit/bitfield
unit/lazyfree unit/pause unit/tracking unit/violations unit/replybufsize""".split()
OWN = """unit/obuf-limits unit/introspection unit/scripting unit/multi unit/client-eviction unit/acl unit/acl-v2 unit/auth
unit/info unit/limits unit/pubsubshard unit/networking unit/maxmemory unit/querybuf integration/aof
integration/aof-multi-part integration/rdb integration/logging integration/convert-ziplist-hash-on-load
integration/convert-ziplist-zset-on-load integration/convert-zipmap-hash-on-load integration/replication
integration/replication-2 integration/replication-3 integration/replication-4 integration/replication-psync
integration/replication-buffer integration/psync2 integration/psync2-reg integration/psync2-pingoff
integration/psync2-master-restart integration/block-repl integration/failover integration/shutdown
integration/dismiss-mem integration/corrupt-dump integration/redis-cli integration/redis-benchmark unit/wait
unit/shutdown unit/expire unit/other unit/functions unit/aofrw unit/type/list unit/type/set unit/type/zset
unit/type/hash unit/type/stream unit/type/stream-cgroups unit/type/string unit/pause unit/dump
unit/oom-score-adj""".split()
MINUTES = {"integration/replication", "integration/replication-psync", "integration/psync2", "integration/aof-multi-part",
           "unit/aofrw"}
BY_TIME = {"integration/psync2", "integration/psync2-reg"}  # how many of its tests run depends on how long each takes
LEFT_OUT = [
    ("tests tagged `slow` or `large-memory`", "minutes of runtime each; the nightly run of a maintainer"),
    ("`unit/cluster*`", "there is no cluster"),
    ("`unit/type/list-2`, `unit/pendingquerybuf`, `unit/memefficiency`",
     "only slow tests, active defragmentation, or the kernel's settings of the machine"),
    ("\"SRANDMEMBER with a dict containing long chain\", \"Don't rehash if redis has child process\"",
     "assert the inner layout of Redis' hash table"),
]


WHY = {
    "integration/aof-multi-part": "the limit of rewrites after failed ones; the first rewrite after the log is switched on",
    "integration/corrupt-dump": "most expect the server to take a damaged payload and to end itself later; ours refuses it at once",
    "integration/rdb": "figures of the child that writes",
    "integration/replication": "a process of its own that sends the data (its pid, its log lines), and the watchdog",
    "unit/dump": "MIGRATE keeps no connections",
    "unit/oom-score-adj": "the score of a child that saves",
    "unit/other": "`proc-title-template`; the inner layout of Redis' hash table",
    "unit/shutdown": "the name of a file that a child writes",
}


def fail(text):
    sys.exit(f"compat: {text}")


def sources():
    """The places where this machine gets its packages, as source lines."""
    found = []
    for path in [pathlib.Path("/etc/apt/sources.list"), *pathlib.Path("/etc/apt/sources.list.d").glob("*")]:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        for line in path.read_text().splitlines():
            uri = re.match(r"(?:URIs:|deb (?:\[[^]]*\] )?)\s*(\S*debian/?) *(?:\s|$)", line)
            if uri and "security" not in uri[1]:
                found.append(uri[1])
    return found or ["http://deb.debian.org/debian"]


def download(target):
    work = pathlib.Path(tempfile.mkdtemp(prefix="compozy-suite-"))
    try:
        (work / "lists/partial").mkdir(parents=True)
        (work / "parts").mkdir()
        key = "/usr/share/keyrings/debian-archive-keyring.gpg"
        signed = f" [signed-by={key}]" if os.path.exists(key) else ""
        (work / "sources.list").write_text("".join(f"deb-src{signed} {uri} bookworm main\n" for uri in dict.fromkeys(sources())))
        options = ["-o", f"Dir::Etc::sourcelist={work}/sources.list", "-o", f"Dir::Etc::sourceparts={work}/parts",
                   "-o", f"Dir::State::lists={work}/lists", "-o", "APT::Sandbox::User=root"]
        for step in (["update"], ["source", "--download-only", "redis"]):
            done = subprocess.run(["apt-get", "-q", *options, *step], cwd=work, capture_output=True, text=True)
            if done.returncode != 0:
                fail(f"cannot get the source package of redis: {done.stderr.strip()[-400:]}")
        archive = next(work.glob("redis_*.orig.tar.gz"), None)
        if archive is None or VERSION not in archive.name:
            fail(f"the source package is {archive and archive.name}, expected redis_{VERSION}.orig.tar.gz")
        fresh = target.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        subprocess.run(["tar", "xzf", archive, "--strip-components=1", "-C", fresh], check=True)
        fresh.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def suite():
    target = CACHE / f"redis-suite-{VERSION}"
    if not (target / "runtest").exists():
        print("getting the suite …", file=sys.stderr)
        target.parent.mkdir(parents=True, exist_ok=True)
        download(target)
    return target


def make_tree(origin, place, server_command):
    """A tree of its own: two runs in one delete each other's files."""
    (place / "tests/tmp").mkdir(parents=True)
    (place / "src").mkdir()
    for entry in origin.iterdir():
        if entry.name not in ("tests", "src"):
            (place / entry.name).symlink_to(entry)
    for entry in (origin / "tests").iterdir():
        if entry.name != "tmp":
            (place / "tests" / entry.name).symlink_to(entry)
    # Its parts meet by the name localhost, which a bare root file system does not know.
    start = place / "tests/test_helper.tcl"
    start.unlink()
    start.write_text((origin / "tests/test_helper.tcl").read_text().replace("socket localhost", "socket 127.0.0.1"))
    # Some tests write beside their assets.
    (place / "tests/assets").unlink()
    shutil.copytree(origin / "tests/assets", place / "tests/assets")
    for name in ("redis-cli", "redis-benchmark", "redis-check-aof", "redis-check-rdb"):
        found = shutil.which(name)
        if found:
            (place / "src" / name).symlink_to(found)
    script = place / "src/redis-server"
    script.write_text(f'#!/bin/sh\nexec {server_command} "$@"\n')
    script.chmod(0o755)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    for _ in range(100):
        if process.poll() is not None:
            return False
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
                peer.sendall(b"PING\r\n")
                if peer.recv(16).startswith(b"+PONG"):
                    return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def end(process):
    """Ends a process group that we started, also what is left of it when its leader is gone."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        deadline = time.monotonic() + patience
        try:
            os.killpg(process.pid, number)
            while time.monotonic() < deadline:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.02)
        except ProcessLookupError:
            return


def count(text):
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [line for line in text.splitlines() if not line.startswith("***")]
    names = lambda mark: [line.split("]: ", 1)[1] for line in lines if line.startswith(f"[{mark}]: ")]
    return {"ok": len(names("ok")), "err": len(names("err")) + len(names("exception")), "ignored": len(names("ignore")),
            "whole": bool(re.search(r"^\[\d+/\d+ done\]", text, re.M)),
            "failures": [re.sub(r" in tests/.*", "", name) for name in names("err") + names("exception")]}


def run_unit(origin, mode, unit, number, server_command):
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="compozy-compat-"))
    log = LOGS / f"{mode}-{unit.replace('/', '-')}.log"
    started = time.monotonic()
    server = None
    # Runs that start at the same time must not look for ports in the same place, nor where the system chooses its own.
    ports = 10032 + (FIRST_PORT + number * 300) % 21000
    try:
        tree = scratch / "tree"
        make_tree(origin, tree, server_command)
        command = ["./runtest", "--single", unit, "--durable", "--clients", "1", "--no-latency", "--timeout", "400",
                   "--tags", TAGS]
        if mode == "external":
            port = free_port()
            (scratch / "data").mkdir()
            with open(log.with_suffix(".server.log"), "w", encoding="utf-8") as output:
                server = subprocess.Popen(
                    [*server_command.split(), "--port", str(port), "--save", "", "--dir", str(scratch / "data"),
                     "--enable-protected-configs", "yes", "--enable-debug-command", "yes",
                     "--enable-module-command", "yes"],
                    stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
            if not wait_for(port, server):
                return mode, unit, {"ok": 0, "err": 1, "ignored": 0, "whole": False, "failures": ["no server"],
                                    "seconds": 0}
            command += ["--host", "127.0.0.1", "--port", str(port), "--baseport", str(ports)]
        else:
            command += ["--baseport", str(ports), "--portcount", "300"]
        with open(log, "w", encoding="utf-8") as output:
            run = subprocess.Popen(command, cwd=tree, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                run.wait(UNIT_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                pass
            end(run)
        result = count(log.read_text(encoding="utf-8", errors="replace"))
        result["seconds"] = round(time.monotonic() - started, 1)
        return mode, unit, result
    finally:
        if server is not None:
            end(server)
        shutil.rmtree(scratch, ignore_errors=True)


def wanted_units(names):
    jobs = [("external", unit) for unit in EXTERNAL] + [("own", unit) for unit in OWN]
    if not names:
        return jobs
    full = {name if name.startswith(("unit/", "integration/")) else f"unit/{name}" for name in names}
    chosen = [job for job in jobs if job[1] in full]
    unknown = full - {unit for _, unit in chosen}
    if unknown:
        fail(f"unknown unit {', '.join(sorted(unknown))}; there are {', '.join(sorted({unit for _, unit in jobs}))}")
    return chosen


def worse(unit, before, now):
    """Why this unit is worse than what is recorded; empty: it is not."""
    if not now["whole"] and before.get("whole", True):
        return "did not come to its end"
    if now["ok"] < before["ok"] and unit not in BY_TIME:
        return f"{now['ok']} passed, {before['ok']} did before"
    if now["err"] > before["err"]:
        return f"{now['err']} failed, {before['err']} did before"
    return ""


def table(results):
    lines = ["| unit | server | passed | failed | left out |", "| --- | --- | ---: | ---: | ---: |"]
    for key in sorted(results):
        mode, unit = key.split(" ")
        row = results[key]
        note = "" if row.get("whole", True) else " (aborted)"
        lines.append(f"| {unit}{note} | {mode} | {row['ok']} | {row['err']} | {row['ignored']} |")
    for mode in ("external", "own"):
        rows = [row for key, row in results.items() if key.startswith(mode)]
        lines.append(f"| **all** | {mode} | **{sum(r['ok'] for r in rows)}** | **{sum(r['err'] for r in rows)}** | "
                     f"{sum(r['ignored'] for r in rows)} |")
    return lines


def write_page(results):
    lines = ["# Compatibility with Redis 7.0", "",
             "<!-- Written by `./dev compat redis --update`; do not edit. -->", "",
             f"What Redis {VERSION}'s own test suite says of `compozy redis-server`. *external*: the suite talks to a running",
             "server; *own*: it starts the servers itself, with configuration files and restarts. Options:",
             '`--durable --clients 1 --tags "-slow"`. "Left out" counts what those tags, or the suite itself in',
             "external mode, skip.", "", *table(results), "", "## What is not run, and why", "",
             "| what | why |", "| --- | --- |", *(f"| {what} | {why} |" for what, why in LEFT_OUT), ""]
    failing = [(key.split()[1], row["err"]) for key, row in sorted(results.items()) if row["err"]]
    if failing:
        lines += ["## What fails, and why", "", "| unit | failed | about |", "| --- | ---: | --- |"]
        lines += [f"| {unit} | {count} | {WHY.get(unit, '')} |" for unit, count in failing]
        lines += [""]
    PAGE.write_text("\n".join(lines), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="./dev compat redis")
    parser.add_argument("units", nargs="*")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--reference", action="store_true")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--recorded", action="store_true")
    parser.add_argument("--binary", default=os.environ.get("COMPOZY_BINARY", str(ROOT / "build/release/compozy")))
    options = parser.parse_args()
    server_command = shutil.which("redis-server") if options.reference else f"{os.path.abspath(options.binary)} redis-server"
    origin = suite()
    LOGS.mkdir(parents=True, exist_ok=True)
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    results = {}
    problems = {}
    units = wanted_units(options.units)
    if options.recorded:
        units = [(mode, unit) for mode, unit in units if record.get(f"{mode} {unit}", {}).get("whole")
                 and not (mode == "own" and unit in MINUTES and "COMPOZY_NIGHT" not in os.environ)]

    def judge(mode, unit, result):
        key = f"{mode} {unit}"
        results[key] = result
        bad = "" if key not in record or options.reference else worse(unit, record[key], result)
        end_of_line = "" if result["whole"] else "  ABORTED"
        print(f"{mode:8} {unit:42} ok {result['ok']:4}  err {result['err']:3}  left out {result['ignored']:3}  "
              f"{result['seconds']:5} s{end_of_line}{'  WORSE: ' + bad if bad else ''}", flush=True)
        for name in result["failures"]:
            print(f"           {name}", flush=True)
        problems.pop((mode, unit), None)
        if bad:
            problems[mode, unit] = f"{key}: {bad}"

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        pending = [pool.submit(run_unit, origin, mode, unit, number, server_command)
                   for number, (mode, unit) in enumerate(units)]
        for future in concurrent.futures.as_completed(pending):
            judge(*future.result())
    for number, (mode, unit) in enumerate(list(problems)):
        judge(*run_unit(origin, mode, unit, len(units) + number, server_command))
    print(f"passed {sum(r['ok'] for r in results.values())}, failed {sum(r['err'] for r in results.values())}; "
          f"logs in {LOGS.relative_to(ROOT)}")
    if options.update and not options.reference:
        kept = ("ok", "err", "ignored", "whole")
        merged = record | {key: {name: row[name] for name in kept} for key, row in results.items()}
        RECORD.write_text(json.dumps(dict(sorted(merged.items())), indent=1) + "\n", encoding="utf-8")
        write_page(merged)
    elif problems:
        fail("what passed before does not pass now:\n  " + "\n  ".join(problems.values()))


if __name__ == "__main__":
    main()
