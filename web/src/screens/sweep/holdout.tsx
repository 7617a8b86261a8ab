// The days that no variant has read: opened once, for one variant of a sweep or for the next values of a walk-forward.
import { useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import type { HoldoutOpened, Sweep, WalkForward } from "../../api/types.ts";
import { Link, navigate } from "../../app/router.tsx";
import { instant } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { NumberField } from "../../ui/field.tsx";
import { ErrorView } from "../../ui/states.tsx";

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
    <div class="card">
      <h2>{t("sweep.holdout")}</h2>
      <p>{t("sweep.holdout.days", { from: holdout.from, to: holdout.to })}</p>
      {holdout.opened_at ? (
        <p>
          {t("sweep.holdout.opened", { at: instant(holdout.opened_at), n: number(holdout.variant) })}{" "}
          {holdout.backtest && <Link href={`/runs/${holdout.backtest}`}>{t("sweep.run")}</Link>}
        </p>
      ) : (
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
