// What the packages of CodeMirror ask of @codemirror/language and @lezer/common about a text without a grammar; the build
// puts this module in their place (build.mjs). They are 42 KB of syntax trees, and an expression has none in the page.
import { Facet } from "@codemirror/state";
import type { EditorState } from "@codemirror/state";

const ROOT = { // the tree of a text without a grammar: one node without parent and children
  from: 0, to: 0, name: "", parent: null, firstChild: null, type: { prop: () => undefined },
  childBefore: () => null, childAfter: () => null,
};
const TREE = { resolveInner: () => ROOT, resolveStack: () => ({ node: ROOT, next: null }) };

export const syntaxTree = () => TREE;
export const NodeProp = { closedBy: {}, openedBy: {} };

export const indentUnit = Facet.define<string, string>({ combine: (values) => values[0] ?? "  " });
export const getIndentUnit = (state: EditorState): number => state.facet(indentUnit).length;
/** There is no grammar that knows an indentation: a new line begins as the one before. */
export const getIndentation = () => null;
export const indentString = (_state: EditorState, columns: number): string => " ".repeat(columns);

export class IndentContext {
  constructor(readonly state: EditorState) {}

  lineIndent(at: number): number {
    return this.state.doc.lineAt(at).text.search(/\S|$/);
  }
}

const BRACKETS = "()[]{}";

interface Match {
  start: { from: number; to: number };
  end?: { from: number; to: number };
  matched: boolean;
}

/** Return the bracket after (`direction` 1) or before (-1) an offset and the one that closes or opens it; null: there is none. */
export function matchBrackets(state: EditorState, at: number, direction: 1 | -1): Match | null {
  const text = state.doc.toString();
  const first = direction > 0 ? at : at - 1;
  const place = (offset: number) => ({ from: offset, to: offset + 1 });
  const kind = first < 0 || first >= text.length ? -1 : BRACKETS.indexOf(text[first]!);
  if (kind < 0 || (kind % 2 === 0) !== direction > 0) return null;
  let depth = 0;
  for (let offset = first; offset >= 0 && offset < text.length; offset += direction) {
    const found = BRACKETS.indexOf(text[offset]!);
    if (found < 0) continue;
    depth += (found % 2 === 0) === direction > 0 ? 1 : -1;
    if (depth === 0) return { start: place(first), end: place(offset), matched: found >> 1 === kind >> 1 };
  }
  return { start: place(first), matched: false };
}
