"""`compozy redis-server` as its users drive it: redis-cli over TLS, keys that move to and from Debian's redis-server,
answers while data is loaded, what it does when it ends."""
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
import unittest

from server import BINARY, free_port, scratch, wait_until

REDIS = shutil.which("redis-server")
CLI = shutil.which("redis-cli")


class Redis:
    """A server in a folder of its own. `command`: another one than ours."""

    def __init__(self, *options, command=None, folder=None, wait=True):
        self.folder = folder or scratch()
        self.port = free_port()
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [*(command or [os.path.abspath(BINARY), "redis-server"]), "--port", str(self.port), "--bind", "127.0.0.1",
             "--enable-debug-command", "yes", *map(str, options)],
            cwd=self.folder, stdout=self.log, stderr=self.log)
        if wait:
            wait_until(lambda: self.alive() and self.cli("PING") == "PONG", "the server's first answer")

    def alive(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def cli(self, *args, port=None, options=()):
        run = subprocess.run([CLI, "-p", str(port or self.port), *options, *map(str, args)], capture_output=True,
                             text=True, timeout=30)
        return (run.stdout + run.stderr).strip()

    def info(self, name):
        return dict(line.split(":", 1) for line in self.cli("INFO", "everything").splitlines() if ":" in line).get(name)

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def certificates():
    """An authority, and a certificate of it for the server and for a client; the server's key is encrypted, too."""
    folder = scratch()
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days",
            "2", "-subj", "/CN=test authority")
    for name in ("server", "client"):
        openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-out", f"{name}.crt")
    openssl(folder, "rsa", "-aes256", "-passout", "pass:open sesame", "-in", "server.key", "-out", "locked.key")
    return folder


@unittest.skipUnless(CLI, "redis-cli is not installed")
class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = certificates()

    def options(self, **other):
        self.tls_port = free_port()
        settings = {"tls-port": self.tls_port, "tls-cert-file": self.files / "server.crt",
                    "tls-key-file": self.files / "server.key", "tls-ca-cert-file": self.files / "ca.crt", "save": "",
                    **{name.replace("_", "-"): value for name, value in other.items()}}
        return [word for name, value in settings.items() for word in (f"--{name}", value)]

    def secure(self, server, *args, certificate=True, more=()):
        options = ["--tls", "--cacert", self.files / "ca.crt", *more]
        if certificate:
            options += ["--cert", self.files / "client.crt", "--key", self.files / "client.key"]
        return server.cli(*args, port=self.tls_port, options=map(str, options))

    def test_serves_clients_with_a_certificate_and_no_others(self):
        with Redis(*self.options()) as server:
            self.assertEqual(self.secure(server, "SET", "k", "v" * 100_000), "OK")
            self.assertEqual(self.secure(server, "STRLEN", "k"), "100000")
            self.assertEqual(len(self.secure(server, "GET", "k")), 100_000)
            self.assertIn("rror", self.secure(server, "PING", certificate=False))
            self.assertEqual(server.cli("PING"), "PONG")  # in the clear, on the other port

    def test_asks_for_certificates_as_the_setting_says_and_takes_changes_while_it_runs(self):
        with Redis(*self.options(tls_auth_clients="optional")) as server:
            self.assertEqual(self.secure(server, "PING", certificate=False), "PONG")
            self.assertEqual(server.cli("CONFIG", "SET", "tls-auth-clients", "yes"), "OK")
            self.assertIn("rror", self.secure(server, "PING", certificate=False))
            self.assertEqual(self.secure(server, "PING"), "PONG")
            refused = server.cli("CONFIG", "SET", "tls-cert-file", "/nowhere.crt")
            self.assertIn("Unable to update TLS configuration", refused)
            self.assertEqual(self.secure(server, "PING"), "PONG")
            other = free_port()
            self.assertEqual(server.cli("CONFIG", "SET", "tls-port", other), "OK")
            self.tls_port = other
            self.assertEqual(self.secure(server, "PING"), "PONG")
            self.assertEqual(server.cli("CONFIG", "SET", "tls-port", 0), "OK")
            self.assertIn("onnection refused", self.secure(server, "PING"))

    def test_reads_an_encrypted_key_and_keeps_to_protocols_and_ciphers(self):
        options = self.options(tls_key_file=self.files / "locked.key", tls_key_file_pass="open sesame",
                               tls_protocols="TLSv1.2", tls_ciphers="ECDHE-RSA-AES256-GCM-SHA384",
                               tls_prefer_server_ciphers="yes", tls_auth_clients="no")
        with Redis(*options):
            context = ssl.create_default_context(cafile=self.files / "ca.crt")
            context.check_hostname = False
            with socket.create_connection(("127.0.0.1", self.tls_port)) as raw, context.wrap_socket(raw) as peer:
                self.assertEqual(peer.version(), "TLSv1.2")
                self.assertEqual(peer.cipher()[0], "ECDHE-RSA-AES256-GCM-SHA384")
                peer.sendall(b"PING\r\n")
                self.assertEqual(peer.recv(100), b"+PONG\r\n")
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            with socket.create_connection(("127.0.0.1", self.tls_port)) as raw, self.assertRaises(OSError):
                context.wrap_socket(raw)

    def test_does_not_start_without_what_it_needs(self):
        for missing in ("tls_cert_file", "tls_key_file", "tls_ca_cert_file"):
            server = Redis(*self.options(**{missing: ""}), wait=False)
            server.process.wait(20)
            self.assertEqual(server.end(), 1)
            self.assertIn("Failed to configure TLS", (server.folder / "log").read_text())

    def test_a_handshake_that_stops_halfway_harms_nobody_and_ends(self):
        with Redis(*self.options(tls_auth_clients="no")) as server:
            silent = [socket.create_connection(("127.0.0.1", self.tls_port)) for _ in range(50)]
            for number, peer in enumerate(silent):
                peer.sendall(b"\x16\x03\x01\x02\x00\x01" if number % 2 else b"")
            started = time.monotonic()
            for _ in range(5):
                self.assertEqual(self.secure(server, "PING", certificate=False), "PONG")
            self.assertLess(time.monotonic() - started, 5)
            garbage = socket.create_connection(("127.0.0.1", self.tls_port))
            garbage.sendall(b"PING\r\n" * 100)
            garbage.settimeout(10)
            while garbage.recv(1000):
                pass
            for peer in silent:
                peer.settimeout(20)
                self.assertEqual(peer.recv(10), b"")
                peer.close()
            self.assertEqual(self.secure(server, "PING", certificate=False), "PONG")


