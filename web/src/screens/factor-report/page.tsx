// What a factor says about the returns that follow: checks, coefficients by horizon, decay, quantile portfolios, years, groups.
import { useState } from "preact/hooks";
import { call, get, post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { FactorAudit, FactorCheck, FactorReport } from "../../api/types.ts";
import { Link, navigate, place, queryValue, setQuery } from "../../app/router.tsx";
import type { ScreenProps } from "../../app/screens.tsx";
import { Bars } from "../../charts/bars.tsx";
import { number, percent, signed, signedPercent } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Change } from "../../ui/change.tsx";
import { SelectField } from "../../ui/field.tsx";
import { ErrorView, Loaded } from "../../ui/states.tsx";
import { Recorded } from "../lines/recorded.tsx";
import { CopyBox } from "../run/request.tsx";

export default function FactorReportPage({ id }: ScreenProps) {
  const report = useResource(`report ${id}`, (abort) => get<FactorReport>(`/v1/factor-reports/${encodeURIComponent(id)}`, {}, abort));
  return <Loaded of={report}>{(found) => <Report report={found} />}</Loaded>;
}

/** What the request that opened this report has recorded: only its answer says so, and the history keeps it. */
function recordedOf(report: FactorReport): FactorReport["recorded"] {
  const answer = place.value.state as Pick<FactorReport, "id" | "recorded"> | null;
  return answer?.id === report.id ? answer.recorded : null;
}

