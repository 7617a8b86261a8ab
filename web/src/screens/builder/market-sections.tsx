// Which stocks belong to the market, what trading costs, and the period.
import { get } from "../../api/client.ts";
import { problemsAt } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { FieldProblem, SectorList } from "../../api/types.ts";
import { addDays, yearsBefore } from "../../format/date.ts";
import { shortWon } from "../../format/number.ts";
import { language, t } from "../../i18n/index.ts";
import { Field, SelectField, TextField, useTyped } from "../../ui/field.tsx";
import { ConditionField } from "./condition-field.tsx";
import type { DataRange } from "./draft.ts";
import { RequestNumber, RequestSelect, Section } from "./section.tsx";
import type { SectionProps } from "./section.tsx";

const KINDS = ["common", "preferred", "spac", "reit", "foreign"] as const;

function Chips({ title, words, chosen, name, onChosen }: {
  title: string; words: readonly string[]; chosen: readonly string[] | null; name: (word: string) => string; onChosen: (words: string[] | null) => void;
}) {
  return (
    <fieldset class="chips">
      <legend class="label">{title}</legend>
      <button type="button" class="chip" aria-pressed={chosen === null} onClick={() => onChosen(null)}>{t("builder.all")}</button>
      {words.map((word) => {
        const isChosen = chosen?.includes(word) ?? false;
        const next = isChosen ? chosen!.filter((each) => each !== word) : [...(chosen ?? []), word];
        return <button type="button" class="chip" key={word} aria-pressed={isChosen} onClick={() => onChosen(next.length > 0 ? next : null)}>{name(word)}</button>;
      })}
    </fieldset>
  );
}

interface CodesProps {
  label: string;
  help: string;
  codes: readonly string[];
  onCodes: (codes: string[]) => void;
  problems: FieldProblem[];
}

/** Codes of stocks, with blanks or commas between them. */
function CodesField({ label, help, codes, onCodes, problems }: CodesProps) {
  const [text, note] = useTyped(codes.join(" "));
  return (
    <TextField
      label={label} help={help} value={text} problems={problems}
      onValue={(typed) => {
        const found = typed.split(/[\s,]+/).filter(Boolean);
        note(typed, found.join(" "));
        onCodes(found);
      }}
    />
  );
}

interface DayProps {
  label: string;
  day: string;
  onDay: (day: string) => void;
  problems: FieldProblem[];
}

/** A day; while it is typed the last whole day holds, and what is not whole is left out when the field is left. */
function DayField({ label, day, onDay, problems }: DayProps) {
  const [text, note] = useTyped(day);
  return (
    <Field label={label} problems={problems}>
      {(control) => (
        <input
          {...control} type="date" value={text} onBlur={() => note(day, day)}
          onInput={(event) => {
            const typed = event.currentTarget.value;
            note(typed, typed || day);
            if (typed) onDay(typed);
          }}
        />
      )}
    </Field>
  );
}

export function UniverseSection(props: SectionProps & { markets: readonly string[] }) {
  const { draft, change, error, choices, markets } = props;
  const { universe } = draft.strategy;
  const sectors = useResource("sectors", (abort) => get<SectorList>("/v1/sectors", {}, abort));
  const problems = problemsAt(error?.fields ?? [], "strategy.universe");
  const codes = (name: "exclude" | "stock_codes", title: string, help: string) => (
    <CodesField
      label={title} help={help} codes={universe[name] ?? []} onCodes={(found) => change(`strategy.universe.${name}`, found.length > 0 ? found : null)}
      problems={problems.filter((each) => each.path.startsWith(`strategy.universe.${name}`) && (name !== "exclude" || !each.path.startsWith("strategy.universe.exclude_")))}
    />
  );
  return (
    <Section title={t("builder.universe")} more>
      <Chips title={t("builder.markets")} words={markets} chosen={universe.markets} name={(word) => word} onChosen={(words) => change("strategy.universe.markets", words)} />
      <Chips title={t("builder.kinds")} words={KINDS} chosen={universe.kinds} name={(word) => t(`builder.kind.${word as (typeof KINDS)[number]}`)} onChosen={(words) => change("strategy.universe.kinds", words)} />
      {sectors.data && sectors.data.items.length > 0 && (
        <Chips
          title={t("builder.exclude_sectors")} words={sectors.data.items.map((each) => each.sector)} chosen={universe.exclude_sectors ?? []} name={(word) => word}
          onChosen={(words) => change("strategy.universe.exclude_sectors", words)}
        />
      )}
      <div class="fields">
        {codes("exclude", t("builder.exclude"), t("builder.codes.help"))}
        {codes("stock_codes", t("builder.only"), t("builder.only.help"))}
      </div>
      <ConditionField
        label={t("builder.universe.where")} help={t("builder.universe.where.help")} place="universe.where" choices={choices} error={error}
        value={universe.where} onValue={(value) => change("strategy.universe.where", value)} placeholder={t("builder.universe.example")}
      />
    </Section>
  );
}

