// Name, period and actions of a backtest, and its chief figures with the warnings that concern them.
import { address } from "../../api/client.ts";
import { requestOf } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { number, shortWon } from "../../format/number.ts";
import { language, t } from "../../i18n/index.ts";
import { DeflatedCard } from "../lines/deflated.tsx";
import type { Run } from "./parts.ts";
import { StatisticNote, StatisticValue } from "./statistic.tsx";
import { HEAD } from "./statistics.ts";
import { Personal } from "./personal.tsx";
import { Warnings } from "./warnings.tsx";

export function RunHead({ run, name }: { run: Run; name: string }) {
  const request = requestOf(run);
  const condition = request.strategy.buy?.where;
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{name}{run.status !== "completed" && <> <span class={`tag ${run.status}`}>{t(`status.${run.status}`)}</span></>}</h1>
          <p class="muted">
            {t("run.line", {
              start: request.start, end: request.end, cash: shortWon(request.initial_cash, language.value),
              rows: run.result ? number(run.result.window.rows) : "–",
            })}
          </p>
          {condition && <p class="small"><code>{condition}</code></p>}
        </div>
        <div class="actions no-print">
          <Personal run={run} />
          <Link class="button" href={`/new?from=${run.id}`}>{t("builder.clone")}</Link>
          {condition && <Link class="button" href={address("/screen", { where: condition, rank_by: request.strategy.buy?.rank_by, order: request.strategy.buy?.order, markets: request.strategy.universe?.markets, kinds: request.strategy.universe?.kinds, sectors: request.strategy.universe?.sectors })}>{t("run.picks")}</Link>}
          <Link class="button" href={`/sweeps/new?from=${run.id}`}>{t("sweep.this")}</Link>
          <Link class="button" href={`/walk-forwards/new?from=${run.id}`}>{t("walk.one")}</Link>
          <Link class="button" href={`/accounts?from=${run.id}`}>{t("account.this")}</Link>
          <Link class="button" href={`/compare?ids=${run.id}`}>{t("run.compare")}</Link>
          {run.status === "completed" && <button type="button" onClick={() => print()}>{t("run.print")}</button>}
        </div>
      </div>
      {run.outdated && <p class="warning">{t("run.outdated")}</p>}
      {run.result && (
        <>
          <ul class="figures">
            {HEAD.map((each) => (
              <li key={each} class="card">
                <span class="figure-name">{t(`stat.${each}`)} <StatisticNote name={each} /></span>
                <strong><StatisticValue statistics={run.result!.statistics} name={each} /></strong>
              </li>
            ))}
          </ul>
          <Warnings result={run.result} />
          <DeflatedCard deflated={run.deflated} />
        </>
      )}
    </>
  );
}