@unittest.skipUnless(CLI and REDIS, "redis-server is not installed")
class MigrateTest(unittest.TestCase):
    def fill(self, server):
        server.cli("SET", "s", "text")
        server.cli("SET", "t", "short", "PX", 5_000_000)
        server.cli("RPUSH", "l", *range(300))
        server.cli("HSET", "h", "f", "v")
        server.cli("ZADD", "z", "1.5", "m")
        server.cli("SADD", "set", "a", "b")
        server.cli("XADD", "x", "1-1", "f", "v")

    def check(self, server):
        self.assertEqual(server.cli("GET", "s"), "text")
        self.assertGreater(int(server.cli("PTTL", "t")), 4_000_000)
        self.assertEqual(server.cli("LINDEX", "l", "-1"), "299")
        self.assertEqual(server.cli("HGET", "h", "f"), "v")
        self.assertEqual(server.cli("ZSCORE", "z", "m"), "1.5")
        self.assertEqual(server.cli("SCARD", "set"), "2")
        self.assertEqual(server.cli("XLEN", "x"), "1")

    def test_keys_go_to_another_server_of_ours_to_redis_and_back(self):
        ours = lambda: Redis("--save", "")
        theirs = lambda: Redis("--save", "", command=[REDIS])
        for source, target in ((ours, ours), (ours, theirs), (theirs, ours)):
            with source() as one, target() as other:
                self.fill(one)
                keys = ["s", "t", "l", "h", "z", "set", "x", "absent"]
                self.assertEqual(one.cli("MIGRATE", "127.0.0.1", other.port, "", 0, 5000, "KEYS", *keys), "OK")
                self.check(other)
                self.assertEqual(one.cli("DBSIZE"), "0")

    def test_copies_replaces_and_authenticates(self):
        with Redis("--save", "") as one, Redis("--save", "", "--requirepass", "secret", wait=False) as other:
            wait_until(other.alive, "the other server")
            one.cli("SET", "k", "new")
            there = ("127.0.0.1", other.port)
            self.assertIn("ERR Target instance replied with error: NOAUTH", one.cli("MIGRATE", *there, "k", 0, 1000))
            self.assertIn("WRONGPASS", one.cli("MIGRATE", *there, "k", 0, 1000, "AUTH", "wrong"))
            self.assertEqual(one.cli("GET", "k"), "new")
            self.assertEqual(one.cli("MIGRATE", *there, "k", 0, 1000, "COPY", "AUTH", "secret"), "OK")
            self.assertEqual(one.cli("GET", "k"), "new")
            self.assertIn("BUSYKEY", one.cli("MIGRATE", *there, "k", 0, 1000, "AUTH2", "default", "secret"))
            self.assertEqual(
                one.cli("MIGRATE", *there, "k", 0, 1000, "REPLACE", "AUTH2", "default", "secret"), "OK")
            self.assertEqual(one.cli("EXISTS", "k"), "0")
            self.assertEqual(other.cli("GET", "k", options=["--no-auth-warning", "-a", "secret"]), "new")

    def test_says_what_went_wrong_in_redis_words(self):
        with Redis("--save", "") as one:
            one.cli("SET", "k", "v")
            self.assertEqual(one.cli("MIGRATE", "127.0.0.1", 1, "absent", 0, 100), "NOKEY")
            self.assertEqual(one.cli("MIGRATE", "127.0.0.1", free_port(), "k", 0, 100),
                             "IOERR error or timeout connecting to the client")
            self.assertIn("the key argument must be set to the empty string",
                          one.cli("MIGRATE", "127.0.0.1", 1, "k", 0, 100, "KEYS", "k"))
            with socket.socket() as silent:
                silent.bind(("127.0.0.1", 0))
                silent.listen()
                started = time.monotonic()
                self.assertEqual(one.cli("MIGRATE", "127.0.0.1", silent.getsockname()[1], "k", 0, 300),
                                 "IOERR error or timeout reading from target instance")
                self.assertLess(time.monotonic() - started, 5)
            self.assertEqual(one.cli("GET", "k"), "v")


