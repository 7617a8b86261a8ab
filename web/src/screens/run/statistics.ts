// The statistics in groups, with the form in which each is shown.
import type { StatisticName, Statistics } from "../../api/types.ts";
import { number, percent, shortWon } from "../../format/number.ts";
import { language, t } from "../../i18n/index.ts";

type Form = "percent" | "change" | "ratio" | "count" | "won" | "days" | "times";

export const FORMS: Record<StatisticName, Form> = {
  total_return: "change", cagr: "change", volatility: "percent", sharpe: "ratio", sharpe_active: "ratio", sortino: "ratio",
  max_drawdown: "percent", calmar: "ratio", best_day: "change", worst_day: "change", best_month: "change", worst_month: "change",
  beta: "ratio", alpha: "change", tracking_error: "percent", information_ratio: "ratio",
  benchmark_total_return: "change", benchmark_cagr: "change", benchmark_max_drawdown: "percent", excess_return: "change",
  win_rate: "percent", profit_factor: "ratio", average_win: "change", average_loss: "change", average_holding_days: "days",
  trades: "count", turnover: "times", exposure: "percent", invested_days: "percent", idle_days: "days",
  participation_median: "percent", participation_max: "percent",
  commission_paid: "won", tax_paid: "won", slippage_paid: "won", dividends_received: "won",
};

export const GROUPS = [
  ["returns", ["total_return", "cagr", "benchmark_total_return", "benchmark_cagr", "excess_return", "best_day", "worst_day", "best_month", "worst_month"]],
  ["risk", ["max_drawdown", "benchmark_max_drawdown", "volatility", "sharpe", "sharpe_active", "sortino", "calmar", "beta", "alpha", "tracking_error", "information_ratio"]],
  ["trading", ["trades", "win_rate", "profit_factor", "average_win", "average_loss", "average_holding_days", "turnover", "exposure", "invested_days", "idle_days"]],
  ["costs", ["commission_paid", "tax_paid", "slippage_paid", "dividends_received", "participation_median", "participation_max"]],
] as const satisfies readonly (readonly [string, readonly StatisticName[]])[];

/** Figures at the head of a report. */
export const HEAD: readonly StatisticName[] = ["total_return", "cagr", "max_drawdown", "sharpe", "sortino", "win_rate", "turnover", "trades"];

/** Return a statistic as text; those of form `change` are shown with a direction by their screens. */
export function statisticText(statistics: Statistics, name: StatisticName): string {
  return formatted(name, statistics[name]);
}

/** Whether a word is the name of a statistic that is shown. */
export function isStatistic(name: string): name is StatisticName {
  return name in FORMS;
}

/** Return a value in the form of a statistic. */
export function formatted(name: StatisticName, value: number | null | undefined): string {
  switch (FORMS[name]) {
    case "percent":
    case "change":
      return percent(value);
    case "ratio":
      return number(value, 2);
    case "count":
      return number(value, 0);
    case "won":
      return shortWon(value, language.value);
    case "days":
      return value == null ? number(value) : t("unit.days", { n: number(value, Number.isInteger(value) ? 0 : 1) });
    case "times":
      return value == null ? number(value) : `${number(value, 1)}×`;
  }
}
