// Stocks by code or name, and the greatest ones.
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { Ranking, StockList } from "../../api/types.ts";
import { Link, queryValue, setQuery } from "../../app/router.tsx";
import { number, shortWon } from "../../format/number.ts";
import { language, local, t } from "../../i18n/index.ts";
import { SelectField, TextField } from "../../ui/field.tsx";
import { Loaded } from "../../ui/states.tsx";

const KINDS = ["market_cap", "trading_value", "trading_volume"] as const;
type Kind = (typeof KINDS)[number];

export default function StocksPage() {
  const search = queryValue("search") ?? "";
  const wanted = queryValue("kind") as Kind | null;
  const kind = wanted && KINDS.includes(wanted) ? wanted : "market_cap";
  const [text, setText] = useState(search);
  useEffect(() => {
    const timer = setTimeout(() => setQuery({ search: text.trim() }), 200);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useResource(search && `stocks ${search}`, (abort) => get<StockList>("/v1/stocks", { search, limit: 100 }, abort));
  const ranking = useResource(search ? null : `ranking ${kind}`, (abort) => get<Ranking>(`/v1/rankings/${kind}`, { limit: 100 }, abort));
  return (
    <>
      <div class="page-head"><div><h1>{t("nav.stocks")}</h1><p class="muted">{t("stocks.lead")}</p></div></div>
      <div class="filters">
        <TextField label={t("stocks.search")} type="search" value={text} onValue={setText} />
        {!search && <SelectField label={t("stocks.order")} value={kind} options={KINDS.map((each) => [each, t(`stocks.${each}`)] as const)} onValue={(value) => setQuery({ kind: value })} />}
      </div>
      {search ? (
        <Loaded of={found} empty={(page) => page.items.length === 0}>
          {(page) => (
            <div class="table-scroll">
              <table class="plain">
                <thead><tr><th scope="col">{t("trade.stock")}</th><th scope="col">{t("stock.market")}</th><th scope="col" class="wide">{t("stock.sector")}</th><th scope="col" class="wide">{t("stock.delisted")}</th></tr></thead>
                <tbody>
                  {page.items.map((stock) => (
                    <tr key={stock.stock_code}>
                      <th scope="row"><Link href={`/stocks/${encodeURIComponent(stock.stock_code)}`}>{local(stock.name, stock.name_en)}</Link> <span class="muted small">{stock.stock_code}</span></th>
                      <td>{stock.market}</td><td class="wide">{stock.sector ?? "–"}</td><td class="wide">{stock.delisted_on ?? "–"}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Loaded>
      ) : (
        <Loaded of={ranking} empty={(page) => page.items.length === 0}>
          {(page) => (
            <>
              <p class="small muted">{t("stocks.date", { date: page.date })}</p>
              <div class="table-scroll">
                <table class="plain">
                  <thead><tr><th scope="col" class="right">{t("stocks.rank")}</th><th scope="col">{t("trade.stock")}</th><th scope="col" class="wide">{t("stock.market")}</th><th scope="col" class="right">{t(`stocks.${kind}`)}</th></tr></thead>
                  <tbody>
                    {page.items.map((item) => (
                      <tr key={item.stock_code}>
                        <td class="right">{item.rank}</td>
                        <th scope="row"><Link href={`/stocks/${encodeURIComponent(item.stock_code)}`}>{item.name}</Link> <span class="muted small">{item.stock_code}</span></th>
                        <td class="wide">{item.market}</td>
                        <td class="right">{kind === "trading_volume" ? number(item.value) : shortWon(item.value, language.value)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </>
          )}
        </Loaded>
      )}
    </>
  );
}
