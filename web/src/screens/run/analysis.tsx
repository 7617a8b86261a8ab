// Rolling figures, the spread of returns, and where gains and costs come from.
import { useMemo } from "preact/hooks";
import { requestOf } from "../../api/types.ts";
import type { RoundTrip } from "../../api/types.ts";
import { Bars } from "../../charts/bars.tsx";
import { ChartView } from "../../charts/chart-view.tsx";
import type { ChartSpec } from "../../charts/chart.ts";
import { number, percent, shortWon, signed } from "../../format/number.ts";
import { language, named, t } from "../../i18n/index.ts";
import { Later } from "../../ui/later.tsx";
import { Loaded } from "../../ui/states.tsx";
import { exposure } from "./exposure.ts";
import type { Completed } from "./page.tsx";
import { useList } from "./parts.ts";
import { gainsByReason, histogram, holdingGroups, rolling, rowOf } from "./series.ts";

type Equity = Completed["result"]["equity"];

export function Analysis({ run }: { run: Completed }) {
  const { result } = run;
  const request = requestOf(run);
  const points = useMemo(() => rolling(result.equity, request.initial_cash, request.risk_free_pct), [result]);
  const trips = useList(run.id, "round_trips");
  return (
    <div class="stack">
      {points.length > 1 ? <Rolling points={points} benchmark={request.benchmark} /> : <p class="card muted">{t("analysis.short")}</p>}
      <Later>
        {() => (
          <>
            <Exposure equity={result.equity} />
            <div class="columns">
              <DailyReturns equity={result.equity} />
              <div class="stack">
                <Loaded of={trips}>{(found) => <Trips trips={found} />}</Loaded>
                <Costs statistics={result.statistics} />
              </div>
            </div>
          </>
        )}
      </Later>
    </div>
  );
}

function DailyReturns({ equity }: { equity: Equity }) {
  const returns = useMemo(() => equity.map((p) => p.daily_return).filter((value): value is number => value !== null), [equity]);
  const bins = useMemo(() => histogram(returns, 0.005), [returns]);
  return (
    <div class="card">
      <h2>{t("analysis.histogram")}</h2>
      <Bars
        neutral
        caption={t("analysis.histogram")}
        bars={bins.map((bin) => ({ label: `${percent(bin.low, 1)} – ${percent(bin.high, 1)}`, value: bin.count, text: number(bin.count) }))}
      />
    </div>
  );
}

function Costs({ statistics }: { statistics: Completed["result"]["statistics"] }) {
  const words = language.value;
  const costs: [string, number | null | undefined][] = [
    [t("stat.commission_paid"), statistics.commission_paid],
    [t("stat.tax_paid"), statistics.tax_paid],
    [t("stat.slippage_paid"), statistics.slippage_paid],
  ];
  return (
    <div class="card">
      <h2>{t("analysis.costs")}</h2>
      <Bars neutral caption={t("analysis.costs")} bars={costs.map(([label, value]) => ({ label, value: value ?? 0, text: shortWon(value, words) }))} />
    </div>
  );
}

function Trips({ trips }: { trips: readonly RoundTrip[] }) {
  const words = language.value;
  const reasons = useMemo(() => gainsByReason(trips), [trips]);
  const groups = useMemo(() => holdingGroups(trips), [trips]);
  return (
    <div class="stack">
      <div class="card">
        <h2>{t("analysis.reasons")}</h2>
        <Bars
          caption={t("analysis.reasons")}
          bars={reasons.map((each) => ({ label: `${named("reason", each.reason)} (${number(each.count)})`, value: each.gain, text: shortWon(each.gain, words) }))}
        />
      </div>
      <div class="card">
        <h2>{t("analysis.holding")}</h2>
        <Bars
          caption={t("analysis.holding")}
          bars={groups.map((each) => ({
            label: `${each.to === null ? t("analysis.days-from", { from: each.from }) : t("analysis.days", { from: each.from, to: each.to })} (${number(each.count)})`,
            value: each.meanReturn, text: each.meanReturn === null ? "–" : `${signed(each.meanReturn * 100, 2)}%`,
          }))}
        />
      </div>
    </div>
  );
}

function Exposure({ equity }: { equity: Equity }) {
  const data = useMemo(() => exposure(equity), [equity]);
  const dates = useMemo(() => data.map((point) => point.time), [data]);
  const spec = useMemo<ChartSpec>(() => ({ series: [{ kind: "line", name: "exposure", colour: "accent", data, format: (v) => percent(v, 0), lastValue: true }] }), [data]);
  return (
    <ChartView
      title={t("analysis.exposure")}
      spec={spec}
      dates={dates}
      height={220}
      describe={(date) => {
        const at = rowOf(equity, date);
        const point = equity[at];
        return point && <><b>{date}</b><span>{t("analysis.exposure")} <b>{percent(data[at]!.value, 1)}</b></span><span>{t("run.positions", { n: point.positions })}</span></>;
      }}
    />
  );
}

type Points = ReturnType<typeof rolling>;

function Rolling({ points, benchmark }: { points: Points; benchmark: string | null }) {
  const dates = useMemo(() => points.map((point) => point.date), [points]);
  const spec = useMemo<ChartSpec>(() => ({
    panes: [1, 1, 1],
    series: [
      { kind: "line", name: "return", colour: "accent", data: points.map((p) => ({ time: p.date, value: p.totalReturn })), format: (v) => percent(v, 0), lastValue: true },
      { kind: "line", name: "volatility", colour: "benchmark", pane: 1, data: points.map((p) => ({ time: p.date, value: p.volatility })), format: (v) => percent(v, 0), lastValue: true },
      { kind: "line", name: "sharpe", colour: "accent", pane: 2, data: points.map((p) => ({ time: p.date, value: p.sharpe ?? undefined })), format: (v) => number(v, 2), lastValue: true },
    ],
  }), [points]);
  return (
    <ChartView
      title={t("analysis.rolling")}
      spec={spec}
      dates={dates}
      height={480}
      describe={(date) => {
        const point = points[rowOf(points, date)];
        return point && (
          <>
            <b>{date}</b>
            <span>{t("analysis.return")} <b>{percent(point.totalReturn)}</b></span>
            <span>{t("stat.volatility")} <b>{percent(point.volatility)}</b></span>
            <span>{t("stat.sharpe")} <b>{number(point.sharpe, 2)}</b></span>
            {benchmark !== null && <span>{t("stat.beta")} <b>{number(point.beta, 2)}</b></span>}
          </>
        );
      }}
    />
  );
}
