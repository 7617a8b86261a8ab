"""Companies, statements, dividends and indices: read whole, checked, staged, and merged by SQL."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
import polars as pl

from services.preparer.loading.broken_rows import BrokenRows
from services.preparer.loading.earlier_rows import MarketTable, store_previous
from services.preparer.loading.files import MarketFiles
from services.preparer.loading.known import Known
from services.preparer.loading.refusals import Refusals, list_codes, lost_zeros
from services.preparer.loading.revision import Scope
from services.preparer.loading.typed_rows import read_all
from shared.infra.database.sql import statements
from shared.market import has_rules, rule_books
from shared.market_files.markets import MARKET_SPELLINGS
from shared.model.calendar import NO_DAY, iso, to_day
from shared.model.fields import PART
from shared.model.kinds import KINDS
from shared.model.market_data import ACCOUNTS

_SQL = statements("load")
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,19}")
_MARKET = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
_KIND = re.compile("|".join(KINDS))
_LABELS_ONLY = 9999
_COMPANY = ("stock_code", "name", "name_en", "market", "sector", "listed_on", "delisted_on", "kind", "issuer")


@dataclass(frozen=True, kw_only=True)
class Companies:
    """Every instrument after the load, and those that the load changes."""

    known: Known
    changed: list[tuple[Any, ...]]
    """(ordinal, code, name, name_en, market, sector, listed_on, delisted_on, kind, issuer) of new and changed ones."""
    scope: list[Scope]
    rows: int
    """Rows of the file."""


async def read_companies(file: MarketFiles | None, connection: asyncpg.Connection, refusals: Refusals) -> Companies:
    """The instruments: those of earlier loads keep their ordinal, new codes get the next ones in file order.

    A column that the file lacks keeps what is known; columns that it has replace.
    """
    rows = [tuple(row) for row in await connection.fetch(_SQL["known_instruments"])]
    at = {row[1]: row[0] for row in rows}
    changed: dict[int, tuple[Any, ...]] = {}
    years: dict[int, int] = {}
    found = _company_rows(file, refusals) if file else []
    for code, fields in found:
        ordinal = at.setdefault(code, len(rows))
        old = rows[ordinal] if ordinal < len(rows) else None
        values = tuple(
            fields[name] if name in fields else old[2 + i] if old else None for i, name in enumerate(_COMPANY[1:])
        )
        row = (ordinal, code, *values)
        if row == old:
            continue
        if old is None:
            rows.append(row)
        else:
            rows[ordinal] = row
        changed[ordinal] = row
        part = ordinal // PART
        years[part] = min(years.get(part, _LABELS_ONLY), _first_year(old, row))
    scope = [
        Scope(kind="instrument", part=part, from_year=year, rows=sum(1 for o in changed if o // PART == part))
        for part, year in sorted(years.items())
    ]
    return Companies(known=_known(rows), changed=list(changed.values()), scope=scope, rows=len(found))


def _company_rows(file: MarketFiles, refusals: Refusals) -> list[tuple[str, dict[str, Any]]]:
    """Return code and fields of each company; a file's own columns only, because others keep what is known."""
    broken = BrokenRows(file)
    frame = _with_markets(broken, read_all(file, broken))
    codes = frame["stock_code"].to_list()
    broken.match(codes, _CODE, "stock_code is {}, expected up to 20 letters, digits, dots or dashes")
    list_codes(refusals, broken, frame)
    if "kind" in frame.columns:
        broken.match(frame["kind"].to_list(), _KIND, f"kind is {{}}, expected one of {', '.join(KINDS)}")
    kept = _without_repeated(file, broken, frame, ["stock_code"])
    broken.refuse()
    owned = [{column.name for column in one.columns} for one in file.files]
    numbers = file.files_of(np.flatnonzero(kept)).tolist()
    return [
        (row["stock_code"], {name: value for name, value in row.items() if name in owned[number]})
        for number, row in zip(numbers, frame.filter(pl.Series(kept)).iter_rows(named=True), strict=True)
    ]


