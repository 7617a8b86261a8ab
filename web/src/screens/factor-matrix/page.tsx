// The rank IC of every factor at every holding time, and its t; a figure opens the report of its factor with these settings.
import { useMemo, useState } from "preact/hooks";
import { get, post } from "../../api/client.ts";
import { ApiError, problemsAt } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { DatasetDetail, FactorMatrixBody, FactorReport, MatrixCell, MatrixFactor } from "../../api/types.ts";
import { Link, navigate, place, queryValue, setQuery } from "../../app/router.tsx";
import { yearsBefore } from "../../format/date.ts";
import { number, signed } from "../../format/number.ts";
import { language, t } from "../../i18n/index.ts";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Empty, ErrorView, Loaded } from "../../ui/states.tsx";
import { VirtualTable } from "../../ui/virtual-table.tsx";
import type { Column } from "../../ui/virtual-table.tsx";
import { ExpressionField } from "../builder/expression-field.tsx";
import { partsOf } from "../builder/expression-list.ts";
import { LineField } from "../lines/field.tsx";
import { Recorded } from "../lines/recorded.tsx";
import { useMatrix } from "./use-matrix.ts";
import type { Computed } from "./use-matrix.ts";

/** What is written as evidence: the greatest p of a cell after the adjustment for all cells. */
const EVIDENCE = 0.05;
const HORIZONS = "1, 5, 20, 60";

type Neutral = NonNullable<FactorMatrixBody["neutral"]>;

interface Settings {
  start: string;
  end: string;
  horizons: string;
  neutral: Neutral;
  factors: string;
  research: string;
}

/** What the history keeps beside the address: a link must not record trials in a line of the user that follows it. */
type Beside = { research?: string } | null;

/** Return the settings of the address, and the research line that the history keeps; null: it asks for no matrix. */
function settingsOfPlace(): Settings | null {
  const { query, state } = place.value;
  const [start, end] = [query.get("start"), query.get("end")];
  if (!start || !end) return null;
  return { start, end, horizons: query.get("horizons") ?? HORIZONS, neutral: query.get("neutral") === "sector" ? "sector" : "none", factors: query.get("factors") ?? "", research: (state as Beside)?.research ?? "" };
}

/** Return the request of settings; without a list every factor of the data is compared. */
export function matrixBody({ start, end, horizons, neutral, factors, research }: Settings): FactorMatrixBody {
  const listed = partsOf(factors);
  return { start, end, neutral, horizons: partsOf(horizons).map(Number), factors: listed.length > 0 ? listed : null, research: research.trim() || null };
}

/** Whether a figure is evidence of a relation after the adjustment for the number of figures; cells of a part are none. */
export function isEvidence(cell: MatrixCell, whole: boolean): boolean {
  return whole && cell.p_holm !== null && cell.p_holm < EVIDENCE;
}

/** Return the least p of a factor after the adjustment; null: none of its figures has one. */
export function leastP(factor: MatrixFactor): number | null {
  const known = factor.horizons.flatMap((cell) => (cell.p_holm === null ? [] : [cell.p_holm]));
  return known.length > 0 ? Math.min(...known) : null;
}

export default function FactorMatrixPage() {
  const dataset = useResource("dataset current", (abort) => get<DatasetDetail>("/v1/datasets/current", {}, abort));
  const settings = settingsOfPlace();
  const computed = useMatrix(settings && matrixBody(settings));
  return (
    <>
      <div class="page-head">
        <div><h1>{t("matrix.title")}</h1><p class="muted">{t("matrix.lead")}</p></div>
        <div class="actions"><Link class="button" href="/factor-reports">{t("report.title")}</Link><Link class="button" href="/factors">{t("factor.all")}</Link></div>
      </div>
      <Loaded of={dataset}>{(found) => <Form key={JSON.stringify(settings)} settings={settings} range={{ first: found.first_day ?? "", last: found.last_day ?? "" }} error={computed.error} running={computed.running} />}</Loaded>
      <section>{settings ? <Result settings={settings} computed={computed} /> : <Empty>{t("matrix.none-yet")}</Empty>}</section>
    </>
  );
}

const FIELDS = ["start", "end", "horizons", "neutral", "factors", "research"];

function Form({ settings, range, error, running }: { settings: Settings | null; range: { first: string; last: string }; error: ApiError | null; running: boolean }) {
  const start = yearsBefore(range.last, 3);
  const [typed, setTyped] = useState<Settings>(settings ?? { start: start < range.first ? range.first : start, end: range.last, horizons: HORIZONS, neutral: "none", factors: "", research: "" });
  const change = (changes: Partial<Settings>) => setTyped({ ...typed, ...changes });
  const at = (path: string) => problemsAt(error?.fields ?? [], path);
  const submit = (event: Event) => {
    event.preventDefault();
    const { research, ...query } = typed;
    setQuery(query, { replace: false, state: { research } satisfies Beside });
  };
  return (
    <form class="card stack" onSubmit={submit}>
      <div class="fields">
        <TextField label={t("sweep.start")} type="date" required value={typed.start} onValue={(value) => change({ start: value })} problems={at("start")} />
        <TextField label={t("sweep.end")} type="date" required value={typed.end} onValue={(value) => change({ end: value })} problems={at("end")} />
        <TextField label={t("report.horizons")} class="mono" value={typed.horizons} onValue={(horizons) => change({ horizons })} problems={at("horizons")} />
        <SelectField label={t("report.neutral")} value={typed.neutral} options={[["none", t("report.neutral.none")], ["sector", t("report.neutral.sector")]]} onValue={(neutral) => change({ neutral })} problems={at("neutral")} />
        <LineField value={typed.research} onValue={(research) => change({ research })} problems={at("research")} />
      </div>
      <ExpressionField list label={t("matrix.factors")} help={t("matrix.factors.help")} value={typed.factors} onValue={(factors) => change({ factors })} error={error} path="factors" placeholder="PER, PBR, -rank(PBR) - rank(PER)" />
      <div class="actions"><button type="submit" class="primary" disabled={running}>{t("matrix.submit")}</button></div>
    </form>
  );
}

