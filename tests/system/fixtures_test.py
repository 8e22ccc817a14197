"""The original's integration fixtures by name, each with exact expectations: tests/fixtures/<group>/<name>/.

One server runs them all. A fixture whose expectation is "refused" must not load, with these messages.
"""
import json
import shutil
import subprocess
import unittest

from server import BINARY, SOURCE, Server, scratch

FIXTURES = SOURCE / "tests" / "fixtures"

# Every name that the original has; a missing folder is a failure, not a test less.
NAMES = {
    "attachments": "route_by_kind_audio route_by_kind_image",
    "basic": "final_task simple_success with_error with_next_task",
    "collection": "children_context_access complex_templates custom_vars deterministic_processing empty_collection output_transformation "
                  "parallel_items precision_handling progress_tracking sequential_items",
    "composite": "child_failure empty nested sequential_execution state_passing",
    "parallel": "best_effort concurrent_execution fail_fast minimal output_aggregation race simple wait_all with_failure",
    "router": "complex_condition dynamic_routing multiple_routes simple_condition staging_route",
}


def parent_of(path):
    """The id of the task around a task: "p#1/a#1[0]" is a child of "p"."""
    around = path.rpartition("/")[0].rpartition("/")[2]
    return around.partition("#")[0] or None


def state_of(task, expected):
    state = {"name": task["task_id"], "status": task["status"], "parent": parent_of(task["path"])}
    if "error" in expected:
        state["error"] = task.get("error", {}).get("message")
    else:
        state["output"] = task.get("output")
    return state


class FixturesTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.fixtures = {}
        for group, names in NAMES.items():
            for name in names.split():
                cls.fixtures[f"{group}/{name}"] = json.loads((FIXTURES / group / name / "expected.json").read_text())
        cls.root = scratch() / "fixtures"
        shutil.copytree(FIXTURES, cls.root)
        for name, fixture in cls.fixtures.items():
            if "refused" in fixture["expected"]:
                (cls.root / name / "workflow.yaml").rename(cls.root / name / "refused.yaml")
        cls.server = Server(cls.root).start_process()
        cls.addClassCleanup(cls.server.kill)

    def test_every_fixture_on_disk_has_its_name_here(self):
        found = {str(path.parent.relative_to(FIXTURES)) for path in FIXTURES.glob("*/*/workflow.yaml")}
        self.assertEqual(found, set(self.fixtures))

    def test_each_gives_exactly_what_it_should(self):
        runs = {name: self.server.start(name.replace("/", "."), fixture["input"])
                for name, fixture in self.fixtures.items() if "refused" not in fixture["expected"]}
        for name, run_id in runs.items():
            with self.subTest(name):
                self.check(self.server.wait(run_id), self.fixtures[name]["expected"])

    def check(self, run, expected):
        tasks = sorted(run["tasks"], key=lambda task: task["n"])
        states = expected["task_states"]
        self.assertEqual(run["status"], expected["status"], run.get("error"))
        self.assertEqual((len(tasks), sum(task["status"] == "SUCCESS" for task in tasks)),
                         (expected["total_tasks"], expected["completed_tasks"]))
        # In order of their names: which of two parallel tasks is entered first is no promise.
        by_name = {(state["name"], state["parent"]): state for state in states}
        for task in tasks:
            wanted = by_name.pop((task["task_id"], parent_of(task["path"])), None)
            self.assertIsNotNone(wanted, f"unexpected task {task['path']}")
            self.assertEqual(state_of(task, wanted), wanted)
        self.assertEqual(by_name, {})
        if "output" in expected:
            self.assertEqual(run["output"], expected["output"])
        if "error" in expected:
            self.assertEqual(run["error"]["message"], expected["error"])

    def test_what_is_refused_is_refused_with_its_place(self):
        for name, fixture in self.fixtures.items():
            if "refused" not in fixture["expected"]:
                continue
            with self.subTest(name):
                root = scratch()
                shutil.copy(FIXTURES / "compozy.yaml", root)
                shutil.copytree(FIXTURES / name, root / name)
                done = subprocess.run([BINARY, "config", "validate", "--cwd", str(root)], capture_output=True, text=True, timeout=10)
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                for message in fixture["expected"]["refused"]:
                    self.assertIn(f"{name}/{message}", done.stderr)


if __name__ == "__main__":
    unittest.main()
