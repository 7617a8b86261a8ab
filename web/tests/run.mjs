// Bundle the unit tests and run them with Node's test runner.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = mkdtempSync(join(tmpdir(), "ondol-web-tests-"));
const tests = readdirSync(here).filter((name) => name.endsWith(".test.ts"));
buildSync({
  absWorkingDir: here,
  entryPoints: tests,
  inject: [join(here, "browser-objects.mjs")],
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir: target,
  outExtension: { ".js": ".mjs" },
  define: { WEB_SOURCES: JSON.stringify(join(here, "..", "src")) },
});
const { status } = spawnSync(process.execPath, ["--test", ...readdirSync(target).map((name) => join(target, name))], { stdio: "inherit" });
rmSync(target, { recursive: true });
process.exit(status ?? 1);