def _first_year(old: tuple[Any, ...] | None, new: tuple[Any, ...]) -> int:
    """Return the calendar year from which panels differ: 0 for a new column, market or issuer, the delisting's, 9999
    for labels."""
    if old is None or old[4] != new[4] or old[9] != new[9]:
        return 0
    if old[7] != new[7]:
        return min(day.year for day in (old[7], new[7]) if isinstance(day, dt.date))
    return _LABELS_ONLY


def _known(rows: list[tuple[Any, ...]]) -> Known:
    codes = [row[1] for row in rows]
    delisted = [NO_DAY if row[7] is None else to_day(row[7]) for row in rows]
    ordinals = pl.DataFrame(
        {"stock_code": codes, "ordinal": range(len(codes))}, schema={"stock_code": pl.String, "ordinal": pl.Int32}
    )
    markets = [row[4] for row in rows] + [""]
    return Known(
        ordinals=ordinals,
        delisted_day=np.array([*delisted, NO_DAY], np.int64),
        rule_book=rule_books(markets),
        has_ticks=np.array([has_rules(market) for market in markets]),
        codes=codes,
    )


def _without_repeated(file: MarketFiles, broken: BrokenRows, frame: pl.DataFrame, key: list[str]) -> np.ndarray:
    """Return which rows to load: an equal row of another file counts once.

    A key that is twice in one file, or in two files with different values, is listed.
    """
    again = frame.select(pl.struct(key).is_duplicated() & ~pl.struct(key).is_first_distinct()).to_series().to_numpy()
    kept = np.ones(frame.height, bool)
    if not again.any():
        return kept
    numbers = pl.Series("file", file.files_of(np.arange(frame.height)))
    numbered = frame.with_columns(numbers)
    in_file = numbered.select(pl.struct([*key, "file"]).is_first_distinct()).to_series().to_numpy()
    equal = frame.select(~pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy() & in_file
    kept[again & equal] = False
    first = numbered.with_row_index("row").select(pl.col("row").first().over(key)).to_series()

    def reason(row: int) -> str:
        shown = ", ".join(f"{name} {frame[name][row]}" for name in key)
        if in_file[row]:
            return f"the key {shown} is in {file.where(int(first[row]))} already, with other values"
        return f"the key {shown} is in an earlier row already"

    broken.add("the key is in an earlier row already", np.flatnonzero(again & ~equal), reason)
    return kept


def _ordinals(broken: BrokenRows, frame: pl.DataFrame, known: Known) -> np.ndarray:
    """Return the ordinal of each row's stock, -1 of stocks that are not known, which are listed."""
    joined = frame.select("stock_code").join(known.ordinals, on="stock_code", how="left", maintain_order="left")
    found: np.ndarray = joined["ordinal"].fill_null(-1).to_numpy()
    codes = frame["stock_code"]
    broken.add(
        "stock_code is no company",
        np.flatnonzero(found < 0),
        lambda row: (
            f"stock_code {codes[row]} is no company of companies.* or of an earlier load{lost_zeros(codes[row])}"
        ),
    )
    return found


def _list_where(broken: BrokenRows, frame: pl.DataFrame, rule: pl.Expr, reason: str) -> None:
    bad = frame.select(rule.fill_null(value=False)).to_series()
    mistake = re.sub(r"\{[^}]*\}", "…", reason)
    broken.add(mistake, np.flatnonzero(bad.to_numpy()), lambda row: reason.format(**frame.row(row, named=True)))


STATEMENT_COLUMNS = ("stock", "fiscal_year", "fiscal_quarter", "period_end", "disclosed_on", *ACCOUNTS)


def read_statements(file: MarketFiles, known: Known) -> np.ndarray:
    """Statements as records in COPY format; LoadError at the first row that breaks a rule."""
    broken = BrokenRows(file)
    frame = read_all(file, broken)
    _list_where(
        broken,
        frame,
        ~pl.col("fiscal_quarter").is_between(1, 4),
        "fiscal_quarter is {fiscal_quarter:g}, expected 1, 2, 3 or 4",
    )
    _list_where(
        broken, frame, ~pl.col("fiscal_year").is_between(1900, 2199), "fiscal_year is {fiscal_year:g}, expected a year"
    )
    _list_where(
        broken,
        frame,
        pl.col("period_end") > pl.col("disclosed_on"),
        "period_end {period_end} is after disclosed_on {disclosed_on}",
    )
    stock = _ordinals(broken, frame, known)
    kept = _without_repeated(file, broken, frame, ["stock_code", "fiscal_year", "fiscal_quarter", "disclosed_on"])
    broken.refuse()
    frame, stock = frame.filter(pl.Series(kept)), stock[kept]
    columns: list[tuple[str, Any]] = [
        ("i4", stock),
        ("i4", frame["fiscal_year"].to_numpy()),
        ("i4", frame["fiscal_quarter"].to_numpy()),
        ("date", frame["period_end"]),
        ("date", frame["disclosed_on"]),
    ]
    nothing = np.full(frame.height, np.nan)
    columns += [("f8", frame[name].to_numpy() if name in frame.columns else nothing) for name in ACCOUNTS]
    return copy_records(columns)


DividendRow = tuple[int, dt.date, float, dt.date | None, str, int]
"""(ordinal, ex_date, dps, disclosed_on, kind or "", number): a row of the table `dividend`."""


def read_dividends(file: MarketFiles, known: Known) -> list[DividendRow]:
    """Return the dividends; LoadError at the first row that breaks a rule.

    Several amounts of one stock, ex-date and kind are numbered by amount: they add up. The same amount twice is
    refused, because it is nearly always one dividend delivered twice.
    """
    broken = BrokenRows(file)
    frame = read_all(file, broken)
    _list_where(broken, frame, pl.col("dps") < 0, "dps is negative ({dps:g})")
    stock = _ordinals(broken, frame, known)
    for name, kind in (("disclosed_on", pl.Date), ("kind", pl.String)):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, kind).alias(name))
    key = ["stock_code", "ex_date", "kind"]
    kept = _without_repeated_amounts(file, broken, frame, [*key, "dps"])
    broken.refuse()
    frame, stock = frame.filter(pl.Series(kept)), stock[kept]
    number = frame.select(pl.struct("dps", "disclosed_on").rank("ordinal").over(key) - 1).to_series()
    kinds = frame["kind"].fill_null("")
    columns = (frame["ex_date"], frame["dps"], frame["disclosed_on"], kinds, number)
    return list(zip(stock.tolist(), *columns, strict=True))


