#!/usr/bin/env python3
"""Adds up what `make check`, pytest and the fuzz targets found, and prints the one line

    N passed, N failed, N skipped

with every cmocka test, check, pytest test and fuzz target counted singly. Exits 1 if one failed.

    tests/summary.py [--check BUILD_FOLDER] [--junit FILE]... [--list FILE]... [--failed N]

A --list file has a line `passed NAME`, `failed NAME` or `skipped NAME` each; --failed adds N failures
of steps that came to no tests at all."""

import argparse
import collections
import pathlib
import re
import xml.etree.ElementTree

CMOCKA = re.compile(r"^\[  (PASSED|FAILED|SKIPPED) ?\s*\] (?:\w+: )?(\d+) test\(s\)", re.MULTILINE)
AUTOMAKE = {"PASS": "passed", "XFAIL": "passed", "SKIP": "skipped"}


def count_program(counts, trs):
    """A program of `make check`: its cmocka tests, or itself where it has none."""
    result = re.search(r":test-result: (\w+)", trs.read_text()).group(1)
    text = trs.with_suffix(".log").read_text(errors="replace")
    found = collections.Counter()
    for word, number in CMOCKA.findall(text):
        found[word.lower()] += int(number)
    verdict = AUTOMAKE.get(result, "failed")
    if not found or (verdict == "failed" and not found["failed"]):
        found[verdict] += 1  # a check, or a program that died on the way
    counts.update(found)


def count_junit(counts, path):
    for suite in xml.etree.ElementTree.parse(path).getroot().iter("testsuite"):
        number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        failed = number["failures"] + number["errors"]
        counts["failed"] += failed
        counts["skipped"] += number["skipped"]
        counts["passed"] += max(number["tests"] - failed - number["skipped"], 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", type=pathlib.Path)
    parser.add_argument("--junit", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--list", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--failed", type=int, default=0)
    options = parser.parse_args()
    counts = collections.Counter(failed=options.failed)
    if options.check:
        for trs in sorted(options.check.rglob("*.trs")):
            count_program(counts, trs)
    for path in options.junit:
        count_junit(counts, path)
    for path in options.list:
        counts.update(line.split()[0] for line in path.read_text().splitlines())
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    raise SystemExit(1 if counts["failed"] else 0)


main()
