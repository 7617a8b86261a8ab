// Language, theme and the colours of up and down.
import { useRef, useState } from "preact/hooks";
import { ApiError } from "../api/problem.ts";
import { language, setLanguage, t } from "../i18n/index.ts";
import type { Language } from "../i18n/index.ts";
import { useDismiss } from "../ui/dismiss.ts";
import { SelectField } from "../ui/field.tsx";
import { errorText } from "../ui/states.tsx";
import { loadedFile } from "./files.ts";
import { colours, theme } from "./preferences.ts";
import { hasSession, logOut } from "./session.ts";

function LogOut() {
  const [problem, setProblem] = useState("");
  const leave = () => logOut().catch((error: unknown) => setProblem(error instanceof ApiError ? errorText(error) : String(error)));
  return (
    <>
      <button type="button" onClick={leave}>{t("session.leave")}</button>
      {problem && <p class="problems" role="alert">{problem}</p>}
    </>
  );
}

/** Choose the language of the page once its texts are loaded. */
export function choose(value: Language): void {
  void loadedFile("texts", () => setLanguage(value).then(() => true));
}

export function SettingsMenu() {
  const box = useRef<HTMLDetailsElement>(null);
  useDismiss(box, true, (byKey) => {
    if (!box.current?.open) return;
    box.current.open = false;
    if (byKey) box.current.querySelector("summary")?.focus();
  });
  const other = language.value === "ko" ? "en" : "ko";
  return (
    <div class="settings">
      <button type="button" class="quiet" lang={other} onClick={() => choose(other)}>{other === "en" ? "English" : LANGUAGES.ko}</button>
      <details ref={box}>
        <summary aria-label={t("settings.title")} title={t("settings.title")}>
          <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true"><path d="M3 6h8m4 0h2M3 14h2m4 0h8" /><circle cx="13" cy="6" r="2" /><circle cx="7" cy="14" r="2" /></svg>
        </summary>
        <div class="settings-panel">
          <SelectField label={t("settings.language")} value={language.value} options={[["ko", LANGUAGES.ko], ["en", "English"]]} onValue={choose} />
          <SelectField
            label={t("settings.theme")}
            value={theme.value}
            options={[["system", t("settings.theme.system")], ["light", t("settings.theme.light")], ["dark", t("settings.theme.dark")]]}
            onValue={(value) => (theme.value = value)}
          />
          <SelectField
            label={t("settings.colours")}
            value={colours.value}
            options={[["korean", t("settings.colours.korean")], ["western", t("settings.colours.western")], ["safe", t("settings.colours.safe")]]}
            onValue={(value) => (colours.value = value)}
          />
          {hasSession.value && <LogOut />}
        </div>
      </details>
    </div>
  );
}

const LANGUAGES = { ko: "\uD55C\uAD6D\uC5B4" };
