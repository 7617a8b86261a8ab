// Refuse a bundle that is larger than its budget.

export const BUDGET_KB = { first: 60, chart: 115, all: 220 };
const LANGUAGES = ["out/ko.js", "out/en.js"];

/** Return the output names that an entry loads at once: itself and its static imports. */
function staticClosure(metafile, start) {
  const found = new Set();
  const pending = [start];
  while (pending.length > 0) {
    const name = pending.pop();
    if (found.has(name) || !(name in metafile.outputs)) continue;
    found.add(name);
    for (const each of metafile.outputs[name].imports) {
      if (each.kind === "import-statement") pending.push(each.path);
    }
  }
  return found;
}

function outputOf(metafile, source) {
  return Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === source)?.[0];
}

/** Print the Brotli sizes of the three loads, and end the build with an error when one is above its budget. */
export function checkSizes(metafile, files, compressed) {
  const size = (name) => {
    const bytes = files.get(name.replace(/^out\//, ""));
    const packed = compressed(bytes).find(([suffix]) => suffix === ".br");
    return packed ? packed[1].length : bytes.length;
  };
  const total = (names) => [...names].reduce((sum, name) => sum + size(name), 0) / 1024;
  const [texts, others] = [...LANGUAGES].sort((a, b) => size(b) - size(a)); // a reader loads one language: the larger
  const first = new Set([...staticClosure(metafile, "out/app.js"), "out/theme.js", "out/style.css", texts]);
  const chart = outputOf(metafile, "src/charts/chart.ts");
  const run = outputOf(metafile, "src/screens/run/page.tsx");
  const withChart = new Set([...first, ...[chart, run].filter(Boolean).flatMap((name) => [...staticClosure(metafile, name)])]);
  const all = Object.keys(metafile.outputs).filter((name) => name !== others);
  const measured = { first: total(first), chart: total(withChart), all: total(all) };
  for (const [name, kb] of Object.entries(measured)) {
    console.log(`${name.padEnd(6)}${kb.toFixed(1).padStart(7)} KB br of ${BUDGET_KB[name]}`);
    if (kb > BUDGET_KB[name]) throw new Error(`the load \`${name}\` has ${kb.toFixed(1)} KB, allowed are ${BUDGET_KB[name]}`);
  }
}
