"""Market files that would need much memory: refused with their place, or read in batches."""

from __future__ import annotations

import gzip
import pathlib

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from services.preparer.loading.broken_rows import MAX_COUNTED, BrokenRows
from services.preparer.loading.files import find_files
from services.preparer.loading.typed_rows import batches, read_all
from shared.errors import LoadError

HEADER = "date,stock_code,open,high,low,close,volume\n"
ROW = "2024-01-03,000010,1,1,1,1,1\n"


def read(folder: pathlib.Path) -> int:
    """Read the only kind of a folder as a load does; return its rows."""
    ((kind, files),) = find_files(folder).items()
    broken = BrokenRows(files)
    if kind != "prices":
        return read_all(files, broken).height
    rows = sum(frame.height for _, frame in batches(files, broken))
    broken.refuse()
    return rows


def test_rows_are_the_same_however_blocks_are_cut(tmp_path: pathlib.Path) -> None:
    quoted = ROW.replace("000010", '"000010"')
    (tmp_path / "prices.csv").write_text(HEADER + (ROW + quoted) * 60_000)
    assert read(tmp_path) == 120_000
    (tmp_path / "prices.csv").write_text(HEADER + ROW.strip())
    assert read(tmp_path) == 1


def test_row_groups_are_read_in_order(tmp_path: pathlib.Path) -> None:
    closes = np.arange(1.0, 300_001)
    frame = pl.DataFrame({"date": ["2024-01-03"] * len(closes), "index": ["KOSPI"] * len(closes), "close": closes})
    frame.write_parquet(tmp_path / "indices.parquet", row_group_size=70_000)
    files = find_files(tmp_path)["indices"]
    assert read_all(files, BrokenRows(files))["close"].to_list() == closes.tolist()


@pytest.mark.parametrize(("text", "place"), [
    (ROW.replace("000010", '"000010') + ROW * 60_000, r"row 1 \(line 2\)"),
    (ROW * 3 + "1" * 1_500_000, r"row 4 \(line 5\)"),
    (ROW * 100_000 + '"' + ROW * 60_000, r"row 100001 \(line 100002\)"),
])  # fmt: skip
def test_row_without_end_is_refused_with_its_place(tmp_path: pathlib.Path, text: str, place: str) -> None:
    with gzip.open(tmp_path / "prices.csv.gz", "wb", 1) as stream:
        stream.write((HEADER + text).encode())
    with pytest.raises(LoadError, match=rf"{place}: the row is longer .* a quotation mark is not closed"):
        read(tmp_path)


def test_row_group_that_decodes_to_too_much_is_refused(tmp_path: pathlib.Path) -> None:
    index = pa.array(np.zeros(9_000_000, np.int8))
    names = ("date", "stock_code", "open", "high", "low", "close", "volume")
    values = ("2024-01-03", "000010", 1.0, 1.0, 1.0, 1.0, 1.0)
    table = pa.table({
        name: pa.DictionaryArray.from_arrays(index, pa.array([value]))
        for name, value in zip(names, values, strict=True)
    })  # fmt: skip
    path = tmp_path / "prices.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=9_000_000, store_schema=False)
    assert path.stat().st_size < 300_000
    with pytest.raises(LoadError, match=r"a row group of 9,000,000 rows needs 6\d\d MiB.*row groups of 100,000 rows"):
        read(tmp_path)


def test_long_text_of_parquet_is_refused_before_it_is_copied(tmp_path: pathlib.Path) -> None:
    frame = pl.DataFrame({"stock_code": ["1", "x" * 5_000], "name": "x", "market": "KOSPI"})
    frame.write_parquet(tmp_path / "companies.parquet")
    with pytest.raises(LoadError, match="row 2: stock_code has 5,000 bytes"):
        read(tmp_path)


def test_table_that_is_read_whole_has_a_limit(tmp_path: pathlib.Path) -> None:
    frame = pl.DataFrame({"close": pl.repeat(1.0, 1_000_001, eager=True)}).with_columns(
        date=pl.lit("2024-01-03"), index=pl.lit("KOSPI")
    )
    frame.write_parquet(tmp_path / "indices.parquet", row_group_size=100_000)
    with pytest.raises(LoadError, match="more than 1,000,000 rows of indices"):
        read(tmp_path)


def test_reading_stops_when_very_many_rows_are_broken(tmp_path: pathlib.Path) -> None:
    (tmp_path / "prices.csv").write_text(HEADER + "\n" * (MAX_COUNTED * 5))
    with pytest.raises(LoadError, match=r"rows of prices\.csv are broken so far") as caught:
        read(tmp_path)
    assert int(str(caught.value).split(" ", 1)[0].replace(",", "")) < MAX_COUNTED * 5


def test_header_of_very_many_columns_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "prices.csv").write_text(HEADER.strip() + "".join(f",c{n}" for n in range(10_000)) + "\n" + ROW)
    with pytest.raises(LoadError, match="has 10,007 columns, more than 10,000"):
        read(tmp_path)


def test_damaged_gzip_is_refused(tmp_path: pathlib.Path) -> None:
    data = bytearray(gzip.compress((HEADER + ROW * 100_000).encode(), 1))
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    (tmp_path / "prices.csv.gz").write_bytes(data)
    with pytest.raises(LoadError, match=r"prices\.csv\.gz"):
        read(tmp_path)
