// Thinning keeps what is seen: extremes, ends and days.
import assert from "node:assert/strict";
import { test } from "node:test";
import { drawn, placeDays } from "../src/charts/thin.ts";

/** Return values of a generator with a seed; every seventh is absent. */
function series(length: number, seed: number) {
  let state = seed;
  return Array.from({ length }, (_, time) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return { time, value: state % 7 === 0 ? undefined : state % 1000 };
  });
}

test("every place keeps its lowest and highest value", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const points = series(1003, seed);
    for (const size of [1, 2, 4, 8, 64, 2048]) {
      const kept = drawn(points, size);
      for (let start = 0; start < points.length; start += size) {
        const all = points.slice(start, start + size).map((each) => each.value);
        const values = all.filter((value) => value !== undefined);
        const seen = all.filter((value, at) => value !== undefined && kept[start + at] === 1) as number[];
        if (values.length === 0) continue;
        assert.equal(Math.min(...seen), Math.min(...values));
        assert.equal(Math.max(...seen), Math.max(...values));
        const ends = start === 0 || start + size >= points.length ? 2 : 0;
        assert.ok(size === 1 || seen.length <= 2 + ends);
      }
      assert.equal(kept.at(0), 1);
      assert.equal(kept.at(-1), 1);
    }
  }
});

test("days share a place only when a pixel has more than two", () => {
  assert.equal(placeDays(2000, 1000), 1);
  assert.equal(placeDays(2001, 1000), 4);
  assert.equal(placeDays(5000, 1000), 8);
  assert.equal(placeDays(7500, 1000), 16);
  assert.equal(placeDays(0, 1000), 1);
  assert.deepEqual([...drawn([], 8)], []);
});
