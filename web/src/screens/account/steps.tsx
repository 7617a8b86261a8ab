// The trading days of the account, the newest first, with their fills.
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { AccountDetail, AccountStep, AccountStepPage } from "../../api/types.ts";
import { setQuery } from "../../app/router.tsx";
import { number } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { Gain } from "../../ui/change.tsx";
import { Loaded } from "../../ui/states.tsx";

const part = (of: { shares: number; price: number } | null) => (of ? `${number(of.shares)} × ${number(of.price)}` : "–");
const fill = (of: { side: string; name: string; shares: number; price: number }) => `${mark(of.side)} ${of.name} ${part(of)}`;
const mark = (side: string) => (side === "buy" ? "▲" : "▽");

export function Steps({ account }: { account: AccountDetail }) {
  const first = useResource(`steps ${account.id} ${account.stepped_at}`, (abort) => get<AccountStepPage>(`/v1/accounts/${account.id}/steps`, { limit: 20 }, abort));
  const [more, setMore] = useState<{ items: AccountStep[]; cursor: string | null } | null>(null);
  useEffect(() => setMore(null), [first.data]);
  const cursor = more ? more.cursor : (first.data?.next_cursor ?? null);
  const loadMore = async () => {
    const page = await get<AccountStepPage>(`/v1/accounts/${account.id}/steps`, { limit: 200, cursor });
    setMore({ items: [...(more?.items ?? []), ...page.items], cursor: page.next_cursor });
  };
  return (
    <div class="card">
      <h2>{t("account.steps")}</h2>
      <Loaded of={first} empty={(page) => page.items.length === 0}>
        {(page) => (
          <>
            <div class="table-scroll" tabIndex={0} role="region" aria-label={t("account.steps")}>
              <table class="plain">
                <thead><tr><th scope="col">{t("run.date")}</th><th scope="col">{t("runs.status")}</th><th scope="col" class="right">{t("run.equity")}</th><th scope="col" class="right wide">{t("account.orders.title")}</th><th scope="col" class="wide">{t("account.fills")}</th></tr></thead>
                <tbody>
                  {[...page.items, ...(more?.items ?? [])].map((step) => (
                    <tr key={step.date}>
                      <th scope="row" class="nowrap"><button type="button" class="sort link" onClick={() => { setQuery({ day: step.date }); scrollTo(0, 0); }}>{step.date}</button></th>
                      <td>{named("account.status", step.status)}{step.live && <> <span class="tag completed">{t("account.live")}</span></>}</td>
                      <td class="right nowrap">{number(step.equity)}</td>
                      <td class="right wide">{number(step.orders)}</td>
                      <td class="wide small"><Fills step={step} /></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {cursor && <p class="center"><button type="button" onClick={loadMore}>{t("action.more")}</button></p>}
          </>
        )}
      </Loaded>
    </div>
  );
}

/** The fills of a day; those of opening quotes until its row is loaded, and then how the booked ones differ. */
function Fills({ step }: { step: AccountStep }) {
  const { provisional, reconciliation } = step;
  const fills = (provisional && !reconciliation ? provisional : step).fills.map(fill).join(", ") || "–";
  return (
    <>
      {provisional && !reconciliation && <span class="tag">{t("account.provisional")}</span>} {fills}
      {reconciliation && reconciliation.length > 0 && (
        <details>
          <summary>{t("account.reconciliation")} <Gain value={reconciliation.reduce((sum, each) => sum + each.won, 0)} /></summary>
          {reconciliation.map((each) => (
            <div key={`${each.stock_code} ${each.side} ${each.reason}`}>
              {mark(each.side)} {each.name} {part(each.provisional)} → {part(each.booked)} {each.cause && <><Gain value={each.won} /> {named("account.cause", each.cause)}</>}
            </div>
          ))}
        </details>
      )}
    </>
  );
}
