// The session of this browser: whether a key was exchanged for a cookie, which scripts cannot read, and its end.
import { signal } from "@preact/signals";
import { call, needsKey } from "../api/client.ts";
import { store, stored } from "./preferences.ts";

/** Whether this browser has logged in; only then can it log out. */
export const hasSession = signal(stored("session") !== null);

/** Exchange a key for a session cookie; rejects with the problem of the API. */
export async function logIn(key: string): Promise<void> {
  await call("POST", "/v1/session", { body: { key } });
  store("session", "1");
  hasSession.value = true;
  needsKey.value = false;
}

/** Remove the cookie; rejects when the server does not answer, because the cookie is still there then. */
export async function logOut(): Promise<void> {
  await call("DELETE", "/v1/session");
  store("session", null);
  hasSession.value = false;
  needsKey.value = true;
}