def _without_repeated_amounts(file: MarketFiles, broken: BrokenRows, frame: pl.DataFrame, key: list[str]) -> np.ndarray:
    """Return which dividends to load: the same amount in two files counts once, twice in one file it is listed."""
    again = frame.select(~pl.struct(key).is_first_distinct()).to_series().to_numpy()
    numbered = frame.with_columns(pl.Series("file", file.files_of(np.arange(frame.height))))
    in_file = numbered.select(pl.struct([*key, "file"]).is_first_distinct()).to_series().to_numpy()
    broken.add(
        "the dividend is in an earlier row already",
        np.flatnonzero(again & ~in_file),
        lambda row: (
            f"the dividend of {frame['dps'][row]:g} won of stock_code {frame['stock_code'][row]} on ex_date "
            f"{frame['ex_date'][row]} is in an earlier row already; if both were paid, give each a kind"
        ),
    )
    kept: np.ndarray = ~again
    return kept


ListingRow = tuple[int, dt.date, str, str | None, str | None]
"""(ordinal, from_date, market, name, sector): a row of the table `listing`."""


def read_listings(file: MarketFiles, known: Known) -> list[ListingRow]:
    """Return what stocks were from a day on; LoadError at the first row that breaks a rule."""
    broken = BrokenRows(file)
    frame = _with_markets(broken, read_all(file, broken))
    stock = _ordinals(broken, frame, known)
    kept = _without_repeated(file, broken, frame, ["stock_code", "from_date"])
    broken.refuse()
    frame, stock = frame.filter(pl.Series(kept)), stock[kept]
    nothing = [None] * frame.height
    names, sectors = (frame[n].to_list() if n in frame.columns else nothing for n in ("name", "sector"))
    return list(zip(stock.tolist(), frame["from_date"], frame["market"].to_list(), names, sectors, strict=True))


