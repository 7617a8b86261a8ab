// How much of the equity is in stocks, by day and by sector; tested in tests/compare.test.ts.
import type { EquityPoint, Holding } from "../../api/types.ts";

/** Return the share of the equity that is not cash, by day; undefined where there is no equity above 0. */
export function exposure(equity: readonly EquityPoint[]): { time: string; value: number | undefined }[] {
  return equity.map(({ date, equity: value, cash }) => ({ time: date, value: value === null || cash === null || value <= 0 ? undefined : 1 - cash / value }));
}

/** Return the weight and number of positions by sector, the largest first; `unknown` names stocks without a sector. */
export function bySector(holdings: readonly Holding[], sectors: ReadonlyMap<string, string | null>, equity: number, unknown: string): { sector: string; weight: number; count: number }[] {
  if (equity <= 0) return [];
  const found = new Map<string, { value: number; count: number }>();
  for (const { stock_code, value } of holdings) {
    const sector = sectors.get(stock_code) ?? unknown;
    const group = found.get(sector) ?? { value: 0, count: 0 };
    found.set(sector, { value: group.value + value, count: group.count + 1 });
  }
  return [...found].map(([sector, { value, count }]) => ({ sector, weight: value / equity, count })).sort((a, b) => b.weight - a.weight);
}
