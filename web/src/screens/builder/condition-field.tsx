// An expression of the strategy: as rows or as text, checked while it is typed, with the problems under it.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../../api/problem.ts";
import { problemsAt } from "../../api/problem.ts";
import type { FieldProblem } from "../../api/types.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Info } from "../../ui/info.tsx";
import { FieldProblems, applySuggestion } from "../../ui/problem.tsx";
import type { Choice } from "./completion.ts";
import { ConditionRows } from "./condition-rows.tsx";
import { ExpressionEditor } from "./expression-editor.tsx";
import { conditionOf, rowsOf } from "./rows.ts";
import type { Row } from "./rows.ts";
import { useCheck } from "./use-check.ts";
import type { ExpressionPlace } from "./use-check.ts";
import { useCounts } from "./use-counts.ts";
import type { Draft } from "./draft.ts";

interface Props {
  label: string;
  help?: string | undefined;
  place: ExpressionPlace;
  value: string | null;
  onValue: (value: string | null) => void;
  choices: readonly Choice[];
  error: ApiError | null;
  placeholder?: string | undefined;
  /** Whether the expression is a condition, which rows can show. */
  rows?: boolean | undefined;
  /** Count the stocks that pass, among those of this universe. */
  universe?: Draft["strategy"]["universe"] | undefined;
}

export function ConditionField({ label, help, place, value, onValue, choices, error, placeholder, rows: canRows = false, universe }: Props) {
  const [asText, setAsText] = useState(!canRows);
  const check = useCheck(value, place);
  const isCurrent = check !== null && check.text.trim() === (value ?? "").trim();
  const box = useRef<HTMLDivElement>(null);
  const [rows, setRows] = useState<{ of: string | null; list: readonly Row[] }>({ of: null, list: [] });
  // rows belong to the text that they were read from or that they made; another text is one row until the server has read it
  const belong = rows.of === value;
  const whole: readonly Row[] = value === null ? [] : [{ kind: "text", text: value }];
  useLayoutEffect(() => {
    if (belong || !isCurrent) return;
    const isEdited = box.current?.querySelector(".rows")?.contains(document.activeElement);
    setRows({ of: value, list: (isEdited ? null : rowsOf(check.tree)) ?? whole });
  }, [value, check]);
  const counts = useCounts(universe && isCurrent && check.ok ? value : null, universe ?? ANY);
  const sent = problemsAt(error?.fields ?? [], `strategy.${place}`);
  const problems: FieldProblem[] = isCurrent && check.errors.length > 0 ? check.errors : sent;
  const changeRows = (next: Row[]) => {
    const text = conditionOf(next);
    setRows({ of: text, list: next });
    if (text !== value) onValue(text);
  };
  const id = `expression-${place.replace(".", "-")}`;
  return (
    <div ref={box} class="field condition" role="group" aria-labelledby={`${id}-label`}>
      <div class="condition-head">
        <span class="label" id={`${id}-label`}>{label} {help && <Info label={t("builder.explain", { name: label })}>{help}</Info>}</span>
        {canRows && (
          <span class="actions">
            <button type="button" class="quiet" aria-pressed={!asText} onClick={() => setAsText(false)}>{t("builder.rows")}</button>
            <button type="button" class="quiet" aria-pressed={asText} onClick={() => setAsText(true)}>{t("builder.text")}</button>
          </span>
        )}
      </div>
      {asText ? (
        <ExpressionEditor
          label={label}
          value={value ?? ""}
          onValue={(text) => onValue(text.trim() === "" ? null : text)}
          choices={choices}
          problems={isCurrent ? check.errors : []}
          describedBy={`${id}-problems`}
          placeholder={placeholder}
        />
      ) : (
        <ConditionRows rows={belong ? rows.list : whole} onRows={changeRows} choices={choices} passed={counts?.parts?.map((part) => part.passed) ?? []} />
      )}
      <FieldProblems
        id={`${id}-problems`}
        problems={problems}
        onSuggestion={(suggestion, problem) => onValue(applySuggestion(value ?? "", problem, suggestion))}
      />
      {counts && (
        <p class="small muted" role="status">
          {t("builder.pass-all", { date: counts.date, n: number(counts.total), universe: number(counts.universe) })}
        </p>
      )}
    </div>
  );
}

const ANY = { markets: null, kinds: null, sectors: null } as Draft["strategy"]["universe"];
