// What a result was computed from, and two checks of it: replay and look-ahead audit.
import { useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import type { Audit, Replay } from "../../api/types.ts";
import { instant } from "../../format/date.ts";
import { bytes, duration, number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { ErrorView, Loading } from "../../ui/states.tsx";
import type { Completed } from "./page.tsx";

/** Run a check on request and hold its answer. */
function useCheck<T>(path: string, body: unknown) {
  const [state, setState] = useState<{ running: boolean; answer: T | null; error: ApiError | null }>({ running: false, answer: null, error: null });
  const start = async () => {
    setState({ running: true, answer: null, error: null });
    try {
      setState({ running: false, answer: await post<T>(path, body), error: null });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState({ running: false, answer: null, error });
    }
  };
  return { ...state, start };
}

export function Trust({ run }: { run: Completed }) {
  const { provenance, timing, cache } = run.result;
  const facts: [string, string][] = [
    [t("trust.result-digest"), provenance.result_digest],
    [t("trust.request-digest"), provenance.request_digest],
    [t("trust.dataset"), provenance.dataset_version],
    [t("trust.engine"), provenance.engine_version],
    [t("trust.rules"), provenance.rules_version],
    [t("trust.computed"), instant(run.finished_at)],
  ];
  const times: [string, string][] = [
    [t("trust.queue"), duration(timing.queue_ms)],
    [t("trust.load"), duration(timing.load_ms)],
    [t("trust.evaluate"), duration(timing.evaluate_ms)],
    [t("trust.simulate"), duration(timing.simulate_ms)],
    [t("trust.total"), duration(timing.total_ms)],
    [t("trust.chunks"), `${number(cache.chunks_read)} (${bytes(cache.bytes_read)})`],
  ];
  return (
    <div class="stack">
      <div class="columns">
        <ReplayCheck id={run.id} />
        <AuditCheck id={run.id} />
      </div>
      <div class="card">
        <h2>{t("trust.provenance")}</h2>
        <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd class="mono">{value}</dd></div>)}</dl>
        <p class="small muted">{t("trust.provenance-note")}</p>
      </div>
      <div class="card">
        <h2>{t("trust.times")}</h2>
        <dl class="facts">{times.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      </div>
    </div>
  );
}

function ReplayCheck({ id }: { id: string }) {
  const check = useCheck<Replay>(`/v1/backtests/${id}/replay`, {});
  return (
    <div class="card">
      <h2>{t("trust.replay")}</h2>
      <p class="small muted">{t("trust.replay-lead")}</p>
      <button type="button" disabled={check.running} onClick={check.start}>{t("trust.replay-start")}</button>
      {check.running && <Loading text={t("trust.running")} />}
      {check.error && <ErrorView error={check.error} retry={check.start} />}
      {check.answer && (
        <div class={`verdict ${check.answer.outcome === "identical" ? "good" : "bad"}`} role="status">
          <strong>{t(`trust.replay.${check.answer.outcome}`)}</strong>
          {check.answer.first_difference && <pre><code>{JSON.stringify(check.answer.first_difference, null, 1)}</code></pre>}
        </div>
      )}
    </div>
  );
}

function AuditCheck({ id }: { id: string }) {
  const check = useCheck<Audit>(`/v1/backtests/${id}/audit`, { cuts: 5 });
  return (
    <div class="card">
      <h2>{t("trust.audit")}</h2>
      <p class="small muted">{t("trust.audit-lead")}</p>
      <button type="button" disabled={check.running} onClick={check.start}>{t("trust.audit-start")}</button>
      {check.running && <Loading text={t("trust.running")} />}
      {check.error && <ErrorView error={check.error} retry={check.start} />}
      {check.answer && (
        <div class={`verdict ${check.answer.identical ? "good" : "bad"}`} role="status">
          <strong>{check.answer.identical ? t("trust.audit.clean", { n: number(check.answer.trades) }) : t("trust.audit.found")}</strong>
          <ul>
            {check.answer.cuts.map((cut) => (
              <li key={cut.date}>
                {cut.identical ? "✓" : "✗"} {t("trust.audit.cut", { date: cut.date, n: number(cut.trades) })}
                {cut.first_difference && <pre><code>{JSON.stringify(cut.first_difference, null, 1)}</code></pre>}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
