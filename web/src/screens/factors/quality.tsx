// The quality report of the loaded data.
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Loaded } from "../../ui/states.tsx";

interface Finding {
  check: string;
  class?: string;
  count: number;
  message?: string;
  consequence?: string;
}

export function Quality() {
  const report = useResource("quality", async (abort) => {
    const found = await get<{ checks?: Finding[]; findings?: Finding[]; items?: Finding[] }>("/v1/quality", {}, abort);
    return found.findings ?? found.checks ?? found.items ?? [];
  });
  if (report.error?.status === 404) return null; // a server before quality reports
  return (
    <section>
      <h2>{t("quality.title")}</h2>
      <Loaded of={report} empty={(items) => items.length === 0}>
        {(items) => (
          <div class="table-scroll">
            <table class="plain">
              <thead><tr><th scope="col">{t("quality.check")}</th><th scope="col" class="right">{t("quality.count")}</th><th scope="col">{t("quality.what")}</th></tr></thead>
              <tbody>{items.map((each) => <tr key={each.check}><th scope="row">{each.check}</th><td class="right">{number(each.count)}</td><td>{each.message ?? each.consequence ?? ""}</td></tr>)}</tbody>
            </table>
          </div>
        )}
      </Loaded>
    </section>
  );
}
