"""The performance targets, each with the function that reads its figure from the samples of a run.

A figure is (value, unit); a target is met when the value is at most (`most`) or at least (`least`) its bound.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """One performance target."""

    number: str
    what: str
    unit: str
    bound: float
    kind: Literal["most", "least"]
    read: Callable[[Raw], float]
    spread: Callable[[Raw], tuple[float, float]] | None = None

    def met(self, value: float) -> bool:
        """Return whether a figure meets the target."""
        return value <= self.bound if self.kind == "most" else value >= self.bound


@dataclass(frozen=True)
class Row:
    """A target with its figure; `value` is None when it was not measured."""

    target: Target
    value: float | None
    low: float | None
    high: float | None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None when it was not measured."""
        return None if self.value is None else self.target.met(self.value)


def _engine(name: str, kind: str = "full") -> tuple[Callable[[Raw], float], Callable[[Raw], tuple[float, float]]]:
    def values(raw: Raw) -> list[float]:
        samples: list[float] = raw["engines"]["ondol"]["runs"][name][kind]["engine_ms"]
        return samples

    def middle(raw: Raw) -> float:
        return float(statistics.median(values(raw)))

    return middle, lambda raw: _middle(values(raw))


def _middle(values: list[float]) -> tuple[float, float]:
    """Return the interquartile range."""
    if len(values) < 4:
        return min(values), max(values)
    quarters = statistics.quantiles(values, n=4)
    return quarters[0], quarters[2]


def _ratio(peer: str, name: str) -> Callable[[Raw], float]:
    return lambda raw: float(raw["engines"][peer]["runs"][name]["ratio"])


def _at(*path: str) -> Callable[[Raw], float]:
    def read(raw: Raw) -> float:
        value: Any = raw
        for key in path:
            value = value[key]
        return float(value)

    return read


def _all_of(*path: str) -> tuple[Callable[[Raw], float], Callable[[Raw], tuple[float, float]]]:
    def values(raw: Raw) -> list[float]:
        value: Any = raw
        for key in path:
            value = value[key]
        return list(value)

    def middle(raw: Raw) -> float:
        return float(statistics.median(values(raw)))

    return middle, lambda raw: _middle(values(raw))


def _hit_rate(raw: Raw) -> float:
    summary = raw["system"]["warm"]["unchanged"]["summary"]
    summary = summary if summary.get("chunk_hit_rate") is not None else raw["system"]["warm"]["cold"]["summary"]
    return float(100 * min(summary["chunk_hit_rate"], summary["result_hit_rate"]))


def _answers(burst: str, figure: str) -> Callable[[Raw], float]:
    """Return a reader of a burst's figure, which is NaN unless every response was 200."""

    def read(raw: Raw) -> float:
        figures = raw["system"]["answers"][burst]
        return float(figures[figure]) if set(map(str, figures["statuses"])) == {"200"} else float("nan")

    return read


def _rounds(burst: str) -> Callable[[Raw], tuple[float, float]]:
    return lambda raw: _middle(raw["system"]["answers"][burst]["p50_ms_of_rounds"])


def _dataset(raw: Raw) -> float:
    used = raw["system"]["memory"]["cache_mb"]
    return float(used["part"] + used.get("manifest", 0.0))


def _for_each_cpu_second(burst: str) -> Callable[[Raw], float]:
    cpu_ms = _answers(burst, "system_cpu_ms_each")
    return lambda raw: 1e3 / cpu_ms(raw)


