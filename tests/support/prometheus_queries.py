"""The queries of all dashboards and rules, as a test asks them of a Prometheus that has run for minutes."""

from __future__ import annotations

import yaml

from tests.unit.ops.test_deployment_files import ROOT, generator


def expressions() -> list[str]:
    """Return what the dashboards show and what the rules measure, without thresholds and without offsets of a day."""
    found = [query for _, _, query in generator().queries()]
    for file in ("recording.yaml", "alerts.yaml"):
        for group in yaml.safe_load((ROOT / "ops/prometheus" / file).read_text(encoding="utf-8"))["groups"]:
            found += [measured(rule["expr"]) for rule in group["rules"]]
    # a day does not pass in a test; without keys nothing is fetched, and alerts.test.yaml tests the rules of fetches
    return [each.replace(" offset 1d", "") for each in found if "ondol_fetch_" not in each]


def measured(expression: str) -> str:
    """Return an alert's expression without its thresholds: what it measures."""
    expression = expression.replace(" > 0 and ", " and ")
    for operator in (" > ", " < ", " == "):
        head, found, tail = expression.rpartition(operator)
        if found and ")" not in tail.replace("1024 * 1024", ""):
            return head
    return expression
