import assert from "node:assert/strict";
import { test } from "node:test";
import { correlation, correlations, returnsOf } from "../src/screens/compare/correlation.ts";
import { bySector, exposure } from "../src/screens/run/exposure.ts";
import { matchingEntries } from "../src/app/palette-entries.ts";

test("returns are absent where a value is", () => {
  assert.deepEqual(returnsOf([100, 110, null, 121, 0, 5]), [null, 0.10000000000000009, null, null, -1, null]);
});

test("correlation equals its definition over the days that both have", () => {
  const a = [null, 0.1, -0.2, 0.3, 0.05];
  const b = [0.2, 0.05, -0.1, 0.15, null];
  assert.ok(Math.abs(correlation(a, b)! - 1) < 1e-12); // b is half of a on the common days
  assert.ok(Math.abs(correlation(a, b.map((value) => (value === null ? null : -value)))! + 1) < 1e-12);
  const x = [1, 2, 3, 5], y = [2, 1, 4, 4];
  const mean = (of: number[]) => of.reduce((sum, value) => sum + value) / of.length;
  const covariance = mean(x.map((value, at) => (value - mean(x)) * (y[at]! - mean(y))));
  const deviation = (of: number[]) => Math.sqrt(mean(of.map((value) => (value - mean(of)) ** 2)));
  assert.ok(Math.abs(correlation(x, y)! - covariance / deviation(x) / deviation(y)) < 1e-12);
  assert.equal(correlation([1, 1, 1], [1, 2, 3]), null);
  assert.equal(correlation([1, 2], [1, 2]), null);
});

test("the matrix of correlations is symmetric with ones on its diagonal", () => {
  const matrix = correlations([[100, 101, 99, 105, 104], [50, 52, 51, 50, 53], [10, 9, 9.5, 9.2, 9.8]]);
  matrix.forEach((row, at) => row.forEach((value, other) => assert.ok(Math.abs(value! - (at === other ? 1 : matrix[other]![at]!)) < 1e-12)));
});

test("exposure is the share of the equity that is not cash", () => {
  const point = (equity: number | null, cash: number | null) => ({ date: "2024-01-02", equity, cash }) as never;
  assert.deepEqual(exposure([point(200, 50), point(null, 1), point(0, 0)]).map((each) => each.value), [0.75, undefined, undefined]);
});

test("weights of sectors are values over equity, the largest first, unknown stocks last by their own name", () => {
  const holdings = [{ stock_code: "A", value: 10 }, { stock_code: "B", value: 30 }, { stock_code: "C", value: 25 }] as never;
  assert.deepEqual(bySector(holdings, new Map([["A", "x"], ["C", "x"]]), 100, "?"), [{ sector: "x", weight: 0.35, count: 2 }, { sector: "?", weight: 0.3, count: 1 }]);
  assert.deepEqual(bySector(holdings, new Map(), 0, "?"), []);
});

test("entries of the palette contain every word", () => {
  const entries = [{ label: "Sweeps", detail: "/sweeps" }, { label: "PER", detail: "Price to earnings" }];
  assert.deepEqual(matchingEntries(entries, " EARN price").map((each) => each.label), ["PER"]);
  assert.equal(matchingEntries(entries, "", 1).length, 1);
});
