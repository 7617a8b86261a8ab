// Curves of several backtests, each divided by its value on the first common day.
import { useMemo } from "preact/hooks";
import type { Comparison } from "../../api/types.ts";
import { queryValue, setQuery } from "../../app/router.tsx";
import { ChartView } from "../../charts/chart-view.tsx";
import type { ChartSpec } from "../../charts/chart.ts";
import { percent } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Change } from "../../ui/change.tsx";

/** Return a curve as growth since its first value: 0 there, 0.1 when it is a tenth higher. */
export function rebased(values: readonly (number | null)[]): (number | null)[] {
  const first = values.find((value) => value !== null && value > 0);
  return values.map((value) => (value === null || first === undefined || first === null ? null : value / first - 1));
}

export function CompareChart({ comparison, names }: { comparison: Comparison; names: readonly string[] }) {
  const log = queryValue("scale") === "log";
  const curves = useMemo(() => comparison.items.map((item) => rebased(item.equity)), [comparison]);
  const index = useMemo(() => new Map(comparison.dates.map((date, at) => [date, at])), [comparison]);
  const spec = useMemo<ChartSpec>(() => ({
    log,
    series: curves.map((curve, at) => ({
      kind: "line" as const, name: names[at]!, colour: `series-${at}`, lastValue: true, dashed: at >= 5,
      // on a logarithmic scale growth is drawn as a factor: it is above 0
      data: comparison.dates.map((time, row) => ({ time, value: curve[row] === null ? undefined : log ? curve[row]! + 1 : curve[row]! })),
      format: (value: number) => percent(log ? value - 1 : value, 0),
    })),
  }), [curves, names.join(), log]);
  return (
    <ChartView
      title={t("compare.chart")}
      spec={spec}
      dates={comparison.dates}
      height={420}
      tools={<button type="button" class="quiet" aria-pressed={log} onClick={() => setQuery({ scale: log ? null : "log" })}>{t("chart.log")}</button>}
      describe={(date) => {
        const at = index.get(date);
        return at === undefined ? null : (
          <>
            <b>{date}</b>
            {curves.map((curve, run) => <span key={run}><i class={`key series-${run}`} /> {names[run]} <Change value={curve[at]} decimals={1} /></span>)}
          </>
        );
      }}
    />
  );
}
