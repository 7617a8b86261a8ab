// What a screen reads from the API: loading, ready, failed, and old data shown while new data load.
import { useEffect, useRef, useState } from "preact/hooks";
import { language } from "../i18n/index.ts";
import { ApiError } from "./problem.ts";

export interface Resource<T> {
  data: T | null;
  error: ApiError | null;
  loading: boolean;
  reload: () => void;
}

/** Load a resource whenever its key changes (null: nothing to load); answers of older keys are dropped. */
export function useResource<T>(key: string | null, load: (abort: AbortSignal) => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: ApiError | null; loading: boolean }>({
    key: null, data: null, error: null, loading: key !== null,
  });
  const [round, setRound] = useState(0);
  const current = useRef(load);
  current.current = load;
  const words = language.value;
  useEffect(() => {
    if (key === null) {
      setState({ key, data: null, error: null, loading: false });
      return undefined;
    }
    const abort = new AbortController();
    setState((before) => ({ ...before, key, error: null, loading: true }));
    current.current(abort.signal).then(
      (data) => !abort.signal.aborted && setState({ key, data, error: null, loading: false }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const shown = error instanceof ApiError ? error : new ApiError(-1, String(error), "", [], null, null);
        if (!(error instanceof ApiError)) console.error(error);
        setState((before) => ({ key, data: before.key === key ? before.data : null, error: shown, loading: false }));
      },
    );
    return () => abort.abort();
  }, [key, round, words]);
  return { data: state.data, error: state.error, loading: state.loading, reload: () => setRound((n) => n + 1) };
}

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** Load a list page by page: the first one with its states, the items so far, and how to load more (null: these are all). */
export function usePages<T>(key: string, load: (cursor: string | null, abort?: AbortSignal) => Promise<Page<T>>): { first: Resource<Page<T>>; items: T[]; more: (() => void) | null } {
  const first = useResource(key, (abort) => load(null, abort));
  const [next, setNext] = useState<{ of: Page<T>; page: Page<T> } | null>(null);
  const known = first.data && (next?.of === first.data ? next.page : first.data);
  const more = async () => {
    const page = await load(known!.next_cursor);
    setNext({ of: first.data!, page: { items: [...known!.items, ...page.items], next_cursor: page.next_cursor } });
  };
  return { first, items: known?.items ?? [], more: known?.next_cursor ? () => void more() : null };
}
