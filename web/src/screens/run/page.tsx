// One backtest: its progress while it runs, then its report in tabs.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { Backtest, StrategyDocument } from "../../api/types.ts";
import type { ScreenProps } from "../../app/screens.tsx";
import { Link, place, queryValue } from "../../app/router.tsx";
import { local, t } from "../../i18n/index.ts";
import { Later } from "../../ui/later.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { FieldProblems } from "../../ui/problem.tsx";
import { Analysis } from "./analysis.tsx";
import { Funnel } from "./funnel.tsx";
import { RunHead } from "./head.tsx";
import { HoldingsTab } from "./holdings.tsx";
import { Live } from "./live.tsx";
import { Overview } from "./overview.tsx";
import { useRun } from "./parts.ts";
import type { Run, Summary } from "./parts.ts";
import { RequestTab } from "./request.tsx";
import { TradesTab } from "./trades.tsx";
import { Trust } from "./trust.tsx";

const TABS = ["overview", "analysis", "trades", "holdings", "funnel", "trust", "request"] as const;
export type Tab = (typeof TABS)[number];
export type Completed = Run & { result: Summary };

export default function RunPage({ id }: ScreenProps) {
  const backtest = useRun(id);
  const strategyId = backtest.data?.strategy_id ?? null;
  const strategy = useResource(strategyId && `strategy ${strategyId}`, (abort) => get<StrategyDocument>(`/v1/strategies/${strategyId}`, {}, abort));
  return (
    <Loaded of={backtest}>
      {(run) => {
        const name = run.name || (strategy.data ? local(strategy.data.name_ko, strategy.data.name_en) : strategyId) || t("runs.own");
        return <Body run={run} name={name} reload={backtest.reload} />;
      }}
    </Loaded>
  );
}

function Body({ run, name, reload }: { run: Run; name: string; reload: () => void }) {
  if (run.status === "queued" || run.status === "preparing" || run.status === "running") {
    return <Live key={run.id} run={run as Backtest} name={name} onEnd={reload} />;
  }
  if (run.status === "completed" && run.result) return <Report run={run as Completed} name={name} />;
  return (
    <>
      <RunHead run={run} name={name} />
      {run.status === "cancelled" ? <Empty>{t("run.cancelled")}</Empty> : <Failed run={run} />}
    </>
  );
}

function Failed({ run }: { run: Run }) {
  const error = run.error;
  if (!error) return <Empty>{t("status.failed")}</Empty>;
  return (
    <div class="state error" role="alert">
      <p><strong>{t("run.failed")}</strong></p>
      <p>{error.detail}</p>
      <FieldProblems problems={error.errors ?? []} showPath />
    </div>
  );
}

function Report({ run, name }: { run: Completed; name: string }) {
  const wanted = queryValue("tab") as Tab | null;
  const tab = wanted && TABS.includes(wanted) ? wanted : "overview";
  const opened = useRef<Tab | null>(tab); // null once another tab was chosen
  if (opened.current !== tab) opened.current = null;
  /** Show a tab with large charts: one that was chosen after the frame that marks it as chosen. */
  const charts = (content: () => ComponentChildren) => (opened.current ? content() : <Later key={tab}>{content}</Later>);
  return (
    <>
      <RunHead run={run} name={name} />
      <nav class="tabs" aria-label={t("run.tabs")}>
        {TABS.map((each) => (
          <Link key={each} href={each === "overview" ? place.value.path : `${place.value.path}?tab=${each}`} aria-current={each === tab ? "page" : undefined}>
            {t(`run.tab.${each}`)}
          </Link>
        ))}
      </nav>
      {tab === "overview" && charts(() => <Overview run={run} />)}
      {tab === "analysis" && charts(() => <Analysis run={run} />)}
      {tab === "trades" && <TradesTab run={run} />}
      {tab === "holdings" && <HoldingsTab run={run} />}
      {tab === "funnel" && <Funnel run={run} />}
      {tab === "trust" && <Trust run={run} />}
      {tab === "request" && <RequestTab run={run} />}
    </>
  );
}

