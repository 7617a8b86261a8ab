// The list of backtests, by status and strategy.
import { useEffect, useState } from "preact/hooks";
import { all, get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { BacktestItem, BacktestList, StrategyDocument } from "../../api/types.ts";
import { queryValue, setQuery } from "../../app/router.tsx";
import { local, t } from "../../i18n/index.ts";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Loaded } from "../../ui/states.tsx";
import { RunRows } from "./rows.tsx";

const STATUSES = ["completed", "running", "queued", "failed", "cancelled"] as const;

export default function RunsPage() {
  const status = queryValue("status") ?? "";
  const strategy = queryValue("strategy") ?? "";
  const origin = queryValue("origin") ?? "user";
  const name = queryValue("name") ?? "";
  const starred = queryValue("starred");
  const filter = { status, strategy, name, starred, origin: origin === "all" ? null : origin, limit: 50 };
  const strategies = useResource("strategies", (abort) => all<StrategyDocument>("/v1/strategies", { limit: 200 }, 1000, abort));
  const first = useResource(JSON.stringify(filter), (abort) => get<BacktestList>("/v1/backtests", filter, abort));
  const [more, setMore] = useState<{ items: BacktestItem[]; cursor: string | null } | null>(null);
  useEffect(() => setMore(null), [first.data]);
  const cursor = more ? more.cursor : (first.data?.next_cursor ?? null);
  const nameOf = (id: string | null): string | null => {
    const found = strategies.data?.find((each) => each.id === id);
    return found ? local(found.name_ko, found.name_en) : id;
  };
  const loadMore = async () => {
    const page = await get<BacktestList>("/v1/backtests", { ...filter, cursor });
    setMore({ items: [...(more?.items ?? []), ...page.items], cursor: page.next_cursor });
  };
  return (
    <>
      <div class="page-head"><div><h1>{t("nav.runs")}</h1></div></div>
      <div class="filters">
        <SelectField
          label={t("runs.status")}
          value={status}
          options={[["", t("runs.any")], ...STATUSES.map((each) => [each, t(`status.${each}`)] as const)]}
          onValue={(value) => setQuery({ status: value })}
        />
        <SelectField
          label={t("runs.strategy")}
          value={strategy}
          options={[["", t("runs.any")], ...(strategies.data ?? []).map((each) => [each.id, local(each.name_ko, each.name_en)] as const)]}
          onValue={(value) => setQuery({ strategy: value })}
        />
        <SelectField
          label={t("runs.origin")}
          value={origin}
          options={[["user", t("runs.origin.user")], ["warmer", t("runs.origin.warmer")], ["all", t("runs.any")]]}
          onValue={(value) => setQuery({ origin: value === "user" ? null : value })}
        />
        <TextField label={t("runs.find")} type="search" value={name} onValue={(value) => setQuery({ name: value })} />
        <button type="button" aria-pressed={starred === "true"} class="chip" onClick={() => setQuery({ starred: starred ? null : "true" })}>★ {t("runs.starred")}</button>
      </div>
      <Loaded of={first} empty={(page) => page.items.length === 0}>
        {(page) => (
          <>
            <RunRows items={[...page.items, ...(more?.items ?? [])]} nameOf={nameOf} />
            {cursor && <p class="center"><button type="button" onClick={loadMore}>{t("action.more")}</button></p>}
          </>
        )}
      </Loaded>
    </>
  );
}
