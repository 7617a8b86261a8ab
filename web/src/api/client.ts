// Requests to the API of the same origin; every failure is an ApiError.
import { signal } from "@preact/signals";
import { language } from "../i18n/index.ts";
import { ApiError, errorOf } from "./problem.ts";

export type Query = Record<string, string | number | boolean | null | undefined | readonly string[]>;

export interface CallOptions {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/** Whether the last request reached the server; the layout shows a line while it did not. */
export const connected = signal(true);
/** Whether the server wants a key; the layout shows the log-in. */
export const needsKey = signal(false);

/** Return the address of a path with its query; parameters without a value are left out. */
export function address(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    parameters.set(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

/** Send a request and return the answer whose status is a success. */
export async function send(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { "Accept-Language": language.value, ...options.headers };
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (options.signal) init.signal = options.signal;
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  }
  let response: Response;
  try {
    response = await fetch(address(path, options.query), init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    connected.value = false;
    throw new ApiError(0, "", "", [], "lost", null);
  }
  connected.value = true;
  if (response.ok) return response;
  if (response.status === 401) needsKey.value = true;
  const document = await response.json().catch(() => ({ title: response.statusText }));
  throw errorOf(response.status, document, response.headers.get("Retry-After"));
}

/** Send a request and return the JSON of its answer (undefined for a 204). */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const response = await send(method, path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** `GET` a JSON document. */
export function get<T>(path: string, query: Query = {}, abort?: AbortSignal): Promise<T> {
  return call<T>("GET", path, abort ? { query, signal: abort } : { query });
}

/** `POST` a JSON body. */
export function post<T>(path: string, body: unknown, options: CallOptions = {}): Promise<T> {
  return call<T>("POST", path, { ...options, body });
}

/** Return every item of a list with a cursor, at most `most`. */
export async function all<T>(path: string, query: Query = {}, most = 10_000, abort?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: T[]; next_cursor?: string | null } = await get(path, { ...query, cursor }, abort);
    items.push(...page.items);
    cursor = page.next_cursor ?? null;
  } while (cursor !== null && items.length < most);
  return items;
}
