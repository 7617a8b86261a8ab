// The numbers of the strategy as rows; a chosen one has a range.
import { problemsAt } from "../../api/problem.ts";
import type { FieldProblem } from "../../api/types.ts";
import { figure } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { NumberField, TextField } from "../../ui/field.tsx";
import { FieldProblems } from "../../ui/problem.tsx";
import { choiceFor } from "./places.ts";
import type { Choice, Place } from "./places.ts";

interface Props {
  places: readonly Place[];
  chosen: Readonly<Record<string, Choice>>;
  onChange: (chosen: Record<string, Choice>) => void;
  problems: FieldProblem[];
}

export function Parameters({ places, chosen, onChange, problems }: Props) {
  const set = (key: string, choice: Choice | null) => {
    const next = { ...chosen };
    if (choice) next[key] = choice;
    else delete next[key];
    onChange(next);
  };
  return (
    <ul class="places">
      {places.map((place) => {
        const choice = chosen[place.key];
        const label = `${t(place.title)}${place.kind === "names" ? ` (${t("sweep.names")})` : ""}`;
        const value = place.value === null ? t("sweep.off") : typeof place.value === "number" ? figure(place.value) : place.value;
        return (
          <li key={place.key} class={choice ? "chosen" : undefined}>
            <label>
              <input type="checkbox" checked={choice !== undefined} onChange={(event) => set(place.key, event.currentTarget.checked ? choiceFor(place) : null)} />
              <span>{label} {place.kind === "literal" ? <code class="muted">{place.context[0]}<strong>{value}</strong>{place.context[1]}</code> : <span class="muted">{value}</span>}</span>
            </label>
            {choice && <Range place={place} choice={choice} onChoice={(next) => set(place.key, next)} problems={problems} />}
          </li>
        );
      })}
    </ul>
  );
}

function Range({ place, choice, onChoice, problems }: { place: Place; choice: Choice; onChoice: (choice: Choice) => void; problems: FieldProblem[] }) {
  const at = `parameters.${place.name}`;
  const found = problemsAt(problems, at);
  const of = (part: string) => found.filter((each) => each.path === `${at}.${part}`);
  const others = [
    ...found.filter((each) => !["from", "to", "step", "values"].some((part) => each.path === `${at}.${part}`)),
    ...problemsAt(problems, `template.${place.path}`),
    ...(place.kind === "names" ? [] : of("values")),
  ];
  return (
    <div class="fields">
      <p class="mono small">${place.name}</p>
      {place.kind === "names" ? (
        <TextField label={t("sweep.values")} class="mono" spellcheck={false} value={choice.names} onValue={(names) => onChoice({ ...choice, names })} problems={of("values")} />
      ) : (
        <>
          <NumberField label={t("sweep.from")} value={choice.from} onValue={(from) => onChoice({ ...choice, from })} problems={of("from")} />
          <NumberField label={t("sweep.to")} value={choice.to} onValue={(to) => onChoice({ ...choice, to })} problems={of("to")} />
          <NumberField label={t("sweep.step")} value={choice.step} onValue={(step) => onChoice({ ...choice, step })} problems={of("step")} />
          {place.nullable && (
            <label class="check"><input type="checkbox" checked={choice.none} onChange={(event) => onChoice({ ...choice, none: event.currentTarget.checked })} /> {t("sweep.also-none")}</label>
          )}
        </>
      )}
      <FieldProblems problems={others} />
    </div>
  );
}
