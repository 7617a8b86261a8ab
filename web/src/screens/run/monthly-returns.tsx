// Monthly returns as a table of years and months; colour adds to the printed number.
import { useMemo } from "preact/hooks";
import type { MonthlyReturn, YearlyReturn } from "../../api/types.ts";
import { signed } from "../../format/number.ts";
import { language, t } from "../../i18n/index.ts";

const FULL = 0.12; // monthly return with the deepest colour
const DEEPEST = 34; // percent of colour in the background; text keeps a contrast of 4.5:1

/** Return how deep the colour of a return is, in percent. */
export function heat(value: number, full = FULL): number {
  return Math.round(Math.min(1, Math.abs(value) / full) * DEEPEST);
}

function Cell({ value, full, whole }: { value: number | null | undefined; full?: number; whole?: boolean }) {
  if (value === null || value === undefined) return <td class={whole ? "whole" : undefined} />;
  const kind = value > 0 ? "gain" : value < 0 ? "loss" : "";
  return <td class={`${kind} ${whole ? "whole" : ""}`} style={{ "--heat": heat(value, full) }}>{signed(value * 100, 1)}</td>;
}

export function MonthlyReturns({ months, years }: { months: readonly MonthlyReturn[]; years: readonly YearlyReturn[] }) {
  const byMonth = new Map(months.map((each) => [each.month, each.return]));
  const words = language.value;
  const names = useMemo(() => {
    const format = new Intl.DateTimeFormat(words, { month: "short", timeZone: "UTC" });
    return Array.from({ length: 12 }, (_, at) => format.format(Date.UTC(2024, at, 1)));
  }, [words]);
  return (
    <div class="table-scroll bare" tabIndex={0} role="region" aria-label={t("run.months")}>
      <table class="heat">
        <caption class="small muted">{t("run.months.caption")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("run.year")}</th>
            {names.map((name) => <th scope="col" key={name}>{name}</th>)}
            <th scope="col">{t("run.whole-year")}</th>
          </tr>
        </thead>
        <tbody>
          {years.map((each) => (
            <tr key={each.year}>
              <th scope="row">{each.year}</th>
              {names.map((name, at) => <Cell key={name} value={byMonth.get(`${each.year}-${String(at + 1).padStart(2, "0")}`)} />)}
              <Cell value={each.return} full={0.4} whole />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
