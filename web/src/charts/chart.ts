// Time charts over lightweight-charts; this module is loaded when the first chart is shown.
import {
  AreaSeries, CandlestickSeries, ColorType, CrosshairMode, HistogramSeries, LineSeries, LineStyle, PriceScaleMode,
  createChart, createSeriesMarkers,
} from "lightweight-charts";
import type { IChartApi, ISeriesApi, ISeriesMarkersPluginApi, SeriesMarker, SeriesType, Time, UTCTimestamp } from "lightweight-charts";
import { drawn as drawnPoints, placeDays } from "./thin.ts";
import { appearance } from "../app/preferences.ts";

export interface LineData {
  time: string;
  value?: number | undefined;
  color?: string | undefined;
}

export interface CandleData {
  time: string;
  open?: number | undefined;
  high?: number | undefined;
  low?: number | undefined;
  close?: number | undefined;
}

export interface Mark {
  time: string;
  side: "buy" | "sell";
  text: string;
}

export type SeriesSpec = { name: string; pane?: number; format?: (value: number) => string; lastValue?: boolean } & (
  | { kind: "line"; colour: string; width?: 1 | 2 | 3; dashed?: boolean; data: LineData[] }
  | { kind: "area"; colour: string; data: LineData[] }
  | { kind: "columns"; colour: string; data: LineData[] }
  | { kind: "candles"; data: CandleData[]; marks?: Mark[] }
);

export interface ChartSpec {
  series: SeriesSpec[];
  log?: boolean;
  /** Parts of the height by pane. */
  panes?: number[];
  range?: { from: string; to: string } | null;
  onCursor?: (date: string | null) => void;
  onRange?: (range: { from: string; to: string }) => void;
}

export interface ChartHandle {
  update: (spec: ChartSpec) => void;
  setCursor: (date: string) => void;
  fit: () => void;
  image: () => HTMLCanvasElement;
  remove: () => void;
}

const colours = new Map<string, string>(); // by appearance: to ask for one makes the browser compute the styles of the page

/** Return a colour that a canvas can draw: the palette may use functions that only style sheets have. */
function resolved(name: string, alpha = 1): string {
  const key = `${appearance.peek()} ${name}`;
  let found = colours.get(key);
  if (found === undefined) {
    const probe = document.createElement("span");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    found = getComputedStyle(probe).color.match(/[\d.]+/g)!.slice(0, 3).join(", ");
    probe.remove();
    colours.set(key, found);
  }
  return `rgba(${found}, ${alpha})`;
}

const seconds = new Map<string, UTCTimestamp>(); // the library is faster with numbers than with texts of days

function timeOf(date: string): UTCTimestamp {
  let found = seconds.get(date);
  if (found === undefined) {
    found = (Date.parse(date) / 1000) as UTCTimestamp;
    seconds.set(date, found);
  }
  return found;
}

function dateOf(time: Time): string {
  return new Date((time as number) * 1000).toISOString().slice(0, 10);
}

let family = ""; // of the page; to ask for it makes the browser compute the styles of the page

function options(spec: ChartSpec) {
  family ||= getComputedStyle(document.body).fontFamily;
  return {
    layout: {
      attributionLogo: false, // it would add a style element, which the policy of the page forbids; the footer has the link
      background: { type: ColorType.Solid, color: "transparent" },
      textColor: resolved("muted"),
      fontFamily: family,
      panes: { separatorColor: resolved("line"), enableResize: false },
    },
    grid: { vertLines: { color: resolved("line", 0.5) }, horzLines: { color: resolved("line", 0.5) } },
    crosshair: { mode: CrosshairMode.Magnet },
    rightPriceScale: { borderColor: resolved("line"), mode: spec.log ? PriceScaleMode.Logarithmic : PriceScaleMode.Normal },
    timeScale: { borderColor: resolved("line"), minBarSpacing: 0.02, fixLeftEdge: true, fixRightEdge: true },
    localization: { dateFormat: "yyyy-MM-dd", locale: document.documentElement.lang },
    handleScroll: { vertTouchDrag: false, mouseWheel: false },
    handleScale: { mouseWheel: false },
  };
}

