// A labelled control with its help and problems, connected for screen readers.
import { useId } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import type { FieldProblem } from "../api/types.ts";
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
export function NumberField({ label, value, onValue, unit, help, problems, placeholder, step = "any", min }: NumberFieldProps) {
  return (
    <Field label={label} help={help} problems={problems}>
      {(control) => (
        <span class="with-unit">
          <input
            {...control}
            type="number"
            inputMode="decimal"
            step={step}
            min={min}
            placeholder={placeholder}
            value={value ?? ""}
            onInput={(event) => {
              const text = event.currentTarget.value;
              onValue(text === "" ? null : Number(text));
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
