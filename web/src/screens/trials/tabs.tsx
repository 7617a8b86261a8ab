// The three lists of research: sweeps, walk-forwards, and the lines that count what was tried.
import { Link, path } from "../../app/router.tsx";
import { t } from "../../i18n/index.ts";

const TABS = [["/sweeps", "nav.sweeps"], ["/walk-forwards", "nav.walks"], ["/research", "nav.lines"]] as const;

export function ResearchTabs() {
  return (
    <nav class="tabs" aria-label={t("nav.research")}>
      {TABS.map(([target, title]) => <Link key={target} href={target} aria-current={path.value === target ? "page" : undefined}>{t(title)}</Link>)}
    </nav>
  );
}
