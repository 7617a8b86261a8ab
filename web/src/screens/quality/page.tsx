// The quality report of the loaded data: what each check found, what follows from it, and examples.
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { Quality, QualityFinding } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { number } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { Empty, Loaded } from "../../ui/states.tsx";

const EXAMPLES = 20;

export default function QualityPage() {
  const report = useResource("quality", (abort) => get<Quality>("/v1/quality", { examples: EXAMPLES }, abort));
  return (
    <>
      <div class="page-head"><div><h1>{t("quality.title")}</h1><p class="muted">{t("quality.lead")}</p></div></div>
      <Loaded of={report}>
        {(found) => {
          const clean = Object.entries(found.counts).filter(([, count]) => count === 0).map(([check]) => check);
          return (
            <div class="stack">
              <dl class="freshness">
                <div><dt>{t("ops.revision")}</dt><dd>{found.revision}</dd></div>
                <div><dt>{t("quality.found")}</dt><dd>{t("quality.checks", { n: number(found.findings.length), all: number(Object.keys(found.counts).length) })}</dd></div>
              </dl>
              {found.findings.length === 0 && <Empty>{t("quality.none")}</Empty>}
              {found.findings.map((finding) => <Finding key={finding.check} finding={finding} />)}
              {clean.length > 0 && (
                <div class="card">
                  <h2>{t("quality.clean")}</h2>
                  <p>{clean.map((check) => named("quality.check", check)).join(" · ")}</p>
                </div>
              )}
            </div>
          );
        }}
      </Loaded>
    </>
  );
}

function Finding({ finding }: { finding: QualityFinding }) {
  return (
    <article class="card" aria-labelledby={`check-${finding.check}`}>
      <h2 id={`check-${finding.check}`}>{named("quality.check", finding.check)} <span class="tag">{t("quality.count", { n: number(finding.count), stocks: number(finding.stocks) })}</span></h2>
      <p>{finding.counts}</p>
      {finding.follows && <p class="warning" role="note">{finding.follows}</p>}
      <details>
        <summary>{t("quality.examples", { n: number(finding.examples.length) })}</summary>
        <div class="table-scroll">
          <table class="plain">
            <thead><tr><th scope="col">{t("trade.stock")}</th><th scope="col">{t("run.date")}</th><th scope="col">{t("quality.detail")}</th></tr></thead>
            <tbody>
              {finding.examples.map((each) => (
                <tr key={`${each.stock_code} ${each.date} ${each.detail}`}>
                  <th scope="row">{each.stock_code ? <Link href={`/stocks/${encodeURIComponent(each.stock_code)}`}>{each.stock_code}</Link> : "–"}</th>
                  <td class="nowrap">{each.date ?? "–"}</td>
                  <td>{each.detail}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </article>
  );
}
