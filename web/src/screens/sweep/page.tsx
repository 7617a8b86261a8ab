// One sweep: its progress while it runs, how much of its best variant may be luck, heat map, table, holdout, request.
import type { Sweep } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import type { ScreenProps } from "../../app/screens.tsx";
import { named, t } from "../../i18n/index.ts";
import { Loaded } from "../../ui/states.tsx";
import { DeflatedCard } from "../lines/deflated.tsx";
import { CopyBox, shellQuoted } from "../run/request.tsx";
import { TrialsProgress, isOpen, useFollowed } from "../trials/follow.tsx";
import { trialsTitle } from "../trials/list.tsx";
import { SweepHeatMap } from "./heat-map.tsx";
import { HoldoutCard } from "./holdout.tsx";
import { LuckCard } from "./luck.tsx";
import { objectiveText } from "./objective.ts";
import { Variants } from "./variants.tsx";

export default function SweepPage({ id }: ScreenProps) {
  const followed = useFollowed<Sweep>(`/v1/sweeps/${encodeURIComponent(id)}`);
  return <Loaded of={followed.of}>{(found) => <Report sweep={found} followed={followed} />}</Loaded>;
}

function Report({ sweep, followed }: { sweep: Sweep; followed: ReturnType<typeof useFollowed<Sweep>> }) {
  const parameters = Object.keys(sweep.request["parameters"] as Record<string, unknown>);
  const template = sweep.request["template"] as { start: string; end: string };
  const request = JSON.stringify(sweep.request);
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{trialsTitle(sweep)} <span class={`tag ${sweep.status}`}>{t(`status.${sweep.status}`)}</span></h1>
          <p class="muted">{t("sweep.line", { method: named("sweep.method", sweep.method), objective: objectiveText(sweep.objective), start: template.start, end: template.end })}</p>
        </div>
        <div class="actions">
          {isOpen(sweep) ? <button type="button" onClick={followed.cancel}>{t("action.cancel")}</button> : <Link class="button" href={`/walk-forwards/new?sweep=${sweep.id}`}>{t("walk.this")}</Link>}
        </div>
      </div>
      <TrialsProgress head={sweep} followed={followed} />
      <div class="stack">
        <LuckCard sweep={sweep} />
        <DeflatedCard deflated={sweep.deflated} />
        {parameters.length > 1 && sweep.seen > 0 && <SweepHeatMap sweep={sweep} parameters={parameters} />}
        {sweep.seen > 0 && <Variants sweep={sweep} parameters={parameters} />}
        {sweep.holdout && <HoldoutCard of={sweep} path={`/v1/sweeps/${sweep.id}`} chosen={sweep.plateau?.variant ?? sweep.best[0]?.variant ?? 0} reload={followed.of.reload} />}
        <details class="card">
          <summary><h2>{t("run.tab.request")}</h2></summary>
          <div class="stack">
            <CopyBox title="JSON" text={JSON.stringify(sweep.request, null, 2)} />
            <CopyBox title="ondol" text={`printf '%s' ${shellQuoted(request)} > sweep.json\nondol sweep --api ${location.origin} sweep.json`} />
          </div>
        </details>
      </div>
    </>
  );
}
