"""The scenarios: what is measured, with which parameters, on whom. How is in measures.py."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Sequence

from . import calls as rpc
from . import measures
from . import mirror as mirrors
from . import observing
from . import soak as long_run
from . import thousand
from .rig import Rig
from .candidates import Candidate
from .routes import DIRECTIONS, REDIS_TO_AMQP

Metrics = dict[str, "float | int | None"]
Measure = Callable[[Rig, Candidate, dict[str, Any]], Metrics]

DAEMON = ("chunneld",)
FAST = ("chunneld", "node", "python", "connect")  # twenty thousand messages a second and more
LEAST_RATE = 1000  # messages a second at which nobody is left behind for long
BRIDGES = ("chunneld", "node", "python", "python-blocking", "connect")
TO_AMQP = ("chunneld", "chunneld-plain", "chunneld-tx", "chunneld-disk", "node", "python",
           "python-blocking", "connect")


@dataclasses.dataclass(frozen=True)
class Column:
    """One number of a run: its key, its head in the table, its digits, and whether candidates are
    compared by it (a ratio to chunneld is shown, and a panel of the plot made)."""

    key: str
    head: str
    digits: int = 0
    compared: bool = False


@dataclasses.dataclass(frozen=True)
class Case:
    """One set of parameters; `who` are the candidates it is for."""

    name: str
    parameters: dict[str, Any]
    who: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`alone`: it takes so long that it is measured only where it is named, and then once."""

    name: str
    title: str
    measure: Measure
    columns: Sequence[Column]
    cases: Sequence[Case]
    alone: bool = False


LOSS = (Column("lost", "lost"), Column("duplicates", "twice"))


def arrow(direction: str) -> str:
    return "Redis to AMQP" if direction == REDIS_TO_AMQP else "AMQP to Redis"


def bare(direction: str) -> tuple[str, ...]:
    if direction == REDIS_TO_AMQP:
        return ("bare-amqp", "bare-alike", "bare-redis")
    return ("bare-redis", "bare-amqp")


def sizes(size: int) -> str:
    return f"{size} B" if size < 1024 else f"{size // 1024} KiB"


def throughput(quick: bool) -> Scenario:
    return Scenario(
        "throughput", "Saturated throughput: as much under way as everybody can take",
        measures.throughput,
        (Column("rate", "messages/s", 0, True), Column("cpu_us", "CPU µs/message", 2, True),
         Column("peak_mib", "peak MiB", 1, True), *LOSS, Column("out_of_order", "out of order")),
        [Case(f"{arrow(direction)}, {sizes(size)}",
              {"direction": direction, "size": size, "seconds": 1 if quick else 4},
              (TO_AMQP + ("bare-beside",) if direction == REDIS_TO_AMQP else BRIDGES)
              + bare(direction))
         for direction in DIRECTIONS for size in (100, 1024, 65536)])


