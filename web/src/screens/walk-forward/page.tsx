// One walk-forward: its progress, what choosing would have earned, its windows, the drift of its choices, what to trade next.
import type { WalkForward } from "../../api/types.ts";
import type { ScreenProps } from "../../app/screens.tsx";
import { number } from "../../format/number.ts";
import { named, t } from "../../i18n/index.ts";
import { FieldProblems } from "../../ui/problem.tsx";
import { ErrorView, Loaded } from "../../ui/states.tsx";
import { DeflatedCard } from "../lines/deflated.tsx";
import { CopyBox, shellQuoted } from "../run/request.tsx";
import { HoldoutCard } from "../sweep/holdout.tsx";
import { Values } from "../sweep/luck.tsx";
import { objectiveText } from "../sweep/objective.ts";
import { TrialsProgress, isOpen, useFollowed } from "../trials/follow.tsx";
import { trialsTitle } from "../trials/list.tsx";
import { useBacktest } from "../trials/use-backtest.ts";
import { Stitched } from "./stitched.tsx";
import { WindowsCard } from "./windows.tsx";

export default function WalkForwardPage({ id }: ScreenProps) {
  const followed = useFollowed<WalkForward>(`/v1/walk-forwards/${encodeURIComponent(id)}`);
  return <Loaded of={followed.of}>{(found) => <Report walk={found} followed={followed} />}</Loaded>;
}

function Report({ walk, followed }: { walk: WalkForward; followed: ReturnType<typeof useFollowed<WalkForward>> }) {
  const template = walk.request["template"] as { start: string; end: string };
  const windows = walk.request["windows"] as { train: string; test: string; anchored: boolean };
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{trialsTitle(walk)} <span class={`tag ${walk.status}`}>{t(`status.${walk.status}`)}</span></h1>
          <p class="muted">{t("sweep.line", { method: named("sweep.method", walk.method), objective: objectiveText(walk.objective), start: template.start, end: template.end })}</p>
          <p class="muted">{t("walk.line", { n: number(walk.windows.length), train: windows.train, test: windows.test, how: t(windows.anchored ? "walk.from-start" : "walk.rolling"), choose: t(`walk.choose.${walk.choose}`), carry: t(`walk.carry.${walk.carry}`) })}</p>
        </div>
        <div class="actions">
          {isOpen(walk) && <button type="button" onClick={followed.cancel}>{t("action.cancel")}</button>}
        </div>
      </div>
      <TrialsProgress head={walk} followed={followed} />
      {walk.error && (
        <div class="state error" role="alert">
          <p><strong>{walk.error.title}</strong></p>
          <p>{walk.error.detail}</p>
          <FieldProblems problems={walk.error.errors} showPath />
        </div>
      )}
      <div class="stack">
        {walk.stitched && <Stitched walk={walk} stitched={walk.stitched} />}
        <DeflatedCard deflated={walk.deflated} />
        <WindowsCard walk={walk} />
        {walk.next && <NextCard walk={walk} />}
        {walk.holdout && <HoldoutCard of={walk} path={`/v1/walk-forwards/${walk.id}`} chosen={null} reload={followed.of.reload} />}
        <details class="card">
          <summary><h2>{t("run.tab.request")}</h2></summary>
          <div class="stack">
            <CopyBox title="JSON" text={JSON.stringify(walk.request, null, 2)} />
            <CopyBox title="ondol" text={`printf '%s' ${shellQuoted(JSON.stringify(walk.request))} > walk.json\nondol walk-forward --api ${location.origin} walk.json`} />
          </div>
        </details>
      </div>
    </>
  );
}

function NextCard({ walk }: { walk: WalkForward }) {
  const next = walk.next!;
  const backtest = useBacktest();
  return (
    <div class="card">
      <h2>{t("walk.next")}</h2>
      <p>{t("walk.next.text", { first: next.train.first, last: next.train.last })} <Values values={next.values} /></p>
      <div class="actions">
        <button type="button" disabled={backtest.busy} onClick={() => backtest.open({ ...(walk.request["template"] as object), strategy: next.strategy })}>{t("walk.next.open")}</button>
      </div>
      <p class="small muted">{t("walk.next.note")}</p>
      {backtest.error && <ErrorView error={backtest.error} />}
    </div>
  );
}
