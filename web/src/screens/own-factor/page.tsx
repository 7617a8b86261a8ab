// One own factor: definition, coverage by year, versions, another definition, deleting it.
import { useState } from "preact/hooks";
import { call, get } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { OwnFactorDetail } from "../../api/types.ts";
import { Link, navigate } from "../../app/router.tsx";
import type { ScreenProps } from "../../app/screens.tsx";
import { Bars } from "../../charts/bars.tsx";
import { instant } from "../../format/date.ts";
import { number, percent } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { ErrorView, Loaded } from "../../ui/states.tsx";
import { Define } from "../own-factors/define.tsx";

export default function OwnFactorPage({ id }: ScreenProps) {
  const path = `/v1/factors/mine/${encodeURIComponent(id)}`;
  const factor = useResource(path, (abort) => get<OwnFactorDetail>(path, {}, abort));
  const [error, setError] = useState<ApiError | null>(null);
  const remove = async () => {
    setError(null);
    try {
      await call("DELETE", path);
      navigate("/own-factors");
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
  };
  return (
    <Loaded of={factor}>
      {(found) => (
        <>
          <div class="page-head">
            <div><h1><code>{found.key}</code></h1><p class="muted">{found.summary}</p></div>
            <div class="actions">
              <Link class="button primary" href={`/factor-reports?factor=${found.key}`}>{t("report.this")}</Link>
              <Link class="button" href={`/screen?rank_by=${found.key}&where=${encodeURIComponent(`${found.key} = ${found.key}`)}`}>{t("factor.stocks")}</Link>
              <Link class="button" href="/own-factors">{t("own.all")}</Link>
              <button type="button" onClick={remove}>{t("report.delete")}</button>
            </div>
          </div>
          {error && <ErrorView error={error} />}
          {found.reason && <p class="warning" role="note">⚠ {found.reason}</p>}
          <div class="columns">
            <div class="card">
              <h2>{t("factor.definition")}</h2>
              <dl class="facts">
                <dt>{t("own.expression")}</dt><dd><code>{found.expression}</code></dd>
                <dt>{t("own.canonical")}</dt><dd><code>{found.canonical}</code></dd>
                <dt>{t("own.uses")}</dt><dd>{found.uses.length === 0 ? "–" : found.uses.map((each) => <><Link href={`/own-factors/${each}`}>{each}</Link> </>)}</dd>
                <dt>{t("factors.unit")}</dt><dd>{found.unit || "–"}</dd>
              </dl>
            </div>
            <div class="card">
              <h2>{t("factor.coverage")}</h2>
              <Bars neutral caption={t("factor.coverage")} bars={found.coverage.map((each) => ({ label: String(each.year), value: each.share, text: percent(each.share, 1) }))} />
            </div>
          </div>
          <section class="card">
            <h2>{t("own.versions")}</h2>
            <div class="table-scroll bare">
              <table class="plain" id="versions">
                <thead><tr><th scope="col">{t("own.version")}</th><th scope="col">{t("own.expression")}</th><th scope="col" class="wide">{t("runs.created")}</th></tr></thead>
                <tbody>{found.versions.map((each) => <tr key={each.version}><th scope="row">{number(each.version)}</th><td><code>{each.expression}</code></td><td class="wide nowrap muted small">{instant(each.created_at)}</td></tr>)}</tbody>
              </table>
            </div>
          </section>
          <section><Define key={found.key} known={found} onDefined={factor.reload} /></section>
        </>
      )}
    </Loaded>
  );
}
