// How fresh the data are: last trading day, when the version was built, when results were prepared.
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { Resource } from "../../api/resource.ts";
import type { DatasetDetail, DatasetList, WarmRunList } from "../../api/types.ts";
import { instant } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { ErrorView } from "../../ui/states.tsx";

export function Freshness({ datasets, warm }: { datasets: Resource<DatasetList>; warm: Resource<WarmRunList> }) {
  const version = datasets.data?.current ?? null;
  const detail = useResource(version && `dataset ${version}`, (abort) => get<DatasetDetail>(`/v1/datasets/${version}`, {}, abort));
  if (datasets.error) return <ErrorView error={datasets.error} retry={datasets.reload} />;
  if (datasets.data && version === null) {
    return <p class="warning">{t("start.no-data")} <code>ondol load DIR</code></p>;
  }
  const run = warm.data?.items[0];
  return (
    <dl class="freshness">
      <div><dt>{t("start.data-date")}</dt><dd>{detail.data?.last_day ?? "…"}</dd></div>
      <div><dt>{t("start.data-stocks")}</dt><dd>{detail.data ? t("start.stocks-days", { stocks: number(detail.data.stocks), days: number(detail.data.days) }) : "…"}</dd></div>
      <div><dt>{t("start.data-built")}</dt><dd>{detail.data ? instant(detail.data.built_at) : "…"}</dd></div>
      {run && <div><dt>{t("start.warm")}</dt><dd>{run.finished_at ? instant(run.finished_at) : t("start.warming")}</dd></div>}
    </dl>
  );
}
