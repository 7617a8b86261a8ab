// The research lines: what was tried under each name.
import { get } from "../../api/client.ts";
import { usePages } from "../../api/resource.ts";
import type { ResearchLineHead } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { instant } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Loaded } from "../../ui/states.tsx";
import { ResearchTabs } from "../trials/tabs.tsx";
import { lineAddress } from "./deflated.tsx";

export default function LinesPage() {
  const pages = usePages<ResearchLineHead>("line list", (cursor, abort) => get("/v1/research", { limit: 50, cursor }, abort));
  return (
    <>
      <div class="page-head"><div><h1>{t("nav.lines")}</h1><p class="muted">{t("line.lead")}</p></div></div>
      <ResearchTabs />
      <Loaded of={pages.first}>
        {() => pages.items.length === 0 ? <p class="state empty">{t("line.none")}</p> : (
          <>
            <div class="table-scroll">
              <table class="plain">
                <thead><tr><th scope="col">{t("sweep.research")}</th><th scope="col" class="right">{t("line.trials")}</th><th scope="col" class="right wide">{t("line.extra")}</th><th scope="col" class="right">{t("line.best-sharpe")}</th><th scope="col" class="wide">{t("line.updated")}</th></tr></thead>
                <tbody>
                  {pages.items.map((line) => (
                    <tr key={line.name}>
                      <th scope="row"><Link href={lineAddress(line.name)}>{line.name}</Link>{line.closed_at && <> <span class="tag">{t("line.closed")}</span></>}</th>
                      <td class="right">{number(line.trials)}</td>
                      <td class="right wide">{number(line.extra_trials)}</td>
                      <td class="right">{number(line.best_sharpe_annual, 2)}</td>
                      <td class="wide nowrap muted small">{instant(line.updated_at)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {pages.more && <p class="center"><button type="button" onClick={pages.more}>{t("action.more")}</button></p>}
          </>
        )}
      </Loaded>
    </>
  );
}
