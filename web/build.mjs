// Build the web application into services/api/web: the same sources and the same lock file give the same bytes.
//
// node build.mjs            writes the bundle
// node build.mjs --check    writes nothing and ends with 1 when the committed bundle differs
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { compressed } from "./bundling/compress.mjs";
import { minified } from "./bundling/minify.mjs";
import { notices } from "./bundling/notices.mjs";
import { checkSizes } from "./bundling/sizes.mjs";

const root = dirname(fileURLToPath(import.meta.url));
const target = join(root, "..", "services", "api", "web");

const result = await build({
  absWorkingDir: root,
  entryPoints: [
    { in: "src/main.tsx", out: "app" },
    { in: "src/theme.ts", out: "theme" },
    { in: "src/styles/app.css", out: "style" },
    { in: "src/i18n/ko.ts", out: "ko" },
    { in: "src/i18n/en.ts", out: "en" },
  ],
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
  write: false,
  outdir: "out",
  chunkNames: "[name]-[hash]",
  // the editor shows a text without a grammar
  alias: { "@codemirror/language": "./src/screens/builder/plain-text.ts", "@lezer/common": "./src/screens/builder/plain-text.ts" },
  logLevel: "warning",
});

const files = new Map();
for (const file of result.outputFiles) {
  const name = file.path.slice(join(root, "out").length + 1);
  files.set(name, Buffer.from(name.endsWith(".js") ? await minified(file.text) : file.contents));
}
files.set("icon.svg", readFileSync(join(root, "src", "icon.svg")));
files.set("site.webmanifest", readFileSync(join(root, "src", "site.webmanifest")));
files.set("NOTICE.txt", Buffer.from(notices(root, result.metafile)));

const names = [...files.keys()].sort();
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const manifest = Buffer.from(
  `${JSON.stringify({ files: Object.fromEntries(names.map((name) => [name, sha256(files.get(name))])) }, null, 1)}\n`,
);
const buildHash = sha256(manifest).slice(0, 12);
files.set("manifest.json", manifest);
files.set(
  "index.html",
  Buffer.from(readFileSync(join(root, "src", "index.html"), "utf8").replaceAll("/assets/BUILD/", `/assets/${buildHash}/`)),
);
checkSizes(result.metafile, files, compressed);
for (const [name, bytes] of [...files]) {
  if (name === "manifest.json") continue;
  for (const [suffix, packed] of compressed(bytes)) files.set(name + suffix, packed);
}

if (process.argv.includes("--check")) {
  const differing = [...new Set([...files.keys(), ...(existsSync(target) ? readdirSync(target) : [])])].filter((name) => {
    const path = join(target, name);
    return !files.has(name) || !existsSync(path) || !readFileSync(path).equals(files.get(name));
  });
  if (differing.length > 0) {
    console.error(`services/api/web is not what web/ builds: ${differing.sort().join(", ")}; run \`make web\``);
    process.exit(1);
  }
  console.log(`services/api/web is what web/ builds (${files.size} files, build ${buildHash})`);
} else {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const [name, bytes] of files) writeFileSync(join(target, name), bytes);
  console.log(`wrote ${files.size} files of build ${buildHash} to services/api/web`);
}
