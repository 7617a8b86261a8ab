// The list of sweeps.
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { SweepHead, SweepList } from "../../api/types.ts";
import { Link, queryValue, setQuery } from "../../app/router.tsx";
import { instant } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Loaded } from "../../ui/states.tsx";

const STATUSES = ["queued", "running", "completed", "cancelled"] as const;

/** Return what a sweep is called: its research line, or its method and size. */
export function sweepTitle(sweep: Pick<SweepHead, "research" | "method" | "variants">): string {
  return sweep.research ?? t("sweep.title", { method: named("sweep.method", sweep.method), n: number(sweep.variants) });
}

export default function SweepsPage() {
  const filter = { status: queryValue("status"), research: queryValue("research"), limit: 50 };
  const first = useResource(JSON.stringify(filter), (abort) => get<SweepList>("/v1/sweeps", filter, abort));
  const [more, setMore] = useState<{ items: SweepHead[]; cursor: string | null } | null>(null);
  useEffect(() => setMore(null), [first.data]);
  const cursor = more ? more.cursor : (first.data?.next_cursor ?? null);
  const loadMore = async () => {
    const page = await get<SweepList>("/v1/sweeps", { ...filter, cursor });
    setMore({ items: [...(more?.items ?? []), ...page.items], cursor: page.next_cursor });
  };
  return (
    <>
      <div class="page-head">
        <div><h1>{t("nav.sweeps")}</h1><p class="muted">{t("sweep.lead")}</p></div>
        <div class="actions"><Link class="button primary" href="/sweeps/new">{t("sweep.new")}</Link></div>
      </div>
      <div class="filters">
        <SelectField label={t("runs.status")} value={filter.status ?? ""} options={[["", t("runs.any")], ...STATUSES.map((each) => [each, t(`status.${each}`)] as const)]} onValue={(value) => setQuery({ status: value })} />
        <TextField label={t("sweep.research")} type="search" value={filter.research ?? ""} onValue={(value) => setQuery({ research: value })} />
      </div>
      <Loaded of={first} empty={(page) => page.items.length === 0}>
        {(page) => (
          <>
            <div class="table-scroll">
              <table class="plain">
                <thead><tr><th scope="col">{t("sweep.sweep")}</th><th scope="col">{t("runs.status")}</th><th scope="col" class="wide">{t("sweep.method")}</th><th scope="col" class="right">{t("sweep.done")}</th><th scope="col" class="right wide">{t("sweep.failed")}</th><th scope="col" class="wide">{t("runs.created")}</th></tr></thead>
                <tbody>
                  {[...page.items, ...(more?.items ?? [])].map((sweep) => (
                    <tr key={sweep.id}>
                      <th scope="row"><Link href={`/sweeps/${sweep.id}`}>{sweepTitle(sweep)}</Link></th>
                      <td><span class={`tag ${sweep.status}`}>{t(`status.${sweep.status}`)}</span></td>
                      <td class="wide">{named("sweep.method", sweep.method)}</td>
                      <td class="right nowrap">{number(sweep.done)} / {number(sweep.variants)}</td>
                      <td class="right wide">{number(sweep.failed)}</td>
                      <td class="wide nowrap muted small">{instant(sweep.created_at)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {cursor && <p class="center"><button type="button" onClick={loadMore}>{t("action.more")}</button></p>}
          </>
        )}
      </Loaded>
    </>
  );
}
