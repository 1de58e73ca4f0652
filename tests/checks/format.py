#!/usr/bin/env python3
"""Is the C code as clang-format would write it (.clang-format in the root)?"""

import re
import shutil
import subprocess

import checklib


def main():
    program = shutil.which("clang-format")
    if not program:
        checklib.skip("clang-format is missing (Debian: apt-get install clang-format)")
    if not (checklib.srcdir / ".clang-format").is_file():
        checklib.skip("no .clang-format here")
    version = re.search(r"version (\d+)", subprocess.check_output([program, "--version"], text=True))
    if not version or int(version.group(1)) != 14:
        checklib.skip("only clang-format 14 writes the code exactly so")
    paths = checklib.sources() + checklib.files("tests/**/*.c", "tests/**/*.h", "bench/**/*.c")
    done = subprocess.run([program, "--dry-run", "-Werror", *map(str, paths)],
                          cwd=checklib.srcdir, capture_output=True, text=True)
    findings = checklib.Findings()
    places = re.findall(r"^(\S+?):(\d+):\d+: error:", done.stderr, re.MULTILINE)
    for path, line in dict.fromkeys(places):
        findings.add(path, line, "not as clang-format writes it")
    if done.returncode != 0 and not places:
        findings.add("clang-format", 0, done.stderr.strip())
    findings.exit()


main()
