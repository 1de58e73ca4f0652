"""Waiting for conditions. Nothing in the suite waits for a fixed time: it waits until something is
so, and fails with the words for it when the deadline passes."""

import time

DEADLINE = 30.0  # seconds; far more than anything takes, for machines that are slow and busy


def wait_until(condition, what, timeout=DEADLINE, every=0.01):
    """Calls `condition` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:g} s still not so: {what} (last: {result!r})")
        time.sleep(every)


def holds_for(condition, what, seconds, every=0.05):
    """Fails as soon as `condition` is not true in the next `seconds`: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if not result:
            raise AssertionError(f"held not even {seconds:g} s: {what} (last: {result!r})")
        time.sleep(every)
