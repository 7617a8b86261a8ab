// Server-sent events read through fetch: it can send headers, and it resumes after the last event that arrived.
import { send } from "./client.ts";
import { ApiError } from "./problem.ts";

export interface ServerEvent {
  id: string;
  event: string;
  data: unknown;
}

/** Splits the text of an event stream into events; text may arrive in any pieces. */
export class EventParser {
  #rest = "";

  push(text: string): ServerEvent[] {
    this.#rest += text;
    const blocks = this.#rest.split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const fields = new Map<string, string>();
      for (const line of block.split("\n")) {
        const at = line.indexOf(":");
        if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1).trimStart());
      }
      const data = fields.get("data");
      return data === undefined ? [] : [{ id: fields.get("id") ?? "", event: fields.get("event") ?? "message", data: JSON.parse(data) }];
    });
  }
}

const RETRY_MS = 2000;
const RETRIES = 30;
const SILENCE_MS = 30_000; // the server sends a comment every 10 s: a connection that is silent for longer is dead

/** A signal that ends with another one, with a silence of the connection, and when the network is there again. */
class Connection {
  readonly #abort = new AbortController();
  readonly #end = () => this.#abort.abort();
  readonly #outer: AbortSignal;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    outer.addEventListener("abort", this.#end);
    addEventListener("online", this.#end); // what was open before the network went may never say that it is broken
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Note that something arrived. */
  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#end, SILENCE_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#end);
    removeEventListener("online", this.#end);
    this.#end();
  }
}

/** Wait before another try; shorter when the network comes back. */
function pause(): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, RETRY_MS);
    addEventListener("online", end);
  });
}

/** Yield the events of a stream until an event whose name is in `last`; a broken or silent stream is resumed. */
export async function* events(path: string, last: readonly string[], abort: AbortSignal): AsyncGenerator<ServerEvent> {
  let position = "";
  let failures = 0;
  while (!abort.aborted) {
    const connection = new Connection(abort);
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (position) headers["Last-Event-ID"] = position;
      const response = await send("GET", path, { headers, signal: connection.signal });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventParser();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        connection.heard();
        for (const event of parser.push(part.value)) {
          failures = 0;
          if (event.id) position = event.id;
          yield event;
          if (last.includes(event.event)) return;
        }
      }
    } catch (error) {
      if (abort.aborted) return;
      if (error instanceof ApiError && error.status >= 400 && error.status !== 429 && error.status !== 503) throw error;
      if (failures >= RETRIES) throw error;
    } finally {
      connection.close();
    }
    failures += 1;
    await pause();
  }
}