@unittest.skipUnless(CLI and REDIS, "redis-server is not installed")
class ReplicationTest(unittest.TestCase):
    def test_follows_a_master_and_is_followed_also_by_redis(self):
        ours = lambda *options: Redis("--save", "", *options)
        theirs = lambda *options: Redis("--save", "", *options, command=[REDIS])
        for make_master, make_replica in ((ours, ours), (theirs, ours), (ours, theirs)):
            with make_master("--repl-diskless-sync-delay", 0) as master, make_replica() as replica:
                master.cli("SET", "before", "1")
                master.cli("RPUSH", "list", *range(500))
                self.assertEqual(replica.cli("REPLICAOF", "127.0.0.1", master.port), "OK")
                wait_until(lambda: replica.info("master_link_status") == "up", "the link")
                self.assertEqual(replica.cli("GET", "before"), "1")
                master.cli("-n", 3, "SET", "other", "x", "EX", 1000)
                master.cli("EVAL", "redis.call('INCR', 'n') redis.call('INCR', 'n')", 0)
                wait_until(lambda: replica.cli("GET", "n") == "2", "the writes")
                self.assertGreater(int(replica.cli("-n", 3, "TTL", "other")), 900)
                self.assertEqual(replica.cli("LLEN", "list"), "500")
                self.assertIn("READONLY", replica.cli("SET", "a", "b"))
                wait_until(lambda: "state=online" in (master.info("slave0") or ""), "the replica in INFO")
                self.assertEqual(replica.cli("REPLICAOF", "NO", "ONE"), "OK")
                self.assertEqual(replica.cli("SET", "a", "b"), "OK")
                wait_until(lambda: master.info("connected_slaves") == "0", "the replica's leave")

    def test_goes_on_where_it_was_also_behind_a_new_master_of_either_make(self):
        ours = lambda: Redis("--save", "", "--repl-diskless-sync-delay", 0)
        theirs = lambda: Redis("--save", "", "--repl-diskless-sync-delay", 0, command=[REDIS])
        up = lambda server: wait_until(lambda: server.info("master_link_status") == "up", "the link")
        for make_first, make_second in ((ours, ours), (theirs, ours), (ours, theirs)):
            with make_first() as first, make_second() as second, ours() as third, theirs() as fourth:
                first.cli("SET", "k", 1)
                for replica in (second, third, fourth):
                    replica.cli("REPLICAOF", "127.0.0.1", first.port)
                    up(replica)
                self.assertEqual(first.cli("-n", 5, "SET", "k", 2), "OK")
                self.assertEqual(first.cli("WAIT", 3, 5000), "3")
                first.cli("CLIENT", "KILL", "TYPE", "replica")
                first.cli("INCR", "k")
                for replica in (second, third, fourth):
                    wait_until(lambda: replica.cli("GET", "k") == "2", "the write after the break")
                self.assertEqual((first.info("sync_full"), first.info("sync_partial_ok")), ("3", "3"))
                second.cli("REPLICAOF", "NO", "ONE")
                second.cli("INCR", "k")
                for replica in (first, third, fourth):
                    replica.cli("REPLICAOF", "127.0.0.1", second.port)
                    up(replica)
                    wait_until(lambda: replica.cli("GET", "k") == "3", "the new master's write")
                self.assertEqual((second.info("sync_full"), second.info("sync_partial_ok")), ("0", "3"))
                second.cli("INCR", "k")
                wait_until(lambda: len({one.info("master_repl_offset") for one in (first, second, third, fourth)}) == 1,
                           "equal offsets")

    def test_a_master_hands_its_role_over_and_waits_for_its_replica_when_it_ends(self):
        with Redis("--save", "", "--repl-diskless-sync-delay", 0) as first, Redis("--save", "") as second:
            second.cli("REPLICAOF", "127.0.0.1", first.port)
            wait_until(lambda: second.info("master_link_status") == "up", "the link")
            first.cli("SET", "k", "1")
            self.assertEqual(first.cli("FAILOVER"), "OK")
            wait_until(lambda: first.info("role") == "slave" and first.info("master_link_status") == "up", "the change")
            self.assertEqual(second.info("role"), "master")
            self.assertEqual(second.cli("SET", "k", "2"), "OK")
            first.process.send_signal(signal.SIGSTOP)
            second.cli("SET", "k", "3")
            second.process.send_signal(signal.SIGTERM)
            wait_until(lambda: second.info("shutdown_in_milliseconds"), "the wait")
            first.process.send_signal(signal.SIGCONT)
            self.assertEqual(second.end(), 0)
            self.assertEqual(first.cli("GET", "k"), "3")

    def test_serves_its_data_while_that_of_the_same_history_comes_and_keeps_it_when_that_breaks(self):
        options = ("--save", "", "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", 0, "--rdbcompression", "no")
        for command in (None, [REDIS]):
            with Redis(*options, command=command) as master, \
                    Redis("--save", "", "--repl-diskless-load", "swapdb", "--replica-read-only", "no") as replica:
                master.cli("DEBUG", "POPULATE", 400, "key", 50_000)
                replica.cli("SET", "mine", 1)
                master.cli("CONFIG", "SET", "rdb-key-save-delay", 5000)
                replica.cli("REPLICAOF", "127.0.0.1", master.port)
                wait_until(lambda: replica.info("loading") == "1", "the transfer of another history")
                self.assertIn("LOADING", replica.cli("GET", "mine"))
                master.cli("CLIENT", "KILL", "TYPE", "replica")
                master.cli("CONFIG", "SET", "rdb-key-save-delay", 0)
                wait_until(lambda: replica.info("loading") == "0", "its end")
                wait_until(lambda: replica.info("master_link_status") == "up", "the link")
                self.assertEqual((replica.cli("GET", "mine"), replica.cli("DBSIZE")), ("", "400"))

                replica.cli("SET", "mine", 2)
                master.cli("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 7 end)")
                master.cli("CONFIG", "SET", "repl-backlog-size", 16384, "rdb-key-save-delay", 5000)
                again = "\n".join(["MULTI", "CLIENT KILL TYPE replica", *["SET new " + "x" * 9000] * 9, "EXEC"])
                subprocess.run([CLI, "-p", str(master.port)], input=again, text=True, capture_output=True, timeout=30)
                wait_until(lambda: replica.info("async_loading") == "1", "the transfer of the same history")
                self.assertEqual((replica.info("loading"), replica.cli("GET", "mine")), ("0", "2"))
                self.assertIn("LOADING", replica.cli("REPLICAOF", "NO", "ONE"))
                self.assertIn("LOADING", replica.cli("CONFIG", "SET", "appendonly", "no"))
                wait_until(lambda: replica.info("master_link_status") == "up", "the link")
                self.assertEqual((replica.cli("GET", "mine"), replica.cli("DBSIZE")), ("", "401"))
                self.assertEqual(replica.cli("FCALL", "f", 0), "7")

    def test_begins_anew_when_its_master_comes_back_and_keeps_its_own_log(self):
        with Redis("--save", "") as replica, Redis("--save", "900 1") as first:
            replica.cli("CONFIG", "SET", "appendonly", "yes")
            first.cli("SET", "k", "1")
            replica.cli("REPLICAOF", "127.0.0.1", first.port)
            wait_until(lambda: replica.cli("GET", "k") == "1", "the first data")
            first.end()
            wait_until(lambda: replica.info("master_link_status") == "down", "the end of the link")
            self.assertEqual(replica.cli("GET", "k"), "1")
            replica.cli("CONFIG", "SET", "replica-serve-stale-data", "no")
            self.assertIn("MASTERDOWN", replica.cli("GET", "k"))
            port = first.port
            again = subprocess.Popen([os.path.abspath(BINARY), "redis-server", "--port", str(port), "--save", ""],
                                     cwd=first.folder, stdout=subprocess.DEVNULL)
            try:
                wait_until(lambda: replica.info("master_link_status") == "up", "the link")
                self.assertEqual(replica.cli("GET", "k"), "1")
                replica.cli("SET", "later", "2", port=port)
                wait_until(lambda: replica.cli("GET", "later") == "2", "a write")
            finally:
                again.kill()
                again.wait()
            wait_until(lambda: replica.info("aof_rewrite_in_progress") == "0", "the log's rewrite")
            replica.end()
            with Redis("--save", "", "--appendonly", "yes", folder=replica.folder) as restarted:
                self.assertEqual(restarted.cli("MGET", "k", "later"), "1\n2")

    def test_a_replica_takes_nothing_from_a_master_that_it_may_not_enter(self):
        with Redis("--save", "", "--requirepass", "secret", wait=False) as master, Redis("--save", "") as replica:
            wait_until(master.alive, "the master")
            replica.cli("SET", "mine", "1")
            replica.cli("REPLICAOF", "127.0.0.1", master.port)
            wait_until(lambda: "Unexpected reply to PSYNC" in (replica.folder / "log").read_text(), "a word in the log")
            self.assertEqual(replica.cli("GET", "mine"), "1")
            replica.cli("CONFIG", "SET", "masterauth", "secret")
            wait_until(lambda: replica.info("master_link_status") == "up", "the link")
            self.assertEqual(replica.cli("EXISTS", "mine"), "0")


