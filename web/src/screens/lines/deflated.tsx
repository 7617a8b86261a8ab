// What the trials of a research line make of one result: as likely by luck, or not.
import type { Deflated } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { number, percent } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Figure, interval } from "./figure.tsx";

const two = (value: number) => number(value, 2);

/** The address of a line. */
export function lineAddress(name: string): string {
  return `/research/${encodeURIComponent(name)}`;
}

export function DeflatedCard({ deflated }: { deflated: Deflated | null | undefined }) {
  if (!deflated) return null;
  const { conclusion, independent } = deflated;
  return (
    <div class="card luck" id="deflated">
      <h2>{t("line.deflated")} <Link class="small" href={lineAddress(deflated.research)}>{deflated.research}</Link></h2>
      <p class={conclusion.code === "luck_beyond" ? "verdict good" : "warning"} role="note">{conclusion.code !== "luck_beyond" && "⚠ "}{conclusion.message}</p>
      <ul class="figures">
        <Figure name="line.sharpe" note="line.sharpe.note">{number(deflated.sharpe_annual, 2)}</Figure>
        <Figure name="sweep.sr0" note="sweep.sr0.note">{interval(deflated.sr0_annual, two)}</Figure>
        <Figure name="sweep.dsr" note="line.dsr.note">{interval(deflated.dsr, (value) => percent(value, 1))}</Figure>
        <Figure name="sweep.trials" note="sweep.trials.note">{interval([independent.participation, deflated.trials + deflated.extra_trials], (value) => number(value, value < 100 ? 1 : 0))}</Figure>
      </ul>
      {deflated.deviation_from === "null" && <p class="warning" role="note">⚠ {t("sweep.luck.few")}</p>}
    </div>
  );
}
