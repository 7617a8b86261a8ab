import assert from "node:assert/strict";
import { test } from "node:test";
import { isEvidence, leastP, matrixBody } from "../src/screens/factor-matrix/page.tsx";
import type { MatrixCell, MatrixFactor } from "../src/api/types.ts";
import { partsOf, placedParts, placedProblem } from "../src/screens/builder/expression-list.ts";
import { rangeText } from "../src/screens/sweep-new/places.ts";
import { interval } from "../src/screens/lines/figure.tsx";
import { growthLine } from "../src/screens/walk-forward/growth.ts";
import { stitchedWarnings } from "../src/screens/walk-forward/stitched.tsx";

test("constant growth reaches the annual growth after 252 rows", () => {
  const line = growthLine(100, 0.21, 504);
  assert.equal(line.length, 504);
  assert.ok(Math.abs(line[251]! - 121) < 1e-9);
  assert.ok(Math.abs(line[503]! - 146.41) < 1e-9);
});

test("warnings of the stitched account follow its t, interval and ranks", () => {
  const intervals = { confidence: 0.9, block_rows: 5, sharpe: [0.1, 1], sharpe_studentised: [0.1, 1], cagr: [0, 1], max_drawdown: [-1, 0] };
  assert.deepEqual(stitchedWarnings({ t: 2, intervals, below_middle: 0.4 }), []);
  assert.deepEqual(
    stitchedWarnings({ t: 1.9, intervals: { ...intervals, sharpe_studentised: [-0.1, 1] }, below_middle: 0.5 }),
    ["walk.warn.t", "walk.warn.zero", "walk.warn.middle"],
  );
  assert.deepEqual(stitchedWarnings({ t: null, intervals: null, below_middle: null }), []);
});

test("an interval is in order, and one number when its ends look the same", () => {
  const text = (value: number) => value.toFixed(1);
  assert.equal(interval([2, 1], text), "1.0 – 2.0");
  assert.equal(interval([1.01, 1.02], text), "1.0");
  assert.equal(interval([null, 3], text), "3.0");
  assert.equal(interval(null, text), "–");
});

test("ranges of parameters are text", () => {
  assert.equal(rangeText({ from: 4, to: 20, step: 2 }), "4 – 20 (2)");
  assert.equal(rangeText({ values: [5, 7.5, "PER"] }), "5, 7.5, PER");
});

test("parts of a text end at commas outside parentheses", () => {
  assert.deepEqual(partsOf("log(MARKET_CAP), clip(PER, 0, 50),, PBR"), ["log(MARKET_CAP)", "clip(PER, 0, 50)", "PBR"]);
  assert.deepEqual(partsOf(" "), []);
});

test("a problem of a part is at its place in the whole text", () => {
  const whole = "log(MARKET_CAP),\n  PERR";
  const [, part] = placedParts(whole);
  assert.deepEqual(part, { text: "PERR", at: whole.indexOf("PERR") });
  const placed = (line: number | null) => placedProblem({ path: "", message: "", line, column: 1 }, whole, part!.at);
  assert.deepEqual([placed(1).line, placed(1).column, placed(2).line, placed(2).column, placed(null).line], [2, 3, 3, 1, null]);
});

test("a figure of the matrix is evidence by its adjusted p, and only in the whole", () => {
  const cell = (horizon: number, p_holm: number | null) => ({ horizon, p_holm }) as MatrixCell;
  assert.equal(isEvidence(cell(1, 0.049), true), true);
  assert.equal(isEvidence(cell(1, 0.049), false), false);
  assert.equal(isEvidence(cell(1, 0.05), true), false);
  assert.equal(isEvidence(cell(1, null), true), false);
  const factor = (...of: (number | null)[]) => ({ factor: "PER", failure: null, horizons: of.map((p, at) => cell(at + 1, p)) }) as MatrixFactor;
  assert.equal(leastP(factor(0.4, null, 0.02)), 0.02);
  assert.equal(leastP(factor(null)), null);
});

test("the request of a matrix has every factor without a list", () => {
  const settings = { start: "2024-01-02", end: "2024-12-30", horizons: "1, 20", neutral: "none" as const, factors: " ", research: " " };
  assert.deepEqual(matrixBody(settings), { start: "2024-01-02", end: "2024-12-30", neutral: "none", horizons: [1, 20], factors: null, research: null });
  assert.equal(matrixBody({ ...settings, research: " value line " }).research, "value line");
  assert.deepEqual(matrixBody({ ...settings, factors: "PER, max(PBR, 1)" }).factors, ["PER", "max(PBR, 1)"]);
});
