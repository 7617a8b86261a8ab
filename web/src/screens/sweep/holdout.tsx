// The days that no variant has read: opened once, for one variant of a sweep or for the next values of a walk-forward.
import { useState } from "preact/hooks";
import { get, post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { Backtest, HoldoutOpened, HoldoutOpening, Sweep, WalkForward } from "../../api/types.ts";
import { Link, navigate } from "../../app/router.tsx";
import { instant } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { NumberField } from "../../ui/field.tsx";
import { ErrorView, Loaded } from "../../ui/states.tsx";
import { Figure } from "../lines/figure.tsx";
import { StatisticValue } from "../run/statistic.tsx";

const KINDS = { sweep: "sweeps", walk_forward: "walk-forwards" } as const;

/** The opening that keeps these days closed: by another sweep or walk-forward of the same strategy or research line. */
function OpenedBefore({ opening }: { opening: HoldoutOpening }) {
  return (
    <>
      <p class="warning" role="note">
        ⚠ {t("sweep.holdout.before", { at: instant(opening.opened_at), from: opening.from, to: opening.to, n: number(opening.variant) })}{" "}
        <Link href={`/${KINDS[opening.kind]}/${opening.id}`}>{t(`line.kind.${opening.kind}`)}</Link>
      </p>
      {opening.backtest && <Outcome backtest={opening.backtest} />}
    </>
  );
}

const SHOWN = ["total_return", "sharpe", "max_drawdown", "trades"] as const;

/** What the days said: figures of the backtest of the variant over them. */
function Outcome({ backtest }: { backtest: string }) {
  const run = useResource(`holdout ${backtest}`, (abort) => get<Backtest>(`/v1/backtests/${backtest}`, { parts: "statistics" }, abort));
  return (
    <Loaded of={run}>
      {({ status, result }) => (
        <>
          {result ? (
            <ul class="figures">
              {SHOWN.map((name) => <Figure key={name} name={`stat.${name}`} note={`stat.${name}.note`}><StatisticValue statistics={result.statistics} name={name} /></Figure>)}
            </ul>
          ) : <p>{t(`status.${status}`)}</p>}
          <p><Link href={`/runs/${backtest}`}>{t("sweep.run")}</Link></p>
        </>
      )}
    </Loaded>
  );
}

interface Props {
  of: Sweep | WalkForward;
  path: string;
  /** Variant that is proposed; null: it is not chosen here. */
  chosen: number | null;
  reload: () => void;
}

export function HoldoutCard({ of, path, chosen, reload }: Props) {
  const holdout = of.holdout!;
  const [variant, setVariant] = useState(chosen);
  const [sure, setSure] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const open = async (event: Event) => {
    event.preventDefault();
    setError(null);
    try {
      const opened = await post<HoldoutOpened>(`${path}/holdout`, chosen === null ? undefined : { variant });
      navigate(`/runs/${opened.backtest}`);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
      reload();
    }
  };
  return (
    <div class="card luck" id="holdout">
      <h2>{t("sweep.holdout")}</h2>
      <p>{t("sweep.holdout.days", { from: holdout.from, to: holdout.to })}</p>
      {holdout.opened_at ? (
        <>
          <p>{t("sweep.holdout.opened", { at: instant(holdout.opened_at), n: number(holdout.variant) })}</p>
          {holdout.backtest && <Outcome backtest={holdout.backtest} />}
        </>
      ) : holdout.opened_before ? <OpenedBefore opening={holdout.opened_before} /> : (
        <form class="filters" onSubmit={open}>
          {chosen !== null && <NumberField label={t("sweep.variant")} value={variant} min={0} step={1} onValue={setVariant} />}
          <label class="check"><input type="checkbox" checked={sure} onChange={(event) => setSure(event.currentTarget.checked)} /> {t("sweep.holdout.sure")}</label>
          <button type="submit" disabled={!sure || (chosen !== null && variant === null) || of.status !== "completed"}>{t("sweep.holdout.open")}</button>
        </form>
      )}
      {error && <ErrorView error={error} />}
    </div>
  );
}
