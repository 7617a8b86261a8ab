// The live preview: curve, chief figures and warnings of the draft over its last year.
import { number, percent } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Change } from "../../ui/change.tsx";
import { ErrorView, Loading } from "../../ui/states.tsx";
import { EquityChart } from "../run/equity-chart.tsx";
import { Warnings } from "../run/warnings.tsx";
import type { Preview } from "./use-preview.ts";

export function PreviewPanel({ preview }: { preview: Preview }) {
  const { run, error, busy, ms } = preview;
  const result = run?.result;
  return (
    <section class="card preview" aria-label={t("builder.preview")} aria-busy={busy}>
      <div class="section-head">
        <h2>{t("builder.preview")}</h2>
        <span class="small muted" role="status">{busy ? t("builder.computing") : ms !== null && !error ? t("builder.computed", { ms: number(ms) }) : ""}</span>
      </div>
      {error && (error.status === 422 && error.fields.length > 0 ? <p class="warning" role="status">{t("builder.invalid")}</p> : <ErrorView error={error} retry={preview.reload} />)}
      {result && run ? (
        <div class={error ? "stale" : undefined}>
          {error && <p class="small muted">{t("builder.stale")}</p>}
          <dl class="preview-figures">
            <div><dt>{t("stat.total_return")}</dt><dd><Change value={result.statistics.total_return} decimals={1} /></dd></div>
            <div><dt>{t("stat.benchmark_total_return")}</dt><dd><Change value={result.statistics.benchmark_total_return} decimals={1} /></dd></div>
            <div><dt>{t("stat.max_drawdown")}</dt><dd>{percent(result.statistics.max_drawdown, 1)}</dd></div>
            <div><dt>{t("stat.sharpe")}</dt><dd>{number(result.statistics.sharpe, 2)}</dd></div>
            <div><dt>{t("stat.trades")}</dt><dd>{number(result.trades.length)}</dd></div>
          </dl>
          <EquityChart
            equity={result.equity}
            benchmark={(run.request as { benchmark: string | null }).benchmark}
            title={t("builder.preview.period", { start: result.equity[0]?.date ?? "", end: result.equity.at(-1)?.date ?? "" })}
            height={300}
          />
          <Warnings result={result} />
        </div>
      ) : (
        !error && <Loading text={t("builder.computing")} />
      )}
    </section>
  );
}
