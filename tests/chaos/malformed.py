"""S1, S2: malformed requests and expressions."""

from __future__ import annotations

import asyncio
import copy
import json
import random
import sys
import time
from collections import Counter
from typing import Any, Literal

import aiohttp

from shared.errors import RequestError
from shared.language import compile_expression
from tests.chaos.caller import requests
from tests.chaos.results import CheckResult, Context

NASTY: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, -0.0, 1e308, 10**18, 2**63, -(2**63) - 1, "", " ", "\x00", "a" * 5000, "٣", "\u202ex", "2024-02-30",
    "9999-12-31", "0000-00-00", [], {}, [[]], {"": None}, [None] * 2000, "PER <", "rank(" * 500, {"id": "peter_lynch"},
    "../../etc/passwd", "' or 1=1 --", "%00", "1e999", float(2**53),
)  # fmt: skip
RAW: tuple[bytes, ...] = (
    b"", b" ", b"{", b"[", b"null", b"0", b'"x"', b"{}", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe{}", b"\x00",
    b'{"strategy": NaN}', b'{"start": "2024-01-01", "start": 1}', b'{"a": "\\ud800"}', b'{"a": 1e999999}', b"\xef\xbb\xbf{}",
)  # fmt: skip
KINDS = (
    "application/json",
    "text/plain",
    "application/json; charset=utf-7",
    "multipart/form-data",
    "",
    "application/xml",
)


def mutated(dice: random.Random, value: Any) -> Any:
    """Return the value with one random mutation."""
    value = copy.deepcopy(value)
    place: Any = value
    while True:
        if not isinstance(place, dict) or not place:
            return dice.choice(NASTY)
        key = dice.choice(list(place))
        act = dice.random()
        if isinstance(place[key], dict) and place[key] and act < 0.6:
            place = place[key]
            continue
        if act < 0.15:
            del place[key]
        elif act < 0.3:
            place[dice.choice(["__class__", "x" * 300, "", "$where", "constructor"])] = dice.choice(NASTY)
        else:
            place[key] = dice.choice(NASTY)
        return value


def one_request(
    dice: random.Random, described: dict[str, Any], body: dict[str, Any]
) -> tuple[str, str, bytes, dict[str, str]]:
    """Return method, path, body and headers of a malformed request."""
    path = dice.choice(list(described["paths"]))
    method = dice.choice(list(described["paths"][path]))
    filled = path
    while "{" in filled:
        begin, end = filled.index("{"), filled.index("}")
        word = dice.choice(
            ["0", "x", "%00", "..%2f..", "9" * 400, "00000000-0000-0000-0000-000000000000", "-1", "%F0%9F%98%80"]
        )
        filled = filled[:begin] + word + filled[end + 1 :]
    operation = described["paths"][path][method]
    names = [p["name"] for p in operation.get("parameters", []) if p.get("in") == "query"] + [
        "limit",
        "cursor",
        "nothing",
    ]
    if method == "get":
        chosen = dice.sample(names, min(len(names), dice.randint(0, 3)))
        texts = ["", "-1", "99999999999999999999", "%00", "x" * 3000, "NaN", "2024-13-45", "PER%20%3C", "eyJ", "a&a=b"]
        filled += "?" + "&".join(f"{name}={dice.choice(texts)}" for name in chosen)
        return method, filled, b"", {}
    raw = dice.choice(RAW) if dice.random() < 0.3 else json.dumps(mutated(dice, body)).encode()
    headers = {"Content-Type": dice.choice(KINDS) if dice.random() < 0.2 else "application/json"}
    if dice.random() < 0.1:
        headers["Prefer"] = dice.choice(["wait=-1", "wait=x", "wait=99999999999999999999", "wait=0", ";;;"])
    if dice.random() < 0.1:
        headers["Idempotency-Key"] = dice.choice(["", "x" * 300, "ключ", " "])
    if dice.random() < 0.05:
        headers["Authorization"] = dice.choice(["Bearer", "Bearer x", "Basic eA==", "Bearer " + "y" * 5000])
    return method, filled, raw, headers


async def s1(context: Context) -> CheckResult:
    """Send malformed requests to all routes of the OpenAPI document."""
    result, system, count = CheckResult(), context.system, context.count(10_000, 1500)
    dice, statuses, took, bad = random.Random(context.seed), Counter[int](), [], []
    body = requests(1, context.seed, context.start, context.end)[0]
    gate = asyncio.Semaphore(4)
    limit = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=limit) as session:
        async with session.get(system.url + "/openapi.json") as response:
            described = await response.json(content_type=None)
        for path in ("/v1/backtests/{id}/events", "/v1/warm-runs/{id}/events", "/metrics"):
            described["paths"].pop(path, None)  # an endless stream, excluded from the latencies

        async def send(method: str, path: str, raw: bytes, headers: dict[str, str]) -> None:
            async with gate:
                began = time.perf_counter()
                try:
                    async with session.request(
                        method.upper(),
                        system.url + path,
                        data=raw or None,
                        headers=headers,
                        skip_auto_headers=["Content-Type"],
                    ) as response:
                        await response.read()
                        status = response.status
                except (aiohttp.ClientError, ValueError):
                    status = 0  # rejected by the HTTP client: an invalid line or header
                took.append(time.perf_counter() - began)
                statuses[status] += 1
                if status >= 500:
                    bad.append(f"{method} {path[:80]} {raw[:120]!r} {headers} -> {status}")

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                method, path, raw, headers = one_request(dice, described, body)
                if path == "/v1/warm-runs" and method == "post":
                    continue
                group.create_task(send(method, path, raw, headers))
    took.sort()
    p99 = took[int(len(took) * 0.99)]
    result.add(sent=len(took), statuses=dict(sorted(statuses.items())), p99_ms=p99 * 1e3)
    result.require(not bad, f"{len(bad)} responses of 5xx, such as {bad[:3]}")
    result.require_in_time(p99 < 0.2, f"p99 {p99 * 1e3:.0f} ms")
    return result


