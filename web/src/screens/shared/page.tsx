// A backtest that someone shared as a link: computed here, and compared with the digest in the link.
import { useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import { requestOf } from "../../api/types.ts";
import type { Backtest } from "../../api/types.ts";
import { Link, place } from "../../app/router.tsx";
import { t } from "../../i18n/index.ts";
import { ErrorView, Loading } from "../../ui/states.tsx";
import { decoded } from "./link.ts";
import type { SharedRun } from "./link.ts";

export default function SharedPage() {
  const text = place.value.hash.slice(1);
  const shared = useResource(`shared ${text}`, () => decoded(text));
  return (
    <>
      <div class="page-head"><div><h1>{t("share.title")}</h1><p class="muted">{t("share.lead")}</p></div></div>
      {shared.loading ? <Loading /> : shared.data ? <Shared key={text} shared={shared.data} /> : <p class="state error" role="alert">{t("share.damaged")}</p>}
    </>
  );
}

function Shared({ shared }: { shared: SharedRun }) {
  const [busy, setBusy] = useState(false);
  const [run, setRun] = useState<Backtest | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const request = requestOf(shared);
  const start = async (withDataset: boolean) => {
    setBusy(true);
    setError(null);
    const { dataset, ...rest } = shared.request;
    try {
      setRun(await post<Backtest>("/v1/backtests", withDataset ? { ...rest, dataset } : rest, { headers: { Prefer: "wait=30" } }));
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const digest = run?.result?.provenance.result_digest;
  return (
    <div class="card stack">
      <p>{request.start} – {request.end} {request.strategy?.buy?.where && <code>{request.strategy.buy.where}</code>}</p>
      <div class="actions">
        <button type="button" class="primary" disabled={busy} onClick={() => start(true)}>{t("share.run")}</button>
        {error && <button type="button" disabled={busy} onClick={() => start(false)}>{t("share.run-today")}</button>}
      </div>
      {error && <ErrorView error={error} />}
      {run && (
        <p class={`verdict ${digest === shared.digest ? "good" : "bad"}`} role="status">
          {t(!digest ? "account.compare.unfinished" : digest === shared.digest ? "share.same" : "share.other")} <Link href={`/runs/${run.id}`}>{t("sweep.run")}</Link>
        </p>
      )}
    </div>
  );
}
