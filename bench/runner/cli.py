"""The command line of bench/run: what to measure on whom, in which order, and where it goes."""

from __future__ import annotations

import argparse
import json
import pathlib
import signal
import sys
import time
from typing import Any, NoReturn, Sequence

from . import load, machine, plot
from .cache import Cache, default_folder
from .candidates import Candidate, all_candidates
from .results import REFERENCE, Results
from .rig import Rig
from .scenarios import Case, Metrics, Scenario, all_scenarios
from .servers import ROOT
from .waiting import Failed

RESULTS = ROOT / "bench" / "results"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run", description="Measures chunneld and its peers on private servers; "
        "prints a table, writes JSON and an SVG to bench/results/. See bench/README.md.")
    parser.add_argument("--quick", action="store_true",
                        help="small amounts and one round: does everything work?")
    parser.add_argument("--scenario", action="append", metavar="NAME", default=[],
                        help="only this one; may be given again")
    parser.add_argument("--case", action="append", metavar="TEXT", default=[],
                        help="only cases that have this in their name; may be given again")
    parser.add_argument("--candidate", action="append", metavar="NAME", default=[],
                        help="only this one; may be given again")
    parser.add_argument("--rounds", type=int, metavar="N",
                        help="how often each is measured, in turn with the others (default: 3, "
                        "with --quick 1)")
    parser.add_argument("--minutes", type=int, metavar="N",
                        help="how long the scenario soak goes on (default: 60, with --quick 1)")
    parser.add_argument("--chunneld", type=pathlib.Path, metavar="PATH",
                        help="the program to measure (default: a release build of these sources)")
    parser.add_argument("--results", type=pathlib.Path, metavar="DIR", default=RESULTS,
                        help="where JSON and SVG go (default: bench/results)")
    parser.add_argument("--list", action="store_true", help="scenarios and candidates, then end")
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = 1 if options.quick else 3
    if options.minutes is None:
        options.minutes = 1 if options.quick else 60
    if options.rounds < 1 or options.minutes < 1:
        parser.error("--rounds and --minutes must be 1 or more")
    return options


def pick(things: Sequence, wanted: Sequence[str], kind: str) -> list:
    """Those whose names are wanted; all where none are named."""
    unknown = set(wanted) - {thing.name for thing in things}
    if unknown:
        known = ", ".join(thing.name for thing in things)
        raise Failed(f"no {kind} {', '.join(sorted(unknown))}; there are: {known}")
    return [thing for thing in things if not wanted or thing.name in wanted]


def show_list(scenarios: Sequence[Scenario], candidates: Sequence[Candidate]) -> None:
    print("scenarios")
    for scenario in scenarios:
        print(f"  {scenario.name:16} {scenario.title}"
              f"{' (only where it is named)' if scenario.alone else ''}")
    print("candidates")
    for candidate in candidates:
        print(f"  {candidate.name:16} {candidate.title}")


def show_facts(facts: dict[str, Any]) -> None:
    """The machine, the versions, and why something is not measured."""
    for name, value in facts["machine"].items():
        print(f"{name:16} {value}")
    for name, versions in facts["versions"].items():
        if versions:
            print(f"{name:16} " + ", ".join(f"{key} {value}" for key, value in versions.items()))
    for name, reason in facts["missing"].items():
        print(f"{name:16} not measured: {reason}")


def prepare(candidates: Sequence[Candidate],
            cache: Cache) -> tuple[list[Candidate], dict[str, str]]:
    """The candidates that can be had, and why the others cannot."""
    there, missing = [], {}
    for candidate in candidates:
        try:
            candidate.prepare(cache)
            there.append(candidate)
        except Failed as reason:
            missing[candidate.name] = str(reason)
            say(f"without {candidate.title}: {reason}")
    return there, missing


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def measure_case(rig: Rig, scenario: Scenario, case: Case, candidates: Sequence[Candidate],
                 rounds: int, results: Results) -> None:
    """A B C, A B C, ...: whatever the machine does meanwhile, it does to all of them."""
    for number in range(1, rounds + 1):
        for candidate in candidates:
            say(f"  {scenario.name}: {case.name}: round {number}: {candidate.name}")
            try:
                run: Metrics | str = scenario.measure(rig, candidate, case.parameters)
            except (Failed, AssertionError) as error:
                rig.broker.check_alive()
                run = str(error)
            results.add(scenario, case, candidate.name, run)


def measure(options: argparse.Namespace, scenarios: Sequence[Scenario],
            candidates: Sequence[Candidate], programs: pathlib.Path, results: Results) -> None:
    with Rig(programs) as rig:
        for scenario in scenarios:
            print(f"\n{scenario.title} ({scenario.name})")
            rounds = 1 if scenario.alone else options.rounds
            for case in scenario.cases:
                who = [candidate for candidate in candidates if candidate.name in case.who]
                if who and (not options.case or any(text in case.name for text in options.case)):
                    measure_case(rig, scenario, case, who, rounds, results)
                    print(f"\n{results.case_table(scenario, case)}", flush=True)


def write(options: argparse.Namespace, facts: dict[str, Any], results: Results) -> None:
    options.results.mkdir(parents=True, exist_ok=True)
    base = options.results / time.strftime("%Y%m%d-%H%M%S")
    document = {"v": 1, "options": {"quick": options.quick, "rounds": options.rounds}, **facts,
                "scenarios": results.as_json()}
    base.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")
    where = facts["machine"]
    base.with_suffix(".svg").write_text(plot.svg(results, (
        f"{where['processor']}, {where['cores']} cores, {where['system']}, Linux "
        f"{where['kernel']}; {where['time']}; {options.rounds} rounds, medians; commit "
        f"{where['commit']}")))
    print(f"\nwritten: {base}.json {base}.svg")


def _interrupted(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def run(options: argparse.Namespace) -> None:
    scenarios = all_scenarios(options.quick, options.minutes)
    candidates = all_candidates(options.chunneld and options.chunneld.absolute())
    if options.list:
        show_list(scenarios, candidates)
        return
    scenarios = [scenario for scenario in pick(scenarios, options.scenario, "scenario")
                 if options.scenario or not scenario.alone]
    candidates = pick(candidates, options.candidate, "candidate")
    described = machine.describe()
    cache = Cache(default_folder())
    say("building and installing what is missing")
    programs = load.build(cache)
    candidates, missing = prepare(candidates, cache)
    facts = {"machine": described, "missing": missing,
             "versions": {candidate.name: candidate.versions() for candidate in candidates}}
    show_facts(facts)
    print(f"\nMedians [least-most] of {options.rounds} rounds; x: times {REFERENCE}'s number, "
          "pair by pair.")
    results = Results({candidate.name: candidate.title for candidate in candidates})
    before, broken = machine.processor_ticks(), ""
    try:
        measure(options, scenarios, candidates, programs, results)
    except KeyboardInterrupt:
        broken = "interrupted"
    except Failed as reason:
        broken = str(reason)
    stolen = machine.stolen_percent(before, machine.processor_ticks())
    described["stolen by other guests"] = f"{stolen:.1f} %"
    print(f"\ntaken by other guests of the host meanwhile: {stolen:.1f} % of the processors")
    write(options, facts, results)
    if broken:
        raise Failed(f"{broken}; what was measured before is written")


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        run(parse(arguments))
    except Failed as reason:
        say(f"bench/run: {reason}")
        return 1
    return 0
