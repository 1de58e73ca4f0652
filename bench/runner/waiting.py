"""Waiting for a condition with a deadline, and for nothing else."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")


class Failed(Exception):
    """A run that gave no result; the words say why and are shown in its place."""


def wait_until(condition: Callable[[], T | None], what: str, timeout: float, every: float = 0.005) -> T:
    """Calls `condition` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failed(f"after {timeout:g} s still not so: {what}")
        time.sleep(every)
