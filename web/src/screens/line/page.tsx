// One research line: its conclusion and warnings, trials, statistics with formula and inputs, opened holdouts, and changing it.
import { useState } from "preact/hooks";
import { call, get } from "../../api/client.ts";
import { ApiError } from "../../api/problem.ts";
import { useResource } from "../../api/resource.ts";
import type { ResearchLine, ResearchLineFigure } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import type { ScreenProps } from "../../app/screens.tsx";
import { instant } from "../../format/date.ts";
import { NONE, figure, number, percent } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { NumberField } from "../../ui/field.tsx";
import { ErrorView, Loaded } from "../../ui/states.tsx";
import { lineAddress } from "../lines/deflated.tsx";
import { Figure, interval } from "../lines/figure.tsx";

const KINDS = { backtest: "runs", sweep: "sweeps", walk_forward: "walk-forwards", factor_report: "factor-reports", factor_matrix: "factors", robustness: "runs" } as const;

export default function LinePage({ id }: ScreenProps) {
  const line = useResource(`line ${id}`, (abort) => get<ResearchLine>(`/v1${lineAddress(id)}`, {}, abort));
  return <Loaded of={line}>{(found) => <Report line={found} reload={line.reload} />}</Loaded>;
}

/** Return the value of a statistic, or its interval. */
function textOf(found: ResearchLineFigure | undefined, text: (value: number) => string): string {
  return found ? interval([found.value, found.low, found.high], text) : NONE;
}

function Report({ line, reload }: { line: ResearchLine; reload: () => void }) {
  const { statistics: found, best, conclusion } = line;
  const research = encodeURIComponent(line.name);
  const two = (value: number) => number(value, 2);
  const isClear = conclusion.code === "luck_beyond";
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{line.name}{line.closed_at && <> <span class="tag">{t("line.closed")}</span></>}</h1>
          <p class="muted">{t("line.head", { trials: number(line.trials), evaluations: number(line.evaluations), extra: number(line.extra_trials), created: instant(line.created_at), updated: instant(line.updated_at) })}</p>
        </div>
        <div class="actions">
          <Link class="button" href={`/sweeps?research=${research}`}>{t("nav.sweeps")}</Link>
          <Link class="button" href={`/walk-forwards?research=${research}`}>{t("nav.walks")}</Link>
          <Link class="button" href="/research">{t("line.all")}</Link>
        </div>
      </div>
      <div class="stack">
        <div class="card luck">
          <h2>{t("sweep.luck")}</h2>
          <p class={isClear ? "verdict good" : "warning"} role="note">{!isClear && "⚠ "}{conclusion.message}</p>
          {line.warnings.map((each) => <p class="warning" role="note" key={each.code}>⚠ {each.message}</p>)}
          {best && (
            <p>
              {t("line.best", { sharpe: number(best.sharpe_annual, 2), years: number(best.years, 1) })}{" "}
              {best.kind && (best.id ? <Link href={`/${KINDS[best.kind]}/${best.id}`}>{t(`line.kind.${best.kind}`)}</Link> : t(`line.kind.${best.kind}`))}
              {best.factor !== null && <> · <code>{best.factor}</code>, {t("line.horizon", { n: number(best.horizon) })}</>}
              {best.variant !== null && <> · {t("sweep.variant")} {number(best.variant)}</>}
            </p>
          )}
          <ul class="figures">
            <Figure name="line.sharpe" note="line.sharpe.note">{number(best?.sharpe_annual, 2)}</Figure>
            <Figure name="sweep.sr0" note="sweep.sr0.note">{textOf(found["sr0_annual"], two)}</Figure>
            <Figure name="sweep.dsr" note="line.dsr.note">{textOf(found["dsr"], (value) => percent(value, 1))}</Figure>
            <Figure name="sweep.trials" note="sweep.trials.note">{interval([found["independent_participation"]?.value ?? null, line.counted], (value) => number(value, value < 100 ? 1 : 0))}</Figure>
            <Figure name="sweep.pbo" note="sweep.pbo.note">{textOf(found["pbo"], (value) => percent(value, 0))}</Figure>
            <Figure name="sweep.spa" note="sweep.spa.note">{number(found["spa"]?.value, 3)}</Figure>
            <Figure name="sweep.years" note="sweep.years.note">{number(best?.years, 1)}</Figure>
            <Figure name="sweep.min-years" note="sweep.min-years.note">{textOf(found["minimum_track_record_years"], (value) => number(value, 1))}</Figure>
          </ul>
        </div>
        <Statistics line={line} />
        {line.holdouts.length > 0 && (
          <div class="card">
            <h2>{t("line.holdouts")}</h2>
            <ul>
              {line.holdouts.map((each) => (
                <li key={each.id}>{each.from} – {each.to}: <Link href={`/${KINDS[each.kind]}/${each.id}`}>{t(`line.kind.${each.kind}`)}</Link>, {t("sweep.holdout.opened", { at: instant(each.opened_at), n: number(each.variant) })}</li>
              ))}
            </ul>
          </div>
        )}
        {line.closed_at === null && <Change line={line} reload={reload} />}
      </div>
    </>
  );
}

