// The licences of the packages whose code is in the bundle.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const CHARTS = `TradingView Lightweight Charts(TM)
Copyright (c) 2025 TradingView, Inc. https://www.tradingview.com/`;

/** Return the notice of every package that the build reads. */
export function notices(root, metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  const parts = [...packages].sort().map((name) => {
    const folder = join(root, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    const text = file && existsSync(join(folder, file)) ? readFileSync(join(folder, file), "utf8").trim() : "";
    const extra = name === "lightweight-charts" ? `\n\n${CHARTS}` : "";
    return `${name} ${version} (${license})${extra}\n\n${text}`;
  });
  return `The web application of Ondol contains code of these packages.\n\n${parts.join(`\n\n${"-".repeat(78)}\n\n`)}\n`;
}
