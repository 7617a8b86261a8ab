// A statistic with its definition, and a warning that concerns it.
import type { StatisticName, Statistics } from "../../api/types.ts";
import { t } from "../../i18n/index.ts";
import { Change } from "../../ui/change.tsx";
import { Info } from "../../ui/info.tsx";
import { FORMS, statisticText } from "./statistics.ts";

export function StatisticValue({ statistics, name }: { statistics: Statistics; name: StatisticName }) {
  return FORMS[name] === "change" ? <Change value={statistics[name]} /> : <span>{statisticText(statistics, name)}</span>;
}

export function StatisticNote({ name }: { name: StatisticName }) {
  return (
    <Info label={t("stat.explain", { name: t(`stat.${name}`) })}>
      <strong>{t(`stat.${name}`)}</strong>
      <br />
      {t(`stat.${name}.note`)}
    </Info>
  );
}