function Report({ report }: { report: FactorReport }) {
  const recorded = recordedOf(report);
  const { coverage, decay, window } = report;
  const known = report.horizons.map((each) => each.horizon);
  const horizon = known.find((each) => String(each) === queryValue("horizon")) ?? known[Math.floor((known.length - 1) / 2)]!;
  const found = report.horizons.find((each) => each.horizon === horizon)!;
  const groups = report.groups?.filter((each) => each.horizon === horizon);
  const correlations = [...(report.correlations ?? [])].filter((each) => each.correlation !== null).sort((a, b) => Math.abs(b.correlation!) - Math.abs(a.correlation!)).slice(0, 10);
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{t("report.title")}</h1>
          <p><code>{report.factor}</code></p>
          <p class="muted">{t("report.line", { start: window.start, end: window.end, rows: number(window.rows), values: number(coverage.values), universe: number(coverage.universe), share: percent(coverage.share, 0) })}</p>
          <Recorded recorded={recorded} />
        </div>
        <div class="actions">
          <Link class="button" href={`/screen?rank_by=${encodeURIComponent(report.factor)}&where=${encodeURIComponent(`${report.factor} = ${report.factor}`)}`}>{t("factor.stocks")}</Link>
          <Link class="button" href={`/factor-reports?factor=${encodeURIComponent(report.factor)}${recorded ? `&research=${encodeURIComponent(recorded.research)}` : ""}`}>{t("report.again")}</Link>
          <Remove id={report.id} />
        </div>
      </div>
      {report.warnings.map((each) => <p class="warning" role="note" key={each.message}>⚠ {each.message}</p>)}
      <div class="stack">
        <div class="card">
          <h2>{t("report.checks")}</h2>
          <ul class="parts">{report.checks.map((each) => <Check key={`${each.check} ${each.horizon}`} check={each} />)}</ul>
        </div>
        <div class="card">
          <h2>{t("report.coefficients")}</h2>
          <p class="small muted">{t("report.coefficients.help")}</p>
          <div class="table-scroll" role="region" tabIndex={0} aria-label={t("report.coefficients")}>
            <table class="plain" id="coefficients">
              <thead>
                <tr>
                  <th scope="col">{t("report.horizon")}</th>
                  <th scope="col" class="right">{t("report.rank-ic")}</th><th scope="col" class="right">t</th>
                  <th scope="col" class="right">{t("report.ic")}</th><th scope="col" class="right">t</th>
                  <th scope="col" class="right wide">{t("report.ratio")}</th>
                  <th scope="col" class="right wide">{t("report.positive")}</th>
                  <th scope="col" class="right">{t("report.spread")}</th><th scope="col" class="right">t</th>
                  <th scope="col" class="right">{t("report.net")}</th>
                  <th scope="col" class="right wide">{t("report.autocorrelation")}</th>
                  <th scope="col" class="right wide">{t("report.fama")}</th><th scope="col" class="right wide">t</th>
                </tr>
              </thead>
              <tbody>
                {report.horizons.map((each) => (
                  <tr key={each.horizon}>
                    <th scope="row" class="nowrap">{t("factor.rows", { n: each.horizon })}</th>
                    <td class="right">{signed(each.rank_ic.mean, 4)}</td><td class="right">{number(each.rank_ic.t, 2)}</td>
                    <td class="right">{signed(each.ic.mean, 4)}</td><td class="right">{number(each.ic.t, 2)}</td>
                    <td class="right wide">{number(each.rank_ic.ratio_annual, 2)}</td>
                    <td class="right wide">{percent(each.rank_ic.positive, 0)}</td>
                    <td class="right"><Change value={each.spread.mean} /></td><td class="right">{number(each.spread.t, 2)}</td>
                    <td class="right"><Change value={each.spread.net} /></td>
                    <td class="right wide">{number(each.rank_autocorrelation, 2)}</td>
                    <td class="right wide">{signedPercent(each.fama_macbeth.mean)}</td><td class="right wide">{number(each.fama_macbeth.t, 2)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </div>
        <div class="filters"><SelectField label={t("report.horizon")} value={String(horizon)} options={known.map((each) => [String(each), t("factor.rows", { n: each })] as const)} onValue={(value) => setQuery({ horizon: value })} /></div>
        <div class="columns">
          <div class="card">
            <h2>{t("report.portfolios")}</h2>
            <Bars caption={t("report.portfolios")} bars={found.quantiles.map((each) => ({ label: String(each.quantile), value: each.demeaned, text: signedPercent(each.demeaned, 3) }))} />
            <p class="small muted">{t("report.portfolios.help")}</p>
          </div>
          <div class="card">
            <h2>{t("report.decay")}</h2>
            <Bars caption={t("report.decay")} bars={decay.horizons.map((each) => ({ label: t("factor.rows", { n: each.horizon }), value: each.rank_ic, text: `${signed(each.rank_ic, 4)} (t ${number(each.t, 1)})` }))} />
            <p class="small muted">{decay.half_life === null ? t("report.no-half-life") : t("report.half-life", { n: number(decay.half_life, 1) })}</p>
          </div>
        </div>
        <div class="card">
          <h2>{t("report.quantile-table")}</h2>
          <div class="table-scroll bare" role="region" tabIndex={0} aria-label={t("report.quantile-table")}>
            <table class="plain">
              <thead><tr><th scope="col">{t("report.quantile")}</th><th scope="col" class="right wide">{t("report.stocks")}</th><th scope="col" class="right">{t("report.return")}</th><th scope="col" class="right">{t("report.demeaned")}</th><th scope="col" class="right">{t("stat.turnover")}</th><th scope="col" class="right">{t("report.net")}</th></tr></thead>
              <tbody>
                {found.quantiles.map((each) => (
                  <tr key={each.quantile}><th scope="row">{each.quantile}</th><td class="right wide">{number(each.stocks, 1)}</td><td class="right"><Change value={each.return} decimals={3} /></td><td class="right"><Change value={each.demeaned} decimals={3} /></td><td class="right">{percent(each.turnover, 1)}</td><td class="right"><Change value={each.net} decimals={3} /></td></tr>
                ))}
              </tbody>
            </table>
          </div>
          <p class="small muted">{t("report.excluded", { used: number(found.excluded.used), cells: number(found.excluded.cells), halted: number(found.excluded.halted), limit: number(found.excluded.limit_up), ended: number(found.excluded.not_ended) })}</p>
        </div>
        <div class="columns">
          <div class="card">
            <h2>{t("report.years")}</h2>
            <Bars caption={t("report.years")} bars={report.years.filter((each) => each.horizon === horizon).map((each) => ({ label: String(each.year), value: each.rank_ic, text: signed(each.rank_ic, 4) }))} />
          </div>
          {correlations.length > 0 && (
            <div class="card">
              <h2>{t("report.correlations")}</h2>
              <Bars caption={t("report.correlations")} bars={correlations.map((each) => ({ label: each.factor, value: each.correlation, text: signed(each.correlation, 2) }))} />
            </div>
          )}
        </div>
        {groups && groups.length > 0 && (
          <div class="card">
            <h2>{t("report.groups")}</h2>
            <div class="table-scroll bare" role="region" tabIndex={0} aria-label={t("report.groups")}>
              <table class="plain">
                <thead><tr><th scope="col">{t("report.group")}</th><th scope="col" class="right wide">{t("report.stocks")}</th><th scope="col" class="right">{t("report.rank-ic")}</th><th scope="col" class="right">t</th><th scope="col" class="right">{t("report.spread")}</th><th scope="col" class="right">{t("report.days")}</th><th scope="col" class="right wide">t</th></tr></thead>
                <tbody>
                  {groups.map((each) => (
                    <tr key={`${each.by} ${each.group}`}><th scope="row">{each.group}</th><td class="right wide">{number(each.stocks, 1)}</td><td class="right">{signed(each.rank_ic.mean, 4)}</td><td class="right">{number(each.rank_ic.t, 2)}</td><td class="right"><Change value={each.spread.mean} /></td><td class="right">{number(each.spread.rows)}</td><td class="right wide">{number(each.spread.t, 2)}</td></tr>
                  ))}
                </tbody>
              </table>
            </div>
          </div>
        )}
        <AuditCard id={report.id} />
        <details class="card"><summary><h2>{t("run.tab.request")}</h2></summary><CopyBox title="JSON" text={JSON.stringify(report.request, null, 2)} /></details>
      </div>
    </>
  );
}

/** A usual bound: the figure, the bound, and whether it is kept. */
function Check({ check }: { check: FactorCheck }) {
  const text = (value: number | null) => (check.check === "turnover" ? percent(value, 0) : number(value, 2));
  const bounds = [check.least !== null && `≥ ${text(check.least)}`, check.most !== null && `≤ ${text(check.most)}`].filter(Boolean).join(", ");
  return (
    <li>
      <span class={check.passes === false ? "not-passed" : "passed"}>{check.passes === null ? "–" : check.passes ? "✓" : "✗"}</span>{" "}
      {t(`report.check.${check.check}`)}{check.horizon !== null && `, ${t("factor.rows", { n: check.horizon })}`}: <b>{text(check.value)}</b> <span class="muted">({bounds})</span> {check.with && <code>{check.with}</code>}
    </li>
  );
}

function Remove({ id }: { id: string }) {
  const [error, setError] = useState<ApiError | null>(null);
  const remove = async () => {
    try {
      await call("DELETE", `/v1/factor-reports/${id}`);
      navigate("/factor-reports");
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
  };
  return <>{error && <ErrorView error={error} />}<button type="button" onClick={remove}>{t("report.delete")}</button></>;
}

/** The report computed again on data that are cut: no figure may change but those whose exit is cut off. */
function AuditCard({ id }: { id: string }) {
  const [state, setState] = useState<{ busy: boolean; found: FactorAudit | null; error: ApiError | null }>({ busy: false, found: null, error: null });
  const start = async () => {
    setState({ busy: true, found: null, error: null });
    try {
      setState({ busy: false, found: await post<FactorAudit>(`/v1/factor-reports/${id}/audit`, { cuts: 3 }), error: null });
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setState({ busy: false, found: null, error: problem });
    }
  };
  const { busy, found, error } = state;
  return (
    <div class="card">
      <h2>{t("trust.audit")}</h2>
      <p class="small muted">{t("report.audit.help")}</p>
      <button type="button" disabled={busy} onClick={start}>{t("trust.audit-start")}</button>
      {busy && <p role="status" class="muted">{t("trust.running")}</p>}
      {error && <ErrorView error={error} retry={start} />}
      {found && <p class={`verdict ${found.identical ? "good" : "bad"}`} role="status">{t(found.identical ? "report.audit.clean" : "trust.audit.found")}</p>}
    </div>
  );
}
