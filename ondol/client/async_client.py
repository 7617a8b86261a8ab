"""The asynchronous client of the API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Literal, Unpack
from urllib.parse import quote

from ondol.client import opening_quotes, queries, research
from ondol.client import sweep as sweeps
from ondol.client import walk_forward as walk_forwards
from ondol.client.account import AccountFields, AsyncAccount, account_body, account_path, accounts_frame
from ondol.client.address import address, api_key
from ondol.client.address import language as message_language
from ondol.client.answers import Comparison, ExpressionCheck, Screen
from ondol.client.factor_answers import FactorMatrix, FactorReport, FactorReportFields, FactorWindowFields, OwnFactor
from ondol.client.progress import bar
from ondol.client.request import Day, RequestFields, StrategyLike, day_text, request_body
from ondol.client.research import ResearchLine
from ondol.client.result import AsyncResult, ResultData
from ondol.client.strategy import Strategy
from ondol.client.sweep import AsyncSweep, SweepFields, sweep_body, sweep_path
from ondol.client.walk_forward import AsyncWalkForward, WalkForwardFields, walk_forward_body
from shared.infra.api_client.retry import RetryPolicy

if TYPE_CHECKING:
    import aiohttp
    import polars as pl

    from shared.infra.api_client.client import ApiClient
    from shared.infra.api_client.sse import ServerEvent


class AsyncClient:
    """A client for asyncio programs; `async with AsyncClient(url) as client`, or `await client.close()` at the end.

    url: the API; default ONDOL_API_URL, else http://127.0.0.1:8000. key: default ONDOL_API_KEY or the file of
    ONDOL_API_KEY_FILE. language: `ko` or `en` of messages; default ONDOL_LANGUAGE. progress: show progress;
    default in notebooks and on terminals. retry: how long busy and restarting servers are waited for; default a
    minute.
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
        self.url = address(url)
        self._key = api_key(key)
        self._language = message_language(language)
        self._progress = progress
        self._retry = retry
        self._session: aiohttp.ClientSession | None = None
        self._connection: ApiClient | None = None

    async def backtest(
        self,
        strategy: StrategyLike,
        start: Day,
        end: Day,
        *,
        name: str | None = None,
        no_store: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109  the server's work goes on
        **fields: Unpack[RequestFields],
    ) -> AsyncResult:
        """Run a backtest and return its result; the arguments are those of `Client.backtest`."""
        body = request_body(strategy, start, end, fields)
        with bar(self._progress) as shown:
            document = await queries.run(
                self._api(), body, name=name, no_store=no_store, timeout_s=timeout, on_progress=shown
            )
        return AsyncResult(document, self)

    async def submit(
        self,
        strategy: StrategyLike,
        start: Day,
        end: Day,
        *,
        name: str | None = None,
        no_store: bool = False,
        **fields: Unpack[RequestFields],
    ) -> str:
        """Submit a backtest without waiting and return its id."""
        return await queries.submit(
            self._api(), request_body(strategy, start, end, fields), no_store=no_store, name=name
        )

    async def result(self, identity: str, *, timeout: float | None = None) -> AsyncResult:  # noqa: ASYNC109
        """Return the result of a backtest by its id; wait when it has not ended."""
        with bar(self._progress) as shown:
            document = await queries.result(self._api(), identity, timeout_s=timeout, on_progress=shown)
        return AsyncResult(document, self)

    async def events(self, identity: str, *, after: str | None = None) -> AsyncGenerator[ServerEvent, None]:
        """Yield the events of a backtest (`id`, `kind`, `data`) up to its end; a lost connection is resumed.

        kind: status, progress (with equity points), trade, then completed, failed or cancelled. after: id of the last
        event that was received before.
        """
        async for event in self._api().events(events_path(identity), after=after):
            yield event

    async def sweep(
        self,
        strategy: StrategyLike,
        start: Day,
        end: Day,
        parameters: Mapping[str, Any],
        *,
        wait: bool = True,
        **fields: Unpack[SweepFields],
    ) -> AsyncSweep:
        """Run a strategy at many points and return the sweep; the arguments are those of `Client.sweep`."""
        body = sweep_body(strategy, start, end, parameters, fields)
        with bar(self._progress) as shown:
            document = await sweeps.start(self._api(), body)
            if wait:
                document = await sweeps.ended(self._api(), document, shown)
        return AsyncSweep(document, self)

    async def quote_sweep(
        self, strategy: StrategyLike, start: Day, end: Day, parameters: Mapping[str, Any], **fields: Unpack[SweepFields]
    ) -> dict[str, Any]:
        """Return the number of variants, the cost and the limits of a sweep without starting it."""
        return await sweeps.start(self._api(), sweep_body(strategy, start, end, parameters, fields), dry_run=True)

    async def get_sweep(self, identity: str = "latest") -> AsyncSweep:
        """Return a sweep by its id, or the newest one."""
        return AsyncSweep(await self._api().call("GET", sweep_path(identity)), self)

    async def sweeps(self, *, limit: int = 50, status: str | None = None, research: str | None = None) -> pl.DataFrame:
        """Return sweeps, the newest first."""
        query = {"status": status, "research": research}
        return await queries.sweeps(self._api(), query, limit)

    async def research_lines(self, *, limit: int = 50) -> pl.DataFrame:
        """Return your research lines, the newest first."""
        return await research.lines(self._api(), limit)

    async def research(self, name: str) -> ResearchLine:
        """Return a research line: its trials, and how much of the best one may be luck."""
        return await research.read(self._api(), name)

    async def change_research(
        self, name: str, *, extra_trials: int | None = None, close: bool = False
    ) -> ResearchLine:  # fmt: skip
        """Add trials that were made elsewhere to a research line, or close it; neither can be undone."""
        return await research.change(self._api(), name, extra_trials=extra_trials, close=close)

    async def create_account(
        self,
        strategy: StrategyLike,
        *,
        start: Day | None = None,
        name: str | None = None,
        **fields: Unpack[AccountFields],
    ) -> AsyncAccount:
        """Create a paper account, which decides the orders of a strategy every trading day; no order is sent.

        start: first day; default the next trading day that can be decided in time. Days that have prices are computed
        at once. fields: initial_cash, costs, execution, benchmark, public (everyone may read it; by an operator).
        """
        body = account_body(strategy, start, name, fields)
        return AsyncAccount(await self._api().call("POST", "/v1/accounts", body=body), self)

    async def account(self, identity: str) -> AsyncAccount:
        """Return a paper account by its id."""
        return AsyncAccount(await self._api().call("GET", account_path(identity)), self)

    async def accounts(self, *, limit: int = 50) -> pl.DataFrame:
        """Return your paper accounts and the public ones, the newest first."""
        return await accounts_frame(self._api(), limit)

    async def post_opening_quotes(
        self, quotes: Mapping[str, float | None], *, date: Day | None = None, replace: bool = False
    ) -> dict[str, Any]:
        """Post the opening prices of a day in won, from which paper accounts are booked until its rows are loaded.

        quotes: by stock code; None: the stock does not trade at the open. date: default today in Seoul. replace:
        whether other prices that were posted before are corrected. Needs a key with the role operator.
        """
        return await opening_quotes.post_quotes(self._api(), quotes, date, replace=replace)

    async def opening_quotes(self, date: Day | None = None) -> pl.DataFrame:
        """Return the opening prices that were posted for a day; of the last one without a date."""
        return await opening_quotes.quotes_frame(self._api(), date)

    async def walk_forward(
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
    ) -> AsyncWalkForward:
        """Choose parameters on past days, trade them after; the arguments are those of `Client.walk_forward`."""
        body = walk_forward_body(strategy, start, end, parameters, {**fields, "train": train, "test": test})
        with bar(self._progress) as shown:
            return AsyncWalkForward(await walk_forwards.run(self._api(), body, shown, wait=wait), self)

    async def quote_walk_forward(
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
        return await sweeps.start(self._api(), body, dry_run=True, resource="walk-forwards")

    async def get_walk_forward(self, identity: str = "latest") -> AsyncWalkForward:
        """Return a walk-forward by its id, or the newest one."""
        return AsyncWalkForward(await walk_forwards.read(self._api(), identity), self)

    async def walk_forwards(
        self, *, limit: int = 50, status: str | None = None, research: str | None = None
    ) -> pl.DataFrame:
        """Return walk-forwards, the newest first."""
        query = {"status": status, "research": research}
        return await queries.walk_forwards(self._api(), query, limit)

    async def cancel(self, identity: str) -> None:
        """Cancel a backtest that is queued or running."""
        await queries.cancel(self._api(), identity)

    async def backtests(
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
        return await queries.backtests(self._api(), query, limit)

    async def update(
        self,
        identity: str,
        *,
        name: str | EllipsisType | None = ...,
        note: str | EllipsisType | None = ...,
        starred: bool | EllipsisType = ...,
    ) -> None:
        """Change name, note and star of a backtest; None removes a name or note. A starred one is not deleted."""
        changes = given(name=name, note=note, starred=starred)
        await queries.update(self._api(), identity, changes)

    async def compare(self, results: Sequence[ResultData | str]) -> Comparison:
        """Return results (or ids) side by side."""
        return await queries.compare(self._api(), identities(results))

    async def screen(
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
        return await queries.screen(self._api(), query)

    async def values(
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
        return await queries.values(self._api(), query)

    async def prices(self, code: str, start: Day | None = None, end: Day | None = None) -> pl.DataFrame:
        """Return the prices of a stock as traded (won, shares; default: the last 250 rows) with splits on their day."""
        return await queries.prices(self._api(), code, start, end)

    async def sectors(self, date: Day | None = None) -> pl.DataFrame:
        """Return the sectors of a day with their number of stocks."""
        return await queries.sectors(self._api(), date)

    async def calendar(self, year: int | None = None) -> pl.DataFrame:
        """Return the days of a year (default: this one): whether they are trading days, and why not."""
        return await queries.calendar(self._api(), year)

    async def language(self) -> dict[str, Any]:
        """Return the words of the strategy language: fields, functions, operators and units, with help."""
        return await queries.language(self._api())

    async def check_expression(self, text: str, place: str = "buy.where") -> ExpressionCheck:
        """Return the canonical text of an expression and what it reads, or its mistakes.

        place: buy.where, buy.rank_by, sell.where, universe.where or portfolio.when.
        """
        return await queries.check_expression(self._api(), text, place)

    async def check(self, strategy: Strategy) -> dict[str, ExpressionCheck]:
        """Return the checks of a strategy's expressions by place; raise InvalidRequest with the mistakes of all."""
        return await queries.check(self._api(), strategy)

    async def stocks(
        self, search: str | None = None, *, market: str | None = None, limit: int | None = None
    ) -> pl.DataFrame:
        """Return stocks by code; `search` is a part of a name or code."""
        return await queries.stocks(self._api(), {"search": search, "market": market}, limit)

    async def factors(self) -> pl.DataFrame:
        """Return the definitions of all factors."""
        return await queries.factors(self._api())

    async def factor_report(
        self, factor: str, start: Day, end: Day, **fields: Unpack[FactorReportFields]
    ) -> FactorReport:
        """Return the report of a factor; the arguments are those of `Client.factor_report`."""
        return await queries.factor_report(self._api(), factor, start, end, fields)

    async def factor_reports(
        self, *, limit: int = 50, factor: str | None = None, query: str | None = None, dataset: str | None = None
    ) -> pl.DataFrame:
        """Return your stored factor reports, the newest first; the arguments are those of `Client.factor_reports`."""
        asked = {"factor": factor, "query": query, "dataset": dataset}
        return await queries.factor_reports(self._api(), asked, limit)

    async def get_factor_report(self, identity: str = "latest") -> FactorReport:
        """Return a stored factor report by its id, or the newest one."""
        return await queries.get_factor_report(self._api(), identity)

    async def audit_factor_report(self, identity: str = "latest", *, cuts: int = 5, seed: int = 0) -> dict[str, Any]:
        """Compute a stored report again, and its coefficients on data that end after `cuts` random days.

        `identical` is whether the digest is the same and no coefficient knew later data; `cuts` has each comparison.
        """
        return await queries.audit_factor_report(self._api(), identity, cuts, seed)

    async def delete_factor_report(self, identity: str) -> None:
        """Delete a stored factor report."""
        await queries.delete_factor_report(self._api(), identity)

    async def factor_matrix(
        self, start: Day, end: Day, factors: Sequence[str] | None = None, **fields: Unpack[FactorWindowFields]
    ) -> FactorMatrix:
        """Return the matrix of factors and horizons; the arguments are those of `Client.factor_matrix`."""
        return await queries.factor_matrix(self._api(), start, end, factors, fields)

    async def own_factors(self) -> pl.DataFrame:
        """Return your own factors: expressions that have a name."""
        return await queries.own_factors(self._api())

    async def own_factor(self, key: str) -> OwnFactor:
        """Return an own factor with its versions and its coverage by year."""
        return await queries.own_factor(self._api(), key)

    async def define_factor(self, key: str, expression: str, *, unit: str = "", summary: str = "") -> int:
        """Give an expression a name that every expression may use; return its version. A change is a new version."""
        return await queries.define_factor(self._api(), key, expression, unit, summary)

    async def delete_factor(self, key: str) -> None:
        """Delete an own factor that no factor or strategy of yours names."""
        await queries.delete_factor(self._api(), key)

    async def strategies(self) -> pl.DataFrame:
        """Return the catalogue, the presets and your own strategies."""
        return await queries.strategies(self._api())

    async def dataset(self) -> dict[str, Any]:
        """Return the current dataset version with its first and last day."""
        return await queries.dataset(self._api())

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
        self._session = self._connection = None

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def _api(self) -> ApiClient:
        if self._connection is None:
            import aiohttp

            from shared.infra.api_client.client import ApiClient

            self._session = aiohttp.ClientSession()
            self._connection = ApiClient(
                self._session, self.url, key=self._key, language=self._language, policy=self._retry
            )
        return self._connection


def list_query(**values: Any) -> dict[str, Any]:
    """Return the parameters of a list of backtests."""
    starred = values["starred"]
    return values | {"starred": None if starred is None else str(starred).lower()}


def given(**values: Any) -> dict[str, Any]:
    """Return the values that are not left out."""
    return {name: value for name, value in values.items() if value is not ...}


def events_path(identity: str) -> str:
    """Return the path of a backtest's events."""
    return f"/v1/backtests/{quote(identity, safe='')}/events"


def identities(results: Sequence[ResultData | str]) -> list[str]:
    """Return the id of each result; a text is an id already."""
    return [item if isinstance(item, str) else item.id for item in results]


def screen_query(**values: Any) -> dict[str, Any]:
    """Return the query of `GET /v1/screen`: lists as they are, the date as `YYYY-MM-DD`, None where it is not given."""
    lists = {
        name: list(values[name]) for name in ("columns", "markets", "kinds", "sectors") if values[name] is not None
    }
    return values | lists | {"date": None if values["date"] is None else day_text(values["date"])}


def values_query(**values: Any) -> dict[str, Any]:
    """Return the parameters of a request for values."""
    fields = values["fields"]
    lists = {name: list(values[name]) for name in ("codes", "markets", "kinds", "sectors") if values[name] is not None}
    days = {name: None if values[name] is None else day_text(values[name]) for name in ("start", "end")}
    return values | lists | days | {"fields": fields if isinstance(fields, str) else ",".join(fields)}
