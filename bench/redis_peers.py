#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench redis [ROW …]: the embedded engine beside redis-server (and valkey-server where it is installed).

All run at once, pinned to one core, the client to the other; rounds are interleaved, so that what disturbs one disturbs
all. What is compared is the server's CPU time per operation (/proc/PID/task/*/schedstat), which other load on the machine
changes little; the last column is the median of the rounds' ratios to redis-server. Rows: commands, memory, growth,
publish, inprocess; none: all of them.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
BINARY = os.environ.get("COMPOZY_BINARY", str(BUILD / "compozy"))
ROUNDS = int(os.environ.get("COMPOZY_BENCH_ROUNDS", "3"))
CORES = os.cpu_count() or 1
SERVER_CORE, CLIENT_CORE = "0", str(min(1, CORES - 1))
GET_SCRIPT = "return redis.call('GET', KEYS[1])"
APPEND_SCRIPT = """redis.call('RPUSH', KEYS[1], ARGV[1])
local n = redis.call('LLEN', KEYS[1])
if n > 100 then redis.call('LTRIM', KEYS[1], -100, -1) end
redis.call('HINCRBY', KEYS[2], 'count', 1)
redis.call('HSET', KEYS[2], 'updated', ARGV[2])
redis.call('PEXPIRE', KEYS[1], 86400000)
return n"""


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    @staticmethod
    def encode(*words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
        return b"".join(parts)

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return rest

    def run(self, *words):
        self.socket.sendall(self.encode(*words))
        return self.read()

    def load(self, commands, batch=2000):
        pending = []
        for command in commands:
            pending.append(self.encode(*command))
            if len(pending) == batch:
                self.flush(pending)
        self.flush(pending)

    def flush(self, pending):
        self.socket.sendall(b"".join(pending))
        for _ in pending:
            self.read()
        pending.clear()


class Server:
    def __init__(self, name, argv, port):
        self.name, self.port = name, port
        self.folder = tempfile.mkdtemp(prefix="compozy-bench-")
        self.process = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, *argv, "--port", str(port), "--save", "", "--dir", self.folder],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)
        for _ in range(200):
            try:
                self.connection = Connection(port)
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise SystemExit(f"bench: {name} does not answer")

    def cpu_ns(self):
        total = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except FileNotFoundError:
                pass
        return total

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_all():
    known = [("redis", ["redis-server"]), ("valkey", ["valkey-server"]), ("compozy", [BINARY, "redis-server"])]
    return [Server(name, argv, 17700 + i) for i, (name, argv) in enumerate(known) if shutil.which(argv[0])]


def client(server, depth, count, command, keys=100_000):
    argv = ["taskset", "-c", CLIENT_CORE, "redis-benchmark", "-p", str(server.port), "-c", "50", "-P", str(depth), "-n",
            str(count), "-r", str(keys), *command]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def show(name, values, unit):
    """values: {server: [one per round]}"""
    medians = {server: statistics.median(list_) for server, list_ in values.items()}
    cells = "  ".join(f"{server} {median:9.3f} {unit}" for server, median in medians.items())
    ratios = [ours / theirs for ours, theirs in zip(values["compozy"], values["redis"])]
    print(f"  {name:<24} {cells}   ratio {statistics.median(ratios):5.2f}", flush=True)