export function CostSection(props: SectionProps) {
  const { draft } = props;
  const byMarket = t("builder.by-market");
  return (
    <Section title={t("builder.costs")} more>
      <div class="fields">
        <RequestNumber {...props} path="costs.commission_pct" name="builder.commission" unit="%" />
        <RequestNumber {...props} path="costs.slippage_pct" name="builder.slippage" unit="%" help={t("builder.slippage.help")} />
        <RequestNumber {...props} path="costs.tax_pct" name="builder.tax" unit="%" empty={byMarket} />
        <RequestNumber {...props} path="costs.impact" name="builder.impact" empty={t("builder.none")} help={t("builder.impact.help")} />
        <RequestNumber {...props} path="execution.max_volume_pct" name="builder.max_volume" unit="%" empty={t("builder.no-limit")} help={t("builder.max_volume.help")} />
        <RequestSelect {...props} path="execution.price" name="builder.price" options={[["open", t("builder.price.open")], ["close", t("builder.price.close")]]} />
        <RequestSelect
          {...props} path="execution.delisting" name="builder.delisting"
          options={[["liquidation", t("builder.delisting.liquidation")], ["last_price", t("builder.delisting.last_price")], ["haircut", t("builder.delisting.haircut")], ["zero", t("builder.delisting.zero")]]}
        />
        {draft.execution.delisting === "haircut" && <RequestNumber {...props} path="execution.delisting_haircut_pct" name="builder.haircut" unit="%" />}
      </div>
    </Section>
  );
}

export function PeriodSection(props: SectionProps & { range: DataRange; indices: readonly string[] }) {
  const { draft, change, error, range, indices } = props;
  const day = (path: "start" | "end", title: string) => (
    <DayField label={title} day={draft[path]} onDay={(value) => change(path, value)} problems={problemsAt(error?.fields ?? [], path)} />
  );
  const years = (n: number) => {
    const start = yearsBefore(range.last, n);
    change("end", range.last);
    change("start", start < range.first ? range.first : start);
  };
  return (
    <Section title={t("builder.period")}>
      <div class="fields">
        {day("start", t("builder.start"))}
        {day("end", t("builder.end"))}
        <RequestNumber {...props} path="initial_cash" name="builder.cash" unit={t("builder.unit.won")} help={shortWon(draft.initial_cash, language.value)} />
        <SelectField
          label={t("builder.benchmark")} value={draft.benchmark ?? ""} problems={problemsAt(error?.fields ?? [], "benchmark")}
          options={[...indices.map((each) => [each, each] as const), ["market", t("builder.benchmark.market")], ["equal", t("builder.benchmark.equal")], ["", t("builder.none")]]}
          onValue={(value) => change("benchmark", value === "" ? null : value)}
        />
      </div>
      <div class="actions">
        {[1, 3, 5, 10].filter((n) => addDays(yearsBefore(range.last, n), 370) > range.first).map((n) => (
          <button type="button" class="chip" key={n} onClick={() => years(n)}>{t("builder.years", { n })}</button>
        ))}
        <button type="button" class="chip" onClick={() => years(100)}>{t("builder.all-years")}</button>
        <span class="small muted">{t("builder.range", { first: range.first, last: range.last })}</span>
      </div>
    </Section>
  );
}
