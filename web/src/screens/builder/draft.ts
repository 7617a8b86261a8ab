// The request that the builder edits: complete, with every default, so that what is sent is what is shown.
import { requestOf } from "../../api/types.ts";
import type { Backtest, BacktestRequest, StrategyDocument } from "../../api/types.ts";
import type * as schema from "../../api/schema.ts";
import { DEFAULTS } from "../../api/defaults.ts";
import { addDays, yearsBefore } from "../../format/date.ts";

export interface Draft {
  strategy: {
    buy: Required<schema.Buy>;
    sell: Required<schema.Sell>;
    portfolio: Required<schema.Portfolio>;
    universe: Required<schema.Universe>;
  };
  start: string;
  end: string;
  initial_cash: number;
  costs: Required<schema.Costs>;
  execution: Required<schema.Execution>;
  benchmark: string | null;
  risk_free_pct: number;
}

/** Days that a dataset has. */
export interface DataRange {
  first: string;
  last: string;
}

type Part = Record<string, unknown> | undefined;

function merged<T extends object>(defaults: T, changes: Part): T {
  return { ...defaults, ...changes } as T;
}

/** Return a request with the defaults of the API over the last three years of the data. */
export function plainDraft(range: DataRange): Draft {
  const start = yearsBefore(range.last, 3);
  return { ...(structuredClone(DEFAULTS) as unknown as Draft), start: start < range.first ? range.first : start, end: range.last };
}

/** Return the draft that a new backtest begins with: cheap and profitable companies, chosen every month. */
export function newDraft(range: DataRange): Draft {
  const plain = plainDraft(range);
  const { buy, sell, portfolio, universe } = plain.strategy;
  return {
    ...plain,
    strategy: {
      buy: { ...buy, where: "PER > 0 and PER < 12 and ROE > 10", rank_by: "MOMENTUM_3M" },
      sell: { ...sell, stop_loss_pct: 15, on_rebalance: "rotate" },
      portfolio: { ...portfolio, rebalance: "monthly" },
      universe,
    },
  };
}

/** Return the draft of a backtest: its request, of which every field is known. */
export function draftOfRun(run: Backtest): Draft {
  const { strategy, start, end, initial_cash, costs, execution, benchmark, risk_free_pct } = requestOf(run) as BacktestRequest;
  return { strategy, start, end, initial_cash, costs, execution, benchmark, risk_free_pct } as Draft;
}

/** Return the draft of a stored strategy: what it changes, over the defaults of the API. */
export function draftOfStrategy(found: StrategyDocument, range: DataRange): Draft {
  const plain = plainDraft(range);
  const parts = found.strategy as Record<string, Part>;
  const begin = found.period_days === null ? plain.start : addDays(plain.end, -found.period_days);
  const { buy, sell, portfolio, universe } = plain.strategy;
  return {
    ...plain,
    start: begin < range.first ? range.first : begin,
    strategy: {
      buy: merged(buy, parts["buy"]),
      sell: merged(sell, parts["sell"]),
      portfolio: merged(portfolio, parts["portfolio"]),
      universe: merged(universe, parts["universe"]),
    },
    costs: merged(plain.costs, found.costs),
  };
}

/** Return a draft with the value at a path such as `strategy.buy.where` replaced. */
export function withValue(draft: Draft, path: string, value: unknown): Draft {
  const [name, ...rest] = path.split(".") as [string, ...string[]];
  const change = (of: unknown, names: string[]): unknown => {
    const [next, ...others] = names;
    return next === undefined ? value : { ...(of as object), [next]: change((of as Record<string, unknown>)[next], others) };
  };
  return consistent({ ...draft, [name]: change((draft as unknown as Record<string, unknown>)[name], rest) } as Draft);
}

/** Return the draft without values that its other fields exclude: the form hides those fields. */
export function consistent(draft: Draft): Draft {
  const { sell, portfolio } = draft.strategy;
  const changed = { ...portfolio };
  if (sell.on_rebalance !== "reweight") {
    changed.invest = "slots";
    changed.rebalance_band_pct = 0;
  } else {
    changed.position_pct = null;
  }
  if (sell.on_rebalance === "hold") changed.keep_rank = null;
  if (changed.weighting !== "equal") changed.position_pct = null;
  if (changed.keep_rank !== null && changed.keep_rank < changed.max_positions) changed.keep_rank = changed.max_positions;
  return { ...draft, strategy: { ...draft.strategy, portfolio: changed } };
}

/** Return the request of the live preview: the same strategy over the last year of its window. */
export function previewOf(draft: Draft): Draft {
  const start = yearsBefore(draft.end, 1);
  return { ...draft, start: start < draft.start ? draft.start : start };
}

/** Whether an object has the parts of a draft; imported text may be anything. */
export function isDraft(value: unknown): value is Draft {
  if (typeof value !== "object" || value === null) return false;
  const parts = (value as { strategy?: Record<string, unknown> }).strategy;
  return typeof parts === "object" && ["buy", "sell", "portfolio", "universe"].every((name) => typeof parts[name] === "object" && parts[name] !== null);
}
