// One factor: definition, coverage by year, and its values on the last day.
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { FactorDetail } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import type { ScreenProps } from "../../app/screens.tsx";
import { Bars } from "../../charts/bars.tsx";
import { figure, number, percent } from "../../format/number.ts";
import { language, local, named, t } from "../../i18n/index.ts";
import { Loaded } from "../../ui/states.tsx";

export default function FactorPage({ id }: ScreenProps) {
  const factor = useResource(`factor ${id}`, (abort) => get<FactorDetail>(`/v1/factors/${encodeURIComponent(id)}`, {}, abort));
  return (
    <Loaded of={factor}>
      {(found) => (
        <>
          <div class="page-head">
            <div>
              <h1>{local(found.name_ko, found.name_en)} <code>{found.key}</code></h1>
              <p class="muted">{language.value === "ko" ? found.name_en : found.name_ko} · {named("category", found.category)}</p>
            </div>
            <div class="actions">
              <Link class="button primary" href={`/factor-reports?factor=${found.key}`}>{t("report.this")}</Link>
              <Link class="button" href={`/screen?rank_by=${found.key}&where=${encodeURIComponent(`${found.key} = ${found.key}`)}`}>{t("factor.stocks")}</Link>
              <Link class="button" href="/factors">{t("factor.all")}</Link>
            </div>
          </div>
          {found.reason && <p class="warning">{found.reason}</p>}
          <div class="columns">
            <div class="card">
              <h2>{t("factor.definition")}</h2>
              <dl class="facts">
                <dt>{t("factors.formula")}</dt><dd><code>{found.formula}</code></dd>
                <dt>{t("factors.unit")}</dt><dd>{found.unit}</dd>
                <dt>{t("factor.inputs")}</dt><dd>{found.inputs}</dd>
                <dt>{t("factor.null-when")}</dt><dd>{found.null_when || "–"}</dd>
                <dt>{t("factor.lookback")}</dt><dd>{found.lookback_rows === null ? t("factor.all-rows") : t("factor.rows", { n: number(found.lookback_rows) })}</dd>
              </dl>
            </div>
            <div class="card">
              <h2>{t("factor.coverage")}</h2>
              <Bars neutral caption={t("factor.coverage")} bars={found.coverage.map((each) => ({ label: String(each.year), value: each.share, text: percent(each.share, 1) }))} />
              {found.coverage.at(-1)?.reason && <p class="small muted">{found.coverage.at(-1)!.reason}</p>}
            </div>
          </div>
          {found.distribution && (
            <section class="card">
              <h2>{t("factor.distribution")}</h2>
              <p class="small muted">{t("factor.distribution-line", { date: found.distribution.date ?? "–", count: number(found.distribution.count) })}</p>
              <dl class="freshness">
                {Object.entries(found.distribution.quantiles).sort(([a], [b]) => Number(a) - Number(b)).map(([quantile, value]) => (
                  <div key={quantile}><dt>{quantile === "0" ? t("factor.smallest") : quantile === "1" ? t("factor.largest") : percent(Number(quantile), 0)}</dt><dd>{figure(value)}</dd></div>
                ))}
                <div><dt>{t("factor.mean")}</dt><dd>{figure(found.distribution.mean)}</dd></div>
              </dl>
            </section>
          )}
        </>
      )}
    </Loaded>
  );
}
