// How many stocks pass each part of a condition on the last day of the data, from the screener.
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import type { Screen } from "../../api/types.ts";
import type { Draft } from "./draft.ts";

const DELAY_MS = 150;

/** Return the counts of a condition that the server has accepted; null while there are none. */
export function useCounts(where: string | null, universe: Draft["strategy"]["universe"]): Screen | null {
  const [screen, setScreen] = useState<Screen | null>(null);
  const { markets, kinds, sectors } = universe;
  const key = JSON.stringify([where, markets, kinds, sectors]);
  useEffect(() => {
    if (where === null) {
      setScreen(null);
      return undefined;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      get<Screen>("/v1/screen", { where, limit: 0, markets, kinds, sectors }, abort.signal).then(
        setScreen,
        () => !abort.signal.aborted && setScreen(null), // the preview says what is wrong; counts are left out
      );
    }, DELAY_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return screen;
}