function Statistics({ line }: { line: ResearchLine }) {
  return (
    <details class="card">
      <summary><h2>{t("line.statistics")}</h2></summary>
      <p class="small muted">{t("line.statistics.help")}{line.family && ` ${t("line.family", { trials: number(line.family.trials), weeks: number(line.family.weeks) })}`}</p>
      <div class="table-scroll" role="region" tabIndex={0} aria-label={t("line.statistics")}>
        <table class="plain">
          <thead><tr><th scope="col">{t("compare.statistic")}</th><th scope="col" class="right">{t("line.value")}</th><th scope="col">{t("factors.formula")}</th><th scope="col">{t("factor.inputs")}</th></tr></thead>
          <tbody>
            {Object.entries(line.statistics).map(([name, each]) => (
              <tr key={name}>
                <th scope="row">{named("line.stat", name)} <span class="muted small">{each.source}</span></th>
                <td class="right nowrap">{textOf(each, figure)} {each.unit}</td>
                <td><code>{each.formula}</code></td>
                <td class="small mono">{Object.entries(each.inputs).map(([input, value]) => `${input} ${figure(value)}`).join(", ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Change({ line, reload }: { line: ResearchLine; reload: () => void }) {
  const [extra, setExtra] = useState<number | null>(line.extra_trials);
  const [sure, setSure] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const send = async (body: { extra_trials?: number | null; closed?: true }) => {
    setError(null);
    try {
      await call<ResearchLine>("PATCH", `/v1${lineAddress(line.name)}`, { body });
      reload();
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void send({ extra_trials: extra });
  };
  const fields = error?.fields.filter((each) => each.path === "extra_trials") ?? [];
  return (
    <div class="columns">
      <form class="card" onSubmit={submit}>
        <h2>{t("line.extra")}</h2>
        <div class="filters">
          <NumberField label={t("line.extra")} help={t("line.extra.help")} value={extra} min={line.extra_trials} step={1} onValue={setExtra} problems={fields} />
          <button type="submit" disabled={extra === null || extra === line.extra_trials}>{t("action.save")}</button>
        </div>
      </form>
      <div class="card">
        <h2>{t("line.close")}</h2>
        <p class="small muted">{t("line.close.help")}</p>
        <div class="actions">
          <label class="check"><input type="checkbox" checked={sure} onChange={(event) => setSure(event.currentTarget.checked)} /> {t("line.close.sure")}</label>
          <button type="button" disabled={!sure} onClick={() => send({ closed: true })}>{t("line.close")}</button>
        </div>
      </div>
      {error && fields.length === 0 && <ErrorView error={error} />}
    </div>
  );
}
