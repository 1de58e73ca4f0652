#!/usr/bin/env python3
"""Is every test that the documents name there, and is every row of tests/faults in
doc/delivery.md?"""

import re

import checklib

_NAME = re.compile(r"`(test_\w+)`")
_DEFINED = re.compile(r"^def (test_\w+)\(", re.MULTILINE)
_ROW = re.compile(r"test_([a-z]\d+)_")


def main():
    findings = checklib.Findings()
    defined, rows, told = {}, {}, ""
    for path in checklib.files("tests/integration/test_*.py", "tests/faults/test_*.py"):
        for name in _DEFINED.findall(checklib.read(path)):
            defined[name] = path
            if row := _ROW.match(name):
                rows.setdefault(row.group(1).upper(), path)
    for path in checklib.files("doc/*.md", "*.md"):
        text = checklib.read(path)
        told += text if path.name == "delivery.md" else ""
        for number, line in enumerate(text.splitlines(), 1):
            for name in _NAME.findall(line):
                if name not in defined:
                    findings.add(path, number, f"there is no test {name}")
    for row, path in sorted(rows.items()):
        if f"| {row} |" not in told:
            findings.add(path, 0, f"doc/delivery.md has no row {row}")
    findings.exit()


main()