TARGETS = (
    Target("P1", "engine time of S, 2,000 stocks, 1 year", "ms", 2, "most", *_engine("2000x250")),
    Target("P1", "engine time of S, 2,000 stocks, 3 years", "ms", 5, "most", *_engine("2000x750")),
    Target("P1", "engine time of S, 2,700 stocks, 3 years", "ms", 5, "most", *_engine("2700x750")),
    Target(
        "P1",
        "the same, another condition in each run, 2,000 stocks, 1 year",
        "ms",
        2,
        "most",
        *_engine("2000x250", "full_own"),
    ),
    Target(
        "P1",
        "the same, another condition in each run, 2,000 stocks, 3 years",
        "ms",
        5,
        "most",
        *_engine("2000x750", "full_own"),
    ),
    Target(
        "P1",
        "CPU of vectorbt with statistics / ours, 1 year",
        "x",
        100,
        "least",
        _ratio("vectorbt_statistics", "2000x250"),
    ),
    Target(
        "P1",
        "CPU of vectorbt with statistics / ours, 3 years",
        "x",
        100,
        "least",
        _ratio("vectorbt_statistics", "2000x750"),
    ),
    Target(
        "P1", "CPU of vectorbt without statistics / ours, 1 year", "x", 100, "least", _ratio("vectorbt", "2000x250")
    ),
    Target(
        "P1", "CPU of vectorbt without statistics / ours, 3 years", "x", 100, "least", _ratio("vectorbt", "2000x750")
    ),
    Target(
        "P2",
        "POST to the response, no stored result, 1 year, p50",
        "ms",
        10,
        "most",
        _answers("new", "p50_ms"),
        _rounds("new"),
    ),
    Target("P2", "the same, p99", "ms", 40, "most", _answers("new", "p99_ms")),
    Target(
        "P2",
        "the same, each with its own condition, p50",
        "ms",
        10,
        "most",
        _answers("own_condition", "p50_ms"),
        _rounds("own_condition"),
    ),
    Target(
        "P3", "response from a stored result, p50", "ms", 2, "most", _answers("stored", "p50_ms"), _rounds("stored")
    ),
    Target(
        "P3",
        "GET of a stored result, per second of CPU of the system",
        "",
        1000,
        "least",
        _for_each_cpu_second("get"),
    ),
    Target("P4", "100 concurrent users, all completed", "s", 0.7, "most", _answers("users_100", "seconds")),
    Target("P4", "1,000 concurrent users, all completed", "s", 6, "most", _answers("users_1000", "seconds")),
    Target(
        "P5",
        "sustained 1-year backtests, results stored",
        "/s",
        200,
        "least",
        _answers("sustained", "per_second"),
    ),
    Target(
        "P6",
        "first response of a new simulator process",
        "s",
        1.0,
        "most",
        *_all_of("system", "first_answer", "seconds"),
    ),
    Target(
        "P7",
        "prepare 2,700 stocks x 3 years, published",
        "s",
        8,
        "most",
        _at("system", "prepare", "whole", "published_s"),
    ),
    Target("P7", "one more day", "s", 1.5, "most", _at("system", "prepare", "one_day", "published_s")),
    Target("P8", "full warm run with an empty cache", "s", 15, "most", _at("system", "warm", "cold", "seconds")),
    Target("P8", "warm run on an unchanged dataset", "s", 2, "most", _at("system", "warm", "unchanged", "seconds")),
    Target("P9", "bytes of a dataset version in Redis, 3 years, all fields", "MB", 150, "most", _dataset),
    Target("P10", "16 simulators, panels, both Redis", "MiB", 2048, "most", _at("system", "memory", "total_mb")),
    Target(
        "P10",
        "private memory of a simulator, maximum",
        "MiB",
        60,
        "most",
        _at("system", "memory", "simulator_private_mb", "most"),
    ),
    Target(
        "P11",
        "price rows loaded into an empty table",
        "/s",
        100_000,
        "least",
        _at("system", "load", "empty", "rows_per_s"),
    ),
    Target("P11", "price rows restated", "/s", 50_000, "least", _at("system", "load", "restated", "rows_per_s")),
    Target("P11", "peak memory of loading", "MiB", 1024, "most", _at("system", "load", "empty", "peak_rss_mb")),
    Target(
        "P12", "engine time of S, 6,900 of 7,000 days x 4,800 stocks", "ms", 60, "most", *_all_of("growth", "engine_ms")
    ),
    Target("P13", "hit rate after a warm run (chunks, results)", "%", 100, "least", _hit_rate),
    Target(
        "P14",
        "1,000 variants of S, 2,700 stocks, 3 years, two threads",
        "s",
        0.6,
        "most",
        *_all_of("sweeps", "grid", "seconds"),
    ),
    Target("P14", "the same, no threshold shared", "s", 0.6, "most", *_all_of("sweeps", "own", "seconds")),
    Target("P14", "100,000 variants", "s", 60, "most", _at("sweeps", "long", "seconds")),
    Target("P14", "memory of the variants", "MiB", 96, "most", _at("sweeps", "long", "growth_mb")),
    Target(
        "P14",
        "1,000 variants from the POST to the whole table",
        "s",
        1.2,
        "most",
        *_all_of("research", "table", "seconds"),
    ),
    Target("P15", "make demo from a fresh clone", "s", 180, "most", _at("demo", "seconds")),
    Target(
        "P14",
        "single backtests beside a sweep / alone, p50",
        "x",
        1.5,
        "most",
        _at("research", "beside_sweep", "ratio"),
    ),
    Target("P15", "importing the api", "MiB", 80, "most", _at("system", "imports", "api", "rss_mb")),
    Target("P16", "1,000 paper accounts stepped", "s", 20, "most", _at("research", "accounts", "seconds")),
    Target("P17", "matrix of all factors x 5 horizons", "s", 6, "most", _at("research", "matrix", "seconds")),
)


def rows(raw: Raw) -> list[Row]:
    """Return each target with its figure."""
    rows = []
    for target in TARGETS:
        try:
            value = target.read(raw)
            low, high = target.spread(raw) if target.spread else (None, None)
        except (KeyError, TypeError, ValueError, IndexError):
            rows.append(Row(target, None, None, None))
            continue
        rows.append(Row(target, value, low, high))
    return rows
