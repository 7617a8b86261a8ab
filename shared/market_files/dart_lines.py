"""Lines of DART statements that are accounts of the load format, from answers of the API and from bulk files."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from shared.market_files.cells import Cells, FileRefusedError, Rows, left_out
from shared.market_files.dart_accounts import DART_ACCOUNTS
from shared.market_files.dart_filings import REPORTS, corp_codes, receipts

LINES_SCHEMA = {
    "receipt": pl.String, "corp_code": pl.String, "stock_code": pl.String, "fiscal_year": pl.Int32,
    "fiscal_quarter": pl.Int8, "period_end": pl.Date, "basis": pl.String, "as_of": pl.Date,
    "account": pl.UInt8, "way": pl.UInt8, "line": pl.UInt8, "rank": pl.UInt16, "amount": pl.Float64,
}  # fmt: skip
"""One account line of a filing; null where its file does not say it.

`basis` is CFS (consolidated) or OFS (separate). `as_of` is the day of a bulk file. `account` is a place in
DART_ACCOUNTS, `way` and `line` are places in that account, the smallest `rank` of a line counts. Flows are cumulated.
"""

_STATEMENTS = {"재무상태표": "BS", "손익계산서": "IS", "포괄손익계산서": "CIS", "현금흐름표": "CF"}
_BULK_REPORTS = {"1분기보고서": 1, "반기보고서": 2, "3분기보고서": 3, "사업보고서": 4}
_STANDARD = "^(?:ifrs-full|ifrs|dart)_"
_BASES = {"연결": "CFS", "별도": "OFS", "개별": "OFS", "CFS": "CFS", "OFS": "OFS"}
_INTERIM_FLOWS = pl.col("statement").is_in(["IS", "CIS"]) & pl.col("fiscal_quarter").is_in([2, 3])


@dataclass(frozen=True, kw_only=True)
class StatementLines:
    """`rows` of LINES_SCHEMA, and lines that are left out by reason (lines of other accounts are not counted)."""

    rows: pl.DataFrame
    dropped: dict[str, Rows]


def _mapping() -> tuple[pl.DataFrame, pl.DataFrame]:
    by_id: list[tuple[str, str, int, int, int, int]] = []
    by_name: list[tuple[str, str, int, int, int, int]] = []
    for place, account in enumerate(DART_ACCOUNTS):
        for order, statement in enumerate(account.statements):
            for way, lines in enumerate(account.ways):
                for number, line in enumerate(lines):
                    known = (*line.ids, *line.names)
                    for rank, key in enumerate(known):
                        target = by_id if rank < len(line.ids) else by_name
                        target.append((statement, key, place, way, number, order * 256 + rank))
    schema = {"statement": pl.String, "key": pl.String, "account": pl.UInt8, "way": pl.UInt8, "line": pl.UInt8,
              "rank": pl.UInt16}  # fmt: skip
    return tuple(pl.DataFrame(rows, schema=schema, orient="row") for rows in (by_id, by_name))  # type: ignore[return-value]


_BY_ID, _BY_NAME = _mapping()


def basis_in(name: str) -> str | None:
    """Return the basis that a text states (CFS, OFS, 연결, 별도, 개별), or None."""
    found = {basis for word, basis in _BASES.items() if word in name.upper()}
    return found.pop() if len(found) == 1 else None


def api_lines(frame: pl.DataFrame, *, stock_code: str | None = None, basis: str | None = None) -> StatementLines:
    """Return the account lines of `fnlttSinglAcntAll`, `fnlttSinglAcnt` or `fnlttMultiAcnt` rows.

    `stock_code` and `basis` are those of rows that do not state them; without any basis a filing with the owners' part
    of equity is consolidated. FileRefusedError when a cell cannot be read.
    """
    cells = Cells(frame)
    amount, cumulated = cells.numbers(["thstrm_amount"]), cells.numbers(["thstrm_add_amount"])
    year = cells.numbers(["bsns_year"])
    cells.refuse_broken()
    codes = cells.texts(["reprt_code"])
    columns = {
        "receipt": receipts(cells), "corp_code": corp_codes(cells), "stock_code": cells.codes(["stock_code"]),
        "fiscal_year": year, "basis": cells.texts(["fs_div"]), "statement": cells.texts(["sj_div"]),
        "account_id": cells.texts(["account_id"]), "account_name": cells.texts(["account_nm"]),
        "detail": cells.texts(["account_detail"]), "currency": cells.texts(["currency"]), "amount": amount,
        "cumulated": cumulated, "days": cells.texts(["thstrm_dt"]),
    }  # fmt: skip
    if codes is None or amount is None:
        raise FileRefusedError("has no reprt_code or no thstrm_amount")
    columns["fiscal_quarter"] = codes.str.replace(r"\.0$", "").replace_strict(
        REPORTS, default=None, return_dtype=pl.Int8
    )
    types = {"fiscal_year": pl.Float64, "amount": pl.Float64, "cumulated": pl.Float64}
    lines = pl.select(pl.int_range(frame.height).alias("row")).with_columns(
        pl.lit(None, types.get(name, pl.String)).alias(name) if values is None else values.alias(name)
        for name, values in columns.items()
    )
    last_day = pl.col("days").str.replace_all(r"\s", "").str.extract(r"(\d{4}\.\d{2}\.\d{2})[^\d]*$")
    lines = lines.with_columns(
        pl.when(_INTERIM_FLOWS).then(pl.col("cumulated")).otherwise(pl.col("amount")).alias("value"),
        last_day.str.to_date("%Y.%m.%d", strict=False).alias("period_end"),
        pl.coalesce("stock_code", pl.lit(stock_code, pl.String)).alias("stock_code"),
        pl.lit(None, pl.Date).alias("as_of"),
    )
    owners = (pl.col("statement") == "BS") & pl.col("account_id").str.contains(
        "EquityAttributableToOwnersOfParent|NoncontrollingInterests"
    )
    key = pl.coalesce("receipt", "corp_code", "stock_code")
    lines = lines.with_columns(
        pl.coalesce(
            pl.col("basis").str.to_uppercase(), pl.lit(basis, pl.String),
            pl.when(owners.fill_null(value=False).any().over(key)).then(pl.lit("CFS")).otherwise(pl.lit("OFS")),
        ).alias("basis")
    )  # fmt: skip
    return _mapped(lines)


def bulk_lines(frame: pl.DataFrame, name: str) -> StatementLines:
    """Return the account lines of a bulk statement file; the day and basis may stand in its `name`.

    FileRefusedError when a cell cannot be read, or the file has amounts of three months only.
    """
    cells = _possible(frame)
    amount = cells.numbers([_amount_column(frame.columns)])
    period_end = cells.dates(["결산기준일"])
    cells.refuse_broken()
    kinds, reports = cells.texts(["재무제표종류"]), cells.texts(["보고서종류"])
    if kinds is None or reports is None or period_end is None:
        raise FileRefusedError("has no 재무제표종류, 보고서종류 or 결산기준일")
    columns = {
        "stock_code": cells.codes(["종목코드"]), "account_id": cells.texts(["항목코드"]),
        "account_name": cells.texts(["항목명"]), "currency": cells.texts(["통화"]), "value": amount,
        "period_end": period_end,
        "statement": kinds.str.extract(r"^\s*(?:연결|별도|개별)?\s*([^\s,(\-]+)").replace_strict(
            _STATEMENTS, default=None, return_dtype=pl.String
        ),
        "basis": kinds.replace_strict(
            {kind: basis_in(kind) for kind in kinds.drop_nulls().unique()}, default=None, return_dtype=pl.String
        ),
        "fiscal_quarter": reports.str.replace_all(r"\s", "").replace_strict(
            _BULK_REPORTS, default=None, return_dtype=pl.Int8
        ),
    }  # fmt: skip
    lines = pl.select(cells.rows.alias("row")).with_columns(
        pl.lit(None, pl.String).alias(key) if values is None else values.alias(key) for key, values in columns.items()
    )
    stamp = re.search(r"(?<!\d)(20\d{2})(\d{2})(\d{2})\d{0,6}(?!\d)", name)
    lines = lines.with_columns(
        pl.coalesce("basis", pl.lit(basis_in(name) or "OFS")).alias("basis"),
        pl.lit("".join(stamp.groups()) if stamp else None, pl.String)
        .str.to_date("%Y%m%d", strict=False).alias("as_of"),
        pl.lit(None, pl.String).alias("receipt"), pl.lit(None, pl.String).alias("corp_code"),
        pl.lit(None, pl.Int32).alias("fiscal_year"), pl.lit(None, pl.String).alias("detail"),
        pl.col("value").alias("amount"),
    )  # fmt: skip
    return _mapped(lines)


def _possible(frame: pl.DataFrame) -> Cells:
    """Return the cells of the lines whose id or name may be one of an account: a small part of a bulk file."""
    every = Cells(frame)
    ids, names = every.texts(["항목코드"]), every.texts(["항목명"])
    if ids is None or names is None:
        return every
    possible = pl.select(
        pl.lit(ids).str.replace("^ifrs_", "ifrs-full_").is_in(_BY_ID["key"].unique().implode())
        | (~pl.lit(ids).str.contains(_STANDARD) & _plain_name(pl.lit(names)).is_in(_BY_NAME["key"].unique().implode()))
    ).to_series().fill_null(value=False)  # fmt: skip
    return Cells(frame.filter(possible), possible.arg_true())


def _plain_name(name: pl.Expr) -> pl.Expr:
    """Return a name without blanks, numbering and references to notes."""
    bare = name.str.replace_all(r"\s", "").str.replace(r"^(?:[ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫIVX]+|\d+|\(\d+\)|[가-하])[.．)]", "")
    return bare.str.replace_all(r"\((?:주|주석)[^)]*\)", "")


def _amount_column(columns: list[str]) -> str:
    """Return the column of the period's own amounts: the cumulated one where there are two."""
    own = [name for name in columns if name.startswith("당기")]
    whole = [name for name in own if "누적" in name] or [name for name in own if "3개월" not in name]
    if not whole:
        raise FileRefusedError("has no column of cumulated amounts (당기 …)")
    return whole[0]


