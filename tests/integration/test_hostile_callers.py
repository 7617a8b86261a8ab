"""No route of the OpenAPI document discloses or changes an object of another owner: each looks as if it did not exist.

The routes come from the document, so that a new one is tested too. A path with parameters is either in OBJECTS, or in
SHARED with what everybody may read.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import pytest_asyncio
from yarl import URL

from ondol.local import embedded_servers
from services.api.auth import hash_of
from services.api.routes import ROUTES
from shared.infra.database.sql import statements
from shared.settings import Settings
from tests.integration.test_described_answers import REQUESTS
from tests.support.api_helpers import connection_of
from tests.support.api_with_market import FIRST, LAST, request, served
from tests.support.sweeps import sweep
from tests.support.system import Client
from tests.support.walk_forwards import walk_forward

RUNNING = re.compile(rb'"status":"(queued|preparing|running)"')
NUMBER = re.compile(r"-?[0-9.]+(e[+-]?[0-9]+)?")
MARK = "confidential"
"""A part of every text that the owner stores."""
OBJECTS = {
    "/v1/backtests/{id}": "backtest", "/v1/sweeps/{id}": "sweep", "/v1/walk-forwards/{id}": "walk_forward",
    "/v1/accounts/{id}": "account", "/v1/strategies/{id}": "strategy", "/v1/factors/mine/{key}": "factor",
    "/v1/factor-reports/{id}": "report", "/v1/research/{line}": "line",
}  # fmt: skip
"""Beginning of a path -> the object that its first parameter names."""
SHARED = re.compile(r"/v1/(stocks|factors|datasets|rankings|warm-runs)/\{\w+\}.*|/docs/.*|/assets/.*|/(?!v1/).*")
"""Market data, warm runs, and pages of the web application, which are the same for every id."""
PARAMETERS = {"variant": "0", "window": "0", "number": "1"}
QUERY = {"date": LAST, "x": "per", "y": "n"}
"""Values of required query parameters."""
ABSENT = {"strategy": "none_such", "factor": "NONE_SUCH", "line": "none such"}
"""Names that nothing has; ids are new ones."""


@dataclass(frozen=True, kw_only=True)
class World:
    """A system, the objects of its owner by kind, and the headers of the owner and of the others."""

    client: Client
    owned: dict[str, str]
    owner: dict[str, str]
    strangers: dict[str, dict[str, str]]
    described: dict[str, Any]


async def unlimited_key(settings: Settings, role: str) -> dict[str, str]:
    """Return the header of a new key without limits."""
    key, name = f"ondol_{uuid.uuid4().hex}", f"key_{uuid.uuid4().hex}"
    async with connection_of(settings) as connection:
        values = (name, name, hash_of(key), 0.0, 0, role, None, 0)
        await connection.execute(statements("accounts")["insert_key"], *values)
    return {"Authorization": f"Bearer {key}"}


@pytest_asyncio.fixture(scope="module")
async def world(servers: embedded_servers.Servers) -> AsyncIterator[World]:
    async with served(servers) as client:
        owner = await unlimited_key(client.settings, "admin")
        strangers = {role: await unlimited_key(client.settings, role) for role in ("user", "operator")} | {"local": {}}
        header = {**owner, "Prefer": "wait=30"}

        async def made(method: str, path: str, body: Any) -> dict[str, Any]:
            status, found, _ = await client.call(method, path, body, **header)
            assert status in (200, 201, 202), (path, found)
            return dict(found)

        strategy = {"id": f"{MARK}_strategy", "name": MARK, "strategy": request()["strategy"]}
        owned = {
            "strategy": (await made("POST", "/v1/strategies", strategy))["id"],
            "factor": (await made("PUT", f"/v1/factors/mine/{MARK.upper()}", {"expression": "-rank(PBR) * 3"}))["key"],
            "line": f"{MARK} line",
        }
        backtest = await made("POST", "/v1/backtests", request(research=owned["line"]))
        assert backtest["status"] == "completed"
        owned["backtest"] = backtest["id"]
        await made("PATCH", f"/v1/backtests/{backtest['id']}", {"name": MARK, "note": MARK})
        account = {"strategy": request()["strategy"], "start": FIRST, "name": MARK}
        owned["account"] = (await made("POST", "/v1/accounts", account))["id"]
        await made("PUT", f"/v1/accounts/{owned['account']}/webhook", {"url": f"https://1.1.1.1/{MARK}"})
        owned["report"] = (
            await made("POST", "/v1/factor-reports", {"factor": owned["factor"], "start": FIRST, "end": LAST})
        )["id"]
        owned["sweep"] = (await made("POST", "/v1/sweeps", sweep()))["id"]
        owned["walk_forward"] = (await made("POST", "/v1/walk-forwards", walk_forward()))["id"]
        _, described, _ = await client.call("GET", "/openapi.json")
        yield World(client=client, owned=owned, owner=owner, strangers=strangers, described=described)


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (method, path, operation), and HEAD for each GET."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation
            if method == "get":
                yield "HEAD", path, operation


def kind_of(path: str) -> str | None:
    """Return the kind of object that a path names; None: it is shared."""
    found = [kind for start, kind in OBJECTS.items() if path == start or path.startswith(start + "/")]
    return found[0] if found else None


def filled(path: str, operation: dict[str, Any], identity: str) -> str:
    """Return a path with an id as its first parameter, and values of its required query parameters."""
    place = re.sub(r"\{\w+\}", identity.replace(" ", "%20"), path, count=1)
    place = re.sub(r"\{(\w+)\}", lambda found: PARAMETERS[found[1]], place)
    needed = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query" and p.get("required")]
    return place + ("?" + "&".join(f"{name}={QUERY[name]}" for name in needed) if needed else "")


def body_of(method: str, path: str) -> Any:
    """Return a valid body of an operation, so that only its object can be what is refused."""
    bodies = [body for _, body in REQUESTS.get(f"{method} {path}", ()) if body is not None]
    return bodies[0] if bodies else {} if method in ("POST", "PUT", "PATCH") else None


async def answer(client: Client, operation: tuple[str, str, dict[str, Any]], identity: str, **headers: str) -> Any:
    """Return status, document and headers of the answer for an object, without its id and the time."""
    method, path, declared = operation
    async with asyncio.timeout(60):
        status, found, answered = await client.call(
            method, filled(path, declared, identity), body_of(method, path), **headers
        )
    text = found if isinstance(found, bytes) else orjson.dumps(found)
    kept = {name: value for name, value in answered.items() if name not in ("Date", "Content-Length", "Etag")}
    text = re.sub(rb'"created_at":"[^"]*"', b"", text.replace(identity.encode(), b"ID"))
    return status, text, str(kept).replace(identity, "ID")


def test_every_path_with_a_parameter_is_classified() -> None:
    paths = {route.path for route in ROUTES if "{" in route.path}
    assert [path for path in sorted(paths) if kind_of(path) is None and not SHARED.fullmatch(path)] == []


@pytest.mark.parametrize("stranger", ["user", "operator", "local"])
async def test_foreign_objects_look_absent(world: World, stranger: str) -> None:
    before = await settled(world)
    assert before.count(MARK.encode()) >= 15
    tried = 0
    for method, path, operation in operations(world.described):
        kind = kind_of(path)
        if kind is None:
            continue
        tried += 1
        identity, absent = world.owned[kind], ABSENT.get(kind, str(uuid.uuid4()))
        found = [
            await answer(world.client, (method, path, operation), one, **world.strangers[stranger])
            for one in (identity, absent)
        ]
        assert found[0] == found[1], (method, path)
        creates = (method, kind) == ("PUT", "factor")
        assert found[0][0] in ((200, 201) if creates else (404,)) or kind == "factor", (method, path, found[0])
    assert tried > 60
    assert await everything_of(world, world.owner) == before
    assert MARK.encode() not in (await everything_of(world, world.strangers[stranger])).replace(
        MARK.upper().encode(), b""
    )


async def everything_of(world: World, headers: dict[str, str]) -> bytes:
    """Return the answers of all routes without parameters, and of the objects of the owner, to a caller."""
    parts = []
    for method, path, operation in operations(world.described):
        if method != "GET" or not path.startswith("/v1/") or path.endswith("/events"):
            continue
        kind = kind_of(path)
        if kind is None and "{" in path:
            continue
        place = path if kind is None else filled(path, operation, world.owned[kind])
        status, found, _ = await world.client.call("GET", place, **headers)
        if status != 422:
            parts.append(found if isinstance(found, bytes) else orjson.dumps([path, status, found]))
    return re.sub(rb'"(last_used_at|as_of_now|now|progress|scheduled_at|next[a-z_]*)":"?[^,}]*', b"", b"\n".join(parts))


async def settled(world: World) -> bytes:
    """Return everything of the owner when it no longer changes: jobs have ended, variants have their backtests.

    Warm runs are left out: no warmer serves them here.
    """
    async with asyncio.timeout(300):
        found = await everything_of(world, world.owner)
        while True:
            previous, found = found, await everything_of(world, world.owner)
            if found == previous and not RUNNING.search(re.sub(rb'\["/v1/warm-runs".*', b"", found)):
                return found
            await asyncio.sleep(0.2)


REFERENCES: dict[str, tuple[str, str, Any]] = {
    "compare": ("POST", "/v1/compare", {"ids": ["BACKTEST"]}),
    "backtest of a strategy": ("POST", "/v1/backtests", request(strategy="STRATEGY")),
    "backtest of a factor": ("POST", "/v1/backtests", request(buy={"where": "FACTOR > 0"})),
    "sweep of a strategy": ("POST", "/v1/sweeps?dry_run=true", sweep(template=request(strategy="STRATEGY"))),
    "account of a strategy": ("POST", "/v1/accounts", {"strategy": "STRATEGY", "start": FIRST}),
    "screen of a strategy": ("GET", "/v1/screen?strategy=STRATEGY", None),
    "screen of a factor": ("GET", "/v1/screen?where=FACTOR>0", None),
    "values of a factor": ("GET", "/v1/values?fields=FACTOR", None),
    "report of a factor": ("POST", "/v1/factor-reports", {"factor": "FACTOR", "start": FIRST, "end": LAST}),
    "matrix of a factor": ("POST", "/v1/factor-reports/matrix", {"factors": ["FACTOR"], "start": FIRST, "end": LAST}),
    "reports by a factor": ("GET", "/v1/factor-reports?factor=FACTOR", None),
    "check of an expression": ("POST", "/v1/expressions/check", {"text": "FACTOR > 0", "place": "buy.where"}),
    "factor of a factor": ("PUT", "/v1/factors/mine/MY_OWN", {"expression": "FACTOR + 1"}),
    "backtests of a strategy": ("GET", "/v1/backtests?strategy=STRATEGY", None),
}  # fmt: skip
"""Requests that name an object in their query or body."""


@pytest.mark.parametrize("case", REFERENCES)
async def test_foreign_names_in_requests_look_absent(world: World, case: str) -> None:
    method, path, body = REFERENCES[case]
    absent = {**ABSENT, "backtest": str(uuid.uuid4())}
    stranger = await unlimited_key(world.client.settings, "user")
    found = []
    for names in (world.owned, absent):
        text = orjson.dumps([path, body]).decode()
        used = ""
        for kind in ("strategy", "factor", "backtest"):
            if f"{kind.upper()}" in text:
                used, text = names[kind], text.replace(kind.upper(), names[kind])
        place, sent = orjson.loads(text)
        status, answered, _ = await world.client.call(method, place, sent, **stranger)
        found.append((status, orjson.dumps(answered).replace(used.encode(), b"ID")))
    assert found[0] == found[1]
    assert found[0][0] == 422 or found[0][1].count(b'"items":[]') == 1 or b'"ok":false' in found[0][1], found[0]


RAW = {
    "nothing": b"", "half": b'{"a', "array": b"[]", "null": b"null", "text": b'"x"', "nested arrays": b"[" * 100_000,
    "nested objects": b'{"a":' * 50_000, "invalid utf-8": b'{"a":"\xff\xfe"}', "nul": b"\x00", "nan": b'{"a":NaN}',
    "infinity": b'{"a":Infinity}', "huge exponent": b'{"a":1e999999}', "surrogate": b'{"a":"\\ud800"}',
    "mark": b"\xef\xbb\xbf{}", "large": b'{"a":"' + b"a" * 3_000_000 + b'"}', "prototype": b'{"__proto__":{"a":1}}',
}  # fmt: skip
"""Bodies that no operation accepts."""
OPTIONAL = ("nothing", "null")
"""Bodies that mean the defaults, where a body is optional."""


def writing(world: World) -> Iterator[tuple[str, str, str]]:
    """Yield (method, path, filled path) of the operations with a body, for the objects of the owner."""
    for method, path, operation in operations(world.described):
        kind = kind_of(path)
        if "requestBody" in operation and (kind is not None or "{" not in path):
            place = path if kind is None else filled(path, operation, world.owned[kind])
            yield method, path, place


@pytest.mark.parametrize("case", RAW)
async def test_bodies_that_are_no_request_are_refused(world: World, case: str) -> None:
    tried = 0
    for method, path, place in writing(world):
        tried += 1
        status, found, headers = await world.client.call(method, place, raw=RAW[case], **world.owner)
        if case in OPTIONAL and status < 300:
            continue
        assert 400 <= status < 500, (method, path, status, found)
        assert headers["Content-Type"].startswith("application/problem+json"), (method, path, found)
    assert tried >= 20


async def test_repeated_keys_of_a_body_are_refused(world: World) -> None:
    for method, path, place in writing(world):
        body = body_of(method, path)
        if not body:
            continue
        name, value = next(iter(body.items()))
        twice = b"{" + b",".join(orjson.dumps({name: value})[1:-1] for _ in range(2)) + b"}"
        status, found, _ = await world.client.call(method, place, raw=twice, **world.owner)
        assert status in (400, 422), (method, path, status, found)


CONTROLS = ("\x00", "\x1b[2J", "\u202egnp", "\u0085")
TEXTS = (*CONTROLS, "a" * 50_000, "../../etc/passwd", "' or 1=1 --", "%", "=1+1", "\ufeff")
NUMBERS = (b"1e308", b"-1e308", b"9223372036854775808", b"1" + b"0" * 400, b"-0.0", b"1e-320", b"99999999999")


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield (place, value) of the texts and numbers of a body."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, (*at, name))
    elif isinstance(value, list):
        for index, part in enumerate(value[:2]):
            yield from leaves(part, (*at, index))
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield at, value


def replaced(value: Any, at: tuple[Any, ...], text: bytes) -> bytes:
    """Return a body as JSON, with another value at a place."""
    copy = orjson.loads(orjson.dumps(value))
    parent = copy
    for name in at[:-1]:
        parent = parent[name]
    parent[at[-1]] = "\ue000"
    return orjson.dumps(copy).replace('"\ue000"'.encode(), text)


async def test_hostile_values_in_bodies_are_refused_or_harmless(world: World) -> None:
    tried, wrong = 0, []
    for method, path, place in writing(world):
        body = body_of(method, path)
        if not isinstance(body, dict) or path == "/v1/warm-runs":
            continue
        for at, value in leaves(body):
            hostile = [orjson.dumps(text) for text in TEXTS] if isinstance(value, str) else NUMBERS
            for text in hostile:
                tried += 1
                status, found, _ = await world.client.call(method, place, raw=replaced(body, at, text), **world.owner)
                is_control = isinstance(value, str) and orjson.loads(text) in CONTROLS
                if status >= 500 or (is_control and status < 400):
                    wrong.append((method, path, at, text[:40], status, found))
    assert wrong == []
    assert tried > 500


QUERIES = ("", "%00", "%", "%25", "_", "%FF", "NaN", "-1", "1e400", "9" * 40, "..%2F..%2Fetc%2Fpasswd",
           "'%20or%201=1--",
           "x" * 3000, "%ED%A0%80", "%E2%80%AEa", "%0d%0aX-Injected:%201")  # fmt: skip


async def test_hostile_parameters_are_refused_or_harmless(world: World) -> None:
    tried, wrong = 0, []
    for method, path, operation in operations(world.described):
        if method not in ("GET", "DELETE") or path.endswith("/events") or not path.startswith("/v1/"):
            continue
        kind = kind_of(path)
        places = [] if "{" not in path else [re.sub(r"\{\w+\}", text or "%20", path) for text in QUERIES]
        if method == "GET" and (kind is not None or "{" not in path):
            place = path if kind is None else filled(path, operation, world.owned[kind])
            names = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"]
            mark = "&" if "?" in place else "?"
            places += [f"{place}{mark}{name}={text}" for name in (*names, "unknown") for text in QUERIES]
        for place in places:
            tried += 1
            url = URL(world.client.url + place, encoded=True)
            async with world.client.session.request(method, url, headers=world.owner) as response:
                text = await response.read()
                if response.status >= 500 or "X-Injected" in response.headers:
                    wrong.append((method, place, response.status, text))
    assert wrong == []
    assert tried > 1000


async def test_wildcards_in_filters_match_themselves_only(world: World) -> None:
    for text in ("%25", "_", "%25%25", "confidential%25"):
        for path in (f"/v1/backtests?strategy={text}", f"/v1/stocks?query={text}"):
            status, found, _ = await world.client.call("GET", path, **world.owner)
            assert status in (200, 422), path
            assert found.get("items", []) == [], path


async def test_sweep_of_more_combinations_than_64_bits_is_counted(world: World) -> None:
    names = [f"p{number}" for number in range(16)]
    buy = {"where": " and ".join(f"PER > ${name}" for name in names)}
    body = sweep(
        template=request(buy=buy), parameters={name: {"from": 0, "to": 99_000, "step": 1} for name in names},
        search={"method": "random", "runs": 10},
    )  # fmt: skip
    status, quote, _ = await world.client.call("POST", "/v1/sweeps?dry_run=true", body, **world.owner)
    assert (status, quote.get("combinations")) == (200, 2**63 - 1), quote
    status, problem, _ = await world.client.call(
        "POST", "/v1/sweeps?dry_run=true", body | {"search": {"method": "grid"}}, **world.owner
    )
    assert (status, problem["errors"][0]["params"]["count"]) == (422, 2**63 - 1)


async def test_downloads_have_safe_names_and_no_formulas(world: World) -> None:
    tried = 0
    for method, path, operation in operations(world.described):
        kinds = operation["responses"].get("200", {}).get("content", {})
        kind = kind_of(path)
        if method != "GET" or "text/csv" not in kinds or (kind is None and "{" in path):
            continue
        place = path if kind is None else filled(path, operation, world.owned[kind])
        place += ("&" if "?" in place else "?") + "format=csv"
        if path == "/v1/values":
            place += "&fields=-PBR,-rank(PER),close"
        if path == "/v1/screen":
            place += "&columns=-PBR,-rank(PER)"
        status, found, headers = await world.client.call("GET", place, **world.owner)
        assert status == 200, (path, found)
        tried += 1
        assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+\.csv"', headers["Content-Disposition"]), path
        for row in csv.reader(io.StringIO(found.decode("utf-8-sig"))):
            assert not [cell for cell in row if re.match(r"[=+\-@\t\r]", cell) and not NUMBER.fullmatch(cell)], path
    assert tried >= 7


async def test_cookies_without_an_origin_change_nothing(world: World) -> None:
    key = world.owner["Authorization"].removeprefix("Bearer ")
    before = await settled(world)
    for method, path, operation in operations(world.described):
        if method in ("GET", "HEAD") or path == "/v1/session":
            continue
        kind = kind_of(path)
        place = filled(path, operation, world.owned[kind]) if kind else re.sub(r"\{\w+\}", "1", path)
        for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
            status, found, _ = await world.client.call(
                method, place, body_of(method, path), Cookie=f"ondol_session={key}", **origin
            )
            assert status in (401, 403), (method, path, origin, found)
    assert await everything_of(world, world.owner) == before


async def test_foreign_host_reaches_no_route(world: World) -> None:
    for method, path, operation in operations(world.described):
        kind = kind_of(path)
        place = filled(path, operation, world.owned[kind]) if kind else re.sub(r"\{\w+\}", "1", path)
        status, _, _ = await world.client.call(method, place, body_of(method, path), Host="evil.example")
        assert status == 421, (method, path)


async def test_idempotency_key_with_another_body_is_refused(world: World) -> None:
    tried = 0
    for method, path, operation in operations(world.described):
        if not any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", ())):
            continue
        tried += 1
        body = body_of(method, path)
        changed = {"initial_cash": 7_000_000}
        other = body | ({"template": body["template"] | changed} if "template" in body else changed)
        headers = {**world.owner, "Idempotency_Key": uuid.uuid4().hex}
        first = await world.client.call(method, path, body, **headers)
        again = await world.client.call(method, path, body, **headers)
        refused = await world.client.call(method, path, other, **headers)
        stranger = await world.client.call(method, path, other, **{**headers, **world.strangers["user"]})
        assert (first[0] in (200, 202), again[1]["id"], refused[0]) == (True, first[1]["id"], 422), (path, refused[1])
        assert stranger[0] in (200, 202), (path, stranger[1])
        assert stranger[1]["id"] != first[1]["id"]
    assert tried == 3


async def test_own_factor_that_changes_while_it_is_used(world: World) -> None:
    path, definitions = "/v1/factors/mine/RACED", ("-rank(PBR)", "rank(PBR)", "MOMENTUM_1M")
    key = await unlimited_key(world.client.settings, "user")
    truth = {}
    for text in definitions:
        status, found, _ = await world.client.call(
            "POST", "/v1/backtests", request(buy={"rank_by": text}), Prefer="wait=30", **key
        )
        assert status == 200
        truth[found["result"]["provenance"]["result_digest"]] = text
    assert len(truth) == 3
    ended = asyncio.Event()
    statuses: set[int] = set()

    async def change() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            method, body = ("DELETE", None) if number % 4 == 0 else ("PUT", {"expression": definitions[number % 3]})
            statuses.add((await world.client.call(method, path, body, **key))[0])

    async def use(number: int) -> tuple[int, Any]:
        body = request(buy={"rank_by": "RACED"}, initial_cash=100_000_000)
        status, found, _ = await world.client.call(
            "POST", "/v1/backtests", body, Prefer="wait=30", Idempotency_Key=f"raced {number}", **key
        )
        return status, found

    changing = [asyncio.ensure_future(change()) for _ in range(3)]
    used = await asyncio.gather(*(use(number) for number in range(40)))
    ended.set()
    await asyncio.gather(*changing)
    assert statuses <= {200, 201, 204, 404}
    assert {status for status, _ in used} <= {200, 422}
    for status, found in used:
        if status == 200:
            assert found["result"]["provenance"]["result_digest"] in truth, found["request"]
