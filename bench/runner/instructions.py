"""Counts the instructions that the daemon takes for a message, with valgrind's callgrind: two runs
that differ only in the number of messages, so that start and stop cancel out. The count says
nothing of caches, system calls and waiting, but hardly varies: it shows what a change costs."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Iterator, Sequence

from . import load
from .cache import Cache, default_folder
from .candidates import Chunneld, ChunneldPlain
from .load import Pace
from .observing import Client, Dress, carried, everything_on, nothing_on, watchers
from .rig import Rig, Run
from .routes import AMQP_TO_REDIS, REDIS_TO_AMQP, Route
from .servers import free_port
from .waiting import Failed, wait_until

FEW, MANY = 2_000, 12_000
SIZE = 100
WINDOW = 1_000  # on their way at most: as in a long run messages come while others leave
FEW_SCRAPES, MANY_SCRAPES = 2, 12
FEW_SECONDS, MANY_SECONDS = 3, 13
BRIDGES = 500
SCRAPE = "a scrape of /metrics, each bridge"

Count = Callable[[Rig, int, pathlib.Path], None]  # does it so often, and where that is written


@dataclasses.dataclass(frozen=True)
class Way:
    """One way of a message through the daemon."""

    title: str
    direction: str
    annotate: bool
    dress: Dress = nothing_on
    channels: int = 0     # 0: the one channel of every other measurement
    listed: bool = False  # they are named one by one; else a pattern matches them

    def configuration(self, candidate: Chunneld, route: Route) -> dict[str, Any]:
        configuration = candidate.configuration(route)
        if self.listed:
            names = [f"{route.channel}.{number}" for number in range(self.channels)]
            configuration["bridges"][0]["from"] = {"channel": names}
        return configuration


WAYS = (Way("Redis to AMQP, annotations on", REDIS_TO_AMQP, True),
        Way("Redis to AMQP, annotations off", REDIS_TO_AMQP, False),
        Way("AMQP to Redis", AMQP_TO_REDIS, False))
# The channel is the routing key in all of them, so that only their number differs.
CHANNELS = (Way("1 channel by a pattern", REDIS_TO_AMQP, True, channels=1),
            Way("10,000 channels by a pattern", REDIS_TO_AMQP, True, channels=10_000),
            Way("1 channel by its name", REDIS_TO_AMQP, True, channels=1, listed=True),
            Way("10,000 channels by their names", REDIS_TO_AMQP, True, channels=10_000, listed=True))


def all_on(configuration: dict[str, Any], run: Run, port: int) -> dict[str, Any]:
    """Everything on, but nothing that is done each second, as a message takes longer here."""
    return everything_on(configuration, run, port, "1h")


def callgrind(rig: Rig, candidate: Chunneld, way: Way, count: int, out: pathlib.Path) -> None:
    """Carries `count` messages under callgrind, which writes what it counted to `out`."""
    with rig.run(candidate, way.direction, way.channels) as run:
        run.child = candidate.start_with(
            way.dress(way.configuration(candidate, run.route), run, free_port()), run.folder,
            ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"))
        if way.listed:
            wait_until(lambda: rig.redis.channels(run.route.pattern) == way.channels,
                       "all channels are subscribed", 60)
        else:
            run.wait_attached()
        outcome = run.flow(SIZE, Pace(count=count, window=WINDOW), idle_ms=30_000)
        run.child.stop(60)
        if outcome["got"] != count:
            raise Failed(f"{way.title}: {outcome['got']} of {count} messages came")


def callgrind_scrapes(rig: Rig, candidate: Chunneld, count: int, out: pathlib.Path) -> None:
    """Reads /metrics `count` times from a daemon under callgrind."""
    wrapper = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}")
    with carried(rig, candidate, BRIDGES, wrapper) as (child, port):
        client = Client(port)
        for _ in range(count):
            client.whole("/metrics")
        client.close()
        child.stop(60)


def callgrind_seconds(rig: Rig, candidate: Chunneld, bridges: int, looked_at: bool, seconds: int,
                      out: pathlib.Path) -> None:
    """Leaves a daemon under callgrind alone for so long, but for those who look at it: nothing is
    published, so that what they cost is all that there is."""
    wrapper = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}")
    dress = everything_on if looked_at else nothing_on
    with carried(rig, candidate, bridges, wrapper, dress) as (child, port):
        with watchers(port) if looked_at else contextlib.nullcontext():
            time.sleep(seconds)
        child.stop(60)


def total(out: pathlib.Path) -> int:
    """All instructions of a run."""
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    if not found:
        raise Failed(f"{out} has no total: did the daemon not stop cleanly?")
    return int(found.group(1))


def by_function(out: pathlib.Path) -> dict[str, int]:
    """Instructions of each function itself, without those of what it calls."""
    done = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", str(out)],
                          capture_output=True, text=True, check=True)
    counts: dict[str, int] = {}
    for line in done.stdout.splitlines():
        match = re.match(r"^\s*([\d,]+)\s+\([\s\d.]+%\)\s+(\S.*)$", line)
        if match and "PROGRAM TOTALS" not in line:
            name = re.sub(r"^\S*?([^/:]+:\S+)", r"\1", match.group(2))
            name = re.sub(r"\[[^\]]*?([^/\]]+)\]", r"[\1]", name)
            counts[name] = counts.get(name, 0) + int(match.group(1).replace(",", ""))
    return counts


def top(few: pathlib.Path, many: pathlib.Path, things: int, count: int) -> Iterator[str]:
    """The functions that take most for each of the things that `many` has more."""
    if count == 0:
        return
    before, after = by_function(few), by_function(many)
    costs = {name: (after[name] - before.get(name, 0)) / things for name in after}
    for name in sorted(costs, key=lambda name: -costs[name])[:count]:
        yield f"    {costs[name]:9.1f}  {name}"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/instructions", description="Counts the instructions that chunneld takes for a "
        f"message of {SIZE} bytes: runs of {FEW:,} and of {MANY:,} under callgrind, the difference "
        f"divided by {MANY - FEW:,}.")
    parser.add_argument("--chunneld", type=pathlib.Path, metavar="PATH",
                        help="the program to measure (default: a release build of these sources)")
    parser.add_argument("--top", type=int, metavar="N", default=0,
                        help="list the N functions that take most")
    parser.add_argument("--ceilings", type=pathlib.Path, metavar="FILE",
                        help="fail where a way takes more than FILE, a JSON object, says")
    parser.add_argument("--channels", action="store_true",
                        help="compare 10,000 channels on one bridge with one instead")
    parser.add_argument("--observed", action="store_true",
                        help="count instead what a message costs, and a second in which nothing is "
                        "published, with everything on (a scrape, the stats, the canary and a watcher "
                        "of the status page each second, events, control socket) and with nothing")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR",
                        help="keep callgrind's files there")
    return parser.parse_args(arguments)


def cases(options: argparse.Namespace, annotated: Chunneld,
          plain: Chunneld) -> Iterator[tuple[str, int, int, int, Count]]:
    """What is counted: its name, the two amounts, of how many things each is, and how it is done."""
    if options.observed:
        for words, dress in (("nothing", nothing_on), ("all", all_on)):
            way = Way(f"a message, Redis to AMQP, {words} on", REDIS_TO_AMQP, True, dress)
            yield (way.title, FEW, MANY, 1,
                   lambda rig, count, out: callgrind(rig, annotated, way, count, out))
        for bridges in (1, 1000):
            for looked_at in (False, True):
                yield (f"a second, {bridges:,} bridges, {'all' if looked_at else 'nothing'} on",
                       FEW_SECONDS, MANY_SECONDS, 1,
                       lambda rig, count, out: callgrind_seconds(rig, annotated, bridges, looked_at,
                                                                 count, out))
        return
    for way in CHANNELS if options.channels else WAYS:
        candidate = annotated if way.annotate else plain
        yield (way.title, FEW, MANY, 1,
               lambda rig, count, out: callgrind(rig, candidate, way, count, out))
    if not options.channels:
        yield (SCRAPE, FEW_SCRAPES, MANY_SCRAPES, BRIDGES,
               lambda rig, count, out: callgrind_scrapes(rig, annotated, count, out))


def measure(options: argparse.Namespace, folder: pathlib.Path) -> None:
    given = options.chunneld and options.chunneld.absolute()
    ceilings = json.loads(options.ceilings.read_text()) if options.ceilings else {}
    over = []
    cache = Cache(default_folder())
    annotated, plain = Chunneld(given), ChunneldPlain(given)
    for candidate in (annotated, plain):
        candidate.prepare(cache)
    print(f"{annotated.versions()}")
    with Rig(load.build(cache)) as rig:
        for number, (title, few, many, of, run) in enumerate(cases(options, annotated, plain)):
            outs = [folder / f"callgrind.{number}.{count}" for count in (few, many)]
            for count, out in zip((few, many), outs):
                run(rig, count, out)
            things = (many - few) * of
            each = (total(outs[1]) - total(outs[0])) / things
            print(f"{each:9.0f} instructions  {title}", flush=True)
            for line in top(*outs, things, options.top):
                print(line)
            if each > ceilings.get(title, each):
                over.append(f"{title}: {each:.0f} instructions, over the ceiling of "
                            f"{ceilings[title]}")
    if over:
        raise Failed("; ".join(over))


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    if not shutil.which("valgrind"):
        print("valgrind is missing (Debian: apt-get install valgrind)", file=sys.stderr)
        return 1
    try:
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            measure(options, options.keep.absolute())
        else:
            with tempfile.TemporaryDirectory(prefix="chunneld-instructions-") as folder:
                measure(options, pathlib.Path(folder))
    except Failed as reason:
        print(f"bench/instructions: {reason}", file=sys.stderr)
        return 1
    return 0
