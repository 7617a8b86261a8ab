"""The synchronous client of the API, for scripts and notebooks."""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack

from ondol.client import opening_quotes, queries, research
from ondol.client import sweep as sweeps
from ondol.client import walk_forward as walk_forwards
from ondol.client.account import Account, AccountFields, account_body, account_path, accounts_frame
from ondol.client.answers import Comparison, ExpressionCheck, Screen
from ondol.client.async_client import AsyncClient, given, identities, list_query, screen_query, values_query
from ondol.client.factor_answers import FactorMatrix, FactorReport, FactorReportFields, FactorWindowFields, OwnFactor
from ondol.client.loop_thread import LoopThread
from ondol.client.progress import Shown, bar
from ondol.client.request import Day, RequestFields, StrategyLike, request_body
from ondol.client.research import ResearchLine
from ondol.client.result import Result, ResultData
from ondol.client.strategy import Strategy
from ondol.client.sweep import Sweep, SweepFields, sweep_body, sweep_path
from ondol.client.walk_forward import WalkForward, WalkForwardFields, walk_forward_body
from shared.infra.api_client.retry import RetryPolicy

if TYPE_CHECKING:
    import polars as pl

    from shared.infra.api_client.client import ApiClient, Progress
    from shared.infra.api_client.sse import ServerEvent

T = TypeVar("T")


