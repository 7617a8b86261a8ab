// Equity and benchmark with the drawdown below; scale and range are in the address.
import { useMemo } from "preact/hooks";
import type { EquityPoint } from "../../api/types.ts";
import { queryValue, setQuery } from "../../app/router.tsx";
import { ChartView } from "../../charts/chart-view.tsx";
import type { ChartSpec } from "../../charts/chart.ts";
import { percent, shortWon } from "../../format/number.ts";
import { language, t } from "../../i18n/index.ts";
import { Change } from "../../ui/change.tsx";
import { VirtualTable } from "../../ui/virtual-table.tsx";
import { rowOf } from "./series.ts";

interface Props {
  equity: readonly EquityPoint[];
  benchmark: string | null;
  title?: string | undefined;
  height?: number | undefined;
  /** Further lines with a value for each day, such as the ends of an interval. */
  bounds?: readonly (readonly number[])[] | undefined;
}

/** Return a value for the chart: absent values are days without a point. */
function value(of: number | null): number | undefined {
  return of === null || of <= 0 ? undefined : of;
}

export function EquityChart({ equity, benchmark, title, height = 420, bounds }: Props) {
  const log = queryValue("scale") === "log";
  const from = queryValue("since");
  const to = queryValue("until");
  const words = language.value;
  const dates = useMemo(() => equity.map((point) => point.date), [equity]);
  const spec = useMemo<ChartSpec>(
    () => ({
      log,
      panes: [3, 1],
      range: from && to && from < to ? { from, to } : null,
      onRange: (range) => {
        const isWhole = range.from <= (dates[0] ?? "") && range.to >= (dates.at(-1) ?? "");
        setQuery(isWhole ? { since: null, until: null } : { since: range.from, until: range.to });
      },
      series: [
        { kind: "line", name: "equity", colour: "accent", data: equity.map((p) => ({ time: p.date, value: value(p.equity) })), format: (v) => shortWon(v, words) },
        ...(benchmark === null ? [] : [{
          kind: "line" as const, name: "benchmark", colour: "benchmark", width: 1 as const, dashed: true,
          data: equity.map((p) => ({ time: p.date, value: value(p.benchmark) })), format: (v: number) => shortWon(v, words),
        }]),
        ...(bounds ?? []).map((line, at) => ({
          kind: "line" as const, name: `bound ${at}`, colour: "muted", width: 1 as const, dashed: true,
          data: equity.map((p, row) => ({ time: p.date, value: line[row] })), format: (v: number) => shortWon(v, words),
        })),
        { kind: "area", name: "drawdown", colour: "down", pane: 1, data: equity.map((p) => ({ time: p.date, value: p.drawdown ?? undefined })), format: (v) => percent(v, 1) },
      ],
    }),
    // the range of the address is read when the scale or the curve changes; zooming changes the address, not the chart
    [equity, log, words, benchmark, bounds, queryValue("tab") === null ? `${from} ${to}` : ""],
  );
  return (
    <ChartView
      title={title ?? t("run.curve")}
      spec={spec}
      dates={dates}
      height={height}
      describe={(date) => {
        const point = equity[rowOf(equity, date)];
        if (!point) return null;
        return (
          <>
            <b>{date}</b>
            <span><i class="key accent" /> {t("run.equity")} <b>{shortWon(point.equity, words)}</b> <Change value={point.daily_return} /></span>
            {benchmark !== null && <span><i class="key benchmark" /> {benchmark} <b>{shortWon(point.benchmark, words)}</b></span>}
            <span>{t("run.drawdown")} <b>{percent(point.drawdown)}</b></span>
            <span>{t("run.positions", { n: point.positions })}</span>
          </>
        );
      }}
      tools={
        <>
          <button type="button" class="quiet" aria-pressed={log} onClick={() => setQuery({ scale: log ? null : "log" })}>{t("chart.log")}</button>
          {from && <button type="button" class="quiet" onClick={() => setQuery({ since: null, until: null })}>{t("chart.fit")}</button>}
        </>
      }
      table={() => (
        <VirtualTable
          label={t("run.curve")}
          rows={equity}
          height={360}
          columns={[
            { key: "date", title: t("run.date"), cell: (p) => p.date, sort: (p) => p.date },
            { key: "equity", title: t("run.equity"), align: "right", cell: (p) => shortWon(p.equity, words), sort: (p) => p.equity },
            { key: "daily", title: t("run.daily"), align: "right", cell: (p) => <Change value={p.daily_return} />, sort: (p) => p.daily_return },
            { key: "drawdown", title: t("run.drawdown"), align: "right", cell: (p) => percent(p.drawdown), sort: (p) => p.drawdown },
            { key: "cash", title: t("run.cash"), align: "right", wide: true, cell: (p) => shortWon(p.cash, words), sort: (p) => p.cash },
            { key: "benchmark", title: t("run.benchmark"), align: "right", wide: true, cell: (p) => shortWon(p.benchmark, words), sort: (p) => p.benchmark },
          ]}
        />
      )}
    />
  );
}
