import assert from "node:assert/strict";
import { test } from "node:test";
import { pythonLiteral } from "../src/screens/builder/as-python.ts";
import { choicesOf, matching } from "../src/screens/builder/completion.ts";
import { draftOfStrategy, isDraft, newDraft, previewOf, withValue } from "../src/screens/builder/draft.ts";
import { changed } from "../src/screens/builder/history.ts";
import { conditionOf, rowsOf } from "../src/screens/builder/rows.ts";
import type { Language as Words, StrategyDocument, TreeNode } from "../src/api/types.ts";

const RANGE = { first: "2020-01-02", last: "2025-12-30" };
const leaf = (text: string): TreeNode => ({ op: "field", name: text, text });
const compared = (text: string, ...sides: string[]): TreeNode => ({ op: "compare", operators: ["<"], args: sides.map(leaf), text });

test("rows of a tree give its condition back", () => {
  const both = compared("PER < 10", "PER", "10");
  const chained: TreeNode = { op: "compare", operators: ["<", "<"], args: [leaf("0"), leaf("PEG"), leaf("2")], text: "0 < PEG < 2" };
  const either: TreeNode = { op: "or", args: [both, chained], text: "PER < 10 or 0 < PEG < 2" };
  const rows = rowsOf({ op: "and", args: [both, chained, either], text: "" })!;
  assert.deepEqual(rows[0], { kind: "comparison", left: "PER", operator: "<", right: "10" });
  assert.equal(conditionOf(rows), "PER < 10 and 0 < PEG < 2 and (PER < 10 or 0 < PEG < 2)");
});

test("incomplete rows are left out of the condition", () => {
  assert.equal(conditionOf([{ kind: "comparison", left: "PER", operator: "<", right: " " }]), null);
  assert.equal(conditionOf([{ kind: "comparison", left: "", operator: "<", right: "" }, { kind: "text", text: " not PER < 1 " }]), "not PER < 1");
});

test("words are found by Korean and English names, the nearest first", () => {
  const words = {
    fields: [
      { name: "ROE", kind: "factor", name_ko: "자기자본이익률", name_en: "Return on equity", help_ko: "", help_en: "", aliases: [] },
      { name: "GROE", kind: "factor", name_ko: "", name_en: "", help_ko: "", help_en: "", aliases: [] },
    ],
    functions: [{ name: "ts_mean", signature: "ts_mean(x, n)", aliases: ["이동평균"], help_ko: "", help_en: "mean" }],
    keywords: [{ keyword: "and", aliases: ["그리고"] }],
  } as unknown as Words;
  const choices = choicesOf(words, "ko");
  assert.deepEqual(matching(choices, "이동평").map((each) => each.insert), ["ts_mean("]);
  assert.deepEqual(matching(choices, "자기 자본").map((each) => each.insert), ["ROE"]);
  assert.deepEqual(matching(choices, "roe").map((each) => each.insert), ["ROE", "GROE"]);
  assert.equal(matching(choices, "").length, choices.length);
});

test("fields that another field excludes go back to their defaults", () => {
  let draft = newDraft(RANGE);
  draft = withValue(draft, "strategy.portfolio.position_pct", 7);
  draft = withValue(draft, "strategy.sell.on_rebalance", "reweight");
  assert.equal(draft.strategy.portfolio.position_pct, null);
  draft = withValue(draft, "strategy.portfolio.invest", "full");
  draft = withValue(draft, "strategy.portfolio.keep_rank", 5);
  assert.equal(draft.strategy.portfolio.keep_rank, draft.strategy.portfolio.max_positions);
  draft = withValue(draft, "strategy.sell.on_rebalance", "hold");
  assert.deepEqual([draft.strategy.portfolio.invest, draft.strategy.portfolio.keep_rank], ["slots", null]);
});

test("the preview is the last year, or the whole of a shorter window", () => {
  const draft = newDraft(RANGE);
  assert.equal(draft.start, "2022-12-30");
  assert.equal(previewOf(draft).start, "2024-12-30");
  assert.equal(previewOf({ ...draft, start: "2025-03-03" }).start, "2025-03-03");
});

test("a stored strategy changes the defaults and keeps its window in the data", () => {
  const stored = { strategy: { buy: { where: "PER < 5" } }, costs: { commission_pct: 0.2 }, period_days: 10_000 } as unknown as StrategyDocument;
  const draft = draftOfStrategy(stored, RANGE);
  assert.equal(draft.start, RANGE.first);
  assert.deepEqual([draft.strategy.buy.where, draft.strategy.buy.rank_by, draft.costs.commission_pct], ["PER < 5", "MARKET_CAP", 0.2]);
  assert.ok(isDraft(draft));
  assert.ok(!isDraft({ strategy: { buy: {} } }));
});

test("typing in one field is one step of undo", () => {
  const draft = newDraft(RANGE);
  let history = { past: [], present: draft, future: [], path: null } as Parameters<typeof changed>[0];
  for (const value of [1, 12, 123]) history = changed(history, "strategy.portfolio.max_positions", withValue(draft, "strategy.portfolio.max_positions", value));
  assert.equal(history.past.length, 1);
  assert.equal(history.past[0], draft);
  assert.equal(history.present.strategy.portfolio.max_positions, 123);
});

test("requests become Python literals", () => {
  assert.equal(pythonLiteral({ a: null, b: [true, "x\"y"], c: {} }), '{\n    "a": None,\n    "b": [True, "x\\"y"],\n    "c": {},\n}');
});
