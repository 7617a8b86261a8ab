// Undo, redo, import, export, and saving the draft as a strategy of one's own.
import { useRef, useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import { t } from "../../i18n/index.ts";
import { TextField } from "../../ui/field.tsx";
import { errorText } from "../../ui/states.tsx";
import { CopyBox, asCommand, asCurl } from "../run/request.tsx";
import { asPython } from "./as-python.ts";
import { isDraft } from "./draft.ts";
import type { Editing } from "./history.ts";

function Import({ editing }: { editing: Editing }) {
  const file = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const read = async (chosen: File | undefined) => {
    if (!chosen) return;
    setProblem(null);
    try {
      const value: unknown = JSON.parse(await chosen.text());
      if (!isDraft(value)) throw new SyntaxError();
      editing.replace({ ...editing.draft, ...value });
    } catch {
      setProblem(t("builder.import.problem", { name: chosen.name }));
    }
  };
  return (
    <>
      <input ref={file} type="file" accept=".json,application/json" hidden aria-label={t("builder.import")} onChange={(event) => read(event.currentTarget.files?.[0])} />
      <button type="button" onClick={() => file.current?.click()}>{t("builder.import")}</button>
      {problem && <p class="problems" role="alert">{problem}</p>}
    </>
  );
}

function Save({ editing }: { editing: Editing }) {
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [saved, setSaved] = useState(false);
  const save = async (event: Event) => {
    event.preventDefault();
    setError(null);
    setSaved(false);
    try {
      await post("/v1/strategies", { id: id.trim(), name: name.trim() || id.trim(), strategy: editing.draft.strategy, costs: editing.draft.costs });
      setSaved(true);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
  };
  const fields = error?.fields ?? [];
  return (
    <form class="fields" onSubmit={save}>
      <TextField label={t("builder.save.id")} help={t("builder.save.id.help")} required pattern="[a-z][a-z0-9_]{0,63}" value={id} onValue={setId} problems={fields.filter((each) => each.path === "id")} />
      <TextField label={t("builder.save.name")} value={name} onValue={setName} problems={fields.filter((each) => each.path === "name")} />
      <div class="actions">
        <button type="submit">{t("action.save")}</button>
        <span role="status" class="small">{saved ? t("builder.saved") : error ? errorText(error) : ""}</span>
      </div>
    </form>
  );
}

export function Toolbar({ editing, run }: { editing: Editing; run: () => void }) {
  const request = editing.draft;
  const download = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(request, null, 2)], { type: "application/json" }));
    link.download = "strategy.json";
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <>
      <div class="actions">
        <button type="button" aria-label={t("builder.undo")} title={`${t("builder.undo")} (Ctrl+Z)`} disabled={!editing.undo} onClick={() => editing.undo?.()}>↶</button>
        <button type="button" aria-label={t("builder.redo")} title={`${t("builder.redo")} (Ctrl+Y)`} disabled={!editing.redo} onClick={() => editing.redo?.()}>↷</button>
        <Import editing={editing} />
        <button type="button" onClick={download}>{t("builder.export")}</button>
        <button type="button" class="primary" title="Ctrl+Enter" onClick={run}>{t("builder.run")}</button>
      </div>
    </>
  );
}

export function Keep({ editing }: { editing: Editing }) {
  return (
    <details class="card builder-section">
      <summary><h2>{t("builder.keep")}</h2></summary>
      <div class="section-body">
        <Save editing={editing} />
        <CopyBox title="Python" text={asPython(editing.draft, location.origin)} />
        <CopyBox title="curl" text={asCurl(editing.draft, location.origin)} />
        <CopyBox title="ondol" text={asCommand(editing.draft, location.origin)} />
      </div>
    </details>
  );
}
