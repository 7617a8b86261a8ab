// Paper accounts: the list, and a new one from a strategy or a backtest.
import { useEffect, useState } from "preact/hooks";
import { all, get, post } from "../../api/client.ts";
import { ApiError, problemsAt } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import { requestOf } from "../../api/types.ts";
import type { AccountBody, AccountDetail, AccountPage, AccountSummary, Backtest, StrategyDocument, StrategyList } from "../../api/types.ts";
import { Link, navigate, queryValue } from "../../app/router.tsx";
import { number, shortWon } from "../../format/number.ts";
import { language, local, t } from "../../i18n/index.ts";
import { SelectField, TextField } from "../../ui/field.tsx";
import { ErrorView, Loaded } from "../../ui/states.tsx";

function NewAccount({ from }: { from: string | null }) {
  const strategies = useResource(from ? null : "account strategies", async (abort) => {
    const [presets, catalogue] = await Promise.all([
      get<StrategyList>("/v1/presets", {}, abort), all<StrategyDocument>("/v1/strategies", { limit: 200 }, 1000, abort),
    ]);
    return [...presets.items, ...catalogue];
  });
  const run = useResource(from && `account run ${from}`, (abort) => get<Backtest>(`/v1/backtests/${from}`, { parts: "statistics" }, abort));
  const [own, setOwn] = useState({ strategy: "", name: "", start: "" });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const problems = error?.fields ?? [];
  const create = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    const request = run.data && requestOf(run.data);
    const body: Partial<AccountBody> = request
      ? { strategy: request.strategy, initial_cash: request.initial_cash, costs: request.costs, execution: request.execution, benchmark: request.benchmark }
      : { strategy: own.strategy || strategies.data?.[0]?.id || "" };
    if (own.name.trim()) body.name = own.name.trim();
    if (own.start) body.start = own.start;
    try {
      navigate(`/accounts/${(await post<AccountDetail>("/v1/accounts", body)).id}`);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
      setBusy(false);
    }
  };
  const shown = ["name", "start"];
  return (
    <form class="card" onSubmit={create}>
      <h2>{t("account.new")}</h2>
      <div class="filters">
        {from ? <p>{t("sweep.from-run")} <Link href={`/runs/${from}`}>{t("sweep.run")}</Link></p> : (
          <SelectField label={t("runs.strategy")} value={own.strategy || (strategies.data?.[0]?.id ?? "")} options={(strategies.data ?? []).map((each) => [each.id, local(each.name_ko, each.name_en)] as const)} onValue={(strategy) => setOwn({ ...own, strategy })} />
        )}
        <TextField label={t("account.name")} maxLength={200} value={own.name} onValue={(name) => setOwn({ ...own, name })} problems={problemsAt(problems, "name")} />
        <TextField label={t("account.start")} type="date" value={own.start} onValue={(start) => setOwn({ ...own, start })} problems={problemsAt(problems, "start")} />
        <button type="submit" class="primary" disabled={busy || (from !== null && !run.data)}>{t("account.create")}</button>
      </div>
      <p class="small muted">{t("account.start.help")}</p>
      {run.error && <ErrorView error={run.error} retry={run.reload} />}
      {error && problems.every((each) => !shown.includes(each.path)) && <ErrorView error={error} />}
    </form>
  );
}

function AccountTable({ items }: { items: readonly AccountSummary[] }) {
  const words = language.value;
  return (
    <div class="table-scroll">
      <table class="plain">
        <thead><tr><th scope="col">{t("account.account")}</th><th scope="col" class="wide">{t("account.start")}</th><th scope="col">{t("account.as-of")}</th><th scope="col" class="right">{t("run.equity")}</th><th scope="col" class="right wide">{t("run.cash")}</th><th scope="col" class="right wide">{t("holdings.count")}</th></tr></thead>
        <tbody>
          {items.map((each) => (
            <tr key={each.id}>
              <th scope="row"><Link href={`/accounts/${each.id}`}>{each.name}</Link>{each.public && <> <span class="tag">{t("account.public")}</span></>}{each.error && <> <span class="tag failed">{t("account.failed")}</span></>}</th>
              <td class="wide nowrap">{each.start}</td>
              <td class="nowrap">{each.as_of ?? "–"}</td>
              <td class="right nowrap">{each.equity === null ? "–" : shortWon(each.equity, words)}</td>
              <td class="right nowrap wide">{each.cash === null ? "–" : shortWon(each.cash, words)}</td>
              <td class="right wide">{number(each.position_count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export default function AccountsPage() {
  const first = useResource("accounts", (abort) => get<AccountPage>("/v1/accounts", { limit: 50 }, abort));
  const [more, setMore] = useState<{ items: AccountSummary[]; cursor: string | null } | null>(null);
  useEffect(() => setMore(null), [first.data]);
  const cursor = more ? more.cursor : (first.data?.next_cursor ?? null);
  const items = [...(first.data?.items ?? []), ...(more?.items ?? [])];
  const mine = items.filter((each) => !each.public);
  const shared = items.filter((each) => each.public);
  const loadMore = async () => {
    const page = await get<AccountPage>("/v1/accounts", { limit: 50, cursor });
    setMore({ items: [...(more?.items ?? []), ...page.items], cursor: page.next_cursor });
  };
  return (
    <>
      <div class="page-head"><div><h1>{t("nav.accounts")}</h1><p class="muted">{t("account.lead")}</p></div></div>
      <div class="stack">
        <NewAccount from={queryValue("from")} />
        <Loaded of={first} empty={(page) => page.items.length === 0}>
          {() => (
            <>
              {mine.length > 0 && <AccountTable items={mine} />}
              {shared.length > 0 && <><h2>{t("account.public.title")}</h2><AccountTable items={shared} /></>}
              {cursor && <p class="center"><button type="button" onClick={loadMore}>{t("action.more")}</button></p>}
            </>
          )}
        </Loaded>
      </div>
    </>
  );
}
