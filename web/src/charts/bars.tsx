// Bars from a zero line with their values as text: years, histograms, shares.
import { directionOf } from "../ui/change.tsx";

export interface Bar {
  label: string;
  value: number | null;
  text: string;
}

/** Horizontal bars in a table: label, bar, value. */
export function Bars({ bars, caption, neutral = false }: { bars: readonly Bar[]; caption: string; neutral?: boolean }) {
  const most = Math.max(...bars.map((bar) => Math.abs(bar.value ?? 0)), 1e-12);
  const isSigned = !neutral && bars.some((bar) => (bar.value ?? 0) < 0);
  return (
    <table class={`bars ${isSigned ? "signed" : ""}`}>
      <caption class="visually-hidden">{caption}</caption>
      <tbody>
        {bars.map((bar) => (
          <tr key={bar.label}>
            <th scope="row">{bar.label}</th>
            <td class="bar-cell" aria-hidden="true">
              <svg viewBox="0 0 200 14" preserveAspectRatio="none" class={neutral ? "neutral" : directionOf(bar.value)}>
                {isSigned && <line x1="100" x2="100" y1="0" y2="14" />}
                <rect {...barBox(bar.value ?? 0, most, isSigned)} y="1" height="12" />
              </svg>
            </td>
            <td class="right">{bar.text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function barBox(value: number, most: number, isSigned: boolean): { x: number; width: number } {
  const width = (Math.abs(value) / most) * (isSigned ? 100 : 200);
  return { x: isSigned ? (value < 0 ? 100 - width : 100) : 0, width };
}