def latency(quick: bool) -> Scenario:
    return Scenario(
        "latency", "Latency from PUBLISH to consumer and back, at a steady rate", measures.latency,
        (Column("p50_us", "p50 µs", 0, True), Column("p99_us", "p99 µs", 0, True),
         Column("p999_us", "p99.9 µs"), Column("max_us", "max µs"),
         Column("cpu_us", "CPU µs/message", 2), *LOSS),
        [Case(f"{arrow(direction)}, {rate:,}/s",
              {"direction": direction, "rate": rate, "size": 100,
               "seconds": 2 if quick else max(5, 1500 // rate)},
              ((BRIDGES if rate <= LEAST_RATE else FAST)
               + (("chunneld-disk",) if direction == REDIS_TO_AMQP else ())
               + bare(direction)))
         for direction in DIRECTIONS for rate in (100, 1000, 10_000)])


def burst(quick: bool) -> Scenario:
    count = 50_000 if quick else 500_000
    return Scenario(
        "burst", "A burst at full speed into Redis: who loses what", measures.burst,
        (Column("lost", "lost", 0, True), Column("duplicates", "twice"),
         Column("sent_rate", "sent/s"), Column("rate", "delivered/s", 0, True),
         Column("cpu_us", "CPU µs/message", 2), Column("peak_mib", "peak MiB", 1, True)),
        [Case(f"Redis to AMQP, {count:,} of 100 B", {"count": count, "size": 100}, FAST),
         Case(f"Redis to AMQP, {2 * count:,} of 100 B", {"count": 2 * count, "size": 100},
              DAEMON)])


def outage(quick: bool) -> Scenario:
    count = 200_000 if quick else 5_000_000
    return Scenario(
        "outage", "A burst at full speed while the broker is blocked: memory, disk and back",
        measures.outage,
        (*LOSS, Column("out_of_order", "out of order"), Column("sent_rate", "sent/s"),
         Column("rate", "delivered/s", 0, True), Column("cpu_us", "CPU µs/message", 2),
         Column("peak_mib", "peak MiB", 1)),
        [Case(f"Redis to AMQP, {count:,} of 200 B", {"count": count, "size": 200},
              (*DAEMON, "bare-amqp", "bare-alike"))])


def backlog(quick: bool) -> Scenario:
    count = 20_000 if quick else 200_000
    return Scenario(
        "backlog", "A full queue when the bridge comes", measures.backlog,
        (Column("rate", "delivered/s", 0, True), Column("cpu_us", "CPU µs/message", 2, True),
         Column("peak_mib", "peak MiB", 1), *LOSS, Column("out_of_order", "out of order")),
        [Case(f"AMQP to Redis, {count:,} of 100 B", {"count": count, "size": 100}, BRIDGES)])


def channels(quick: bool) -> Scenario:
    return Scenario(
        "channels", "1,000 channels by one pattern, the channel as routing key",
        measures.throughput,
        (Column("rate", "messages/s", 0, True), Column("cpu_us", "CPU µs/message", 2, True),
         Column("peak_mib", "peak MiB", 1), *LOSS, Column("out_of_order", "out of order")),
        [Case("Redis to AMQP, 1,000 channels, 100 B",
              {"direction": REDIS_TO_AMQP, "size": 100, "seconds": 1 if quick else 4,
               "channels": 1000}, BRIDGES)])


def recovery(quick: bool) -> Scenario:
    return Scenario(
        "recovery", "RabbitMQ killed and started again under 1,000 messages/s", measures.recovery,
        (Column("recovery_ms", "ms until it works again", 0, True),
         Column("outage_ms", "ms the broker was away"), *LOSS,
         Column("peak_mib", "peak MiB", 1)),
        [Case(arrow(direction), {"direction": direction, "rate": 1000, "size": 100,
                                 "seconds": 2 if quick else 5}, BRIDGES)
         for direction in DIRECTIONS])


def startup(quick: bool) -> Scenario:
    return Scenario(
        "startup", "From the start of the process to the first message", measures.startup,
        (Column("first_ms", "ms", 1, True),),
        [Case(arrow(direction), {"direction": direction}, BRIDGES) for direction in DIRECTIONS])


def idle(quick: bool) -> Scenario:
    return Scenario(
        "idle", "Bridges with nothing to do", measures.idle,
        (Column("rss_mib", "MiB", 1), Column("cpu_percent", "% of a core", 3)),
        [Case(f"{bridges:,} bridges", {"bridges": bridges, "seconds": 2 if quick else 10}, DAEMON)
         for bridges in (100, 1000)])


def mirror(quick: bool) -> Scenario:
    def case(name: str, who: Sequence[str], **parameters: Any) -> Case:
        parameters = {"rate": 20_000, "cuts": 0, "persistent": False, **parameters}
        if quick:
            parameters["seconds"] = 1 + parameters["cuts"] // 2
        return Case(name, parameters, who)

    both = ("chunneld", "bare-amqp")
    return Scenario(
        "mirror", "A mirror: both sides publish at once, bodies of 1,000 values", mirrors.mirror,
        (Column("sent_rate", "sent/s a side"), Column("rate", "through/s a side", 0, True),
         Column("lost_redis", "lost Redis"), Column("lost_amqp", "lost AMQP"),
         Column("extra_redis", "twice Redis"), Column("extra_amqp", "twice AMQP"),
         Column("unheard", "unheard"), Column("cut_off", "cut off"),
         Column("pending", "backlog"), Column("cpu_us", "CPU µs/message", 2),
         Column("peak_mib", "peak MiB", 1)),
        [case("20,000/s a side", both, seconds=20),
         case("20,000/s a side, persistent", both, seconds=20, persistent=True),
         case("4,000/s a side, cut five times", DAEMON, rate=4000, seconds=60, cuts=5),
         case("20,000/s a side, cut five times", DAEMON, seconds=60, cuts=5)])


def calls(quick: bool) -> Scenario:
    return Scenario(
        "calls", "Calls, one at a time: through the daemon, and on one server", rpc.calls,
        (Column("through_p50_us", "through p50 µs"), Column("through_p99_us", "p99"),
         Column("amqp_p50_us", "RabbitMQ p50 µs"), Column("amqp_p99_us", "p99"),
         Column("redis_p50_us", "Redis p50 µs"), Column("redis_p99_us", "p99"),
         Column("added_p50_us", "added p50 µs"), Column("added_p99_us", "p99")),
        [Case(f"{asker} asks, {worker} answers",
              {"asks": asks, "calls": 200 if quick else 2000, "turns": 1 if quick else 5}, DAEMON)
         for asks, asker, worker in (("amqp", "AMQP", "Redis"), ("redis", "Redis", "AMQP"))])


def scrape(quick: bool) -> Scenario:
    return Scenario(
        "scrape", "A scrape of /metrics, with nothing else to do", observing.scrape,
        (Column("scrape_ms", "ms", 2), Column("scrape_cpu_ms", "of it CPU ms", 2),
         Column("turn_ms", "longest turn ms", 2), Column("page_kib", "KiB")),
        [Case(f"{bridges:,} bridges", {"bridges": bridges,
                                       "seconds": 1 if quick else observing.LOOK_BACK_S}, DAEMON)
         for bridges in (100, 1000)])


def observed(quick: bool) -> Scenario:
    return Scenario(
        "observed", "Saturated, with everything on that an operator may look at",
        observing.observed,
        (Column("rate", "messages/s"), Column("off_us", "CPU µs/message, all off", 3),
         Column("on_us", "all on", 3), Column("more_percent", "% more", 2)),
        [Case(f"{1 + idle:,} bridges, one of them busy, 100 B",
              {"idle": idle, "seconds": 1 if quick else 2, "pairs": 1 if quick else 3}, DAEMON)
         for idle in (0, 999)])


def many(quick: bool) -> Scenario:
    bridges = 1000
    shapes = (("out", "Redis to AMQP"), ("back", "AMQP to Redis"), ("mix", "half of them each way"),
              ("declared", "Redis to AMQP, as many queues and bindings declared"),
              ("mirrors", "mirrors of patterns on one exchange"))
    return Scenario(
        "thousand", "A thousand bridges: checked, started, at rest, one of them changed",
        thousand.thousand,
        (Column("check_ms", "--check ms", 0), Column("first_ms", "first start ms", 0),
         Column("running_ms", "start ms", 0), Column("start_cpu_ms", "start CPU ms", 0),
         Column("reload_ms", "reload ms", 0), Column("cpu_percent", "% of a core", 3),
         Column("rss_mib", "MiB", 1), Column("peak_mib", "peak MiB", 1)),
        [Case(f"{bridges:,} bridges, {title}",
              {"shape": shape, "bridges": bridges, "seconds": 2 if quick else 10}, DAEMON)
         for shape, title in shapes])


def soak(quick: bool, minutes: int) -> Scenario:
    return Scenario(
        "soak", "Saturated in both directions for long: does the memory grow?", long_run.soak,
        (Column("rss_early_mib", "MiB after a tenth", 2), Column("rss_end_mib", "at the end", 2),
         Column("rss_most_mib", "at most", 2), Column("slope_kib_h", "KiB/h more", 1),
         Column("out", "to AMQP"), Column("back", "to Redis"), *LOSS,
         Column("cpu_us", "CPU µs/message", 2)),
        [Case(f"both at once, {minutes} min, 100 B",
              {"minutes": minutes, "size": 100, "every_s": 1 if quick else 10}, DAEMON)],
        alone=True)


def all_scenarios(quick: bool, minutes: int) -> list[Scenario]:
    return [make(quick) for make in (throughput, latency, burst, outage, backlog, channels,
                                     recovery, startup, idle, mirror, calls, scrape,
                                     observed, many)] + [soak(quick, minutes)]
