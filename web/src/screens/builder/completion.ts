// Which words of the language complete what is typed, by Korean and English names.
import type { Language as Words } from "../../api/types.ts";
import type { Language } from "../../i18n/index.ts";

export interface Choice {
  /** Text that is inserted. */
  insert: string;
  /** Text that is listed. */
  label: string;
  /** Name in the language of the page. */
  detail: string;
  /** Help in the language of the page. */
  info: string;
  kind: "factor" | "price" | "index" | "function" | "keyword";
  /** Words by which it is found. */
  words: string[];
}

/** Return everything that an expression may contain. */
export function choicesOf(words: Words, language: Language): Choice[] {
  const pick = (ko: string, en: string): string => (language === "ko" ? ko || en : en || ko);
  return [
    ...words.fields.map((field) => ({
      insert: field.name, label: field.name, detail: pick(field.name_ko, field.name_en), info: pick(field.help_ko, field.help_en), kind: field.kind,
      words: [field.name, field.name_ko, field.name_en, ...field.aliases],
    })),
    ...words.functions.map((each) => ({
      insert: `${each.name}(`, label: each.signature, detail: pick(each.help_ko, each.help_en), info: pick(each.help_ko, each.help_en),
      kind: "function" as const, words: [each.name, ...each.aliases, each.help_ko],
    })),
    ...words.keywords.map((each) => ({
      insert: `${each.keyword} `, label: each.keyword, detail: each.aliases.join(", "), info: "", kind: "keyword" as const,
      words: [each.keyword, ...each.aliases],
    })),
  ];
}

const folded = (text: string): string => text.normalize("NFC").toLowerCase().replaceAll(" ", "");

/** Return the choices for what is typed, those that begin with it first; everything for an empty text. */
export function matching(choices: readonly Choice[], typed: string): Choice[] {
  const wanted = folded(typed);
  if (wanted === "") return [...choices];
  const ranked = choices.flatMap((choice) => {
    const places = choice.words.map((word) => folded(word).indexOf(wanted)).filter((at) => at >= 0);
    return places.length > 0 ? [{ choice, rank: Math.min(...places) }] : [];
  });
  return ranked.sort((a, b) => Number(a.rank > 0) - Number(b.rank > 0)).map((each) => each.choice);
}
