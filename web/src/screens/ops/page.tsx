// Operations: readiness of the dependencies, warm runs, schedule, dataset versions.
import { useState } from "preact/hooks";
import { get, post, send } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { DatasetList, Readiness, Schedule, WarmRun, WarmRunList } from "../../api/types.ts";
import { instant } from "../../format/date.ts";
import { named, t } from "../../i18n/index.ts";
import { ErrorView, Loaded } from "../../ui/states.tsx";
import { WarmProgress } from "./warm-progress.tsx";

/** Load the readiness; a 503 of this route is an answer, not a failure. */
async function readiness(abort: AbortSignal): Promise<Readiness> {
  try {
    return (await (await send("GET", "/readyz", { signal: abort })).json()) as Readiness;
  } catch (error) {
    if (error instanceof ApiError && error.status === 503) return (await (await fetch("/readyz")).json()) as Readiness;
    throw error;
  }
}

export default function OpsPage() {
  const ready = useResource("ready", readiness);
  const warm = useResource("warm", (abort) => get<WarmRunList>("/v1/warm-runs", { limit: 10 }, abort));
  const schedule = useResource("schedule", (abort) => get<Schedule>("/v1/schedule", {}, abort));
  const datasets = useResource("datasets", (abort) => get<DatasetList>("/v1/datasets", {}, abort));
  const [error, setError] = useState<ApiError | null>(null);
  const open = warm.data?.items.find((run) => run.status === "queued" || run.status === "running");
  const start = async () => {
    setError(null);
    try {
      await post<WarmRun>("/v1/warm-runs", {});
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
    warm.reload();
  };
  return (
    <>
      <div class="page-head">
        <div><h1>{t("nav.ops")}</h1><p class="muted">{t("ops.lead")}</p></div>
        <div class="actions">{warm.data?.startable && <a class="button" href="/metrics">{t("ops.metrics")}</a>}<a class="button" href="/docs">{t("app.api")}</a></div>
      </div>
      <div class="stack">
        <div class="card">
          <h2>{t("ops.ready")}</h2>
          <Loaded of={ready}>
            {(found) => (
              <ul class="dependencies">
                {Object.entries(found.dependencies).map(([name, answers]) => (
                  <li key={name}><span class={answers ? "passed" : "not-passed"}>{answers ? `✓ ${t("ops.answers")}` : `✗ ${t("ops.silent")}`}</span> {named("dependency", name)}</li>
                ))}
              </ul>
            )}
          </Loaded>
        </div>
        <div class="card">
          <div class="section-head">
            <h2>{t("ops.warm")}</h2>
            {warm.data?.startable && <button type="button" onClick={start} disabled={open !== undefined}>{t("ops.warm-start")}</button>}
          </div>
          <p class="small muted">{t("ops.warm-lead")}</p>
          {error && <ErrorView error={error} />}
          {open && <WarmProgress key={open.id} id={open.id} onEnd={warm.reload} />}
          <Loaded of={warm} empty={(list) => list.items.length === 0}>
            {(list) => (
              <div class="table-scroll" tabIndex={0} role="region" aria-label={t("ops.warm")}>
                <table class="plain">
                  <thead><tr><th scope="col">{t("ops.run")}</th><th scope="col">{t("runs.status")}</th><th scope="col" class="wide">{t("ops.trigger")}</th><th scope="col" class="wide">{t("ops.started")}</th><th scope="col">{t("ops.finished")}</th></tr></thead>
                  <tbody>
                    {list.items.map((run) => (
                      <tr key={run.id}>
                        <th scope="row">{run.id}</th>
                        <td><span class={`tag ${run.status}`}>{named("status", run.status)}</span></td>
                        <td class="wide">{named("trigger", run.trigger)}</td>
                        <td class="wide nowrap">{instant(run.started_at)}</td>
                        <td class="nowrap">{instant(run.finished_at)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </Loaded>
        </div>
        <div class="card">
          <h2>{t("ops.schedule")}</h2>
          <Loaded of={schedule}>
            {(found) => (
              <table class="plain">
                <thead><tr><th scope="col">{t("ops.job")}</th><th scope="col" class="wide">{t("ops.rule")}</th><th scope="col">{t("ops.next")}</th></tr></thead>
                <tbody>{found.items.map((job) => <tr key={job.name}><th scope="row">{job.title}{!job.enabled && <> <span class="tag">{t("ops.off")}</span></>}</th><td class="wide">{job.rule}</td><td class="nowrap">{instant(job.next_run)}</td></tr>)}</tbody>
              </table>
            )}
          </Loaded>
        </div>
        <div class="card">
          <h2>{t("ops.datasets")}</h2>
          <Loaded of={datasets} empty={(list) => list.items.length === 0}>
            {(list) => (
              <table class="plain">
                <thead><tr><th scope="col">{t("ops.version")}</th><th scope="col">{t("ops.built")}</th><th scope="col" class="right wide">{t("ops.revision")}</th></tr></thead>
                <tbody>{list.items.map((each) => <tr key={each.version}><th scope="row" class="mono small">{each.version}{each.current && <> <span class="tag completed">{t("ops.current")}</span></>}</th><td class="nowrap">{instant(each.built_at)}</td><td class="right wide">{each.revision}</td></tr>)}</tbody>
              </table>
            )}
          </Loaded>
        </div>
      </div>
    </>
  );
}
