import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "../src/api/events.ts";
import { errorOf, problemsAt } from "../src/api/problem.ts";
import { asCommand, shellQuoted } from "../src/screens/run/request.tsx";
import { sorted } from "../src/ui/virtual-table.tsx";
import { applySuggestion } from "../src/ui/problem.tsx";

const STREAM = "retry: 2000\n\nid: 1.0\nevent: status\ndata: {\"status\":\"running\"}\n\n: ping\n\nid: 2.3\nevent: completed\ndata: {\"a\":\"b: c\"}\n\n";

test("events are the same however the text is cut", () => {
  const whole = new EventParser().push(STREAM);
  assert.deepEqual(whole.map(({ id, event }) => [id, event]), [["1.0", "status"], ["2.3", "completed"]]);
  assert.deepEqual(whole[1]!.data, { a: "b: c" });
  for (let size = 1; size < 20; size += 1) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) found.push(...parser.push(STREAM.slice(at, at + size)));
    assert.deepEqual(found, whole);
  }
});

test("problem documents become errors with their fields", () => {
  const error = errorOf(422, { title: "Invalid request", type: "urn:ondol:problem:invalid-request", errors: [{ path: "strategy.buy.where", message: "no" }, { path: "start", message: "no" }] }, "3");
  assert.equal(error.code, "invalid-request");
  assert.equal(error.retryAfterS, 3);
  assert.equal(problemsAt(error.fields, "strategy.buy").length, 1);
  assert.equal(problemsAt(error.fields, "star").length, 0);
});

test("a suggestion replaces the word at its place", () => {
  assert.equal(applySuggestion("PER < 5 and\nRO > 3", { path: "", message: "", line: 2, column: 1 }, "ROE"), "PER < 5 and\nROE > 3");
  assert.equal(applySuggestion("가나 > 1 and ROO > 1", { path: "", message: "", line: 1, column: 12 }, "ROE"), "가나 > 1 and ROE > 1");
});

test("rows without a value are last in both directions, and equal rows keep their order", () => {
  const rows = [{ v: 2, n: "a" }, { v: null, n: "b" }, { v: 1, n: "c" }, { v: 2, n: "d" }];
  assert.deepEqual(sorted(rows, (row) => row.v, false).map((row) => row.n).join(""), "cadb");
  assert.deepEqual(sorted(rows, (row) => row.v, true).map((row) => row.n).join(""), "adcb");
});

test("texts are quoted for a shell", () => {
  assert.equal(shellQuoted("it's"), "'it'\\''s'");
  assert.ok(asCommand({ a: "x' y" }, "http://h").startsWith("printf '%s' '{\"a\":\"x'\\'' y\"}' > request.json"));
});
