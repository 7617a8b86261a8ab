// The days that no variant has read: opened once, for one variant.
import { useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import type { Sweep, HoldoutOpened } from "../../api/types.ts";
import { Link, navigate } from "../../app/router.tsx";
import { instant } from "../../format/date.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { NumberField } from "../../ui/field.tsx";
import { ErrorView } from "../../ui/states.tsx";

export function HoldoutCard({ sweep, reload }: { sweep: Sweep; reload: () => void }) {
  const holdout = sweep.holdout!;
  const [variant, setVariant] = useState<number | null>(sweep.plateau?.variant ?? sweep.best[0]?.variant ?? 0);
  const [sure, setSure] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const open = async (event: Event) => {
    event.preventDefault();
    setError(null);
    try {
      const opened = await post<HoldoutOpened>(`/v1/sweeps/${sweep.id}/holdout`, { variant });
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
          <NumberField label={t("sweep.variant")} value={variant} min={0} step={1} onValue={setVariant} />
          <label class="check"><input type="checkbox" checked={sure} onChange={(event) => setSure(event.currentTarget.checked)} /> {t("sweep.holdout.sure")}</label>
          <button type="submit" disabled={!sure || variant === null || sweep.status !== "completed"}>{t("sweep.holdout.open")}</button>
        </form>
      )}
      {error && <ErrorView error={error} />}
    </div>
  );
}
