import assert from "node:assert/strict";
import { test } from "node:test";
import { decoded, encoded } from "../src/screens/shared/link.ts";

test("a shared backtest comes back from its link, which needs no escapes", async () => {
  const shared = { request: { strategy: { buy: { where: "PER < 10 그리고 ROE > 5" } }, start: "2024-01-02", dataset: "a".repeat(32) }, digest: "f".repeat(64) };
  const text = await encoded(shared);
  assert.match(text, /^[\w-]+$/);
  assert.deepEqual(await decoded(text), shared);
});

test("damaged links are refused", async () => {
  const text = await encoded({ request: {}, digest: "x" });
  for (const damaged of ["", "?", text.slice(0, -6), await encoded({ request: {} } as never)]) assert.equal(await decoded(damaged), null);
});
