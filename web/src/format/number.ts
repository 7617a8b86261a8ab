// Numbers as text: fractions as percent, won with the Korean units, shares, milliseconds.
import type { Language } from "../i18n/index.ts";
import { WON, WON_UNITS } from "../i18n/ko/units.ts";

export const NONE = "–";
const MINUS = "−";

type Value = number | null | undefined;

const formats = new Map<number, Intl.NumberFormat>();

/** Return a number with thousands separators and a fixed number of decimals. */
export function number(value: Value, decimals = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  let format = formats.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    formats.set(decimals, format);
  }
  const text = format.format(value).replace("-", MINUS);
  return /^−[0.,]+$/.test(text) ? text.slice(1) : text;
}

/** Return a number with a sign in front unless it is shown as zero. */
export function signed(value: Value, decimals = 0): string {
  const text = number(value, decimals);
  return value !== null && value !== undefined && value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** Return a fraction as percent: 0.1234 -> 12.34%. */
export function percent(fraction: Value, decimals = 2): string {
  const text = number(fraction === null || fraction === undefined ? fraction : fraction * 100, decimals);
  return text === NONE ? text : `${text}%`;
}

/** Return a fraction as percent with its sign: 0.1234 -> +12.34%. */
export function signedPercent(fraction: Value, decimals = 2): string {
  const text = signed(fraction === null || fraction === undefined ? fraction : fraction * 100, decimals);
  return text === NONE ? text : `${text}%`;
}

/** Return a whole amount of won. */
export function won(value: Value, language: Language): string {
  const text = number(value, 0);
  if (text === NONE) return text;
  return language === "ko" ? `${text}${WON}` : `₩${text}`.replace(`₩${MINUS}`, `${MINUS}₩`);
}

const ENGLISH_UNITS: readonly [number, string][] = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]];

/** Return an amount of won in the two largest units: 1억 2,345만원, or ₩123.45M. */
export function shortWon(value: Value, language: Language): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const sign = value < 0 ? MINUS : "";
  const amount = Math.abs(value);
  if (language === "en") {
    const unit = ENGLISH_UNITS.find(([size]) => amount >= size);
    return unit ? `${sign}₩${trim(number(amount / unit[0], 2))}${unit[1]}` : won(value, language);
  }
  const at = WON_UNITS.findIndex(([size]) => amount >= size);
  if (at < 0) return won(value, language);
  const [size, name] = WON_UNITS[at]!;
  const next = WON_UNITS[at + 1];
  if (!next) return `${sign}${number(Math.round(amount / size))}${name}${WON}`;
  let whole = Math.floor(amount / size);
  let rest = Math.round((amount - whole * size) / next[0]);
  if (rest * next[0] >= size) {
    whole += 1;
    rest = 0;
  }
  const tail = rest > 0 && whole < 1000 ? ` ${number(rest)}${next[1]}` : "";
  return `${sign}${number(whole)}${name}${tail}${WON}`;
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Return a number with few significant digits, for values of factors. */
export function figure(value: Value, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 1000) return number(value, 0);
  const decimals = size === 0 ? 0 : Math.min(6, Math.max(0, digits - 1 - Math.floor(Math.log10(size))));
  return trim(number(value, decimals));
}

/** Return a number of bytes in binary units. */
export function bytes(value: Value): string {
  if (value === null || value === undefined) return NONE;
  const units = ["B", "KiB", "MiB", "GiB"];
  let size = value;
  let at = 0;
  while (size >= 1024 && at < units.length - 1) {
    size /= 1024;
    at += 1;
  }
  return `${number(size, at === 0 || size >= 100 ? 0 : 1)} ${units[at]}`;
}

/** Return a time in milliseconds, or in seconds from one second on. */
export function duration(ms: Value): string {
  if (ms === null || ms === undefined) return NONE;
  return ms < 1000 ? `${number(ms, ms < 10 ? 1 : 0)} ms` : `${number(ms / 1000, 1)} s`;
}
