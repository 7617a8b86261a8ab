// The palette (Ctrl-K or /): go to a screen, a backtest, a stock or a factor, or do something, by typing a part of its name.
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { get } from "../api/client.ts";
import { useResource } from "../api/resource.ts";
import type { BacktestList, FactorList, StockList } from "../api/types.ts";
import { local, t } from "../i18n/index.ts";
import { titleOf } from "../screens/runs/title.ts";
import { matchingEntries } from "./palette-entries.ts";
import { navigate } from "./router.tsx";
import { FURTHER, NAVIGATION } from "./screens.tsx";

interface Entry {
  label: string;
  detail: string;
  act: () => void;
}

interface Props {
  /** What was typed before, with "\n" at the end when it chooses at once. */
  typed: string;
  close: () => void;
  actions: readonly (readonly [string, () => void])[];
}

export default function Palette({ typed, close, actions }: Props) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState(typed.trimEnd());
  const [active, setActive] = useState(0);
  const wanted = text.trim();
  const runs = useResource("palette runs", (abort) => get<BacktestList>("/v1/backtests", { origin: "user", limit: 50 }, abort));
  const factors = useResource("palette factors", (abort) => get<FactorList>("/v1/factors", {}, abort));
  const stocks = useResource(wanted ? `palette stocks ${wanted}` : null, (abort) => get<StockList>("/v1/stocks", { query: wanted }, abort));
  useLayoutEffect(() => {
    const box = dialog.current!;
    box.showModal();
    if (typed.endsWith("\n")) choose(found[0]);
    return () => box.close(); // the focus goes back to where it was
  }, []);
  const to = (path: string) => () => navigate(path);
  const known: Entry[] = [
    ...[...NAVIGATION, ...FURTHER].map(([path, title]) => ({ label: t(title), detail: path, act: to(path) })),
    ...actions.map(([label, act]) => ({ label, detail: "", act })),
    ...(runs.data?.items ?? []).map((run) => ({ label: titleOf(run, (strategy) => strategy), detail: `${t("nav.runs")} ${run.id.slice(0, 8)}`, act: to(`/runs/${run.id}`) })),
    ...(factors.data?.items ?? []).map((factor) => ({ label: factor.key, detail: local(factor.name_ko, factor.name_en), act: to(`/factors/${factor.key}`) })),
  ];
  const found = [
    ...matchingEntries(known, text),
    ...(wanted ? (stocks.data?.items ?? []).slice(0, 8).map((stock) => ({ label: stock.name, detail: stock.stock_code, act: to(`/stocks/${encodeURIComponent(stock.stock_code)}`) })) : []),
  ];
  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    dialog.current!.close(); // before the act: behind an open dialog nothing can take the focus
    close();
    entry.act();
  };
  const keys = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setActive(Math.max(0, Math.min(found.length - 1, active + step)));
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      choose(found[active]);
    }
  };
  useEffect(() => dialog.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [active]);
  return (
    <dialog ref={dialog} class="palette" aria-label={t("palette.title")} onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <input
        type="text"
        role="combobox"
        aria-label={t("palette.title")}
        aria-expanded={true}
        aria-controls={`${id}-list`}
        aria-activedescendant={found[active] ? `${id}-${active}` : undefined}
        placeholder={t("palette.placeholder")}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={keys}
      />
      <ul id={`${id}-list`} role="listbox" aria-label={t("palette.title")}>
        {found.map((entry, at) => (
          <li key={`${entry.label} ${entry.detail}`} id={`${id}-${at}`} role="option" aria-selected={at === active} onPointerEnter={() => setActive(at)} onClick={() => choose(entry)}>
            <b>{entry.label}</b> <span class="muted small">{entry.detail}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="muted" role="status">{t("state.empty")}</p>}
    </dialog>
  );
}
