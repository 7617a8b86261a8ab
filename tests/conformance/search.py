"""Search random markets and requests for differences between the engine and the reference (`make search`).

What it finds belongs into `tests/data/found_requests.json` as [market seed, request seed] and stays a test.
"""

from __future__ import annotations

import argparse
import random
import time

from shared.simulation import ranking_cache
from tests.conformance.comparison import differences, engine_result, reference_result
from tests.reference import engine
from tests.reference.market import read
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

REQUESTS_PER_MARKET = 10
FIRST_SEED = 10_000
"""Lower seeds are those of the fixed tests."""


def search(seconds: float, seed: int) -> int:
    """Run until the time is up, print every difference with its seeds, and return how many requests differ."""
    ranking_cache.MIN_USES_CANDIDATES = ranking_cache.MIN_USES_ORDER  # the third run of a request uses them
    until = time.monotonic() + seconds
    market_seed = max(seed, FIRST_SEED)
    compared = different = 0
    while time.monotonic() < until:
        market = random_market(market_seed)
        loaded, panels = read(market), panels_of(market)
        for turn in range(REQUESTS_PER_MARKET):
            request_seed = market_seed * 100 + turn
            request = random_request(request_seed, market)
            expected = reference_result(loaded, request)
            found = differences(engine_result(panels, request), expected)
            compared += 1
            if found and isinstance(expected, dict):
                moved = engine.backtest(loaded, request, random.Random(0))
                if moved["trades"] != expected["trades"]:
                    continue  # the last bit of an expression decides a trade
            if found:
                different += 1
                print(f"[{market_seed}, {request_seed}]: {'; '.join(found)[:600]}", flush=True)
        market_seed += 1
    print(f"{compared} requests on {market_seed - max(seed, FIRST_SEED)} markets from seed {seed}: {different} differ")
    return different


def main() -> int:
    """Read the arguments and search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300, help="how long to search (default 300)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(FIRST_SEED, 10**7))
    arguments = parser.parse_args()
    return 1 if search(arguments.seconds, arguments.seed) else 0


if __name__ == "__main__":
    raise SystemExit(main())
