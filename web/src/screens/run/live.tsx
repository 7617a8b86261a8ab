// A backtest that has not ended: real progress from its event stream, the growing curve, and cancelling.
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../../api/client.ts";
import { events } from "../../api/events.ts";
import { ApiError } from "../../api/problem.ts";
import { requestOf } from "../../api/types.ts";
import type { Backtest, EquityPoint } from "../../api/types.ts";
import { percent } from "../../format/number.ts";
import { isTextKey, t } from "../../i18n/index.ts";
import { ErrorView } from "../../ui/states.tsx";
import { EquityChart } from "./equity-chart.tsx";
import { RunHead } from "./head.tsx";

const ENDS = ["completed", "failed", "cancelled"];

interface Progress {
  status: string;
  progress: number;
  equity?: EquityPoint[];
}

export function Live({ run, name, onEnd }: { run: Backtest; name: string; onEnd: () => void }) {
  const [state, setState] = useState({ status: run.status as string, progress: run.progress });
  const [points, setPoints] = useState<EquityPoint[]>([]);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const end = useRef(onEnd);
  end.current = onEnd;
  useEffect(() => {
    const abort = new AbortController();
    setError(null);
    setPoints([]);
    const follow = async () => {
      for await (const event of events(`/v1/backtests/${run.id}/events`, ENDS, abort.signal)) {
        if (event.event === "trade") continue;
        const { status, progress, equity } = event.data as Progress;
        setState({ status, progress });
        if (equity && equity.length > 0) setPoints((before) => [...before, ...equity]);
        if (ENDS.includes(event.event)) end.current();
      }
    };
    follow().catch((problem: unknown) => {
      if (problem instanceof ApiError) setError(problem);
      else throw problem;
    });
    return () => abort.abort();
  }, [run.id, round]);
  const cancel = async () => {
    try {
      await call("DELETE", `/v1/backtests/${run.id}`);
      end.current();
    } catch (problem) {
      if (problem instanceof ApiError) setError(problem);
      else throw problem;
    }
  };
  const word = `status.${state.status}`;
  return (
    <>
      <RunHead run={run} name={name} />
      <div class="card stack">
        <div class="live" role="status">
          <strong>{isTextKey(word) ? t(word) : state.status}</strong>
          <span>{percent(state.progress, 0)}</span>
          <button type="button" onClick={cancel}>{t("action.cancel")}</button>
        </div>
        <progress max={1} value={state.progress} aria-label={t("run.progress")} />
      </div>
      {error && <ErrorView error={error} retry={() => setRound((n) => n + 1)} />}
      {points.length > 1 && <section><EquityChart equity={points} benchmark={requestOf(run).benchmark} /></section>}
    </>
  );
}
