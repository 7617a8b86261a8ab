"""All factors of one stock by plain loops, written from the catalogue's words and sharing no code with the product."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shared.model.market_data import ACCOUNTS, RawMarket
from shared.quality.quarantine import usable

NOTHING = None
Number = float | None


def slow_factors(raw: RawMarket, i: int, rows: range, keys: tuple[str, ...]) -> dict[str, list[Number]]:
    """Factor -> a value for each of `rows`, None where there is none."""
    stock = _Stock(raw, i)
    found: dict[str, list[Number]] = {}
    for d in rows:
        values = stock.row(d) if stock.exists(d) else {}
        for key in keys:
            value = values.get(key)
            found.setdefault(key, []).append(value if value is not None and math.isfinite(value) else None)
    return found


def _number(x: float) -> Number:
    return None if math.isnan(x) else float(x)


def plus(a: Number, b: Number) -> Number:
    return None if a is None or b is None else a + b


def minus(a: Number, b: Number) -> Number:
    return None if a is None or b is None else a - b


def times(a: Number, b: Number) -> Number:
    return None if a is None or b is None else a * b


def over(a: Number, b: Number) -> Number:
    """a / b for a positive b."""
    return None if a is None or b is None or b <= 0 else a / b


def grown(now: Number, base: Number) -> Number:
    return times(minus(over(now, base), 1.0), 100.0)


def changed(now: Number, base: Number) -> Number:
    """The change of a price in percent; noise is no change."""
    percent = grown(now, base)
    return 0.0 if percent is not None and abs(percent) < 1e-7 else percent


def issuer(raw: RawMarket, i: int) -> str:
    n = raw.instruments
    if n.issuer[i] is not None:
        return f"issuer {n.issuer[i]}"
    korean = n.market[i] in {"KOSPI", "KOSDAQ", "KONEX"} and len(n.code[i]) == 6
    return n.code[i][:5] if korean else f"alone {i}"


class _Prices:
    """Closes, caps and shares of one stock on each row, and whether it ever traded before."""

    def __init__(self, raw: RawMarket, i: int) -> None:
        p = {name: [_number(x) for x in values[:, i]] for name, values in raw.prices.items()}
        self.loaded = p
        rows = range(len(raw.days))
        self.split = [1.0 for _ in rows]
        self.product = [1.0 for _ in rows]
        self.tradable = [(p["volume"][d] or 0) > 0 and (p["open"][d] or 0) > 0 for d in rows]
        self.started = [any(self.tradable[: d + 1]) for d in rows]
        self.close: list[Number] = []
        self.cap: list[Number] = []
        self.shares: list[Number] = []
        last: Number = None
        cap: Number = None
        shares: Number = None
        idle, product = 0, 1.0
        for d in rows:
            if last is not None and p["split"][d]:
                self.split[d] = p["split"][d]
            product *= self.split[d]
            self.product[d] = product
            stated, n = p["market_cap"][d], p["listed_shares"][d]
            if self.tradable[d]:
                last, idle = p["close"][d], 0
                cap = stated if stated is not None else times(last, n)
                shares = n
            else:
                last, idle = over(last, self.split[d]), idle + 1
                cap = stated if stated is not None else cap
                shares = n if n is not None else times(shares, self.split[d])
            there = self.started[d] and idle <= 60
            self.close.append(last if there else None)
            self.cap.append(cap if there else None)
            self.shares.append(shares if there else None)


class _Stock:
    def __init__(self, raw: RawMarket, i: int) -> None:
        self.raw, self.i = raw, i
        self.days = [int(day) for day in raw.days]
        self.gone = raw.instruments.delisted_on[i]
        rows = range(len(self.days))
        own = _Prices(raw, i)
        p, self.split, self.product = own.loaded, own.split, own.product
        self.close, self.cap, self.shares = own.close, own.cap, own.shares
        self.company_cap = self._company_cap()
        trading = own.tradable
        self.volume = [p["volume"][d] if trading[d] else 0.0 if self.close[d] is not None else None for d in rows]
        self.value = [p["trading_value"][d] if trading[d] else 0.0 if self.close[d] is not None else None for d in rows]
        self.aclose = [times(self.close[d], self.product[d]) for d in rows]
        self.ahigh = [times(p["high"][d], self.product[d]) if trading[d] else None for d in rows]
        self.alow = [times(p["low"][d], self.product[d]) if trading[d] else None for d in rows]
        self.avolume = [over(self.volume[d], self.product[d]) for d in rows]
        self.indices = {name: self._index(name) for name in {self._market(d) for d in rows}}
        self.rsi, self.macd = self._recursive()

    def _company_cap(self) -> list[Number]:
        instruments = self.raw.instruments
        family = [j for j in range(len(instruments.code)) if issuer(self.raw, j) == issuer(self.raw, self.i)]
        prices = {j: _Prices(self.raw, j) for j in family}
        total: list[Number] = []
        for d, day in enumerate(self.days):
            caps: Number = 0.0
            for j in family:
                gone = instruments.delisted_on[j]
                if prices[j].started[d] and (gone is None or day < gone):
                    caps = plus(caps, prices[j].cap[d])
            total.append(caps)
        return total

    def _market(self, d: int) -> str:
        listings = self.raw.listings
        mine = [k for k in range(len(listings.instrument)) if listings.instrument[k] == self.i]
        mine.sort(key=lambda k: int(listings.from_day[k]))
        known = [k for k in mine if listings.from_day[k] <= self.days[d]] or mine[:1]
        return listings.market[known[-1]] if known else self.raw.instruments.market[self.i]

    def _index(self, name: str) -> list[Number]:
        series = self.raw.indices.get(name)
        found: list[Number] = []
        for d in range(len(self.days)):
            value = None
            if series is not None:
                for back in range(11):
                    if d - back >= 0 and series[d - back] > 0:
                        value = float(series[d - back])
                        break
            found.append(value)
        return found

    def _recursive(self) -> tuple[list[Number], list[Number]]:
        rsi: list[Number] = []
        macd: list[Number] = []
        seen: list[float] = []
        before = 0.0
        fast = slow = signal = gain = loss = 0.0
        for close in self.aclose:
            if close is None:
                rsi.append(None)
                macd.append(None)
                continue
            noise = bool(seen) and abs(close - before) < 1e-9 * before
            before = close
            x = seen[-1] if noise else close
            seen.append(x)
            if len(seen) == 1:
                fast = slow = x
                signal = 0.0
            else:
                fast = 2 / 13 * x + (1 - 2 / 13) * fast
                slow = 2 / 27 * x + (1 - 2 / 27) * slow
                signal = 0.2 * (fast - slow) + 0.8 * signal
            macd.append((fast - slow - signal) / x * 100 if len(seen) >= 35 else None)
            changes = [b - a for a, b in zip(seen[-15:-1], seen[-14:], strict=True)] if len(seen) == 15 else []
            if len(seen) == 15:
                gain = sum(max(c, 0.0) for c in changes) / 14
                loss = sum(max(-c, 0.0) for c in changes) / 14
            elif len(seen) > 15:
                gain = (gain * 13 + max(x - seen[-2], 0.0)) / 14
                loss = (loss * 13 + max(seen[-2] - x, 0.0)) / 14
            if len(seen) < 15:
                rsi.append(None)
            elif gain + loss == 0:
                rsi.append(0.0)
            else:
                rsi.append(100.0 if loss == 0 else 100 - 100 / (1 + gain / loss))
        return rsi, macd

    def exists(self, d: int) -> bool:
        return self.close[d] is not None and (self.gone is None or self.days[d] < self.gone)

    def row(self, d: int) -> dict[str, Number]:
        return self._from_prices(d) | self._from_statements(d)

    def _window(self, series: list[Number], d: int, n: int) -> list[float]:
        return [x for x in series[max(0, d - n + 1) : d + 1] if x is not None]

    def _change(self, series: list[Number], d: int, n: int) -> Number:
        return changed(series[d], series[d - n]) if d >= n else None

    def _volume_growth(self, series: list[Number], d: int) -> Number:
        if d < 39:
            return None
        now, before = self._window(series, d, 20), self._window(series, d - 20, 20)
        return grown(sum(now) / 20, sum(before) / 20) if len(now) == len(before) == 20 else None

    def _place(self, d: int, n: int, least: int) -> Number:
        highs, lows = self._window(self.ahigh, d, n), self._window(self.alow, d, n)
        if len(highs) < least or len(lows) < least:
            return None
        top, bottom = max(highs), min(lows)
        if top - bottom < 1e-9 * (top + bottom) / 2:
            return None
        return times(over(minus(self.aclose[d], bottom), top - bottom), 100.0)

    def _beta(self, d: int) -> Number:
        pairs = []
        index = self.indices[self._market(d)]
        for k in range(max(1, d - 251), d + 1):
            a, b, x, y = self.aclose[k - 1], self.aclose[k], index[k - 1], index[k]
            if a is not None and b is not None and x is not None and y is not None:
                pairs.append(((changed(b, a) or 0.0) / 100, y / x - 1))
        if len(pairs) < 120:
            return None
        table = np.array(pairs)
        if table[:, 1].std(ddof=1) < 1e-9 * abs(table[:, 1].mean()):
            return None
        cov = np.cov(table.T)
        return float(cov[0, 1] / cov[1, 1])

    def _from_prices(self, d: int) -> dict[str, Number]:
        highs, lows = self._window(self.ahigh, d, 250), self._window(self.alow, d, 250)
        twenty = self._window(self.aclose, d, 20)
        position = None
        if len(twenty) == 20:
            mean = math.fsum(twenty) / 20
            deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in twenty) / 19)
            if deviation >= 1e-9 * mean:
                position = (twenty[-1] - mean) / (2 * deviation)
        return {
            "MOMENTUM_1M": self._change(self.aclose, d, 20),
            "MOMENTUM_3M": self._change(self.aclose, d, 60),
            "MOMENTUM_6M": self._change(self.aclose, d, 120),
            "MOMENTUM_12M": self._change(self.aclose, d, 240),
            "CHANGE_RATE": self._change(self.aclose, d, 1),
            "RELATIVE_STRENGTH": minus(
                self._change(self.aclose, d, 60), self._change(self.indices[self._market(d)], d, 60)
            ),
            "DISTANCE_FROM_52W_HIGH": changed(self.aclose[d], max(highs)) if len(highs) >= 120 else None,
            "DISTANCE_FROM_52W_LOW": changed(self.aclose[d], min(lows)) if len(lows) >= 120 else None,
            "PRICE_POSITION": self._place(d, 250, 120),
            "STOCHASTIC_14": self._place(d, 14, 14),
            "VOLUME_MOMENTUM": self._volume_growth(self.value, d),
            "VOLUME_ROC": self._volume_growth(self.avolume, d),
            "BOLLINGER_POSITION": position,
            "BETA": self._beta(d),
            "RSI_14": self.rsi[d],
            "MACD_SIGNAL": self.macd[d],
            "MARKET_CAP": self.cap[d],
        }

    def _known(self, d: int) -> dict[tuple[int, int], dict[str, Any]]:
        s = usable(self.raw.statements)
        mine = [k for k in np.nonzero(s.instrument == self.i)[0] if s.disclosed_on[k] <= self.days[d]]
        known: dict[tuple[int, int], dict[str, Any]] = {}
        for k in sorted(mine, key=lambda k: s.disclosed_on[k]):
            entry: dict[str, Any] = {name: _number(s.accounts[name][k]) for name in ACCOUNTS}
            entry["gross_profit"] = minus(entry["revenue"], entry["cost_of_sales"])
            entry["fcf"] = minus(entry["operating_cash_flow"], entry["capital_expenditure"])
            entry["ebitda"] = plus(entry["operating_income"], entry["depreciation_amortization"])
            entry["period_end"] = int(s.period_end[k])
            known[int(s.fiscal_year[k]), int(s.fiscal_quarter[k])] = entry
        return known

    def _dividends(self, d: int) -> Number:
        v = self.raw.dividends
        today = self.days[d]
        mine = [
            k for k in np.nonzero(v.instrument == self.i)[0] if v.ex_date[k] <= today and v.disclosed_on[k] <= today
        ]
        if not mine:
            return None
        latest = max(int(v.ex_date[k]) for k in mine)
        if latest <= today - 480:
            return 0.0
        total = 0.0
        for k in mine:
            if v.ex_date[k] > latest - 350:
                splits = 1.0
                for row in range(d + 1):
                    if self.days[row] > v.ex_date[k]:
                        splits *= self.split[row]
                total += float(v.dps[k]) / splits
        return total

    def _from_statements(self, d: int) -> dict[str, Number]:
        cap, dps = self.company_cap[d], self._dividends(d)
        found: dict[str, Number] = {"DIVIDEND_YIELD": times(over(dps, self.close[d]), 100.0)}
        known = self._known(d)
        if not known:
            return found
        y, q = max(known, key=lambda key: (known[key]["period_end"], key))
        if known[y, q]["period_end"] < self.days[d] - 480:
            return found

        def item(name: str, ago: int = 0) -> Number:
            value: Number = known.get((y - ago, q), {}).get(name)
            return value

        def flow(name: str, ago: int = 0) -> Number:
            if (y - ago, q) not in known:
                return None
            year_before = known.get((y - ago - 1, q))
            if year_before is not None:
                days = known[y - ago, q]["period_end"] - year_before["period_end"]
                if not 350 <= days <= 380:
                    return None
            if q == 4:
                return item(name, ago)
            before = known.get((y - ago - 1, 4), {}).get(name)
            return minus(plus(item(name, ago), before), known.get((y - ago - 1, q), {}).get(name))

        def earnings(ago: int) -> tuple[Number, Number]:
            """Net income of now and of `ago` years before: the owners' part when both have it."""
            owners = flow("net_income_owners"), flow("net_income_owners", ago)
            return owners if None not in owners else (flow("net_income"), flow("net_income", ago))

        def third(now: Number, base: Number) -> Number:
            ratio = over(now, base)
            return None if ratio is None or ratio <= 0 else (ratio ** (1 / 3) - 1) * 100

        ni, revenue, ocf, oi = (
            flow("net_income"),
            flow("revenue"),
            flow("operating_cash_flow"),
            flow("operating_income"),
        )
        equity, assets, debt = item("total_equity"), item("total_assets"), item("interest_bearing_debt")
        cash, stock, due = item("cash_and_equivalents"), item("inventories"), item("current_liabilities")
        current = item("current_assets")
        own_income = flow("net_income_owners")
        own_income = ni if own_income is None else own_income
        own_equity = item("equity_owners")
        own_equity = equity if own_equity is None else own_equity
        value = minus(plus(cap, debt), cash)
        value = plus(value, minus(equity, item("equity_owners")) or 0.0)
        tax = flow("income_tax")
        rate = 0.25
        if ni is not None and tax is not None and ni + tax != 0:
            rate = min(max(tax / (ni + tax), 0.0), 0.5)
        yearly = [known[key] for key in sorted(known) if key[1] == 4]
        annual = [s["net_income"] if s["net_income_owners"] is None else s["net_income_owners"] for s in yearly]
        annual = [x for x in annual if x is not None][-10:]
        roe = times(over(own_income, own_equity), 100.0)
        profit_growth = grown(*earnings(1))
        payout = over(times(dps, self.shares[d]), ni)
        found |= {
            "PER": over(cap, own_income),
            "PBR": over(cap, own_equity),
            "PSR": over(cap, revenue),
            "PCR": over(cap, ocf),
            "PEG": over(over(cap, own_income), profit_growth),
            "EV_EBITDA": over(value, flow("ebitda")),
            "EV_SALES": over(value, revenue),
            "EV_FCF": over(value, flow("fcf")),
            "EARNINGS_YIELD": times(over(own_income, cap), 100.0),
            "FCF_YIELD": times(over(flow("fcf"), cap), 100.0),
            "BOOK_TO_MARKET": over(own_equity, cap),
            "CAPE_RATIO": over(cap, sum(annual) / len(annual)) if len(annual) >= 3 else None,
            "PTBV": over(cap, minus(own_equity, item("intangible_assets"))),
            "ROE": roe,
            "ROA": times(over(ni, assets), 100.0),
            "ROIC": times(over(times(oi, 1 - rate), minus(plus(equity, debt), cash)), 100.0),
            "GPM": times(over(flow("gross_profit"), revenue), 100.0),
            "OPM": times(over(oi, revenue), 100.0),
            "NPM": times(over(ni, revenue), 100.0),
            "ASSET_TURNOVER": over(revenue, assets),
            "INVENTORY_TURNOVER": over(flow("cost_of_sales"), stock),
            "ACCRUALS_RATIO": over(minus(ni, ocf), assets),
            "REVENUE_GROWTH_1Y": grown(revenue, flow("revenue", 1)),
            "REVENUE_GROWTH_3Y": third(revenue, flow("revenue", 3)),
            "EARNINGS_GROWTH_1Y": profit_growth,
            "EARNINGS_GROWTH_3Y": third(*earnings(3)),
            "OCF_GROWTH_1Y": grown(ocf, flow("operating_cash_flow", 1)),
            "ASSET_GROWTH_1Y": grown(assets, item("total_assets", 1)),
            "BOOK_VALUE_GROWTH_1Y": grown(equity, item("total_equity", 1)),
            "OPERATING_INCOME_GROWTH_YOY": grown(oi, flow("operating_income", 1)),
            "SUSTAINABLE_GROWTH_RATE": None if payout is None else times(roe, 1 - min(max(payout, 0.0), 1.0)),
            "DEBT_TO_EQUITY": over(debt, equity),
            "DEBT_RATIO": times(over(item("total_liabilities"), equity), 100.0),
            "CURRENT_RATIO": over(current, due),
            "QUICK_RATIO": over(minus(current, stock), due),
            "INTEREST_COVERAGE": over(oi, flow("interest_expense")),
            "EARNINGS_QUALITY": over(ocf, ni),
            "ALTMAN_Z_SCORE": self._altman(cap, revenue, oi, item),
        }
        found["QUALITY_SCORE"] = self._quality(d, item, flow)
        return found

    def _altman(self, cap: Number, revenue: Number, oi: Number, item: Any) -> Number:
        assets = item("total_assets")
        parts = (
            times(1.2, over(minus(item("current_assets"), item("current_liabilities")), assets)),
            times(1.4, over(item("retained_earnings"), assets)),
            times(3.3, over(oi, assets)),
            times(0.6, over(cap, item("total_liabilities"))),
            over(revenue, assets),
        )
        return None if any(part is None for part in parts) else sum(part for part in parts if part is not None)

    def _quality(self, d: int, item: Any, flow: Any) -> Number:
        def ratio(above: Number, below: Number) -> Number:
            return over(above, below)

        before = None
        if d >= 240 and self.shares[d - 240] is not None:
            before = self.shares[d - 240]
            for row in range(d - 239, d + 1):
                before = times(before, self.split[row])
            before = times(before, 1.005)
        tests: list[tuple[Number, Number]] = [
            (flow("net_income"), 0.0),
            (flow("operating_cash_flow"), 0.0),
            (
                ratio(flow("net_income"), item("total_assets")),
                ratio(flow("net_income", 1), item("total_assets", 1)),
            ),
            (flow("operating_cash_flow"), flow("net_income")),
            (
                ratio(item("interest_bearing_debt", 1), item("total_assets", 1)),
                ratio(item("interest_bearing_debt"), item("total_assets")),
            ),
            (
                ratio(item("current_assets"), item("current_liabilities")),
                ratio(item("current_assets", 1), item("current_liabilities", 1)),
            ),
            (
                ratio(flow("gross_profit"), flow("revenue")),
                ratio(flow("gross_profit", 1), flow("revenue", 1)),
            ),
            (ratio(flow("revenue"), item("total_assets")), ratio(flow("revenue", 1), item("total_assets", 1))),
        ]
        decided = [(a, b) for a, b in tests if a is not None and b is not None]
        score = sum(a > b for a, b in decided)
        count = len(decided)
        if before is not None and self.shares[d] is not None:
            count += 1
            score += self.shares[d] <= before
        return float(score) if count >= 5 else None
