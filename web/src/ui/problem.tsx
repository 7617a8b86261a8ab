// Problems of a request beside the field that they concern, with suggestions that one click applies.
import type { FieldProblem } from "../api/types.ts";
import { t } from "../i18n/index.ts";

interface Props {
  problems: FieldProblem[];
  /** Apply a suggestion; without it suggestions are text. */
  onSuggestion?: ((suggestion: string, problem: FieldProblem) => void) | undefined;
  showPath?: boolean | undefined;
  id?: string | undefined;
}

export function FieldProblems({ problems, onSuggestion, showPath, id }: Props) {
  if (problems.length === 0) return null;
  return (
    <ul class="problems" id={id}>
      {problems.map((problem) => (
        <li key={`${problem.path}${problem.line}${problem.column}${problem.message}`}>
          {showPath && problem.path && <code>{problem.path}</code>} {problem.message}
          {problem.line != null && problem.column != null && (
            <span class="muted"> {t("problem.position", { line: problem.line, column: problem.column })}</span>
          )}
          {problem.suggestions && problem.suggestions.length > 0 && (
            <span class="suggestions">
              {" "}{t("problem.meant")}{" "}
              {problem.suggestions.map((suggestion) =>
                onSuggestion ? (
                  <button type="button" class="chip" onClick={() => onSuggestion(suggestion, problem)}>{suggestion}</button>
                ) : (
                  <code>{suggestion}</code>
                ),
              )}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Return a text in which the word at a problem's position is replaced by a suggestion. */
export function applySuggestion(text: string, problem: FieldProblem, suggestion: string): string {
  const lines = text.split("\n");
  const at = (problem.line ?? 1) - 1;
  const line = lines[at];
  if (line === undefined) return text;
  const start = [...line].slice(0, (problem.column ?? 1) - 1).join("").length;
  const word = /^[\p{L}\p{N}_]+/u.exec(line.slice(start))?.[0] ?? "";
  lines[at] = line.slice(0, start) + suggestion + line.slice(start + word.length);
  return lines.join("\n");
}
