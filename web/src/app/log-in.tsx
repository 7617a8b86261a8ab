// The log-in: the server answers a key with a cookie that scripts cannot read.
import { useState } from "preact/hooks";
import { ApiError } from "../api/problem.ts";
import { t } from "../i18n/index.ts";
import { TextField } from "../ui/field.tsx";
import { errorText } from "../ui/states.tsx";
import { logIn } from "./session.ts";

export function LogIn() {
  const [key, setKey] = useState("");
  const [error, setError] = useState<string | null>(null);
  const enter = async (event: Event) => {
    event.preventDefault();
    setError(null);
    try {
      await logIn(key.trim());
      setKey("");
    } catch (problem) {
      setError(problem instanceof ApiError ? errorText(problem) : String(problem));
    }
  };
  return (
    <form class="card narrow" onSubmit={enter}>
      <h1>{t("session.title")}</h1>
      <p>{t("session.text")}</p>
      <TextField
        label={t("session.key")}
        type="password"
        autocomplete="current-password"
        required
        value={key}
        onValue={setKey}
        problems={error ? [{ path: "key", message: error }] : []}
      />
      <button type="submit" class="primary">{t("session.enter")}</button>
    </form>
  );
}
