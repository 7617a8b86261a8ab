// A new sweep: a strategy, the numbers that vary, what makes a variant better, and what it will cost.
import { useMemo, useState } from "preact/hooks";
import { all, get, post } from "../../api/client.ts";
import { ApiError, problemsAt } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { Backtest, DatasetDetail, StrategyDocument, StrategyList, Sweep, SweepBody, SweepQuote } from "../../api/types.ts";
import { loadDraft, saveDraft } from "../../app/drafts.ts";
import { Link, navigate, queryValue, setQuery } from "../../app/router.tsx";
import { number } from "../../format/number.ts";
import { local, t } from "../../i18n/index.ts";
import { NumberField, SelectField, TextField } from "../../ui/field.tsx";
import { applySuggestion } from "../../ui/problem.tsx";
import { ErrorView, Loaded } from "../../ui/states.tsx";
import { draftOfRun, draftOfStrategy } from "../builder/draft.ts";
import type { Draft } from "../builder/draft.ts";
import { FORMS } from "../run/statistics.ts";
import { Parameters } from "./parameters.tsx";
import { placesOf, templateOf } from "./places.ts";
import type { Choice } from "./places.ts";

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
}

const METHODS = ["grid", "random", "lhs", "sobol", "tpe"] as const;
const QUOTE_MS = 300;

/** Return the body of the sweep. */
function bodyOf(draft: Draft, options: Options): SweepBody {
  const { chosen, start, end, method, runs, statistic, direction, where, research, holdout } = options;
  return {
    ...templateOf({ ...draft, start, end }, placesOf(draft), chosen),
    search: method === "grid" ? { method } : { method, runs },
    objective: { [direction]: statistic, where: where.trim() || null },
    research: research.trim() || null,
    holdout: holdout ? { from: holdout } : null,
  };
}

function pause(ms: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, ms);
    abort.addEventListener("abort", () => reject(abort.reason as Error));
  });
}

function Form({ draft, base }: { draft: Draft; base: string }) {
  const [options, setOptions] = useState<Options>(() => ({
    chosen: {}, start: draft.start, end: draft.end, method: "grid", runs: 200, statistic: "sharpe", direction: "maximize",
    where: "", research: "", holdout: "", ...loadDraft<Partial<Options>>(`sweep.${base}`),
  }));
  const [refused, setRefused] = useState<{ options: Options; error: ApiError } | null>(null);
  const places = useMemo(() => placesOf(draft), [draft]);
  const change = (changes: Partial<Options>) => {
    const next = { ...options, ...changes };
    setOptions(next);
    saveDraft(`sweep.${base}`, next);
  };
  const body = bodyOf(draft, options);
  const isEmpty = Object.keys(options.chosen).length === 0;
  const quote = useResource(isEmpty ? null : JSON.stringify(body), async (abort) => {
    await pause(QUOTE_MS, abort);
    return post<SweepQuote>("/v1/sweeps", body, { query: { dry_run: true }, signal: abort });
  });
  const error = refused?.options === options ? refused.error : quote.error;
  const problems = error?.fields ?? [];
  const shown = ["parameters", "objective", "research", "holdout", "search", "template.start", "template.end"];
  const shownTemplates = places.filter((each) => options.chosen[each.key]).map((each) => `template.${each.path}`);
  const rest = problems.filter((each) => ![...shown, ...shownTemplates].some((path) => problemsAt([each], path).length > 0));
  const start = async (event: Event) => {
    event.preventDefault();
    try {
      navigate(`/sweeps/${(await post<Sweep>("/v1/sweeps", body)).id}`);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setRefused({ options, error: problem });
    }
  };
  return (
    <form class="stack" onSubmit={start}>
      <div class="card">
        <h2>{t("sweep.parameters")}</h2>
        <p class="small muted">{t("sweep.parameters.help")}</p>
        <Parameters places={places} chosen={options.chosen} onChange={(chosen) => change({ chosen })} problems={problems} />
      </div>
      <div class="card">
        <h2>{t("sweep.how")}</h2>
        <div class="fields">
          <SelectField label={t("sweep.statistic")} value={options.statistic} options={Object.keys(FORMS).map((each) => [each, t(`stat.${each as keyof typeof FORMS}`)] as const)} onValue={(statistic) => change({ statistic })} problems={problemsAt(problems, `objective.${options.direction}`)} />
          <SelectField label={t("sweep.direction")} value={options.direction} options={[["maximize", t("sweep.maximize")], ["minimize", t("sweep.minimize")]]} onValue={(direction) => change({ direction })} />
          <TextField label={t("sweep.where")} help={t("sweep.where.help")} class="mono" spellcheck={false} value={options.where} placeholder="trades >= 50" onValue={(where) => change({ where })} problems={problemsAt(problems, "objective.where")} onSuggestion={(word, problem) => change({ where: applySuggestion(options.where, problem, word) })} />
          <SelectField label={t("sweep.method")} value={options.method} options={METHODS.map((each) => [each, t(`sweep.method.${each}`)] as const)} onValue={(method) => change({ method })} problems={problems.filter((each) => ["search", "search.method"].includes(each.path))} />
          {options.method !== "grid" && <NumberField label={t("sweep.runs")} value={options.runs} min={1} step={1} onValue={(runs) => change({ runs })} problems={problemsAt(problems, "search.runs")} />}
          <TextField label={t("sweep.start")} type="date" value={options.start} onValue={(value) => change({ start: value })} problems={problemsAt(problems, "template.start")} />
          <TextField label={t("sweep.end")} type="date" value={options.end} onValue={(value) => change({ end: value })} problems={problemsAt(problems, "template.end")} />
          <TextField label={t("sweep.holdout")} help={t("sweep.holdout.help")} type="date" value={options.holdout} onValue={(holdout) => change({ holdout })} problems={problemsAt(problems, "holdout")} />
          <TextField label={t("sweep.research")} help={t("sweep.research.help")} value={options.research} onValue={(research) => change({ research })} problems={problemsAt(problems, "research")} />
        </div>
      </div>
      {error && (problems.length === 0 || rest.length > 0) && <ErrorView error={new ApiError(error.status, error.title, error.detail, rest, error.code, error.retryAfterS)} />}
      <div class="actions">
        <button type="submit" class="primary" disabled={isEmpty}>{t("sweep.submit")}</button>
        <p role="status" class="quote">
          {isEmpty ? t("sweep.none-chosen") : quote.data && !quote.error && t("sweep.quote", { variants: number(quote.data.variants), stocks: number(quote.data.stocks), days: number(quote.data.days) })}
          {!isEmpty && quote.data && !quote.error && !quote.data.accepted && <strong class="not-passed"> {t("sweep.too-large", { cost: number(quote.data.cost), open: number(quote.data.open_cost), limit: number(quote.data.max_cost) })}</strong>}
        </p>
      </div>
    </form>
  );
}

