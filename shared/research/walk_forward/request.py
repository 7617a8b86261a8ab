"""The declaration of a walk-forward: its fields, bounds, defaults and descriptions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from shared.model.request import about
from shared.research.sweeps.request import SearchFields

Struct = msgspec.Struct
Period = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3}[WMY]$")]

Choose = Literal["best", "plateau"]
Carry = Literal["positions", "cash"]


class Windows(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the days are divided: each window has days on which the parameters are chosen, and days that trade them."""

    train: Annotated[
        Period, about("Length of the days on which the values are chosen.", "number and W, M or Y", examples=["24M"])
    ]
    test: Annotated[
        Period, about("Length of the days that trade the chosen values.", "number and W, M or Y", examples=["6M"])
    ]
    step: Annotated[
        Period | None,
        about("Distance of two windows; null: `test`, so that the test days follow each other without a gap.",
              "number and W, M or Y"),
    ] = None  # fmt: skip
    anchored: Annotated[
        bool, about("Whether every train begins at the first day; false: it moves with the window.")
    ] = False
    gap_rows: Annotated[
        Annotated[int, Meta(ge=0, le=250)],
        about("Trading days between train and test that neither reads as its own; they are taken from the train.",
              "trading days"),
    ] = 0  # fmt: skip


class WalkForwardBody(SearchFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/walk-forwards`."""

    template: Annotated[
        dict[str, Any],
        about("A backtest as in `POST /v1/backtests`, with `$name` in its strategy; `start` and `end` are those of all "
              "windows together.",
              examples=[{"strategy": {"buy": {"where": "PER < $per"}}, "start": "2018-01-01", "end": "2023-12-28"}]),
    ]  # fmt: skip
    windows: Annotated[
        Windows,
        about("How the days are divided.", examples=[{"train": "24M", "test": "6M", "step": "6M", "gap_rows": 1}]),
    ]
    choose: Annotated[
        Choose,
        about("best: the variant with the best objective on the train days; plateau: the one with the best mean "
              "objective over itself and its neighbours."),
    ] = "best"  # fmt: skip
    carry: Annotated[
        Carry,
        about("positions: one account over all test days, whose holdings follow the new values at each window; cash: "
              "an account for each window, their returns chained."),
    ] = "positions"  # fmt: skip
