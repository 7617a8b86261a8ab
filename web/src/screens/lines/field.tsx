// The research line that a request belongs to: one of those that take trials, or a new name.
import { useId } from "preact/hooks";
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { FieldProblem, ResearchLineList } from "../../api/types.ts";
import { t } from "../../i18n/index.ts";
import { TextField } from "../../ui/field.tsx";

export function LineField({ value, onValue, problems }: { value: string; onValue: (value: string) => void; problems: FieldProblem[] }) {
  const id = useId();
  const lines = useResource("lines", (abort) => get<ResearchLineList>("/v1/research", { limit: 100 }, abort));
  const closed = lines.data?.items.find((each) => each.name === value.trim())?.closed_at;
  const shown = closed && problems.length === 0 ? [{ path: "research", message: t("line.is-closed") }] : problems;
  return (
    <>
      <TextField label={t("sweep.research")} help={t("sweep.research.help")} list={id} autocomplete="off" value={value} onValue={onValue} problems={shown} />
      <datalist id={id}>{lines.data?.items.filter((each) => each.closed_at === null).map((each) => <option key={each.name} value={each.name} />)}</datalist>
    </>
  );
}
