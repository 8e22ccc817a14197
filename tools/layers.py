#!/usr/bin/env python3
"""Compares every #include "…" under src/ with what its module declares in USES.

Fails on an include of a module that is not declared, on a declared module that no file includes, on ../ includes,
and on src/README.md missing a module. The order of the modules is checked by CMake itself (cmake/Module.cmake).
"""
import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parent.parent / "src"
INCLUDE = re.compile(r'^\s*#include\s+"([^"]+)"', re.M)
KEYWORDS = {"SOURCES", "HEADERS", "USES", "THIRD_PARTY", "TESTS", "TEST_USES", "TEST_ONLY"}


def read_module(path):
    text = re.sub(r"#.*", "", path.read_text())
    found = re.search(r"module\(([^)]*)\)", text, re.S)
    if not found:
        return None
    words = found.group(1).split()
    lists, current = {}, None
    for word in words[1:]:
        if word in KEYWORDS:
            current = word
            lists.setdefault(current, [])
        elif current:
            lists[current].append(word)
    lists["text"] = text
    return words[0], lists


def module_of(include, names):
    folder = include
    while "/" in folder:
        folder = folder.rsplit("/", 1)[0]
        if folder in names:
            return folder
    return None


def main():
    modules = {}
    for path in sorted(SRC.rglob("CMakeLists.txt")):
        parsed = read_module(path)
        if parsed:
            modules[parsed[0]] = parsed[1]
    problems = []
    readme = (SRC / "README.md").read_text() if (SRC / "README.md").exists() else ""
    for name, lists in modules.items():
        folder = SRC / name
        listed = lists.get("SOURCES", []) + lists.get("HEADERS", []) + lists.get("TESTS", [])
        used = set()
        for file in sorted(folder.rglob("*.[ch]pp")):
            path = file.relative_to(folder).as_posix()
            if module_of(f"{name}/{path}", modules) != name:
                continue
            if path not in listed and f"add_executable(compozy {path})" not in lists["text"]:
                problems.append(f"src/{name}/{path} is not listed in src/{name}/CMakeLists.txt")
            is_test = path in lists.get("TESTS", [])
            allowed = set(lists.get("USES", [])) | (set(lists.get("TEST_USES", [])) if is_test else set())
            for include in INCLUDE.findall(file.read_text()):
                if ".." in include:
                    problems.append(f"src/{name}/{path}: include of {include}: write the path from src/")
                    continue
                target = module_of(include, modules)
                if target is None or target == name:
                    continue
                if target not in allowed:
                    problems.append(f"src/{name}/{path} includes {include}, but {name} does not declare USES {target}")
                if target in lists.get("USES", []):
                    used.add(target)
        for target in lists.get("USES", []):
            if target not in used:
                problems.append(f"src/{name}/CMakeLists.txt declares USES {target}, which no file of {name} includes")
        if readme and f"`{name}`" not in readme:
            problems.append(f"src/README.md has no line for `{name}`")
    for problem in problems:
        print("layers: " + problem, file=sys.stderr)
    print(f"layers: {len(modules)} modules, {'no problem' if not problems else str(len(problems)) + ' problems'}", file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())
