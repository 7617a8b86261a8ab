// Statistics of several backtests, with the best of each row marked.
import type { Comparison, StatisticName } from "../../api/types.ts";
import { number, signed } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Info } from "../../ui/info.tsx";
import { StatisticNote, StatisticValue } from "../run/statistic.tsx";
import { GROUPS } from "../run/statistics.ts";

const HIGH: readonly StatisticName[] = ["total_return", "cagr", "excess_return", "sharpe", "sharpe_active", "sortino", "calmar", "max_drawdown", "alpha", "information_ratio", "win_rate", "profit_factor", "worst_day", "worst_month"];
const LOW: readonly StatisticName[] = ["volatility", "commission_paid", "tax_paid", "slippage_paid", "turnover"];

/** Return the places of the best values of a statistic; none where no direction is better, or all are equal. */
export function best(values: readonly (number | null | undefined)[], name: StatisticName): Set<number> {
  const sign = HIGH.includes(name) ? 1 : LOW.includes(name) ? -1 : 0;
  const known = values.filter((value): value is number => value != null);
  if (sign === 0 || known.length < 2 || new Set(known).size < 2) return new Set();
  const top = Math.max(...known.map((value) => value * sign));
  return new Set(values.flatMap((value, at) => (value != null && value * sign === top ? [at] : [])));
}

export function StatisticsTable({ comparison, names }: { comparison: Comparison; names: readonly string[] }) {
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={t("compare.statistics")}>
      <table class="plain compare">
        <caption class="visually-hidden">{t("compare.statistics")}</caption>
        <thead>
          <tr><th scope="col">{t("compare.statistic")}</th>{names.map((name, at) => <th scope="col" class="right" key={at}>{name}</th>)}</tr>
        </thead>
        <tbody>
          {GROUPS.flatMap(([, statistics]) => statistics).map((name) => {
            const marked = best(comparison.items.map((item) => item.statistics[name]), name);
            return (
              <tr key={name}>
                <th scope="row">{t(`stat.${name}`)} <StatisticNote name={name} /></th>
                {comparison.items.map((item, at) => (
                  <td key={item.id} class={`right ${marked.has(at) ? "best" : ""}`}>
                    {marked.has(at) && <span title={t("compare.best")}>★ </span>}
                    <StatisticValue statistics={item.statistics} name={name} />
                  </td>
                ))}
              </tr>
            );
          })}
          {comparison.items.length > 1 && (
            <tr>
              <th scope="row">{t("compare.sharpe")} <Info label={t("stat.explain", { name: t("compare.sharpe") })}>{t("compare.sharpe.help")}</Info></th>
              {comparison.items.map(({ id, sharpe_difference: found }) => (
                <td key={id} class="right">{found ? `${signed(found.difference, 2)} (p ${number(found.p, 3)})` : "–"}</td>
              ))}
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
