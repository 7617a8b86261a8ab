import assert from "node:assert/strict";
import { test } from "node:test";
import { newDraft, withValue } from "../src/screens/builder/draft.ts";
import { choiceFor, placesOf, rangeValues, templateOf } from "../src/screens/sweep-new/places.ts";

const RANGE = { first: "2020-01-02", last: "2025-12-30" };
const draft = withValue(newDraft(RANGE), "strategy.buy.where", "PER > 0 and PER < 12.5 and ts_mean(MOMENTUM_3M, 20) > ROE");

test("numbers of expressions are places, numbers inside of names are not", () => {
  const literals = placesOf(draft).filter((each) => each.kind === "literal");
  assert.deepEqual(literals.map((each) => [each.name, each.value]), [["per", 0], ["per_2", 12.5], ["momentum_3m", 20]]);
  assert.equal(new Set(placesOf(draft).map((each) => each.name)).size, placesOf(draft).length);
});

test("chosen places become parameters, several in one expression", () => {
  const places = placesOf(draft);
  const key = (name: string) => places.find((each) => each.name === name)!.key;
  const choice = { from: 5, to: 15, step: 5, none: false, names: "" };
  const chosen = { [key("per")]: choice, [key("per_2")]: choice, [key("momentum_3m")]: choice, [key("stop_loss")]: { ...choice, none: true }, [key("rank")]: { ...choice, names: "PER, ROE ," } };
  const { template, parameters } = templateOf(draft, places, chosen);
  const strategy = template["strategy"] as { buy: Record<string, unknown>; sell: Record<string, unknown> };
  assert.equal(strategy.buy["where"], "PER > $per and PER < $per_2 and ts_mean(MOMENTUM_3M, $momentum_3m) > ROE");
  assert.equal(strategy.buy["rank_by"], "$rank");
  assert.equal(strategy.sell["stop_loss_pct"], "$stop_loss");
  assert.deepEqual(parameters["per"], { from: 5, to: 15, step: 5 });
  assert.deepEqual(parameters["stop_loss"], { values: [5, 10, 15, null] });
  assert.deepEqual(parameters["rank"], { values: ["PER", "ROE"] });
  assert.equal(draft.strategy.buy.where, "PER > 0 and PER < 12.5 and ts_mean(MOMENTUM_3M, 20) > ROE");
});

test("numbers inside of the expression that ranks are left out when the whole is a parameter", () => {
  const ranked = withValue(draft, "strategy.buy.rank_by", "ts_mean(close, 20)");
  const places = placesOf(ranked);
  const chosen = Object.fromEntries(places.filter((each) => each.path === "strategy.buy.rank_by").map((each) => [each.key, choiceFor(each)]));
  assert.deepEqual(Object.keys(templateOf(ranked, places, chosen).parameters), ["rank"]);
});

test("suggested ranges are steps around the value, whole where the field is whole", () => {
  for (const place of placesOf(draft)) {
    const { from, to, step } = choiceFor(place);
    if (place.kind === "names") continue;
    const values = rangeValues(from!, to!, step!);
    assert.ok(values.length === 5 || values.length === 6, place.key);
    if (place.whole) assert.ok(values.every(Number.isInteger), place.key);
    if (place.kind === "number") assert.ok(from! >= 0, place.key);
    assert.ok(typeof place.value !== "number" || values.includes(place.value), place.key);
  }
});

test("ranges are counted in decimal numbers", () => {
  assert.deepEqual(rangeValues(0.1, 0.5, 0.1), [0.1, 0.2, 0.3, 0.4, 0.5]);
  assert.deepEqual(rangeValues(5, 4, 1), []);
});
