"""Write docs/reference/metrics.md from the declared metrics: `python ops/metrics_page.py`."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from services.warmer.metrics import WarmMetrics
from shared.infra import metrics

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "reference" / "metrics.md"

HEAD = """# Metrics

Every service serves Prometheus metrics: the api at `/metrics` of its port, the others at the port of `ONDOL_METRICS_PORT`.
Times are seconds and sizes bytes. A histogram `NAME` has the series `NAME_bucket`, `NAME_sum` and `NAME_count`; the last two
divided give the mean. Alerts, recording rules and dashboards over these metrics: [operations guide](../how-to/operate.md).
`python ops/metrics_page.py` generates this page from `shared/infra/metrics.py` and `services/warmer/metrics.py`.
"""


def declared(values: Iterable[object]) -> Iterator[MetricWrapperBase]:
    """Yield the metrics among the values of a module or an object, in their order."""
    return (value for value in values if isinstance(value, MetricWrapperBase))


def table(found: Iterable[MetricWrapperBase]) -> list[str]:
    """Return the Markdown table of metrics: name, type, labels, meaning."""
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in found:
        for family in metric.describe():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            lines.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return lines


def page() -> str:
    """Return the text of `docs/reference/metrics.md`."""
    warmer = WarmMetrics(CollectorRegistry())
    return "\n".join(
        [
            HEAD,
            "## All services",
            "",
            "A service updates only the metrics that it measures; the others stay at 0.",
            "",
            *table(declared(vars(metrics).values())),
            "",
            "## Warmer",
            "",
            *table(declared(vars(warmer).values())),
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
