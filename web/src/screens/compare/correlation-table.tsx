// The correlation matrix of the compared backtests.
import { useMemo } from "preact/hooks";
import type { Comparison } from "../../api/types.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { correlations } from "./correlation.ts";

export function CorrelationTable({ comparison, names }: { comparison: Comparison; names: readonly string[] }) {
  const matrix = useMemo(() => correlations(comparison.items.map((item) => item.equity)), [comparison]);
  return (
    <div class="card">
      <h2>{t("compare.correlation")}</h2>
      <p class="small muted">{t("compare.correlation.help")}</p>
      <div class="table-scroll bare" tabIndex={0} role="region" aria-label={t("compare.correlation")}>
        <table class="heat">
          <thead><tr><td />{names.map((name) => <th scope="col" key={name}>{name.slice(0, 1)}</th>)}</tr></thead>
          <tbody>
            {matrix.map((row, at) => (
              <tr key={names[at]}>
                <th scope="row">{names[at]}</th>
                {row.map((value, other) => <td key={other} class="level" style={{ "--heat": value === null ? 0 : Math.round(Math.max(0, value) * 34) }}>{number(value, 2)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
