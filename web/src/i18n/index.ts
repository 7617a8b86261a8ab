// The texts of the page in two languages; the catalogues have equal keys (checked by their types).
import { effect, signal } from "@preact/signals";
import { store, stored } from "../app/preferences.ts";
import { en } from "./en.ts";
import { ko } from "./ko.ts";

export type Language = "ko" | "en";
export type TextKey = keyof typeof ko;
export type Params = Record<string, string | number>;

const CATALOGUES: Record<Language, Record<TextKey, string>> = { ko, en };

function initial(): Language {
  const chosen = stored("language");
  if (chosen === "ko" || chosen === "en") return chosen;
  return navigator.language.startsWith("ko") ? "ko" : "en";
}

export const language = signal<Language>(initial());

/** Choose the language, in this browser for good. */
export function setLanguage(value: Language): void {
  language.value = value;
  store("language", value);
}

effect(() => {
  document.documentElement.lang = language.value;
});

/** Return the text of a key in the language of the page, with `{name}` replaced by parameters. */
export function t(key: TextKey, params: Params = {}): string {
  return fill(CATALOGUES[language.value][key], params);
}

/** Whether the catalogues have a text of this key; for keys that are made of a word of the API. */
export function isTextKey(key: string): key is TextKey {
  return key in ko;
}

/** Return the text of a key that is made of a word of the API, or the word itself. */
export function named(prefix: string, word: string): string {
  const key = `${prefix}.${word}`;
  return isTextKey(key) ? t(key) : word;
}

/** Replace `{name}` in a text. */
export function fill(text: string, params: Params): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in params ? String(params[name]) : whole));
}

/** Return the Korean or the English text. */
export function local(korean: string | null | undefined, english: string | null | undefined): string {
  return (language.value === "ko" ? korean || english : english || korean) ?? "";
}
