// The days on which stocks are chosen: a word, or a calendar of months, a weekday or every n-th row.
import { problemsAt } from "../../api/problem.ts";
import type { RebalanceCalendar } from "../../api/types.ts";
import { t } from "../../i18n/index.ts";
import { NumberField, SelectField } from "../../ui/field.tsx";
import type { SectionProps } from "./section.tsx";

const PATH = "strategy.portfolio.rebalance";
const WORDS = ["daily", "weekly", "monthly", "quarterly"] as const;
const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"] as const;
const YEARLY: RebalanceCalendar = { months: [4, 5, 8, 11], day: 1 };

type Form = (typeof WORDS)[number] | "months" | "weekday" | "rows";

function formOf(value: string | RebalanceCalendar): Form {
  if (typeof value === "string") return value as Form;
  return value.weekday ? "weekday" : value.rows ? "rows" : "months";
}

const FIRST: Record<"months" | "weekday" | "rows", RebalanceCalendar> = { months: YEARLY, weekday: { weekday: "mon" }, rows: { rows: 20 } };

export function RebalanceField({ draft, change, error }: SectionProps) {
  const value = draft.strategy.portfolio.rebalance;
  const calendar = typeof value === "string" ? null : value;
  const form = formOf(value);
  const problems = problemsAt(error?.fields ?? [], PATH);
  return (
    <>
      <SelectField
        label={t("builder.rebalance")}
        value={form}
        options={[...WORDS, "weekday", "months", "rows"].map((each) => [each as Form, t(`builder.rebalance.${each as Form}`)])}
        onValue={(next) => change(PATH, next in FIRST ? FIRST[next as keyof typeof FIRST] : next)}
        problems={calendar ? [] : problems}
      />
      {calendar && form === "weekday" && (
        <SelectField
          label={t("builder.weekday")} value={calendar.weekday!} problems={problems}
          options={WEEKDAYS.map((each) => [each, t(`builder.weekday.${each}`)])} onValue={(weekday) => change(PATH, { weekday })}
        />
      )}
      {calendar && form === "rows" && <NumberField label={t("builder.every-rows")} value={calendar.rows ?? null} problems={problems} onValue={(rows) => change(PATH, { rows })} unit={t("builder.unit.days")} />}
      {calendar && form === "months" && (
        <fieldset class="months">
          <legend class="label">{t("builder.months")}</legend>
          {Array.from({ length: 12 }, (_, at) => at + 1).map((month) => {
            const chosen = calendar.months ?? [];
            const isChosen = chosen.includes(month);
            return (
              <button
                type="button" class="chip" aria-pressed={isChosen} key={month}
                onClick={() => {
                  const months = isChosen ? chosen.filter((each) => each !== month) : [...chosen, month].sort((a, b) => a - b);
                  if (months.length > 0) change(PATH, { months, day: calendar.day ?? 1 });
                }}
              >{t("builder.month", { n: month })}</button>
            );
          })}
          <NumberField label={t("builder.day")} value={calendar.day ?? 1} problems={problems} onValue={(day) => change(PATH, { months: calendar.months, day })} step={1} />
        </fieldset>
      )}
    </>
  );
}
