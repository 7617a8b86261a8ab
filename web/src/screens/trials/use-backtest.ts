// A request of a table that is opened as a backtest of its own.
import { useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import type { Backtest } from "../../api/types.ts";
import { navigate } from "../../app/router.tsx";

/** Submit a request as a backtest and show it; `open` is busy until then. */
export function useBacktest(): { open: (request: Record<string, unknown>) => void; busy: boolean; error: ApiError | null } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const open = async (request: Record<string, unknown>) => {
    setBusy(true);
    setError(null);
    try {
      navigate(`/runs/${(await post<Backtest>("/v1/backtests", request)).id}`);
    } catch (problem) {
      setBusy(false);
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
  };
  return { open, busy, error };
}