/** Draw a chart into an element. */
export function draw(element: HTMLElement, first: ChartSpec): ChartHandle {
  // drawn outside of the page: within it, the library would make the browser lay out the page for each canvas
  const paper = document.createElement("div");
  const chart: IChartApi = createChart(paper, { ...options(first), width: element.clientWidth, height: element.clientHeight });
  let spec = first;
  let drawn: ISeriesApi<SeriesType>[] = [];
  let marks: ISeriesMarkersPluginApi<Time>[] = [];
  let silent = 0;
  let size = 1; // neighbouring days that share a place

  const pointsOf = (each: SeriesSpec) => {
    if (each.kind === "candles") return each.data.map(({ time, open, high, low, close }) => ({ time: timeOf(time), open, high, low, close }));
    if (each.kind === "columns") return each.data.map(({ time, value, color }) => ({ time: timeOf(time), value, ...(color === undefined ? {} : { color }) }));
    const kept = drawnPoints(each.data, size);
    const others: readonly { time: string }[] = each === spec.series[0] ? [] : spec.series[0]!.data;
    const points: { time: UTCTimestamp; value?: number }[] = [];
    each.data.forEach(({ time, value }, at) => {
      if (kept[at] && value !== undefined) points.push({ time: timeOf(time), value });
      else if (others[at]?.time !== time) points.push({ time: timeOf(time) }); // a day without a value; once is enough for the time scale
    });
    return points;
  };
  const sizeOf = (days: number): number => placeDays(days, element.clientWidth || 1);
  const daysOf = (of: ChartSpec): number => {
    const dates: readonly { time: string }[] = of.series[0]?.data ?? [];
    return of.range ? dates.filter(({ time }) => time >= of.range!.from && time <= of.range!.to).length : dates.length;
  };

  const add = (each: SeriesSpec): void => {
    const common = {
      priceLineVisible: false, lastValueVisible: each.lastValue ?? false,
      ...(each.format ? { priceFormat: { type: "custom" as const, formatter: each.format, minMove: 0.0001 } } : {}),
    };
    const pane = each.pane ?? 0;
    if (each.kind === "candles") {
      const colours = { up: resolved("up"), down: resolved("down") };
      const series = chart.addSeries(CandlestickSeries, {
        ...common, upColor: colours.up, downColor: colours.down, borderVisible: false, wickUpColor: colours.up, wickDownColor: colours.down,
      }, pane);
      series.setData(pointsOf(each) as never);
      const found: SeriesMarker<Time>[] = (each.marks ?? []).map((mark) => ({
        time: timeOf(mark.time), text: mark.text,
        position: mark.side === "buy" ? "belowBar" : "aboveBar",
        shape: mark.side === "buy" ? "arrowUp" : "arrowDown",
        color: resolved(mark.side === "buy" ? "accent" : "benchmark"),
      }));
      if (found.length > 0) marks.push(createSeriesMarkers(series, found));
      drawn.push(series);
      return;
    }
    const colour = resolved(each.colour);
    const series =
      each.kind === "line"
        ? chart.addSeries(LineSeries, { ...common, color: colour, lineWidth: each.width ?? 2, lineStyle: each.dashed ? LineStyle.Dashed : LineStyle.Solid, crosshairMarkerRadius: 3 }, pane)
        : each.kind === "area"
          ? chart.addSeries(AreaSeries, { ...common, lineColor: colour, topColor: resolved(each.colour, 0.05), bottomColor: resolved(each.colour, 0.28), lineWidth: 1, invertFilledArea: true }, pane)
          : chart.addSeries(HistogramSeries, { ...common, color: resolved(each.colour, 0.55) }, pane);
    series.setData(pointsOf(each) as never);
    drawn.push(series);
  };

  const update = (next: ChartSpec): void => {
    spec = next;
    silent += 1;
    size = sizeOf(daysOf(spec));
    if (drawn.length > 0) {
      marks = [];
      for (const series of drawn) chart.removeSeries(series);
      drawn = [];
      chart.applyOptions(options(spec));
    }
    for (const each of spec.series) add(each);
    (spec.panes ?? []).forEach((part, at) => chart.panes()[at]?.setStretchFactor(part));
    if (spec.range) chart.timeScale().setVisibleRange({ from: timeOf(spec.range.from), to: timeOf(spec.range.to) });
    else chart.timeScale().fitContent();
    requestAnimationFrame(() => (silent -= 1));
  };
  update(first);
  chart.takeScreenshot(false, true); // draws at once and once: the library would draw in the next frame, and again in the one after it
  element.append(paper);
  const observer = new ResizeObserver(() => chart.resize(element.clientWidth, element.clientHeight));
  observer.observe(element);

  chart.subscribeCrosshairMove((event) => spec.onCursor?.(event.time === undefined ? null : dateOf(event.time)));
  chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
    const wanted = range && silent === 0 ? sizeOf(range.to - range.from) : size;
    if (wanted === size) return;
    size = wanted; // zoomed: more days, or fewer
    queueMicrotask(() => drawn.forEach((series, at) => spec.series[at]!.kind !== "candles" && series.setData(pointsOf(spec.series[at]!) as never)));
  });
  chart.timeScale().subscribeVisibleTimeRangeChange((range) => {
    if (range && silent === 0) spec.onRange?.({ from: dateOf(range.from), to: dateOf(range.to) });
  });

  return {
    update,
    setCursor: (date) => {
      const data = spec.series[0]?.data as { time: string; value?: number; close?: number }[] | undefined;
      const point = data?.find((each) => each.time === date);
      const value = point?.value ?? point?.close;
      if (value !== undefined && drawn[0]) chart.setCrosshairPosition(value, timeOf(date), drawn[0]);
    },
    fit: () => chart.timeScale().fitContent(),
    image: () => chart.takeScreenshot(),
    remove: () => {
      observer.disconnect();
      chart.remove();
      paper.remove();
    },
  };
}
