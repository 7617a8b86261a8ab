// The expression editor over CodeMirror, in a shadow root: there its styles need no exception of the page's policy.
import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import type { CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { history, historyKeymap, standardKeymap } from "@codemirror/commands";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, MatchDecorator, ViewPlugin, keymap, placeholder as placeholderText } from "@codemirror/view";
import type { DecorationSet, ViewUpdate } from "@codemirror/view";
import type { FieldProblem } from "../../api/types.ts";
import { matching } from "./completion.ts";
import { matchBrackets } from "./plain-text.ts";
import type { Choice } from "./completion.ts";

export interface EditorHandle {
  focus: () => void;
  setText: (text: string) => void;
  setProblems: (problems: readonly FieldProblem[]) => void;
  remove: () => void;
}

interface Options {
  label: string;
  text: string;
  /** Offsets of the selection. */
  selection: readonly [number, number];
  placeholder: string;
  onText: (text: string) => void;
  choices: () => readonly Choice[];
  /** What Enter does outside the list of completions; without it, it begins a line. */
  onEnter?: () => void;
}

const WORD = /[\p{L}\p{N}_/]+/u;

const TOKEN = /(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?\p{Script=Hangul}?|([\p{L}_][\p{L}\p{N}_]*)(?=(\s*\()?)|[^\s\p{L}\p{N}_]+/gu;
const MARKS = Object.fromEntries(["keyword", "number", "function", "operator"].map((kind) => [kind, Decoration.mark({ class: `token-${kind}` })]));

/** Return what kind a match of `TOKEN` is; null: a plain name. `keywords` are the English and Korean words between conditions. */
function tokenKind([text, word, opening]: RegExpExecArray, keywords: ReadonlySet<string>): string | null {
  if (word === undefined) return /[\p{N}]/u.test(text) ? "number" : "operator";
  return keywords.has(word.toLowerCase()) ? "keyword" : opening === undefined ? null : "function";
}

/** Colours of the words of the language, found by one pattern: a grammar would only be 8 KB for the same colours. */
function highlighted(keywords: ReadonlySet<string>) {
  const decorator = new MatchDecorator({
    regexp: TOKEN,
    decorate: (add, from, to, match) => {
      const kind = tokenKind(match, keywords);
      if (kind !== null) add(from, to, MARKS[kind]!);
    },
  });
  return ViewPlugin.define((view) => ({
    decorations: decorator.createDeco(view),
    update(update: ViewUpdate) {
      this.decorations = decorator.updateDeco(update, this.decorations);
    },
  }), { decorations: (plugin) => plugin.decorations });
}

const BRACKET = Decoration.mark({ class: "bracket" });
const LONE_BRACKET = Decoration.mark({ class: "lone-bracket" });

/** The bracket beside the cursor and the one that belongs to it. */
function brackets(view: EditorView): DecorationSet {
  const { state } = view;
  const found = state.selection.ranges.flatMap(({ empty, head }) => {
    const match = empty ? matchBrackets(state, head, -1) ?? matchBrackets(state, head - 1, 1) ?? matchBrackets(state, head, 1) ?? matchBrackets(state, head + 1, -1) : null;
    const mark = match?.matched ? BRACKET : LONE_BRACKET;
    return match ? [match.start, match.end].flatMap((place) => (place ? [mark.range(place.from, place.to)] : [])) : [];
  });
  return Decoration.set(found, true);
}

const BRACKETS = ViewPlugin.define((view) => ({
  decorations: brackets(view),
  update(update: ViewUpdate) {
    // a composition of the input method is not interrupted: the marks move with the text until it ends
    this.decorations = update.view.composing ? this.decorations.map(update.changes) : brackets(update.view);
  },
}), { decorations: (plugin) => plugin.decorations });

const THEME = EditorView.theme({
  "&": { backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--control)", borderRadius: "8px", fontSize: "14px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "2px" },
  ".cm-content": { fontFamily: "ui-monospace, 'D2Coding', 'DejaVu Sans Mono', monospace", padding: "8px 4px", minHeight: "40px", caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "8px", maxWidth: "420px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "inherit", maxHeight: "260px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "4px 8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--text)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".bracket": { backgroundColor: "var(--accent-soft)" },
  ".lone-bracket": { backgroundColor: "#bb555544" },
  ".token-keyword": { color: "var(--accent)", fontWeight: "700" },
  ".token-number": { color: "var(--benchmark)" },
  ".token-function": { color: "var(--down)" },
  ".token-operator": { color: "var(--muted)" },
  ".problem": { textDecoration: "underline wavy var(--error) 1.5px" },
});

const setUnderlines = StateEffect.define<DecorationSet>();

/** The places of problems, underlined; what they are is under the field and in the title of the place. */
const UNDERLINES = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (before, change) => change.effects.reduce((found, effect) => (effect.is(setUnderlines) ? effect.value : found), before.map(change.changes)),
  provide: (field) => EditorView.decorations.from(field),
});

