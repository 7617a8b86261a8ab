import assert from "node:assert/strict";
import { test } from "node:test";
import { addDays, daysBetween, instant, yearsBefore } from "../src/format/date.ts";
import { bytes, duration, figure, number, percent, shortWon, signed, signedPercent, won } from "../src/format/number.ts";

test("numbers have separators, a true minus, and no negative zero", () => {
  assert.equal(number(1234567.891, 2), "1,234,567.89");
  assert.equal(number(-3), "−3");
  assert.equal(number(-0.001, 2), "0.00");
  assert.equal(number(null), "–");
  assert.equal(number(Number.NaN), "–");
});

test("signs stand in front of what is shown as more or less than zero", () => {
  assert.equal(signed(3), "+3");
  assert.equal(signed(0.0001, 2), "0.00");
  assert.equal(signedPercent(0.1234), "+12.34%");
  assert.equal(percent(-0.05, 1), "−5.0%");
  assert.equal(percent(undefined), "–");
});

test("won are shown in the two largest Korean units", () => {
  const cases: [number, string][] = [
    [0, "0원"], [9999, "9,999원"], [10_000, "1만원"], [12_345_678, "1,235만원"], [100_000_000, "1억원"],
    [123_450_000, "1억 2,345만원"], [199_999_999, "2억원"], [1_500_000_000_000, "1조 5,000억원"], [-250_000_000, "−2억 5,000만원"],
  ];
  for (const [value, text] of cases) assert.equal(shortWon(value, "ko"), text);
  assert.equal(shortWon(123_450_000, "en"), "₩123.45M");
  assert.equal(shortWon(-1_000_000_000, "en"), "−₩1B");
  assert.equal(won(-5, "en"), "−₩5");
  assert.equal(won(1000, "ko"), "1,000원");
});

test("values of factors have few digits", () => {
  assert.equal(figure(9.799747943878174), "9.8");
  assert.equal(figure(0.0770481), "0.07705");
  assert.equal(figure(18166.95), "18,167");
  assert.equal(figure(null), "–");
});

test("sizes and times have their units", () => {
  assert.equal(bytes(512), "512 B");
  assert.equal(bytes(21_107_400), "20.1 MiB");
  assert.equal(duration(2.327), "2.3 ms");
  assert.equal(duration(86), "86 ms");
  assert.equal(duration(1500), "1.5 s");
});

test("dates are those of Korea, and a leap day has a day a year before", () => {
  assert.equal(instant("2026-11-28T20:12:00Z"), "2026-11-29 05:12 KST");
  assert.equal(instant(null), "–");
  assert.equal(yearsBefore("2024-02-29", 1), "2023-02-28");
  assert.equal(yearsBefore("2025-12-30", 3), "2022-12-30");
  assert.equal(addDays("2024-02-28", 2), "2024-03-01");
  assert.equal(daysBetween("2024-01-01", "2025-01-01"), 366);
});
