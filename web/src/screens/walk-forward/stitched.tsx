// The account over all tests: figures with their intervals and what they warn of, and the curve.
import { useMemo } from "preact/hooks";
import { get } from "../../api/client.ts";
import { DEFAULTS } from "../../api/defaults.ts";
import { useResource } from "../../api/resource.ts";
import type { StitchedResult, StitchedSummary, WalkForward } from "../../api/types.ts";
import { number, percent } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import type { TextKey } from "../../i18n/index.ts";
import { Change } from "../../ui/change.tsx";
import { Loaded } from "../../ui/states.tsx";
import { Figure, interval } from "../lines/figure.tsx";
import { EquityChart } from "../run/equity-chart.tsx";
import { Warnings } from "../run/warnings.tsx";
import { growthLine } from "./growth.ts";

const ENOUGH_T = 2;

/** Return which warnings the account gives, in order. */
export function stitchedWarnings({ t: value, intervals, below_middle: below }: Pick<StitchedSummary, "t" | "intervals" | "below_middle">): TextKey[] {
  return ([
    [value !== null && value < ENOUGH_T, "walk.warn.t"],
    [intervals !== null && Math.min(...intervals.sharpe_studentised) <= 0, "walk.warn.zero"],
    [below !== null && below >= 0.5, "walk.warn.middle"],
  ] as const).filter(([holds]) => holds).map(([, key]) => key);
}

export function Stitched({ walk, stitched }: { walk: WalkForward; stitched: StitchedSummary }) {
  const { statistics, intervals } = stitched;
  const warnings = stitchedWarnings(stitched);
  const within = (values: readonly number[] | undefined, text: (value: number) => string) => values && `${percent(intervals!.confidence, 0)}: ${interval(values, text)}`;
  return (
    <div class="card luck">
      <h2>{t("walk.stitched")}</h2>
      <p class="muted small">{t("walk.stitched.days", { first: stitched.first, last: stitched.last, rows: number(stitched.rows) })}</p>
      {warnings.map((key) => <p class="warning" role="note" key={key}>⚠ {t(key)}</p>)}
      {warnings.length === 0 && <p class="verdict good">{t("walk.clear")}</p>}
      <ul class="figures">
        <Figure name="stat.cagr" note="stat.cagr.note" beside={within(intervals?.cagr, (value) => percent(value, 1))}><Change value={statistics.cagr} /></Figure>
        <Figure name="stat.sharpe" note="stat.sharpe.note" beside={within(intervals?.sharpe_studentised, (value) => number(value, 2))}>{number(statistics.sharpe, 2)}</Figure>
        <Figure name="stat.max_drawdown" note="stat.max_drawdown.note" beside={within(intervals?.max_drawdown, (value) => percent(value, 1))}>{percent(statistics.max_drawdown)}</Figure>
        <Figure name="walk.t" note="walk.t.note">{number(stitched.t, 2)}</Figure>
        <Figure name="walk.rank" note="walk.rank.note">{percent(stitched.rank_mean, 0)}</Figure>
        <Figure name="walk.below" note="walk.below.note">{percent(stitched.below_middle, 0)}</Figure>
        <Figure name="walk.efficiency" note="walk.efficiency.note">{percent(stitched.efficiency, 0)}</Figure>
        <Figure name="stat.trades" note="stat.trades.note">{number(statistics.trades)}</Figure>
      </ul>
      <Curve walk={walk} stitched={stitched} />
    </div>
  );
}

function Curve({ walk, stitched }: { walk: WalkForward; stitched: StitchedSummary }) {
  const result = useResource(`stitched ${walk.id}`, (abort) => get<StitchedResult>(`/v1/walk-forwards/${walk.id}/result`, {}, abort));
  const template = { ...DEFAULTS, ...(walk.request["template"] as { benchmark?: string | null; initial_cash?: number }) };
  const growth = stitched.intervals?.cagr;
  const rows = result.data?.equity.length ?? 0;
  const bounds = useMemo(() => growth?.map((annual) => growthLine(template.initial_cash, annual, rows)), [result.data]);
  return (
    <Loaded of={result}>
      {(found) => (
        <>
          <Warnings result={found} />
          <EquityChart title={t("walk.curve")} equity={found.equity} benchmark={template.benchmark} bounds={bounds} height={380} />
          {bounds && <p class="small muted">{t("walk.curve.note", { confidence: percent(stitched.intervals!.confidence, 0) })}</p>}
        </>
      )}
    </Loaded>
  );
}
