// The stocks that fulfil a condition on a day, in the order of a number.
import { useState } from "preact/hooks";
import { address, get } from "../../api/client.ts";
import { problemsAt } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { Screen, ScreenItem, Values } from "../../api/types.ts";
import { Link, queryValue, setQuery } from "../../app/router.tsx";
import { figure, number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { SelectField, TextField } from "../../ui/field.tsx";
import { applySuggestion } from "../../ui/problem.tsx";
import { Empty, ErrorView, Loading } from "../../ui/states.tsx";
import { VirtualTable } from "../../ui/virtual-table.tsx";
import type { Column } from "../../ui/virtual-table.tsx";

const LIMIT = 500;
const WITH_VALUES = 100; // stocks whose further columns are read at once

export default function ScreenerPage() {
  const [where, setWhere] = useState(queryValue("where") ?? "PER < 10 and ROE > 10");
  const [rankBy, setRankBy] = useState(queryValue("rank_by") ?? "MARKET_CAP");
  const [order, setOrder] = useState<"asc" | "desc">(queryValue("order") === "asc" ? "asc" : "desc");
  const [date, setDate] = useState(queryValue("date") ?? "");
  const sent = { where: queryValue("where") ?? "PER < 10 and ROE > 10", rank_by: queryValue("rank_by"), order: queryValue("order"), date: queryValue("date"), markets: queryValue("markets"), kinds: queryValue("kinds"), sectors: queryValue("sectors"), limit: LIMIT };
  const universe = [sent.markets, sent.kinds, sent.sectors].filter(Boolean).join(" · ");
  const found = useResource(JSON.stringify(sent), (abort) => get<Screen>("/v1/screen", sent, abort));
  const problems = found.error?.fields ?? [];
  const submit = (event: Event) => {
    event.preventDefault();
    setQuery({ where, rank_by: rankBy, order: order === "desc" ? null : order, date }, { replace: false });
    found.reload();
  };
  const rest = problems.filter((problem) => !["where", "rank_by", "date"].includes(problem.path));
  return (
    <>
      <div class="page-head"><div><h1>{t("nav.screen")}</h1><p class="muted">{t("screen.lead")}</p></div></div>
      <form class="card screen-form" onSubmit={submit}>
        <TextField label={t("screen.where")} value={where} onValue={setWhere} class="mono" spellcheck={false} autocomplete="off" problems={problemsAt(problems, "where")} onSuggestion={(word, problem) => setWhere(applySuggestion(where, problem, word))} />
        <TextField label={t("screen.rank")} value={rankBy} onValue={setRankBy} class="mono" spellcheck={false} autocomplete="off" problems={problemsAt(problems, "rank_by")} onSuggestion={(word, problem) => setRankBy(applySuggestion(rankBy, problem, word))} />
        <SelectField label={t("screen.order")} value={order} options={[["desc", t("screen.desc")], ["asc", t("screen.asc")]]} onValue={setOrder} />
        <TextField label={t("screen.date")} type="date" value={date} onValue={setDate} problems={problemsAt(problems, "date")} />
        <button type="submit" class="primary">{t("screen.find")}</button>
      </form>
      {universe && <p class="small">{t("screen.universe")} <code>{universe}</code> <button type="button" class="chip" onClick={() => setQuery({ markets: null, kinds: null, sectors: null })}>{t("screen.universe.clear")}</button></p>}
      {found.error && (problems.length === 0 || rest.length > 0) && <ErrorView error={found.error} retry={found.reload} />}
      {!found.data && !found.error && <Loading />}
      {found.data && !found.error && <Found screen={found.data} query={sent} rankBy={sent.rank_by ?? "MARKET_CAP"} stale={found.loading} />}
    </>
  );
}

function Found({ screen, query, rankBy, stale }: { screen: Screen; query: Record<string, string | number | null>; rankBy: string; stale: boolean }) {
  const wanted = queryValue("columns") ?? "PER,PBR,ROE";
  const [text, setText] = useState(wanted);
  const codes = screen.items.slice(0, WITH_VALUES).map((item) => item.stock_code);
  const values = useResource(codes.length > 0 && wanted ? `values ${wanted} ${codes} ${screen.date}` : null, (abort) =>
    get<Values>("/v1/values", { fields: wanted, codes, start: screen.date, end: screen.date }, abort),
  );
  const byCode = new Map((values.data?.columns["stock_code"] ?? []).map((code, at) => [code as string, at]));
  const valueOf = (item: ScreenItem, field: string): number | null => {
    const at = byCode.get(item.stock_code);
    return at === undefined ? null : ((values.data?.columns[field]?.[at] as number | null | undefined) ?? null);
  };
  const columns: Column<ScreenItem>[] = [
    { key: "rank", title: t("stocks.rank"), align: "right", cell: (item) => item.rank, sort: (item) => item.rank },
    { key: "name", title: t("trade.stock"), sort: (item) => item.name, cell: (item) => <><Link href={`/stocks/${encodeURIComponent(item.stock_code)}`}>{item.name}</Link> <span class="muted small wide">{item.stock_code}</span></> },
    { key: "value", title: rankBy, align: "right", cell: (item) => figure(item.value), sort: (item) => item.value },
    ...(values.data?.fields ?? []).filter((field) => field !== rankBy).map((field): Column<ScreenItem> => ({
      key: `field ${field}`, title: field, align: "right", wide: true, cell: (item) => figure(valueOf(item, field)), sort: (item) => valueOf(item, field),
    })),
  ];
  return (
    <section class={stale ? "stale" : undefined}>
      <div class="section-head">
        <p><strong>{t("screen.total", { total: number(screen.total) })}</strong> <span class="muted small">{t("stocks.date", { date: screen.date })}</span></p>
        <form class="actions" onSubmit={(event) => { event.preventDefault(); setQuery({ columns: text }); }}>
          <TextField label={t("screen.columns")} value={text} onValue={setText} class="mono" problems={values.error?.fields ?? []} onSuggestion={(word, problem) => setText(applySuggestion(text, problem, word))} />
          <button type="submit">{t("screen.show")}</button>
          <a class="button" href={address("/v1/screen", { ...query, limit: 10_000, format: "csv" })} download={`screen-${screen.date}.csv`}>CSV</a>
        </form>
      </div>
      {screen.warnings.map((warning) => <p class="warning" role="note" key={warning.message}>⚠ {warning.message}</p>)}
      {screen.items.length === 0 ? <Empty>{t("screen.none")}</Empty> : (
        <>
          <VirtualTable label={t("nav.screen")} rows={screen.items} columns={columns} height={620} />
          {screen.total > screen.items.length && <p class="small muted">{t("screen.limited", { n: number(screen.items.length) })}</p>}
        </>
      )}
    </section>
  );
}
