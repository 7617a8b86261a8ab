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

/** Yield the events of a stream until an event whose name is in `last`; a broken stream is resumed. */
export async function* events(path: string, last: readonly string[], abort: AbortSignal): AsyncGenerator<ServerEvent> {
  let position = "";
  let failures = 0;
  while (!abort.aborted) {
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (position) headers["Last-Event-ID"] = position;
      const response = await send("GET", path, { headers, signal: abort });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventParser();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
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
    }
    failures += 1;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
