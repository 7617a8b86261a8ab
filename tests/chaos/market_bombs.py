"""S11: market directories that are small on disk and large when read, or whose names are no regular files."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet

from tests.chaos.results import CheckResult, Context
from tests.chaos.system import environment

MIB = 1 << 20
MOST_MIB = 1024
TIME_LIMIT_S = 120
HEADER = b"date,stock_code,open,high,low,close,volume\n"
ROW = b"2024-01-03,000010,1,1,1,1,1\n"
COMPANIES = "stock_code,name,market\n000010,x,KOSPI\n"
REMEDY = "Nothing was changed."
SCRIPT = """
import asyncio, json, os, pathlib, re, sys
from services.preparer.loading.load import load_market
from shared.errors import LoadError
for folder in sys.argv[2:]:
    if os.fork():
        os.wait()
        continue
    message = "loaded"
    try:
        asyncio.run(load_market(pathlib.Path(folder), sys.argv[1], dry_run=True))
    except LoadError as error:
        message = str(error)
    peak = re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]
    print(json.dumps([pathlib.Path(folder).name, message, int(peak) // 1024]), flush=True)
    os._exit(0)
"""


def parquet_rows(folder: pathlib.Path, size: int) -> None:
    """A row group of one value: `size` bytes when decoded."""
    rows = max(size, 512 * MIB) // 56
    index = pa.array(np.zeros(rows, np.int8))
    columns = {"date": "2024-01-03", "stock_code": "000010"} | dict.fromkeys(("open", "high", "low", "close"), 1.0)
    columns["volume"] = 1.0
    table = pa.table(
        {name: pa.DictionaryArray.from_arrays(index, pa.array([value])) for name, value in columns.items()}
    )
    pyarrow.parquet.write_table(table, folder / "prices.parquet", row_group_size=rows, store_schema=False)


def parquet_text(folder: pathlib.Path, size: int) -> None:
    """A long text that all rows share: `size` bytes when it is copied."""
    rows = 100_000
    texts = pl.repeat("x" * (size // rows), rows, eager=True)
    frame = pl.DataFrame({"stock_code": texts, "name": texts, "market": texts})
    frame.write_parquet(folder / "companies.parquet")


def parquet_small_table(folder: pathlib.Path, size: int) -> None:
    """Many rows of a kind that is read whole."""
    rows = size // 24
    frame = pl.DataFrame({"close": pl.repeat(1.0, rows, eager=True)}).with_columns(
        date=pl.lit("2024-01-03"), index=pl.lit("KOSPI")
    )
    frame.write_parquet(folder / "indices.parquet", row_group_size=100_000)


def packed(folder: pathlib.Path, size: int, header: bytes, block: bytes, name: str = "prices") -> None:
    """A header and `block` again and again, compressed."""
    with gzip.open(folder / f"{name}.csv.gz", "wb", 1) as stream:
        stream.write(header)
        for _ in range(max(size // len(block), 1)):
            stream.write(block)


def quote(folder: pathlib.Path, size: int) -> None:
    """A quotation mark that is not closed, before many rows."""
    (folder / "prices.csv").write_bytes(HEADER + b'2024-01-03,"000010,1,1,1,1,1\n' + ROW * (size // len(ROW)))


def wide(folder: pathlib.Path, size: int) -> None:
    """A header of very many columns."""
    names = b",".join(b"c%d" % number for number in range(120_000))
    (folder / "prices.csv").write_bytes(names + b"\n" + b"," * min(size, 8 * MIB) + b"\n")


def html(folder: pathlib.Path, size: int) -> None:
    """A page of tags that are not closed, where market files are expected."""
    (folder / "page.html").write_bytes(b"<html><table>" + b"<td a='" * (min(size, 32 * MIB) // 7))


def fifo(folder: pathlib.Path, _: int) -> None:
    """A pipe, which never ends."""
    os.mkfifo(folder / "prices.csv")


def dangling(folder: pathlib.Path, _: int) -> None:
    """A folder of prices that is a link without a target."""
    (folder / "prices").symlink_to(folder / "absent")


BOMBS: dict[str, Callable[[pathlib.Path, int], None]] = {
    "parquet_rows": parquet_rows,
    "parquet_text": parquet_text,
    "parquet_small_table": parquet_small_table,
    "gz_line": lambda folder, size: packed(folder, size, HEADER, b"1" * MIB),
    "gz_header": lambda folder, size: packed(folder, size, b"", b"1" * MIB),
    "gz_same_rows": lambda folder, size: packed(folder, size, HEADER, ROW * 40_000),
    "gz_empty_rows": lambda folder, size: packed(folder, size, HEADER, b"\n" * MIB),
    "gz_short_rows": lambda folder, size: packed(folder, size, HEADER, b"1\n" * MIB),
    "quote": quote,
    "wide": wide,
    "html": html,
    "fifo": fifo,
    "dangling_link": dangling,
}


async def s11(context: Context) -> CheckResult:
    """Load every directory without storing anything; each must be refused with its place, in bounded memory."""
    result, size = CheckResult(), context.count(2 << 30, 48 * MIB)
    folders = [context.scratch / "bombs" / name for name in BOMBS]
    for folder in folders:
        folder.mkdir(parents=True)
        await asyncio.to_thread(BOMBS[folder.name], folder, size)
        if folder.name not in {"html", "parquet_text"}:  # a page is described where no market file is found
            (folder / "companies.csv").write_text(COMPANIES, encoding="utf-8")
    found = await _loaded(folders, context)
    for folder in folders:
        message, peak = found.get(folder.name, (f"not read in {TIME_LIMIT_S} s", 0))
        is_refused = REMEDY in message or (folder.name == "html" and "no market files" in message)
        result.require(is_refused, f"{folder.name}: {message[:200]}")
        result.require(peak <= MOST_MIB, f"{folder.name}: {peak} MiB")
        shutil.rmtree(folder)
    result.add(
        bombs=len(folders), mib_when_read=size / MIB, refused=sum(message != "loaded" for message, _ in found.values()),
        peak_mib={name: peak for name, (_, peak) in found.items()},
    )  # fmt: skip
    return result


async def _loaded(folders: list[pathlib.Path], context: Context) -> dict[str, tuple[str, int]]:
    """Load folders one after the other in another process; return the error (or `loaded`) and greatest MiB by name."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, context.system.run["servers"]["database_url"], *map(str, folders),
        env=environment(), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output = b""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(TIME_LIMIT_S):
            while block := await process.stdout.read(MIB):
                output += block
    except TimeoutError:
        process.kill()
    await process.wait()
    return {name: (message, peak) for name, message, peak in map(json.loads, output.splitlines())}
