// A new report of a factor or an expression, and the stored ones.
import { useState } from "preact/hooks";
import { get, post } from "../../api/client.ts";
import { ApiError, problemsAt } from "../../api/problem.ts";
import { usePages, useResource } from "../../api/resource.ts";
import type { DatasetDetail, FactorReport, FactorReportBody, ListedFactorReport } from "../../api/types.ts";
import { loadDraft, saveDraft } from "../../app/drafts.ts";
import { Link, navigate, queryValue, setQuery } from "../../app/router.tsx";
import { instant, yearsBefore } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { NumberField, SelectField, TextField } from "../../ui/field.tsx";
import { ErrorView, Loaded, Loading } from "../../ui/states.tsx";
import { ExpressionField } from "../builder/expression-field.tsx";
import { partsOf } from "../builder/expression-list.ts";
import { LineField } from "../lines/field.tsx";

interface Options {
  factor: string;
  start: string;
  end: string;
  horizons: string;
  quantiles: number | null;
  cost: number | null;
  neutral: NonNullable<FactorReportBody["neutral"]>;
  controls: string;
  breakdown: "" | NonNullable<FactorReportBody["breakdowns"]>[number];
  research: string;
}

function bodyOf({ factor, start, end, horizons, quantiles, cost, neutral, controls, breakdown, research }: Options): FactorReportBody {
  return {
    factor, start, end, neutral, horizons: partsOf(horizons).map(Number), controls: partsOf(controls), breakdowns: breakdown ? [breakdown] : [],
    research: research.trim() || null, correlations: true, series: false, ...(quantiles === null ? {} : { quantiles }), ...(cost === null ? {} : { cost_pct: cost }),
  };
}

function Form({ range, given }: { range: { first: string; last: string }; given: Partial<Options> }) {
  const start = yearsBefore(range.last, 3);
  const [options, setOptions] = useState<Options>(() => ({
    factor: "", start: start < range.first ? range.first : start, end: range.last, horizons: "1, 5, 20, 60", quantiles: 10, cost: null, neutral: "none", controls: "", breakdown: "", research: "",
    ...loadDraft<Partial<Options>>("factor-report"), ...given,
  }));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const change = (changes: Partial<Options>) => {
    const next = { ...options, ...changes };
    setOptions(next);
    saveDraft("factor-report", next);
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const { id, recorded } = await post<FactorReport>("/v1/factor-reports", bodyOf(options));
      navigate(`/factor-reports/${id}`, { state: { id, recorded } });
    } catch (problem) {
      setBusy(false);
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
  };
  const problems = error?.fields ?? [];
  const at = (path: string) => problemsAt(problems, path);
  const shown = ["factor", "start", "end", "horizons", "quantiles", "cost_pct", "neutral", "controls", "breakdowns", "research"];
  const rest = problems.filter((each) => !shown.some((path) => problemsAt([each], path).length > 0));
  return (
    <form class="card stack" onSubmit={submit}>
      <h2>{t("report.new")}</h2>
      <ExpressionField label={t("report.factor")} help={t("report.factor.help")} placeholder="-rank(PBR) - rank(PER)" value={options.factor} onValue={(factor) => change({ factor })} error={error} path="factor" />
      <ExpressionField list label={t("report.controls")} placeholder="log(MARKET_CAP)" value={options.controls} onValue={(controls) => change({ controls })} error={error} path="controls" />
      <div class="fields">
        <TextField label={t("sweep.start")} type="date" required value={options.start} onValue={(value) => change({ start: value })} problems={at("start")} />
        <TextField label={t("sweep.end")} type="date" required value={options.end} onValue={(value) => change({ end: value })} problems={at("end")} />
        <TextField label={t("report.horizons")} class="mono" value={options.horizons} onValue={(horizons) => change({ horizons })} problems={at("horizons")} />
        <NumberField label={t("report.quantiles")} value={options.quantiles} min={2} step={1} onValue={(quantiles) => change({ quantiles })} problems={at("quantiles")} />
        <NumberField label={t("report.cost")} unit="%" placeholder="0.2" value={options.cost} min={0} onValue={(cost) => change({ cost })} problems={at("cost_pct")} />
        <SelectField label={t("report.neutral")} value={options.neutral} options={[["none", t("report.neutral.none")], ["sector", t("report.neutral.sector")]]} onValue={(neutral) => change({ neutral })} problems={at("neutral")} />
        <SelectField label={t("report.breakdown")} value={options.breakdown} options={[["", "–"], ...(["sector", "market", "cap_group"] as const).map((each) => [each, t(`report.by.${each}`)] as const)]} onValue={(breakdown) => change({ breakdown })} problems={at("breakdowns")} />
        <LineField value={options.research} onValue={(research) => change({ research })} problems={at("research")} />
      </div>
      {error && (problems.length === 0 || rest.length > 0) && <ErrorView error={new ApiError(error.status, error.title, error.detail, rest, error.code, error.retryAfterS)} />}
      <div class="actions"><button type="submit" class="primary" disabled={busy}>{t("report.submit")}</button>{busy && <Loading />}</div>
    </form>
  );
}

