// Types beside those that the OpenAPI document describes.
import type * as schema from "./schema.ts";

export type * from "./schema.ts";


/** One entry of `errors[]` of a problem document. */
export interface FieldProblem {
  path: string;
  message: string;
  code?: string | null;
  params?: Record<string, unknown> | null;
  line?: number | null;
  column?: number | null;
  suggestions?: string[] | null;
}

/** A backtest request in canonical form, with every default. */
export type BacktestRequest = Required<Omit<schema.BacktestBody, "strategy" | "dataset">> & { strategy: schema.Strategy };

/** The request of a backtest; the document describes it as any object. */
export function requestOf(backtest: { request: Record<string, unknown> }): BacktestRequest {
  return backtest.request as unknown as BacktestRequest;
}

/** Names of the statistics that are numbers. */
export type StatisticName = {
  [K in keyof schema.Statistics]-?: Exclude<schema.Statistics[K], null | undefined> extends number ? K : never;
}[keyof schema.Statistics];

/** Answer of the look-ahead audit, in the shape that the server documents. */
export interface Audit {
  identical: boolean;
  trades: number;
  cuts: { date: string; trades: number; identical: boolean; first_difference: Record<string, unknown> | null }[];
}
