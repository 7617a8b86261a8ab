// How much of the best variant may be luck: figures of the API, and what they warn of.
import type { Sweep, TrialStatistics } from "../../api/types.ts";
import { number, percent } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import type { TextKey } from "../../i18n/index.ts";
import { Figure, interval } from "../lines/figure.tsx";
import { parameterText } from "./parameter-text.ts";

const ENOUGH = 0.95;

/** Return which warnings the statistics of a sweep give, in order. */
export function luckWarnings(found: TrialStatistics, plateau: number | null): TextKey[] {
  const { best, pbo, spa } = found;
  return ([
    [found.deviation_from === "null", "sweep.luck.few"],
    [best.dsr[0]! < ENOUGH, "sweep.luck.no-evidence"],
    [best.sharpe_annual <= Math.max(...found.sr0_annual), "sweep.luck.expected"],
    [best.minimum_backtest_years !== null && best.years < best.minimum_backtest_years, "sweep.luck.short"],
    [pbo !== null && pbo.probability >= 0.5, "sweep.luck.overfit"],
    [spa !== null && spa.consistent > 1 - ENOUGH, "sweep.luck.not-superior"],
    [plateau !== null && plateau !== best.variant, "sweep.luck.peak"],
  ] as const).filter(([holds]) => holds).map(([, key]) => key);
}

export function LuckCard({ sweep }: { sweep: Sweep }) {
  const { statistics: found, plateau } = sweep;
  const best = sweep.best[0];
  return (
    <div class="card luck">
      <h2>{t("sweep.luck")}</h2>
      {best && (
        <p>
          {t("sweep.best", { n: number(best.variant) })} <Values values={best.values} />
          {plateau && <> · {t("sweep.plateau", { n: number(plateau.variant), mean: number(plateau.mean, 2), neighbours: number(plateau.neighbours) })} <Values values={plateau.values} /></>}
        </p>
      )}
      {!best && <p class="muted">{t("sweep.no-best")}</p>}
      {!found ? <p class="muted">{t("sweep.luck.none-yet")}</p> : (
        <>
          {luckWarnings(found, plateau?.variant ?? null).map((key) => <p class="warning" role="note" key={key}>⚠ {t(key)}</p>)}
          {luckWarnings(found, plateau?.variant ?? null).length === 0 && <p class="verdict good">{t("sweep.luck.clear")}</p>}
          <ul class="figures">
            <Figure name="sweep.sharpe" note="sweep.sharpe.note">{number(found.best.sharpe_annual, 2)}</Figure>
            <Figure name="sweep.sr0" note="sweep.sr0.note">{interval(found.sr0_annual, (value) => number(value, 2))}</Figure>
            <Figure name="sweep.dsr" note="sweep.dsr.note">{interval(found.best.dsr, (value) => percent(value, 1))}</Figure>
            <Figure name="sweep.pbo" note="sweep.pbo.note">{percent(found.pbo?.probability, 0)}</Figure>
            <Figure name="sweep.spa" note="sweep.spa.note">{number(found.spa?.consistent, 3)}</Figure>
            <Figure name="sweep.trials" note="sweep.trials.note">{interval([found.independent.participation, found.trials], (value) => number(value, value < 100 ? 1 : 0))}</Figure>
            <Figure name="sweep.years" note="sweep.years.note">{number(found.best.years, 1)}</Figure>
            <Figure name="sweep.min-years" note="sweep.min-years.note">{number(found.best.minimum_track_record_years, 1)}</Figure>
          </ul>
        </>
      )}
    </div>
  );
}

/** The values of parameters. */
export function Values({ values }: { values: Record<string, unknown> }) {
  return <code>{Object.entries(values).map(([name, value]) => `${name} ${parameterText(value)}`).join(", ")}</code>;
}
