// The screen of the address, loaded on demand.
import { useEffect, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { language, t } from "../i18n/index.ts";
import { Loading } from "../ui/states.tsx";
import { filesLost, loadedFile } from "./files.ts";
import { path } from "./router.tsx";
import { screenOf } from "./screens.tsx";
import type { ScreenProps } from "./screens.tsx";

export function CurrentScreen() {
  const found = screenOf(path.value);
  const load = found?.screen.load;
  const [shown, setShown] = useState<{ load: typeof load; view: ComponentType<ScreenProps> } | null>(null);
  useEffect(() => {
    let dropped = false;
    if (found && load) loadedFile(found.screen.title, load).then((view) => view && !dropped && setShown({ load, view }));
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
  if (!shown || shown.load !== load) return filesLost.value ? null : <Loading />;
  const View = shown.view;
  return <View id={found.id} />;
}
