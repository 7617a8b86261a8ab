// Address -> screen; the file of a screen, or of a group of small ones, is loaded when it is first shown.
import type { ComponentType } from "preact";
import type { TextKey } from "../i18n/index.ts";

export interface ScreenProps {
  /** The part of the address after the name of the screen, such as the id of a backtest. */
  id: string;
}

type View = ComponentType<ScreenProps>;

interface Screen {
  pattern: RegExp;
  title: TextKey;
  load: () => Promise<View>;
}

type Group = typeof import("../screens/market.ts") & typeof import("../screens/research.ts");

/** Return a function that loads a screen of a group of screens. */
function of<Name extends keyof Group>(load: () => Promise<Pick<Group, Name>>, name: Name): () => Promise<View> {
  return async () => (await load())[name] as View;
}

const market = () => import("../screens/market.ts");
const research = () => import("../screens/research.ts");

export const SCREENS: readonly Screen[] = [
  { pattern: /^\/$/, title: "nav.start", load: async () => (await import("../screens/start/page.tsx")).default },
  { pattern: /^\/new$/, title: "nav.new", load: async () => (await import("../screens/builder/page.tsx")).default },
  { pattern: /^\/runs$/, title: "nav.runs", load: of(research, "Runs") },
  { pattern: /^\/runs\/([^/]+)$/, title: "nav.runs", load: async () => (await import("../screens/run/page.tsx")).default },
  { pattern: /^\/stocks$/, title: "nav.stocks", load: of(market, "Stocks") },
  { pattern: /^\/stocks\/([^/]+)$/, title: "nav.stocks", load: of(market, "Stock") },
  { pattern: /^\/compare$/, title: "nav.compare", load: of(research, "Compare") },
  { pattern: /^\/shared$/, title: "share.title", load: of(research, "Shared") },
  { pattern: /^\/sweeps$/, title: "nav.sweeps", load: of(research, "Sweeps") },
  { pattern: /^\/sweeps\/new$/, title: "sweep.new", load: of(research, "NewSweep") },
  { pattern: /^\/sweeps\/([^/]+)$/, title: "nav.sweeps", load: of(research, "Sweep") },
  { pattern: /^\/walk-forwards$/, title: "nav.walks", load: of(research, "WalkForwards") },
  { pattern: /^\/walk-forwards\/new$/, title: "walk.new", load: of(research, "NewWalkForward") },
  { pattern: /^\/walk-forwards\/([^/]+)$/, title: "nav.walks", load: of(research, "WalkForward") },
  { pattern: /^\/research$/, title: "nav.lines", load: of(research, "Lines") },
  { pattern: /^\/research\/([^/]+)$/, title: "nav.lines", load: of(research, "Line") },
  { pattern: /^\/accounts$/, title: "nav.accounts", load: of(research, "Accounts") },
  { pattern: /^\/accounts\/([^/]+)$/, title: "nav.accounts", load: of(research, "Account") },
  { pattern: /^\/screen$/, title: "nav.screen", load: of(market, "Screener") },
  { pattern: /^\/factors$/, title: "nav.factors", load: of(market, "Factors") },
  { pattern: /^\/factors\/([^/]+)$/, title: "nav.factors", load: of(market, "Factor") },
  { pattern: /^\/factor-matrix$/, title: "matrix.title", load: of(market, "FactorMatrix") },
  { pattern: /^\/factor-reports$/, title: "report.title", load: of(market, "FactorReports") },
  { pattern: /^\/factor-reports\/([^/]+)$/, title: "report.title", load: of(market, "FactorReport") },
  { pattern: /^\/own-factors$/, title: "own.title", load: of(market, "OwnFactors") },
  { pattern: /^\/own-factors\/([^/]+)$/, title: "own.title", load: of(market, "OwnFactor") },
  { pattern: /^\/quality$/, title: "quality.title", load: of(market, "Quality") },
  { pattern: /^\/ops$/, title: "nav.ops", load: of(market, "Operations") },
];

/** Entries of the navigation, in order. */
export const NAVIGATION: readonly (readonly [string, TextKey])[] = [
  ["/", "nav.start"],
  ["/new", "nav.new"],
  ["/runs", "nav.runs"],
  ["/compare", "nav.compare"],
  ["/sweeps", "nav.research"],
  ["/accounts", "nav.accounts"],
  ["/screen", "nav.screen"],
  ["/stocks", "nav.stocks"],
  ["/factors", "nav.factors"],
  ["/ops", "nav.ops"],
];

/** Screens without an entry of the navigation that the palette finds. */
export const FURTHER: readonly (readonly [string, TextKey])[] = [
  ["/sweeps/new", "sweep.new"],
  ["/walk-forwards", "nav.walks"],
  ["/walk-forwards/new", "walk.new"],
  ["/research", "nav.lines"],
  ["/factor-matrix", "matrix.title"],
  ["/factor-reports", "report.title"],
  ["/own-factors", "own.title"],
  ["/quality", "quality.title"],
];

const PARTS: readonly (readonly [RegExp, string])[] = [[/^\/(quality|factor-matrix|factor-reports|own-factors)/, "/factors"], [/^\/(walk-forwards|research)/, "/sweeps"]];

/** Return the address of the navigation's entry that a path belongs to. */
export function entryOf(path: string): string {
  return PARTS.find(([pattern]) => pattern.test(path))?.[1] ?? path;
}

/** Return the screen of a path and the id in it. */
export function screenOf(path: string): { screen: Screen; id: string } | null {
  for (const screen of SCREENS) {
    const found = screen.pattern.exec(path);
    if (found) return { screen, id: decodeURIComponent(found[1] ?? "") };
  }
  return null;
}
