// All trades: sort, filter by reason and text, download; a selected trade shows why it was made.
import { useMemo, useState } from "preact/hooks";
import { address } from "../../api/client.ts";
import type { Trade } from "../../api/types.ts";
import { number, won } from "../../format/number.ts";
import { language, named, t } from "../../i18n/index.ts";
import { TextField } from "../../ui/field.tsx";
import { ErrorView, Loaded, Loading } from "../../ui/states.tsx";
import { VirtualTable } from "../../ui/virtual-table.tsx";
import type { Column } from "../../ui/virtual-table.tsx";
import { useExplanation } from "./explanation.ts";
import type { Completed } from "./page.tsx";
import { useList } from "./parts.ts";
import { TradeWhy } from "./why.tsx";

export interface Row {
  at: number;
  trade: Trade;
}

/** Return how many trades each reason made, the most frequent first. */
export function reasonsOf(trades: readonly Trade[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const trade of trades) counts.set(trade.reason, (counts.get(trade.reason) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function columns(): Column<Row>[] {
  return [
    { key: "date", title: t("run.date"), cell: ({ trade }) => trade.date, sort: ({ at }) => at },
    {
      key: "name", title: t("trade.stock"), sort: ({ trade }) => trade.name,
      cell: ({ trade }) => <>{trade.name} <span class="muted small wide">{trade.stock_code}</span></>,
    },
    {
      key: "side", title: t("trade.side"), sort: ({ trade }) => trade.side,
      cell: ({ trade }) => <span class={`side ${trade.side}`}>{trade.side === "buy" ? "▲ " : "▽ "}{t(`trade.${trade.side}`)}</span>,
    },
    { key: "reason", title: t("trade.reason"), cell: ({ trade }) => named("reason", trade.reason), sort: ({ trade }) => trade.reason },
    { key: "shares", title: t("trade.shares"), align: "right", wide: true, cell: ({ trade }) => number(trade.shares), sort: ({ trade }) => trade.shares },
    { key: "price", title: t("trade.price"), align: "right", wide: true, cell: ({ trade }) => number(trade.price), sort: ({ trade }) => trade.price },
    { key: "value", title: t("trade.value"), align: "right", wide: true, cell: ({ trade }) => number(trade.shares * trade.price), sort: ({ trade }) => trade.shares * trade.price },
    { key: "costs", title: t("trade.costs"), align: "right", wide: true, cell: ({ trade }) => number(trade.commission + trade.tax), sort: ({ trade }) => trade.commission + trade.tax },
  ];
}

export function TradesTab({ run }: { run: Completed }) {
  const trades = useList(run.id, "trades");
  return <Loaded of={trades}>{(found) => <Trades run={run} trades={found} />}</Loaded>;
}

function Trades({ run, trades }: { run: Completed; trades: readonly Trade[] }) {
  const [reason, setReason] = useState<string | null>(null);
  const [text, setText] = useState("");
  const [selected, setSelected] = useState<Row | null>(null);
  const explanation = useExplanation(run.id, selected !== null);
  const rows = useMemo(() => trades.map((trade, at) => ({ at, trade })), [trades]);
  const reasons = useMemo(() => reasonsOf(trades), [trades]);
  const shown = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return rows.filter(({ trade }) =>
      (reason === null || trade.reason === reason) &&
      (wanted === "" || trade.name.toLowerCase().includes(wanted) || trade.stock_code.toLowerCase().includes(wanted)));
  }, [rows, reason, text]);
  const words = language.value;
  const shownColumns = useMemo(columns, [words]);
  const download = (format: string) => address(`/v1/backtests/${run.id}/trades`, { format });
  return (
    <div class="stack">
      <div class="filters">
        <TextField label={t("trade.find")} type="search" value={text} onValue={setText} />
        <div class="actions" role="group" aria-label={t("trade.reason")}>
          <button type="button" class="chip" aria-pressed={reason === null} onClick={() => setReason(null)}>{t("trade.all", { n: number(rows.length) })}</button>
          {reasons.map(([each, count]) => (
            <button type="button" class="chip" key={each} aria-pressed={reason === each} onClick={() => setReason(reason === each ? null : each)}>
              {named("reason", each)} {number(count)}
            </button>
          ))}
        </div>
        <div class="actions">
          <a class="button" href={download("csv")} download={`trades-${run.id}.csv`}>CSV</a>
          <a class="button" href={download("xlsx")} download={`trades-${run.id}.xlsx`}>Excel</a>
          <a class="button" href={download("parquet")} download={`trades-${run.id}.parquet`}>Parquet</a>
        </div>
      </div>
      <p class="small muted">{t("trade.lead")}</p>
      <div class={selected ? "with-side" : undefined}>
        <VirtualTable label={t("run.tab.trades")} rows={shown} columns={shownColumns} height={560} selected={selected} onSelect={(row) => setSelected(row === selected ? null : row)} />
        {selected && (
          <aside class="card side-panel" aria-label={t("why.title")}>
            <button type="button" class="quiet close" onClick={() => setSelected(null)}>{t("action.close")}</button>
            <h2>{selected.trade.name}</h2>
            <p class="muted">
              {selected.trade.date} · {t(`trade.${selected.trade.side}`)} · {t("trade.line", { shares: number(selected.trade.shares), price: won(selected.trade.price, words) })}
            </p>
            {explanation.error ? <ErrorView error={explanation.error} retry={explanation.reload} /> : null}
            {!explanation.data && !explanation.error && <Loading text={t("why.loading")} />}
            {explanation.data?.trades?.[selected.at] && (
              <TradeWhy trade={explanation.data.trades[selected.at]!} runId={run.id} />
            )}
          </aside>
        )}
      </div>
    </div>
  );
}
