// A form that gives an expression a name, or a name another expression.
import { useState } from "preact/hooks";
import { call } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import type { OwnFactor } from "../../api/types.ts";
import { loadDraft, saveDraft } from "../../app/drafts.ts";
import { t } from "../../i18n/index.ts";
import { TextField } from "../../ui/field.tsx";
import { ErrorView } from "../../ui/states.tsx";
import { ExpressionField } from "../builder/expression-field.tsx";

interface Fields {
  key: string;
  expression: string;
  unit: string;
  summary: string;
}

export function Define({ known, onDefined }: { known: OwnFactor | null; onDefined: (key: string) => void }) {
  const draft = `own-factor.${known?.key ?? ""}`;
  const { key = "", expression = "", unit = "", summary = "" } = known ?? {};
  const [fields, setFields] = useState<Fields>(() => ({ key, expression, unit, summary, ...loadDraft<Partial<Fields>>(draft) }));
  const [error, setError] = useState<ApiError | null>(null);
  const change = (changes: Partial<Fields>) => {
    const next = { ...fields, ...changes };
    setFields(next);
    saveDraft(draft, next);
  };
  const define = async (event: Event) => {
    event.preventDefault();
    setError(null);
    const { key: name, ...body } = fields;
    try {
      const defined = await call<OwnFactor>("PUT", `/v1/factors/mine/${encodeURIComponent(name.trim())}`, { body });
      saveDraft(draft, null);
      onDefined(defined.key);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
  };
  const at = (path: string) => error?.fields.filter((each) => each.path === path) ?? [];
  return (
    <form class="card stack" onSubmit={define}>
      <h2>{t(known ? "own.change" : "own.define")}</h2>
      <div class="fields">
        {!known && <TextField label={t("factors.key")} help={t("own.key.help")} required class="mono" spellcheck={false} autocomplete="off" placeholder="CHEAP" value={fields.key} onValue={(next) => change({ key: next })} problems={at("key")} />}
        <TextField label={t("factors.unit")} value={fields.unit} onValue={(next) => change({ unit: next })} problems={at("unit")} />
        <TextField label={t("own.summary")} value={fields.summary} onValue={(next) => change({ summary: next })} problems={at("summary")} />
      </div>
      <ExpressionField label={t("own.expression")} placeholder="-rank(PBR) - rank(PER)" value={fields.expression} onValue={(next) => change({ expression: next })} error={error} path="expression" />
      {error && (error.fields.length === 0 || !error.fields.every((each) => ["key", "expression", "unit", "summary"].includes(each.path))) && <ErrorView error={error} />}
      <div class="actions"><button type="submit" class="primary">{t("action.save")}</button>{known && <span class="small muted">{t("own.change.help")}</span>}</div>
    </form>
  );
}
