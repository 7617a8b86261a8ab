// One sweep: its progress while it runs, how much of its best variant may be luck, heat map, table, holdout, request.
import { useEffect, useState } from "preact/hooks";
import { call, get } from "../../api/client.ts";
import { events } from "../../api/events.ts";
import { ApiError } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { Sweep } from "../../api/types.ts";
import type { ScreenProps } from "../../app/screens.tsx";
import { duration, number } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { ErrorView, Loaded } from "../../ui/states.tsx";
import { CopyBox, shellQuoted } from "../run/request.tsx";
import { sweepTitle } from "../sweeps/page.tsx";
import { SweepHeatMap } from "./heat-map.tsx";
import { HoldoutCard } from "./holdout.tsx";
import { LuckCard } from "./luck.tsx";
import { objectiveText } from "./objective.ts";
import { Variants } from "./variants.tsx";

const ENDS = ["completed", "cancelled"];
const RELOAD_MS = 700;

interface PartEvent {
  parts_done: number;
}

export default function SweepPage({ id }: ScreenProps) {
  const sweep = useResource(`sweep ${id}`, (abort) => get<Sweep>(`/v1/sweeps/${encodeURIComponent(id)}`, {}, abort));
  const status = sweep.data?.status;
  const isOpen = status === "queued" || status === "running";
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const [partsDone, setPartsDone] = useState(0);
  useEffect(() => {
    if (!isOpen) return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    setError(null);
    const follow = async () => {
      for await (const event of events(`/v1/sweeps/${id}/events`, ENDS, abort.signal)) {
        if (event.event === "part") {
          setPartsDone((event.data as PartEvent).parts_done);
          timer ??= setTimeout(() => {
            timer = undefined;
            sweep.reload();
          }, RELOAD_MS);
        } else if (ENDS.includes(event.event)) sweep.reload();
      }
    };
    follow().catch((problem: unknown) => {
      if (problem instanceof ApiError) setError(problem);
      else throw problem;
    });
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [id, isOpen, round]);
  const cancel = async () => {
    try {
      await call("DELETE", `/v1/sweeps/${id}`);
      sweep.reload();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
      else throw problem;
    }
  };
  return (
    <>
      {error && <ErrorView error={error} retry={() => setRound((n) => n + 1)} />}
      <Loaded of={sweep}>{(found) => <Report sweep={found} partsDone={Math.max(partsDone, found.parts_done)} cancel={cancel} reload={sweep.reload} />}</Loaded>
    </>
  );
}

function Report({ sweep, partsDone, cancel, reload }: { sweep: Sweep; partsDone: number; cancel: () => void; reload: () => void }) {
  const isOpen = sweep.status === "queued" || sweep.status === "running";
  const parameters = Object.keys(sweep.request["parameters"] as Record<string, unknown>);
  const template = sweep.request["template"] as { start: string; end: string };
  const request = JSON.stringify(sweep.request);
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{sweepTitle(sweep)} <span class={`tag ${sweep.status}`}>{t(`status.${sweep.status}`)}</span></h1>
          <p class="muted">{t("sweep.line", { method: named("sweep.method", sweep.method), objective: objectiveText(sweep.objective), start: template.start, end: template.end })}</p>
        </div>
        {isOpen && <div class="actions"><button type="button" onClick={cancel}>{t("action.cancel")}</button></div>}
      </div>
      {isOpen && (
        <div class="card live" role="status">
          <progress max={Math.max(1, sweep.parts)} value={partsDone} aria-label={t("run.progress")} />
          <span class="nowrap">{t("sweep.progress", { done: number(sweep.done), variants: number(sweep.variants) })}</span>
          {sweep.eta_seconds !== null && <span class="nowrap muted">{t("sweep.eta", { time: duration(sweep.eta_seconds * 1000) })}</span>}
        </div>
      )}
      <dl class="freshness">
        <div><dt>{t("sweep.done")}</dt><dd>{number(sweep.done)} / {number(sweep.variants)}</dd></div>
        <div><dt>{t("sweep.failed")}</dt><dd>{number(sweep.failed)}</dd></div>
        <div><dt>{t("sweep.speed")}</dt><dd>{sweep.runs_per_second === null ? "–" : t("sweep.per-second", { n: number(sweep.runs_per_second) })}</dd></div>
        <div><dt>{t("trust.dataset")}</dt><dd class="mono small">{sweep.dataset}</dd></div>
      </dl>
      {sweep.partial && <p class="warning" role="note">⚠ {t("sweep.partial", { seen: number(sweep.seen), variants: number(sweep.variants) })}</p>}
      <div class="stack">
        <LuckCard sweep={sweep} />
        {parameters.length > 1 && sweep.seen > 0 && <SweepHeatMap sweep={sweep} parameters={parameters} />}
        {sweep.seen > 0 && <Variants sweep={sweep} parameters={parameters} />}
        {sweep.holdout && <HoldoutCard sweep={sweep} reload={reload} />}
        <details class="card">
          <summary><h2>{t("run.tab.request")}</h2></summary>
          <div class="stack">
            <CopyBox title="JSON" text={JSON.stringify(sweep.request, null, 2)} />
            <CopyBox title="ondol" text={`printf '%s' ${shellQuoted(request)} > sweep.json\nondol sweep --api ${location.origin} sweep.json`} />
          </div>
        </details>
      </div>
    </>
  );
}