def _mapped(lines: pl.DataFrame) -> StatementLines:
    """Keep the lines that are accounts of the load format."""
    dropped: dict[str, Rows] = {}
    lines = lines.filter(pl.col("statement").is_not_null() & pl.col("detail").is_null())
    lines = lines.with_columns(
        pl.col("account_id").str.replace("^ifrs_", "ifrs-full_"),
        _plain_name(pl.col("account_name")).alias("account_name"),
    )  # fmt: skip
    standard = pl.col("account_id").str.contains(_STANDARD)
    found = pl.concat(
        [
            lines.join(_BY_ID, left_on=["statement", "account_id"], right_on=["statement", "key"], how="inner"),
            lines.filter(~standard.fill_null(value=False)).join(
                _BY_NAME, left_on=["statement", "account_name"], right_on=["statement", "key"], how="inner"
            ),
        ]
    ).sort("row")
    for reason, bad in (
        ("line in another currency than KRW", pl.col("currency").fill_null("KRW") != "KRW"),
        ("line without a report kind", pl.col("fiscal_quarter").is_null()),
        ("amount of three months without a cumulated one", pl.col("value").is_null() & pl.col("amount").is_not_null()),
    ):
        found = left_out(found, reason, bad, dropped)
    found = found.filter(pl.col("value").is_not_null()).with_columns(pl.col("value").alias("amount"))
    found = found.with_columns(pl.col("fiscal_year").cast(pl.Int32, strict=False))
    return StatementLines(rows=found.select(list(LINES_SCHEMA)).cast(pl.Schema(LINES_SCHEMA)), dropped=dropped)
