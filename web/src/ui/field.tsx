// A labelled control with its help and problems, connected for screen readers.
import { useId, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import type { FieldProblem } from "../api/types.ts";
import { t } from "../i18n/index.ts";
import { FieldProblems } from "./problem.tsx";

interface FieldProps {
  label: string;
  help?: string | undefined;
  problems?: FieldProblem[] | undefined;
  onSuggestion?: ((suggestion: string, problem: FieldProblem) => void) | undefined;
  children: (control: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean }) => ComponentChildren;
}

export function Field({ label, help, problems = [], onSuggestion, children }: FieldProps) {
  const id = useId();
  const described = [help && `${id}-help`, problems.length > 0 && `${id}-problems`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": problems.length > 0 })}
      {help && <p class="help" id={`${id}-help`}>{help}</p>}
      <FieldProblems problems={problems} onSuggestion={onSuggestion} id={`${id}-problems`} />
    </div>
  );
}

/**
 * Return the text that a control shows whose value is not its text (a number, a day, a list of codes), and a function that
 * notes what was typed and the text of the value that it means. `text` is the text of the value: what was typed stays
 * as typed ("0.0", "A ") until the value changes otherwise, such as by undo.
 */
export function useTyped(text: string): [string, (typed: string, means: string) => void] {
  const [typed, setTyped] = useState<{ text: string; means: string } | null>(null);
  return [typed !== null && typed.means === text ? typed.text : text, (next, means) => setTyped({ text: next, means })];
}

interface NumberFieldProps {
  label: string;
  value: number | null;
  onValue: (value: number | null) => void;
  unit?: string | undefined;
  help?: string | undefined;
  problems?: FieldProblem[] | undefined;
  placeholder?: string | undefined;
  step?: number | "any" | undefined;
  min?: number | undefined;
}

/** A number, or null when the control is empty. */
export function NumberField({ label, value, onValue, unit, help, problems = [], placeholder, step = "any", min }: NumberFieldProps) {
  const [text, note] = useTyped(value === null ? "" : String(value));
  const [unreadable, setUnreadable] = useState(false); // such as "1e": the browser gives no text for it
  const shown = unreadable && value === null ? [{ path: "", message: t("problem.number") }, ...problems] : problems;
  return (
    <Field label={label} help={help} problems={shown}>
      {(control) => (
        <span class="with-unit">
          <input
            {...control}
            type="number"
            inputMode="decimal"
            step={step}
            min={min}
            placeholder={placeholder}
            value={text}
            onInput={(event) => {
              const typed = event.currentTarget.value;
              const next = typed === "" ? null : Number(typed);
              note(typed, next === null ? "" : String(next));
              setUnreadable(event.currentTarget.validity.badInput);
              onValue(next);
            }}
          />
          {unit && <span class="unit">{unit}</span>}
        </span>
      )}
    </Field>
  );
}

interface SelectFieldProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onValue: (value: T) => void;
  help?: string | undefined;
  problems?: FieldProblem[] | undefined;
}

/** A choice of one of several words. */
export function SelectField<T extends string>({ label, value, options, onValue, help, problems }: SelectFieldProps<T>) {
  return (
    <Field label={label} help={help} problems={problems}>
      {(control) => (
        <select {...control} value={value} onChange={(event) => onValue(event.currentTarget.value as T)}>
          {options.map(([word, text]) => <option key={word} value={word}>{text}</option>)}
        </select>
      )}
    </Field>
  );
}

interface TextFieldProps extends Omit<JSX.InputHTMLAttributes<HTMLInputElement>, "label"> {
  label: string;
  value: string;
  onValue: (value: string) => void;
  help?: string | undefined;
  problems?: FieldProblem[] | undefined;
  onSuggestion?: ((suggestion: string, problem: FieldProblem) => void) | undefined;
}

/** A line of text. */
export function TextField({ label, value, onValue, help, problems, onSuggestion, ...rest }: TextFieldProps) {
  return (
    <Field label={label} help={help} problems={problems} onSuggestion={onSuggestion}>
      {(control) => <input type="text" {...rest} {...control} value={value} onInput={(event) => onValue(event.currentTarget.value)} />}
    </Field>
  );
}
