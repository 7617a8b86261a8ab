// The phases of a warm run while it runs, from its event stream.
import { useEffect, useState } from "preact/hooks";
import { events } from "../../api/events.ts";
import { ApiError } from "../../api/problem.ts";
import { number } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { ErrorView } from "../../ui/states.tsx";

interface Phase {
  phase: string;
  status: string;
  items: number;
  done: number;
  failed: number;
}

const ENDS = ["completed", "partial", "failed"];

export function WarmProgress({ id, onEnd }: { id: number; onEnd: () => void }) {
  const [phases, setPhases] = useState<Map<string, Phase>>(new Map());
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const follow = async () => {
      for await (const event of events(`/v1/warm-runs/${id}/events`, ENDS, abort.signal)) {
        if (event.event === "progress") {
          const phase = event.data as Phase;
          setPhases((before) => new Map(before).set(phase.phase, phase));
        } else if (ENDS.includes(event.event)) onEnd();
      }
    };
    follow().catch((problem: unknown) => {
      if (problem instanceof ApiError) setError(problem);
      else throw problem;
    });
    return () => abort.abort();
  }, [id]);
  return (
    <div role="status">
      {error && <ErrorView error={error} />}
      {[...phases.values()].map((phase) => (
        <div class="live" key={phase.phase}>
          <strong>{named("phase", phase.phase)}</strong>
          <progress max={Math.max(1, phase.items)} value={phase.done + phase.failed} aria-label={named("phase", phase.phase)} />
          <span class="nowrap">{t("ops.done", { done: number(phase.done), items: number(phase.items) })}</span>
        </div>
      ))}
    </div>
  );
}
