#!/usr/bin/env python3
"""Prints the C++ files changed since the last green state, 'none', or 'all' where that state is not known.

.ci/run records a green state as a commit in ${XDG_CACHE_HOME:-~/.cache}/compozy/green when everything has passed.
A change of the build or of the checks themselves counts as a change of everything.
"""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "compozy" / "green"


def git(*args):
    return subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True)


def main():
    green = STATE.read_text().strip() if STATE.exists() else ""
    if not green or git("merge-base", "--is-ancestor", green, "HEAD").returncode != 0:
        return "all"
    names = git("diff", "--name-only", green).stdout.split() + git("ls-files", "-o", "--exclude-standard").stdout.split()
    if any(name.startswith((".clang-", "cmake/", "tools/", "CMake")) for name in names):
        return "all"
    files = [name for name in names if name.endswith((".cpp", ".hpp")) and (ROOT / name).exists()]
    return "\n".join(files) if files else "none"


print(main())
