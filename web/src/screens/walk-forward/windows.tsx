// The windows: days, chosen values, the objective over train and test, the place out of sample; and how far the choices move.
import { address } from "../../api/client.ts";
import type { WalkForward, WalkForwardWindow } from "../../api/types.ts";
import { number, percent } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { Change } from "../../ui/change.tsx";
import { ErrorView } from "../../ui/states.tsx";
import { formatted, isStatistic } from "../run/statistics.ts";
import { parameterText } from "../sweep/parameter-text.ts";
import { useBacktest } from "../trials/use-backtest.ts";

export function WindowsCard({ walk }: { walk: WalkForward }) {
  const parameters = Object.keys(walk.request["parameters"] as object);
  const statistic = walk.objective.statistic;
  const text = (value: number | null | undefined) => isStatistic(statistic) ? formatted(statistic, value) : number(value, 2);
  const backtest = useBacktest();
  return (
    <div class="card">
      <h2>{t("walk.windows")}</h2>
      <p class="small muted">{t("walk.windows.note", { statistic: named("stat", statistic) })}</p>
      {backtest.error && <ErrorView error={backtest.error} />}
      <div class="table-scroll" role="region" tabIndex={0} aria-label={t("walk.windows")}>
        <table class="plain" id="windows">
          <thead>
            <tr>
              <th scope="col">{t("walk.test-days")}</th>
              <th scope="col" class="wide">{t("walk.train-days")}</th>
              {parameters.map((name) => <th scope="col" class="right mono" key={name}>${name}</th>)}
              <th scope="col" class="right">{t("walk.in-train")}</th>
              <th scope="col" class="right">{t("walk.in-test")}</th>
              <th scope="col" class="right wide">{t("stat.total_return")}</th>
              <th scope="col" class="right">{t("walk.place")}</th>
              <th scope="col" class="wide">{t("walk.variants")}</th>
            </tr>
          </thead>
          <tbody>
            {walk.windows.map((each, at) => (
              <tr key={each.window}>
                <th scope="row" class="nowrap">
                  {each.request ? <button type="button" class="sort link" disabled={backtest.busy} title={t("walk.open-test")} onClick={() => backtest.open(each.request!)}>{each.test.first}</button> : each.test.first} – {each.test.last}
                </th>
                <td class="wide nowrap muted small">{each.train.first} – {each.train.last}</td>
                {parameters.map((name) => <td class={`right ${changed(walk.windows, at, name) ? "whole" : ""}`} key={name}>{each.values ? parameterText(each.values[name]) : "–"}</td>)}
                <td class="right">{text(each.objective?.train)}</td>
                <td class="right">{text(each.objective?.test)}</td>
                <td class="right wide"><Change value={each.statistics?.test.total_return} /></td>
                <td class="right nowrap">
                  {each.rank ? <>{t("walk.place-of", { rank: number(each.rank.rank, Number.isInteger(each.rank.rank) ? 0 : 1), n: number(each.rank.of) })}{each.rank.relative <= 0.5 && <span title={t("walk.lower-half")}> ⚠<span class="visually-hidden"> {t("walk.lower-half")}</span></span>}</> : "–"}
                </td>
                <td class="wide nowrap small">
                  {(["train", "test"] as const).map((of) => (
                    <><a href={address(`/v1/walk-forwards/${walk.id}/windows/${each.window}/table`, { of, sort: "score", format: "csv" })} download={`window-${each.window}-${of}.csv`}>{t(`walk.${of}.csv`)}</a> </>
                  ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {walk.drift && (
        <>
          <h3>{t("walk.drift")}</h3>
          <p class="small muted">{t("walk.drift.help")}</p>
          <dl class="facts">
            {Object.entries(walk.drift).map(([name, drift]) => (
              <div key={name}><dt class="mono">${name}</dt><dd>{t("walk.drift.line", { changes: number(drift.changes), n: number(walk.windows.length - 1), step: percent(drift.mean_step, 0) })}</dd></div>
            ))}
          </dl>
        </>
      )}
    </div>
  );
}

/** Whether a window chose another value than the one before. */
function changed(windows: readonly WalkForwardWindow[], at: number, name: string): boolean {
  const [before, now] = [windows[at - 1]?.values, windows[at]?.values];
  return Boolean(before && now && before[name] !== now[name]);
}
