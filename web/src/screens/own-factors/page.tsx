// The caller's own factors, and a form that defines one.
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { OwnFactorList } from "../../api/types.ts";
import { Link, navigate } from "../../app/router.tsx";
import { instant } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Loaded } from "../../ui/states.tsx";
import { Define } from "./define.tsx";

export default function OwnFactorsPage() {
  const factors = useResource("own factors", (abort) => get<OwnFactorList>("/v1/factors/mine", {}, abort));
  return (
    <>
      <div class="page-head">
        <div><h1>{t("own.title")}</h1><p class="muted">{t("own.lead")}</p></div>
        <div class="actions"><Link class="button" href="/factors">{t("factor.all")}</Link></div>
      </div>
      <Define known={null} onDefined={(key) => navigate(`/own-factors/${key}`)} />
      <section>
        <Loaded of={factors} empty={(list) => list.items.length === 0}>
          {(list) => (
            <div class="table-scroll">
              <table class="plain factors">
                <thead><tr><th scope="col">{t("factors.key")}</th><th scope="col">{t("own.expression")}</th><th scope="col" class="wide">{t("own.summary")}</th><th scope="col" class="right">{t("own.version")}</th><th scope="col" class="wide">{t("line.updated")}</th></tr></thead>
                <tbody>
                  {list.items.map((each) => (
                    <tr key={each.key}>
                      <th scope="row"><Link href={`/own-factors/${each.key}`}>{each.key}</Link></th>
                      <td><code>{each.expression}</code></td>
                      <td class="wide">{each.summary}</td>
                      <td class="right">{number(each.version)}</td>
                      <td class="wide nowrap muted small">{instant(each.created_at)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Loaded>
      </section>
    </>
  );
}
