// A figure with its note, and an interval as text.
import type { ComponentChildren } from "preact";
import { NONE } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import type { TextKey } from "../../i18n/index.ts";
import { Info } from "../../ui/info.tsx";

/** Return the ends of an interval as text; one number when they look the same. */
export function interval(values: readonly (number | null)[] | null | undefined, text: (value: number) => string): string {
  const known = (values ?? []).filter((each): each is number => each !== null);
  if (known.length === 0) return NONE;
  const [low, high] = [Math.min(...known), Math.max(...known)].map(text) as [string, string];
  return low === high ? low : `${low} – ${high}`;
}

/** A card of a list of figures: name, note, value, and what else stands beside the value. */
export function Figure({ name, note, children, beside }: { name: TextKey; note: TextKey; children: ComponentChildren; beside?: ComponentChildren }) {
  return (
    <li class="card">
      <span class="figure-name">{t(name)} <Info label={t("stat.explain", { name: t(name) })}>{t(note)}</Info></span>
      <strong>{children}</strong>
      {beside && <span class="small muted">{beside}</span>}
    </li>
  );
}
