"""Making one part: computed in a thread, stored in the record and, for the years that are kept warm, in the cache."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import msgspec
import zstandard

from services.preparer import dataset_store
from services.preparer.build_plan import Builder, Market
from services.preparer.part_builder import BuiltPart, Source, build_part


@dataclass(frozen=True, kw_only=True)
class Made:
    """A part that is stored: what was built, without its bytes, and how much of it was new."""

    part: BuiltPart
    parts: int
    encoded_bytes: int


async def compute_part(builder: Builder, shape: Market, part: int, source: Source, first_year: int) -> BuiltPart:
    """Build the years of a part from `first_year` on."""
    counts = shape.summaries[part].years if part < len(shape.summaries) else {}
    return await asyncio.to_thread(build_part, source, builder.keys, first_year, counts)


async def store_part(builder: Builder, shape: Market, found: BuiltPart, written: set[str]) -> Made:
    """Store what is not yet among `written`, and note it there."""
    new = {name: blob for name, blob in found.blobs.items() if name not in written}
    written.update(new)
    newest = max(shape.years)
    warm = {name: blob for name, blob in new.items() if found.year_of[name] >= newest - builder.warm_years}
    await asyncio.gather(dataset_store.write_parts(builder.database, new), builder.cache.put_parts(warm))
    return Made(part=replace(found, blobs={}), parts=len(new), encoded_bytes=sum(map(len, new.values())))


def made_to_bytes(made: Made) -> bytes:
    """What the preparer that shared its build reads of a part."""
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(made))


_MADE = msgspec.msgpack.Decoder(Made)


def made_from_bytes(data: bytes) -> Made:
    """The inverse of `made_to_bytes`."""
    return _MADE.decode(zstandard.ZstdDecompressor().decompress(data))
