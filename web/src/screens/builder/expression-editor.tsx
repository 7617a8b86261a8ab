// A text field for an expression: an editor with completion once it has loaded, a plain text area until then.
import { useEffect, useRef, useState } from "preact/hooks";
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
}

export function ExpressionEditor({ label, value, onValue, choices, problems, describedBy, placeholder }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const handle = useRef<EditorHandle | null>(null);
  const [ready, setReady] = useState(false);
  const latest = useRef({ value, onValue, choices });
  latest.current = { value, onValue, choices };
  const typed = useRef<string[]>([]); // texts that the editor sent and that have not come back as `value` yet
  useEffect(() => {
    let removed = false;
    import("./code-editor.ts").then(
      ({ createEditor }) => {
        if (removed || !box.current) return;
        handle.current = createEditor(box.current, {
          label,
          text: latest.current.value,
          placeholder: placeholder ?? "",
          onText: (text) => {
            typed.current.push(text);
            latest.current.onValue(text);
          },
          choices: () => latest.current.choices,
        });
        setReady(true);
      },
      (error: unknown) => console.warn("the editor did not load; the plain text area stays", error),
    );
    return () => {
      removed = true;
      handle.current?.remove();
      handle.current = null;
    };
  }, []);
  useEffect(() => {
    const at = typed.current.indexOf(value);
    if (at >= 0) typed.current.splice(0, at + 1);
    else {
      typed.current = [];
      handle.current?.setText(value);
    }
  }, [value, ready]);
  useEffect(() => handle.current?.setProblems(problems), [problems, ready]);
  return (
    <>
      <div class="editor" ref={box} hidden={!ready} />
      {!ready && (
        <textarea
          aria-label={label}
          aria-describedby={describedBy}
          aria-invalid={problems.length > 0}
          spellcheck={false}
          rows={2}
          placeholder={placeholder}
          value={value}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      )}
    </>
  );
}
