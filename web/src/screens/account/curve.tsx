// The equity of the account with its benchmark, and on request the backtest that it must equal.
import { useMemo, useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import type { AccountDetail, Backtest } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { ChartView } from "../../charts/chart-view.tsx";
import type { ChartSpec } from "../../charts/chart.ts";
import { shortWon } from "../../format/number.ts";
import { language, t } from "../../i18n/index.ts";
import { ErrorView } from "../../ui/states.tsx";

export function AccountCurve({ account }: { account: AccountDetail }) {
  const { curve } = account;
  const words = language.value;
  const benchmark = account.request["benchmark"] as string | null;
  const [run, setRun] = useState<Backtest | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const others = useMemo(() => new Map(run?.result?.equity.map((point) => [point.date, point.equity])), [run]);
  const spec = useMemo<ChartSpec>(() => {
    const line = (values: readonly (number | null | undefined)[]) => curve.date.map((time, at) => ({ time, value: values[at] ?? undefined }));
    const format = (value: number) => shortWon(value, words);
    return {
      series: [
        { kind: "line", name: "equity", colour: "accent", data: line(curve.equity), format },
        ...(benchmark === null ? [] : [{ kind: "line" as const, name: "benchmark", colour: "benchmark", width: 1 as const, dashed: true, data: line(curve.benchmark), format }]),
        ...(run ? [{ kind: "line" as const, name: "backtest", colour: "series-2", width: 1 as const, dashed: true, data: line(curve.date.map((date) => others.get(date))), format }] : []),
      ],
    };
  }, [curve, run, words]);
  const compare = async () => {
    setBusy(true);
    setError(null);
    try {
      const body = { ...account.request, dataset: account.dataset_version };
      setRun(await post<Backtest>("/v1/backtests", body, { headers: { Prefer: "wait=30" } }));
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const digest = run?.result?.provenance.result_digest;
  const at = (date: string) => curve.date.indexOf(date);
  return (
    <div class="stack">
      <ChartView
        title={t("account.curve")}
        spec={spec}
        dates={curve.date}
        height={320}
        describe={(date) => (
          <>
            <b>{date}</b>
            <span><i class="key accent" /> {t("account.account")} <b>{shortWon(curve.equity[at(date)] ?? null, words)}</b></span>
            {benchmark !== null && <span><i class="key benchmark" /> {benchmark} <b>{shortWon(curve.benchmark[at(date)] ?? null, words)}</b></span>}
            {run && <span><i class="key series-2" /> {t("account.backtest")} <b>{shortWon(others.get(date) ?? null, words)}</b></span>}
          </>
        )}
        tools={<button type="button" class="quiet" disabled={busy} onClick={compare}>{t("account.compare")}</button>}
      />
      {error && <ErrorView error={error} />}
      {run && !run.result && <p class="warning" role="status">⚠ {t("account.compare.unfinished")} <Link href={`/runs/${run.id}`}>{t("sweep.run")}</Link></p>}
      {digest && (
        <p class={`verdict ${digest === account.result_digest ? "good" : "bad"}`} role="status">
          {t(digest === account.result_digest ? "account.compare.equal" : "account.compare.differs")} <Link href={`/runs/${run.id}`}>{t("sweep.run")}</Link>
        </p>
      )}
    </div>
  );
}
