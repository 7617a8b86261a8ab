// What every screen has around it: navigation, settings, connection, footer.
import { useState } from "preact/hooks";
import { connected, needsKey } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { CurrentScreen } from "./current-screen.tsx";
import { filesLost } from "./files.ts";
import { LogIn } from "./log-in.tsx";
import { path, Link } from "./router.tsx";
import { NAVIGATION } from "./screens.tsx";
import { SettingsMenu } from "./settings-menu.tsx";

function Navigation() {
  const [open, setOpen] = useState(false);
  const here = path.value;
  return (
    <nav aria-label={t("app.menu")} class={open ? "open" : undefined}>
      <button type="button" class="menu-button" aria-expanded={open} onClick={() => setOpen(!open)}>{t("app.menu")}</button>
      <ul onClick={() => setOpen(false)}>
        {NAVIGATION.map(([target, title]) => {
          const isHere = target === "/" ? here === "/" : here === target || here.startsWith(`${target}/`);
          return (
            <li key={target}>
              <Link href={target} aria-current={isHere ? "page" : undefined}>{t(title)}</Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

export function Layout() {
  return (
    <>
      <a class="skip" href="#main">{t("app.skip")}</a>
      <header class="top">
        <Link href="/" class="brand" aria-label="Ondol">
          <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
            <path class="brand-line" d="M4 21l7-8 5 4 11-12" />
            <path class="brand-floor" d="M4 27h24" />
          </svg>
          <span>Ondol</span>
        </Link>
        <Navigation />
        <SettingsMenu />
      </header>
      {!connected.value && <p class="banner" role="alert">{t("app.lost")}</p>}
      {filesLost.value && <p class="banner" role="alert">{t("error.chunk")} <button type="button" class="chip" onClick={() => location.reload()}>{t("action.reload")}</button></p>}
      <main id="main" tabIndex={-1}>{needsKey.value ? <LogIn /> : <CurrentScreen />}</main>
      <footer>
        <p>{t("app.disclaimer")}</p>
        <p>
          <a href="/docs">{t("app.api")}</a>
          <a href="https://www.tradingview.com/" rel="noreferrer">{t("app.charts")}</a>
          <a href={new URL("NOTICE.txt", import.meta.url).pathname}>{t("app.notice")}</a>
        </p>
      </footer>
    </>
  );
}
