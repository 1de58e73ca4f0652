"""What the numbers were measured on: machine, kernel, versions."""

from __future__ import annotations

import os
import pathlib
import platform
import re
import subprocess
import time

from .candidates import first_line
from .servers import ROOT


def _said(*command: str) -> str:
    try:
        return first_line(*command)
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "unknown"


def _from_file(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1).strip() if found else "unknown"


def _package(name: str) -> str:
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True,
                          text=True) if pathlib.Path("/usr/bin/dpkg-query").exists() else None
    return done.stdout if done and done.returncode == 0 else "unknown"


def describe() -> dict[str, str]:
    memory = _from_file("/proc/meminfo", r"^MemTotal:\s+(\d+) kB")
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "processor": _from_file("/proc/cpuinfo", r"^model name\s*: (.*)$"),
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory) // 1024} MiB" if memory.isdigit() else memory,
        "kernel": platform.release(),
        "system": _from_file("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)'),
        "load before": " ".join(f"{value:.2f}" for value in os.getloadavg()),
        "commit": _said("git", "-c", "safe.directory=*", "-C", str(ROOT), "describe", "--always",
                        "--dirty"),
        "redis-server": _said("redis-server", "--version"),
        "rabbitmq-server": _package("rabbitmq-server"),
        "erlang": _package("erlang-base"),
        "hiredis": _said("pkg-config", "--modversion", "hiredis"),
        "librabbitmq": _said("pkg-config", "--modversion", "librabbitmq"),
        "cc": _said("cc", "--version"),
    }


def processor_ticks() -> dict[str, int]:
    """Of all processors so far: what was taken by other guests of the host, and all in all."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    numbers = [int(field) for field in fields[:8]]
    return {"stolen": numbers[7], "all": sum(numbers)}


def stolen_percent(before: dict[str, int], after: dict[str, int]) -> float:
    """How much of the machine other guests of its host took meanwhile."""
    passed = after["all"] - before["all"]
    return 100 * (after["stolen"] - before["stolen"]) / passed if passed else 0.0
