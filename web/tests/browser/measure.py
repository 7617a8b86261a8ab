"""Measure the web application of a running system in Chromium: `measure.py URL [EDITS]` prints JSON.

Times are of the page's own clock, in ms. Every load has a context of its own, so that its cache is empty. The large
results (10,000 trades, 7,500 days) are the answer for a real backtest whose rows are repeated on the way to the page.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Page, Route, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
LOADS = 5
DAYS = 7_500
TRADES = 10_000
OBSERVERS = """
window.measured = {lcp: 0, cls: 0, events: new Map()};
new PerformanceObserver((list) => { for (const each of list.getEntries()) measured.lcp = each.startTime; })
  .observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver((list) => { for (const each of list.getEntries()) measured.cls += each.value; })
  .observe({type: "layout-shift", buffered: true});
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) if (each.interactionId) {
    measured.events.set(each.interactionId, Math.max(measured.events.get(each.interactionId) ?? 0, each.duration));
  }
}).observe({type: "event", durationThreshold: 16, buffered: true});
window.frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
"""
EDIT = """async (text) => {
  const status = document.querySelector(".preview [role=status]");
  const field = document.querySelectorAll(".builder .rows .row input:not([role=combobox])")[1];
  const done = new Promise((resolve) => {
    let busy = false;
    const observer = new MutationObserver(() => {
      const now = status.closest("section").getAttribute("aria-busy") === "true";
      if (busy && !now) { observer.disconnect(); resolve(); }
      busy = busy || now;
    });
    observer.observe(status.closest("section"), {attributes: true, attributeFilter: ["aria-busy"]});
  });
  const began = performance.now();
  field.value = text;
  field.dispatchEvent(new InputEvent("input", {bubbles: true}));
  await done;
  await frame();
  return performance.now() - began;
}"""
SCROLL = """async () => {
  const box = document.querySelector(".virtual");
  const steps = 120, gaps = [];
  let rows = 0, before = await new Promise(requestAnimationFrame);
  for (let step = 0; step <= steps; step += 1) {
    box.scrollTop = (box.scrollHeight - box.clientHeight) * step / steps;
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - before);
    before = now;
    rows = Math.max(rows, box.querySelectorAll("tbody tr:not(.space)").length);
  }
  return {gaps, rows};
}"""
SORT = """async () => {
  const times = [];
  for (const button of document.querySelectorAll(".virtual thead button")) {
    const began = performance.now();
    button.click();
    await frame();
    times.push(performance.now() - began);
  }
  return times;
}"""


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a request that waits for its result."""
    head = {"Content-Type": "application/json", "Prefer": "wait=60"}
    request = urllib.request.Request(url + "/v1/backtests", json.dumps(body).encode(), head)  # noqa: S310
    with urllib.request.urlopen(request, timeout=90) as answer:  # noqa: S310  the address is this machine's
        return json.load(answer)


