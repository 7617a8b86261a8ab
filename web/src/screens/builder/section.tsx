// What the sections of the form have in common: where a value is, how it changes, and its problems.
import type { ComponentChildren } from "preact";
import type { ApiError } from "../../api/problem.ts";
import { problemsAt } from "../../api/problem.ts";
import { t } from "../../i18n/index.ts";
import type { TextKey } from "../../i18n/index.ts";
import { NumberField, SelectField } from "../../ui/field.tsx";
import type { Choice } from "./completion.ts";
import type { Draft } from "./draft.ts";

export interface SectionProps {
  draft: Draft;
  change: (path: string, value: unknown) => void;
  /** The refusal of the last preview or run. */
  error: ApiError | null;
  choices: readonly Choice[];
}

export function Section({ title, children, more = false }: { title: string; children: ComponentChildren; more?: boolean }) {
  return (
    <details class="card builder-section" open={!more}>
      <summary><h2>{title}</h2></summary>
      <div class="section-body">{children}</div>
    </details>
  );
}

/** Return the value at a path of the draft. */
export function valueAt(draft: Draft, path: string): unknown {
  return path.split(".").reduce<unknown>((of, name) => (of as Record<string, unknown>)[name], draft);
}

interface NumberProps extends SectionProps {
  path: string;
  name: TextKey;
  unit?: string | undefined;
  help?: string | undefined;
  /** What an empty field means; without it an empty field is a problem that the server names. */
  empty?: string | undefined;
}

/** A number of the request. */
export function RequestNumber({ draft, change, error, path, name, unit, help, empty }: NumberProps) {
  return (
    <NumberField
      label={t(name)}
      value={valueAt(draft, path) as number | null}
      onValue={(value) => change(path, value)}
      unit={unit}
      help={help}
      placeholder={empty}
      problems={problemsAt(error?.fields ?? [], path)}
    />
  );
}

interface SelectProps<T extends string> extends SectionProps {
  path: string;
  name: TextKey;
  options: readonly (readonly [T, string])[];
  help?: string | undefined;
}

/** A choice of the request. */
export function RequestSelect<T extends string>({ draft, change, error, path, name, options, help }: SelectProps<T>) {
  return (
    <SelectField
      label={t(name)}
      value={String(valueAt(draft, path)) as T}
      options={options}
      onValue={(value) => change(path, value)}
      help={help}
      problems={problemsAt(error?.fields ?? [], path)}
    />
  );
}
