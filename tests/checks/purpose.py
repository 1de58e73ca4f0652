#!/usr/bin/env python3
"""Does every file open with what it is for, and is nothing left that was meant for later?"""

import re

import checklib

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|not (yet )?implemented|unimplemented")
ROOT_PROGRAMS = ("quickstart", "runtests", ".ci/run", "contrib/private-rabbitmq")


def main():
    findings = checklib.Findings()
    tests = checklib.files("tests/**/*.c", "tests/**/*.h", "bench/**/*.c")
    for path in checklib.sources() + tests:
        if not checklib.read(path).startswith("/*"):
            findings.add(path, 1, "does not open with a comment that says what it is for")
    python = [path for path in checklib.files("tests/**/*.py", "bench/**/*.py")]
    for path in python:
        text = checklib.read(path)
        if not re.match(r'(#![^\n]*\n)?"""', text):
            findings.add(path, 1, "does not open with a docstring that says what it is for")
    programs = [path for name in ROOT_PROGRAMS for path in checklib.files(name)]
    for path in checklib.sources() + tests + python + programs:
        if path.name == "purpose.py":
            continue
        for number, line in enumerate(checklib.read(path).splitlines(), 1):
            if UNFINISHED.search(line):
                findings.add(path, number, f"unfinished: {line.strip()}")
    findings.exit()


main()
