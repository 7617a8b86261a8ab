// The parts of a result: what every tab shows is read at once, long lists when a tab shows them.
import { get } from "../../api/client.ts";
import { rowsOfColumns } from "../../api/columns.ts";
import { useResource } from "../../api/resource.ts";
import type { Resource } from "../../api/resource.ts";
import type { Backtest, Result } from "../../api/types.ts";

const FIRST = "statistics,equity,monthly_returns,yearly_returns,warnings,window,unfilled,provenance,timing,cache";
const LISTS = ["equity", "monthly_returns", "yearly_returns", "warnings", "trades", "round_trips"] as const;
const DIGITS = 10; // significant digits of the numbers in lists: ratios of them are exact to 1e-9

/** A result without the lists that `useList` reads. */
export type Summary = Omit<Result, "trades" | "round_trips" | "open_positions" | "corporate_actions">;
export type Run = Omit<Backtest, "result"> & { result?: Summary | null };

async function read(id: string, parts: string, abort: AbortSignal): Promise<Backtest> {
  const run = await get<Backtest>(`/v1/backtests/${encodeURIComponent(id)}`, { parts, format: "columns", digits: DIGITS }, abort);
  const result = run.result as Record<string, never> | null | undefined;
  for (const name of LISTS) if (result?.[name]) result[name] = rowsOfColumns(result[name]) as never;
  return run;
}

/** Load a backtest with the parts of its result that the report begins with. */
export function useRun(id: string): Resource<Run> {
  return useResource(`run ${id}`, (abort) => read(id, FIRST, abort));
}

const known = new Map<string, unknown>(); // lists of the last results: a result does not change
const MOST_KNOWN = 4;

/** Load a long list of a result. */
export function useList<Name extends "trades" | "round_trips">(id: string, name: Name): Resource<Result[Name]> {
  const key = `${name} ${id}`;
  return useResource(key, async (abort) => {
    const list = (known.get(key) as Result[Name] | undefined) ?? (await read(id, name, abort)).result![name];
    if (known.size >= MOST_KNOWN) known.delete(known.keys().next().value!);
    known.set(key, list);
    return list;
  });
}