def without_prose(value):
    """Replies of COMMAND without sentences, in which each server has its own words, and with sets in one order."""
    if isinstance(value, dict):
        return {name: without_prose(part) for name, part in value.items()
                if name not in ("summary", "complexity", "history", "notes")}
    if isinstance(value, list):
        parts = [without_prose(part) for part in value]
        return parts if any(isinstance(part, list) for part in parts) else sorted(parts, key=str)
    return value


@unittest.skipUnless(CLI and REDIS, "redis-server is not installed")
class CommandTest(unittest.TestCase):
    def test_says_of_every_command_what_redis_says(self):
        with Redis("--save", "") as ours, Redis("--save", "", command=[REDIS]) as theirs:
            ask = lambda server, *command: without_prose(json.loads(server.cli(*command, options=("-3", "--json"))))
            docs = [ask(server, "COMMAND", "DOCS") for server in (ours, theirs)]
            self.assertEqual(set(docs[0]), set(docs[1]))
            for name in docs[1]:
                self.assertEqual(docs[0][name], docs[1][name], name)
            infos = [{row[0]: row for row in ask(server, "COMMAND")} for server in (ours, theirs)]
            self.assertEqual(set(infos[0]), set(infos[1]))
            for name, row in infos[1].items():
                mine = infos[0][name]
                self.assertEqual(mine[:9], row[:9], name)
                subcommands = [{sub[0]: sub for sub in one[9]} for one in (mine, row)]
                self.assertEqual(subcommands[0], subcommands[1], name)


