// Builder: the strategy as a form on the left, its last year on the right, redrawn while one types.
import { useEffect, useMemo, useState } from "preact/hooks";
import { get, post } from "../../api/client.ts";
import { ApiError, problemsAt } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { Backtest, DatasetDetail, Language as Words, StrategyDocument } from "../../api/types.ts";
import { loadDraft, saveDraft } from "../../app/drafts.ts";
import { Link, navigate, queryValue } from "../../app/router.tsx";
import { language, t } from "../../i18n/index.ts";
import { ErrorView, Loaded } from "../../ui/states.tsx";
import { lineAddress } from "../lines/deflated.tsx";
import { LineField } from "../lines/field.tsx";
import { choicesOf } from "./completion.ts";
import { draftOfRun, draftOfStrategy, isDraft, newDraft } from "./draft.ts";
import type { DataRange, Draft } from "./draft.ts";
import { useDraft } from "./history.ts";
import { CostSection, PeriodSection, UniverseSection } from "./market-sections.tsx";
import { PreviewPanel } from "./preview-panel.tsx";
import { Keep, Toolbar } from "./toolbar.tsx";
import { BuySection, PortfolioSection, SellSection } from "./trade-sections.tsx";
import { usePreview } from "./use-preview.ts";

interface Start {
  draft: Draft;
  words: Words;
  dataset: DatasetDetail;
  range: DataRange;
  /** Name of the research line that a run is a trial of; empty: none. */
  research: string;
}

async function load(from: string | null, strategy: string | null, abort: AbortSignal): Promise<Start> {
  const [words, dataset] = await Promise.all([
    get<Words>("/v1/language", {}, abort),
    get<DatasetDetail>("/v1/datasets/current", {}, abort),
  ]);
  const range = { first: dataset.first_day ?? "", last: dataset.last_day ?? "" };
  let draft: Draft;
  let research = loadDraft<string>("builder.research") ?? "";
  if (from) {
    const run = await get<Backtest>(`/v1/backtests/${from}`, { parts: "statistics" }, abort);
    draft = draftOfRun(run);
    research = run.research ?? "";
  }
  else if (strategy) draft = draftOfStrategy(await get<StrategyDocument>(`/v1/strategies/${strategy}`, {}, abort), range);
  else {
    const stored = loadDraft<unknown>("builder");
    draft = isDraft(stored) ? (stored as Draft) : newDraft(range);
  }
  return { draft, words, dataset, range, research };
}

function Builder({ start }: { start: Start }) {
  const editing = useDraft("builder", start.draft);
  const preview = usePreview(editing.draft);
  const [refused, setRefused] = useState<{ draft: Draft; error: ApiError } | null>(null);
  const [research, setResearch] = useState(start.research);
  const line = research.trim();
  const words = language.value;
  const choices = useMemo(() => choicesOf(start.words, words), [start.words, words]);
  const { draft, change } = editing;
  const error = refused && refused.draft === draft ? refused.error : preview.error;
  const run = async () => {
    setRefused(null);
    try {
      const accepted = await post<Backtest>("/v1/backtests", line ? { ...draft, research: line } : draft);
      navigate(`/runs/${accepted.id}`);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setRefused({ draft, error: problem });
    }
  };
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      const inText = event.composedPath().some((each) => each instanceof HTMLElement && (each.isContentEditable || each.tagName === "TEXTAREA"));
      if (event.key === "Enter") {
        event.preventDefault();
        run();
      } else if (!inText && event.key === "z" && editing.undo) {
        event.preventDefault();
        editing.undo();
      } else if (!inText && event.key === "y" && editing.redo) {
        event.preventDefault();
        editing.redo();
      }
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  const section = { draft, change, error, choices };
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{t("builder.title")}</h1>
          <p class="muted">{t("builder.lead")}</p>
          {line && <p class="small">{t("sweep.research")}: <Link href={lineAddress(line)}>{line}</Link></p>}
        </div>
        <Toolbar editing={editing} run={run} />
      </div>
      {refused && refused.draft === draft && <ErrorView error={refused.error} />}
      <div class="builder">
        <form class="stack" onSubmit={(event) => event.preventDefault()}>
          <BuySection {...section} />
          <SellSection {...section} />
          <PortfolioSection {...section} />
          <PeriodSection {...section} range={start.range} indices={start.dataset.indices} />
          <UniverseSection {...section} markets={start.dataset.markets} />
          <CostSection {...section} />
          <div class="card">
            <LineField value={research} onValue={(value) => { setResearch(value); saveDraft("builder.research", value || null); }} problems={problemsAt(error?.fields ?? [], "research")} />
          </div>
        </form>
        <div class="builder-side">
          <PreviewPanel preview={preview} />
        </div>
      </div>
      <section><Keep editing={editing} /></section>
    </>
  );
}

export default function BuilderPage() {
  const given = queryValue("from");
  const isRun = given !== null && /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(given); // else it is the id of a strategy
  const from = isRun ? given : null;
  const strategy = queryValue("strategy") ?? (isRun ? null : given);
  const start = useResource(`builder ${from} ${strategy}`, (abort) => load(from, strategy, abort));
  return <Loaded of={start}>{(found) => <Builder key={`${from} ${strategy}`} start={found} />}</Loaded>;
}
