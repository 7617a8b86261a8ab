// What a reader adds to a backtest: a star, a name and a note.
import { useState } from "preact/hooks";
import { call } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import { t } from "../../i18n/index.ts";
import { TextField } from "../../ui/field.tsx";
import { ErrorView } from "../../ui/states.tsx";
import type { Run } from "./parts.ts";

export function Personal({ run }: { run: Run }) {
  const [own, setOwn] = useState({ name: run.name ?? "", note: run.note ?? "", starred: run.starred ?? false });
  const [open, setOpen] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const save = async (changes: Partial<typeof own>) => {
    const next = { ...own, ...changes };
    setOwn(next);
    setError(null);
    try {
      await call("PATCH", `/v1/backtests/${run.id}`, { body: { name: next.name || null, note: next.note || null, starred: next.starred } });
      setOpen(false);
    } catch (problem) {
      setOwn(own);
      if (problem instanceof ApiError) setError(problem);
      else throw problem;
    }
  };
  return (
    <>
      <button type="button" aria-pressed={own.starred} aria-label={t("run.star")} onClick={() => save({ starred: !own.starred })}>{own.starred ? "★" : "☆"}</button>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>{t("run.name")}</button>
      {open && (
        <form class="card name-form" onSubmit={(event) => { event.preventDefault(); void save({}); }}>
          <TextField label={t("run.name-field")} value={own.name} maxLength={200} onValue={(name) => setOwn({ ...own, name })} />
          <TextField label={t("run.note-field")} value={own.note} onValue={(note) => setOwn({ ...own, note })} />
          <button type="submit" class="primary">{t("action.save")}</button>
        </form>
      )}
      {error && <ErrorView error={error} />}
    </>
  );
}
