"""The Python package against a real system: every method of both clients."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import polars as pl
import pytest
import pytest_asyncio

from ondol import Account, AsyncClient, Client, Strategy
from ondol.client import queries
from ondol.client.async_client import AsyncClient as Methods
from ondol.errors import ApiError, InvalidRequest, NotFound
from ondol.local.run_file import Servers
from tests.support.api_with_market import FIRST, LAST, served
from tests.support.system import Client as System

STRATEGY = Strategy(
    buy="PER < 25 and close > ts_mean(close, 20)", rank_by="MOMENTUM_1M", max_positions=5, stop_loss_pct=10,
    max_hold_days=60,
)  # fmt: skip


@pytest_asyncio.fixture(scope="module")
async def system(servers: Servers) -> AsyncIterator[System]:
    async with served(servers) as found:
        yield found


def test_both_clients_have_the_same_methods() -> None:
    public = {name for name in vars(Methods) if not name.startswith("_")}
    assert public == {name for name in vars(Client) if not name.startswith("_")}


async def test_result_has_tables_and_answers(system: System) -> None:
    def work() -> None:
        with Client(system.url) as client:
            result = client.backtest(STRATEGY, FIRST, dt.date.fromisoformat(LAST), initial_cash=50_000_000)
            assert result.equity["date"].dtype == pl.Date
            assert result.equity["equity"][-1] / 50_000_000 - 1 == pytest.approx(result.statistics.total_return)
            assert result.trades.height == result.statistics.trades
            day = result.trades["date"][0]
            holdings = result.holdings(day)
            assert holdings.frame["value"].sum() + holdings.cash == pytest.approx(holdings.equity)
            explained = result.explain()
            assert explained.trades["rule"].null_count() == 0
            assert explained.rebalances["passed"].max() > 0
            assert result.why_not(result.trades["stock_code"][0], day)["outcome"] == "bought"
            assert result.audit(cuts=1).identical
            report = result.robustness(random_draws=5, noise_draws=0)
            assert {"neighbours", "slippage", "starts"} <= set(report.lines["group"])
            assert report.document["backtest"]["figures"]["sharpe"] == result.statistics.sharpe
            factor = client.factor_report("PER", FIRST, LAST, horizons=[5, 1], quantiles=3)
            assert factor.horizons["horizon"].to_list() == [1, 5]
            assert factor.quantiles.height == 6
            assert factor.series["rank_ic"].mean() == pytest.approx(factor.horizons["rank_ic_mean"].mean(), abs=0.02)
            assert client.factor_reports(factor="PER", limit=1)["id"].to_list() == [factor.id]
            assert client.get_factor_report(factor.id).digest == factor.digest
            assert client.audit_factor_report(factor.id, cuts=1)["identical"]
            client.delete_factor_report(factor.id)
            with pytest.raises(NotFound):
                client.get_factor_report(factor.id)
            matrix = client.factor_matrix(FIRST, LAST, ["PER", "-rank(PBR)"], horizons=[5])
            assert matrix.cells["rank_ic"][0] == factor.horizons["rank_ic_mean"][1]
            assert matrix.tests == matrix.cells["p_holm"].count() == 2
            assert result.replay().outcome == "identical"
            again = client.result(result.id)
            assert again.statistics == result.statistics
            other = client.backtest("surge_stocks", FIRST, LAST, benchmark=None, commission_pct=0.0)
            assert other.benchmark_returns() is None
            compared = client.compare([result, other.id])
            assert compared.sharpe_differences["p"].is_between(0, 1).all()
            assert compared.statistics.columns[-1] == "surge_stocks"
            assert compared.equity.height == result.equity.height
            assert set(client.backtests(limit=2)["id"]) == {result.id, other.id}
            named = client.backtest(STRATEGY, FIRST, LAST, name="Cheap and rising")
            assert (named.name, client.result(named.id).name) == ("Cheap and rising", "Cheap and rising")
            client.update(other.id, note="without costs", starred=True)
            assert client.backtests(starred=True).select("id", "note").rows() == [(other.id, "without costs")]
            client.update(other.id, note=None, starred=False)
            assert client.backtests(starred=True).height == 0
            assert client.backtests(name="cheap")["id"].to_list() == [named.id]
            assert client.backtests(origin="warmer").height == 0

    await asyncio.to_thread(work)


async def test_research_lines_are_read_and_changed(system: System) -> None:
    def work() -> None:
        with Client(system.url, progress=False) as client:
            result = client.backtest(STRATEGY, FIRST, LAST, research="from python")
            assert result.deflated is not None
            assert result.deflated["trials"] == 1
            assert result.deflated["conclusion"]["message"] in result.to_html()
            client.sweep({"buy": {"where": "PER < $per"}}, FIRST, LAST, {"per": [5, 9, 20]}, research="from python")
            line = client.research("from python")
            assert (line.trials, line.extra_trials, client.research_lines(limit=1)["trials"].to_list()) == (4, 0, [4])
            assert line.statistics.columns[:2] == ["statistic", "value"]
            assert line.best is not None
            assert line.dsr is not None
            assert line.dsr[0] <= line.dsr[1]
            factor = client.factor_report("PER", FIRST, LAST, horizons=[5], correlations=False, research="factors")
            assert factor.recorded is not None
            assert (factor.recorded["new"], factor.recorded["trials"]) == (1, 1)
            assert client.get_factor_report(factor.id).recorded is None
            matrix = client.factor_matrix(FIRST, LAST, ["PER", "PBR"], horizons=[5], research="factors")
            assert matrix.recorded is not None
            assert (matrix.recorded["new"], matrix.recorded["repeated"]) == (1, 1)
            assert client.research("factors").trials == 2
            changed = client.change_research("from python", extra_trials=50, close=True)
            assert changed.extra_trials == 50
            assert changed.conclusion
            assert changed.warnings
            with pytest.raises(InvalidRequest):
                client.backtest(STRATEGY, FIRST, LAST, research="no/such name")

    await asyncio.to_thread(work)
    async with AsyncClient(system.url) as client:
        assert (await client.research("from python")).extra_trials == 50
        assert (await client.research_lines(limit=5))["name"].to_list() == ["factors", "from python"]
        assert (await client.change_research("from python", extra_trials=60)).extra_trials == 60


async def test_lists_are_frames(system: System) -> None:
    async with AsyncClient(system.url) as client:
        assert (await client.stocks()).height == 60
        assert (await client.stocks(limit=7)).height == 7
        factors = await client.factors()
        assert "PER" in factors["key"].to_list()
        strategies = await client.strategies()
        assert "peter_lynch" in strategies["id"].to_list()
        screen = await client.screen("PER < 25", rank_by="ROE", limit=3)
        assert (screen.frame["rank"].to_list(), screen.date.year) == ([1, 2, 3], 2025)
        assert "values" not in screen.frame.columns
        wide = await client.screen("PER < 25 and ROE > 0", limit=3, columns=["PER", "pct_rank(ROE)"])
        assert {"PER", "pct_rank(ROE)"} <= set(wide.frame.columns)
        counted = await client.screen("PER < 25 and ROE > 0", limit=0)
        assert counted.frame.height == 0
        assert counted.parts is not None
        assert counted.parts["remaining"][-1] == counted.total == wide.total
        assert (await client.dataset())["last_day"] == screen.date.isoformat()


async def test_values_and_prices_are_typed_frames(system: System) -> None:
    async with AsyncClient(system.url) as client:
        codes = (await client.stocks(limit=3))["stock_code"].to_list()
        values = await client.values(["PER", "close", "pct_rank(ROE)"], codes, start=FIRST, end=LAST)
        assert values.columns == ["date", "stock_code", "PER", "close", "pct_rank(ROE)"]
        assert (values["date"].dtype, values["date"].min()) == (pl.Date, dt.date.fromisoformat(FIRST))
        assert set(values["stock_code"]) <= set(codes)
        assert (await client.values("PER")).height > 30
        prices = await client.prices(codes[0], FIRST, LAST)
        assert prices.columns == ["date", "open", "high", "low", "close", "volume", "split"]
        assert prices["volume"].dtype == pl.Int64
        assert (await client.sectors())["stocks"].sum() > 0
        calendar = await client.calendar(2025)
        assert calendar.filter(pl.col("date") == dt.date(2025, 1, 1))["trading"].to_list() == [False]


async def test_many_codes_are_requested_in_parts(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncClient(system.url) as client:
        codes = (await client.stocks())["stock_code"].to_list()
        whole = await client.values("close", codes)
        monkeypatch.setattr(queries, "CODES", 7)
        assert (await client.values("close", codes)).equals(whole)


async def test_expressions_are_checked_by_the_api(system: System) -> None:
    async with AsyncClient(system.url) as client:
        checked = await client.check_expression("PER<10 and ROE>5")
        assert (checked.ok, checked.canonical, checked.reads) == (True, "PER < 10 and ROE > 5", ("PER", "ROE"))
        assert set(await client.check(STRATEGY)) == {"buy.where", "buy.rank_by"}
        with pytest.raises(InvalidRequest) as raised:
            await client.check(Strategy(buy="PERR < 10", when="KOSPII > 1", rank_by="ROE"))
        assert [error.path for error in raised.value.errors] == ["strategy.buy.where", "strategy.portfolio.when"]
        assert raised.value.errors[0].suggestions == ("PER",)
        assert "functions" in await client.language()


async def test_messages_of_the_api_are_korean_when_wanted(system: System) -> None:
    async with AsyncClient(system.url, language="ko") as client:
        with pytest.raises(InvalidRequest, match="알 수 없는 이름입니다: PERR") as raised:
            await client.backtest(Strategy(buy="PERR < 10"), FIRST, LAST)
        mistake = raised.value.errors[0]
        assert (mistake.code, mistake.params) == ("unknown_word", {"name": "PERR", "suggestions": ["PER"]})


async def test_submitted_backtest_is_found_by_its_id(system: System) -> None:
    async with AsyncClient(system.url) as client:
        identity = await client.submit(STRATEGY.replace(max_positions=4), FIRST, LAST, name="four")
        assert [event.kind async for event in client.events(identity)][-1] == "completed"
        assert (await client.backtests(name="four"))["id"].to_list() == [identity]
        result = await client.result(identity, timeout=60)
        assert (await result.holdings(LAST)).date == dt.date.fromisoformat(LAST)
        assert (await result.replay()).outcome == "identical"
        assert (await result.explain()).trades.height == result.trades.height
        assert (await result.audit(cuts=1)).identical
        assert (await result.robustness(random_draws=0, noise_draws=0)).percentile is None
        found = await client.factor_report("-PBR", FIRST, LAST, series=False, correlations=False)
        assert found.series.height == 0
        assert (await client.factor_reports(limit=1))["t_5"][0] == found.horizons["rank_ic_t"][1]
        assert (await client.get_factor_report()).id == found.id
        assert (await client.audit_factor_report(cuts=1))["identical"]
        await client.delete_factor_report(found.id)
        assert (await client.factor_matrix(FIRST, LAST, ["PBR"])).rank_ic["factor"].to_list() == ["PBR"]
        assert (await result.why_not(result.trades["stock_code"][0], LAST))["date"] == LAST
        with pytest.raises(ApiError) as refused:
            await client.cancel(identity)
        assert refused.value.status == 409


@pytest.mark.parametrize(
    ("strategy", "error", "text"),
    [
        (Strategy(buy="PERR < 10", sell="ROEE > 1"), InvalidRequest, "PERR.*ROEE"),
        ("no_such_strategy", InvalidRequest, "no_such_strategy"),
    ],
)
async def test_mistakes_come_from_the_api(system: System, strategy: Any, error: type[Exception], text: str) -> None:
    async with AsyncClient(system.url) as client:
        with pytest.raises(error, match=text):
            await client.backtest(strategy, FIRST, LAST)
        with pytest.raises(NotFound):
            await client.result("00000000-0000-7000-8000-000000000000")


PARAMETERS: dict[str, Any] = {"per": range(10, 31, 10), "sell.stop_loss_pct": [None, 10]}
SWEPT = {"buy": {"where": "PER < $per", "rank_by": "MOMENTUM_1M"}, "portfolio": {"max_positions": 5}}


async def test_sweep_has_a_table_and_variants(system: System) -> None:
    def work() -> None:
        with Client(system.url) as client:
            quote = client.quote_sweep(SWEPT, FIRST, LAST, PARAMETERS)
            assert (quote["variants"], quote["accepted"]) == (6, True)
            found = client.sweep(
                SWEPT, FIRST, LAST, PARAMETERS, maximize="total_return", where="trades > 0", holdout="2025-10-01",
                commission_pct=0.0,
            )  # fmt: skip
            assert (found.status, found.document["done"]) == ("completed", 6)
            assert "6 of 6 variants" in repr(found)
            table = found.table(sort="score")
            assert table["total_return"].to_list() == sorted(table["total_return"], reverse=True)
            assert found.best["variant"].to_list() == table["variant"].to_list()
            assert found.heatmap("per", "stop_loss_pct", "trades", "max").shape == (2, 4)
            variant = int(table["variant"][0])
            opened = found.variant(variant)
            assert opened.statistics["total_return"] == table["total_return"][0]
            assert opened.request["costs"]["commission_pct"] == 0
            assert found.holdout(variant).request["start"] == "2025-10-01"
            assert client.get_sweep().refresh().document["holdout"]["variant"] == variant
            assert client.sweeps(limit=1)["id"].to_list() == [found.id]
            with pytest.raises(InvalidRequest, match="per"):
                client.sweep(SWEPT, FIRST, LAST, {"pre": [1]})
            with pytest.raises(InvalidRequest, match="initial_cash"):
                client.sweep(SWEPT, FIRST, LAST, {"initial_cash.pct": [1, 2]}, initial_cash=1e8)

    await asyncio.to_thread(work)


async def test_walk_forward_has_windows_and_an_account(system: System) -> None:
    def work() -> None:
        with Client(system.url) as client:
            lengths: dict[str, Any] = {"train": "4M", "test": "1M", "holdout": "2025-10-01"}
            quote = client.quote_walk_forward(SWEPT, FIRST, LAST, PARAMETERS, **lengths)
            assert (quote["variants"], quote["accepted"]) == (6, True)
            other = {**SWEPT, "portfolio": {"max_positions": 6}}
            found = client.walk_forward(
                other, FIRST, LAST, PARAMETERS, maximize="total_return", choose="plateau", gap_rows=1, **lengths
            )
            assert (found.status, found.error) == ("completed", None)
            assert repr(found) == f"<WalkForward {found.id} completed: {found.windows.height} windows>"
            assert set(PARAMETERS) & set(found.windows.columns)
            assert found.equity["equity"][-1] == pytest.approx(1e8 * (1 + found.statistics.total_return))
            assert found.trades.height >= found.statistics.trades
            assert found.next is not None
            assert found.stitched is not None
            assert found.stitched["rows"] == found.equity.height
            assert found.table(0, "test", sort="score").height == found.table("next").height == 6
            assert found.holdout().request["start"] == "2025-10-01"
            assert client.get_walk_forward().refresh().document["holdout"]["variant"] == found.next["variant"]
            assert client.walk_forwards(limit=1)["id"].to_list() == [found.id]
            assert isinstance(found.warnings, tuple)
            with pytest.raises(InvalidRequest, match="windows"):
                client.walk_forward(SWEPT, FIRST, LAST, PARAMETERS, train="9Y", test="1M")

    await asyncio.to_thread(work)


async def test_async_walk_forward_is_followed_and_cancelled(system: System) -> None:
    async with AsyncClient(system.url) as client:
        lengths: dict[str, Any] = {"train": "4M", "test": "2M"}
        found = await client.walk_forward(
            Strategy(buy="PER < 20"), FIRST, LAST, {"portfolio.max_positions": [3]}, **lengths
        )
        assert (await found.table(0))["$max_positions"].to_list() == [3]
        assert (await client.quote_walk_forward(SWEPT, FIRST, LAST, PARAMETERS, **lengths))["variants"] == 6
        with pytest.raises(ApiError, match="already ended"):
            await found.cancel()
        with pytest.raises(ApiError, match="no holdout"):
            await found.holdout()
        begun = await client.walk_forward(SWEPT, FIRST, LAST, PARAMETERS, wait=False, **lengths)
        if begun.status != "completed":
            with pytest.raises(RuntimeError, match="refresh"):
                _ = begun.statistics
        assert (await (await client.get_walk_forward(begun.id)).refresh()).id == begun.id
        assert (await client.walk_forwards(status="completed")).height >= 1


async def test_async_sweep_is_followed_and_cancelled(system: System) -> None:
    async with AsyncClient(system.url) as client:
        found = await client.sweep(Strategy(buy="PER < 20"), FIRST, LAST, {"portfolio.max_positions": [3, 5]})
        table = await found.table()
        assert table["$max_positions"].to_list() == [3, 5]
        assert (await found.variant(1)).statistics.trades == table["trades"][1]
        assert (await client.quote_sweep(SWEPT, FIRST, LAST, PARAMETERS))["variants"] == 6
        with pytest.raises(ApiError, match="already ended"):
            await found.cancel()
        begun = await client.sweep(SWEPT, FIRST, LAST, PARAMETERS, wait=False, method="random", runs=4)
        assert begun.document["variants"] == 4
        assert (await (await client.get_sweep(begun.id)).refresh()).id == begun.id
        assert (await client.sweeps(status="completed")).height >= 1


def check_webhook(account: Account) -> None:
    assert account.webhook() is None
    found = account.set_webhook("https://1.1.1.1/ondol", "a secret of a test")
    assert (found["url"], found["secret"]) == ("https://1.1.1.1/ondol", "a secret of a test")
    assert (account.webhook() or {})["url"] == found["url"]
    assert account.deliveries(status="dead").columns[:3] == ["number", "event_id", "type"]
    with pytest.raises(NotFound):
        account.resend(1)
    account.remove_webhook()
    assert account.webhook() is None


def check_opening_quotes(client: Client, account: Account, day: str) -> None:
    code = str(account.orders()["stock_code"][0])
    answer = client.post_opening_quotes({code: None}, date=day)
    assert (answer["date"], answer["added"]) == (day, 1)
    with pytest.raises(ApiError, match="posted before"):
        client.post_opening_quotes({code: 1000.0}, date=day)
    for price in (float("nan"), float("inf")):
        with pytest.raises(InvalidRequest, match=code):
            client.post_opening_quotes({code: price}, date=day)
    with pytest.raises(InvalidRequest, match="codes"):
        client.values("PER", codes=[])
    assert client.post_opening_quotes({code: 1000.0}, date=day, replace=True)["replaced"] == 1
    assert client.opening_quotes(day).rows() == [(dt.date.fromisoformat(day), code, 1000.0)]
    opens = {stock: None for stock in account.orders()["stock_code"].unique().to_list() if stock != code}
    client.post_opening_quotes(opens, date=day)
    assert account.step()["provisional"] == day
    assert (account.refresh().document["provisional"] or {})["unquoted"] in ([], [code])
    assert account.provisional_fills.columns[:4] == ["date", "stock_code", "name", "side"]
    assert account.reconciliation().is_empty()


async def test_account_has_tables_and_changes(system: System) -> None:
    def work() -> None:
        with Client(system.url) as client:
            account = client.create_account("surge_stocks", start=FIRST, name="one", initial_cash=5e7, benchmark=None)
            assert client.accounts()["id"].to_list() == [account.id]
            assert account.curve["equity"][-1] == account.equity
            assert account.positions["value"].sum() + (account.cash or 0) == pytest.approx(account.equity)
            orders = account.orders()
            assert set(orders["status"]) == {"decided"}
            assert orders["date"].dtype == pl.Date
            day = str(orders["date"][0])
            assert account.orders(day).equals(orders)
            nothing = {"booked": [], "decided": None, "drift": [], "provisional": None, "superseded": False}
            assert account.step() == nothing
            check_webhook(account)
            check_opening_quotes(client, account, day)
            assert account.steps()["date"].to_list() == [dt.date.fromisoformat(day)]
            assert account.fills().columns[:4] == ["date", "stock_code", "name", "side"]
            before = account.equity or 0
            account.change(strategy=STRATEGY, paused=True)
            assert account.paused
            assert account.changes()["fields"].to_list() == ["strategy, paused"]
            drift = account.drift()
            assert drift["cause"].to_list() == ["user_change"]
            assert drift["won"][0] == pytest.approx((account.equity or 0) - before)
            assert account.drift_cells().is_empty()
            assert client.account(account.id).document == account.document
            with pytest.raises(InvalidRequest, match="initial_csh"):
                client.create_account("surge_stocks", initial_csh=1)  # type: ignore[call-arg]
            account.delete()
            with pytest.raises(NotFound):
                account.refresh()

    await asyncio.to_thread(work)


async def test_async_account_answers_as_the_other_does(system: System) -> None:
    async with AsyncClient(system.url) as client:
        account = await client.create_account(STRATEGY, start=FIRST, benchmark=None)
        assert (await client.accounts())["name"].to_list() == [account.name]
        assert (await account.orders())["status"].unique().to_list() == ["decided"]
        assert (await account.steps()).height == 1
        assert (await account.fills()).is_empty()
        assert (await account.step())["booked"] == []
        assert await account.webhook() is None
        assert (await account.set_webhook("https://1.1.1.1/ondol"))["secret"]
        assert (await account.deliveries()).is_empty()
        with pytest.raises(NotFound):
            await account.resend(1)
        await account.remove_webhook()
        assert (await account.reconciliation()).is_empty()
        code = str((await account.orders())["stock_code"][0])
        with pytest.raises(InvalidRequest):
            await client.post_opening_quotes({code: 1.0}, date="2025-03-08")
        with pytest.raises(NotFound):
            await client.opening_quotes("2025-03-08")
        await account.change(name="two")
        assert (await client.account(account.id)).name == "two"
        assert (await account.changes())["fields"].to_list() == ["name"]
        assert (await account.drift()).is_empty()
        assert (await account.drift_cells()).is_empty()
        await account.delete()
        assert (await client.accounts()).is_empty()
