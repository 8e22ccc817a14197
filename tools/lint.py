#!/usr/bin/env python3
"""What the house asks of a file and no other tool checks: sizes, names, banned words. Limits are in LIMITS."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMITS = {"header": 250, "source": 600, "table": 1500, "test": 1000, "line": 120, "function": 70}
BAD_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "misc", "core"}
# pattern, where it is allowed, what to use instead
BANNED = [
    (re.compile(r"\b(system_clock|steady_clock|high_resolution_clock)::now"), ("src/base/", "src/io/", "tests/", "bench/"), "a Clock (base/clock.hpp)"),
    (re.compile(r"\b(std::rand|random_device)\b"), ("src/base/",), "a Random (base/random.hpp)"),
    (re.compile(r"(?<![.\w>])(std::)?getenv\("), ("src/app/", "src/io/", "src/sandbox/", "tests/", "bench/"), "the configuration, or what app/ passes in"),
    (re.compile(r"\bsleep_for\("), ("src/io/", "src/app/", "tests/", "bench/"), "a timer, or a condition with a deadline"),
    (re.compile(r"\b(FIXME|XXX|HACK)\b"), (), "an issue, or the thing itself"),
    (re.compile(r"\bTODO\b"), (), "the thing itself"),
]
FUNCTION_START = re.compile(r"^[A-Za-z].*\)[^;=]*\{$|^  [A-Za-z~].*\)[^;=]*\{$")


def tracked():
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listing.stdout.split("\n") if name and (ROOT / name).is_file()]


def size_kind(name):
    if name.endswith("_table.cpp") or name.endswith("_table.hpp"):
        return "table"
    if name.endswith("_test.cpp") or name.startswith("tests/"):
        return "test"
    return "header" if name.endswith(".hpp") else "source"


def long_functions(lines):
    start = None
    indent = 0
    for number, line in enumerate(lines, 1):
        if start is None and FUNCTION_START.match(line) and not line.lstrip().startswith(("namespace", "struct", "class", "enum", "union", "extern")):
            start, indent = number, len(line) - len(line.lstrip())
        elif start is not None and line.startswith(" " * indent + "}") and len(line) - len(line.lstrip()) == indent:
            if number - start + 1 > LIMITS["function"]:
                yield start, number - start + 1
            start = None


def decision_problems(names):
    """Each decision record has a number of its own, and its title says it."""
    seen = {}
    for name in sorted(name for name in names if re.match(r"docs/adr/\d{4}-", name)):
        number = int(name[len("docs/adr/"):][:4])
        title = (ROOT / name).read_text().split("\n", 1)[0]
        if number in seen:
            yield f"{name}: {seen[number]} has this number already; take the next one"
        if not title.startswith(f"# {number}. "):
            yield f"{name}: its title is '{title}', not '# {number}. …'"
        seen[number] = name


def main():
    problems = []
    nolint = 0
    for name in tracked():
        path = pathlib.Path(name)
        if name.startswith("src/") and path.suffix not in (".hpp", ".cpp") and path.name not in ("CMakeLists.txt", "README.md"):
            if not re.match(r"src/(web|sql/migrations|agent/tools/worker)/", name):
                problems.append(f"{name}: only .hpp and .cpp files live under src/")
        if path.suffix not in (".hpp", ".cpp"):
            continue
        words = set(re.split(r"[_/.]", name))
        for bad in words & BAD_NAMES:
            problems.append(f"{name}: '{bad}' says nothing; name the subject")
        lines = (ROOT / name).read_text().split("\n")
        kind = size_kind(name)
        if len(lines) > LIMITS[kind] + 1:
            problems.append(f"{name}: {len(lines)} lines, the limit of a {kind} is {LIMITS[kind]}")
        for number, line in enumerate(lines, 1):
            if len(line) > LIMITS["line"] and "R\"" not in line and "http" not in line and kind not in ("test", "table"):
                problems.append(f"{name}:{number}: {len(line)} columns, the limit is {LIMITS['line']}")
            for pattern, allowed, instead in BANNED:
                if pattern.search(line) and not name.startswith(allowed) and kind != "test":
                    problems.append(f"{name}:{number}: {pattern.search(line).group(0)}: use {instead}")
            if "NOLINT" in line:
                nolint += 1
                if not re.search(r"NOLINT\w*(\([^)]*\))", line):
                    problems.append(f"{name}:{number}: NOLINT must name the check")
        if kind in ("source", "header"):
            for start, length in long_functions(lines):
                problems.append(f"{name}:{start}: a function of {length} lines, the limit is {LIMITS['function']}")
        if name.endswith(".hpp") and "#pragma once" not in lines:
            problems.append(f"{name}: no #pragma once")
    problems += decision_problems(tracked())
    for problem in problems:
        print("lint: " + problem, file=sys.stderr)
    print(f"lint: {'no problem' if not problems else str(len(problems)) + ' problems'}; {nolint} NOLINT", file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())
