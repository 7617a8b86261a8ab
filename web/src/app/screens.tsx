// Address -> screen; each screen is a file of its own that is loaded when it is first shown.
import type { ComponentType } from "preact";
import type { TextKey } from "../i18n/index.ts";

export interface ScreenProps {
  /** The part of the address after the name of the screen, such as the id of a backtest. */
  id: string;
}

interface Screen {
  pattern: RegExp;
  title: TextKey;
  load: () => Promise<{ default: ComponentType<ScreenProps> }>;
}

export const SCREENS: readonly Screen[] = [
  { pattern: /^\/$/, title: "nav.start", load: () => import("../screens/start/page.tsx") },
  { pattern: /^\/new$/, title: "nav.new", load: () => import("../screens/builder/page.tsx") },
  { pattern: /^\/runs$/, title: "nav.runs", load: () => import("../screens/runs/page.tsx") },
  { pattern: /^\/runs\/([^/]+)$/, title: "nav.runs", load: () => import("../screens/run/page.tsx") },
  { pattern: /^\/stocks$/, title: "nav.stocks", load: () => import("../screens/stocks/page.tsx") },
  { pattern: /^\/stocks\/([^/]+)$/, title: "nav.stocks", load: () => import("../screens/stock/page.tsx") },
  { pattern: /^\/compare$/, title: "nav.compare", load: () => import("../screens/compare/page.tsx") },
  { pattern: /^\/screen$/, title: "nav.screen", load: () => import("../screens/screener/page.tsx") },
  { pattern: /^\/factors$/, title: "nav.factors", load: () => import("../screens/factors/page.tsx") },
  { pattern: /^\/factors\/([^/]+)$/, title: "nav.factors", load: () => import("../screens/factor/page.tsx") },
  { pattern: /^\/ops$/, title: "nav.ops", load: () => import("../screens/ops/page.tsx") },
];

/** Entries of the navigation, in order. */
export const NAVIGATION: readonly (readonly [string, TextKey])[] = [
  ["/", "nav.start"],
  ["/new", "nav.new"],
  ["/runs", "nav.runs"],
  ["/compare", "nav.compare"],
  ["/screen", "nav.screen"],
  ["/stocks", "nav.stocks"],
  ["/factors", "nav.factors"],
  ["/ops", "nav.ops"],
];

/** Return the screen of a path and the id in it. */
export function screenOf(path: string): { screen: Screen; id: string } | null {
  for (const screen of SCREENS) {
    const found = screen.pattern.exec(path);
    if (found) return { screen, id: decodeURIComponent(found[1] ?? "") };
  }
  return null;
}
