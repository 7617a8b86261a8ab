// What a request has recorded in its research line: new and repeated trials, and all trials of the line.
import type { RecordedPortfolios } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { lineAddress } from "./deflated.tsx";

export function Recorded({ recorded }: { recorded: RecordedPortfolios | null }) {
  if (!recorded) return null;
  return (
    <p class="small" id="recorded">
      {t("sweep.research")}: <Link href={lineAddress(recorded.research)}>{recorded.research}</Link> · {t("line.recorded", { new: number(recorded.new), repeated: number(recorded.repeated), trials: number(recorded.trials) })}
    </p>
  );
}
