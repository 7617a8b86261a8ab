// Figures that are derived from the equity curve of a result; tested against plain loops in tests/series.test.ts.
import type { EquityPoint, RoundTrip } from "../../api/types.ts";

/** Return the place of a day among points in the order of their days; -1: there is none. */
export function rowOf(points: readonly { date: string }[], date: string): number {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]!.date < date) low = middle + 1;
    else high = middle;
  }
  return points[low]?.date === date ? low : -1;
}

export interface Drawdown {
  /** Last day at the peak before the fall; null: the first day of the window is below the initial cash. */
  start: string | null;
  bottom: string;
  /** First day at the peak again; null: not yet. */
  recovery: string | null;
  depth: number;
  /** Rows from the peak to the recovery, or to the last row. */
  rows: number;
}

/** Return the drawdowns of an equity curve, the deepest first. */
export function drawdowns(equity: readonly EquityPoint[], most = 8): Drawdown[] {
  const found: Drawdown[] = [];
  let open: Drawdown | null = null;
  let peakRow = -1;
  equity.forEach((point, row) => {
    const depth = point.drawdown;
    if (depth === null) return;
    if (depth >= 0) {
      if (open) {
        found.push({ ...open, recovery: point.date, rows: row - peakRow });
        open = null;
      }
      peakRow = row;
      return;
    }
    if (!open) open = { start: equity[peakRow]?.date ?? null, bottom: point.date, recovery: null, depth, rows: 0 };
    else if (depth < open.depth) open = { ...open, depth, bottom: point.date };
  });
  if (open) found.push({ ...(open as Drawdown), rows: equity.length - 1 - peakRow });
  return found.sort((a, b) => a.depth - b.depth).slice(0, most);
}

const YEAR_ROWS = 252;

export interface RollingPoint {
  date: string;
  totalReturn: number;
  volatility: number;
  sharpe: number | null;
  beta: number | null;
}

/** Return the daily returns of the benchmark; its value before the first row is the initial cash. */
export function benchmarkReturns(equity: readonly EquityPoint[], initialCash: number): (number | null)[] {
  let before: number | null = initialCash;
  return equity.map((point) => {
    const value = point.benchmark;
    const found = value === null || before === null || before <= 0 ? null : value / before - 1;
    before = value;
    return found;
  });
}

/**
 * Return figures of the `rows` rows that end on each row, with the definitions of the statistics of a result:
 * sample deviation times the root of 252, mean excess return over deviation, covariance over variance.
 */
export function rolling(equity: readonly EquityPoint[], initialCash: number, riskFreePct: number, rows = YEAR_ROWS): RollingPoint[] {
  const returns = Float64Array.from(equity, (point) => point.daily_return ?? NaN);
  const market = Float64Array.from(benchmarkReturns(equity, initialCash), (value) => value ?? NaN);
  const daily = riskFreePct / 100 / YEAR_ROWS;
  const found: RollingPoint[] = [];
  for (let end = rows; end <= equity.length; end += 1) {
    const own = mean(returns, end - rows, end); // NaN when a value is absent
    const last = equity[end - 1]!;
    const first = end === rows ? initialCash : equity[end - rows - 1]!.equity;
    if (Number.isNaN(own) || last.equity === null || first === null || first <= 0) continue;
    const others = mean(market, end - rows, end);
    let variance = 0;
    let covariance = 0;
    let marketVariance = 0;
    for (let at = end - rows; at < end; at += 1) {
      const excess = returns[at]! - own;
      const marketExcess = market[at]! - others;
      variance += excess * excess;
      covariance += excess * marketExcess;
      marketVariance += marketExcess * marketExcess;
    }
    const deviation = Math.sqrt(variance / (rows - 1));
    found.push({
      date: last.date,
      totalReturn: last.equity / first - 1,
      volatility: deviation * Math.sqrt(YEAR_ROWS),
      sharpe: deviation <= 1e-12 ? null : ((own - daily) / deviation) * Math.sqrt(YEAR_ROWS),
      beta: marketVariance / (rows - 1) > 1e-24 ? covariance / marketVariance : null,
    });
  }
  return found;
}

/** Return the arithmetic mean of the values from one place to before another. */
export function mean(values: ArrayLike<number>, from = 0, to = values.length): number {
  let sum = 0;
  for (let at = from; at < to; at += 1) sum += values[at]!;
  return sum / (to - from);
}

export interface Bin {
  low: number;
  high: number;
  count: number;
}

/** Return a histogram of values in bins of equal width whose edges are multiples of the width. */
export function histogram(values: readonly number[], width: number): Bin[] {
  if (values.length === 0) return [];
  const index = (value: number) => Math.floor(value / width);
  const low = Math.min(...values.map(index));
  const high = Math.max(...values.map(index));
  const bins = Array.from({ length: high - low + 1 }, (_, at) => ({ low: (low + at) * width, high: (low + at + 1) * width, count: 0 }));
  for (const value of values) bins[index(value) - low]!.count += 1;
  return bins;
}

export interface ReasonGain {
  reason: string;
  count: number;
  gain: number;
}

/** Return the sum of the gains of round trips by the reason that ended them, the largest first. */
export function gainsByReason(trips: readonly RoundTrip[]): ReasonGain[] {
  const found = new Map<string, ReasonGain>();
  for (const trip of trips) {
    const group = found.get(trip.reason) ?? { reason: trip.reason, count: 0, gain: 0 };
    group.count += 1;
    group.gain += trip.gain ?? 0;
    found.set(trip.reason, group);
  }
  return [...found.values()].sort((a, b) => b.gain - a.gain);
}

export interface HoldingGroup {
  from: number;
  to: number | null;
  count: number;
  meanReturn: number | null;
}

const HOLDING_BOUNDS = [0, 7, 15, 31, 91, 366];

/** Return round trips in groups of holding days, with their mean return. */
export function holdingGroups(trips: readonly RoundTrip[]): HoldingGroup[] {
  return HOLDING_BOUNDS.map((from, at) => {
    const next = HOLDING_BOUNDS[at + 1];
    const group = trips.filter((trip) => trip.holding_days >= from && (next === undefined || trip.holding_days < next));
    const returns = group.map((trip) => trip.return).filter((value): value is number => value !== null);
    return { from, to: next === undefined ? null : next - 1, count: group.length, meanReturn: returns.length > 0 ? mean(returns) : null };
  }).filter((group) => group.count > 0);
}
