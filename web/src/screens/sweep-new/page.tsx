// A new sweep or walk-forward: a strategy, the numbers that vary, what makes a variant better, and what it will cost.
import { useMemo, useState } from "preact/hooks";
import { all, get, post } from "../../api/client.ts";
import { ApiError, problemsAt } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { Backtest, DatasetDetail, FieldProblem, StrategyDocument, StrategyList, Sweep, SweepBody, SweepQuote, WalkForwardBody } from "../../api/types.ts";
import { loadDraft, saveDraft } from "../../app/drafts.ts";
import { Link, navigate, queryValue, setQuery } from "../../app/router.tsx";
import { daysBetween } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { local, t } from "../../i18n/index.ts";
import { NumberField, SelectField, TextField } from "../../ui/field.tsx";
import { FieldProblems, applySuggestion } from "../../ui/problem.tsx";
import { ErrorView, Loaded } from "../../ui/states.tsx";
import { draftOfRun, draftOfStrategy } from "../builder/draft.ts";
import type { Draft } from "../builder/draft.ts";
import { LineField } from "../lines/field.tsx";
import { FORMS } from "../run/statistics.ts";
import { Parameters } from "./parameters.tsx";
import { placesOf, rangeText, templateOf } from "./places.ts";
import type { Choice, Place } from "./places.ts";

interface Options {
  chosen: Record<string, Choice>;
  start: string;
  end: string;
  method: NonNullable<NonNullable<SweepBody["search"]>["method"]>;
  runs: number | null;
  statistic: string;
  direction: "maximize" | "minimize";
  where: string;
  research: string;
  holdout: string;
  train: string;
  test: string;
  step: string;
  anchored: boolean;
  gap: number | null;
  choose: NonNullable<WalkForwardBody["choose"]>;
  carry: NonNullable<WalkForwardBody["carry"]>;
}

type Kind = "sweeps" | "walk-forwards";

/** What the form begins with. `sweep`: its template and parameters are taken as they are. */
interface Start {
  base: string;
  draft: Draft;
  sweep: Sweep | null;
}

const METHODS = ["grid", "random", "lhs", "sobol", "tpe"] as const;
const QUOTE_MS = 300;

/** Return the body of the request. */
function bodyOf(kind: Kind, { draft, sweep }: Start, places: readonly Place[], options: Options): SweepBody | WalkForwardBody {
  const { chosen, start, end, method, runs, statistic, direction, where, research, holdout } = options;
  const given = sweep?.request as unknown as SweepBody | undefined;
  const body = {
    ...(given
      ? { template: { ...given.template, start, end }, parameters: given.parameters, constraints: given.constraints }
      : templateOf({ ...draft, start, end }, places, chosen)),
    search: method === "grid" ? { method } : { method, runs },
    objective: { [direction]: statistic, where: where.trim() || null },
    research: research.trim() || null,
    holdout: holdout ? { from: holdout } : null,
  };
  if (kind === "sweeps") return body;
  const { train, test, step, anchored, gap, choose, carry } = options;
  return { ...body, choose, carry, windows: { train: train.trim(), test: test.trim(), step: step.trim() || null, anchored, gap_rows: gap ?? 0 } };
}

/** Return the options that the form begins with. */
function initialOf({ draft, sweep }: Start): Options {
  const long = daysBetween(draft.start, draft.end) > 4 * 365;
  const { objective, method, variants, research } = sweep ?? {};
  return {
    chosen: {}, start: draft.start, end: draft.end, method: method === undefined || method === "tpe" ? "grid" : method as Options["method"],
    runs: variants ?? 200, statistic: objective?.statistic ?? "sharpe", direction: objective?.direction ?? "maximize", where: objective?.where ?? "",
    research: research ?? "", holdout: "", train: long ? "24M" : "12M", test: long ? "6M" : "3M", step: "", anchored: false, gap: 1,
    choose: "plateau", carry: "positions",
  };
}

function pause(ms: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, ms);
    abort.addEventListener("abort", () => reject(abort.reason as Error));
  });
}

