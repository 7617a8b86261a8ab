// The list of sweeps or of walk-forwards.
import { get } from "../../api/client.ts";
import { usePages } from "../../api/resource.ts";
import { Link, queryValue, setQuery } from "../../app/router.tsx";
import { instant } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Loaded } from "../../ui/states.tsx";
import type { TrialsHead } from "./follow.tsx";
import { ResearchTabs } from "./tabs.tsx";

const STATUSES = ["queued", "running", "completed", "failed", "cancelled"] as const;
const TEXTS = {
  sweeps: { title: "nav.sweeps", lead: "sweep.lead", create: "sweep.new", one: "sweep.sweep" },
  "walk-forwards": { title: "nav.walks", lead: "walk.lead", create: "walk.new", one: "walk.one" },
} as const;

/** Return what a sweep or walk-forward is called: its research line, or its method and size. */
export function trialsTitle(head: Pick<TrialsHead, "research" | "method" | "variants">): string {
  return head.research ?? t("sweep.title", { method: named("sweep.method", head.method), n: number(head.variants) });
}

export function TrialsList({ kind }: { kind: keyof typeof TEXTS }) {
  const texts = TEXTS[kind];
  const filter = { status: queryValue("status"), research: queryValue("research"), limit: 50 };
  const pages = usePages<TrialsHead>(`${kind} ${JSON.stringify(filter)}`, (cursor, abort) => get(`/v1/${kind}`, { ...filter, cursor }, abort));
  const statuses = kind === "sweeps" ? STATUSES.filter((each) => each !== "failed") : STATUSES;
  return (
    <>
      <div class="page-head">
        <div><h1>{t(texts.title)}</h1><p class="muted">{t(texts.lead)}</p></div>
        <div class="actions"><Link class="button primary" href={`/${kind}/new`}>{t(texts.create)}</Link></div>
      </div>
      <ResearchTabs />
      <div class="filters">
        <SelectField label={t("runs.status")} value={filter.status ?? ""} options={[["", t("runs.any")], ...statuses.map((each) => [each, t(`status.${each}`)] as const)]} onValue={(value) => setQuery({ status: value })} />
        <TextField label={t("sweep.research")} type="search" value={filter.research ?? ""} onValue={(value) => setQuery({ research: value })} />
      </div>
      <Loaded of={pages.first} empty={() => pages.items.length === 0}>
        {() => (
          <>
            <div class="table-scroll">
              <table class="plain">
                <thead><tr><th scope="col">{t(texts.one)}</th><th scope="col">{t("runs.status")}</th><th scope="col" class="wide">{t("sweep.method")}</th><th scope="col" class="right">{t("sweep.done")}</th><th scope="col" class="right wide">{t("sweep.failed")}</th><th scope="col" class="wide">{t("runs.created")}</th></tr></thead>
                <tbody>
                  {pages.items.map((each) => (
                    <tr key={each.id}>
                      <th scope="row"><Link href={`/${kind}/${each.id}`}>{trialsTitle(each)}</Link></th>
                      <td><span class={`tag ${each.status}`}>{t(`status.${each.status}`)}</span></td>
                      <td class="wide">{named("sweep.method", each.method)}</td>
                      <td class="right nowrap">{number(each.done)} / {number(each.variants)}</td>
                      <td class="right wide">{number(each.failed)}</td>
                      <td class="wide nowrap muted small">{instant(each.created_at)}</td>
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
