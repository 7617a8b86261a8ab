// Start: the strategies that can be run at once, how fresh the data are, and the last backtests.
import { useState } from "preact/hooks";
import { all, get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { BacktestList, DatasetList, StrategyDocument, StrategyList, WarmRunList } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { local, t } from "../../i18n/index.ts";
import { Loaded, Loading } from "../../ui/states.tsx";
import { RunRows } from "../runs/rows.tsx";
import { Freshness } from "./freshness.tsx";
import { StrategyCard } from "./strategy-card.tsx";
import { lastYears } from "./last-years.ts";

const KINDS = ["all", "preset", "famous", "own"] as const;

export default function StartPage() {
  const strategies = useResource("strategies", async (abort) => {
    const [presets, catalogue] = await Promise.all([
      get<StrategyList>("/v1/presets", {}, abort),
      all<StrategyDocument>("/v1/strategies", { limit: 200 }, 1000, abort),
    ]);
    return [...presets.items, ...catalogue];
  });
  const datasets = useResource("datasets", (abort) => get<DatasetList>("/v1/datasets", {}, abort));
  const warm = useResource("warm", (abort) => get<WarmRunList>("/v1/warm-runs", { limit: 1 }, abort));
  const warmed = useResource("warmed", (abort) => get<BacktestList>("/v1/backtests", { origin: "warmer", status: "completed", limit: 200 }, abort));
  const recent = useResource("recent", (abort) => get<BacktestList>("/v1/backtests", { origin: "user", limit: 8 }, abort));
  const [kind, setKind] = useState<(typeof KINDS)[number]>("all");
  const years = lastYears([...(warmed.data?.items ?? []), ...(recent.data?.items ?? [])]);
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{t("start.title")}</h1>
          <p class="muted">{t("start.lead")}</p>
        </div>
        <div class="actions"><Link class="button primary" href="/new">{t("nav.new")}</Link></div>
      </div>
      <Freshness datasets={datasets} warm={warm} />
      <section aria-labelledby="strategies">
        <div class="section-head">
          <h2 id="strategies">{t("start.strategies")}</h2>
          <div class="actions" role="group" aria-label={t("start.kind")}>
            {KINDS.map((each) => (
              <button type="button" class="chip" aria-pressed={kind === each} onClick={() => setKind(each)}>{t(`start.kind.${each}`)}</button>
            ))}
          </div>
        </div>
        <Loaded of={strategies} empty={(items) => items.length === 0}>
          {(items) => warmed.loading && !warmed.data ? <Loading /> : ( // cards grow with their year: both come at once
            <div class="grid cards">
              {items.filter((each) => kind === "all" || each.kind === kind).map((each) => (
                <StrategyCard key={each.id} strategy={each} year={years.get(each.id) ?? null} />
              ))}
            </div>
          )}
        </Loaded>
      </section>
      <section aria-labelledby="recent">
        <div class="section-head">
          <h2 id="recent">{t("start.recent")}</h2>
          <Link href="/runs">{t("start.all-runs")}</Link>
        </div>
        <Loaded of={recent} empty={(page) => page.items.length === 0}>
          {(page) => <RunRows items={page.items} nameOf={(id) => nameOf(strategies.data, id)} />}
        </Loaded>
      </section>
    </>
  );
}

function nameOf(strategies: StrategyDocument[] | null, id: string | null): string | null {
  const found = strategies?.find((each) => each.id === id);
  return found ? local(found.name_ko, found.name_en) : id;
}
