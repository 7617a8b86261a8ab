// A backtest as a link: the request, its dataset and the digest of its result, compressed, behind the # of the address,
// which browsers do not send to a server.

export interface SharedRun {
  request: Record<string, unknown>;
  digest: string;
}

async function through(bytes: Uint8Array<ArrayBuffer>, transform: CompressionStream | DecompressionStream): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(transform)).arrayBuffer());
}

/** Return the text of a shared backtest: JSON, deflated, as base64 for addresses. */
export async function encoded(shared: SharedRun): Promise<string> {
  const packed = await through(new TextEncoder().encode(JSON.stringify(shared)), new CompressionStream("deflate-raw"));
  return btoa(String.fromCharCode(...packed)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Return the shared backtest of a text, or null when it is damaged. */
export async function decoded(text: string): Promise<SharedRun | null> {
  try {
    const packed = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
    const found = JSON.parse(new TextDecoder().decode(await through(packed, new DecompressionStream("deflate-raw")))) as Partial<SharedRun>;
    return typeof found.request === "object" && found.request !== null && typeof found.digest === "string" ? (found as SharedRun) : null;
  } catch {
    return null; // not a link of this application: the screen says so
  }
}
