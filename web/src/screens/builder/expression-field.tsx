// A field of a form for one expression, or several between commas: checked while it is typed, with completion.
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import type { ApiError } from "../../api/problem.ts";
import { problemsAt } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { FieldProblem, Language as Words } from "../../api/types.ts";
import { language } from "../../i18n/index.ts";
import { FieldProblems, applySuggestion } from "../../ui/problem.tsx";
import { choicesOf } from "./completion.ts";
import { ExpressionEditor } from "./expression-editor.tsx";
import { placedParts, placedProblem } from "./expression-list.ts";
import { DELAY_MS, checked } from "./use-check.ts";

interface Props {
  label: string;
  help?: string | undefined;
  value: string;
  onValue: (value: string) => void;
  /** What the form's request was refused with, and the field of the request; shown until the text is another one. */
  error: ApiError | null;
  path: string;
  placeholder?: string | undefined;
  /** Whether commas separate several expressions. */
  list?: boolean | undefined;
}

/** Return a problem of one expression of a list (`controls[1]`) at its place in the text of the field. */
function inWhole(problem: FieldProblem, text: string): FieldProblem {
  const number = /\[(\d+)\]$/.exec(problem.path)?.[1];
  const part = number === undefined ? undefined : placedParts(text)[Number(number)];
  return part ? placedProblem(problem, text, part.at) : problem;
}

/** Return the problems of a text; null while it has not been checked. */
function useProblems(text: string, list: boolean): FieldProblem[] | null {
  const [found, setFound] = useState<{ of: string; problems: FieldProblem[] } | null>(null);
  const of = `${language.value} ${text}`;
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const parts = list ? placedParts(text) : text.trim() ? [{ text, at: 0 }] : [];
      Promise.all(parts.map(async (part) => (await checked(part.text, "buy.rank_by", abort.signal)).errors.map((each) => placedProblem(each, text, part.at)))).then(
        (problems) => !abort.signal.aborted && setFound({ of, problems: problems.flat() }),
        () => undefined, // the request of the form says what is wrong with the server
      );
    }, DELAY_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [of, list]);
  return found?.of === of ? found.problems : null;
}

export function ExpressionField({ label, help, value, onValue, error, path, placeholder, list = false }: Props) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const words = useResource("language", (abort) => get<Words>("/v1/language", {}, abort));
  const choices = useMemo(() => (words.data ? choicesOf(words.data, language.value) : []), [words.data, language.value]);
  const refused = useRef<{ error: ApiError | null; value: string }>({ error, value });
  if (refused.current.error !== error) refused.current = { error, value };
  const found = useProblems(value, list);
  const sent = refused.current.value === value ? problemsAt(error?.fields ?? [], path).map((each) => inWhole(each, value)) : [];
  const problems = found && found.length > 0 ? found : sent;
  return (
    <div ref={box} class="field" role="group" aria-labelledby={`${id}-label`}>
      <span class="label" id={`${id}-label`}>{label}</span>
      <ExpressionEditor
        label={label}
        value={value}
        onValue={onValue}
        onEnter={() => box.current!.closest("form")!.requestSubmit()}
        choices={choices}
        ready={words.data !== null || words.error !== null}
        problems={problems}
        describedBy={`${id}-problems`}
        placeholder={placeholder}
      />
      {help && <p class="help">{help}</p>}
      <FieldProblems id={`${id}-problems`} problems={problems} onSuggestion={(word, problem) => onValue(applySuggestion(value, problem, word))} />
    </div>
  );
}