function Result({ settings, computed }: { settings: Settings; computed: ReturnType<typeof useMatrix> }) {
  const { factors, total, whole, recorded, error, running } = computed;
  const elsewhere = error?.fields.filter((each) => !FIELDS.some((path) => problemsAt([each], path).length > 0)) ?? [];
  const failed = factors.filter((each) => each.failure !== null);
  return (
    <div class="stack">
      {error && (error.fields.length === 0 || elsewhere.length > 0) && <ErrorView error={new ApiError(error.status, error.title, error.detail, elsewhere, error.code, error.retryAfterS)} retry={computed.resume} />}
      {!whole && !error && (
        <div class="card live" role="status">
          <progress max={total ?? 1} value={total === null ? 0 : factors.length} aria-label={t("run.progress")} />
          <span class="nowrap">{t("matrix.progress", { done: number(factors.length), total: number(total) })}</span>
          {running ? <button type="button" onClick={computed.cancel}>{t("action.cancel")}</button> : <button type="button" onClick={computed.resume}>{t("matrix.resume")}</button>}
        </div>
      )}
      <Recorded recorded={recorded} />
      {factors.length > failed.length && <Figures settings={settings} computed={computed} />}
      {failed.length > 0 && (
        <details class="card">
          <summary>{t("matrix.failed", { n: number(failed.length) })}</summary>
          <ul>{failed.map((each) => <li key={each.factor}><code>{each.factor}</code> {each.failure!.message}</li>)}</ul>
        </details>
      )}
    </div>
  );
}

/** Move the focus between the figures of a table with the arrow keys. */
function moveFocus(event: KeyboardEvent) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const cell = (event.target as HTMLElement).closest<HTMLElement>("tbody td");
  if (!step || !cell) return;
  const columns = [...cell.parentElement!.children].map((each, at) => (each.querySelector("button") ? at : -1)).filter((at) => at >= 0);
  const column = columns[columns.indexOf([...cell.parentElement!.children].indexOf(cell)) + step[1]!];
  const row = step[0] === 0 ? cell.parentElement : step[0]! > 0 ? cell.parentElement!.nextElementSibling : cell.parentElement!.previousElementSibling;
  event.preventDefault();
  if (column !== undefined) row?.children[column]?.querySelector("button")?.focus();
}

function Figures({ settings, computed }: { settings: Settings; computed: Computed }) {
  const { factors, whole } = computed;
  const [opening, setOpening] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const words = language.value;
  const rows = useMemo(() => factors.filter((each) => each.failure === null), [factors]);
  const open = async (factor: string, horizon: number | null) => {
    setOpening(true);
    setError(null);
    const { factors: _, ...window } = matrixBody(settings);
    try {
      const body = { ...window, factor, correlations: true, series: false, ...(whole && { dataset: whole.dataset_version }) };
      const { id, recorded } = await post<FactorReport>("/v1/factor-reports", body);
      navigate(`/factor-reports/${id}${horizon === null ? "" : `?horizon=${horizon}`}`, { state: { id, recorded } });
    } catch (problem) {
      setOpening(false);
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
  };
  const horizons = rows[0]!.horizons.map((cell) => cell.horizon);
  const columns = useMemo<Column<MatrixFactor>[]>(() => [
    {
      key: "factor", title: t("report.factor"), sort: (row) => row.factor,
      cell: (row) => <button type="button" class="sort link" disabled={opening} title={t("matrix.open", { factor: row.factor })} onClick={() => open(row.factor, null)}><code>{row.factor}</code></button>,
    },
    ...horizons.flatMap((horizon, at): Column<MatrixFactor>[] => [
      {
        key: `ic${horizon}`, title: t("matrix.ic", { n: horizon }), align: "right", sort: (row) => row.horizons[at]!.rank_ic.mean,
        cell: (row) => {
          const { mean } = row.horizons[at]!.rank_ic;
          return <button type="button" class="sort" tabIndex={-1} disabled={opening} title={t("matrix.open-at", { factor: row.factor, n: horizon })} onClick={() => open(row.factor, horizon)}>{signed(mean, 4)}</button>;
        },
      },
      {
        key: `t${horizon}`, title: t("matrix.t", { n: horizon }), align: "right", sort: (row) => row.horizons[at]!.rank_ic.t,
        cell: (row) => {
          const cell = row.horizons[at]!;
          return isEvidence(cell, whole !== null) ? <strong>● {number(cell.rank_ic.t, 1)}<span class="visually-hidden"> {t("matrix.evidence")}</span></strong> : number(cell.rank_ic.t, 1);
        },
      },
    ]),
    ...(whole ? [{ key: "p", title: t("matrix.p"), align: "right" as const, sort: leastP, cell: (row: MatrixFactor) => number(leastP(row), 3) }] : []),
  ], [opening, words, whole, JSON.stringify(horizons)]);
  return (
    <>
      {error && <ErrorView error={error} />}
      {whole && <p class="small muted">{t("matrix.line", { start: whole.start, end: whole.end, factors: number(rows.length), tests: number(whole.tests) })} {t("matrix.evidence.note")}</p>}
      <div class="matrix" onKeyDown={moveFocus}>
        <VirtualTable label={t("matrix.title")} rows={rows} columns={columns} order={queryValue("order") ?? ""} onOrder={(order) => setQuery({ order })} height={640} />
      </div>
      <p class="small muted">{t("matrix.keys")}</p>
    </>
  );
}
