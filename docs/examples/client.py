"""A complete client with nothing but the standard library: ask, follow, read, export, compare.

    python docs/examples/client.py http://127.0.0.1:8000 [KEY]
"""

from __future__ import annotations

import csv
import io
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any


class Ondol:
    """The interface at one address, with a key where one is needed."""

    def __init__(self, address: str, key: str | None = None) -> None:
        self.address = address.rstrip("/")
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def open(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request; a problem document becomes an exception that names every mistake."""
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            named["Content-Type"] = "application/json"
        asked = urllib.request.Request(self.address + path, data, {**self.headers, **named}, method=method)
        try:
            return urllib.request.urlopen(asked, timeout=60)
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            mistakes = "; ".join(f"{item['path']}: {item['message']}" for item in problem["errors"])
            raise RuntimeError(f"{problem['title']}: {mistakes or problem['detail']}") from None

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request answered in JSON."""
        with self.open(method, path, body, **headers) as answer:
            return json.load(answer)

    def backtest(self, **request: Any) -> Any:
        """A finished backtest: waits for its end."""
        document = self.call("POST", "/v1/backtests", request, Prefer="wait=30")
        while document["status"] in ("queued", "preparing", "running"):
            for _ in self.events(document["id"]):
                pass
            document = self.call("GET", f"/v1/backtests/{document['id']}")
        if document["status"] != "completed":
            raise RuntimeError(document.get("error", {}).get("detail", document["status"]))
        return document

    def events(self, identity: str, last: str | None = None) -> Iterator[tuple[str, str, Any]]:
        """(id, kind, data) of each event; give the last id to go on where you stopped."""
        headers = {"Last-Event-ID": last} if last else {}
        with self.open("GET", f"/v1/backtests/{identity}/events", None, **headers) as answer:
            event: dict[str, str] = {}
            for line in io.TextIOWrapper(answer, encoding="utf-8"):
                name, _, value = line.rstrip("\n").partition(": ")
                if name:
                    event[name] = value
                elif "event" in event:
                    yield event["id"], event["event"], json.loads(event["data"])
                    event = {}


def main() -> int:
    """Two strategies over the last year of the data, side by side."""
    ondol = Ondol(*sys.argv[1:3])
    dataset = ondol.call("GET", "/v1/datasets/current")
    last = dataset["last_day"]
    window = {"start": max(dataset["first_day"], f"{int(last[:4]) - 1}{last[4:-2]}01"), "end": last}
    cheap = ondol.backtest(strategy={"buy": {"where": "PER < 15", "rank_by": "ROE"}}, **window)
    strong = ondol.backtest(strategy="surge_stocks", **window)

    compared = ondol.call("POST", "/v1/compare", {"ids": [cheap["id"], strong["id"]]})
    for name, item in zip(("cheap", "strong"), compared["items"], strict=True):
        found = item["statistics"]
        print(f"{name:>7}: {found['total_return']:8.2%} in {found['trades']} trades")

    kinds = [kind for _, kind, _ in ondol.events(cheap["id"])]
    print(f"{kinds.count('trade')} trades were sent as events, the last event is {kinds[-1]}")

    with ondol.open("GET", f"/v1/backtests/{cheap['id']}/trades?format=csv") as answer:
        rows = list(csv.DictReader(io.TextIOWrapper(answer, encoding="utf-8-sig")))
    print(f"the first trade: {rows[0]['date']} {rows[0]['side']} {rows[0]['shares']} {rows[0]['name']}")

    where = urllib.parse.urlencode({"where": "PER < 15", "rank_by": "ROE", "limit": 3})
    for item in ondol.call("GET", f"/v1/screen?{where}")["items"]:
        print(f"today's pick {item['rank']}: {item['name']}, ROE {item['value']}")

    try:
        ondol.backtest(strategy={"buy": {"where": "PER < 15 and RO > 3"}}, **window)
    except RuntimeError as error:
        print(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
