// The positions on the evening of any day of the window.
import { useEffect, useMemo, useState } from "preact/hooks";
import { address, all, get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { Holding, Holdings, Stock } from "../../api/types.ts";
import { Link, queryValue, setQuery } from "../../app/router.tsx";
import { Bars } from "../../charts/bars.tsx";
import { number, percent, shortWon } from "../../format/number.ts";
import { language, t } from "../../i18n/index.ts";
import { Change, Gain } from "../../ui/change.tsx";
import { Field } from "../../ui/field.tsx";
import { Loaded } from "../../ui/states.tsx";
import { VirtualTable } from "../../ui/virtual-table.tsx";
import { bySector } from "./exposure.ts";
import type { Completed } from "./page.tsx";

export function HoldingsTab({ run }: { run: Completed }) {
  const dates = run.result.equity.map((point) => point.date);
  const wanted = queryValue("day");
  const start = wanted && dates.includes(wanted) ? wanted : dates.at(-1)!;
  const [date, setDate] = useState(start);
  useEffect(() => {
    const timer = setTimeout(() => setQuery({ day: date }), 150);
    return () => clearTimeout(timer);
  }, [date]);
  const at = dates.indexOf(date);
  const day = queryValue("day") ?? start;
  const holdings = useResource(`holdings ${run.id} ${day}`, (abort) => get<Holdings>(`/v1/backtests/${run.id}/holdings`, { date: day }, abort));
  const step = (by: number) => setDate(dates[Math.max(0, Math.min(dates.length - 1, at + by))]!);
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement && event.target.type !== "range") return;
      if (event.key === "[") step(-1);
      if (event.key === "]") step(1);
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  return (
    <div class="stack">
      <div class="card day-picker">
        <Field label={t("holdings.day", { date })} help={t("holdings.help")}>
          {(control) => <input {...control} type="range" min={0} max={dates.length - 1} value={at} aria-valuetext={date} onInput={(event) => setDate(dates[Number(event.currentTarget.value)]!)} />}
        </Field>
        <div class="actions">
          <button type="button" onClick={() => step(-1)}>← {t("holdings.before")}</button>
          <button type="button" onClick={() => step(1)}>{t("holdings.after")} →</button>
          <a class="button" href={address(`/v1/backtests/${run.id}/holdings`, { date: day, format: "csv" })} download={`holdings-${run.id}-${day}.csv`}>CSV</a>
        </div>
      </div>
      <Loaded of={holdings}>{(found) => <DayTable found={found} runId={run.id} />}</Loaded>
    </div>
  );
}

function BySector({ found }: { found: Holdings }) {
  const stocks = useResource("sectors of stocks", (abort) => all<Stock>("/v1/stocks", { limit: 1000 }, 10_000, abort));
  const sectors = useMemo(() => new Map((stocks.data ?? []).map((each) => [each.stock_code, each.sector ?? null])), [stocks.data]);
  const groups = bySector(found.holdings, sectors, found.equity, t("holdings.no-sector"));
  if (groups.length === 0) return null;
  return (
    <div class="card">
      <h2>{t("holdings.sectors")}</h2>
      <Loaded of={stocks}>
        {() => <Bars neutral caption={t("holdings.sectors")} bars={groups.map((each) => ({ label: `${each.sector} (${number(each.count)})`, value: each.weight, text: percent(each.weight, 1) }))} />}
      </Loaded>
    </div>
  );
}

function DayTable({ found, runId }: { found: Holdings; runId: string }) {
  const words = language.value;
  const value = found.holdings.reduce((sum, each) => sum + each.value, 0);
  const largest = [...found.holdings].sort((a, b) => b.value - a.value).slice(0, 5).reduce((sum, each) => sum + each.value, 0);
  const share = (part: number) => (found.equity > 0 ? percent(part / found.equity, 1) : "–");
  const figures: [string, string][] = [
    [t("run.equity"), shortWon(found.equity, words)],
    [t("run.cash"), `${shortWon(found.cash, words)} (${share(found.cash)})`],
    [t("holdings.invested"), `${shortWon(value, words)} (${share(value)})`],
    [t("holdings.count"), t("unit.stocks", { n: found.holdings.length })],
    [t("holdings.largest"), share(largest)],
  ];
  return (
    <div class="stack">
      <dl class="freshness">{figures.map(([name, text]) => <div key={name}><dt>{name}</dt><dd>{text}</dd></div>)}</dl>
      <VirtualTable<Holding>
        label={t("run.tab.holdings")}
        rows={found.holdings}
        order="-value"
        height={520}
        columns={[
          { key: "name", title: t("trade.stock"), sort: (h) => h.name, cell: (h) => <Link href={`/stocks/${encodeURIComponent(h.stock_code)}?run=${runId}`}>{h.name}</Link> },
          { key: "value", title: t("holdings.value"), align: "right", sort: (h) => h.value, cell: (h) => number(h.value) },
          { key: "weight", title: t("holdings.weight"), align: "right", sort: (h) => h.weight, cell: (h) => percent(h.weight, 1) },
          { key: "return", title: t("holdings.return"), align: "right", sort: (h) => h.return, cell: (h) => <Change value={h.return} /> },
          { key: "gain", title: t("holdings.gain"), align: "right", wide: true, sort: (h) => h.gain, cell: (h) => <Gain value={h.gain} /> },
          { key: "shares", title: t("trade.shares"), align: "right", wide: true, sort: (h) => h.shares, cell: (h) => number(h.shares) },
          { key: "entry", title: t("holdings.entry"), align: "right", wide: true, sort: (h) => h.entry_price, cell: (h) => number(h.entry_price) },
          { key: "price", title: t("holdings.price"), align: "right", wide: true, sort: (h) => h.price, cell: (h) => number(h.price) },
          { key: "since", title: t("holdings.since"), wide: true, sort: (h) => h.entry_date, cell: (h) => h.entry_date },
        ]}
      />
      <BySector found={found} />
    </div>
  );
}
