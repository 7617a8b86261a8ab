// Compress with implementations that the lock file pins (WebAssembly and JavaScript), so that the bytes do not depend
// on the machine, on its zlib or on the version of Node.
import { createRequire } from "node:module";
import { gzipSync } from "fflate";

const brotli = createRequire(import.meta.url)("brotli-wasm"); // the build for Node reads its file, the others fetch it

/** Return the sidecars of a file as pairs of suffix and bytes; small files have none. */
export function compressed(bytes) {
  if (bytes.length < 400) return [];
  return [
    [".br", Buffer.from(brotli.compress(bytes, { quality: 11 }))],
    [".gz", Buffer.from(gzipSync(bytes, { level: 9, mtime: 0 }))],
  ];
}
