"""Random backtest requests and expressions that use every option of the contract."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

Row = dict[str, Any]

ALWAYS = ("CHANGE_RATE", "MARKET_CAP")
BY_ROWS = (
    (25, ("RSI_14", "BOLLINGER_POSITION", "STOCHASTIC_14", "MOMENTUM_1M")),
    (50, ("MACD_SIGNAL", "VOLUME_ROC")),
    (70, ("MOMENTUM_3M",)),
    (130, ("DISTANCE_FROM_52W_HIGH", "DISTANCE_FROM_52W_LOW", "PRICE_POSITION")),
    (250, ("MOMENTUM_6M", "MOMENTUM_12M")),
)
STATEMENT = (
    "PER", "PBR", "PSR", "ROE", "ROA", "DEBT_RATIO", "OPM", "EV_EBITDA", "CURRENT_RATIO", "BOOK_TO_MARKET",
    "EARNINGS_YIELD", "REVENUE_GROWTH_1Y", "QUALITY_SCORE", "ASSET_TURNOVER",
)  # fmt: skip
SIGNS = ("<", "<=", ">", ">=", "==", "!=")
CAP_GROUPS = ("KOSPI_MEGA", "KOSPI_LARGE", "KOSPI_MID", "KOSPI_SMALL", "KOSDAQ_LARGE", "KOSDAQ_MID", "KOSDAQ_SMALL")


STANDARD_INDICES = ("KOSPI", "KOSDAQ")
"""Index series that a request may name before its dataset is known."""

ANY_NAMES = ("open", "high", "low", "close", "volume", "trading_value", "listed_shares", "raw_close", "PER", "roe")
ONE = ("abs", "log", "sqrt", "rank", "rank_desc", "pct_rank", "zscore", "demean", "sector_rank", "is_null", "sign")
WINDOWS = ("lag", "delta", "pct_change", "ts_mean", "ts_std", "ts_sum", "ts_min", "ts_max", "ts_rank", "ema")
SHAPES = (
    "{aggregate}({a})",
        "({a} {of} {b})", "({a} {of} {b})", "({a} {of} {b})", "{a} {sign} {b}", "({a} {sign} {b})", "({a} {logic} {b})",
    "(not {a})", "-{a}", "{one}({a})", "{one}({a})", "{window}({a}, {n})", "{window}({a}, {n})", "{two}({a}, {b})",
    "clip({a}, {b}, {c})", "if({a} {sign} {b}, {a}, {c})", "if({a}, {b}, {c})", "ts_corr({a}, {b}, {n})",
    "winsorize({a}, {p})", "not_null({a})",
)  # fmt: skip


class Expressions:
    """Random expressions over names that have values in a market of so many rows."""

    def __init__(self, rng: random.Random, market: dict[str, list[Row]], rows: int) -> None:
        self.rng = rng
        self.names = [*ALWAYS, *(n for least, names in BY_ROWS if rows > least for n in names)]
        if market["financials"]:
            self.names += rng.sample(STATEMENT, 4)
        self.indices = sorted({i["index"] for i in market["indices"]})
        self.longest = max(2, min(rows // 3, 70))

    def span(self, least: int = 1) -> int:
        """Return a look-back, short ones more often."""
        return max(least, min(self.rng.choice((1, 2, 3, 5, 10, 20, 60)), self.longest))

    def condition(self, depth: int = 3) -> str:
        """Return something true or false."""
        rng = self.rng
        kind = rng.random()
        if depth <= 0 or kind < 0.25:
            return self.usual()
        if kind < 0.45:
            return f"{self.condition(depth - 1)} {rng.choice(('and', 'or'))} {self.condition(depth - 1)}"
        if kind < 0.52:
            return f"not ({self.condition(depth - 1)})"
        if kind < 0.57:
            return f"({self.condition(depth - 1)} or {self.condition(depth - 1)}) and {self.usual()}"
        if kind < 0.62:
            return f"{rng.choice(('is_null', 'not_null'))}({self.ratio(depth - 1)})"
        if kind < 0.68:
            return f"{rng.randrange(-5, 2)} < {self.ratio(depth - 1)} <= {rng.randrange(2, 60)}"
        if kind < 0.84:
            return f"{self.priced(depth - 1)} {rng.choice(SIGNS)} {self.priced(depth - 1)}"
        return f"{self.ratio(depth - 1)} {rng.choice(SIGNS)} {self.ratio(depth - 1)}"

    def market_wide(self) -> str:
        """Return a condition that is the same for all stocks."""
        rng = self.rng
        found = [
            f"row_count({self.usual()}) {rng.choice(('>=', '>=', '<'))} {rng.choice((1, 1, 2, 3))}",
            f"{self.aggregate()} {rng.choice(SIGNS)} {self.aggregate()}",
            f"lag({self.aggregate()}, {self.span()}) {rng.choice(('<', '>'))} {self.aggregate()}",
            f"not ({self.aggregate()} > {rng.choice((-1, 0, 2))})",
        ]
        for name in self.indices:
            found.append(f"{name} > ts_mean({name}, {self.span(2)})")
            found.append(f"pct_change({name}, {self.span()}) > {rng.choice((-2, 0))} or {found[0]}")
        return rng.choice(found)

    def aggregate(self) -> str:
        """Return a row aggregate."""
        rng = self.rng
        function = rng.choice(("row_mean", "row_median", "row_sum"))
        return f"{function}({rng.choice((rng.choice(self.names), self.ratio(1), 'CHANGE_RATE'))})"

    def usual(self) -> str:
        """Return a condition that often holds."""
        rng = self.rng
        name = rng.choice(self.names)
        return rng.choice(
            (
                f"CHANGE_RATE > {rng.choice((-5, -1, -0.5, 0, 0.5))}",
                f"pct_rank({name}) {rng.choice(('<', '>='))} {rng.choice((0.2, 0.3, 0.5, 0.7))}",
                f"close > ts_mean(close, {self.span(2)})",
                f"raw_close {rng.choice(('<', '>', '>='))} {rng.choice((1000, 5000, 20000, 100000))}",
                "volume > ts_mean(volume, 5)",
                f"rank_desc({name}) <= {rng.randrange(1, 8)}",
                f"high / low < {rng.choice((1.02, 1.05, 1.2))}",
                "raw_volume > 0",
            )
        )

    def ratio(self, depth: int) -> str:
        """Return a number of degree 0."""
        rng = self.rng
        if depth <= 0:
            return rng.choice(
                (rng.choice(self.names), rng.choice(self.names), "raw_close", "raw_volume", "listed_shares")
            )
        inner = depth - 1
        pick = rng.randrange(18)
        if pick == 16:
            return self.aggregate()
        if pick == 17:
            return f"{rng.choice(self.indices)} / 100" if self.indices else "100"
        if pick == 0:
            return f"{rng.choice(('rank', 'rank_desc', 'pct_rank', 'zscore', 'demean'))}({self.ratio(inner)})"
        if pick == 1:
            return f"{rng.choice(('sector_rank', 'sector_demean'))}({self.ratio(inner)})"
        if pick == 2:
            return f"winsorize({self.ratio(inner)}, {rng.choice((0, 5, 10, 25, 50))})"
        if pick == 3:
            return f"{rng.choice(('lag', 'delta', 'pct_change'))}({self.ratio(inner)}, {self.span()})"
        if pick == 4:
            function = rng.choice(("ts_mean", "ts_std", "ts_sum", "ts_min", "ts_max", "ts_rank"))
            return f"{function}({self.ratio(inner)}, {self.span(2)})"
        if pick == 5:
            return f"{rng.choice(('pct_change', 'ts_rank'))}({self.priced(inner)}, {self.span(2)})"
        if pick == 6:
            return f"ts_corr({self.priced(inner)}, {rng.choice(('volume', 'high', 'low'))}, {self.span(3)})"
        if pick == 7:
            return f"ema({self.ratio(inner)}, {self.span()})"
        if pick == 8:
            return f"({self.priced(inner)} / {self.priced(inner)})"
        if pick == 9:
            return f"({self.ratio(inner)} {rng.choice('+-*/')} {self.ratio(inner)})"
        if pick == 10:
            return f"{rng.choice(('abs', 'sign', 'log', 'sqrt'))}({self.ratio(inner)})"
        if pick == 11:
            return f"{rng.choice(('min', 'max', 'coalesce'))}({self.ratio(inner)}, {self.ratio(inner)})"
        if pick == 12:
            return f"clip({self.ratio(inner)}, -2, {rng.choice((3, 100, 1e6))})"
        if pick == 13:
            return f"if({self.condition(inner)}, {self.ratio(inner)}, {rng.choice((0, 1, -1.5, '.5'))})"
        if pick == 14:
            return f"-{self.ratio(inner)}"
        return f"ts_sum(if({self.condition(inner)}, 1, 0), {self.span(2)})"

    def priced(self, depth: int) -> str:
        """Return a number of the degree of a price."""
        rng = self.rng
        if depth <= 0:
            return rng.choice(("open", "high", "low", "close", "close"))
        inner = depth - 1
        pick = rng.randrange(9)
        if pick == 0:
            return f"lag({self.priced(inner)}, {self.span()})"
        if pick == 1:
            function = rng.choice(("ts_mean", "ts_std", "ts_sum", "ts_min", "ts_max"))
            return f"{function}({self.priced(inner)}, {self.span(2)})"
        if pick == 2:
            return f"ema({self.priced(inner)}, {self.span()})"
        if pick == 3:
            return f"({self.priced(inner)} * {rng.choice((0.5, 0.97, 1, 1.01, 1.1))})"
        if pick == 4:
            return f"{rng.choice(('min', 'max', 'coalesce'))}({self.priced(inner)}, {self.priced(inner)})"
        if pick == 5:
            return f"({self.priced(inner)} {rng.choice('+-')} {self.priced(inner)} / 3)"
        if pick == 6:
            return f"if({self.usual()}, {self.priced(inner)}, {self.priced(inner)})"
        if pick == 7:
            return f"abs(delta({self.priced(inner)}, {self.span()}))"
        return self.priced(0)


def any_text(rng: random.Random, depth: int) -> str:
    """Return an expression that may or may not be admitted: kinds, scales and windows at random."""

    def inner(less: int = 1) -> str:
        return any_text(rng, depth - less)

    if depth <= 0 or rng.random() < 0.1:
        return rng.choice((*ANY_NAMES * 3, "volum", "1", "2.5", ".5", "7e9"))
    shape = rng.choice(SHAPES)
    few = rng.choice(("1", "2", "500", "501", "0", "1.5", "x")) if rng.random() < 0.2 else rng.choice(("2", "5", "20"))
    return shape.format(
        a=inner(), b=inner(), c=inner(2), n=few, p=rng.choice((0, 5, 50, 51)), one=rng.choice(ONE),
        window=rng.choice(WINDOWS), sign=rng.choice(SIGNS), two=rng.choice(("min", "max", "coalesce")),
        of=rng.choice("+-*/"), logic=rng.choice(("and", "or")),
        aggregate=rng.choice(("row_mean", "row_median", "row_sum", "row_count")),
    )  # fmt: skip


def random_request(seed: int, market: dict[str, list[Row]]) -> Row:
    """Return a request for a market of `random_market` that only its seed decides."""
    rng = random.Random(seed)
    days = sorted({dt.date.fromisoformat(p["date"]) for p in market["prices"] if p["volume"] and p["open"]})
    few = rng.choice((0, 1, 2, len(days) // 8))
    first = rng.choice((few, len(days) // 3, len(days) // 3, len(days) // 2, rng.randrange(len(days))))
    last = rng.choice((len(days) - 1, len(days) - 1, rng.randrange(first, len(days))))
    start, end = days[first], days[last]
    if rng.random() < 0.1:
        start = days[0] - dt.timedelta(days=rng.randrange(1, 40))
    if rng.random() < 0.1:
        end = days[-1] + dt.timedelta(days=rng.randrange(1, 40))
    expressions = Expressions(rng, market, max(2, last))
    indices = list(expressions.indices)
    expressions.indices = [name for name in indices if name in STANDARD_INDICES]
    on_rebalance = rng.choice(("hold", "rotate", "reweight"))
    return {
        "strategy": {
            "buy": _buy(rng, expressions),
            "sell": _sell(rng, expressions, on_rebalance),
            "portfolio": _portfolio(rng, expressions, on_rebalance),
            "universe": _universe(rng, market, expressions),
        },
        "start": start.isoformat(),
        "end": end.isoformat(),
        "initial_cash": rng.choice((300_000, 1_000_000, 10_000_000, 10_000_000, 100_000_000, 3e9)),
        "costs": {
            "commission_pct": rng.choice((0, 0.015, 0.015, 0.1, 1)),
            "slippage_pct": rng.choice((0, 0, 0.1, 0.1, 0.5, 3)),
            "tax_pct": rng.choice((None, None, None, 0, 0.3)),
            "dividend_tax_pct": rng.choice((None, None, 0, 22)),
            "impact": rng.choice((None, None, None, 0.1, 0.5, 1, 10)),
        },
        "execution": {
            "price": rng.choice(("open", "open", "close")),
            "price_limits": rng.choice((None, None, True, False)),
            "tick_size": rng.choice((None, None, True, False)),
            "max_volume_pct": rng.choice((10, 10, None, None, 0.5, 50)),
            "dividends": rng.random() < 0.8,
            "delisting": rng.choice(("liquidation", "liquidation", "last_price", "haircut", "zero")),
            "delisting_haircut_pct": rng.choice((0, 30, 50.5)),
            "stale_haircut_pct": rng.choice((80, 0, 100, 35.5)),
        },
        "benchmark": rng.choice((None, "market", "equal", *indices)),
        "risk_free_pct": rng.choice((0, 0, 3.5)),
    }


def _buy(rng: random.Random, expressions: Expressions) -> Row:
    where = rng.choice((None, expressions.usual(), expressions.usual(), expressions.condition()))
    rank = rng.choice((None, None, rng.choice(expressions.names), expressions.ratio(2)))
    return {"where": where, "rank_by": rank, "order": rng.choice(("asc", "desc"))}


def _sell(rng: random.Random, expressions: Expressions, on_rebalance: str) -> Row:
    if rng.random() < 0.35:
        return {"on_rebalance": on_rebalance, "stop_loss_pct": rng.choice((None, None, 20, 40))}
    return {
        "take_profit_pct": rng.choice((None, None, 1, 3, 7, 10, 25)),
        "stop_loss_pct": rng.choice((None, None, 1, 2, 5, 7, 10)),
        "trailing_stop_pct": rng.choice((None, None, None, 2, 5, 10)),
        "min_hold_days": rng.choice((0, 0, 0, 3, 5, 20)),
        "max_hold_days": rng.choice((None, None, 1, 3, 7, 30)),
        "where": rng.choice((None, None, expressions.usual(), expressions.condition())),
        "on_rebalance": on_rebalance,
    }


def _portfolio(rng: random.Random, expressions: Expressions, on_rebalance: str) -> Row:
    weighting = rng.choice(("equal", "equal", "market_cap", "inverse_volatility"))
    most = rng.choice((1, 2, 2, 3, 5, 20))
    reweights, lists = on_rebalance == "reweight", on_rebalance != "hold"
    sized = weighting == "equal" and not reweights
    return {
        "max_positions": most,
        "weighting": weighting,
        "position_pct": rng.choice((None, None, 10, 30, 60)) if sized else None,
        "max_position_value": rng.choice((None, None, None, 500_000, 5_000_000)),
        "max_new_per_day": rng.choice((None, None, None, 1, 2)),
        "rebalance": rng.choice(("daily", "daily", "weekly", "monthly", "quarterly", _calendar(rng))),
        "invest": rng.choice(("slots", "full")) if reweights else "slots",
        "rebalance_band_pct": rng.choice((0, 0, 5, 20, 100)) if reweights else 0,
        "keep_rank": rng.choice((None, None, most, most + 1, most * 2)) if lists else None,
        "max_per_sector": rng.choice((None, None, None, 1, 2)),
        "when": rng.choice((None, None, None, expressions.market_wide())),
        "when_false": rng.choice(("hold", "sell")),
        "stop_drawdown_pct": rng.choice((None, None, None, 1, 3, 10)),
        "stop_resume_days": rng.choice((1, 2, 7, 30)),
    }


def _calendar(rng: random.Random) -> Row:
    """Return a rebalance calendar of one of the three forms."""
    months = sorted(rng.sample(range(1, 13), rng.choice((1, 4, 8))))
    return rng.choice(
        (
            {"months": months, "day": rng.choice((1, 16, 28))},
            {"day": rng.choice((1, 10, 15, 29, 30, 31))},
            {"months": months},
            {"weekday": rng.choice(("mon", "tue", "wed", "thu", "fri"))},
            {"rows": rng.choice((1, 2, 3, 5, 20))},
        )
    )


def _universe(rng: random.Random, market: dict[str, list[Row]], expressions: Expressions) -> Row:
    codes = [c["stock_code"] for c in market["companies"]]
    return {
        "markets": rng.choice((None, None, ["KOSPI", "KOSDAQ"], ["KOSDAQ", "KOSPI", "KONEX"], ["KOSPI"])),
        "kinds": rng.choice((None, None, None, ["common", "foreign"], ["common", "preferred", "spac"])),
        "sectors": rng.choice((None,) * 6 + (["화학", "제약", "금속"],)),
        "exclude_sectors": rng.choice((None,) * 4 + (["화학"], ["은행", "제약"])),
        "cap_groups": rng.choice((None,) * 6 + (rng.sample(CAP_GROUPS, 4),)),
        "stock_codes": rng.choice((None,) * 6 + (rng.sample(codes, max(1, len(codes) - 1)),)),
        "exclude": rng.choice((None,) * 5 + (rng.sample(codes, 1),)),
        "where": rng.choice((None,) * 4 + (expressions.usual(), expressions.condition(1))),
    }
