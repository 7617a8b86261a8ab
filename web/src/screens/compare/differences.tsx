// The fields in which the requests differ.
import type { Backtest } from "../../api/types.ts";
import { t } from "../../i18n/index.ts";

/** Return the leaves of a JSON object as path -> text. */
export function leaves(value: unknown, path = ""): Map<string, string> {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    return new Map(Object.entries(value).flatMap(([key, part]) => [...leaves(part, path ? `${path}.${key}` : key)]));
  }
  return new Map([[path, JSON.stringify(value)]]);
}

/** Return the paths whose values differ between requests, with the value of each request. */
export function differences(requests: readonly unknown[]): [string, (string | undefined)[]][] {
  const all = requests.map((request) => leaves(request));
  const paths = [...new Set(all.flatMap((each) => [...each.keys()]))].sort();
  return paths
    .map((path): [string, (string | undefined)[]] => [path, all.map((each) => each.get(path))])
    .filter(([, values]) => new Set(values).size > 1);
}

export function Differences({ runs, names }: { runs: readonly Backtest[]; names: readonly string[] }) {
  const found = differences(runs.map((run) => ({ ...run.request, dataset: run.dataset })));
  if (runs.length < 2) return null;
  return (
    <div class="card">
      <h2>{t("compare.differences")}</h2>
      {found.length === 0 ? <p class="muted">{t("compare.same")}</p> : (
        <div class="table-scroll" tabIndex={0} role="region" aria-label={t("compare.differences")}>
          <table class="plain">
            <thead><tr><th scope="col">{t("compare.field")}</th>{names.map((name, at) => <th scope="col" key={at}>{name}</th>)}</tr></thead>
            <tbody>
              {found.map(([path, values]) => (
                <tr key={path}><th scope="row"><code>{path}</code></th>{values.map((value, at) => <td key={at}><code>{value ?? "–"}</code></td>)}</tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
