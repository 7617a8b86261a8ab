// What the variants are ranked by, in words.
import type { SweepObjective } from "../../api/types.ts";
import { named, t } from "../../i18n/index.ts";

/** Return the objective as a phrase. */
export function objectiveText(objective: SweepObjective): string {
  const text = t(`sweep.objective.${objective.direction}`, { statistic: named("stat", objective.statistic) });
  return objective.where ? `${text} (${objective.where})` : text;
}
