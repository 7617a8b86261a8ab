"""Write docs/explanation/capacity.md from the figures of a run of `make bench`: `python ops/capacity.py RESULTS.json`.

The page states the machines, memory and money that a number of users needs.
"""

from __future__ import annotations

import json
import math
import pathlib
import sys
from dataclasses import dataclass
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
USERS = (100, 1_000, 10_000)
THINK_S = 10.0
NEW_SHARE = 0.5
BUSY = 0.6
CORES_PER_HOST = 16
MIB_PER_GIB = 1024.0
USD_PER_CORE_HOUR = 0.04
USD_PER_GIB_HOUR = 0.005
HOURS_A_MONTH = 730


@dataclass(frozen=True, kw_only=True)
class Need:
    """Machines, memory and cost for a number of users."""

    users: int
    requests_per_s: float
    cores: int
    hosts: int
    simulators: int
    memory_gib: float
    usd_a_month: float


def need(users: int, raw: dict[str, Any]) -> Need:
    """Return the need of users that each send a request every THINK_S seconds, NEW_SHARE of them new ones."""
    answers = raw["system"]["answers"]
    memory = raw["system"]["memory"]
    rate = users / THINK_S
    new_cpu_s = answers["sustained"]["system_cpu_ms_each"] / 1e3
    stored_cpu_s = answers["stored"]["system_cpu_ms_each"] / 1e3
    cores = max(2, math.ceil(rate * (NEW_SHARE * new_cpu_s + (1 - NEW_SHARE) * stored_cpu_s) / BUSY))
    simulators = max(2, math.ceil(rate * NEW_SHARE * answers["sustained"]["cpu_ms_each"]["simulator"] / 1e3 / BUSY))
    hosts = math.ceil(cores / CORES_PER_HOST)
    mib = (
        hosts * memory["panels_mb"]
        + simulators * memory["simulator_private_mb"]["most"]
        + sum(memory["redis_rss_mb"].values())
        + 1024.0  # PostgreSQL: shared buffers and connections
        + 512.0 * hosts  # api, preparer or warmer, the system itself
    )
    gib = mib / MIB_PER_GIB
    usd = HOURS_A_MONTH * (cores * USD_PER_CORE_HOUR + gib * USD_PER_GIB_HOUR)
    return Need(
        users=users, requests_per_s=rate, cores=cores, hosts=hosts, simulators=simulators, memory_gib=gib, usd_a_month=usd
    )  # fmt: skip


def page(raw: dict[str, Any], source: str) -> str:
    """Return the text of docs/explanation/capacity.md."""
    answers = raw["system"]["answers"]
    each = answers["sustained"]["cpu_ms_each"]
    machine = raw["machine"]
    engine = f", engine version {raw['engine_version']}" if "engine_version" in raw else ""
    lines = [
        "# Capacity",
        "",
        f"Written by `python ops/capacity.py {source}` from the run of `make bench` of {raw['when'][:10]} on {machine['cpus']} cores"
        f" (commit {machine['commit']}{engine}). Estimate from a run of your own machine.",
        "",
        f"Assumed: each user sends a request every {THINK_S:.0f} s, {NEW_SHARE:.0%} of them a new one-year backtest, the"
        f" rest answered from a stored result; cores are planned to be {BUSY:.0%} busy; hosts of"
        f" {CORES_PER_HOST} cores, each with the panels of three years mapped once; {USD_PER_CORE_HOUR} USD per core and"
        f" hour and {USD_PER_GIB_HOUR} USD per GiB and hour (list prices of general-purpose machines differ; replace them).",
        "",
        "Measured CPU of a new request: "
        + ", ".join(f"{name} {value:.1f} ms" for name, value in sorted(each.items()) if value)
        + f"; of a stored one {answers['stored']['system_cpu_ms_each']:.1f} ms in total.",
        "",
        "| concurrent users | requests/s | cores | hosts | simulators | memory GiB | USD a month |",
        "|---|---|---|---|---|---|---|",
    ]
    for users in USERS:
        n = need(users, raw)
        lines.append(
            f"| {n.users:,} | {n.requests_per_s:,.0f} | {n.cores} | {n.hosts} | {n.simulators} | {n.memory_gib:.1f} |"
            f" {n.usd_a_month:,.0f} |"
        )
    lines += [
        "",
        "Not measured: more than one host, a network between services, PostgreSQL beyond the rate of the bench. The database"
        " grows with every new result (see `answer_bytes` in the results file; results are compressed).",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    figures = json.loads(path.read_text(encoding="utf-8"))
    (ROOT / "docs" / "explanation" / "capacity.md").write_text(page(figures, path.name), encoding="utf-8")