@unittest.skipUnless(CLI, "redis-cli is not installed")
class DebuggerTest(unittest.TestCase):
    SCRIPT = "local n = tonumber(ARGV[1])\nlocal m = n * 2\nredis.call('SET', KEYS[1], m)\nreturn m"

    def lead(self, peer, *words):
        command = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        peer.sendall(command.encode())
        return self.lines(peer)

    def lines(self, peer):
        self.readers = getattr(self, "readers", {})
        if peer not in self.readers:
            self.readers[peer] = peer.makefile("rb")
            self.addCleanup(self.readers[peer].close)
        reader = self.readers[peer]
        count = reader.readline().decode().strip()
        if not count.startswith("*"):
            return count
        return [reader.readline().decode().strip()[1:] for _ in range(int(count[1:]))]

    def test_leads_a_script_line_by_line_while_others_get_busy(self):
        with Redis("--save", "") as server, socket.create_connection(("127.0.0.1", server.port)) as peer:
            peer.settimeout(20)
            self.assertEqual(self.lead(peer, "SCRIPT", "DEBUG", "SYNC"), "+OK")
            stopped = self.lead(peer, "EVAL", self.SCRIPT, "1", "key", "21")
            self.assertEqual(stopped[0], "* Stopped at 1, stop reason = step over")
            self.assertEqual(stopped[1], "->1   local n = tonumber(ARGV[1])")
            self.assertIn("BUSY", server.cli("GET", "key"))
            self.assertIn("Stopped at 2", self.lead(peer, "next")[0])
            self.assertEqual(self.lead(peer, "print", "n"), ["<value> 21"])
            self.assertEqual(self.lead(peer, "eval", "1", "+", "2"), ["<retval> 3"])
            self.assertIn("Unknown Redis command", self.lead(peer, "redis", "nothing")[1])
            self.assertEqual(self.lead(peer, "redis", "set", "by-hand", "1")[1], "<reply> +OK")
            self.assertIn("Unknown Redis Lua debugger command", self.lead(peer, "dance")[0])
            self.lead(peer, "break", "4")
            self.assertEqual(self.lead(peer, "continue")[0], "* Stopped at 4, stop reason = break point")
            self.assertEqual(self.lead(peer, "print")[1], "<value> m = 42")
            self.assertEqual(self.lead(peer, "continue"), ["<endsession>"])
            self.assertEqual(self.lines(peer), ":42")
            self.assertEqual(peer.recv(10), b"")
            self.assertEqual(server.cli("MGET", "key", "by-hand"), "42\n1")

    def test_a_client_that_leaves_or_aborts_ends_the_script(self):
        with Redis("--save", "") as server:
            for leave in (lambda peer: peer.shutdown(socket.SHUT_RDWR), lambda peer: self.lead(peer, "abort")):
                with socket.create_connection(("127.0.0.1", server.port)) as peer:
                    peer.settimeout(20)
                    self.lead(peer, "SCRIPT", "DEBUG", "SYNC")
                    self.lead(peer, "EVAL", self.SCRIPT, "1", "key", "21")
                    leave(peer)
                wait_until(lambda: server.cli("GET", "key") == "", "the end of the script")
            with socket.create_connection(("127.0.0.1", server.port)) as peer:
                self.lead(peer, "SCRIPT", "DEBUG", "SYNC")
                self.lead(peer, "EVAL", self.SCRIPT, "1", "key", "21")
                started = time.monotonic()
                self.assertEqual(server.end(), 0)
                self.assertLess(time.monotonic() - started, 10)


