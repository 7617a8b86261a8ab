// Time charts over lightweight-charts; this module is loaded when the first chart is shown.
import {
  AreaSeries, CandlestickSeries, ColorType, CrosshairMode, HistogramSeries, LineSeries, LineStyle, PriceScaleMode,
  createChart, createSeriesMarkers,
} from "lightweight-charts";
import type { IChartApi, ISeriesApi, ISeriesMarkersPluginApi, SeriesMarker, SeriesType, Time } from "lightweight-charts";

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

/** Return a colour of the palette in force. */
export function palette(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Return a colour that a canvas can draw: the palette may use functions that only style sheets have. */
function resolved(name: string, alpha = 1): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g)!.map(Number) as [number, number, number];
  probe.remove();
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

function options(spec: ChartSpec) {
  return {
    autoSize: true,
    layout: {
      attributionLogo: false, // it would add a style element, which the policy of the page forbids; the footer has the link
      background: { type: ColorType.Solid, color: "transparent" },
      textColor: resolved("muted"),
      fontFamily: getComputedStyle(document.body).fontFamily,
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
  const chart: IChartApi = createChart(element, options(first));
  let spec = first;
  let drawn: ISeriesApi<SeriesType>[] = [];
  let marks: ISeriesMarkersPluginApi<Time>[] = [];
  let silent = 0;

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
      series.setData(each.data as never);
      const found: SeriesMarker<Time>[] = (each.marks ?? []).map((mark) => ({
        time: mark.time as Time, text: mark.text,
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
    series.setData(each.data as never);
    drawn.push(series);
  };

  const update = (next: ChartSpec): void => {
    spec = next;
    silent += 1;
    marks = [];
    for (const series of drawn) chart.removeSeries(series);
    drawn = [];
    chart.applyOptions(options(spec));
    for (const each of spec.series) add(each);
    (spec.panes ?? []).forEach((part, at) => chart.panes()[at]?.setStretchFactor(part));
    if (spec.range) chart.timeScale().setVisibleRange({ from: spec.range.from as Time, to: spec.range.to as Time });
    else chart.timeScale().fitContent();
    requestAnimationFrame(() => (silent -= 1));
  };
  update(first);

  chart.subscribeCrosshairMove((event) => spec.onCursor?.(typeof event.time === "string" ? event.time : null));
  chart.timeScale().subscribeVisibleTimeRangeChange((range) => {
    if (range && silent === 0) spec.onRange?.({ from: String(range.from), to: String(range.to) });
  });

  return {
    update,
    setCursor: (date) => {
      const data = spec.series[0]?.data as { time: string; value?: number; close?: number }[] | undefined;
      const point = data?.find((each) => each.time === date);
      const value = point?.value ?? point?.close;
      if (value !== undefined && drawn[0]) chart.setCrosshairPosition(value, date as Time, drawn[0]);
    },
    fit: () => chart.timeScale().fitContent(),
    image: () => chart.takeScreenshot(),
    remove: () => chart.remove(),
  };
}
