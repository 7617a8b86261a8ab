// Dates of the market are text (YYYY-MM-DD); instants are shown in Korean time.
import { NONE } from "./number.ts";

const KST = new Intl.DateTimeFormat("sv-SE", {
  timeZone: "Asia/Seoul", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
});

/** Return an instant in Korean time: 2026-11-28 05:12 KST. */
export function instant(text: string | null | undefined): string {
  if (!text) return NONE;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? NONE : `${KST.format(date)} KST`;
}

/** Return the date that lies some calendar years before another. */
export function yearsBefore(date: string, years: number): string {
  const [year, month, day] = date.split("-").map(Number) as [number, number, number];
  const found = new Date(Date.UTC(year - years, month - 1, day));
  if (found.getUTCMonth() !== month - 1) found.setUTCDate(0);
  return found.toISOString().slice(0, 10);
}

/** Return the date that lies some calendar days after another (before it, when negative). */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** Return the calendar days between two dates. */
export function daysBetween(first: string, last: string): number {
  return Math.round((Date.parse(`${last}T00:00:00Z`) - Date.parse(`${first}T00:00:00Z`)) / 86_400_000);
}