export default function FactorReportsPage() {
  const [factor, research] = [queryValue("factor"), queryValue("research")];
  const given = { ...(factor !== null && { factor }), ...(research !== null && { research }) };
  const dataset = useResource("dataset current", (abort) => get<DatasetDetail>("/v1/datasets/current", {}, abort));
  const wanted = queryValue("query") ?? "";
  const pages = usePages<ListedFactorReport>(`reports ${wanted}`, (cursor, abort) => get("/v1/factor-reports", { limit: 50, query: wanted, cursor }, abort));
  return (
    <>
      <div class="page-head">
        <div><h1>{t("report.title")}</h1><p class="muted">{t("report.lead")}</p></div>
        <div class="actions"><Link class="button" href="/factor-matrix">{t("matrix.title")}</Link><Link class="button" href="/own-factors">{t("own.title")}</Link></div>
      </div>
      <Loaded of={dataset}>{(found) => <Form key={JSON.stringify(given)} range={{ first: found.first_day ?? "", last: found.last_day ?? "" }} given={given} />}</Loaded>
      <section>
        <h2>{t("report.stored")}</h2>
        <div class="filters"><TextField label={t("report.filter")} type="search" class="mono" spellcheck={false} maxLength={200} value={wanted} onValue={(query) => setQuery({ query })} /></div>
        <Loaded of={pages.first} empty={() => pages.items.length === 0}>
          {() => (
            <>
              <div class="table-scroll">
                <table class="plain">
                  <thead><tr><th scope="col">{t("report.factor")}</th><th scope="col" class="wide">{t("sweep.start")} – {t("sweep.end")}</th><th scope="col" class="right">{t("report.horizon")}</th><th scope="col" class="right">{t("report.rank-ic")}</th><th scope="col" class="right">t</th><th scope="col" class="wide">{t("runs.created")}</th></tr></thead>
                  <tbody>
                    {pages.items.map((each) => {
                      const best = each.horizons.reduce<(typeof each.horizons)[number] | null>((found, next) => (found === null || Math.abs(next.t ?? 0) > Math.abs(found.t ?? 0) ? next : found), null);
                      return (
                        <tr key={each.id}>
                          <th scope="row"><Link href={`/factor-reports/${each.id}`}><code>{each.factor}</code></Link></th>
                          <td class="wide nowrap">{each.window.start} – {each.window.end}</td>
                          <td class="right">{number(best?.horizon)}</td>
                          <td class="right">{number(best?.rank_ic, 3)}</td>
                          <td class="right">{number(best?.t, 1)}</td>
                          <td class="wide nowrap muted small">{instant(each.created_at)}</td>
                        </tr>
                      );
                    })}
                  </tbody>
                </table>
              </div>
              <p class="small muted">{t("report.stored.note")}</p>
              {pages.more && <p class="center"><button type="button" onClick={pages.more}>{t("action.more")}</button></p>}
            </>
          )}
        </Loaded>
      </section>
    </>
  );
}
