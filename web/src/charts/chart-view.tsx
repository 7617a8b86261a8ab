// A chart with a title, a legend with the values under the cursor, keys, and its numbers as a table.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { loadedFile } from "../app/files.ts";
import { appearance } from "../app/preferences.ts";
import { t } from "../i18n/index.ts";
import type { ChartHandle, ChartSpec } from "./chart.ts";

type ChartModule = typeof import("./chart.ts");
let loaded: ChartModule | null = null;

interface Props {
  title: string;
  spec: ChartSpec;
  dates: readonly string[];
  /** Text of the values of a day, announced and shown above the chart. */
  describe: (date: string) => ComponentChildren;
  height?: number | undefined;
  tools?: ComponentChildren;
  /** The numbers as rows, shown on request. */
  table?: (() => ComponentChildren) | undefined;
}

export function ChartView({ title, spec, dates, describe, height = 380, tools, table }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const paper = useRef<HTMLDivElement>(null);
  const handle = useRef<ChartHandle | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [spoken, setSpoken] = useState("");
  const [asTable, setAsTable] = useState(false);
  const latest = useRef(spec);
  latest.current = spec;
  const withCursor = (of: ChartSpec): ChartSpec => ({ ...of, onCursor: setCursor });
  const shownSpec = useRef<ChartSpec | null>(null);
  const shownAppearance = useRef(0);
  // drawn in the frame that shows the screen when the library is there already
  useLayoutEffect(() => {
    let removed = false;
    const begin = (module: ChartModule) => {
      loaded = module;
      if (removed || !box.current) return;
      shownSpec.current = latest.current;
      shownAppearance.current = appearance.peek();
      handle.current = module.draw(box.current, withCursor(latest.current));
    };
    if (loaded) begin(loaded);
    else void loadedFile("chart", () => import("./chart.ts")).then((module) => module && begin(module));
    return () => {
      removed = true;
      handle.current?.remove();
      handle.current = null;
    };
  }, []);
  useEffect(() => {
    if (!handle.current || (shownSpec.current === spec && shownAppearance.current === appearance.peek())) return;
    shownSpec.current = spec;
    shownAppearance.current = appearance.peek();
    handle.current.update(withCursor(spec));
  }, [spec, appearance.value]);
  useEffect(() => {
    // on paper the chart is its picture, which has the width of the paper
    const before = () => handle.current && paper.current?.replaceChildren(handle.current.image());
    const after = () => paper.current?.replaceChildren();
    addEventListener("beforeprint", before);
    addEventListener("afterprint", after);
    return () => {
      removeEventListener("beforeprint", before);
      removeEventListener("afterprint", after);
    };
  }, []);
  const last = dates.at(-1) ?? null;
  const shown = cursor ?? last;
  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -21, PageDown: 21, "[": -1, "]": 1 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? dates.length - 1 : step === undefined || !shown ? null : dates.indexOf(shown) + step;
    if (to === null) return;
    event.preventDefault();
    const date = dates[Math.max(0, Math.min(dates.length - 1, to))]!;
    setCursor(date);
    handle.current?.setCursor(date);
    setSpoken(date);
  };
  const download = () => {
    const drawn = handle.current?.image();
    if (!drawn) return;
    const canvas = document.createElement("canvas");
    canvas.width = drawn.width;
    canvas.height = drawn.height;
    const context = canvas.getContext("2d")!;
    context.fillStyle = getComputedStyle(box.current!.parentElement!).backgroundColor; // the chart itself is transparent
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(drawn, 0, 0);
    const link = document.createElement("a");
    link.href = canvas.toDataURL("image/png");
    link.download = `${title}.png`;
    link.click();
  };
  return (
    <figure class="chart">
      <div class="chart-head">
        <h3>{title}</h3>
        <div class="chart-tools">
          {tools}
          <button type="button" class="quiet" onClick={download}>PNG</button>
          {table && <button type="button" class="quiet" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>{t("chart.table")}</button>}
        </div>
      </div>
      <div class="legend">{shown ? describe(shown) : NBSP}</div>
      <div
        ref={box}
        class="chart-box"
        style={{ height: `${height}px` }}
        tabIndex={0}
        role="application"
        aria-label={`${title}. ${t("chart.keys")}`}
        onKeyDown={move}
      />
      <div ref={paper} class="print-chart" aria-hidden="true" />
      <p class="visually-hidden" aria-live="polite">{spoken && describe(spoken)}</p>
      {asTable && table?.()}
    </figure>
  );
}

const NBSP = "\u00a0";
