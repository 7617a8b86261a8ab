// The reader's choices, stored in this browser.
import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
export type Colours = "korean" | "western" | "safe";

/** Return what is stored in this browser under a name; null when nothing is, or storage is blocked. */
export function stored(name: string): string | null {
  try {
    return localStorage.getItem(`ondol.${name}`);
  } catch {
    return null;
  }
}

/** Store a text in this browser; without storage the choice holds until the page is closed. */
export function store(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`ondol.${name}`);
    else localStorage.setItem(`ondol.${name}`, value);
  } catch {
    // blocked or full: nothing is stored, and the page works without
  }
}

function oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
  const value = stored(name);
  return values.includes(value as T) ? (value as T) : fallback;
}

export const theme = signal<Theme>(oneOf("theme", ["system", "light", "dark"], "system"));
export const colours = signal<Colours>(oneOf("colours", ["korean", "western", "safe"], "korean"));
/** Counts changes of the colours that are drawn, for charts. */
export const appearance = signal(0);

effect(() => {
  const head = document.documentElement;
  if (theme.value === "system") delete head.dataset["theme"];
  else head.dataset["theme"] = theme.value;
  store("theme", theme.value === "system" ? null : theme.value);
  if (colours.value === "korean") delete head.dataset["colours"];
  else head.dataset["colours"] = colours.value;
  store("colours", colours.value === "korean" ? null : colours.value);
  appearance.value = appearance.peek() + 1;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  appearance.value += 1;
});
