// What passed on each rebalance day: universe, each part of the condition, candidates, bought.
import { useMemo, useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import { requestOf } from "../../api/types.ts";
import type { Explanation, Screen, Trade } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { Bars } from "../../charts/bars.tsx";
import { figure, number, percent } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { SelectField } from "../../ui/field.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { useExplanation } from "./explanation.ts";
import type { Completed } from "./page.tsx";
import { useList } from "./parts.ts";

export function Funnel({ run }: { run: Completed }) {
  const explanation = useExplanation(run.id, true);
  const trades = useList(run.id, "trades");
  const unfilled = Object.entries(run.result.unfilled);
  return (
    <div class="stack">
      <p class="muted">{t("funnel.lead")}</p>
      <Loaded of={explanation}>{(found) => <Loaded of={trades}>{(list) => <Days run={run} explanation={found} trades={list} />}</Loaded>}</Loaded>
      <div class="card">
        <h2>{t("funnel.unfilled")}</h2>
        {unfilled.length === 0 ? <p class="muted">{t("funnel.all-filled")}</p> : (
          <Bars caption={t("funnel.unfilled")} neutral bars={unfilled.map(([reason, count]) => ({ label: named("unfilled", reason), value: count, text: number(count) }))} />
        )}
      </div>
    </div>
  );
}

function Days({ run, explanation, trades }: { run: Completed; explanation: Explanation; trades: readonly Trade[] }) {
  const days = explanation.rebalances ?? [];
  const [date, setDate] = useState(days.at(-1)?.date ?? "");
  const [part, setPart] = useState<string | null>(null);
  const day = days.find((each) => each.date === date);
  const bought = useMemo(() => {
    const counts = new Map<string, number>();
    for (const trade of trades) if (trade.side === "buy") counts.set(trade.date, (counts.get(trade.date) ?? 0) + 1);
    return counts;
  }, [trades]);
  if (!day) return <Empty>{t("funnel.none")}</Empty>;
  const count = bought.get(date) ?? 0;
  const of = (n: number) => `${number(n)} (${percent(day.universe > 0 ? n / day.universe : null, 1)})`;
  const steps = [
    { label: t("funnel.universe"), value: day.universe, text: number(day.universe) },
    ...day.parts.map((each) => ({ label: each.condition, value: each.passed, text: of(each.passed) })),
    { label: t("funnel.candidates"), value: day.candidates, text: of(day.candidates) },
    { label: t("funnel.bought"), value: count, text: number(count) },
  ];
  return (
    <div class="card stack">
      <SelectField
        label={t("funnel.day", { n: number(days.length) })}
        value={date}
        options={days.map((each) => [each.date, `${each.date} (${t("unit.stocks", { n: each.candidates })})`] as const).reverse()}
        onValue={setDate}
      />
      <p class="small muted">{t("funnel.decided", { date: day.decided_on })}</p>
      <Bars caption={t("run.tab.funnel")} neutral bars={steps} />
      <div class="actions" role="group" aria-label={t("funnel.list")}>
        <span class="small muted">{t("funnel.list")}</span>
        {day.parts.map((each) => (
          <button type="button" class="chip" key={each.condition} aria-pressed={part === each.condition} onClick={() => setPart(part === each.condition ? null : each.condition)}>
            {each.condition}
          </button>
        ))}
      </div>
      {part && <Passed run={run} condition={part} date={day.decided_on} />}
    </div>
  );
}

function Passed({ run, condition, date }: { run: Completed; condition: string; date: string }) {
  const { buy, universe } = requestOf(run).strategy;
  const query = {
    where: condition, date, rank_by: buy?.rank_by, order: buy?.order, limit: 50,
    markets: universe?.markets ?? undefined, kinds: universe?.kinds ?? undefined, sectors: universe?.sectors ?? undefined,
  };
  const found = useResource(JSON.stringify(query), (abort) => get<Screen>("/v1/screen", query, abort));
  return (
    <Loaded of={found} empty={(screen) => screen.items.length === 0}>
      {(screen) => (
        <>
          <p class="small muted">{t("funnel.passed", { total: number(screen.total), shown: number(screen.items.length), rank: buy?.rank_by ?? "MARKET_CAP" })}</p>
          <ol class="stock-list">
            {screen.items.map((item) => (
              <li key={item.stock_code}>
                <Link href={`/stocks/${encodeURIComponent(item.stock_code)}?run=${run.id}`}>{item.name}</Link> <span class="muted small">{figure(item.value)}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </Loaded>
  );
}
