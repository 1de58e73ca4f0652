#!/usr/bin/env python3
"""Does a message cost no more instructions than it did? Runs bench/instructions on this build and
holds it against the ceilings in instructions.json: 10 % over what was counted when they were
recorded, with gcc 12, -O2 and the libraries of Debian 12. It is a count, not a time, and a busy
machine hardly changes it."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import checklib

NEEDED = {"valgrind": "valgrind", "redis-server": "redis-server",
          "rabbitmq-server": "rabbitmq-server"}


def why_not():
    """Why this build or machine has nothing to tell; None: it has."""
    makefile = (checklib.builddir / "Makefile").read_text()
    for name, wanted, reason in (
            ("SANITIZE_CFLAGS", r"^$", "a build with sanitizers"),
            ("CC", r"\bgcc\b", "not built with gcc, for which the ceilings were recorded"),
            ("CFLAGS", r"-O2\b", "not built with -O2, for which the ceilings were recorded")):
        found = re.search(rf"^{name} =(.*)$", makefile, re.MULTILINE)
        if not found or not re.search(wanted, found.group(1).strip()):
            return reason
    missing = [package for program, package in NEEDED.items()
               if not shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")]
    return f"missing (Debian: apt-get install {' '.join(missing)})" if missing else None


def count(cache):
    """Whether a run stays under the ceilings."""
    here = pathlib.Path(__file__).resolve().parent
    done = subprocess.run(
        [sys.executable, checklib.srcdir / "bench" / "instructions",
         "--chunneld", checklib.builddir / "chunneld", "--ceilings", here / "instructions.json"],
        env=dict(os.environ, CHUNNELD_BENCH_CACHE=cache))
    return done.returncode == 0


def main():
    reason = why_not()
    if reason:
        checklib.skip(reason)
    with tempfile.TemporaryDirectory(prefix="chunneld-instructions-") as cache:
        # How many messages a turn of the loop finds is the machine's doing, and moves the count a
        # little: what is over is counted again before it is believed.
        sys.exit(0 if count(cache) or count(cache) else 1)


main()
