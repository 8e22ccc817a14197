#!/usr/bin/env python3
"""tidy.py JOBS FILE…: each header compiled alone, clang-tidy on each source. Prints the first findings, exits 1 on any.

A header that its own source includes first is compiled alone by every build, so only the others are compiled here.
"""
import concurrent.futures
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATABASE = ROOT / "build" / "dev"


def alone(header):
    command = ["clang++-19", "-std=c++23", "-fsyntax-only", "-x", "c++", "-Isrc", "-Wall", "-Wextra", "-Wno-pragma-once-outside-header",
               "-DFMT_HEADER_ONLY", header]
    return header, subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def stands_first(header):
    source = ROOT / (header.removesuffix(".hpp") + ".cpp")
    if not source.exists():
        return False
    first = next((line for line in source.read_text().splitlines() if line.startswith("#include")), "")
    return first == f'#include "{header.removeprefix("src/")}"'


def tidy(source):
    command = ["clang-tidy-19", "--quiet", "-p", str(DATABASE), "--extra-arg=-Wno-unknown-warning-option", source]
    return source, subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def main():
    jobs, files = int(sys.argv[1]), sys.argv[2:]
    known = {str(pathlib.Path(entry["file"]).resolve().relative_to(ROOT)) for entry in json.loads((DATABASE / "compile_commands.json").read_text())
             if str(pathlib.Path(entry["file"]).resolve()).startswith(str(ROOT) + "/src")}
    work = [(alone, name) for name in files if name.startswith("src/") and name.endswith(".hpp") and not stands_first(name)]
    work += [(tidy, name) for name in files if name in known and not name.endswith("_test.cpp")]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for name, result in pool.map(lambda item: item[0](item[1]), work):
            if result.returncode != 0:
                bad += 1
                print("\n".join((result.stdout + result.stderr).split("\n")[:12]), file=sys.stderr)
                print(f"check: {name}", file=sys.stderr)
    print(f"check: {len(work)} files, {bad} with findings", file=sys.stderr)
    return 1 if bad else 0


sys.exit(main())
