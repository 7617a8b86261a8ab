// All factors by group, and how many stocks have a value in each year.
import { useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { DatasetDetail, Factor, FactorList } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { instant } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { local, named, t } from "../../i18n/index.ts";
import { TextField } from "../../ui/field.tsx";
import { Loaded } from "../../ui/states.tsx";

/** Return factors whose key, names or group contain a text. */
export function matching(factors: readonly Factor[], text: string): Factor[] {
  const wanted = text.trim().toLowerCase();
  return factors.filter((each) => [each.key, each.name_ko, each.name_en, each.category].some((word) => word.toLowerCase().includes(wanted)));
}

export default function FactorsPage() {
  const [text, setText] = useState("");
  const factors = useResource("factors", (abort) => get<FactorList>("/v1/factors", {}, abort));
  const dataset = useResource("dataset current", (abort) => get<DatasetDetail>("/v1/datasets/current", {}, abort));
  return (
    <>
      <div class="page-head"><div><h1>{t("nav.factors")}</h1><p class="muted">{t("factors.lead")}</p></div><div class="actions"><Link class="button" href="/factor-matrix">{t("matrix.title")}</Link><Link class="button" href="/factor-reports">{t("report.title")}</Link><Link class="button" href="/own-factors">{t("own.title")}</Link><Link class="button" href="/quality">{t("quality.title")}</Link></div></div>
      <Loaded of={dataset}>
        {(found) => (
          <dl class="freshness">
            <div><dt>{t("factors.range")}</dt><dd>{found.first_day} – {found.last_day}</dd></div>
            <div><dt>{t("start.data-stocks")}</dt><dd>{t("start.stocks-days", { stocks: number(found.stocks), days: number(found.days) })}</dd></div>
            <div><dt>{t("start.data-built")}</dt><dd>{instant(found.built_at)}</dd></div>
            <div><dt>{t("trust.dataset")}</dt><dd class="mono small">{found.version}</dd></div>
          </dl>
        )}
      </Loaded>
      <div class="filters"><TextField label={t("factors.search")} type="search" value={text} onValue={setText} /></div>
      <Loaded of={factors}>{(list) => <Groups factors={matching(list.items, text)} />}</Loaded>
    </>
  );
}

function Groups({ factors }: { factors: Factor[] }) {
  const groups = new Map<string, Factor[]>();
  for (const each of factors) groups.set(each.category, [...(groups.get(each.category) ?? []), each]);
  if (factors.length === 0) return <p class="state empty">{t("state.empty")}</p>;
  return (
    <>
      {[...groups].map(([category, items]) => (
        <section key={category}>
          <h2>{named("category", category)} <span class="muted small">{items.length}</span></h2>
          <div class="table-scroll">
            <table class="plain factors">
              <thead><tr><th scope="col">{t("factors.key")}</th><th scope="col">{t("factors.name")}</th><th scope="col" class="wide">{t("factors.formula")}</th><th scope="col" class="wide">{t("factors.unit")}</th></tr></thead>
              <tbody>
                {items.map((each) => (
                  <tr key={each.key}>
                    <th scope="row"><Link href={`/factors/${each.key}`}>{each.key}</Link>{!each.available && <> <span class="tag">{t("factors.missing")}</span></>}</th>
                    <td>{local(each.name_ko, each.name_en)}</td>
                    <td class="wide"><code>{each.formula}</code></td>
                    <td class="wide">{each.unit}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      ))}
    </>
  );
}
