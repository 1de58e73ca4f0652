"""Disks that are full, fail or wait. What cannot be had on this machine skips the test."""

import contextlib
import pathlib
import re
import subprocess

import pytest

from .waiting import wait_until


def run_words(*words):
    return subprocess.run(words, capture_output=True, text=True)


@contextlib.contextmanager
def mounted(folder, kind):
    """A small file system of the scenario's own, or none and the test is skipped."""
    folder.mkdir()
    image = folder.with_suffix(".img")
    if kind == "tmpfs":
        done = run_words("mount", "-t", "tmpfs", "-o", "size=1m", "none", folder)
    else:
        with open(image, "wb") as file:
            file.truncate(32 << 20)
        done = run_words("mkfs.ext4", "-q", "-F", image)
        done = done if done.returncode else run_words("mount", "-o", "loop", image, folder)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a {kind} here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        run_words("umount", "-l", folder)


def fill(folder):
    """Nothing more can be written there."""
    with open(folder / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def closed_books(daemon):
    """What each bridge said of its messages when it had stopped."""
    books = {}
    for line in daemon.log().splitlines():
        if found := re.search(r'bridge="(\w+)" msg="books closed" (.*)', line):
            books[found.group(1)] = {key: int(value) for key, value in
                                     re.findall(r"(\w+)=(\d+)", found.group(2))}
    return books


@contextlib.contextmanager
def injected(daemon, calls, what):
    """strace makes these system calls of the daemon fail, or wait."""
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
         "-e", f"inject={calls}:{what}", "-p", str(daemon.process.pid)],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def is_traced():
        if tracer.poll() is not None:
            pytest.skip(f"strace may not trace here: {tracer.stderr.read()}")
        tasks = pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir()
        return all("TracerPid:\t0\n" not in (task / "status").read_text() for task in tasks)

    wait_until(is_traced, "strace holds every thread")
    try:
        yield
    finally:
        tracer.terminate()
        tracer.wait(timeout=30)
