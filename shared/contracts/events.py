"""The facts that services tell each other over streams: each a frozen value with a versioned type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

BACKTESTS = "backtests"
DATASETS = "datasets"
EVENTS_STREAM = "events"
QUERIES = "queries"
STREAMS = (BACKTESTS, DATASETS, EVENTS_STREAM, QUERIES)
"""`backtests` is work for the simulators; `datasets` are facts about data; `events` is what callers wait for; `queries`
are questions that a simulator answers while somebody waits (a screen, an explanation, an audit, a replay)."""


@dataclass(frozen=True, kw_only=True)
class BacktestRequested:
    """A computation row is to be done. From the API or the reconciler to the simulators.

    The API tells what stands in the row, so that a simulator can begin before it has asked for it: the canonical
    request, the dataset version, the origin, and the time of the row in seconds since 1970. `row_follows`: the row is
    written at the same time and may come a moment later, or never when somebody else has the computation already.
    """

    type: ClassVar[str] = "backtest.requested.v1"
    stream: ClassVar[str] = BACKTESTS
    computation_id: str
    request: str | None = None
    dataset_version: str = ""
    origin: str = "user"
    created_at: float = 0.0
    row_follows: bool = False


@dataclass(frozen=True, kw_only=True)
class BacktestProgressed:
    """A computation has come this far (0..1). From its simulator to whoever watches; may be lost without harm.

    `status` is `preparing` or `running`; `equity` and `trades` are the points since the last such event, and `before`
    counts the equity points of this run that were told earlier.
    """

    type: ClassVar[str] = "backtest.progressed.v1"
    stream: ClassVar[str] = EVENTS_STREAM
    computation_id: str
    progress: float
    equity: tuple[dict[str, Any], ...] = ()
    trades: tuple[dict[str, Any], ...] = ()
    status: str = "running"
    before: int = 0


@dataclass(frozen=True, kw_only=True)
class BacktestEnded:
    """A computation ended as `completed`, `failed` or `cancelled`, and its row says so. From its simulator to all."""

    type: ClassVar[str] = "backtest.ended.v1"
    stream: ClassVar[str] = EVENTS_STREAM
    computation_id: str
    status: str
    result_digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class BacktestCancelled:
    """The last row of a computation was detached: its simulator stops within a second. From the API."""

    type: ClassVar[str] = "backtest.cancelled.v1"
    stream: ClassVar[str] = EVENTS_STREAM
    computation_id: str


@dataclass(frozen=True, kw_only=True)
class DatasetRequested:
    """Parts of a version (all of it when `parts` is empty) are in no tier within the sender's reach. To the preparer.

    `version` None asks for the newest data revision to be prepared.
    """

    type: ClassVar[str] = "dataset.requested.v1"
    stream: ClassVar[str] = DATASETS
    version: str | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DatasetPublished:
    """A version is complete in PostgreSQL and the cache (or the named parts are in the cache again). From the preparer.

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
    """Somebody waits for a simulator's answer to a question. From the API to the simulators; nobody keeps a record.

    `kind` is screen, explain, audit or replay; after `deadline` (Unix seconds) nobody waits any more.
    """

    type: ClassVar[str] = "query.requested.v1"
    stream: ClassVar[str] = QUERIES
    query_id: str
    kind: str
    payload: dict[str, Any]
    deadline: float


@dataclass(frozen=True, kw_only=True)
class QueryAnswered:
    """The answer lies in the cache under the query's id, or `problem` says why there is none. From a simulator."""

    type: ClassVar[str] = "query.answered.v1"
    stream: ClassVar[str] = EVENTS_STREAM
    query_id: str
    problem: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class WarmProgressed:
    """A warm run has come this far, and its rows say so. From its warmer to whoever watches; may be lost without harm.

    `status` is that of the run. With a `phase`: its `place` in the run (from 0), the counts of its items, and whether
    it has ended. `attempt` counts how often the run was taken up; a later one may begin anew.
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


Event = (
    BacktestRequested
    | BacktestProgressed
    | BacktestEnded
    | BacktestCancelled
    | DatasetRequested
    | DatasetPublished
    | MarketLoaded
    | QueryRequested
    | QueryAnswered
    | WarmProgressed
)

EVENTS: tuple[type[Event], ...] = (
    BacktestRequested,
    BacktestProgressed,
    BacktestEnded,
    BacktestCancelled,
    DatasetRequested,
    DatasetPublished,
    MarketLoaded,
    QueryRequested,
    QueryAnswered,
    WarmProgressed,
)
