// Backtests as rows: what was run, over which period, and the figures that a list needs.
import { requestOf } from "../../api/types.ts";
import type { BacktestItem } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { instant } from "../../format/date.ts";
import { number, percent } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Change } from "../../ui/change.tsx";
import { titleOf } from "./title.ts";

interface Props {
  items: readonly BacktestItem[];
  nameOf: (strategyId: string | null) => string | null;
  chosen?: ReadonlySet<string> | undefined;
  onChoose?: ((id: string, on: boolean) => void) | undefined;
}

export function RunRows({ items, nameOf, chosen, onChoose }: Props) {
  return (
    <div class="table-scroll">
      <table class="plain">
        <thead>
          <tr>
            {onChoose && <th scope="col"><span class="visually-hidden">{t("runs.choose")}</span></th>}
            <th scope="col">{t("runs.name")}</th>
            <th scope="col" class="wide">{t("runs.period")}</th>
            <th scope="col" class="right">{t("stat.total_return")}</th>
            <th scope="col" class="right wide">{t("stat.cagr")}</th>
            <th scope="col" class="right">{t("stat.max_drawdown")}</th>
            <th scope="col" class="right wide">{t("stat.sharpe")}</th>
            <th scope="col" class="wide">{t("runs.created")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => {
            const { start, end } = requestOf(item);
            const title = titleOf(item, nameOf);
            return (
              <tr key={item.id}>
                {onChoose && (
                  <td>
                    <input
                      type="checkbox"
                      aria-label={t("runs.choose-one", { name: title })}
                      checked={chosen?.has(item.id)}
                      onChange={(event) => onChoose(item.id, event.currentTarget.checked)}
                    />
                  </td>
                )}
                <th scope="row">
                  {item.starred && <span title={t("runs.starred")}>★ </span>}
                  <Link href={`/runs/${item.id}`}>{title}</Link>{" "}
                  {item.status !== "completed" && <span class={`tag ${item.status}`}>{t(`status.${item.status}`)}</span>}
                  <span class="narrow-only muted small">{start} – {end}</span>
                </th>
                <td class="wide nowrap">{start} – {end}</td>
                <td class="right">{item.statistics && <Change value={item.statistics.total_return} />}</td>
                <td class="right wide">{item.statistics && percent(item.statistics.cagr)}</td>
                <td class="right">{item.statistics && percent(item.statistics.max_drawdown)}</td>
                <td class="right wide">{item.statistics && number(item.statistics.sharpe, 2)}</td>
                <td class="wide nowrap muted small">{instant(item.created_at)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