def commands(servers):
    data = "x" * 64
    message = "m" * 200
    rows = [("GET", ["get", "key:__rand_int__"]), ("SET", ["set", "key:__rand_int__", data]),
            ("INCR", ["incr", "counter:__rand_int__"]), ("LPUSH", ["lpush", "list", data]),
            ("HSET", ["hset", "hash", "element:__rand_int__", data]),
            ("ZADD", ["zadd", "zset", "0", "element:__rand_int__"]),
            ("EVALSHA get", ["evalsha", "GET", "1", "key:__rand_int__"]),
            ("EVALSHA append", ["evalsha", "APPEND", "2", "m:__rand_int__", "h:__rand_int__", message, "12345"]),
            ("PUBLISH", ["publish", "workflow:1", message])]
    for depth, count in ((16, 300_000), (1, 50_000)):
        print(f"server CPU per operation, 50 connections, pipeline of {depth}")
        for name, command in rows:
            values = {server.name: [] for server in servers}
            for turn in range(ROUNDS + 1):
                for server in servers:
                    if turn == 0:
                        server.connection.run("FLUSHALL")
                        if "GET" in name.upper():
                            client(server, 16, 200_000, ["set", "key:__rand_int__", data])
                    shas = {"GET": server.connection.run("SCRIPT", "LOAD", GET_SCRIPT).decode(),
                            "APPEND": server.connection.run("SCRIPT", "LOAD", APPEND_SCRIPT).decode()}
                    argv = [shas.get(word, word) for word in command]
                    before = server.cpu_ns()
                    client(server, depth, count if turn else count // 5, argv)
                    if turn:
                        values[server.name].append((server.cpu_ns() - before) / count / 1000)
            show(f"{name} -P{depth}", values, "us")


def memory(servers):
    print("memory: growth of the resident set per key")

    def rows():
        yield "1M strings 16->32 B", 1_000_000, lambda i: [("SET", b"%016d" % i, b"v" * 32)]
        yield "the same with a TTL", 1_000_000, lambda i: [("SET", b"%016d" % i, b"v" * 32, "EX", "86400")]
        yield "100k hashes of 10 fields", 100_000, lambda i: [
            ("HSET", b"%016d" % i, *[w for f in range(10) for w in (b"field%d" % f, b"v" * 16)])]
        yield "10k lists of 100 x 200 B", 10_000, lambda i: [("RPUSH", b"%016d" % i, *[b"v" * 200] * 100)]

    for name, count, make in rows():
        values = {}
        for known in servers:
            index = servers.index(known)
            argv = {"redis": ["redis-server"], "valkey": ["valkey-server"], "compozy": [BINARY, "redis-server"]}[known.name]
            fresh = Server(known.name, argv, 17720 + index)
            before = fresh.rss()
            fresh.connection.load(command for i in range(count) for command in make(i))
            time.sleep(1)
            values[known.name] = [(fresh.rss() - before) / count]
            fresh.stop()
        show(name, values, "B")


def growth(servers):
    """As a client sees it, growing and, for what the machine and redis-benchmark add, over 1,000 keys that are there; and
    as each server counts its own time (INFO latencystats)."""
    print("growth to 4M keys: SET, 50 connections, pipeline of 4")
    rows = {"grows, a client's p99.9": 100_000_000, "1,000 keys, the same": 1000}
    values = {row: {server.name: [] for server in servers} for row in rows}
    own = {server.name: [] for server in servers}
    for _ in range(ROUNDS):
        for row, keys in rows.items():
            for server in servers:
                server.connection.run("FLUSHALL")
                server.connection.run("CONFIG", "RESETSTAT")
                text = client(server, 4, 4_200_000, ["set", "k:__rand_int__", "v" * 32], keys)
                points = [(float(p), float(ms)) for p, ms in re.findall(r"([\d.]+)% <= ([\d.]+) milliseconds", text)]
                values[row][server.name].append(next(ms for p, ms in points if p >= 99.9))
                if keys > 1000:
                    stats = server.connection.run("INFO", "latencystats").decode()
                    own[server.name].append(float(re.search(r"usec_set:.*p99\.9=([\d.]+)", stats)[1]))
                server.connection.run("FLUSHALL")
    for row in rows:
        show(row, values[row], "ms")
    show("grows, the server's own", own, "us")


def publish(servers):
    print("100 subscribers, 200 B, 64 messages in flight")
    values = {server.name: [] for server in servers}
    cost = {server.name: [] for server in servers}
    message = Connection.encode("PUBLISH", "workflow:1", b"m" * 200) * 64
    for _ in range(ROUNDS):
        for server in servers:
            subscribers = [Connection(server.port) for _ in range(100)]
            size = 0
            for subscriber in subscribers:
                subscriber.socket.sendall(Connection.encode("SUBSCRIBE", "workflow:1"))
                subscriber.read()
                size = len(Connection.encode("message", "workflow:1", b"m" * 200))
            publisher = Connection(server.port)
            buffer = bytearray(1 << 20)
            began, before, turns = time.perf_counter(), server.cpu_ns(), 60
            for _ in range(turns):
                publisher.socket.sendall(message)
                for _ in range(64):
                    publisher.read()
                for subscriber in subscribers:
                    left = size * 64
                    while left > 0:
                        left -= subscriber.socket.recv_into(buffer, min(left, len(buffer)))
            seconds = time.perf_counter() - began
            values[server.name].append(turns * 64 * 100 / seconds / 1e6)
            cost[server.name].append((server.cpu_ns() - before) / (turns * 6400) / 1000)
            for connection in [publisher, *subscribers]:
                connection.socket.close()
    show("deliveries", values, "M/s")
    show("server CPU a delivery", cost, "us")


def inprocess(_):
    print("in process: a GET over 1M keys into the caller's buffer, the append-and-trim script", flush=True)
    subprocess.run(["taskset", "-c", SERVER_CORE, BUILD / "compozy_bench", "--benchmark_filter=in_process|two_cache"], check=False)


def main():
    rows = {"commands": commands, "memory": memory, "growth": growth, "publish": publish, "inprocess": inprocess}
    wanted = [name for name in sys.argv[1:] if name in rows] or list(rows)
    servers = start_all() if set(wanted) - {"inprocess"} else []
    try:
        for name in wanted:
            rows[name](servers)
    finally:
        for server in servers:
            server.stop()


main()
