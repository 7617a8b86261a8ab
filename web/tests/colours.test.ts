import assert from "node:assert/strict";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { en } from "../src/i18n/en.ts";
import { ko } from "../src/i18n/ko.ts";
import { FORMS } from "../src/screens/run/statistics.ts";

declare const WEB_SOURCES: string;

const css = readFileSync(join(WEB_SOURCES, "styles", "colours.css"), "utf8");

/** Return name -> [light, dark] of the block of a selector. */
function colours(selector: string): Map<string, [string, string]> {
  const block = css.slice(css.indexOf(`${selector} {`)).split("}")[0]!;
  return new Map([...block.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map((m) => [m[1]!, [m[2]!, m[3]!]]));
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}

const base = colours(":root");

test("texts and graphics have the contrast of WCAG 2.2 AA in every palette", () => {
  for (const palette of [":root", ":root[data-colours=\"western\"]", ":root[data-colours=\"safe\"]"]) {
    const all = new Map([...base, ...colours(palette)]);
    for (const mode of [0, 1] as const) {
      const at = (name: string) => all.get(name)![mode];
      for (const text of ["text", "muted", "accent", "up", "down", "benchmark", "warn", "error"]) {
        for (const ground of ["bg", "surface"]) assert.ok(contrast(at(text), at(ground)) >= 4.5, `${palette} ${text} on ${ground} ${mode}`);
      }
      for (const [text, ground] of [["on-accent", "accent"], ["muted", "raised"], ["text", "raised"], ["accent", "accent-soft"], ["warn", "warn-soft"], ["error", "error-soft"], ["up", "raised"], ["down", "raised"], ["up", "accent-soft"], ["down", "accent-soft"]] as const) {
        assert.ok(contrast(at(text), at(ground)) >= 4.5, `${palette} ${text} on ${ground} ${mode}: ${contrast(at(text), at(ground))}`);
      }
      for (const line of ["control", "series-0", "series-1", "series-2", "series-3", "series-4"]) {
        assert.ok(contrast(at(line), at("surface")) >= 3, `${palette} ${line} ${mode}`);
      }
    }
  }
});

test("both catalogues have the same keys and parameters", () => {
  assert.deepEqual(Object.keys(ko).sort(), Object.keys(en).sort());
  for (const key of Object.keys(ko) as (keyof typeof ko)[]) {
    const parameters = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();
    assert.deepEqual(parameters(ko[key]), parameters(en[key]), key);
    assert.ok(ko[key] && en[key], key);
  }
});

test("every statistic has a name and a note in both languages", () => {
  for (const name of Object.keys(FORMS)) {
    for (const catalogue of [ko, en] as Record<string, string>[]) {
      assert.ok(catalogue[`stat.${name}`], name);
      assert.ok(catalogue[`stat.${name}.note`], name);
    }
  }
});

test("no Korean stands outside the Korean catalogue", () => {
  const walk = (folder: string): string[] =>
    readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? walk(path) : [path];
    });
  for (const path of walk(WEB_SOURCES)) {
    if (path.includes(join("i18n", "ko")) || path.endsWith("index.html") || !/\.tsx?$/.test(path)) continue;
    const code = readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    assert.doesNotMatch(code, /\p{Script=Hangul}/u, path);
  }
});
