// The numbers of a strategy that a sweep can vary, and the request of a sweep that varies some of them.
import type * as schema from "../../api/schema.ts";
import type { TextKey } from "../../i18n/index.ts";
import type { Draft } from "../builder/draft.ts";
import { parameterText } from "../sweep/parameter-text.ts";

export interface Place {
  /** Path of the field in a backtest request; numbers of an expression have `:` and their position behind it. */
  key: string;
  path: string;
  title: TextKey;
  kind: "literal" | "number" | "names";
  /** What stands there; null: the rule is off. */
  value: number | string | null;
  /** Position of a literal in its expression. */
  at: number;
  /** Text of the expression before and after a literal. */
  context: readonly [string, string];
  /** Name of the parameter. */
  name: string;
  whole: boolean;
  /** Whether null, the rule being off, is a value too. */
  nullable: boolean;
}

/** The values of a chosen place. */
export interface Choice {
  from: number | null;
  to: number | null;
  step: number | null;
  /** Whether the variants without the rule are run too. */
  none: boolean;
  /** Names of factors, for the number that ranks. */
  names: string;
}

const EXPRESSIONS: readonly (readonly [string, TextKey])[] = [
  ["strategy.buy.where", "builder.buy.where"],
  ["strategy.buy.rank_by", "builder.rank_by"],
  ["strategy.sell.where", "builder.sell.where"],
  ["strategy.portfolio.when", "builder.when"],
  ["strategy.universe.where", "builder.universe.where"],
];
const NUMBERS: readonly (readonly [string, TextKey, boolean, boolean])[] = [
  ["strategy.sell.stop_loss_pct", "builder.stop_loss", false, true],
  ["strategy.sell.take_profit_pct", "builder.take_profit", false, true],
  ["strategy.sell.trailing_stop_pct", "builder.trailing_stop", false, true],
  ["strategy.sell.max_hold_days", "builder.max_hold", true, true],
  ["strategy.sell.min_hold_days", "builder.min_hold", true, false],
  ["strategy.portfolio.max_positions", "builder.max_positions", true, false],
  ["strategy.portfolio.keep_rank", "builder.keep_rank", true, true],
  ["strategy.portfolio.stop_drawdown_pct", "builder.stop_drawdown", false, true],
  ["costs.slippage_pct", "builder.slippage", false, false],
];
const RANK = "strategy.buy.rank_by";

/** Return the value at a path such as `strategy.buy.where`. */
function valueAt(of: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((part, name) => (part as Record<string, unknown> | null)?.[name], of);
}

/** Return the name of a parameter for a number: the word in front of it, or a fallback. */
function wordBefore(text: string, fallback: string): string {
  const words = text.match(/[A-Za-z][A-Za-z0-9_]*/g)?.filter((each) => !["and", "or", "not"].includes(each.toLowerCase()));
  return (words?.at(-1) ?? fallback).toLowerCase().slice(0, 26);
}

function cutAfter(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40).replace(/\S*$/, "")}…` : text;
}

/** Return the numbers of a draft that can be varied, each with a name of its own. */
export function placesOf(draft: Draft): Place[] {
  const found: Place[] = [];
  const taken = new Set<string>();
  const unique = (wanted: string): string => {
    let name = wanted;
    for (let n = 2; taken.has(name); n += 1) name = `${wanted}_${n}`;
    taken.add(name);
    return name;
  };
  for (const [path, title] of EXPRESSIONS) {
    const text = valueAt(draft, path);
    if (typeof text !== "string") continue;
    for (const number of text.matchAll(/(?<![\p{L}\p{N}_.$])\d+(?:\.\d+)?(?![\p{L}\p{N}_.])/gu)) {
      const before = text.slice(0, number.index);
      found.push({
        key: `${path}:${number.index}`, path, title, kind: "literal", value: Number(number[0]), at: number.index,
        context: [before.length > 40 ? `…${before.slice(-40).replace(/^\S*/, "")}` : before, cutAfter(text.slice(number.index + number[0].length))],
        name: unique(wordBefore(before, "n")), whole: Number.isInteger(Number(number[0])), nullable: false,
      });
    }
    if (path === RANK) {
      found.push({ key: path, path, title, kind: "names", value: text, at: 0, context: ["", ""], name: unique("rank"), whole: false, nullable: false });
    }
  }
  for (const [path, title, whole, nullable] of NUMBERS) {
    const value = valueAt(draft, path) as number | null;
    const name = unique(path.split(".").at(-1)!.replace(/_(pct|days)$/, ""));
    found.push({ key: path, path, title, kind: "number", value, at: 0, context: ["", ""], name, whole, nullable });
  }
  return found;
}

/** Return the values that a place begins with: about five around its value. */
export function choiceFor(place: Place): Choice {
  if (place.kind === "names") return { from: null, to: null, step: null, none: false, names: `${place.value}, MOMENTUM_3M, MARKET_CAP` };
  const value = typeof place.value === "number" ? place.value : place.whole ? 20 : 10;
  if (value === 0) return { from: 0, to: place.whole ? 10 : 1, step: place.whole ? 2 : 0.2, none: false, names: "" };
  const raw = value / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const nice = [1, 2, 5, 10].find((each) => each * power >= raw * 0.999)! * power;
  const step = Number((place.whole ? Math.max(1, Math.round(nice)) : nice).toPrecision(6));
  const from = [2, 1, 0].map((steps) => value - steps * step).find((each) => each > 0)!;
  return { from: Number(from.toPrecision(12)), to: Number((from + 4 * step).toPrecision(12)), step, none: false, names: "" };
}

/** Return a range as its values, counted in decimal numbers. */
export function rangeValues(from: number, to: number, step: number): number[] {
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  return Array.from({ length: Math.max(0, Math.min(1000, count)) }, (_, at) => Number((from + at * step).toPrecision(12)));
}

function parameterOf(place: Place, choice: Choice): schema.Parameter {
  if (place.kind === "names") return { values: choice.names.split(",").map((each) => each.trim()).filter(Boolean) };
  const { from, to, step } = choice;
  if (choice.none && from !== null && to !== null && step !== null && step > 0) return { values: [...rangeValues(from, to, step), null] };
  return { from, to, step };
}

/** Return the template of a draft and the parameters of the chosen places. */
export function templateOf(draft: Draft, places: readonly Place[], chosen: Readonly<Record<string, Choice>>): Pick<schema.SweepBody, "template" | "parameters"> {
  const template = structuredClone(draft) as unknown as Record<string, unknown>;
  const parameters: Record<string, schema.Parameter> = {};
  // from the end of an expression to its beginning, so that positions stay right
  const used = places
    .filter((each) => chosen[each.key] && !(each.kind === "literal" && each.path === RANK && chosen[RANK]))
    .sort((a, b) => b.at - a.at);
  for (const place of used) {
    const names = place.path.split(".");
    const parent = valueAt(template, names.slice(0, -1).join(".")) as Record<string, unknown>;
    const last = names.at(-1)!;
    const text = String(parent[last]);
    parent[last] = place.kind === "literal" ? `${text.slice(0, place.at)}$${place.name}${text.slice(place.at + String(text.slice(place.at).match(/^[\d.]+/)).length)}` : `$${place.name}`;
  }
  for (const place of places) if (used.includes(place)) parameters[place.name] = parameterOf(place, chosen[place.key]!);
  return { template, parameters };
}

/** Return the values of a parameter as text. */
export function rangeText({ values, from, to, step }: schema.Parameter): string {
  return values ? values.map(parameterText).join(", ") : `${parameterText(from)} – ${parameterText(to)}${step ? ` (${parameterText(step)})` : ""}`;
}