def large(run: dict[str, Any]) -> dict[str, Any]:
    """Return the answer with 7,500 days and 10,000 trades, by repeating its rows."""
    result = dict(run["result"])
    equity, trades = result["equity"], result["trades"]
    first = dt.date(1996, 1, 2)
    days = [(first + dt.timedelta(days=at)).isoformat() for at in range(DAYS)]
    result["equity"] = [{**equity[at % len(equity)], "date": day} for at, day in enumerate(days)]
    result["trades"] = [{**trades[at % len(trades)], "date": days[at * DAYS // TRADES]} for at in range(TRADES)]
    return {**run, "result": result}


def selected(run: dict[str, Any], url: str) -> str:
    """Return the answer for the parts and the form that an address asks for, as the API makes it."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    digits = int(query["digits"]) if "digits" in query else None
    parts = query["parts"].split(",") if "parts" in query else list(run["result"])

    def rounded(value: Any) -> Any:
        return float(f"{value:.{digits}g}") if digits and isinstance(value, float) else value

    def part(value: Any) -> Any:
        if query.get("format") != "columns" or not isinstance(value, list) or not value or isinstance(value[0], str):
            return value
        names = dict.fromkeys(name for row in value for name in row)
        return {name: [rounded(row.get(name)) for row in value] for name in names}

    return json.dumps({**run, "result": {name: part(run["result"][name]) for name in parts}}, separators=(",", ":"))


def answer_large(page: Page, run: dict[str, Any]) -> None:
    """Answer requests of a page for a backtest with its large result; each form of it is made once."""
    result = large(run)
    bodies: dict[str, str] = {}

    def answer(route: Route) -> None:
        url = route.request.url
        body = bodies[url] = bodies.get(url) or selected(result, url)
        route.fulfill(status=200, content_type="application/json", body=body)

    page.route(f"**/v1/backtests/{run['id']}?*", answer)


def opened(browser: Browser, url: str, path: str, wait_for: str = "main h1") -> Page:
    """Return a page of an empty cache at a path."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="ko-KR")
    page = context.new_page()
    page.add_init_script(OBSERVERS)
    page.goto(url + path)
    page.locator(wait_for).first.wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle")
    return page


def loads(browser: Browser, url: str, path: str) -> dict[str, list[float]]:
    """Return LCP and CLS of loads with an empty cache."""
    found: dict[str, list[float]] = {"lcp_ms": [], "cls": []}
    for _ in range(LOADS):
        page = opened(browser, url, path)
        page.wait_for_timeout(500)
        found["lcp_ms"].append(page.evaluate("measured.lcp"))
        found["cls"].append(page.evaluate("measured.cls"))
        page.context.close()
    return found


def interactions(browser: Browser, url: str, run: str) -> list[float]:
    """Return the durations of interactions with the tabs, charts and tables of a report."""
    page = opened(browser, url, f"/runs/{run}")
    for at in range(1, 7):
        page.locator(".tabs a").nth(at).click()
        page.wait_for_load_state("networkidle")
    page.locator(".tabs a").nth(2).click()
    page.locator(".virtual thead button").nth(1).click()
    page.locator(".virtual tbody tr").nth(3).click()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(600)
    found: list[float] = page.evaluate("[...measured.events.values()]")
    page.context.close()
    return found


def edits(browser: Browser, url: str, count: int) -> list[float]:
    """Return the times from an edit of a number to the drawn curve of its last year."""
    page = opened(browser, url, "/new", ".preview-figures")
    page.wait_for_timeout(1000)
    found = [page.evaluate(EDIT, str(8 + at * 0.1)) for at in range(count)]
    page.context.close()
    return found


def big(browser: Browser, url: str, run: dict[str, Any]) -> dict[str, Any]:
    """Return the times of a result of 7,500 days and 10,000 trades: drawing, scrolling, sorting."""
    page = opened(browser, url, f"/runs/{run['id']}", ".chart-box canvas")  # the files of the screen are loaded
    answer_large(page, run)
    draws = []
    for _ in range(LOADS):
        page.locator("nav a[href='/runs']").click()
        page.locator("main table").first.wait_for()
        draws.append(page.evaluate("""async (path) => {
          performance.clearResourceTimings();
          history.pushState(null, "", path);
          dispatchEvent(new PopStateEvent("popstate"));
          while (!document.querySelector(".chart-box canvas")) await new Promise(requestAnimationFrame);
          await frame();
          const end = performance.now();
          const answer = performance.getEntriesByType("resource").find((each) => each.name.includes(path.slice(6)));
          return end - answer.responseEnd;
        }""", f"/runs/{run['id']}"))  # fmt: skip
    page.locator(".tabs a").nth(2).click()
    page.locator(".virtual tbody tr").first.wait_for()
    scrolled = page.evaluate(SCROLL)
    sorts = page.evaluate(SORT)
    page.context.close()
    return {"draw_ms": draws, "frame_ms": scrolled["gaps"], "rows": scrolled["rows"], "sort_ms": sorts}


def main(url: str, count: int) -> dict[str, Any]:
    """Measure everything."""
    strategy = {
        "buy": {"where": "PER > 0", "rank_by": "MOMENTUM_1M"},
        "portfolio": {"max_positions": 50, "rebalance": "weekly"},
        "sell": {"on_rebalance": "rotate"},
    }
    run = post(url, {"strategy": strategy, "start": "2024-01-02", "end": "2025-12-30"})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        found = {
            "chromium": browser.version,
            "start": loads(browser, url, "/"),
            "report": loads(browser, url, f"/runs/{run['id']}"),
            "interaction_ms": interactions(browser, url, run["id"]),
            "edit_ms": edits(browser, url, count),
            **big(browser, url, run),
        }
        browser.close()
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 50)))
