// The variants of a sweep as a table, the best first; each opens as the backtest that it is.
import { useEffect, useMemo, useState } from "preact/hooks";
import { address, get } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { Backtest, StatisticName, Sweep, SweepTablePage, SweepVariant } from "../../api/types.ts";
import { navigate, queryValue, setQuery } from "../../app/router.tsx";
import { Bars } from "../../charts/bars.tsx";
import { number } from "../../format/number.ts";
import { language, t } from "../../i18n/index.ts";
import { TextField } from "../../ui/field.tsx";
import { applySuggestion } from "../../ui/problem.tsx";
import { Empty, ErrorView, Loaded } from "../../ui/states.tsx";
import { VirtualTable } from "../../ui/virtual-table.tsx";
import type { Column } from "../../ui/virtual-table.tsx";
import { StatisticValue } from "../run/statistic.tsx";
import { formatted, isStatistic } from "../run/statistics.ts";
import { parameterText } from "./parameter-text.ts";

const LIMIT = 1000;
const SHOWN: readonly StatisticName[] = ["total_return", "cagr", "max_drawdown", "sharpe", "trades"];

export function Variants({ sweep, parameters }: { sweep: Sweep; parameters: readonly string[] }) {
  const where = queryValue("where") ?? "";
  const [text, setText] = useState(where);
  useEffect(() => setText(where), [where]);
  const query = { sort: "score", where, limit: LIMIT };
  const table = useResource(`table ${sweep.id} ${sweep.seen} ${where}`, (abort) => get<SweepTablePage>(`/v1/sweeps/${sweep.id}/table`, query, abort));
  const problems = table.error?.fields ?? [];
  const download = (format: string) => address(`/v1/sweeps/${sweep.id}/table`, { sort: "score", where, format });
  return (
    <div class="card" id="variants">
      <div class="section-head">
        <h2>{t("sweep.variants")}</h2>
        <form class="actions" onSubmit={(event) => { event.preventDefault(); setQuery({ where: text }); }}>
          <TextField label={t("sweep.filter")} class="mono" spellcheck={false} value={text} onValue={setText} placeholder="trades >= 50 and $per < 10" problems={problems} onSuggestion={(word, problem) => setText(applySuggestion(text, problem, word))} />
          <button type="submit">{t("screen.show")}</button>
          {where && <button type="button" class="quiet" onClick={() => setQuery({ where: null })}>{t("sweep.all")}</button>}
          <a class="button" href={download("csv")} download={`sweep-${sweep.id}.csv`}>CSV</a>
          <a class="button" href={download("parquet")} download={`sweep-${sweep.id}.parquet`}>Parquet</a>
        </form>
      </div>
      {table.error && problems.length > 0 ? null : (
        <Loaded of={table}>{(page) => <Rows sweep={sweep} page={page} parameters={parameters} />}</Loaded>
      )}
    </div>
  );
}

function Rows({ sweep, page, parameters }: { sweep: Sweep; page: SweepTablePage; parameters: readonly string[] }) {
  const [opening, setOpening] = useState<number | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const words = language.value;
  const statistic = sweep.objective.statistic;
  const open = async (variant: number) => {
    setOpening(variant);
    setError(null);
    try {
      const run = await get<Backtest>(`/v1/sweeps/${sweep.id}/variants/${variant}`, { parts: "statistics" });
      navigate(`/runs/${run.id}`);
    } catch (problem) {
      setOpening(null);
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
  };
  const names = isStatistic(statistic) && !SHOWN.includes(statistic) ? [statistic, ...SHOWN] : SHOWN;
  const columns = useMemo<Column<SweepVariant>[]>(() => [
    {
      key: "variant", title: t("sweep.variant"), sort: (row) => row.variant,
      cell: (row) => <button type="button" class="sort link" disabled={opening !== null} title={t("sweep.open", { n: row.variant })} onClick={() => open(row.variant)}>{number(row.variant)} ›</button>,
    },
    ...parameters.map((name): Column<SweepVariant> => ({
      key: `$${name}`, title: `$${name}`, align: "right", cell: (row) => parameterText(row.values[name]),
      sort: (row) => (typeof row.values[name] === "number" || typeof row.values[name] === "string" ? (row.values[name] as number | string) : null),
    })),
    ...names.map((name): Column<SweepVariant> => ({
      key: name, title: t(`stat.${name}`), align: "right", wide: name !== statistic && name !== "total_return",
      cell: (row) => row.statistics ? <StatisticValue statistics={row.statistics} name={name} /> : <span class="not-passed" title={row.error?.detail}>{t("status.failed")}</span>,
      sort: (row) => row.statistics?.[name] ?? null,
    })),
  ], [sweep.id, opening, words]);
  if (page.items.length === 0) return <Empty>{t("state.empty")}</Empty>;
  const single = parameters.length === 1 && isStatistic(statistic) ? parameters[0]! : null;
  const failed = page.items.filter((each) => each.error);
  return (
    <>
      {error && <ErrorView error={error} />}
      {single !== null && isStatistic(statistic) && page.items.length <= 60 && (
        <Bars
          caption={t(`stat.${statistic}`)}
          bars={[...page.items].sort((a, b) => a.variant - b.variant).map((each) => ({ label: parameterText(each.values[single]), value: each.statistics?.[statistic] ?? null, text: formatted(statistic, each.statistics?.[statistic]) }))}
        />
      )}
      {failed.length > 0 && <p class="warning" role="note">⚠ {t("sweep.failed-one", { n: number(failed.length) })} {failed[0]!.error!.detail}</p>}
      <VirtualTable label={t("sweep.variants")} rows={page.items} columns={columns} height={520} />
      {page.total > page.items.length && <p class="small muted">{t("sweep.limited", { n: number(page.items.length), total: number(page.total) })}</p>}
    </>
  );
}
