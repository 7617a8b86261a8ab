"""Decoded sizes of the row groups of Parquet files, also of damaged and hostile ones."""

from __future__ import annotations

import pathlib
import random

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from shared.market_files.formats import READ_ERRORS
from shared.market_files.parquet import row_groups


def every(_: str) -> bool:
    """Want every column."""
    return True


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("packing", ["zstd", "snappy", "none"])
def test_rows_and_bytes_are_those_of_the_wanted_columns(tmp_path: pathlib.Path, version: str, packing: str) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"number": [1.0, None, 3.0] * 1000, "text": ["x", "yy", None] * 1000, "list": [[1, 2]] * 3000})
    pyarrow.parquet.write_table(table, path, data_page_version=version, compression=packing, row_group_size=2000)
    groups = row_groups(path, {"number", "text"}.__contains__)
    assert [group.rows for group in groups] == [2000, 1000]
    assert 2000 * 24 <= groups[0].decoded_bytes <= 2000 * 24 + 4000
    assert row_groups(path, {"list"}.__contains__)[0].decoded_bytes >= 4000 * 8


def test_written_by_polars_has_all_rows(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": range(500_000)}).write_parquet(path, row_group_size=200_000)
    assert sum(group.rows for group in row_groups(path, every)) == 500_000


def test_repeated_value_counts_as_decoded(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.parquet"
    values = pa.DictionaryArray.from_arrays(pa.array(np.zeros(3_000_000, np.int8)), pa.array(["x"]))
    table = pa.table({"a": values})
    pyarrow.parquet.write_table(table, path, row_group_size=3_000_000, store_schema=False)
    assert path.stat().st_size < 100_000
    (group,) = row_groups(path, every)
    assert group.decoded_bytes >= 3_000_000 * 16


def test_texts_that_share_beginnings_are_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"a": ["x" * 1000] * 100})
    pyarrow.parquet.write_table(table, path, use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"})
    with pytest.raises(ValueError, match="DELTA_BYTE_ARRAY"):
        row_groups(path, every)


def test_damaged_metadata_are_refused(tmp_path: pathlib.Path) -> None:
    path, dice = tmp_path / "a.parquet", random.Random(3)
    pl.DataFrame({"a": range(100), "b": ["x"] * 100}).write_parquet(path)
    whole = path.read_bytes()
    refused = 0
    for _ in range(1_500):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 4)):
            data[dice.randrange(4, len(data))] = dice.randrange(256)
        path.write_bytes(data)
        try:
            row_groups(path, every)
        except READ_ERRORS:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("footer", [
    b"\x19" + b"\x99" * 2000, b"\x1c" * 2000, b"\x19\xfc\xff\xff\xff\xff\x0f", b"\x18\xff\xff\xff\xff\x0f", b"",
])  # fmt: skip
def test_hostile_metadata_are_refused(tmp_path: pathlib.Path, footer: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match="Parquet"):
        row_groups(path, every)
