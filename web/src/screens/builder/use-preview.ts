// The live preview: the draft over its last year, computed anew while it changes; older answers never replace newer ones.
import { useEffect, useRef, useState } from "preact/hooks";
import { call, get } from "../../api/client.ts";
import { events } from "../../api/events.ts";
import { ApiError } from "../../api/problem.ts";
import type { Backtest } from "../../api/types.ts";
import { language } from "../../i18n/index.ts";
import { previewOf } from "./draft.ts";
import type { Draft } from "./draft.ts";

const DEBOUNCE_MS = 200;
const WAIT_S = 10;
const ENDS = ["completed", "failed", "cancelled"];

export interface Preview {
  run: Backtest | null;
  error: ApiError | null;
  /** Whether a newer draft is being computed. */
  busy: boolean;
  /** Time from the change to the answer. */
  ms: number | null;
  reload: () => void;
}

async function computed(draft: Draft, abort: AbortSignal): Promise<Backtest> {
  const run = await call<Backtest>("POST", "/v1/backtests", {
    body: previewOf(draft), signal: abort, headers: { Prefer: `wait=${WAIT_S}`, "Ondol-Origin": "preview" },
  });
  if (ENDS.includes(run.status)) return run;
  try {
    for await (const event of events(`/v1/backtests/${run.id}/events`, ENDS, abort)) void event;
    return await get<Backtest>(`/v1/backtests/${run.id}`, {}, abort);
  } finally {
    // an abandoned preview is cancelled; 409 means that it has ended meanwhile
    if (abort.aborted) call("DELETE", `/v1/backtests/${run.id}`).catch(() => undefined);
  }
}

function failure(run: Backtest): ApiError | null {
  if (run.status !== "failed" || !run.error) return null;
  return new ApiError(run.error.status, run.error.title, run.error.detail, run.error.errors, run.error.kind, null);
}

export function usePreview(draft: Draft): Preview {
  const [state, setState] = useState<Omit<Preview, "reload">>({ run: null, error: null, busy: true, ms: null });
  const [round, setRound] = useState(0);
  const isFirst = useRef(true);
  const words = language.value;
  const text = JSON.stringify(previewOf(draft));
  useEffect(() => {
    const abort = new AbortController();
    const began = performance.now();
    setState((before) => ({ ...before, busy: true }));
    let retry: ReturnType<typeof setTimeout> | undefined;
    const timer = setTimeout(() => {
      isFirst.current = false;
      computed(draft, abort.signal).then(
        (run) => {
          if (abort.signal.aborted) return;
          const error = failure(run);
          setState((before) => ({ run: error ? before.run : run, error, busy: false, ms: performance.now() - began }));
        },
        (error: unknown) => {
          if (abort.signal.aborted) return;
          const shown = error instanceof ApiError ? error : new ApiError(-1, String(error), "", [], null, null);
          if (!(error instanceof ApiError)) console.error(error);
          setState((before) => ({ ...before, error: shown, busy: false, ms: null }));
          // a busy server says when to come back
          if (shown.status === 429 || shown.status === 503 || shown.isLost) retry = setTimeout(() => setRound((n) => n + 1), (shown.retryAfterS ?? 3) * 1000);
        },
      );
    }, isFirst.current ? 0 : DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
      clearTimeout(retry);
      abort.abort();
    };
  }, [text, round, words]);
  return { ...state, reload: () => setRound((n) => n + 1) };
}
