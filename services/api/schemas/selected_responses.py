"""Shapes of a backtest of whose result parts are selected, or whose lists are arrays a column."""

from __future__ import annotations

from types import GenericAlias
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from services.api.schemas import result_responses as results
from services.api.schemas.ledger_responses import Deflated
from services.api.schemas.responses import BacktestHead, RunProblem
from services.api.schemas.result_responses import Result
from shared.model.request import about

ROWS: dict[str, type[Struct]] = {
    "equity": results.EquityPoint, "trades": results.Trade, "round_trips": results.RoundTrip,
    "open_positions": results.OpenPosition, "monthly_returns": results.MonthlyReturn,
    "yearly_returns": results.YearlyReturn, "corporate_actions": results.CorporateAction,
    "warnings": results.ResultWarning,
}  # fmt: skip
"""Part of a result -> the declaration of its objects."""


def columns_of_rows(shape: type[Struct]) -> type[Struct]:
    """Return the shape of objects of `shape` as arrays a column."""
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(shape):
        kind: Any = Annotated[GenericAlias(list, (field.type,)), about("One value a row.")]
        if field.required:
            fields.append((field.name, kind, msgspec.field(name=field.encode_name)))
        else:
            fields.append((field.name, kind | UnsetType, msgspec.field(name=field.encode_name, default=UNSET)))
    return msgspec.defstruct(
        f"{shape.__name__}Columns", fields, kw_only=True, namespace={"__doc__": f"{shape.__doc__} One array a column."}
    )


def _selected() -> type[Struct]:
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(Result):
        kind: Any = field.type
        if field.name in ROWS:
            kind = Annotated[kind | columns_of_rows(ROWS[field.name]), about("Objects, or arrays a column.")]
        fields.append((field.name, kind | UnsetType, UNSET))
    document = "Parts of a result; with format=columns each list of objects is an object of arrays."
    return msgspec.defstruct("SelectedResult", fields, kw_only=True, namespace={"__doc__": document})


SelectedResult = _selected()


SelectedBacktest = msgspec.defstruct(
    "SelectedBacktest",
    [
        ("links", Annotated[dict[str, str], about("Paths of the backtest's resources.")]),
        ("deflated", Annotated[Deflated | None, about("Statistics corrected for the trials of its line.")]),
        ("result", Annotated[SelectedResult | UnsetType, about("The selected parts.")], UNSET),
        ("error", Annotated[RunProblem | UnsetType, about("Problem of a failed backtest.")], UNSET),
    ],
    bases=(BacktestHead,),
    kw_only=True,
    namespace={"__doc__": "A backtest with the selected parts of its result (`parts`, `format` of the query)."},
)
