"""What the checks of this folder share: where the sources are, and how a finding is reported.

A check is a program that prints `file:line: reason` for everything it finds and exits 1 then. It is
run by `make check` with the variables top_srcdir and top_builddir, or by hand from the root."""

import os
import pathlib
import re
import sys

SKIP = 77  # what automake takes for "skipped"

srcdir = pathlib.Path(os.environ.get("top_srcdir", "."))
builddir = pathlib.Path(os.environ.get("top_builddir", "."))

_TOKENS = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


class Findings:
    def __init__(self):
        self._count = 0

    def add(self, place, line, reason):
        self._count += 1
        where = f"{place}:{line}" if line else str(place)
        print(f"{where}: {reason}")

    def exit(self):
        sys.exit(1 if self._count else 0)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)


def files(*patterns):
    """Paths relative to the root of the files that match, sorted."""
    return sorted(path.relative_to(srcdir) for pattern in patterns
                  for path in srcdir.glob(pattern) if path.is_file())


def sources():
    """Everything that is C and part of the programs."""
    return files("src/**/*.c", "src/**/*.h", "include/**/*.h")


def read(path):
    return (srcdir / path).read_text(encoding="utf-8")


def without_comments_and_strings(text):
    """The text with comments, strings and characters blanked out, line by line as before."""
    return _TOKENS.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
