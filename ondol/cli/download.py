"""Tables that a command writes to a file or a pipe in the formats of the API."""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import AsyncIterator, Mapping
from typing import BinaryIO

from shared.errors import SetupError
from shared.infra.api_client.client import ApiClient

FORMATS = ("json", "csv", "xlsx", "parquet")
BINARY = ("xlsx", "parquet")


def add_download(parser: argparse.ArgumentParser) -> None:
    """Add `--format`, `--output` and `--excel`."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="export all rows in this format (default: the suffix of --output, else a table)",
    )
    parser.add_argument("--output", metavar="FILE", type=pathlib.Path, help="output file (default standard output)")
    parser.add_argument(
        "--excel", action="store_const", const="true", help='with csv: write codes as ="004140" for Excel'
    )


def format_of(args: argparse.Namespace) -> str | None:
    """Return the format of a download, None when a table is printed; raise SetupError for an unknown suffix."""
    if args.format is not None or args.output is None:
        chosen: str | None = args.format
        return chosen
    ending: str = args.output.suffix.lstrip(".")
    if ending not in FORMATS:
        raise SetupError(f"The format of {args.output} is unknown; add --format with one of {', '.join(FORMATS)}.")
    return ending


async def blocks_of(api: ApiClient, path: str, query: Mapping[str, object]) -> AsyncIterator[bytes]:
    """Yield the file that the API answers, unchanged."""
    async with api.opened(path, query=query) as blocks:
        async for block in blocks:
            yield block


async def deliver(args: argparse.Namespace, pieces: AsyncIterator[bytes], kind: str) -> int:
    """Write a download to `--output` or standard output; return the exit code."""
    if args.json:
        raise SetupError("--json prints one page of the API; omit it with --format or --output.")
    if args.output is None:
        if kind in BINARY and sys.stdout.isatty():
            raise SetupError(f"{kind} cannot be printed on a terminal; name a file with --output or use a pipe.")
        sys.stdout.flush()
        await _write(pieces, sys.stdout.buffer)
        return 0
    await _save(pieces, args.output)
    sys.stderr.write(f"{args.output}: {args.output.stat().st_size:,} bytes\n")
    return 0


async def _write(pieces: AsyncIterator[bytes], to: BinaryIO) -> None:
    async for block in pieces:
        to.write(block)
    to.flush()


async def _save(pieces: AsyncIterator[bytes], path: pathlib.Path) -> None:
    """Write a file that appears only when it is complete."""
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            await _write(pieces, file)
        beside.replace(path)
    except OSError as error:
        raise SetupError(f"{path} cannot be written ({error.strerror}).") from error
    finally:
        beside.unlink(missing_ok=True)