function Form({ kind, start: begin }: { kind: Kind; start: Start }) {
  const name = `${kind === "sweeps" ? "sweep" : kind}.${begin.base}`;
  const [options, setOptions] = useState<Options>(() => ({ ...initialOf(begin), ...loadDraft<Partial<Options>>(name) }));
  const [refused, setRefused] = useState<{ options: Options; error: ApiError } | null>(null);
  // a walk-forward changes the strategy only
  const places = useMemo(() => placesOf(begin.draft).filter((each) => kind === "sweeps" || each.path.startsWith("strategy.")), [begin, kind]);
  const change = (changes: Partial<Options>) => {
    const next = { ...options, ...changes };
    setOptions(next);
    saveDraft(name, next);
  };
  const body = bodyOf(kind, begin, places, options);
  const isEmpty = begin.sweep === null && Object.keys(options.chosen).length === 0;
  const quote = useResource(isEmpty ? null : JSON.stringify(body), async (abort) => {
    await pause(QUOTE_MS, abort);
    return post<SweepQuote>(`/v1/${kind}`, body, { query: { dry_run: true }, signal: abort });
  });
  const error = refused?.options === options ? refused.error : quote.error;
  const problems = error?.fields ?? [];
  const shown = ["parameters", "objective", "research", "holdout", "search", "windows", "choose", "carry", "template.start", "template.end"];
  const shownTemplates = places.filter((each) => options.chosen[each.key]).map((each) => `template.${each.path}`);
  const rest = problems.filter((each) => ![...shown, ...shownTemplates].some((path) => problemsAt([each], path).length > 0));
  const start = async (event: Event) => {
    event.preventDefault();
    try {
      navigate(`/${kind}/${(await post<Sweep>(`/v1/${kind}`, body)).id}`);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setRefused({ options, error: problem });
    }
  };
  return (
    <form class="stack" onSubmit={start}>
      <div class="card">
        <h2>{t("sweep.parameters")}</h2>
        {begin.sweep ? <GivenParameters of={body} problems={problemsAt(problems, "parameters")} /> : (
          <>
            <p class="small muted">{t("sweep.parameters.help")}</p>
            <Parameters places={places} chosen={options.chosen} onChange={(chosen) => change({ chosen })} problems={problems} />
          </>
        )}
      </div>
      {kind === "walk-forwards" && <WindowFields options={options} change={change} problems={problems} />}
      <div class="card">
        <h2>{t("sweep.how")}</h2>
        <div class="fields">
          <SelectField label={t("sweep.statistic")} value={options.statistic} options={Object.keys(FORMS).map((each) => [each, t(`stat.${each as keyof typeof FORMS}`)] as const)} onValue={(statistic) => change({ statistic })} problems={problemsAt(problems, `objective.${options.direction}`)} />
          <SelectField label={t("sweep.direction")} value={options.direction} options={[["maximize", t("sweep.maximize")], ["minimize", t("sweep.minimize")]]} onValue={(direction) => change({ direction })} />
          <TextField label={t("sweep.where")} help={t("sweep.where.help")} class="mono" spellcheck={false} value={options.where} placeholder="trades >= 50" onValue={(where) => change({ where })} problems={problemsAt(problems, "objective.where")} onSuggestion={(word, problem) => change({ where: applySuggestion(options.where, problem, word) })} />
          <SelectField label={t("sweep.method")} value={options.method} options={METHODS.filter((each) => kind === "sweeps" || each !== "tpe").map((each) => [each, t(`sweep.method.${each}`)] as const)} onValue={(method) => change({ method })} problems={problems.filter((each) => ["search", "search.method"].includes(each.path))} />
          {options.method !== "grid" && <NumberField label={t("sweep.runs")} value={options.runs} min={1} step={1} onValue={(runs) => change({ runs })} problems={problemsAt(problems, "search.runs")} />}
          <TextField label={t("sweep.start")} type="date" value={options.start} onValue={(value) => change({ start: value })} problems={problemsAt(problems, "template.start")} />
          <TextField label={t("sweep.end")} type="date" value={options.end} onValue={(value) => change({ end: value })} problems={problemsAt(problems, "template.end")} />
          <TextField label={t("sweep.holdout")} help={t("sweep.holdout.help")} type="date" value={options.holdout} onValue={(holdout) => change({ holdout })} problems={problemsAt(problems, "holdout")} />
          <LineField value={options.research} onValue={(research) => change({ research })} problems={problemsAt(problems, "research")} />
        </div>
      </div>
      {error && (problems.length === 0 || rest.length > 0) && <ErrorView error={new ApiError(error.status, error.title, error.detail, rest, error.code, error.retryAfterS)} />}
      <div class="actions">
        <button type="submit" class="primary" disabled={isEmpty}>{t(kind === "sweeps" ? "sweep.submit" : "walk.submit")}</button>
        <p role="status" class="quote">
          {isEmpty ? t("sweep.none-chosen") : quote.data && !quote.error && t("sweep.quote", { variants: number(quote.data.variants), stocks: number(quote.data.stocks), days: number(quote.data.days) })}
          {!isEmpty && quote.data && !quote.error && !quote.data.accepted && <strong class="not-passed"> {t("sweep.too-large", { cost: number(quote.data.cost), open: number(quote.data.open_cost), limit: number(quote.data.max_cost) })}</strong>}
        </p>
      </div>
    </form>
  );
}

