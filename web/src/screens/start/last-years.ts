// The newest completed backtest over about a year for each strategy; the warmer computes them every night.
import type { BacktestItem } from "../../api/types.ts";
import { requestOf } from "../../api/types.ts";
import { daysBetween } from "../../format/date.ts";

/** Return strategy id -> its newest completed backtest of 330 to 400 calendar days. */
export function lastYears(items: readonly BacktestItem[]): Map<string, BacktestItem> {
  const found = new Map<string, BacktestItem>();
  for (const item of items) {
    if (item.strategy_id === null || item.status !== "completed" || !item.statistics) continue;
    const { start, end } = requestOf(item);
    const days = daysBetween(start, end);
    if (days < 330 || days > 400) continue;
    const known = found.get(item.strategy_id);
    if (!known || requestOf(known).end < end) found.set(item.strategy_id, item);
  }
  return found;
}
