"""The declaration of a sweep: its fields, bounds, defaults and descriptions.

How many variants and how much work an installation takes are settings (`max_sweep_variants`, `max_sweep_cost` in
`shared.settings.fields`), which `services.api.sweeps.submit` checks.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from shared.model.request import Expression, ResearchName, Text, about

MAX_PARAMETERS = 16
MAX_VALUES = 1_000
MAX_CONSTRAINTS = 20

Method = Literal["grid", "random", "lhs", "sobol", "tpe"]
Scale = Literal["linear", "log"]
ParameterName = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$")]
RangeEnd = Annotated[float, Meta(ge=-1e15, le=1e15)]
Struct = msgspec.Struct


class Parameter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values of a parameter: a range (`from`, `to`, and a `step` or a `scale`), or a list of `values`."""

    from_: Annotated[
        RangeEnd | None, about("First value of a range; with `to`.", "unit of the place", examples=[4])
    ] = msgspec.field(name="from", default=None)  # fmt: skip
    to: Annotated[
        RangeEnd | None,
        about("Last value of a range; a value of it when a whole number of steps leads there.", "unit of the place",
              examples=[20]),
    ] = None  # fmt: skip
    step: Annotated[
        Annotated[float, Meta(gt=0, le=1e15)] | None,
        about("Distance of neighbouring values, counted in decimal numbers; with scale log their ratio, above 1. Left "
              "out: for whole numbers 1, else about 1,000 to 10,000 values (linear) or 200 (log), which a grid does "
              "not accept.", "unit of the place", examples=[2]),
    ] = None  # fmt: skip
    scale: Annotated[Scale, about("linear: equal distances between neighbours; log: equal ratios, `from` above 0.")] = (
        "linear"
    )
    values: Annotated[
        Annotated[tuple[Any, ...], Meta(min_length=1, max_length=MAX_VALUES)] | None,
        about("Instead of a range: the values themselves; numbers, names of factors, choices, true, false or null.",
              examples=[[None, 5, 10]]),
    ] = None  # fmt: skip


class Search(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the points are chosen."""

    method: Annotated[
        Method,
        about("grid (every combination), random (without repetition), lhs (Latin hypercube), sobol (Sobol "
              "sequence with a digital shift) or tpe (batches of tree-structured Parzen estimators)."),
    ] = "grid"  # fmt: skip
    runs: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        about("Number of variants; a space with fewer points gives fewer. Required except for grid, where it is the "
              "most that is accepted.", "variants"),
    ] = None  # fmt: skip
    seed: Annotated[
        Annotated[int, Meta(ge=0, le=2**31 - 1)], about("Seed of every random choice; equal seeds give equal points.")
    ] = 0
    batch: Annotated[
        Annotated[int, Meta(ge=1, le=1024)],
        about("With tpe: variants that are chosen together, from the results of all batches before. Part of the "
              "request, so that the points do not depend on the number of simulators.", "variants"),
    ] = 64  # fmt: skip


class Objective(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a variant better than another."""

    maximize: Annotated[
        Text | None, about("Statistic to maximise; without `minimize` the default is sharpe.", examples=["sharpe"])
    ] = None
    minimize: Annotated[
        Text | None, about("Instead of `maximize`: statistic to minimise.", examples=["volatility"])
    ] = None
    where: Annotated[
        Expression | None,
        about("Condition on statistics and `$` parameters that a variant must meet to be ranked; null: none.",
              examples=["trades >= 50 and max_drawdown > -0.4"]),
    ] = None  # fmt: skip


class Keep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is stored of each variant besides its statistics."""

    returns: Annotated[
        Literal["weekly", "none"],
        about("weekly: the return of each ISO week (needed by the statistics of many trials), or none."),
    ] = "weekly"


class Holdout(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days that no variant reads."""

    from_: Annotated[
        dt.date, about("First day of the holdout; the sweep ends on the day before.", "date, YYYY-MM-DD")
    ] = msgspec.field(name="from")


class SearchFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is varied, how the points are chosen, and what makes one better."""

    parameters: Annotated[
        Annotated[dict[ParameterName, Parameter], Meta(min_length=1, max_length=MAX_PARAMETERS)],
        about("Parameters by name; the template names each as `$name`.",
              examples=[{"per": {"from": 4, "to": 20, "step": 2}}]),
    ]  # fmt: skip
    constraints: Annotated[
        Annotated[tuple[Expression, ...], Meta(max_length=MAX_CONSTRAINTS)],
        about("Conditions on parameters that every variant meets.", examples=[["$fast < $slow"]]),
    ] = ()
    search: Annotated[Search, about("How the points are chosen.")] = msgspec.field(default_factory=Search)
    objective: Annotated[Objective, about("What makes a variant better.")] = msgspec.field(default_factory=Objective)
    research: Annotated[
        ResearchName | None,
        about("Name of the research line whose trials the variants are; null: none.", examples=["value-momentum"]),
    ] = None
    holdout: Annotated[Holdout | None, about("Days that no variant reads; null: none.")] = None


class SweepOptions(SearchFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sweep without its template."""

    keep: Annotated[Keep, about("What is stored of each variant besides its statistics.")] = msgspec.field(
        default_factory=Keep
    )


class SweepBody(SweepOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/sweeps`."""

    template: Annotated[
        dict[str, Any],
        about("A backtest as in `POST /v1/backtests` in which any number or choice may be `$name`, and expressions may "
              "have `$name` wherever a number or a factor may stand.",
              examples=[{"strategy": {"buy": {"where": "PER < $per"}}, "start": "2021-01-04", "end": "2023-12-28"}]),
    ]  # fmt: skip
