// A matrix while it is computed: a few factors at a time, and then the whole, whose p-values are adjusted for all of them.
// Only the request of the whole names the research line, so that each trial is recorded once.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import type { FactorList, FactorMatrix, FactorMatrixBody, MatrixFactor, RecordedPortfolios } from "../../api/types.ts";
import { language } from "../../i18n/index.ts";

const PATH = "/v1/factor-reports/matrix";
/** Factors of a request: the server computes two at a time and keeps what it has computed for the request of the whole. */
const AT_ONCE = 4;

export interface Computed {
  /** The factors so far; those of a part have p-values of that part. */
  factors: MatrixFactor[];
  /** Factors that are asked for; null: not known yet. */
  total: number | null;
  /** The whole; null: not computed yet. */
  whole: FactorMatrix | null;
  /** What the whole has recorded in its research line; null: nothing yet, or it has none. */
  recorded: RecordedPortfolios | null;
  error: ApiError | null;
  running: boolean;
}

interface Kept {
  /** The body without its line. */
  of: string;
  /** The language of the answers. */
  words: string;
  dataset: string | null;
  factors: MatrixFactor[];
  recorded: RecordedPortfolios | null;
}

const NOTHING: Computed = { factors: [], total: null, whole: null, recorded: null, error: null, running: false };

/** Return an error of a part of the list whose fields are counted from the beginning of the whole list. */
function counted(error: ApiError, first: number): ApiError {
  const fields = error.fields.map((each) => ({ ...each, path: each.path.replace(/^factors\[(\d+)\]/, (_, at: string) => `factors[${first + Number(at)}]`) }));
  return new ApiError(error.status, error.title, error.detail, fields, error.code, error.retryAfterS);
}

/** Compute the matrix of a body (null: nothing to compute). `cancel` keeps what is there, `resume` goes on after it. */
export function useMatrix(body: FactorMatrixBody | null): Computed & { cancel: () => void; resume: () => void } {
  const [state, setState] = useState<Computed>(NOTHING);
  const [round, setRound] = useState(0);
  const running = useRef<AbortController | null>(null);
  const kept = useRef<Kept>({ of: "", words: language.value, dataset: null, factors: [], recorded: null });
  const words = language.value;
  const line = body?.research ?? null;
  const of = body && JSON.stringify({ ...body, research: null });
  useEffect(() => {
    if (of === null || body === null) {
      setState(NOTHING);
      return undefined;
    }
    if (kept.current.of !== of) kept.current = { of, words, dataset: body.dataset ?? null, factors: [], recorded: null };
    if (kept.current.words !== words) kept.current = { ...kept.current, words, factors: [] };
    if (kept.current.recorded?.research !== line) kept.current.recorded = null;
    const done = kept.current;
    const abort = new AbortController();
    running.current = abort;
    const change = (changes: Partial<Computed>) => !abort.signal.aborted && setState((before) => ({ ...before, ...changes }));
    const request = (factors: string[], research: string | null) => post<FactorMatrix>(PATH, { ...body, dataset: done.dataset, factors, research }, { signal: abort.signal });
    const compute = async () => {
      const asked = body.factors ?? (await get<FactorList>("/v1/factors", {}, abort.signal)).items.filter((each) => each.available).map((each) => each.key);
      change({ total: asked.length });
      while (done.factors.length < asked.length) {
        const first = done.factors.length;
        const part = await request(asked.slice(first, first + AT_ONCE), null).catch((problem: unknown) => {
          throw problem instanceof ApiError ? counted(problem, first) : problem;
        });
        done.dataset = part.dataset_version; // every further part is of the version of the first one
        done.factors.push(...part.factors);
        change({ factors: [...done.factors] });
      }
      const whole = asked.length > 0 ? await request(asked, done.recorded ? null : line) : null;
      done.recorded ??= whole?.recorded ?? null;
      change({ whole, recorded: done.recorded, running: false, ...(whole && { factors: whole.factors }) });
    };
    setState({ ...NOTHING, factors: [...done.factors], running: true });
    compute().catch((problem: unknown) => {
      if (abort.signal.aborted) return;
      if (!(problem instanceof ApiError)) throw problem;
      change({ error: problem, running: false });
    });
    return () => abort.abort();
  }, [of, words, line, round]);
  const cancel = () => {
    running.current?.abort();
    setState((before) => ({ ...before, running: false }));
  };
  return { ...state, cancel, resume: () => setRound((n) => n + 1) };
}
