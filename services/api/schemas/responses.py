"""The shapes of answers, for the OpenAPI document and the tests that hold the answers against it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["queued", "preparing", "running", "completed", "failed", "cancelled"]


class Answer(BaseModel):
    """Fields may be added in later versions."""

    model_config = ConfigDict(extra="allow")


class ProblemItem(Answer):
    """One mistake; line and column for expressions."""

    path: str
    message: str
    line: int | None = None
    column: int | None = None
    suggestions: list[str] = []


class ProblemDocument(Answer):
    """An RFC 9457 problem document; all mistakes at once."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemItem]


class EquityPoint(Answer):
    """One day of the equity curve, won and fractions."""

    date: str
    equity: float | None
    cash: float | None
    positions: int
    daily_return: float | None
    drawdown: float | None
    benchmark: float | None


class Trade(Answer):
    """One fill."""

    date: str
    stock_code: str
    name: str
    side: Literal["buy", "sell"]
    shares: float
    price: float
    commission: float
    tax: float
    reason: str


class Provenance(Answer):
    """What a result was made from."""

    dataset_version: str
    engine_version: str
    rules_version: str
    request_digest: str
    result_digest: str


class Timing(Answer):
    """Milliseconds by stage."""

    queue_ms: float
    load_ms: float
    evaluate_ms: float
    simulate_ms: float
    total_ms: float


class CacheUse(Answer):
    """Chunks that were read, and which tier answered."""

    chunks_read: int
    bytes_read: int
    bytes_by_tier: dict[str, int]
    by_tier: dict[str, int]


class MonthlyReturn(Answer):
    """The return of a month, a fraction."""

    month: str


class Result(Answer):
    """The result of a completed backtest."""

    statistics: dict[str, Any]
    equity: list[EquityPoint]
    trades: list[Trade]
    round_trips: list[dict[str, Any]]
    open_positions: list[dict[str, Any]]
    monthly_returns: list[MonthlyReturn]
    unfilled: dict[str, int]
    warnings: list[Any]
    provenance: Provenance
    timing: Timing
    cache: CacheUse


class BacktestHead(Answer):
    """Where a backtest stands."""

    id: str
    status: Status
    progress: float = Field(ge=0, le=1)
    cached: bool
    strategy_id: str | None
    dataset: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    request: dict[str, Any]


class RunProblem(ProblemDocument):
    """Why a backtest ended without a result."""

    kind: str


class Backtest(BacktestHead):
    """A backtest; `result` when it is completed, `error` when it failed."""

    links: dict[str, str]
    result: Result | None = None
    error: RunProblem | None = None


class BacktestItem(BacktestHead):
    """A backtest in a list: its statistics instead of its result."""

    statistics: dict[str, Any] | None
    error: RunProblem | None = None


class BacktestList(Answer):
    """A page of backtests, the newest first."""

    items: list[BacktestItem]
    next_cursor: str | None


class Health(Answer):
    """The process is alive."""

    status: Literal["ok"]


class Readiness(Answer):
    """Which dependency answers."""

    status: Literal["ready", "not_ready"]
    dependencies: dict[str, bool]


class TradePage(Answer):
    """A page of trades, in order of execution."""

    items: list[Trade]
    total: int
    next_cursor: str | None


class EquityPage(Answer):
    """A page of the equity curve."""

    items: list[EquityPoint]
    total: int
    next_cursor: str | None


class ComparedBacktest(Answer):
    """One of the backtests that are compared; `equity` is on the common `dates`."""

    id: str
    strategy_id: str | None
    dataset: str | None
    statistics: dict[str, Any]
    equity: list[float | None]


class Comparison(Answer):
    """Backtests side by side."""

    dates: list[str]
    items: list[ComparedBacktest]


class Strategy(Answer):
    """A strategy with its costs, in the shape of a backtest request."""

    id: str
    kind: Literal["famous", "preset", "own"]
    name_ko: str
    name_en: str
    summary: str
    tags: list[str]
    strategy: dict[str, Any]
    costs: dict[str, Any]
    period_days: int | None
    created_at: str | None
    updated_at: str | None


