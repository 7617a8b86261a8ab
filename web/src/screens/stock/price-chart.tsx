// Candles with volume below, and marks on the days of fills.
import { useMemo } from "preact/hooks";
import type { Prices, Trade } from "../../api/types.ts";
import { ChartView } from "../../charts/chart-view.tsx";
import type { CandleData, ChartSpec, LineData } from "../../charts/chart.ts";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Change } from "../../ui/change.tsx";

const MANY = 12; // above this number of fills their words would overlap; shape and colour remain

/** Return candles; a row without trading has none. */
export function candles(prices: Prices): CandleData[] {
  return prices.dates.map((time, at) => {
    const [open, high, low, close] = [prices.open[at], prices.high[at], prices.low[at], prices.close[at]];
    return open == null || high == null || low == null || close == null ? { time } : { time, open, high, low, close };
  });
}

export function PriceChart({ prices, fills }: { prices: Prices; fills: readonly Trade[] }) {
  const index = useMemo(() => new Map(prices.dates.map((date, at) => [date, at])), [prices]);
  const spec = useMemo<ChartSpec>(() => {
    const data = candles(prices);
    const volume: LineData[] = prices.dates.map((time, at) => ({ time, value: prices.volume[at] ?? undefined }));
    const marks = fills.filter((fill) => index.has(fill.date)).map((fill) => ({ time: fill.date, side: fill.side, text: fills.length > MANY ? "" : t(`trade.${fill.side}`) }));
    return {
      panes: [4, 1],
      series: [
        { kind: "candles", name: "price", data, marks, format: (v) => number(v) },
        { kind: "columns", name: "volume", colour: "muted", pane: 1, data: volume, format: (v) => number(v) },
      ],
    };
  }, [prices, fills]);
  return (
    <ChartView
      title={t("stock.chart")}
      spec={spec}
      dates={prices.dates}
      height={460}
      describe={(date) => {
        const at = index.get(date);
        if (at === undefined) return null;
        const close = prices.close[at];
        const before = prices.close[at - 1];
        const split = prices.splits.find((each) => each.date === date);
        const isTraded = close !== null && close !== undefined;
        return (
          <>
            <b>{date}</b>
            {isTraded ? (
              <>
                <span>{t("stock.open")} <b>{number(prices.open[at])}</b></span>
                <span>{t("stock.high")} <b>{number(prices.high[at])}</b></span>
                <span>{t("stock.low")} <b>{number(prices.low[at])}</b></span>
                <span>{t("stock.close")} <b>{number(close)}</b> {before && !split && <Change value={close / before - 1} />}</span>
                <span>{t("stock.volume")} <b>{number(prices.volume[at])}</b></span>
              </>
            ) : <span>{t("stock.no-trading")}</span>}
            {split && <span>{t("stock.split", { ratio: number(split.ratio, 4) })}</span>}
            {fills.filter((fill) => fill.date === date).map((fill) => (
              <span class={`side ${fill.side}`} key={`${fill.side}${fill.price}`}>{fill.side === "buy" ? "▲" : "▽"} {t(`trade.${fill.side}`)} {number(fill.shares)} × {number(fill.price)}</span>
            ))}
          </>
        );
      }}
    />
  );
}
