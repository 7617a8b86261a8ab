"""Compute a part in a thread and store it in PostgreSQL and, for the warm years, in the cache."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import msgspec
import zstandard

from services.preparer import dataset_store
from services.preparer.build_plan import BuildContext, BuildPlan
from services.preparer.part_builder import BuiltPart, build_part
from services.preparer.part_inputs import PartInputs


@dataclass(frozen=True, kw_only=True)
class StoredPart:
    """A stored part without its bytes, and how many chunk parts and bytes of it were new."""

    part: BuiltPart
    parts: int
    encoded_bytes: int


async def compute_part(
    context: BuildContext, plan: BuildPlan, part: int, source: PartInputs, first_year: int
) -> BuiltPart:
    """Build the years of a part from `first_year` on."""
    counts = plan.summaries[part].years if part < len(plan.summaries) else {}
    return await asyncio.to_thread(build_part, source, context.keys, first_year, counts)


async def store_part(context: BuildContext, plan: BuildPlan, found: BuiltPart, written: set[str]) -> StoredPart:
    """Store the chunk parts that are not in `written`, and add them to it."""
    new = {name: blob for name, blob in found.blobs.items() if name not in written}
    written.update(new)
    newest = max(plan.years)
    warm = {name: blob for name, blob in new.items() if found.year_of[name] >= newest - context.warm_years}
    await asyncio.gather(dataset_store.write_parts(context.database, new), context.cache.put_parts(warm))
    return StoredPart(part=replace(found, blobs={}), parts=len(new), encoded_bytes=sum(map(len, new.values())))


def stored_part_to_bytes(stored: StoredPart) -> bytes:
    """Encode the report of a part for the leader of a shared build."""
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(stored))


_DECODER = msgspec.msgpack.Decoder(StoredPart)


def stored_part_from_bytes(data: bytes) -> StoredPart:
    """Return the part that `stored_part_to_bytes` has packed."""
    return _DECODER.decode(zstandard.ZstdDecompressor().decompress(data))
