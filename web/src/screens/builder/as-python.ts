// A request as a Python program of the package of Ondol.

/** Return a JSON value as a Python literal. */
export function pythonLiteral(value: unknown, indent = ""): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object") return String(value);
  const inner = `${indent}    `;
  if (Array.isArray(value)) return `[${value.map((each) => pythonLiteral(each, inner)).join(", ")}]`;
  const lines = Object.entries(value).map(([name, each]) => `${inner}${JSON.stringify(name)}: ${pythonLiteral(each, inner)},`);
  return lines.length > 0 ? `{\n${lines.join("\n")}\n${indent}}` : "{}";
}

/** Return a program that sends the request to this server and prints its statistics. */
export function asPython(request: { strategy: unknown; start: string; end: string }, origin: string): string {
  const { strategy, start, end, ...rest } = request;
  const options = Object.entries(rest).map(([name, value]) => `    ${name}=${pythonLiteral(value, "    ")},`);
  return [
    "from ondol import Client", "", `with Client(${JSON.stringify(origin)}) as client:`, "    result = client.backtest(",
    `        ${pythonLiteral(strategy, "        ")},`, `        ${JSON.stringify(start)},`, `        ${JSON.stringify(end)},`,
    ...options.map((line) => `    ${line.replaceAll("\n", "\n    ")}`), "    )", "print(result.statistics)",
  ].join("\n");
}
