"""The plot of a benchmark: an SVG of horizontal bars, a panel a case and compared number. A bar is
the median, the line through its end goes from the least to the most. What runs without a bridge
shows the limit of a server; where that is far off, its bar is cut."""

from __future__ import annotations

from xml.sax.saxutils import escape

from .results import REFERENCE, Results, Summary
from .scenarios import Case, Column, Scenario

PANEL_WIDTH = 510
PANELS_A_ROW = 3
MARGIN = 24
LABEL_WIDTH = 220
VALUE_WIDTH = 90
BAR_WIDTH = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH
ROW_HEIGHT = 18
HEAD_HEIGHT = 44
CUT_ABOVE = 3  # times the longest bar of a bridge: there the bar of a bare server is cut off
OUR_COLOUR = "#b5432a"
OTHER_COLOUR = "#7d8b99"
BARE_COLOUR = "#c9d1d8"

Bars = list[tuple[str, Summary]]


def _text(x: float, y: float, words: str, size: int = 11, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" {more}>{escape(words)}</text>'


def _is_bare(candidate: str) -> bool:
    return candidate.startswith("bare-")


def _colour(candidate: str) -> str:
    if _is_bare(candidate):
        return BARE_COLOUR
    return OUR_COLOUR if candidate.startswith(REFERENCE) else OTHER_COLOUR


def _bar(results: Results, column: Column, candidate: str, summary: Summary, y: float,
         scale: float) -> list[str]:
    length, most = (min(value * scale, BAR_WIDTH) for value in (summary.median, summary.most))
    middle = y + ROW_HEIGHT / 2
    parts = [
        _text(LABEL_WIDTH - 6, middle + 4, results.title(candidate), 11, 'text-anchor="end"'),
        f'<rect x="{LABEL_WIDTH}" y="{y + 3:.1f}" width="{max(length, 0.5):.1f}" '
        f'height="{ROW_HEIGHT - 6}" fill="{_colour(candidate)}"/>']
    cut = summary.most * scale > BAR_WIDTH + 1
    if summary.least != summary.most and not cut:
        parts.append(f'<path d="M{LABEL_WIDTH + summary.least * scale:.1f} {middle:.1f}'
                     f'H{LABEL_WIDTH + most:.1f}" stroke="#222"/>')
    words = f"{summary.median:,.{column.digits}f}{' (cut)' if cut else ''}"
    parts.append(_text(LABEL_WIDTH + max(length, most) + 5, middle + 4, words))
    return parts


def _scale(bars: Bars) -> float:
    """Width of one unit. The bridges' bars have the say; a bare server's may be cut off."""
    ours = [summary.most for candidate, summary in bars if not _is_bare(candidate)]
    longest = max(summary.most for _, summary in bars)
    if ours:
        longest = min(longest, CUT_ABOVE * max(ours))
    return BAR_WIDTH / longest if longest > 0 else 0.0


def _panel(results: Results, scenario: Scenario, case: Case, column: Column, bars: Bars) -> str:
    scale = _scale(bars)
    parts = [_text(0, 14, f"{scenario.name}: {column.head}", 13, 'font-weight="bold"'),
             _text(0, 31, case.name, 11, 'fill="#555"')]
    for index, (candidate, summary) in enumerate(bars):
        parts += _bar(results, column, candidate, summary, HEAD_HEIGHT + index * ROW_HEIGHT, scale)
    return "\n".join(parts)


def _panels(results: Results) -> list[tuple[int, str]]:
    """Every panel with its height."""
    panels = []
    for scenario in results.scenarios():
        for column in (column for column in scenario.columns if column.compared):
            for case in scenario.cases:
                bars = [(candidate, summary) for candidate, _ in results.cells(scenario, case)
                        if (summary := results.summary(scenario, case, candidate, column))]
                if bars:
                    panels.append((HEAD_HEIGHT + len(bars) * ROW_HEIGHT + MARGIN,
                                   _panel(results, scenario, case, column, bars)))
    return panels


def svg(results: Results, subtitle: str) -> str:
    """The whole picture; `subtitle` says what it was measured on."""
    panels = _panels(results)
    width = PANELS_A_ROW * (PANEL_WIDTH + MARGIN) + MARGIN
    top, parts = 64, [_text(MARGIN, 28, "chunneld and its peers", 18, 'font-weight="bold"'),
                      _text(MARGIN, 46, subtitle, 11, 'fill="#555"')]
    for first in range(0, len(panels), PANELS_A_ROW):
        row = panels[first:first + PANELS_A_ROW]
        for index, (_, panel) in enumerate(row):
            x = MARGIN + index * (PANEL_WIDTH + MARGIN)
            parts.append(f'<g transform="translate({x},{top})">\n{panel}\n</g>')
        top += max(height for height, _ in row)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top + MARGIN}" '
            f'font-family="sans-serif">\n<rect width="100%" height="100%" fill="#fff"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