class Client:
    """A client of the API for scripts and notebooks; `with Client(url) as client`, or leave closing to the end.

    url: the API; default ONDOL_API_URL, else http://127.0.0.1:8000. key: default ONDOL_API_KEY or the file of
    ONDOL_API_KEY_FILE. language: `ko` or `en` of messages; default ONDOL_LANGUAGE. progress: show progress;
    default in notebooks and on terminals. retry: how long busy and restarting servers are waited for; default a
    minute.

    Methods raise the errors of `ondol.errors`: InvalidRequest with every mistake, RunFailed, Unavailable, …
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        language: Literal["ko", "en"] | None = None,
        progress: bool | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._async = AsyncClient(url, key=key, language=language, progress=progress, retry=retry)
        self.url = self._async.url
        self._progress = progress
        self._loop = LoopThread()
        self._closing = weakref.finalize(self, _close, self._loop, self._async)

    def backtest(
        self,
        strategy: StrategyLike,
        start: Day,
        end: Day,
        *,
        name: str | None = None,
        no_store: bool = False,
        timeout: float | None = None,
        **fields: Unpack[RequestFields],
    ) -> Result:
        """Run a backtest and return its result.

        strategy: a Strategy, the id of a catalogue, preset or stored strategy, or the `strategy` object of a request.
        name: by which you find it again. no_store: compute again instead of using a stored result. timeout: seconds
        after which WaitTimeout is raised; the backtest goes on, and `client.result(error.id)` finds it. fields: those
        of `POST /v1/backtests` (`initial_cash`, `benchmark`, `costs`, `execution`, …); those of costs and execution
        also by their own names (`commission_pct=0.015`, `price="close"`).
        """
        body = request_body(strategy, start, end, fields)

        async def run(api: ApiClient, seen: Progress | None) -> dict[str, Any]:
            return await queries.run(api, body, name=name, no_store=no_store, timeout_s=timeout, on_progress=seen)

        return Result(self._watched(run), self)

    def submit(
        self,
        strategy: StrategyLike,
        start: Day,
        end: Day,
        *,
        name: str | None = None,
        no_store: bool = False,
        **fields: Unpack[RequestFields],
    ) -> str:
        """Submit a backtest without waiting and return its id, for `client.result(id)`."""
        body = request_body(strategy, start, end, fields)
        return self._run(lambda api: queries.submit(api, body, no_store=no_store, name=name))

    def result(self, identity: str, *, timeout: float | None = None) -> Result:
        """Return the result of a backtest by its id; wait when it has not ended."""
        return Result(
            self._watched(lambda api, seen: queries.result(api, identity, timeout_s=timeout, on_progress=seen)), self
        )

    def events(self, identity: str, *, after: str | None = None) -> Iterator[ServerEvent]:
        """Yield the events of a backtest (`id`, `kind`, `data`) up to its end; a lost connection is resumed.

        kind: status, progress (with equity points), trade, then completed, failed or cancelled. after: id of the last
        event that was received before.
        """
        found = self._async.events(identity, after=after)

        async def following() -> ServerEvent | None:
            return await anext(found, None)

        async def close() -> None:
            await found.aclose()

        try:
            while (event := self._run(lambda api: following())) is not None:
                yield event
        finally:
            self._run(lambda api: close())

    def sweep(
        self,
        strategy: StrategyLike,
        start: Day,
        end: Day,
        parameters: Mapping[str, Any],
        *,
        wait: bool = True,
        **fields: Unpack[SweepFields],
    ) -> Sweep:
        """Run a strategy at many points and return the sweep.

        parameters: name -> values: a list, a range, or {"from": 4, "to": 20, "step": 2}. The strategy has `$name` where
        a value belongs; a name that is a path (`"sell.stop_loss_pct"`) puts it there. fields: constraints, method
        (grid, random, lhs, sobol, tpe), runs, seed, batch, maximize or minimize, where, research, returns (weekly or
        none), holdout (first day that no variant reads), and the fields of a backtest. wait: follow it to its end.
        """
        body = sweep_body(strategy, start, end, parameters, fields)

        async def run(api: ApiClient, seen: Progress | None) -> dict[str, Any]:
            document = await sweeps.start(api, body)
            return await sweeps.ended(api, document, seen) if wait else document

        return Sweep(self._watched(run), self)

    def quote_sweep(
        self, strategy: StrategyLike, start: Day, end: Day, parameters: Mapping[str, Any], **fields: Unpack[SweepFields]
    ) -> dict[str, Any]:
        """Return the number of variants, the cost and the limits of a sweep without starting it."""
        body = sweep_body(strategy, start, end, parameters, fields)
        return self._run(lambda api: sweeps.start(api, body, dry_run=True))

    def get_sweep(self, identity: str = "latest") -> Sweep:
        """Return a sweep by its id, or the newest one."""
        return Sweep(self._run(lambda api: api.call("GET", sweep_path(identity))), self)

    def sweeps(self, *, limit: int = 50, status: str | None = None, research: str | None = None) -> pl.DataFrame:
        """Return sweeps, the newest first."""
        query = {"status": status, "research": research}
        return self._run(lambda api: queries.sweeps(api, query, limit))

    def research_lines(self, *, limit: int = 50) -> pl.DataFrame:
        """Return your research lines, the newest first."""
        return self._run(lambda api: research.lines(api, limit))

    def research(self, name: str) -> ResearchLine:
        """Return a research line: its trials, and how much of the best one may be luck.

        It begins with the first backtest, sweep, walk-forward, factor report or matrix that has `research=name`.
        """
        return self._run(lambda api: research.read(api, name))

    def change_research(self, name: str, *, extra_trials: int | None = None, close: bool = False) -> ResearchLine:
        """Add trials that were made elsewhere to a research line, or close it; neither can be undone."""
        return self._run(lambda api: research.change(api, name, extra_trials=extra_trials, close=close))

    def create_account(
        self,
        strategy: StrategyLike,
        *,
        start: Day | None = None,
        name: str | None = None,
        **fields: Unpack[AccountFields],
    ) -> Account:
        """Create a paper account, which decides the orders of a strategy every trading day; no order is sent.

        start: first day; default the next trading day that can be decided in time. Days that have prices are computed
        at once. fields: initial_cash, costs, execution, benchmark, public (everyone may read it; by an operator).
        """
        body = account_body(strategy, start, name, fields)
        return Account(self._run(lambda api: api.call("POST", "/v1/accounts", body=body)), self)

    def account(self, identity: str) -> Account:
        """Return a paper account by its id."""
        return Account(self._run(lambda api: api.call("GET", account_path(identity))), self)

    def accounts(self, *, limit: int = 50) -> pl.DataFrame:
        """Return your paper accounts and the public ones, the newest first."""
        return self._run(lambda api: accounts_frame(api, limit))

    def post_opening_quotes(
        self, quotes: Mapping[str, float | None], *, date: Day | None = None, replace: bool = False
    ) -> dict[str, Any]:
        """Post the opening prices of a day in won, from which paper accounts are booked until its rows are loaded.

        quotes: by stock code; None: the stock does not trade at the open. date: default today in Seoul. replace:
        whether other prices that were posted before are corrected. Needs a key with the role operator.
        """
        return self._run(lambda api: opening_quotes.post_quotes(api, quotes, date, replace=replace))

    def opening_quotes(self, date: Day | None = None) -> pl.DataFrame:
        """Return the opening prices that were posted for a day; of the last one without a date."""
        return self._run(lambda api: opening_quotes.quotes_frame(api, date))

    def walk_forward(
        self,
        strategy: StrategyLike,
        start: Day,
        end: Day,
        parameters: Mapping[str, Any],
        *,
        train: str,
        test: str,
        wait: bool = True,
        **fields: Unpack[WalkForwardFields],
    ) -> WalkForward:
        """Choose parameters on past days, trade them on the days after, window by window.

        strategy, parameters: those of `sweep`. train, test: lengths such as 24M, 2Y, 8W. fields: step, anchored,
        gap_rows, choose (best or plateau), carry (positions or cash), and the fields of a sweep but batch and returns.
        wait: follow it to its end.
        """
        body = walk_forward_body(strategy, start, end, parameters, {**fields, "train": train, "test": test})

        async def run(api: ApiClient, seen: Progress | None) -> dict[str, Any]:
            return await walk_forwards.run(api, body, seen if wait else None, wait=wait)

        return WalkForward(self._watched(run), self)

    def quote_walk_forward(
        self,
        strategy: StrategyLike,
        start: Day,
        end: Day,
        parameters: Mapping[str, Any],
        *,
        train: str,
        test: str,
        **fields: Unpack[WalkForwardFields],
    ) -> dict[str, Any]:
        """Return the number of variants of a run, the cost and the limits of a walk-forward without starting it."""
        body = walk_forward_body(strategy, start, end, parameters, {**fields, "train": train, "test": test})
        return self._run(lambda api: sweeps.start(api, body, dry_run=True, resource="walk-forwards"))

    def get_walk_forward(self, identity: str = "latest") -> WalkForward:
        """Return a walk-forward by its id, or the newest one."""
        return WalkForward(self._run(lambda api: walk_forwards.read(api, identity)), self)

    def walk_forwards(self, *, limit: int = 50, status: str | None = None, research: str | None = None) -> pl.DataFrame:
        """Return walk-forwards, the newest first."""
        query = {"status": status, "research": research}
        return self._run(lambda api: queries.walk_forwards(api, query, limit))

    def cancel(self, identity: str) -> None:
        """Cancel a backtest that is queued or running."""
        self._run(lambda api: queries.cancel(api, identity))

    def backtests(
        self,
        *,
        limit: int = 50,
        status: str | None = None,
        strategy: str | None = None,
        name: str | None = None,
        starred: bool | None = None,
        origin: Literal["user", "preview", "warmer", "verify"] | None = "user",
    ) -> pl.DataFrame:
        """Return backtests, the newest first, with their main figures.

        name: a part of the name. origin: what requested them; None: also those of the warmer.
        """
        query = list_query(status=status, strategy=strategy, name=name, starred=starred, origin=origin)
        return self._run(lambda api: queries.backtests(api, query, limit))

    def update(
        self,
        identity: str,
        *,
        name: str | EllipsisType | None = ...,
        note: str | EllipsisType | None = ...,
        starred: bool | EllipsisType = ...,
    ) -> None:
        """Change name, note and star of a backtest; None removes a name or note. A starred one is not deleted."""
        changes = given(name=name, note=note, starred=starred)
        self._run(lambda api: queries.update(api, identity, changes))

    def compare(self, results: Sequence[ResultData | str]) -> Comparison:
        """Return results (or ids) side by side."""
        return self._run(lambda api: queries.compare(api, identities(results)))

    def screen(
        self,
        where: str | None = None,
        *,
        strategy: str | None = None,
        rank_by: str | None = None,
        order: Literal["asc", "desc"] | None = None,
        date: Day | None = None,
        limit: int | None = None,
        columns: Iterable[str] | None = None,
        markets: Iterable[str] | None = None,
        kinds: Iterable[str] | None = None,
        sectors: Iterable[str] | None = None,
    ) -> Screen:
        """Return the stocks that pass a condition, or the condition of a strategy, on a day (default: the last).

        columns: factors, price fields and expressions that the frame has beside the rank. limit: 0 only counts.
        """
        query = screen_query(
            where=where, strategy=strategy, rank_by=rank_by, order=order, date=date, limit=limit, columns=columns,
            markets=markets, kinds=kinds, sectors=sectors,
        )  # fmt: skip
        return self._run(lambda api: queries.screen(api, query))

    def values(
        self,
        fields: str | Iterable[str],
        codes: Iterable[str] | None = None,
        *,
        start: Day | None = None,
        end: Day | None = None,
        markets: Iterable[str] | None = None,
        kinds: Iterable[str] | None = None,
        sectors: Iterable[str] | None = None,
    ) -> pl.DataFrame:
        """Return factors, price fields and expressions in long form: date, stock_code, and a column for each field.

        codes: default all stocks of the universe. start: default the day of `end`, which is the last row by default.
        """
        query = values_query(
            fields=fields, codes=codes, start=start, end=end, markets=markets, kinds=kinds, sectors=sectors
        )
        return self._run(lambda api: queries.values(api, query))

    def prices(self, code: str, start: Day | None = None, end: Day | None = None) -> pl.DataFrame:
        """Return the prices of a stock as traded (won, shares; default: the last 250 rows) with splits on their day."""
        return self._run(lambda api: queries.prices(api, code, start, end))

    def sectors(self, date: Day | None = None) -> pl.DataFrame:
        """Return the sectors of a day with their number of stocks."""
        return self._run(lambda api: queries.sectors(api, date))

    def calendar(self, year: int | None = None) -> pl.DataFrame:
        """Return the days of a year (default: this one): whether they are trading days, and why not."""
        return self._run(lambda api: queries.calendar(api, year))

    def language(self) -> dict[str, Any]:
        """Return the words of the strategy language: fields, functions, operators and units, with help."""
        return self._run(queries.language)

    def check_expression(self, text: str, place: str = "buy.where") -> ExpressionCheck:
        """Return the canonical text of an expression and what it reads, or its mistakes.

        place: buy.where, buy.rank_by, sell.where, universe.where or portfolio.when.
        """
        return self._run(lambda api: queries.check_expression(api, text, place))

    def check(self, strategy: Strategy) -> dict[str, ExpressionCheck]:
        """Return the checks of a strategy's expressions by place; raise InvalidRequest with the mistakes of all."""
        return self._run(lambda api: queries.check(api, strategy))

    def stocks(self, search: str | None = None, *, market: str | None = None, limit: int | None = None) -> pl.DataFrame:
        """Return stocks by code; `search` is a part of a name or code."""
        return self._run(lambda api: queries.stocks(api, {"search": search, "market": market}, limit))

    def factors(self) -> pl.DataFrame:
        """Return the definitions of all factors."""
        return self._run(queries.factors)

    def factor_report(self, factor: str, start: Day, end: Day, **fields: Unpack[FactorReportFields]) -> FactorReport:
        """Return what a factor or expression says about the returns that follow.

        start, end: the rows that are judged. The other arguments are the fields of `POST /v1/factor-reports`, with its
        defaults.
        """
        return self._run(lambda api: queries.factor_report(api, factor, start, end, fields))

    def factor_reports(
        self, *, limit: int = 50, factor: str | None = None, query: str | None = None, dataset: str | None = None
    ) -> pl.DataFrame:
        """Return your stored factor reports, the newest first, with the rank IC and its t by horizon.

        `query` is a text that the factor contains, or that stands for it, such as an own factor.
        """
        asked = {"factor": factor, "query": query, "dataset": dataset}
        return self._run(lambda api: queries.factor_reports(api, asked, limit))

    def get_factor_report(self, identity: str = "latest") -> FactorReport:
        """Return a stored factor report by its id, or the newest one."""
        return self._run(lambda api: queries.get_factor_report(api, identity))

    def audit_factor_report(self, identity: str = "latest", *, cuts: int = 5, seed: int = 0) -> dict[str, Any]:
        """Compute a stored report again, and its coefficients on data that end after `cuts` random days.

        `identical` is whether the digest is the same and no coefficient knew later data; `cuts` has each comparison.
        """
        return self._run(lambda api: queries.audit_factor_report(api, identity, cuts, seed))

    def delete_factor_report(self, identity: str) -> None:
        """Delete a stored factor report."""
        self._run(lambda api: queries.delete_factor_report(api, identity))

    def factor_matrix(
        self, start: Day, end: Day, factors: Sequence[str] | None = None, **fields: Unpack[FactorWindowFields]
    ) -> FactorMatrix:
        """Return the rank IC of factors (default: every factor) by holding time, with p-values for their number."""
        return self._run(lambda api: queries.factor_matrix(api, start, end, factors, fields))

    def own_factors(self) -> pl.DataFrame:
        """Return your own factors: expressions that have a name."""
        return self._run(queries.own_factors)

    def own_factor(self, key: str) -> OwnFactor:
        """Return an own factor with its versions and its coverage by year."""
        return self._run(lambda api: queries.own_factor(api, key))

    def define_factor(self, key: str, expression: str, *, unit: str = "", summary: str = "") -> int:
        """Give an expression a name that every expression may use; return its version. A change is a new version."""
        return self._run(lambda api: queries.define_factor(api, key, expression, unit, summary))

    def delete_factor(self, key: str) -> None:
        """Delete an own factor that no factor or strategy of yours names."""
        self._run(lambda api: queries.delete_factor(api, key))

    def strategies(self) -> pl.DataFrame:
        """Return the catalogue, the presets and your own strategies."""
        return self._run(queries.strategies)

    def dataset(self) -> dict[str, Any]:
        """Return the current dataset version with its first and last day."""
        return self._run(queries.dataset)

    def close(self) -> None:
        """Close the connections; the client cannot be used any more."""
        self._closing()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def _run(self, work: Callable[[ApiClient], Awaitable[T]], *, tick: Callable[[], None] | None = None) -> T:
        async def run() -> T:
            return await work(self._async._api())

        if not self._closing.alive:
            raise RuntimeError("the client is closed")
        return self._loop.run(run(), tick=tick)

    def _watched(self, work: Callable[[ApiClient, Progress | None], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """Run a wait and show its progress from this thread, which is that of the notebook's cell."""
        with bar(self._progress) as shown:
            if shown is None:
                return self._run(lambda api: work(api, None))
            watcher = _Watcher(shown)
            return self._run(lambda api: work(api, watcher.put), tick=watcher.show)


class _Watcher:
    """The newest document of a backtest, from the thread of the loop to that of the caller."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._newest: Mapping[str, Any] | None = None

    def put(self, document: Mapping[str, Any]) -> None:
        """Keep a document as the newest one; called in the thread of the loop."""
        self._newest = document

    def show(self) -> None:
        """Pass the newest document on; called in the thread of the caller. Does nothing before the first."""
        if self._newest is not None:
            self._shown(self._newest)


def _close(loop: LoopThread, client: AsyncClient) -> None:
    loop.run(client.close())
    loop.close()
