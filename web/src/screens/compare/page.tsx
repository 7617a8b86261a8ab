// Two to ten backtests beside each other: curves from a common start, statistics, and what differs in the requests.
import { useState } from "preact/hooks";
import { all, get, post } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { Backtest, BacktestList, Comparison, StrategyDocument } from "../../api/types.ts";
import { Link, queryValue, setQuery } from "../../app/router.tsx";
import { local, t } from "../../i18n/index.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { RunRows } from "../runs/rows.tsx";
import { titleOf } from "../runs/title.ts";
import { CompareChart } from "./compare-chart.tsx";
import { CorrelationTable } from "./correlation-table.tsx";
import { Differences } from "./differences.tsx";
import { StatisticsTable } from "./statistics-table.tsx";

const MOST = 10;

export interface Compared {
  runs: Backtest[];
  comparison: Comparison;
}

export default function ComparePage() {
  const ids = (queryValue("ids") ?? "").split(",").filter(Boolean).slice(0, MOST);
  const strategies = useResource("strategies", (abort) => all<StrategyDocument>("/v1/strategies", { limit: 200 }, 1000, abort));
  const compared = useResource(ids.length > 0 ? `compare ${ids}` : null, async (abort): Promise<Compared> => {
    const [comparison, ...runs] = await Promise.all([
      post<Comparison>("/v1/compare", { ids }, { signal: abort }),
      ...ids.map((id) => get<Backtest>(`/v1/backtests/${id}`, { parts: "statistics" }, abort)),
    ]);
    return { runs, comparison };
  });
  const nameOf = (id: string | null): string | null => {
    const found = strategies.data?.find((each) => each.id === id);
    return found ? local(found.name_ko, found.name_en) : id;
  };
  return (
    <>
      <div class="page-head"><div><h1>{t("nav.compare")}</h1><p class="muted">{t("compare.lead")}</p></div></div>
      {ids.length === 0 ? <Empty>{t("compare.none")}</Empty> : (
        <Loaded of={compared}>
          {(found) => {
            const names = found.runs.map((run, at) => `${LETTERS[at]} ${titleOf(run, nameOf)}`);
            return (
              <div class="stack">
                <ul class="compared">
                  {found.runs.map((run, at) => (
                    <li key={run.id} class={`series-${at}`}>
                      <i class="key" /> <Link href={`/runs/${run.id}`}>{names[at]}</Link>
                      <button type="button" class="quiet" aria-label={t("compare.remove", { name: names[at]! })} onClick={() => setQuery({ ids: ids.filter((id) => id !== run.id).join(",") })}>×</button>
                    </li>
                  ))}
                </ul>
                <CompareChart comparison={found.comparison} names={names} />
                {found.runs.length > 1 && <CorrelationTable comparison={found.comparison} names={names} />}
                <StatisticsTable comparison={found.comparison} names={names} />
                <Differences runs={found.runs} names={names} />
              </div>
            );
          }}
        </Loaded>
      )}
      <Chooser ids={ids} nameOf={nameOf} />
    </>
  );
}

export const LETTERS = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"] as const;

function Chooser({ ids, nameOf }: { ids: string[]; nameOf: (id: string | null) => string | null }) {
  const [limit, setLimit] = useState(20);
  const recent = useResource(`completed ${limit}`, (abort) => get<BacktestList>("/v1/backtests", { status: "completed", limit }, abort));
  return (
    <section>
      <h2>{t("compare.choose", { n: MOST })}</h2>
      <Loaded of={recent} empty={(page) => page.items.length === 0}>
        {(page) => (
          <>
            <RunRows
              items={page.items}
              nameOf={nameOf}
              chosen={new Set(ids)}
              onChoose={(id, on) => setQuery({ ids: (on ? [...ids, id].slice(0, MOST) : ids.filter((each) => each !== id)).join(",") })}
            />
            {page.next_cursor && <p class="center"><button type="button" onClick={() => setLimit(limit + 50)}>{t("action.more")}</button></p>}
          </>
        )}
      </Loaded>
    </section>
  );
}