async function load(from: string | null, strategy: string | null, abort: AbortSignal): Promise<Draft> {
  if (from) return draftOfRun(await get<Backtest>(`/v1/backtests/${from}`, { parts: "statistics" }, abort));
  const [dataset, found] = await Promise.all([
    get<DatasetDetail>("/v1/datasets/current", {}, abort), get<StrategyDocument>(`/v1/strategies/${strategy}`, {}, abort),
  ]);
  return draftOfStrategy(found, { first: dataset.first_day ?? "", last: dataset.last_day ?? "" });
}

export default function NewSweepPage() {
  const from = queryValue("from");
  const strategies = useResource("sweep strategies", async (abort) => {
    const [presets, catalogue] = await Promise.all([
      get<StrategyList>("/v1/presets", {}, abort), all<StrategyDocument>("/v1/strategies", { limit: 200 }, 1000, abort),
    ]);
    return [...presets.items, ...catalogue];
  });
  const strategy = queryValue("strategy") ?? strategies.data?.[0]?.id ?? null;
  const base = from ?? strategy;
  const draft = useResource(base && `sweep draft ${from} ${strategy}`, async (abort) => ({ base: base!, draft: await load(from, strategy, abort) }));
  return (
    <>
      <div class="page-head"><div><h1>{t("sweep.new")}</h1><p class="muted">{t("sweep.lead")}</p></div></div>
      {from ? <p>{t("sweep.from-run")} <Link href={`/runs/${from}`}>{t("sweep.run")}</Link></p> : (
        <Loaded of={strategies}>
          {(items) => (
            <div class="filters">
              <SelectField label={t("runs.strategy")} value={strategy ?? ""} options={items.map((each) => [each.id, local(each.name_ko, each.name_en)] as const)} onValue={(value) => setQuery({ strategy: value })} />
            </div>
          )}
        </Loaded>
      )}
      {base && <Loaded of={draft}>{(found) => <Form key={found.base} {...found} />}</Loaded>}
    </>
  );
}
