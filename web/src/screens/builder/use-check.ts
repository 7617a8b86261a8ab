// Check an expression on the server while it is typed; answers for older texts are dropped.
import { useEffect, useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import type { CheckedExpression } from "../../api/types.ts";
import { language } from "../../i18n/index.ts";

export type ExpressionPlace = "buy.where" | "buy.rank_by" | "sell.where" | "universe.where" | "portfolio.when";

export const DELAY_MS = 150;
const known = new Map<string, CheckedExpression>();
const MOST_KNOWN = 500;

function keyOf(text: string, place: ExpressionPlace): string {
  return `${language.value} ${place} ${text}`;
}

/** Return the answer of the check; answers are remembered, since a text has one answer in a language of the page. */
export async function checked(text: string, place: ExpressionPlace, abort?: AbortSignal): Promise<CheckedExpression> {
  const key = keyOf(text, place);
  const found = known.get(key);
  if (found) return found;
  const answer = await post<CheckedExpression>("/v1/expressions/check", { text, place }, abort ? { signal: abort } : {});
  if (known.size >= MOST_KNOWN) known.delete(known.keys().next().value!);
  known.set(key, answer);
  return answer;
}

/** Return the check of a text, null while there is none; `text` of the answer says which text it belongs to. */
export function useCheck(text: string | null, place: ExpressionPlace): CheckedExpression | null {
  const [answer, setAnswer] = useState<CheckedExpression | null>(null);
  const words = language.value;
  useEffect(() => {
    if (text === null || text.trim() === "") {
      setAnswer(null);
      return undefined;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      checked(text, place, abort.signal).then(
        (found) => !abort.signal.aborted && setAnswer(found),
        () => undefined, // the preview and the run say what is wrong with the server
      );
    }, answer === null ? 0 : DELAY_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text, place, words]);
  return (text !== null && known.get(keyOf(text, place))) || answer;
}
