// Several expressions in one text, separated by commas; a comma inside parentheses separates none.
import type { FieldProblem } from "../../api/types.ts";

interface Part {
  text: string;
  /** Offset of its first character in the whole text. */
  at: number;
}

/** Return the expressions of a text with their places; what is empty between two commas is left out. */
export function placedParts(text: string): Part[] {
  const found: Part[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= text.length; at += 1) {
    if (text[at] === "(") depth += 1;
    else if (text[at] === ")") depth -= 1;
    if (at < text.length && (text[at] !== "," || depth > 0)) continue;
    const part = text.slice(start, at);
    if (part.trim()) found.push({ text: part.trim(), at: start + part.length - part.trimStart().length });
    start = at + 1;
  }
  return found;
}

/** Return the expressions of a text. */
export function partsOf(text: string): string[] {
  return placedParts(text).map((part) => part.text);
}

/** Return a problem of the part of a text that begins at an offset, at its place in the whole text. */
export function placedProblem(problem: FieldProblem, whole: string, at: number): FieldProblem {
  if (problem.line == null || problem.column == null) return problem;
  const before = whole.slice(0, at).split("\n");
  const column = problem.line === 1 ? problem.column + [...before.at(-1)!].length : problem.column;
  return { ...problem, line: problem.line + before.length - 1, column };
}
