"""What a new user types, literally: the commands of README.md and of each offline example, in a shell, with nothing set."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from server import BINARY, DEADLINE_S, SOURCE, Server, copy_example, scratch, wait_until, write_project

SILENT = {"COMPOZY_BASE_URL", "COMPOZY_API_KEY", "COMPOZY_DATA_DIR"}
RUN_ID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")


class Shell:
    """Commands one after the other in one folder; `compozy start` stays in the background, on a free port."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        tools = scratch()
        (tools / "compozy").symlink_to(pathlib.Path(BINARY).resolve())
        self.env = {k: v for k, v in os.environ.items() if k not in SILENT}
        self.env.update(PATH=f"{tools}:{os.environ['PATH']}", SERVER_PORT="0")
        self.server, self.run_id = None, "EXEC"

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.server:
            self.server.terminate()
            self.server.communicate(timeout=DEADLINE_S)

    def type(self, line):
        for part in line.split("&&"):
            words = part.split("#")[0].strip()
            if words.startswith("cd "):
                self.folder /= words[3:].strip()
            elif words.startswith("compozy start"):
                self.start(words)
            else:
                self.call(part)

    def start(self, words):
        self.server = subprocess.Popen("exec " + words, shell=True, cwd=self.folder, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.banner = []
        for line in self.server.stdout:
            self.banner.append(line)
            if line.strip().startswith("next"):
                break
        wait_until(lambda: (self.folder / ".compozy" / "address").exists(), "the address")

    def call(self, line):
        line = line.replace("EXEC", self.run_id)
        if "http://127.0.0.1:5001" in line:
            line = line.replace("http://127.0.0.1:5001", (self.folder / ".compozy" / "address").read_text().strip())
        done = subprocess.run(line, shell=True, cwd=self.folder, env=self.env, text=True, capture_output=True, timeout=DEADLINE_S)
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        found = RUN_ID.search(done.stderr + done.stdout)
        if found and "execute" in line:
            self.run_id = found.group()
        if "workflow execute order" in line:  # the next command answers its question
            wait_until(lambda: "sign-off" in self.call("compozy execution get EXEC"), "the question")
        return done.stdout


class FirstStepsTest(unittest.TestCase):
    def test_the_commands_of_the_readme(self):
        text = (SOURCE / "README.md").read_text()
        lines = re.search(r"```sh\n(export PATH.*?)```", text, re.S).group(1).splitlines()
        with Shell(scratch()) as shell:
            for line in lines[1:]:
                shell.type(line)
            self.assertEqual(shell.call("compozy execution list").count("SUCCESS"), 1)

    def test_the_commands_of_each_example(self):
        for name in ("quickstart", "weather", "chat-memory", "code-review", "orders"):
            if name == "weather" and not (shutil.which("node") or shutil.which("bun")):
                continue
            lines = re.findall(r"^    (.+)$", (SOURCE / "examples" / name / "README.md").read_text(), re.M)
            self.assertEqual(lines[0], f"cd examples/{name}")
            self.assertTrue(any("compozy start" in line for line in lines), name)
            with self.subTest(name), Shell(copy_example(name)) as shell:
                for line in lines[1:]:
                    shell.type(line)

    def test_a_start_says_where_everything_is_and_nothing_else(self):
        with Shell(scratch()) as shell:
            shell.type("compozy init 'my project' --name mine")
            shell.folder /= "my project"
            shell.type("compozy start")
            self.assertNotIn("//.", "".join(shell.banner))
            following = shell.banner[-1].strip().removeprefix("next").strip()
            shell.folder = pathlib.Path("/")
            shell.call(following)  # from another folder, as it was printed
            shell.server.terminate()
            _, log = shell.server.communicate(timeout=DEADLINE_S)
            shell.server = None
            self.assertEqual([line.split(None, 2)[2] for line in log.splitlines()], ["stopping"])

    def test_without_a_key_the_message_says_where_keys_are_looked_for(self):
        with Server(copy_example("quickstart")) as server:
            env = {k: v for k, v in os.environ.items() if k not in SILENT}
            call = lambda *words: subprocess.run([BINARY, *words], cwd="/", env=env, capture_output=True, text=True, timeout=DEADLINE_S)
            without = call("workflow", "list", "--server", server.url)
            self.assertEqual(without.returncode, 6)
            self.assertIn("--cwd", without.stderr)
            self.assertEqual(call("workflow", "list", "--cwd", str(server.project)).returncode, 0)
            wrong = call("workflow", "list", "--server", server.url, "--api-key", "cpzy_wrong")
            self.assertIn("--api-key gave it", wrong.stderr)

    def test_a_deleted_key_file_is_made_anew_and_the_old_key_ends(self):
        with Server(copy_example("quickstart")) as server:
            old = server.key
            server.stop()
            self.assertFalse((server.data / "address").exists())
            (server.data / "api_key").unlink()
            server.start_process()
            self.assertNotEqual(server.key, old)
            self.assertEqual(server.cli("workflow", "list").returncode, 0)
            self.assertEqual(server.cli("workflow", "list", "--api-key", old).returncode, 6)
            again = server.key
            server.kill()
            server.start_process()
            self.assertEqual(server.key, again, "a key that is well stays")

    def test_a_folder_may_lie_deep_and_have_an_odd_name(self):
        project = scratch() / ("d" * 90) / "w\u00ebird 'dir\" $(x)"
        shutil.copytree(copy_example("quickstart"), project)
        with Server(project) as server:
            self.assertEqual(server.wait(server.start("trip", {"name": "Ada"}))["status"], "SUCCESS")
            self.assertTrue((server.data / "redis.sock").is_socket())
            self.assertIn("in the data directory", "".join(server.lines))
            self.assertEqual(server.stop(), 0)
            self.assertFalse((server.data / "redis.sock").exists())

    def test_all_that_is_kept_is_private(self):
        project = copy_example("quickstart")
        (project / ".compozy").mkdir(mode=0o755)  # by somebody who did not know
        with Server(project) as server:
            server.wait(server.start("trip", {"name": "Ada"}))
            for path in server.data.iterdir():
                self.assertEqual(path.lstat().st_mode & 0o077, 0, path)


if __name__ == "__main__":
    unittest.main()
