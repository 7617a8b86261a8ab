// One stock: candles and volume, with the fills of a backtest when its id is in the address.
import { useMemo, useState } from "preact/hooks";
import { all, get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { DatasetDetail, Prices, Stock, Trade } from "../../api/types.ts";
import { Link, queryValue, setQuery } from "../../app/router.tsx";
import type { ScreenProps } from "../../app/screens.tsx";
import { yearsBefore } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { local, named, t } from "../../i18n/index.ts";
import { Loaded } from "../../ui/states.tsx";
import { VirtualTable } from "../../ui/virtual-table.tsx";
import { PriceChart } from "./price-chart.tsx";

const YEARS = [1, 3, 5, 10] as const;

export default function StockPage({ id }: ScreenProps) {
  const run = queryValue("run");
  const stock = useResource(`stock ${id}`, (abort) => get<Stock>(`/v1/stocks/${encodeURIComponent(id)}`, {}, abort));
  const trades = useResource(run && `trades ${run}`, (abort) => all<Trade>(`/v1/backtests/${run}/trades`, { limit: 10_000 }, 200_000, abort));
  const fills = useMemo(() => (trades.data ?? []).filter((trade) => trade.stock_code === id), [trades.data, id]);
  const dataset = useResource("dataset current", (abort) => get<DatasetDetail>("/v1/datasets/current", {}, abort));
  const last = stock.data?.delisted_on && dataset.data?.last_day && stock.data.delisted_on < dataset.data.last_day ? stock.data.delisted_on : dataset.data?.last_day;
  const wanted = Number(queryValue("years"));
  const years = YEARS.find((each) => each === wanted) ?? (run ? 0 : 1);
  // with a backtest and no choice of years the chart spans its fills
  const start = years > 0 || fills.length === 0 ? last && yearsBefore(last, years || 1) : yearsBefore(fills[0]!.date, 0);
  const waits = run !== null && trades.loading && trades.data === null;
  const prices = useResource(last && start && !waits ? `prices ${id} ${start} ${last}` : null, (abort) =>
    get<Prices>(`/v1/stocks/${encodeURIComponent(id)}/prices`, { start, end: last }, abort),
  );
  return (
    <>
      <Loaded of={stock}>
        {(found) => (
          <div class="page-head">
            <div>
              <h1>{local(found.name, found.name_en)} <span class="muted small">{found.stock_code}</span></h1>
              <p class="muted">{[found.market, found.sector, found.listed_on && t("stock.since", { date: found.listed_on }), found.delisted_on && t("stock.until", { date: found.delisted_on })].filter(Boolean).join(" · ")}</p>
            </div>
            <div class="actions">
              {YEARS.map((each) => <button type="button" class="chip" aria-pressed={years === each} onClick={() => setQuery({ years: String(each) })}>{t("stock.years", { n: each })}</button>)}
              {run && <Link class="button" href={`/runs/${run}?tab=trades`}>{t("stock.back")}</Link>}
            </div>
          </div>
        )}
      </Loaded>
      <div class="stack">
        <Loaded of={prices} empty={(found) => found.dates.length === 0}>{(found) => <PriceChart prices={found} fills={fills} />}</Loaded>
        {run && <Fills fills={fills} loading={trades.loading} />}
      </div>
    </>
  );
}

function Fills({ fills, loading }: { fills: Trade[]; loading: boolean }) {
  const [selected, setSelected] = useState<Trade | null>(null);
  if (loading) return null;
  return (
    <div>
      <h2>{t("stock.fills", { n: number(fills.length) })}</h2>
      {fills.length > 0 && (
        <VirtualTable
          label={t("stock.fills", { n: fills.length })}
          rows={fills}
          height={360}
          selected={selected}
          onSelect={(trade) => {
            setSelected(trade);
            setQuery({ day: trade.date });
          }}
          columns={[
            { key: "date", title: t("run.date"), cell: (trade) => trade.date, sort: (trade) => trade.date },
            { key: "side", title: t("trade.side"), cell: (trade) => <span class={`side ${trade.side}`}>{trade.side === "buy" ? "▲ " : "▽ "}{t(`trade.${trade.side}`)}</span>, sort: (trade) => trade.side },
            { key: "reason", title: t("trade.reason"), cell: (trade) => named("reason", trade.reason), sort: (trade) => trade.reason },
            { key: "shares", title: t("trade.shares"), align: "right", cell: (trade) => number(trade.shares), sort: (trade) => trade.shares },
            { key: "price", title: t("trade.price"), align: "right", cell: (trade) => number(trade.price), sort: (trade) => trade.price },
          ]}
        />
      )}
    </div>
  );
}
