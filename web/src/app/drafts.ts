// What is typed and not sent yet stays in this browser, so that nothing typed is lost.
import { store, stored } from "./preferences.ts";

/** Return a stored draft, or null. */
export function loadDraft<T>(name: string): T | null {
  const text = stored(`draft.${name}`);
  if (text === null) return null;
  try {
    return JSON.parse(text) as T;
  } catch {
    store(`draft.${name}`, null); // damaged: a new draft begins
    return null;
  }
}

/** Store a draft; null removes it. */
export function saveDraft(name: string, value: unknown): void {
  store(`draft.${name}`, value === null ? null : JSON.stringify(value));
}
