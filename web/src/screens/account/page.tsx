// One paper account: equity against its backtest, the orders of the day, positions, steps and drift.
import { useState } from "preact/hooks";
import { call, get, post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { AccountDetail, AccountStepped, DriftPage } from "../../api/types.ts";
import { navigate } from "../../app/router.tsx";
import type { ScreenProps } from "../../app/screens.tsx";
import { instant } from "../../format/date.ts";
import { number, shortWon } from "../../format/number.ts";
import { language, named, t } from "../../i18n/index.ts";
import { Change, Gain } from "../../ui/change.tsx";
import { Empty, ErrorView, Loaded } from "../../ui/states.tsx";
import { AccountCurve } from "./curve.tsx";
import { Orders } from "./orders.tsx";
import { Positions } from "./positions.tsx";
import { Steps } from "./steps.tsx";

export default function AccountScreen({ id }: ScreenProps) {
  const account = useResource(`account ${id}`, (abort) => get<AccountDetail>(`/v1/accounts/${encodeURIComponent(id)}`, {}, abort));
  return <Loaded of={account}>{(found) => <Report account={found} reload={account.reload} />}</Loaded>;
}

function Report({ account, reload }: { account: AccountDetail; reload: () => void }) {
  const words = language.value;
  const [said, setSaid] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [deleting, setDeleting] = useState(false);
  const attempt = async (act: () => Promise<void>) => {
    setError(null);
    try {
      await act();
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
  };
  const step = () => attempt(async () => {
    const done = await post<AccountStepped>(`/v1/accounts/${account.id}/steps`, undefined);
    setSaid(t("account.stepped", { booked: number(done.booked.length), decided: done.decided ?? "–", drift: number(done.drift.length) }));
    reload();
  });
  const pause = () => attempt(async () => {
    await call("PATCH", `/v1/accounts/${account.id}`, { body: { paused: !account.paused } });
    reload();
  });
  const remove = () => attempt(async () => {
    await call("DELETE", `/v1/accounts/${account.id}`);
    navigate("/accounts");
  });
  const initial = account.request["initial_cash"] as number;
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{account.name}{account.public && <> <span class="tag">{t("account.public")}</span></>}</h1>
          <p class="muted">{t("account.line", { start: account.start, asOf: account.as_of ?? "–" })}</p>
        </div>
        {account.changeable && (
          <div class="actions">
            <button type="button" onClick={step}>{t("account.step")}</button>
            <button type="button" aria-pressed={account.paused} onClick={pause}>{t(account.paused ? "account.resume" : "account.pause")}</button>
            {deleting ? (
              <>
                <button type="button" onClick={remove}>{t("account.delete.sure")}</button>
                <button type="button" class="quiet" onClick={() => setDeleting(false)}>{t("action.cancel")}</button>
              </>
            ) : <button type="button" onClick={() => setDeleting(true)}>{t("account.delete")}</button>}
          </div>
        )}
      </div>
      <p role="status" class="small">{said}</p>
      {error && <ErrorView error={error} />}
      {account.paused && <p class="warning" role="note">⚠ {t("account.paused")}</p>}
      {account.error && <p class="warning" role="note">⚠ {t("account.last-error")} {account.error}</p>}
      {account.drift_reports > 0 && <p class="warning" role="note">⚠ {t("account.has-drift", { n: number(account.drift_reports) })}</p>}
      <dl class="freshness">
        <div><dt>{t("run.equity")}</dt><dd>{account.equity === null ? "–" : <>{shortWon(account.equity, words)} <Change value={account.equity / initial - 1} /></>}</dd></div>
        <div><dt>{t("run.cash")}</dt><dd>{account.cash === null ? "–" : shortWon(account.cash, words)}</dd></div>
        <div><dt>{t("holdings.count")}</dt><dd>{account.position_count === null ? "–" : t("unit.stocks", { n: account.position_count })}</dd></div>
        <div><dt>{t("account.stepped-at")}</dt><dd>{account.stepped_at ? instant(account.stepped_at) : "–"}</dd></div>
      </dl>
      <div class="stack">
        <Orders account={account} />
        {account.curve.date.length > 1 && <AccountCurve account={account} />}
        <Positions account={account} />
        <Drift account={account} />
        <Steps account={account} />
      </div>
    </>
  );
}

function Drift({ account }: { account: AccountDetail }) {
  const drift = useResource(account.drift_reports > 0 ? `drift ${account.id} ${account.drift_reports}` : null, (abort) => get<DriftPage>(`/v1/accounts/${account.id}/drift`, { limit: 50 }, abort));
  return (
    <div class="card">
      <h2>{t("account.drift")}</h2>
      <p class="small muted">{t("account.drift.help")}</p>
      {account.drift_reports === 0 ? <Empty>{t("account.drift.none")}</Empty> : (
        <Loaded of={drift}>
          {(page) => (
            <div class="table-scroll" tabIndex={0} role="region" aria-label={t("account.drift")}>
              <table class="plain">
                <thead><tr><th scope="col">{t("run.date")}</th><th scope="col">{t("account.cause")}</th><th scope="col" class="right">{t("account.difference")}</th><th scope="col" class="wide">{t("account.orders-changed")}</th><th scope="col" class="wide">{t("ops.revision")}</th></tr></thead>
                <tbody>
                  {page.items.map((each) => (
                    <tr key={each.number}>
                      <th scope="row" class="nowrap">{each.day}</th>
                      <td>{named("account.cause", each.cause)}</td>
                      <td class="right"><Gain value={each.won} /></td>
                      <td class="wide small">{changed(each.orders)}</td>
                      <td class="wide nowrap">{each.revision_before ?? "–"} → {each.revision_now}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Loaded>
      )}
    </div>
  );
}

interface Order {
  side: "buy" | "sell";
  name: string;
}

function changed(orders: Record<string, unknown>): string {
  const list = (side: string) => ((orders[side] as Order[] | undefined) ?? []).map((each) => `${t(`trade.${each.side}`)} ${each.name}`).join(", ") || "–";
  return `${t("account.decided")}: ${list("decided")} · ${t("account.now")}: ${list("now")}`;
}
