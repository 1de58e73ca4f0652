"""The results of a benchmark: collected run by run, summed up as medians with their range and as
ratios pair by pair, written as a table and as JSON."""

from __future__ import annotations

import dataclasses
import statistics
from typing import Any, Iterator, Sequence

from .scenarios import Case, Column, Metrics, Scenario

REFERENCE = "chunneld"


@dataclasses.dataclass
class Cell:
    """The runs of one candidate in one case: numbers, or the words why there are none."""

    runs: list[Metrics | str] = dataclasses.field(default_factory=list)

    def values(self, key: str) -> dict[int, float]:
        """What was measured, by round."""
        return {number: float(value) for number, run in enumerate(self.runs)
                if not isinstance(run, str) and (value := run.get(key)) is not None}

    def failures(self) -> list[str]:
        return [run for run in self.runs if isinstance(run, str)]


@dataclasses.dataclass
class Summary:
    """Median and range; the ratio to the reference is that of the runs of the same round."""

    median: float
    least: float
    most: float
    ratio: tuple[float, float, float] | None = None  # median, least, most

    @staticmethod
    def of(values: Sequence[float]) -> "Summary":
        return Summary(statistics.median(values), min(values), max(values))


class Results:
    """All cells, in the order of the scenarios."""

    def __init__(self, titles: dict[str, str]) -> None:
        self._titles = titles
        self._scenarios: dict[str, Scenario] = {}
        self._cells: dict[tuple[str, str, str], Cell] = {}

    def add(self, scenario: Scenario, case: Case, candidate: str, run: Metrics | str) -> None:
        self._scenarios[scenario.name] = scenario
        self._cells.setdefault((scenario.name, case.name, candidate), Cell()).runs.append(run)

    def title(self, candidate: str) -> str:
        return self._titles[candidate]

    def scenarios(self) -> list[Scenario]:
        return list(self._scenarios.values())

    def cells(self, scenario: Scenario, case: Case) -> Iterator[tuple[str, Cell]]:
        for (name, case_name, candidate), cell in self._cells.items():
            if (name, case_name) == (scenario.name, case.name):
                yield candidate, cell

    def summary(self, scenario: Scenario, case: Case, candidate: str,
                column: Column) -> Summary | None:
        """None where nothing was measured."""
        values = self._cells[scenario.name, case.name, candidate].values(column.key)
        if not values:
            return None
        summary = Summary.of(list(values.values()))
        reference = self._cells.get((scenario.name, case.name, REFERENCE))
        if column.compared and reference and candidate != REFERENCE:
            theirs = reference.values(column.key)
            ratios = [value / theirs[number] for number, value in values.items()
                      if theirs.get(number)]
            if ratios:
                summary.ratio = (statistics.median(ratios), min(ratios), max(ratios))
        return summary

    # as text

    def case_table(self, scenario: Scenario, case: Case) -> str:
        rows = [[case.name, *(column.head for column in scenario.columns)]]
        notes = []
        for candidate, cell in self.cells(scenario, case):
            row = [f"  {self.title(candidate)}"]
            for column in scenario.columns:
                row.append(shown(self.summary(scenario, case, candidate, column), column))
            rows.append(row)
            for words in dict.fromkeys(cell.failures()):
                count = cell.failures().count(words)
                notes.append(f"  {self.title(candidate)}: {count} of {len(cell.runs)} runs "
                             f"failed: {words}")
        return "\n".join([aligned(rows), *notes])

    def as_json(self) -> dict[str, Any]:
        return {scenario.name: {"title": scenario.title,
                                "cases": {case.name: self._case_json(scenario, case)
                                          for case in scenario.cases
                                          if any(self.cells(scenario, case))}}
                for scenario in self.scenarios()}

    def _case_json(self, scenario: Scenario, case: Case) -> dict[str, Any]:
        candidates: dict[str, Any] = {}
        for candidate, cell in self.cells(scenario, case):
            summaries = {column.key: self.summary(scenario, case, candidate, column)
                         for column in scenario.columns}
            candidates[candidate] = {
                "runs": [{"failed": run} if isinstance(run, str) else run for run in cell.runs],
                "summary": {key: dataclasses.asdict(summary)
                            for key, summary in summaries.items() if summary}}
        return {"parameters": case.parameters, "candidates": candidates}


def shown(summary: Summary | None, column: Column) -> str:
    """"12.5 [12.1-12.9] x20.4", or a dash where nothing was measured."""
    if summary is None:
        return "-"
    text = f"{summary.median:,.{column.digits}f}"
    if summary.least != summary.most:
        text += f" [{summary.least:,.{column.digits}f}-{summary.most:,.{column.digits}f}]"
    if summary.ratio:
        ratio = summary.ratio[0]
        text += f" x{ratio:.2f}" if ratio < 10 else f" x{ratio:.0f}"
    return text


def aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]),
                   *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]).rstrip()
        for row in rows)
