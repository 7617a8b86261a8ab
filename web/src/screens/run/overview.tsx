// The curve with its benchmark, months, years, drawdowns, and all statistics.
import { useMemo } from "preact/hooks";
import { requestOf } from "../../api/types.ts";
import { setQuery } from "../../app/router.tsx";
import { Bars } from "../../charts/bars.tsx";
import { number, percent, signedPercent } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Later } from "../../ui/later.tsx";
import { EquityChart } from "./equity-chart.tsx";
import { MonthlyReturns } from "./monthly-returns.tsx";
import type { Completed } from "./page.tsx";
import { drawdowns } from "./series.ts";
import { StatisticNote, StatisticValue } from "./statistic.tsx";
import { GROUPS } from "./statistics.ts";

export function Overview({ run }: { run: Completed }) {
  return (
    <div class="stack">
      <EquityChart equity={run.result.equity} benchmark={requestOf(run).benchmark} />
      <Later>{() => <Figures run={run} />}</Later>
    </div>
  );
}

function Figures({ run }: { run: Completed }) {
  const { result } = run;
  const falls = useMemo(() => drawdowns(result.equity), [result]);
  return (
    <>
      <div class="card">
        <h2>{t("run.months")}</h2>
        <MonthlyReturns months={result.monthly_returns} years={result.yearly_returns ?? []} />
      </div>
      <div class="columns">
        <div class="card">
          <h2>{t("run.years")}</h2>
          <Bars
            caption={t("run.years")}
            bars={(result.yearly_returns ?? []).map((each) => ({ label: each.year, value: each.return, text: signedPercent(each.return) }))}
          />
        </div>
        <div class="card">
          <h2>{t("run.drawdowns")}</h2>
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">{t("run.drawdown.depth")}</th>
                <th scope="col">{t("run.drawdown.start")}</th>
                <th scope="col">{t("run.drawdown.bottom")}</th>
                <th scope="col" class="wide">{t("run.drawdown.recovery")}</th>
                <th scope="col" class="right wide">{t("run.drawdown.rows")}</th>
              </tr>
            </thead>
            <tbody>
              {falls.map((fall) => (
                <tr key={fall.bottom}>
                  <th scope="row">
                    <button
                      type="button"
                      class="sort down"
                      title={t("run.drawdown.zoom")}
                      onClick={() => setQuery({ since: fall.start ?? result.window.first, until: fall.recovery ?? result.window.last })}
                    >
                      {percent(fall.depth)}
                    </button>
                  </th>
                  <td class="nowrap">{fall.start ?? t("run.drawdown.at-start")}</td>
                  <td class="nowrap">{fall.bottom}</td>
                  <td class="nowrap wide">{fall.recovery ?? t("run.drawdown.open")}</td>
                  <td class="right wide">{number(fall.rows)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
      <div class="grid statistics">
        {GROUPS.map(([group, names]) => (
          <div class="card" key={group}>
            <h2>{t(`stat.group.${group}`)}</h2>
            <table class="plain">
              <tbody>
                {names.map((name) => (
                  <tr key={name}>
                    <th scope="row">{t(`stat.${name}`)} <StatisticNote name={name} /></th>
                    <td class="right nowrap"><StatisticValue statistics={result.statistics} name={name} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ))}
      </div>
    </>
  );
}