WORDS = (
    "PER", "ROE", "close", "volume", "MOMENTUM_3M", "market", "sector", "rank", "pct_rank", "ts_mean", "ts_corr", "lag", "if",
    "ema", "abs", "min", "max", "zscore", "and", "or", "not", "in", "between", "is", "null", "true", "(", ")", "(", ")", ",",
    "+", "-", "*", "/", "<", ">", "<=", "==", "!=", "0", "1", "20", "1e308", "1e999", "0.1", "-1", "'KOSPI'", '"x"', ".", "[",
    "]", "{", "}", "__class__", "__import__", "eval", "exec", "open", "lambda", ":", ";", "\n", "\x00", "가", "**", "//", "%",
)  # fmt: skip
ESCAPES = (
    "__import__('os').system('id')", "().__class__.__bases__[0].__subclasses__()", "eval('1')", "exec('import os')",
    "open('/etc/passwd')", "close.__class__", "close.__globals__['x']", "lambda: 1", "[x for x in (1,)]", "{1: 2}",
    "f'{close}'", "getattr(close, 'x')", "globals()", "locals()", "vars()", "breakpoint()", "compile('1', '', 'eval')",
    "print(1)", "PER if True else ROE", "(lambda: close)()", "close := 1", "import os", "os.system('x')", "`id`", "$(id)",
    "{{7*7}}", "${7*7}", "'; drop table backtest; --", "close; 1", "close\nimport os", "\u202eclose", "ｃｌｏｓｅ", "cl\u200bose",
    "a" * 100_000, "(" * 10_000, "not " * 5000 + "true", " and ".join(["PER < 1"] * 100_000), "1" * 10_000, "-" * 5000 + "1",
    "rank(" * 1000 + "PER" + ")" * 1000,
)  # fmt: skip
FORBIDDEN = frozenset(
    {"exec", "compile", "open", "os.system", "subprocess.Popen", "socket.connect", "ctypes.dlopen", "import"}
)
_seen: Counter[str] = Counter()
_watching = [False]


def _audit(event: str, _: tuple[Any, ...]) -> None:
    if _watching[0] and event in FORBIDDEN:
        _seen[event] += 1


def generated(dice: random.Random) -> str:
    """Return an expression-like text: random tokens, or a valid expression with a mutation."""
    if dice.random() < 0.5:
        return " ".join(dice.choice(WORDS) for _ in range(dice.randint(1, 40)))
    text = dice.choice(
        ["PER < 10 and ROE > 5", "pct_rank(PER) < 0.3 or close > ts_mean(close, 20)", "rank(close / lag(close, 5))"]
    )
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(text) + 1)
        text = text[:place] + dice.choice(WORDS) + text[place + dice.randint(0, 3) :]
    return text


def _compiled(text: str, role: Literal["condition", "number"]) -> tuple[str, float]:
    """Return the outcome of an expression and the CPU seconds of this thread, without caches."""
    compile_expression.cache_clear()
    _watching[0] = True
    began = time.thread_time()
    try:
        compile_expression(text, role=role, path="x")
        outcome = "accepted"
    except RequestError:
        outcome = "refused"
    except Exception as error:
        outcome = type(error).__name__
    took = time.thread_time() - began
    _watching[0] = False
    return outcome, took


MOST_S = 0.05


async def s2(context: Context) -> CheckResult:
    """Compile generated expressions and escape attempts under a Python audit hook."""
    result, count = CheckResult(), context.count(100_000, 5000)
    dice = random.Random(context.seed)
    sys.addaudithook(_audit)
    wrapped = ["{}", "({}) > 1", "rank({}) < 3", "not ({})", "PER < 1 and {}"]
    texts = [form.format(escape) for escape in ESCAPES for form in wrapped]
    texts += [generated(dice) for _ in range(count)]
    for role in ("condition", "number"):
        compile_expression(
            "PER < 1" if role == "condition" else "PER", role=role, path="x"
        )  # imports before the audit hook is active
    outcomes, slowest, worst = Counter[str](), 0.0, ""
    _seen.clear()
    for number, text in enumerate(texts):
        role: Literal["condition", "number"] = "condition" if number % 3 else "number"
        outcome, took = _compiled(text, role)
        outcomes[outcome] += 1
        result.require(outcome in ("accepted", "refused"), f"{outcome} for {text[:80]!r}")
        if took > MOST_S:  # repeated to exclude a stall of the machine
            took = min(took, *(_compiled(text, role)[1] for _ in range(3)))
        if took > slowest:
            slowest, worst = took, text[:60]
        if number % 500 == 0:
            await asyncio.sleep(0)
    result.add(
        expressions=count, escapes=len(ESCAPES) * len(wrapped), outcomes=dict(outcomes), slowest_ms=slowest * 1e3,
        events=dict(_seen),
    )  # fmt: skip
    result.require(not _seen, f"reached {dict(_seen)}")
    result.require_in_time(slowest <= MOST_S, f"{slowest * 1e3:.0f} ms for {worst!r}")
    return result
