// The explanation of a backtest, loaded once and shared by the tabs that show it.
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { Resource } from "../../api/resource.ts";
import type { Explanation } from "../../api/types.ts";

const loaded = new Map<string, Promise<Explanation>>();

/** Load the explanation of a backtest when it is wanted. */
export function useExplanation(id: string, wanted: boolean): Resource<Explanation> {
  return useResource(wanted ? `explain ${id}` : null, () => {
    let found = loaded.get(id);
    if (!found) {
      loaded.clear(); // one explanation at a time: it may have 10,000 trades
      found = get<Explanation>(`/v1/backtests/${encodeURIComponent(id)}/explain`);
      loaded.set(id, found);
      found.catch(() => loaded.delete(id));
    }
    return found;
  });
}
