#!/usr/bin/env python3
"""Is everything that the build and the tests need part of the release archive, and tracked by git?"""

import os
import pathlib
import subprocess

import checklib

# Not for the archive: git's own, and what only the repository's automatic runs need.
NOT_DISTRIBUTED = (".git", ".gitignore", ".gitattributes", ".ci/", ".github/")
# Made by autoreconf: in the archive, and never tracked.
GENERATED = ("configure", "Makefile.in", "aclocal.m4", "config.h.in", "build-aux/",
             "autom4te.cache/")
# Where make distcheck builds and installs.
DISTCHECK = ("_build/", "_inst/")


def starts_with_one_of(name, prefixes):
    return any(name == prefix or (prefix.endswith("/") and name.startswith(prefix))
               for prefix in prefixes)


def tracked():
    """What git tracks here; without git (a release archive, a copy) whatever is there."""
    if (checklib.srcdir / ".git").exists():
        done = subprocess.run(["git", "-c", "safe.directory=*", "ls-files"], cwd=checklib.srcdir,
                              capture_output=True, text=True)
        if done.returncode != 0:
            checklib.skip(f"git: {done.stderr.strip()}")
        names = set(done.stdout.splitlines())
        return {name for name in names if (checklib.srcdir / name).is_file()}, True
    if checklib.builddir.resolve() == checklib.srcdir.resolve():
        checklib.skip("built among the sources, and no git to tell them apart")
    names = {str(path.relative_to(checklib.srcdir)) for path in checklib.srcdir.rglob("*")
             if path.is_file()}
    return {name for name in names
            if "__pycache__" not in name and not name.startswith(DISTCHECK)}, False


def distributed():
    """The files that `make dist` would put into the archive, folders spelt out."""
    words = os.environ.get("DISTRIBUTED_FILES", "").split()
    if not words:
        checklib.skip("run by make check, which tells what is distributed")
    root, names = checklib.srcdir.resolve(), set()
    for word in words:
        # What make says by its way from here must not be taken for the way from the sources.
        path = pathlib.Path(word) if word.startswith("../") else root / word
        path = (path if path.exists() else pathlib.Path(word)).resolve()
        if root not in path.parents:
            continue  # made in the build folder
        inside = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        names.update(str(file.relative_to(root)) for file in inside)
    return {name for name in names if "__pycache__" not in name}


def main():
    have, by_git = tracked()
    goes_out = distributed()
    findings = checklib.Findings()
    for name in sorted(have - goes_out):
        if not starts_with_one_of(name, NOT_DISTRIBUTED + GENERATED):
            findings.add(name, 0, "not in the release archive: add it to EXTRA_DIST in Makefile.am")
    if by_git:
        for name in sorted(goes_out - have):
            if not starts_with_one_of(name, GENERATED):
                findings.add(name, 0, "in the release archive, but not tracked by git")
    findings.exit()


main()
