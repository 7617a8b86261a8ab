"""Events that services publish on streams: frozen values with a versioned type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

BACKTESTS = "backtests"
DATASETS = "datasets"
EVENTS_STREAM = "events"
LONG_RUNS = "long-runs"
QUERIES = "queries"
SWEEPS = "sweeps"
STREAMS = (BACKTESTS, DATASETS, EVENTS_STREAM, LONG_RUNS, QUERIES, SWEEPS)
"""`backtests`: jobs of the simulators; `long-runs`: jobs and queries that take long; an entry of either says that work
waits in PostgreSQL, which decides what is next. `datasets`: facts about data; `events`: progress and ends that clients
wait for; `queries`: requests that a simulator answers while a client waits (screen, values, holdings, …); `sweeps`:
changes of sweeps, which API and simulators read to look into PostgreSQL at once instead of a second later."""

SIMULATORS = "simulators"
"""The consumer group of the simulators on `backtests`, `long-runs` and `queries`."""


@dataclass(frozen=True, kw_only=True)
class BacktestRequested:
    """A computation is queued. From the API or the reconciler to the simulators.

    The API copies the values of the row, so that a simulator can start before it has acquired the lease: the canonical
    request, the dataset version, the origin, and the creation time in Unix seconds. `row_follows`: the message was
    published before the row was committed; the row may follow, or never when another request has created it.
    `abandoned`: the lease of an earlier start has expired, perhaps since the run ended its simulator.
    """

    type: ClassVar[str] = "backtest.requested.v1"
    stream: ClassVar[str] = BACKTESTS
    computation_id: str
    request: str | None = None
    dataset_version: str = ""
    origin: str = "user"
    created_at: float = 0.0
    row_follows: bool = False
    abandoned: bool = False


@dataclass(frozen=True, kw_only=True)
class LongRunRequested:
    """A long computation is queued or, without an id, a long query. From the API or the reconciler to the simulators.

    `abandoned`: the lease of an earlier start has expired, perhaps since the run ended its simulator.
    """

    type: ClassVar[str] = "long_run.requested.v1"
    stream: ClassVar[str] = LONG_RUNS
    computation_id: str = ""
    abandoned: bool = False


@dataclass(frozen=True, kw_only=True)
class BacktestProgressed:
    """The progress of a computation (0..1). From its simulator to subscribers; may be lost without harm.

    `status` is `preparing` or `running`; `equity` holds the points since the previous event of this run, and `before`
    counts the points of the earlier ones.
    """

    type: ClassVar[str] = "backtest.progressed.v1"
    stream: ClassVar[str] = EVENTS_STREAM
    computation_id: str
    progress: float
    equity: tuple[dict[str, Any], ...] = ()
    status: str = "running"
    before: int = 0


@dataclass(frozen=True, kw_only=True)
class BacktestEnded:
    """A computation is stored as `completed`, `failed` or `cancelled`. From its simulator or the API to the API."""

    type: ClassVar[str] = "backtest.ended.v1"
    stream: ClassVar[str] = EVENTS_STREAM
    computation_id: str
    status: str
    result_digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class DatasetRequested:
    """Parts of a version (all of them when `parts` is empty) are missing in the cache. To the preparer.

    `version` None requests a version of the newest data revision.
    """

    type: ClassVar[str] = "dataset.requested.v1"
    stream: ClassVar[str] = DATASETS
    version: str | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DatasetPublished:
    """A version is complete in PostgreSQL and the cache, or `parts` are in the cache again. From the preparer.

    `parts` is empty when a new current version was published.
    """

    type: ClassVar[str] = "dataset.published.v1"
    stream: ClassVar[str] = DATASETS
    version: str
    revision: int
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MarketLoaded:
    """A load was committed as this data revision. From the loader to the preparer, which publishes at once."""

    type: ClassVar[str] = "market.loaded.v1"
    stream: ClassVar[str] = DATASETS
    revision: int


@dataclass(frozen=True, kw_only=True)
class QueryRequested:
    """A client waits for the answer of a simulator. From the API to the simulators; it is not stored.

    `kind` is screen, ranking, sectors, prices, values, distribution, explain, holdings, audit, robustness, replay
    or account_day; after `deadline` (Unix seconds) the query is dropped.
    """

    type: ClassVar[str] = "query.requested.v1"
    stream: ClassVar[str] = QUERIES
    query_id: str
    kind: str
    payload: dict[str, Any]
    deadline: float


@dataclass(frozen=True, kw_only=True)
class QueryAnswered:
    """The answer is in the cache under the query's id, or `problem` is the problem document. From a simulator."""

    type: ClassVar[str] = "query.answered.v1"
    stream: ClassVar[str] = EVENTS_STREAM
    query_id: str
    problem: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class WarmProgressed:
    """The progress of a warm run, stored in its rows. From its warmer to subscribers; may be lost without harm.

    `status` is that of the run. With a `phase`: its `place` in the run (from 0), the counts of its items, and whether
    it has ended. `attempt` counts how often the run was started; a later attempt may start from the beginning.
    """

    type: ClassVar[str] = "warm.progressed.v1"
    stream: ClassVar[str] = EVENTS_STREAM
    run_id: int
    status: str
    attempt: int = 1
    phase: str | None = None
    place: int = 0
    items: int = 0
    done: int = 0
    failed: int = 0
    fresh: int = 0
    seconds: float = 0.0
    ended: bool = False


@dataclass(frozen=True, kw_only=True)
class SweepChanged:
    """A sweep has parts to compute, a part of it has ended, or it has ended itself; may be lost without harm.

    From the API and the simulators to all of them.

    `status` is that of the sweep (queued, running, completed, cancelled), `parts_done` how many of its parts ended.
    """

    type: ClassVar[str] = "sweep.changed.v1"
    stream: ClassVar[str] = SWEEPS
    sweep_id: str
    status: str
    parts_done: int = 0


@dataclass(frozen=True, kw_only=True)
class AccountChanged:
    """A paper account has a new step, or one was withdrawn. From the API, the warmer and simulators to subscribers; may
    be lost without harm.

    `change` is `orders.decided`, `orders.working`, `orders.provisional`, `orders.filled`, `account.drift` or
    `data.late`; `day` is its trading day. `data.late` and `orders.working` are about every account: `account_id` is
    empty.
    """

    type: ClassVar[str] = "account.changed.v1"
    stream: ClassVar[str] = EVENTS_STREAM
    account_id: str
    change: str
    day: str


Event = (
    BacktestRequested
    | LongRunRequested
    | BacktestProgressed
    | BacktestEnded
    | DatasetRequested
    | DatasetPublished
    | MarketLoaded
    | QueryRequested
    | QueryAnswered
    | WarmProgressed
    | SweepChanged
    | AccountChanged
)

EVENTS: tuple[type[Event], ...] = (
    BacktestRequested,
    LongRunRequested,
    BacktestProgressed,
    BacktestEnded,
    DatasetRequested,
    DatasetPublished,
    MarketLoaded,
    QueryRequested,
    QueryAnswered,
    WarmProgressed,
    SweepChanged,
    AccountChanged,
)
