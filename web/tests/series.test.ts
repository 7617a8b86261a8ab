import assert from "node:assert/strict";
import { test } from "node:test";
import type { EquityPoint, RoundTrip } from "../src/api/types.ts";
import { rebased } from "../src/screens/compare/compare-chart.tsx";
import { differences } from "../src/screens/compare/differences.tsx";
import { best } from "../src/screens/compare/statistics-table.tsx";
import { drawdowns, gainsByReason, histogram, holdingGroups, rolling, rowOf } from "../src/screens/run/series.ts";

/** Return an equity curve with the fields that the API computes from it. */
function curve(values: number[], benchmark: number[] = values, initial = 100): EquityPoint[] {
  let peak = initial;
  return values.map((equity, at) => {
    peak = Math.max(peak, equity);
    const date = new Date(Date.UTC(2024, 0, 1 + at)).toISOString().slice(0, 10);
    return {
      date, equity, cash: 0, positions: 1, daily_return: equity / (at === 0 ? initial : values[at - 1]!) - 1,
      drawdown: equity / peak - 1, benchmark: benchmark[at]!,
    };
  });
}

test("drawdowns have peak, bottom and recovery, the deepest first", () => {
  const found = drawdowns(curve([110, 99, 105, 110, 120, 60, 90]));
  assert.deepEqual(found.map(({ start, bottom, recovery, rows }) => ({ start, bottom, recovery, rows })), [
    { start: "2024-01-05", bottom: "2024-01-06", recovery: null, rows: 2 },
    { start: "2024-01-01", bottom: "2024-01-02", recovery: "2024-01-04", rows: 3 },
  ]);
  assert.equal(found[0]!.depth, -0.5);
});

test("a fall below the initial cash begins before the first day", () => {
  const [fall] = drawdowns(curve([90, 100]));
  assert.equal(fall!.start, null);
  assert.equal(fall!.recovery, "2024-01-02");
});

test("rolling figures equal plain loops over the same rows", () => {
  const values: number[] = [];
  const market: number[] = [];
  let a = 100;
  let b = 100;
  for (let at = 0; at < 40; at += 1) {
    a *= 1 + Math.sin(at * 1.7) * 0.02;
    b *= 1 + Math.cos(at * 0.9) * 0.015;
    values.push(a);
    market.push(b);
  }
  const rows = 10;
  const found = rolling(curve(values, market), 100, 3, rows);
  assert.equal(found.length, 31);
  const end = 25;
  const returns = Array.from({ length: rows }, (_, at) => values[end - rows + at]! / values[end - rows + at - 1]! - 1);
  const others = Array.from({ length: rows }, (_, at) => market[end - rows + at]! / market[end - rows + at - 1]! - 1);
  const mean = returns.reduce((x, y) => x + y) / rows;
  const otherMean = others.reduce((x, y) => x + y) / rows;
  let variance = 0;
  let covariance = 0;
  let otherVariance = 0;
  returns.forEach((value, at) => {
    variance += (value - mean) ** 2 / (rows - 1);
    covariance += ((value - mean) * (others[at]! - otherMean)) / (rows - 1);
    otherVariance += (others[at]! - otherMean) ** 2 / (rows - 1);
  });
  const point = found[end - rows]!;
  const close = (x: number, y: number) => assert.ok(Math.abs(x - y) < 1e-9, `${x} ${y}`);
  close(point.totalReturn, values[end - 1]! / values[end - rows - 1]! - 1);
  close(point.volatility, Math.sqrt(variance * 252));
  close(point.sharpe!, ((mean - 0.03 / 252) / Math.sqrt(variance)) * Math.sqrt(252));
  close(point.beta!, covariance / otherVariance);
});

test("rolling figures leave out what absent values concern", () => {
  const points = curve(Array.from({ length: 12 }, (_, at) => 100 + at * at), Array.from({ length: 12 }, (_, at) => 100 + (at % 3)));
  points[3]!.daily_return = null;
  points[9]!.benchmark = null;
  const found = rolling(points, 100, 0, 4);
  assert.deepEqual(found.map((each) => each.date), points.slice(7).map((each) => each.date));
  assert.deepEqual(found.map((each) => each.beta === null), [false, false, true, true, true]);
  assert.deepEqual(rolling(curve([100, 100, 100, 100]), 100, 0, 4).map(({ sharpe, beta }) => [sharpe, beta]), [[null, null]]);
});

test("a day is found among points in order", () => {
  const points = curve([1, 2, 3, 4, 5]);
  points.forEach((point, at) => assert.equal(rowOf(points, point.date), at));
  for (const absent of ["2023-12-31", "2024-01-06", "2024-01-02T"]) assert.equal(rowOf(points, absent), -1);
  assert.equal(rowOf([], "2024-01-01"), -1);
});

test("a histogram counts every value once", () => {
  const bins = histogram([-0.004, 0, 0.0049, 0.012], 0.005);
  assert.deepEqual(bins.map((bin) => bin.count), [1, 2, 0, 1]);
  assert.deepEqual(histogram([], 0.005), []);
});

function trip(reason: string, gain: number, days: number, part: number): RoundTrip {
  return { reason, gain, holding_days: days, return: part } as RoundTrip;
}

test("round trips are summed by reason and by holding days", () => {
  const trips = [trip("stop_loss", -5, 3, -0.1), trip("take_profit", 20, 40, 0.2), trip("stop_loss", -1, 10, -0.02)];
  assert.deepEqual(gainsByReason(trips), [{ reason: "take_profit", count: 1, gain: 20 }, { reason: "stop_loss", count: 2, gain: -6 }]);
  assert.deepEqual(holdingGroups(trips).map(({ from, to, count }) => [from, to, count]), [[0, 6, 1], [7, 14, 1], [31, 90, 1]]);
});

test("curves are compared from their first value", () => {
  assert.deepEqual(rebased([null, 100, 110, null]), [null, 0, 0.10000000000000009, null]);
});

test("the best statistic is marked where a direction is better", () => {
  assert.deepEqual([...best([0.1, 0.3, null], "cagr")], [1]);
  assert.deepEqual([...best([-0.1, -0.3], "max_drawdown")], [0]);
  assert.deepEqual([...best([0.1, 0.3], "volatility")], [0]);
  assert.deepEqual([...best([1, 2], "trades")], []);
  assert.deepEqual([...best([1, 1], "sharpe")], []);
});

test("differences list the fields that are not equal", () => {
  const found = differences([{ a: { b: 1, c: [1] }, d: null }, { a: { b: 2, c: [1] }, d: null }]);
  assert.deepEqual(found, [["a.b", ["1", "2"]]]);
});
