// The texts of the page in two languages; the catalogues have equal keys (checked by their types), and only the one
// in use is loaded.
import { effect, signal } from "@preact/signals";
import { store, stored } from "../app/preferences.ts";
import type { ko } from "./ko.ts";

export type Language = "ko" | "en";
export type TextKey = keyof typeof ko;
export type Params = Record<string, string | number>;
type Catalogue = Record<TextKey, string>;

const LOADERS: Record<Language, () => Promise<Catalogue>> = {
  ko: async () => (await import("./ko.ts")).ko,
  en: async () => (await import("./en.ts")).en,
};
const loaded: Partial<Record<Language, Catalogue>> = {};

function initial(): Language {
  const chosen = stored("language");
  if (chosen === "ko" || chosen === "en") return chosen;
  return navigator.language.startsWith("ko") ? "ko" : "en";
}

/** Language of the page; its catalogue is loaded before the page is shown. */
export const language = signal<Language>(initial());

/** Load the texts of a language; rejects when their file cannot be loaded. */
export async function loadTexts(of: Language): Promise<void> {
  loaded[of] ??= await LOADERS[of]();
}

/** Choose the language, in this browser for good; rejects, and changes nothing, when its texts cannot be loaded. */
export async function setLanguage(value: Language): Promise<void> {
  await loadTexts(value);
  language.value = value;
  store("language", value);
}

effect(() => {
  document.documentElement.lang = language.value;
});

function catalogue(): Catalogue {
  const found = loaded[language.value];
  if (!found) throw new Error(`the texts of \`${language.value}\` are not loaded`);
  return found;
}

/** Return the text of a key in the language of the page, with `{name}` replaced by parameters. */
export function t(key: TextKey, params: Params = {}): string {
  return fill(catalogue()[key], params);
}

/** Whether the catalogues have a text of this key; for keys that are made of a word of the API. */
export function isTextKey(key: string): key is TextKey {
  return key in catalogue();
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