class StrategyList(Answer):
    """Strategies."""

    items: list[Strategy]


class ScreenItem(Answer):
    """A stock that passed; `value` is that of `rank_by`."""

    stock_code: str
    name: str
    rank: int
    value: float | None


class Screen(Answer):
    """The stocks that passed on a row; a warning names a factor that few of the universe have."""

    date: str
    total: int
    items: list[ScreenItem]
    warnings: list[dict[str, Any]]


class Explanation(Answer):
    """Trades with their `why`, and what passed on each rebalance."""


class Audit(Answer):
    """What the reruns on cut data showed."""


class Replay(Answer):
    """Whether a backtest gives the same again."""

    outcome: Literal["identical", "different", "dataset_gone"]
    result_digest: str | None
    stored_result_digest: str | None
    first_difference: dict[str, Any] | None


class RankingItem(Answer):
    """A stock in a ranking."""

    rank: int
    stock_code: str
    name: str
    market: str
    value: float


class Ranking(Answer):
    """The greatest of one row."""

    kind: Literal["market_cap", "trading_volume", "trading_value"]
    date: str
    market: str | None
    items: list[RankingItem]


class Factor(Answer):
    """A factor's definition; `available` in the current dataset version."""

    key: str
    name_ko: str
    name_en: str
    category: str
    unit: str
    formula: str
    inputs: str
    null_when: str
    lookback_rows: int | None
    version: int
    available: bool


class FactorList(Answer):
    """All factors."""

    items: list[Factor]


class YearCoverage(Answer):
    """The share of stock-days of a year that have a value, and why others have none."""

    year: int
    share: float
    reason: str | None


class Distribution(Answer):
    """The values of the last row."""

    date: str | None
    count: int
    mean: float | None
    quantiles: dict[str, float]


class FactorDetail(Factor):
    """A factor with its coverage and distribution."""

    reason: str | None
    coverage: list[YearCoverage]
    distribution: Distribution | None


class Stock(Answer):
    """A stock."""

    stock_code: str
    name: str
    name_en: str | None
    market: str
    sector: str | None
    listed_on: str | None
    delisted_on: str | None


class StockList(Answer):
    """A page of stocks, by code."""

    items: list[Stock]
    next_cursor: str | None


class Dataset(Answer):
    """A dataset version."""

    version: str
    current: bool
    revision: int
    built_at: str
    retired_at: str | None
    parts: int


class DatasetList(Answer):
    """Dataset versions, the newest first."""

    items: list[Dataset]
    current: str | None


class DatasetDetail(Dataset):
    """A dataset version with what is in it."""

    first_day: str | None
    last_day: str | None
    days: int
    stocks: int
    indices: list[str]
    markets: list[str]
    factors: list[str]
    missing_factors: list[str]
    reasons: dict[str, str]
    chunks: int
    sizes: dict[str, Any]


class WarmRun(Answer):
    """A warm run."""

    id: int
    trigger: str
    phases: list[str]
    status: Literal["queued", "running", "completed", "partial", "failed"]
    dataset_version: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class WarmRunList(Answer):
    """A page of warm runs, the newest first."""

    items: list[WarmRun]
    next_cursor: str | None


class WarmPhase(Answer):
    """How far a phase is."""

    phase: str
    status: str
    items: int
    done: int
    failed: int
    seconds: float


class WarmRunDetail(WarmRun):
    """A warm run with its phases and failures."""

    progress: list[WarmPhase]
    failures: list[dict[str, Any]]


class ScheduledJob(Answer):
    """A job by the clock."""

    name: str
    title: str
    rule: str
    next_run: str
    enabled: bool


class Schedule(Answer):
    """The timetable."""

    now: str
    items: list[ScheduledJob]


class OpenApi(Answer):
    """An OpenAPI document."""

    openapi: str
    paths: dict[str, Any]