def _with_markets(broken: BrokenRows, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with every usual spelling of a market of the exchange read as that market."""
    bare = frame["market"].str.to_uppercase().str.replace_all(r"[\s_-]", "")
    known = bare.replace_strict(MARKET_SPELLINGS, default=None, return_dtype=pl.String)
    broken.match(
        [name if code is None else code for name, code in zip(frame["market"], known, strict=True)],
        _MARKET,
        "market is {}, expected KOSPI, KOSDAQ, KONEX or another word of upper-case letters",
    )
    return frame.with_columns(known.fill_null(frame["market"]).alias("market"))


def read_indices(file: MarketFiles) -> list[tuple[Any, ...]]:
    """Return index rows as (name, day, open, high, low, close); LoadError at the first row that breaks a rule.

    A close of 0 or less is stored and is no value.
    """
    broken = BrokenRows(file)
    frame = read_all(file, broken)
    if {"high", "low"} <= set(frame.columns):
        is_wrong = (pl.col("high") < pl.col("low")) & (pl.col("close") > 0) & (pl.col("high") > 0)
        _list_where(broken, frame, is_wrong, "high {high:g} is below low {low:g}")
    broken.match(frame["index"].to_list(), _MARKET, "index is {}, expected an upper-case word such as KOSPI")
    kept = _without_repeated(file, broken, frame, ["date", "index"])
    broken.refuse()
    frame = frame.filter(pl.Series(kept))
    nothing = [None] * frame.height
    others = [frame[name].to_list() if name in frame.columns else nothing for name in ("open", "high", "low")]
    days = frame["date"].to_physical().to_list()
    return list(zip(frame["index"].to_list(), days, *others, frame["close"].to_list(), strict=True))


def copy_records(columns: list[tuple[str, Any]]) -> np.ndarray:
    """Rows without nulls as binary COPY records: every field 4 (`i4`, `date`) or 8 bytes (`f8`)."""
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for number, (kind, _) in enumerate(columns):
        fields += [(f"size{number}", ">i4"), (f"value{number}", ">f8" if kind == "f8" else ">i4")]
    table = np.empty(len(columns[0][1]), np.dtype(fields))
    table["count"] = len(columns)
    for number, (kind, values) in enumerate(columns):
        table[f"size{number}"] = 8 if kind == "f8" else 4
        table[f"value{number}"] = values.to_physical().to_numpy() - _PG_EPOCH if kind == "date" else values
    return table


_PG_EPOCH = to_day(dt.date(2000, 1, 1))


async def refuse_prices_after_delisting(file: MarketFiles | None, connection: asyncpg.Connection) -> None:
    """LoadError when a company is now delisted on or before a day of its stored prices."""
    row = await connection.fetchrow(_SQL["prices_after_delisting"])
    if row is not None and file is not None:
        codes = read_all(file, BrokenRows(file))["stock_code"].to_list()
        at = codes.index(row["code"]) if row["code"] in codes else 0
        raise file.error(
            at,
            f"delisted_on of {row['code']} is not after its last price with trading of {iso(row['last_day'])}",
        )


async def merge_table(connection: asyncpg.Connection, table: MarketTable, revision: int) -> list[Scope]:
    """Store the staged rows that differ from the stored ones, and return where they differ.

    The stored rows that they replace are kept for the revision.
    """
    kind = _KINDS[table.name]
    if kind != "dividend":  # amounts of a stock, ex-date and kind replace all stored ones together
        await connection.execute(_SQL[f"drop_equal_{kind}"])
    rows = await connection.fetch(_SQL[f"{kind}_scope"])
    scope = [Scope(kind=kind, part=row["part"], from_year=row["from_year"], rows=row["rows"]) for row in rows]
    if scope:
        await store_previous(connection, table, revision, _SQL[f"{kind}_keys"])
        await connection.execute(_SQL[f"upsert_{kind}"])
    return scope


_KINDS = {"statement": "statement", "listing": "listing", "dividend": "dividend", "index_close": "index"}
"""Table -> kind of change, and the name of its statements."""
