"""S3, S4: hostile values in Redis, and the permissions of the services' Redis users."""

from __future__ import annotations

import asyncio
import pathlib
import pickle
import random
import resource
import zlib
from typing import Any
from urllib.parse import urlsplit

import zstandard

from ondol.local.run_file import Servers
from shared.dataset.codec import decode
from shared.dataset.manifest import from_bytes
from shared.errors import ChunkMissingError, DatasetError
from shared.infra.redis import acl
from shared.model.fields import PART, dtype_of
from tests.chaos.caller import Callers, requests
from tests.chaos.results import CheckResult, Context
from tests.chaos.simulators import undisturbed, verify


class Bomb:
    """An object whose unpickling creates a file."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return pathlib.Path.touch, (self.path,)


async def s3(context: Context) -> CheckResult:
    """Write pickles under every key and into every stream, flip bits of parts, send decompression bombs."""
    result = CheckResult()
    await _write_pickles(context, result)
    await _flips(context, result)
    return result


async def _write_pickles(context: Context, result: CheckResult) -> None:
    system, count = context.system, context.count(200, 40)
    true, _ = await undisturbed(context, count)
    mark = context.scratch / "executed"
    load = pickle.dumps(Bomb(mark))
    before = {name: system.pids()[name] for name in system.run["services"]}
    keys = 0
    async with system.redis("cache") as cache, system.redis("broker") as broker:
        async for key in cache.scan_iter("ondol:*", count=1000):
            await cache.set(key, load if keys % 2 else zlib.compress(load))
            keys += 1
        for stream in ("backtests", "datasets", "events", "queries"):
            for body in (
                {b"event": load},
                {b"data": load},
                {b"event": b'{"type":"backtest.requested.v1","computation_id":"x"}'},
            ):
                await broker.xadd(f"ondol:{stream}", body)
        await broker.set("arq:job:planted", load)
        await broker.zadd("ondol:arq:warm", {"planted": 0})
        await broker.set("ondol:lease:planted", load)
    for region in pathlib.Path(system.run["servers"]["panel_dir"]).glob("*.region"):
        region.unlink(missing_ok=True)
    (pathlib.Path(system.run["servers"]["panel_dir"]) / "evictions").touch()
    callers = Callers(system)
    bodies = requests(count, context.seed, context.start, context.end)
    tally = await callers.submit(bodies, context.seed)
    await callers.ended(tally, 120)
    async with system.redis("broker") as broker:
        for stream in ("backtests", "datasets", "events", "queries"):
            await broker.delete(f"ondol:{stream}")
            await broker.set(f"ondol:{stream}", load)
    second = await callers.submit(bodies, context.seed)
    await callers.ended(second, 120)
    result.add(poisoned_keys=keys, executed=mark.exists())
    result.require(not mark.exists(), "a pickle was executed")
    await verify(result, context, tally, true, count)
    await verify(result, context, second, true, count)
    left = [name for name, process in before.items() if system.pids()[name] != process]
    result.require(not left, f"services that exited: {left}")


async def _flips(context: Context, result: CheckResult) -> None:
    """Check that each flipped part is rejected, or decodes to the values of its content name."""
    system, count = context.system, context.count(10_000, 1500)
    dice = random.Random(context.seed)
    async with system.database() as connection:
        row = await connection.fetchrow(
            "select v.manifest from dataset_version v join dataset_current c on c.version = v.version"
        )
        manifest = from_bytes(bytes(row["manifest"]))
        plain = [field for field in manifest.content.chunks if field not in manifest.predictors]
        chosen = [(field, year) for field in plain for year in manifest.content.chunks[field]]
        dice.shuffle(chosen)
        parts = []
        for field, year in chosen[:40]:
            name = manifest.content.chunks[field][year][0]
            key = manifest.stored_names(field, int(year))[0]
            blob = await connection.fetchval("select bytes from dataset_part where name = $1", key)
            rows = manifest.years[int(year)]
            parts.append((bytes(blob), name, dtype_of(field), (PART, rows.stop - rows.start)))
    right = [decode(blob, name, dtype, shape, None).tobytes() for blob, name, dtype, shape in parts]
    refused = same = wrong = 0
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        number = dice.randrange(len(parts))
        blob, name, dtype, shape = parts[number]
        flipped = bytearray(blob)
        place = dice.randrange(len(flipped)) if dice.random() < 0.7 else dice.randrange(min(96, len(flipped)))
        flipped[place] ^= 1 << dice.randrange(8)
        try:
            values = decode(bytes(flipped), name, dtype, shape, None)
        except (DatasetError, ChunkMissingError):
            refused += 1
            continue
        if values.tobytes() == right[number]:
            same += 1
        else:
            wrong += 1
    zeros = b"\0" * (1 << 20)
    for stated in (True, False):
        packer = zstandard.ZstdCompressor(level=1, write_content_size=stated).compressobj(
            size=len(zeros) * 1024 if stated else -1
        )
        frame = b"".join(packer.compress(zeros) for _ in range(1024)) + packer.flush()
        blob, name, dtype, shape = parts[0]
        for bomb in (frame, blob[: len(blob) // 2] + frame, blob[:32] + frame, blob[:64] + frame, blob[:96] + frame):
            try:
                decode(bomb, name, dtype, shape, None)
                wrong += 1
            except (DatasetError, ChunkMissingError):
                refused += 1
            try:
                from_bytes(bomb)
                wrong += 1
            except DatasetError:
                refused += 1
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    result.add(flips=count, refused=refused, same_values=same, wrong=wrong, growth_mib=growth)
    result.require(wrong == 0, f"{wrong} wrong values were accepted")
    result.require(growth <= 64, f"memory grew by {growth:.0f} MiB")


FORBIDDEN: tuple[tuple[str, ...], ...] = (
    ("EVAL", "return 1", "0"), ("EVALSHA", "0" * 40, "0"), ("SCRIPT", "LOAD", "return 1"), ("FUNCTION", "LIST"),
    ("FCALL", "x", "0"), ("CONFIG", "GET", "*"), ("CONFIG", "SET", "maxmemory", "1"), ("FLUSHALL",), ("FLUSHDB",),
    ("KEYS", "*"), ("SCAN", "0"), ("RANDOMKEY",), ("DEBUG", "JMAP"), ("SHUTDOWN", "NOSAVE"), ("SAVE",), ("BGREWRITEAOF",),
    ("ACL", "LIST"), ("ACL", "WHOAMI"), ("MONITOR",), ("CLIENT", "KILL", "TYPE", "normal"), ("CLIENT", "LIST"),
    ("SLAVEOF", "127.0.0.1", "1"), ("REPLICAOF", "127.0.0.1", "1"), ("MIGRATE", "h", "1", "k", "0", "1"), ("SWAPDB", "0", "1"),
    ("MODULE", "LIST"), ("SORT", "ondol:backtests"), ("OBJECT", "HELP"), ("LATENCY", "RESET"), ("SELECT", "1"),
    ("GET", "foreign"), ("SET", "foreign", "x"), ("GET", "other:key"), ("XADD", "foreign", "*", "a", "b"),
    ("UNLINK", "foreign"), ("RENAME", "ondol:backtests", "foreign"), ("COPY", "ondol:backtests", "foreign"),
    ("PUBLISH", "x", "y"), ("SUBSCRIBE", "x"), ("AUTH", "default", ""),
)  # fmt: skip
OTHERS = {
    "api": (
        "SET ondol:part:x y",
        "GET ondol:part:x",
        "SET ondol:manifest:x y",
        "SET arq:job:x y",
        "SET ondol:lease:x y",
    ),
    "preparer": ("GET ondol:result:x", "SET ondol:result:x y", "XADD ondol:backtests * a b", "SET ondol:arq:warm y"),
    "simulator": ("SET ondol:part:x y", "SET ondol:manifest:x y", "SET ondol:lease:x y", "SET arq:job:x y"),
    "warmer": ("SET ondol:part:x y", "SET ondol:result:x y", "XADD ondol:backtests * a b", "SET ondol:lease:x y"),
}
"""Commands on keys of other services."""


async def s4(context: Context) -> CheckResult:
    """Try forbidden commands as each service's Redis user on both servers."""
    result, system = CheckResult(), context.system
    tried, allowed = 0, []
    for service in acl.SERVICES:
        for role, url in zip(("broker", "cache"), Servers(**system.run["servers"]).urls_of(service), strict=True):
            commands = [*FORBIDDEN, *(tuple(text.split()) for text in OTHERS[service])]
            for command in commands:
                tried += 1
                if not await _is_refused(url, command):
                    allowed.append(f"{service}@{role}: {' '.join(command)}")
    for role in ("broker", "cache"):
        path = system.run["servers"][f"{role}_url"].rpartition("@")[2]
        tried += 1
        if not await _is_refused(f"unix://{path}", ("PING",)):
            allowed.append(f"anonymous@{role}: PING")
    result.add(users=len(acl.SERVICES), tried=tried, allowed=len(allowed))
    result.require(not allowed, f"allowed: {allowed[:8]}")
    return result


async def _is_refused(url: str, command: tuple[str, ...]) -> bool:
    """Return whether the server rejects a command for this user; a plain socket, because clients retry."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_unix_connection(parts.path)
    try:
        if parts.username:
            writer.write(_spoken("AUTH", parts.username, parts.password or ""))
            response = await asyncio.wait_for(reader.readline(), 5)
            if not response.startswith(b"+OK"):
                raise AssertionError(f"{parts.username} cannot log in: {response!r}")
        writer.write(_spoken(*command))
        response = await asyncio.wait_for(reader.readline(), 5)
    finally:
        writer.close()
    return response.startswith((b"-NOPERM", b"-NOAUTH", b"-WRONGPASS", b"-ERR DEBUG command not allowed"))


def _spoken(*words: str) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words)
