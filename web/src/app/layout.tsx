// What every screen has around it: navigation, settings, connection, footer.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { connected, needsKey } from "../api/client.ts";
import { language, t } from "../i18n/index.ts";
import { useDismiss } from "../ui/dismiss.ts";
import { CurrentScreen } from "./current-screen.tsx";
import { filesLost, loadedFile } from "./files.ts";
import { LogIn } from "./log-in.tsx";
import { path, Link } from "./router.tsx";
import { NAVIGATION, entryOf } from "./screens.tsx";
import { theme } from "./preferences.ts";
import { hasSession, logOut } from "./session.ts";
import { SettingsMenu, choose } from "./settings-menu.tsx";

function Navigation() {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLElement>(null);
  useDismiss(box, open, () => setOpen(false));
  const here = entryOf(path.value);
  return (
    <nav ref={box} aria-label={t("app.menu")} class={open ? "open" : undefined}>
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

type PaletteView = ComponentType<{ typed: string; close: () => void; actions: readonly (readonly [string, () => void])[] }>;

/** Takes what is typed before the file of the palette has arrived, with "\n" at the end after Enter; the focus goes back to where it was. */
function Early({ typed }: { typed: { current: string } }) {
  const box = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current!.focus();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  return <input ref={box} class="early" type="text" aria-label={t("palette.title")} onInput={() => (typed.current = box.current!.value)} onKeyDown={(event) => event.key === "Enter" && !event.isComposing && (typed.current = `${box.current!.value}\n`)} />;
}

/** A button and keys that open the palette, whose file is loaded at its first use. */
function PaletteOpener() {
  const [view, setView] = useState<{ Palette: PaletteView } | null>(null);
  const [opening, setOpening] = useState(0); // number of the palette that is wanted, 0: none; a later one is another
  const openings = useRef(0);
  const typed = useRef("");
  const show = async () => {
    setOpening((wanted) => {
      if (wanted) return wanted;
      typed.current = "";
      return (openings.current += 1);
    });
    const module = await loadedFile("palette", () => import("./palette.tsx"));
    if (module) setView({ Palette: module.default });
  };
  // one that was wanted is not opened any more by a file that arrives after Escape; an open one closes wherever the focus is
  const close = (which: number) => setOpening((wanted) => (wanted === which ? 0 : wanted));
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.isComposing) setOpening(0);
      const isTyping = event.composedPath().some((each) => each instanceof HTMLElement && (each.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(each.tagName)));
      const isPalette = (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !isTyping);
      if (!isPalette || needsKey.value) return;
      event.preventDefault();
      void show();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  const other = language.value === "ko" ? "en" : "ko";
  const actions: [string, () => void][] = [
    [t("palette.language"), () => choose(other)],
    [t("palette.theme"), () => (theme.value = matchMedia("(prefers-color-scheme: dark)").matches === (theme.value === "system") || theme.value === "dark" ? "light" : "dark")],
    ...(hasSession.value ? [[t("session.leave"), () => void logOut()] as [string, () => void]] : []),
  ];
  return (
    <>
      <button type="button" class="quiet palette-button" onClick={show} title="Ctrl-K" aria-label={t("palette.title")}>
        <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true"><circle cx="9" cy="9" r="5" /><path d="M13 13l4 4" /></svg>
      </button>
      {opening > 0 && (view ? <view.Palette key={opening} typed={typed.current} close={() => close(opening)} actions={actions} /> : <Early key={-opening} typed={typed} />)}
    </>
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
        {!needsKey.value && <PaletteOpener />}
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