/**
 * What is typed over a selection is inserted here: the browser would keep the colour of the replaced word by a style of
 * its own, which the policy of the page refuses.
 */
const TYPED_OVER = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { state, composing } = view;
    const { from, to, empty } = state.selection.main;
    const text = event.data;
    if (event.inputType !== "insertText" || !text || composing || empty) return false;
    const insert = () => state.update(state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
    if (!state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, text, insert))) view.dispatch(insert());
    return true; // the browser inserts nothing
  },
});

const TYPES = { factor: "variable", price: "property", index: "constant", function: "function", keyword: "keyword" } as const;

function complete(context: CompletionContext, choices: readonly Choice[]): CompletionResult | null {
  const word = context.matchBefore(WORD);
  if (!word && !context.explicit) return null;
  return {
    from: word?.from ?? context.pos,
    filter: false,
    options: matching(choices, word?.text ?? "").slice(0, 60).map((choice) => ({
      label: choice.label, apply: choice.insert, detail: choice.detail, type: TYPES[choice.kind],
      ...(choice.info && choice.info !== choice.detail ? { info: choice.info } : {}),
    })),
  };
}

/** Create an editor in an element. */
export function createEditor(element: HTMLElement, options: Options): EditorHandle {
  const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  const { onEnter } = options;
  let isSetting = false; // a text that the page sets is not sent back to it
  const keywords = new Set(options.choices().flatMap((choice) => (choice.kind === "keyword" ? choice.words : [])));
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: options.text,
      selection: { anchor: options.selection[0], head: options.selection[1] },
      extensions: [
        history(), BRACKETS, closeBrackets(), TYPED_OVER, EditorView.lineWrapping, highlighted(keywords), UNDERLINES, THEME,
        autocompletion({ override: [(context) => complete(context, options.choices())], icons: false }),
        keymap.of([...completionKeymap, ...(onEnter ? [{ key: "Enter", run: () => (onEnter(), true) }] : []), ...standardKeymap, ...historyKeymap]),
        placeholderText(options.placeholder),
        EditorView.contentAttributes.of({ "aria-label": options.label, spellcheck: "false", autocapitalize: "off" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !isSetting) options.onText(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    focus: () => view.focus(),
    setText: (text) => {
      const current = view.state.doc.toString();
      // a composition of the input method is not interrupted, and blanks at the ends stay as typed
      if (view.composing || current.trim() === text.trim()) return;
      isSetting = true;
      view.dispatch({ changes: { from: 0, to: current.length, insert: text } });
      isSetting = false;
    },
    setProblems: (problems) => {
      const document = view.state.doc;
      const found = problems.flatMap((problem) => {
        if (problem.line == null || problem.column == null || problem.line > document.lines) return [];
        const line = document.line(problem.line);
        const start = Math.min(line.to, line.from + [...line.text].slice(0, problem.column - 1).join("").length);
        const word = WORD.exec(document.sliceString(start, line.to));
        const end = word && word.index === 0 ? start + word[0].length : Math.min(line.to, start + 1);
        const from = Math.max(line.from, Math.min(start, end - 1)); // at the end of a line its last character
        return from < end ? [Decoration.mark({ class: "problem", attributes: { title: problem.message } }).range(from, end)] : [];
      });
      view.dispatch({ effects: setUnderlines.of(Decoration.set(found, true)) });
    },
    remove: () => view.destroy(),
  };
}
