"""Ask the Prometheus of the stack every query of every dashboard and rule, and draw each panel from its answers."""

from __future__ import annotations

import asyncio
import datetime as dt
import pathlib
import time
from typing import Any

import aiohttp
import matplotlib as mpl

from tests.support.prometheus_queries import expressions
from tests.unit.ops.test_deployment_files import generator

mpl.use("Agg")
MAX_WAIT_S = 120.0
BYTES = {"bytes": 1 << 20}
"""Unit of Grafana -> divisor of the drawn values (MiB)."""


async def answer(session: aiohttp.ClientSession, url: str, path: str, **query: str) -> list[dict[str, Any]]:
    """Return the series of an answer of Prometheus; AssertionError when it refuses the query."""
    async with session.get(f"{url}/api/v1/{path}", params=query) as response:
        document = await response.json()
    assert document["status"] == "success", (query, document)
    return list(document["data"]["result"])


async def until_all_have_data(session: aiohttp.ClientSession, url: str) -> int:
    """Return the number of queries when each has an answer with data; AssertionError with those that have none."""
    missing = asked = sorted(set(expressions()))
    give_up = time.monotonic() + MAX_WAIT_S
    while True:
        missing = [each for each in missing if not await answer(session, url, "query", query=each)]
        if not missing:
            return len(asked)
        assert time.monotonic() < give_up, f"Prometheus has no data for {missing}"
        await asyncio.sleep(1)


async def draw(session: aiohttp.ClientSession, url: str, folder: pathlib.Path, since: float) -> list[pathlib.Path]:
    """Write a picture for each panel of each dashboard, with the values from `since` (Unix seconds) until now."""
    from matplotlib import pyplot

    written = []
    for name, (title, panels) in generator().DASHBOARDS.items():
        for panel in panels:
            figure, axes = pyplot.subplots(figsize=(7.2, 2.8), layout="constrained")
            for query, legend in panel.queries:
                now = time.time()
                step = max(1.0, (now - since) / 240)
                found = await answer(
                    session, url, "query_range", query=query, start=f"{since}", end=f"{now}", step=f"{step}"
                )
                for series in found:
                    _line(axes, series, legend, panel.unit)
            axes.set_title(f"{title}: {panel.title}", fontsize=10, loc="left")
            axes.set_ylabel("MiB" if panel.unit in BYTES else panel.unit, fontsize=8)
            axes.tick_params(labelsize=8)
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
            axes.grid(alpha=0.3)
            figure.legend(fontsize=7, loc="outside lower left", ncols=6)
            path = folder / f"{name}-{panel.title.lower().replace(' ', '-').replace(chr(39), '').replace(',', '')}.png"
            figure.savefig(path, dpi=100)
            pyplot.close(figure)
            written.append(path)
    return written


def _line(axes: Any, series: dict[str, Any], legend: str, unit: str) -> None:
    label = legend
    for key, value in series["metric"].items():
        label = label.replace("{{" + key + "}}", value)
    times = [dt.datetime.fromtimestamp(float(at), dt.UTC) for at, _ in series["values"]]
    axes.plot(times, [float(value) / BYTES.get(unit, 1) for _, value in series["values"]], label=label, linewidth=1.2)
