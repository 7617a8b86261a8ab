// The screen of the address, loaded on demand.
import { useEffect, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { language, t } from "../i18n/index.ts";
import { Loading } from "../ui/states.tsx";
import { path } from "./router.tsx";
import { screenOf } from "./screens.tsx";
import type { ScreenProps } from "./screens.tsx";

const RELOADED = "ondol.reloaded";

/** Reload the page once when a file of this build is gone; a second failure is shown. */
function reloadOnce(): boolean {
  if (sessionStorage.getItem(RELOADED)) return false;
  sessionStorage.setItem(RELOADED, "1");
  location.reload();
  return true;
}

export function CurrentScreen() {
  const found = screenOf(path.value);
  const load = found?.screen.load;
  const [shown, setShown] = useState<{ load: typeof load; view: ComponentType<ScreenProps> } | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let dropped = false;
    setFailed(false);
    load?.().then(
      (module) => {
        sessionStorage.removeItem(RELOADED);
        if (!dropped) setShown({ load, view: module.default });
      },
      (error: unknown) => {
        console.error(error);
        if (!dropped && !reloadOnce()) setFailed(true);
      },
    );
    return () => {
      dropped = true;
    };
  }, [load]);
  const words = language.value;
  const title = found ? t(found.screen.title) : t("error.title");
  useEffect(() => {
    document.title = path.value === "/" ? `Ondol – ${t("app.tagline")}` : `${title} – Ondol`;
  }, [title, words, path.value]);
  if (!found) return <p class="state error" role="alert">{t("error.screen")}</p>;
  if (failed) return <p class="state error" role="alert">{t("error.chunk")}</p>;
  if (!shown || shown.load !== load) return <Loading />;
  const View = shown.view;
  return <View id={found.id} />;
}
