// The rows of a condition: factor, operator, value, and how many stocks fulfil each row on the last day.
import { useId } from "preact/hooks";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import type { Choice } from "./completion.ts";
import { NameField } from "./name-field.tsx";
import { OPERATORS, isComplete } from "./rows.ts";
import type { Operator, Row } from "./rows.ts";

interface Props {
  rows: readonly Row[];
  onRows: (rows: Row[]) => void;
  choices: readonly Choice[];
  /** Stocks that pass each complete row; empty while they are not known. */
  passed: readonly number[];
}

export function ConditionRows({ rows, onRows, choices, passed }: Props) {
  const list = useId();
  const replace = (at: number, row: Row) => onRows(rows.map((each, index) => (index === at ? row : each)));
  // parts are those of the complete rows; other numbers of parts mean that a row has parts of its own
  const complete = rows.flatMap((row, at) => (isComplete(row) ? [at] : []));
  const countOf = (at: number): number | undefined => (complete.length === passed.length ? passed[complete.indexOf(at)] : undefined);
  return (
    <div class="rows">
      {rows.map((row, at) => (
        <div class="row" role="group" aria-label={t("builder.row", { n: at + 1 })} key={`${list}${at}`}>
          {row.kind === "comparison" ? (
            <>
              <NameField label={t("builder.left")} value={row.left} onValue={(left) => replace(at, { ...row, left })} choices={choices} />
              <select
                aria-label={t("builder.operator")}
                value={row.operator}
                onChange={(event) => replace(at, { ...row, operator: event.currentTarget.value as Operator })}
              >
                {OPERATORS.map((each) => <option key={each} value={each}>{SIGNS[each]}</option>)}
              </select>
              <input
                type="text"
                aria-label={t("builder.right")}
                value={row.right}
                onInput={(event) => replace(at, { ...row, right: event.currentTarget.value })}
              />
            </>
          ) : (
            <input
              type="text"
              class="row-text"
              aria-label={t("builder.part")}
              value={row.text}
              onInput={(event) => replace(at, { kind: "text", text: event.currentTarget.value })}
            />
          )}
          <span class="count">{countOf(at) !== undefined && <span class="tag" title={t("builder.pass")}>{t("unit.stocks", { n: number(countOf(at)) })}</span>}</span>
          <button type="button" class="quiet" aria-label={t("builder.remove", { n: at + 1 })} onClick={() => onRows(rows.filter((_, index) => index !== at))}>✕</button>
        </div>
      ))}
      <div class="actions">
        <button type="button" class="chip" onClick={() => onRows([...rows, { kind: "comparison", left: "", operator: "<", right: "" }])}>+ {t("builder.add-row")}</button>
      </div>
    </div>
  );
}

const SIGNS: Record<Operator, string> = { "<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "=", "!=": "≠" };
