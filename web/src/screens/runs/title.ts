// What a backtest is called.
import { requestOf } from "../../api/types.ts";
import type { BacktestItem } from "../../api/types.ts";
import { t } from "../../i18n/index.ts";

/** Return what a backtest is called: its own name, the strategy, or its condition. */
export function titleOf(item: Pick<BacktestItem, "name" | "strategy_id" | "request">, nameOf: (id: string | null) => string | null): string {
  return item.name || nameOf(item.strategy_id) || requestOf(item).strategy.buy?.where || t("runs.own");
}
