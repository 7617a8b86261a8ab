// A strategy with its result of the last year, and the ways on from it.
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import { requestOf } from "../../api/types.ts";
import type { BacktestItem, EquityPage, StrategyDocument } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { Sparkline } from "../../charts/sparkline.tsx";
import { percent, signedPercent } from "../../format/number.ts";
import { isTextKey, local, t } from "../../i18n/index.ts";
import { Change } from "../../ui/change.tsx";

export function StrategyCard({ strategy, year }: { strategy: StrategyDocument; year: BacktestItem | null }) {
  const equity = useResource(year && `equity ${year.id}`, (abort) =>
    get<EquityPage>(`/v1/backtests/${year!.id}/equity`, { limit: 1000 }, abort),
  );
  const name = local(strategy.name_ko, strategy.name_en);
  const summary = `summary.${strategy.id}`;
  const missing = Object.keys(strategy.missing_factors ?? {});
  return (
    <article class="card strategy">
      <header>
        <h3>{name}</h3>
        <span class="tag">{t(`start.kind.${strategy.kind}`)}</span>
      </header>
      <p class="small muted summary">{isTextKey(summary) ? t(summary) : strategy.summary}</p>
      {year?.statistics ? (
        <div class="year">
          <div>
            <span class="small muted">{t("start.year")}</span>
            <strong><Change value={year.statistics.total_return} decimals={1} /></strong>
            <span class="small muted">MDD {percent(year.statistics.max_drawdown, 1)}</span>
          </div>
          {equity.data && (
            <Sparkline
              values={equity.data.items.map((point) => point.equity)}
              label={t("start.sparkline", { name, start: requestOf(year).start, end: requestOf(year).end, value: signedPercent(year.statistics.total_return, 1) })}
            />
          )}
        </div>
      ) : (
        <p class="small muted year">{missing.length > 0 ? t("start.missing", { factors: missing.join(", ") }) : t("start.no-year")}</p>
      )}
      <div class="actions">
        <Link class="button" href={`/new?strategy=${strategy.id}`}>{t("start.open")}</Link>
        {year && <Link class="button" href={`/runs/${year.id}`}>{t("start.report")}</Link>}
      </div>
    </article>
  );
}