@unittest.skipUnless(CLI, "redis-cli is not installed")
class LifeTest(unittest.TestCase):
    def test_answers_while_it_loads_a_dump_or_a_log(self):
        for log in ("no", "yes"):
            with Redis("--appendonly", log, "--save", "900 1") as server:
                server.cli("DEBUG", "POPULATE", 20_000, "key", 100)
                server.cli("SAVE")
                if log == "yes":
                    server.cli("BGREWRITEAOF")
                    wait_until(lambda: server.info("aof_rewrite_in_progress") == "0", "the rewrite")
            with Redis("--appendonly", log, "--key-load-delay", 500, "--loading-process-events-interval-bytes", 1024,
                       folder=server.folder, wait=False) as again:
                wait_until(again.alive, "its socket")
                self.assertEqual(again.info("loading"), "1")
                self.assertGreater(int(again.info("loading_total_bytes")), 500_000)
                self.assertIn("LOADING", again.cli("GET", "key:1"))
                self.assertIn("LOADING", again.cli("CONFIG", "SET", "appendonly", "no" if log == "yes" else "yes"))
                self.assertEqual(again.cli("CONFIG", "SET", "loglevel", "debug"), "OK")
                again.cli("CONFIG", "SET", "key-load-delay", 0)
                wait_until(lambda: again.info("loading") == "0", "the end of loading")
                self.assertEqual(again.cli("DBSIZE"), "20000")

    def test_ends_at_once_while_it_loads_and_does_not_save(self):
        with Redis("--save", "900 1") as server:
            server.cli("DEBUG", "POPULATE", 10_000, "key", 100)
            server.cli("SAVE")
        before = (server.folder / "dump.rdb").read_bytes()
        again = Redis("--save", "900 1", "--key-load-delay", 5000, folder=server.folder, wait=False)
        wait_until(again.alive, "its socket")
        started = time.monotonic()
        self.assertEqual(again.end(), 0)
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual((server.folder / "dump.rdb").read_bytes(), before)

    def test_saves_when_it_ends_as_its_settings_and_options_say(self):
        for options, end, saved in ((["--save", "900 1"], None, True), (["--save", ""], None, False),
                                    (["--save", ""], "SAVE", True), (["--save", "900 1"], "NOSAVE", False),
                                    (["--save", "900 1", "--shutdown-on-sigterm", "nosave"], None, False)):
            server = Redis(*options)
            server.cli("SET", "k", "v")
            if end:
                server.cli("SHUTDOWN", end)
            self.assertEqual(server.end(), 0)
            self.assertEqual((server.folder / "dump.rdb").exists(), saved, (options, end))

    def test_a_writer_process_that_dies_costs_only_its_file(self):
        with Redis("--save", "900 1") as server:
            server.cli("DEBUG", "POPULATE", 1000)
            server.cli("CONFIG", "SET", "rdb-key-save-delay", 1_000_000)
            server.cli("BGSAVE")
            tasks = pathlib.Path(f"/proc/{server.process.pid}/task")
            find = lambda: [pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
            os.kill(int(wait_until(find, "the writer")[0]), signal.SIGKILL)
            wait_until(lambda: server.info("rdb_last_bgsave_status") == "err", "the failure")
            self.assertIn("MISCONF", server.cli("SET", "k", "v"))
            self.assertEqual(server.cli("GET", "key:1"), "value:1")
            server.cli("CONFIG", "SET", "rdb-key-save-delay", 0)
            server.cli("BGSAVE")
            wait_until(lambda: server.info("rdb_last_bgsave_status") == "ok", "the next save")
            self.assertEqual(server.cli("SET", "k", "v"), "OK")

    def test_counts_what_it_does(self):
        with Redis("--save", "") as server:
            subprocess.run(["redis-benchmark", "-p", str(server.port), "-q", "-n", "30000", "-t", "set,get"],
                           capture_output=True, timeout=60, check=True)
            wait_until(lambda: float(server.info("instantaneous_ops_per_sec")) > 100, "a rate")
            self.assertGreater(float(server.info("instantaneous_input_kbps")), 1)
            self.assertGreater(float(server.info("instantaneous_output_kbps")), 1)
            self.assertGreater(int(server.info("total_net_output_bytes")), 100_000)
            self.assertGreater(int(server.info("total_reads_processed")), 1000)

    def test_replies_that_nobody_reads_count_as_memory_and_are_free_again(self):
        with Redis("--save", "", "--client-output-buffer-limit", "normal 0 0 0") as server:
            server.cli("SETRANGE", "big", 5_000_000, "x")
            before = int(server.info("used_memory"))
            with socket.create_connection(("127.0.0.1", server.port)) as lazy:
                lazy.sendall(b"GET big\r\n" * 10)
                wait_until(lambda: int(server.info("used_memory")) > before + 30_000_000, "the replies' memory")
            wait_until(lambda: int(server.info("used_memory")) < before + 1_000_000, "the memory's return")


if __name__ == "__main__":
    unittest.main()
