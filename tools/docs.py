#!/usr/bin/env python3
"""./dev docs [--check]: writes docs/cli.md, config.md, errors.md and commands.md from the tables in the binary."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "build" / "release" / "compozy"


def main():
    stale = []
    for name in ("cli", "config", "errors", "commands"):
        text = subprocess.run([BINARY, "reference", name], capture_output=True, text=True, check=True).stdout
        path = ROOT / "docs" / f"{name}.md"
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path.name)
        if "--check" not in sys.argv:
            path.write_text(text)
    print("docs: " + (", ".join(stale) + (" are out of date: ./dev docs" if "--check" in sys.argv else " written") if stale else "up to date"))
    return 1 if stale and "--check" in sys.argv else 0


sys.exit(main())
