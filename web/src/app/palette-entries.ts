// Which entries of the palette a text finds.

/** Return entries whose label or detail contains every word of a text, at most `most`. */
export function matchingEntries<E extends { label: string; detail: string }>(entries: readonly E[], text: string, most = 24): E[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter((each) => words.every((word) => `${each.label} ${each.detail}`.toLowerCase().includes(word))).slice(0, most);
}
