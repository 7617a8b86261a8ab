"""Rows of the answers about paper accounts, as the API has them; dates are YYYY-MM-DD, instants ISO 8601 in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

Side = Literal["buy", "sell"]


class FilledAt(TypedDict):
    """Shares and price in won of a fill."""

    shares: int
    price: float


class ReconciledFill(TypedDict):
    """A fill of an opening quote beside that of the row; None: there is none. `won`: booked less provisional."""

    stock_code: str
    name: str
    side: Side
    reason: str
    quoted_open: float | None
    open: float | None
    provisional: FilledAt | None
    booked: FilledAt | None
    won: float
    cause: str | None


class AccountStep(TypedDict):
    """A trading day of an account; equity and cash in won, None before they are known."""

    date: str
    status: Literal["decided", "working", "booked", "no_decision", "data_late", "paused"]
    live: bool
    decided_at: str | None
    decided_on: str | None
    late: bool
    orders: int
    digest: str | None
    dataset_version: str | None
    working_at: str | None
    booked_at: str | None
    equity: float | None
    cash: float | None
    fills: list[dict[str, Any]]
    provisional: Mapping[str, Any] | None
    reconciliation: list[ReconciledFill] | None


class StepOutcome(TypedDict):
    """What a step did: days that it booked, the day that it decided, numbers of the drift reports that it wrote."""

    booked: list[str]
    decided: str | None
    drift: list[int]
    provisional: str | None
    superseded: bool


class DriftPart(TypedDict):
    """What one cause made of a difference, in won; None: unknown."""

    cause: str
    won: float | None
    stocks: list[Mapping[str, Any]]


class DriftCell(TypedDict):
    """A cell that the strategy reads and that differs, on `days` trading days from `date` to `to`."""

    field: str
    stock_code: str | None
    date: str
    to: str
    days: int
    before: float | str | None
    after: float | str | None
    late: bool


class DriftReport(TypedDict):
    """A decision or a ledger that a later dataset, engine or request makes otherwise; `won` is the difference."""

    number: int
    day: str
    cause: str
    won: float | None
    causes: list[DriftPart]
    cells: list[DriftCell] | None
    cell_count: int | None
    other_days: list[str]
    statements: list[Mapping[str, Any]]
    orders: Mapping[str, Any]
    ledger: Mapping[str, Any] | None
    fills: list[Mapping[str, Any]]
    dataset_before: str | None
    dataset_now: str
    revision_before: int | None
    revision_now: int
    engine_before: str | None
    engine_now: str
    created_at: str


class Webhook(TypedDict):
    """Where the events of an account are posted."""

    url: str
    created_at: str


class WebhookSet(Webhook):
    """A webhook that was set, with the key of its signature."""

    secret: str


class Delivery(TypedDict):
    """An event that is delivered to the webhook of an account."""

    number: int
    event_id: str
    type: str
    date: str
    status: Literal["waiting", "delivered", "dead"]
    attempts: int
    due_at: str
    http_status: int | None
    error: str | None
    created_at: str
    delivered_at: str | None


class AccountBody(TypedDict, total=False):
    """Body of `POST /v1/accounts` and of a change."""

    strategy: str | Mapping[str, Any]
    start: str
    name: str
    initial_cash: float
    costs: Mapping[str, Any]
    execution: Mapping[str, Any]
    benchmark: str | None
    public: bool
    paused: bool