function WindowFields({ options, change, problems }: { options: Options; change: (changes: Partial<Options>) => void; problems: FieldProblem[] }) {
  const at = (part: string) => problemsAt(problems, `windows.${part}`);
  return (
    <div class="card">
      <h2>{t("walk.windows")}</h2>
      <p class="small muted">{t("walk.windows.help")}</p>
      <div class="fields">
        <TextField label={t("walk.train")} value={options.train} placeholder="24M" onValue={(train) => change({ train })} problems={at("train")} />
        <TextField label={t("walk.test")} value={options.test} placeholder="6M" onValue={(test) => change({ test })} problems={at("test")} />
        <TextField label={t("walk.step")} help={t("walk.step.help")} value={options.step} placeholder={options.test} onValue={(step) => change({ step })} problems={at("step")} />
        <NumberField label={t("walk.gap")} help={t("walk.gap.help")} value={options.gap} min={0} step={1} onValue={(gap) => change({ gap })} problems={at("gap_rows")} />
        <SelectField label={t("walk.anchored")} value={options.anchored ? "anchored" : "rolling"} options={[["rolling", t("walk.rolling")], ["anchored", t("walk.from-start")]]} onValue={(value) => change({ anchored: value === "anchored" })} problems={at("anchored")} />
        <SelectField label={t("walk.choose")} value={options.choose} options={[["plateau", t("walk.choose.plateau")], ["best", t("walk.choose.best")]]} onValue={(choose) => change({ choose })} problems={problemsAt(problems, "choose")} />
        <SelectField label={t("walk.carry")} value={options.carry} options={[["positions", t("walk.carry.positions")], ["cash", t("walk.carry.cash")]]} onValue={(carry) => change({ carry })} problems={problemsAt(problems, "carry")} />
      </div>
      <FieldProblems problems={problems.filter((each) => each.path === "windows")} />
    </div>
  );
}

/** The parameters of a sweep, which are taken as they are. */
function GivenParameters({ of, problems }: { of: SweepBody | WalkForwardBody; problems: FieldProblem[] }) {
  return (
    <>
      <dl class="facts">
        {Object.entries(of.parameters).map(([name, range]) => <div key={name}><dt class="mono">${name}</dt><dd>{rangeText(range)}</dd></div>)}
        {of.constraints && of.constraints.length > 0 && <div><dt>{t("walk.constraints")}</dt><dd><code>{of.constraints.join(", ")}</code></dd></div>}
      </dl>
      <FieldProblems problems={problems} showPath />
    </>
  );
}

async function load(sweep: string | null, from: string | null, strategy: string | null, abort: AbortSignal): Promise<Omit<Start, "base">> {
  if (sweep) {
    const found = await get<Sweep>(`/v1/sweeps/${sweep}`, {}, abort);
    return { draft: found.request["template"] as Draft, sweep: found };
  }
  return { draft: await draftFrom(from, strategy, abort), sweep: null };
}

async function draftFrom(from: string | null, strategy: string | null, abort: AbortSignal): Promise<Draft> {
  if (from) return draftOfRun(await get<Backtest>(`/v1/backtests/${from}`, { parts: "statistics" }, abort));
  const [dataset, found] = await Promise.all([
    get<DatasetDetail>("/v1/datasets/current", {}, abort), get<StrategyDocument>(`/v1/strategies/${strategy}`, {}, abort),
  ]);
  return draftOfStrategy(found, { first: dataset.first_day ?? "", last: dataset.last_day ?? "" });
}

function NewTrials({ kind }: { kind: Kind }) {
  const from = queryValue("from");
  const sweep = kind === "walk-forwards" ? queryValue("sweep") : null;
  const strategies = useResource("sweep strategies", async (abort) => {
    const [presets, catalogue] = await Promise.all([
      get<StrategyList>("/v1/presets", {}, abort), all<StrategyDocument>("/v1/strategies", { limit: 200 }, 1000, abort),
    ]);
    return [...presets.items, ...catalogue];
  });
  const strategy = queryValue("strategy") ?? strategies.data?.[0]?.id ?? null;
  const base = sweep ?? from ?? strategy;
  const draft = useResource(base && `sweep draft ${sweep} ${from} ${strategy}`, async (abort) => ({ base: base!, ...(await load(sweep, from, strategy, abort)) }));
  return (
    <>
      <div class="page-head"><div><h1>{t(kind === "sweeps" ? "sweep.new" : "walk.new")}</h1><p class="muted">{t(kind === "sweeps" ? "sweep.lead" : "walk.lead")}</p></div></div>
      {sweep ? <p>{t("walk.from-sweep")} <Link href={`/sweeps/${sweep}`}>{t("walk.sweep")}</Link></p>
        : from ? <p>{t("sweep.from-run")} <Link href={`/runs/${from}`}>{t("sweep.run")}</Link></p> : (
        <Loaded of={strategies}>
          {(items) => (
            <div class="filters">
              <SelectField label={t("runs.strategy")} value={strategy ?? ""} options={items.map((each) => [each.id, local(each.name_ko, each.name_en)] as const)} onValue={(value) => setQuery({ strategy: value })} />
            </div>
          )}
        </Loaded>
      )}
      {base && <Loaded of={draft}>{(found) => <Form key={found.base} kind={kind} start={found} />}</Loaded>}
    </>
  );
}

export default function NewSweepPage() {
  return <NewTrials kind="sweeps" />;
}

export function NewWalkForward() {
  return <NewTrials kind="walk-forwards" />;
}
