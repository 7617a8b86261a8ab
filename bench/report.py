"""Markdown tables of a run: targets with their figures, and the engines in comparison."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from bench import web
from bench.targets import Row, rows

Raw = Mapping[str, Any]


def number(value: float | None, unit: str = "") -> str:
    """Return a number with three significant digits and thousands separators."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.2e}"


def _line(row: Row) -> str:
    target = row.target
    sign = "<=" if target.kind == "most" else ">="
    spread = "" if row.low is None else f" ({number(row.low)} – {number(row.high)})"
    verdict = {True: "met", False: "**missed**", None: "not measured"}[row.met]
    if row.value is not None and math.isnan(row.value):
        bound = f"{sign} {number(target.bound)} {target.unit}"
        return f"| {target.number} | {target.what} | {bound} | not all completed | **missed** |"
    value = "" if row.value is None else f"{number(row.value)} {target.unit}{spread}"
    return f"| {target.number} | {target.what} | {sign} {number(target.bound)} {target.unit} | {value} | {verdict} |"


def targets(raw: Raw) -> str:
    """Return the table of the targets."""
    lines = ["| # | what | target | measured (middle half) | |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *map(_line, rows(raw))])


def _seconds(key: str, figures: Raw) -> list[float]:
    if key.startswith("ondol"):
        kind = figures["plain" if key == "ondol_again" else "plain_own"]
        ours: list[float] = kind["cpu_s" if key == "ondol_result" else "engine_cpu_s"]
        return ours
    results: list[float] = figures["cpu_s"]
    return results


def engines(raw: Raw) -> str:
    """Return the table of CPU per backtest of the standard strategy, peak memory, and the ratio to this engine."""
    results = raw["engines"]
    ours = results["ondol"]
    columns = (
        "engine", "1 year, CPU ms", "3 years, CPU ms", "ratio 1 y", "ratio 3 y", "peak MB (3 y)",
        "import and compile, CPU s", "trades", "note",
    )  # fmt: skip
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    table = [
        (
            "ondol",
            {
                **ours,
                "title": "**Ondol**: evaluate, days, statistics",
                "note": "another condition in each run; ranks cached",
            },
        ),
        ("ondol_again", {**ours, "title": "**Ondol**, one condition in all runs", "note": "candidates cached"}),
        ("ondol_result", {**ours, "title": "**Ondol**, with the encoded result", "note": "with the stored document"}),
    ]
    table += [(key, value) for key, value in results.items() if key != "ondol"]
    for key, engine in table:
        cells = [engine["title"]]
        names = ("2000x250", "2000x750")
        runs = [engine["runs"].get(name) for name in names]
        for figures in runs:
            seconds = None if figures is None else _seconds(key, figures)
            cells += ["–" if seconds is None else number(1e3 * statistics.median(seconds))]
        base = [statistics.median(ours["runs"][name]["plain_own"]["engine_cpu_s"]) for name in names]
        cells += [
            "–" if figures is None else number(statistics.median(_seconds(key, figures)) / ratio_to)
            for figures, ratio_to in zip(runs, base, strict=True)
        ]
        longest = next((figures for figures in reversed(runs) if figures), None)
        cells.append(number(longest["peak_rss_mb"]) if longest else "–")
        first = engine["runs"].get("2000x250", {}).get("first_cpu_s", 0.0) if not key.startswith("ondol") else 0.0
        cells.append(number(engine.get("import_cpu_s", 0.0) + first) if longest else "–")
        same = [figures.get("same_trades") for figures in runs if figures]
        cells.append("" if key.startswith("ondol") else "the same" if same and all(same) else "other" if same else "–")
        cells.append(engine.get("note") or engine.get("error", "")[-80:].replace("\n", " "))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def sweeps(raw: Raw) -> str:
    """Return the table of the variants of a sweep beside other ways to compute them."""
    found = raw["sweeps"]
    count = found["count"]
    lines = ["| 1,000 variants of S | s, wall | CPU ms a variant | note |", "|---|---|---|---|"]
    for name, note in (("grid", "thresholds of a grid"), ("own", "no threshold shared")):
        wall, cpu = statistics.median(found[name]["seconds"]), statistics.median(found[name]["cpu_s"])
        differ = f"{found[name]['differing']} of 20 differ from a backtest"
        lines.append(f"| **Ondol**, two threads | {number(wall)} | {number(1e3 * cpu / count)} | {note}; {differ} |")
    for name, note in (("grid", "thresholds of a grid"), ("own", "no threshold shared")):
        lines.append(f"| two processes, single runs | {number(min(found['pool'][name]))} | – | {note} |")
    peer = found.get("vectorbt", {})
    if "cpu_s" in peer:
        each = 1e3 * statistics.median(peer["cpu_s"]) / peer["variants"]
        lines.append(f"| vectorbt 1.2, variants as columns | – | {number(each)} | other trades, value only |")
    return "\n".join(lines)


def against(raw: Raw, earlier: Raw) -> str:
    """Return a table of the targets of two runs with the change."""
    names = [f"{run['when']}, {run['machine']['commit']}" for run in (earlier, raw)]
    lines = [f"| # | what | {' | '.join(names)} | |", "|---|---|---|---|---|"]
    for before, now in zip(rows(earlier), rows(raw), strict=True):
        if before.value is not None and now.value is not None:
            change = f"{100 * (now.value / before.value - 1):+.0f} %" if before.value else ""
            cells = (now.target.number, now.target.what, number(before.value), number(now.value), change)
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine(raw: Raw) -> str:
    """Return the machine in one line."""
    results = raw["machine"]
    return (
        f"{results['cpus']} x {results['model']}, {results['memory_gb']:.0f} GB, Linux {results['kernel']}, Python "
        f"{results['python']}, {raw['when']}, load before the run {results['load']:.1f}, commit {results['commit']}"
    )


def transports(raw: Raw) -> str:
    """Return a table of a new backtest and the baseline."""
    system = raw["system"]
    ours = system["answers"]
    lines = [
        "| a request without a stored result | p50, ms | p99, ms | a second, 16 in flight |",
        "|---|---|---|---|",
    ]
    results = {
        "**Ondol**: one year of S, result stored": {
            **{name: ours["new"][name] for name in ("p50_ms", "p99_ms")}, "per_second": ours["sustained"]["per_second"],
        },
        "baseline: 3 ms of work, 60 KB stored, synchronous commits": system["transport"]["on"],
        "the same, asynchronous commits": system["transport"]["off"],
    }  # fmt: skip
    for name, figures in results.items():
        lines.append(
            f"| {name} | " + " | ".join(number(figures[key]) for key in ("p50_ms", "p99_ms", "per_second")) + " |"
        )
    return "\n".join(lines)


def web_application(raw: Raw) -> str:
    """Return the table of the web application in a browser."""
    found = raw["web"]
    lines = [
        f"The web application, Chromium {found['chromium']}, {found['stocks']:,} stocks, {found['years']} years:",
        "",
        "| what | target | measured | |",
        "|---|---|---|---|",
    ]
    for row in web.rows(found):
        unit = f" {row.unit}" if row.unit else ""
        verdict = "met" if row.is_met else "**missed**"
        lines.append(f"| {row.what} | <= {number(row.bound)}{unit} | {number(row.value)}{unit} | {verdict} |")
    return "\n".join(lines)


def whole(raw: Raw) -> str:
    """Return the report of a run."""
    parts = [f"Measured on {machine(raw)}; the whole run took {raw['seconds']:.0f} s."]
    if any(section in raw for section in ("engines", "growth", "sweeps", "system")):
        parts.append(targets(raw))
    if "engines" in raw:
        parts.append(engines(raw))
    if "sweeps" in raw:
        parts.append(sweeps(raw))
    if "web" in raw:
        parts.append(web_application(raw))
    measured = raw.get("system", {})
    if "p50_ms" in measured.get("transport", {}).get("on", {}) and "new" in measured.get("answers", {}):
        parts.append(transports(raw))
    return "\n\n".join(parts) + "\n"
