// A text field for an expression: an editor with completion once it has loaded, a plain text area until then.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { FieldProblem } from "../../api/types.ts";
import type { Choice } from "./completion.ts";
import type { EditorHandle } from "./code-editor.ts";

interface Props {
  label: string;
  value: string;
  onValue: (value: string) => void;
  choices: readonly Choice[];
  problems: readonly FieldProblem[];
  describedBy: string;
  placeholder?: string | undefined;
  /** What Enter does outside the list of completions; without it, it begins a line. */
  onEnter?: (() => void) | undefined;
  /** Whether the choices are there: the editor is made after them. */
  ready?: boolean | undefined;
}

export function ExpressionEditor({ label, value, onValue, choices, problems, describedBy, placeholder, onEnter, ready: canBegin = true }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plain = useRef<HTMLTextAreaElement>(null);
  const handle = useRef<EditorHandle | null>(null);
  const [ready, setReady] = useState(false);
  const composing = useRef(false);
  const latest = useRef({ onValue, choices, onEnter });
  latest.current = { onValue, choices, onEnter };
  useEffect(() => {
    if (!canBegin) return undefined;
    let removed = false;
    // the editor goes on where the text area is, with its text, its selection and the focus; no syllable is interrupted
    const begin = (module: typeof import("./code-editor.ts")) => {
      const area = plain.current;
      if (removed || !box.current || !area) return;
      if (composing.current) {
        area.addEventListener("compositionend", () => setTimeout(begin, 0, module), { once: true });
        return;
      }
      handle.current = module.createEditor(box.current, {
        label,
        text: area.value,
        selection: [area.selectionStart, area.selectionEnd],
        placeholder: placeholder ?? "",
        onText: (text) => latest.current.onValue(text),
        choices: () => latest.current.choices,
        ...(onEnter && { onEnter: () => latest.current.onEnter!() }),
      });
      const isFocused = document.activeElement === area;
      box.current.hidden = false;
      if (isFocused) handle.current.focus();
      setReady(true);
    };
    import("./code-editor.ts").then(begin, (error: unknown) => console.warn("the editor did not load; the plain text area stays", error));
    return () => {
      removed = true;
      handle.current?.remove();
      handle.current = null;
    };
  }, [canBegin]);
  // before anything else can be typed: a text that is not the newest would overwrite what was typed since
  useLayoutEffect(() => handle.current?.setText(value), [value]);
  useEffect(() => handle.current?.setProblems(problems), [problems, ready]);
  return (
    <>
      <div class="editor" ref={box} hidden={!ready} />
      {!ready && (
        <textarea
          ref={plain}
          onCompositionStart={() => (composing.current = true)}
          onCompositionEnd={() => (composing.current = false)}
          aria-label={label}
          aria-describedby={describedBy}
          aria-invalid={problems.length > 0}
          spellcheck={false}
          rows={onEnter ? 1 : 2}
          onKeyDown={onEnter && ((event) => {
            if (event.key !== "Enter" || event.isComposing) return;
            event.preventDefault();
            onEnter();
          })}
          placeholder={placeholder}
          value={value}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      )}
    </>
  );
}
