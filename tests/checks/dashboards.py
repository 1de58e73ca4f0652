#!/usr/bin/env python3
"""Do the alerts and the dashboard ask for metrics, labels and values that there are, and does the
dashboard show every metric?"""

import json
import re

import checklib

ALERTS = "contrib/prometheus/alerts.yml"
DASHBOARD = "contrib/grafana/chunneld.json"
EVERYWHERE = {"instance", "job"}  # what Prometheus itself puts to every metric


def metrics():
    """{name: {label: values, or None for any}} of doc/metrics.md, which is made from the code."""
    found = {}
    for line in checklib.read("doc/metrics.md").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 5 and re.fullmatch(r"`chunnel_\w+`", cells[1]):
            labels = found.setdefault(cells[1].strip("`"), {})
            for name, value in re.findall(r'`(\w+)(?:="([^"]*)")?`', cells[4]):
                labels[name] = None if not value else (labels.get(name) or set()) | {value}
    return found


def selectors(expression):
    """(metric, [(label, operator, value)]) of each selector in a PromQL expression."""
    for name, inside in re.findall(r"\b(chunnel_\w+)(?:\{([^}]*)\})?", expression):
        yield re.sub("_bucket$", "", name), re.findall(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"',
                                                       inside or "")


def wrong_words(expression, known):
    """What the expression asks for that there is not."""
    for name, labels in selectors(expression):
        if name not in known:
            yield f"there is no metric {name}"
            continue
        for label, _, value in labels:
            values = known[name].get(label)
            if label not in known[name].keys() | EVERYWHERE:
                yield f"{name} has no label {label}"
            elif values and not set(value.split("|")) <= values:
                yield f"{name} has {label} only as {', '.join(sorted(values))}"


def expressions():
    """(file, line, expression) of all alerts and panels."""
    for number, line in enumerate(checklib.read(ALERTS).splitlines(), 1):
        if not re.match(r"\s*(summary|description):", line):
            yield ALERTS, number, line
    for panel in json.loads(checklib.read(DASHBOARD))["panels"]:
        for target in panel["targets"]:
            yield DASHBOARD, 1, target["expr"]


def main():
    findings = checklib.Findings()
    known = metrics()
    if not known:
        findings.add("doc/metrics.md", 1, "its table was not understood")
    shown = set()
    for path, number, expression in expressions():
        for words in wrong_words(expression, known):
            findings.add(path, number, words)
        if path == DASHBOARD:
            shown.update(name for name, _ in selectors(expression))
    for name in sorted(known.keys() - shown):
        findings.add(DASHBOARD, 1, f"shows nothing of {name}")
    boxes = [panel["gridPos"] for panel in json.loads(checklib.read(DASHBOARD))["panels"]]
    if len({(box["x"], box["y"]) for box in boxes}) != len(boxes):
        findings.add(DASHBOARD, 1, "two panels stand in one place")
    findings.exit()


main()
