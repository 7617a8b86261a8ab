// A sweep or walk-forward while it is computed: its parts as they end, its progress, and cancelling it.
import { useEffect, useState } from "preact/hooks";
import { call, get } from "../../api/client.ts";
import { events } from "../../api/events.ts";
import { ApiError } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { Resource } from "../../api/resource.ts";
import type { SweepHead, WalkForwardHead } from "../../api/types.ts";
import { duration, number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { ErrorView } from "../../ui/states.tsx";

export type TrialsHead = SweepHead | WalkForwardHead;

const ENDS = ["completed", "failed", "cancelled"];
const RELOAD_MS = 700;

interface PartEvent {
  parts_done: number;
}

interface Followed<T> {
  of: Resource<T>;
  partsDone: number;
  error: ApiError | null;
  retry: () => void;
  cancel: () => void;
}

/** Whether it has not ended. */
export function isOpen(head: Pick<TrialsHead, "status">): boolean {
  return head.status === "queued" || head.status === "running";
}

/** Read the document at a path, and read it again while its parts end. */
export function useFollowed<T extends TrialsHead>(path: string): Followed<T> {
  const of = useResource(path, (abort) => get<T>(path, {}, abort));
  const runs = of.data !== null && isOpen(of.data);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const [partsDone, setPartsDone] = useState(0);
  useEffect(() => {
    if (!runs) return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    setError(null);
    const follow = async () => {
      for await (const event of events(`${path}/events`, ENDS, abort.signal)) {
        if (event.event === "part") {
          setPartsDone((event.data as PartEvent).parts_done);
          timer ??= setTimeout(() => {
            timer = undefined;
            of.reload();
          }, RELOAD_MS);
        } else if (ENDS.includes(event.event)) of.reload();
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
  }, [path, runs, round]);
  const cancel = async () => {
    try {
      await call("DELETE", path);
      of.reload();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
      else throw problem;
    }
  };
  return { of, partsDone, error, retry: () => setRound((n) => n + 1), cancel };
}

/** The stream's error, and while it runs the progress; then what was run and how fast. */
export function TrialsProgress({ head, followed }: { head: TrialsHead; followed: Pick<Followed<never>, "partsDone" | "error" | "retry"> }) {
  const { error, retry } = followed;
  return (
    <>
      {error && <ErrorView error={error} retry={retry} />}
      {isOpen(head) && (
        <div class="card live" role="status">
          <progress max={Math.max(1, head.parts)} value={Math.max(followed.partsDone, head.parts_done)} aria-label={t("run.progress")} />
          <span class="nowrap">{t("sweep.progress", { done: number(head.done), variants: number(head.variants) })}</span>
          {head.eta_seconds !== null && <span class="nowrap muted">{t("sweep.eta", { time: duration(head.eta_seconds * 1000) })}</span>}
        </div>
      )}
      <dl class="freshness">
        <div><dt>{t("sweep.done")}</dt><dd>{number(head.done)} / {number(head.variants)}</dd></div>
        <div><dt>{t("sweep.failed")}</dt><dd>{number(head.failed)}</dd></div>
        <div><dt>{t("sweep.speed")}</dt><dd>{head.runs_per_second === null ? "–" : t("sweep.per-second", { n: number(head.runs_per_second) })}</dd></div>
        <div><dt>{t("trust.dataset")}</dt><dd class="mono small">{head.dataset}</dd></div>
      </dl>
      {head.partial && <p class="warning" role="note">⚠ {t("sweep.partial", { seen: number(head.seen), variants: number(head.variants) })}</p>}
    </>
  );
}
