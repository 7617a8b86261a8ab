// The orders of the last decision, or of a chosen day, with downloads. No order is sent to a broker.
import { address, get } from "../../api/client.ts";
import { useResource } from "../../api/resource.ts";
import type { AccountDetail, AccountOrder, AccountOrders } from "../../api/types.ts";
import { Link, queryValue, setQuery } from "../../app/router.tsx";
import { instant } from "../../format/date.ts";
import { number, shortWon } from "../../format/number.ts";
import { language, named, t } from "../../i18n/index.ts";
import { Empty, ErrorView, Loading } from "../../ui/states.tsx";
import { VirtualTable } from "../../ui/virtual-table.tsx";

export function Orders({ account }: { account: AccountDetail }) {
  const day = queryValue("day");
  const other = useResource(day && `orders ${account.id} ${day}`, (abort) => get<AccountOrders>(`/v1/accounts/${account.id}/orders`, { date: day }, abort));
  const orders = day ? other.data : account.orders;
  const download = (format: string) => address(`/v1/accounts/${account.id}/orders`, { date: orders?.date, format });
  return (
    <div class="card">
      <div class="section-head">
        <h2>{orders ? t("account.orders", { date: orders.date }) : t("account.orders.title")}</h2>
        {orders && (
          <div class="actions">
            {day && <button type="button" class="quiet" onClick={() => setQuery({ day: null })}>{t("account.orders.last")}</button>}
            {["csv", "xlsx"].map((format) => <a class="button" key={format} href={download(format)} download={`orders-${orders.date}.${format}`}>{format === "csv" ? "CSV" : "Excel"}</a>)}
          </div>
        )}
      </div>
      <p class="small muted">{t("account.orders.help")}</p>
      {day && other.error && <ErrorView error={other.error} retry={other.reload} />}
      {day && !other.data && !other.error && <Loading />}
      {!day && !orders && <Empty>{t("account.orders.none")}</Empty>}
      {orders && <Table orders={orders} />}
    </div>
  );
}

function Table({ orders }: { orders: AccountOrders }) {
  const words = language.value;
  const size = (order: AccountOrder) =>
    order.shares !== null ? t("account.shares", { n: number(order.shares) }) : order.amount !== null ? shortWon(order.amount, words) : "–";
  const outcome = (order: AccountOrder) => (
    <>
      {named("account.order", order.status)}
      {order.fill_price !== null && ` ${number(order.filled_shares)} × ${number(order.fill_price)}`}
      {order.status_reason !== null && <span class="muted small"> {named("unfilled", order.status_reason)}</span>}
    </>
  );
  return (
    <>
      <p>
        <span class={`tag ${orders.status === "booked" ? "completed" : ""}`}>{named("account.status", orders.status)}</span>{" "}
        {orders.decided_at && <span class="small muted">{t("account.decided-at", { at: instant(orders.decided_at), on: orders.decided_on ?? "–" })}</span>}{" "}
        {orders.late && <span class="tag failed">{t("account.late")}</span>}{" "}
        {orders.buys && orders.buys !== "allowed" && <span class="small">{named("account.buys", orders.buys)}</span>}
      </p>
      {orders.items.length === 0 ? <Empty>{t("account.no-orders")}</Empty> : (
        <VirtualTable<AccountOrder>
          label={t("account.orders.title")}
          rows={orders.items}
          height={420}
          columns={[
            { key: "name", title: t("trade.stock"), sort: (o) => o.name, cell: (o) => <Link href={`/stocks/${encodeURIComponent(o.stock_code)}`}>{o.name}</Link> },
            { key: "side", title: t("trade.side"), sort: (o) => o.side, cell: (o) => <span class={`side ${o.side}`}>{o.side === "buy" ? "▲ " : "▽ "}{t(`trade.${o.side}`)}</span> },
            { key: "size", title: t("account.size"), align: "right", cell: size },
            { key: "kind", title: t("account.kind"), wide: true, sort: (o) => o.kind, cell: (o) => <>{t(`account.kind.${o.kind}`)}{o.level !== null && ` ${number(o.level)}`}</> },
            { key: "reason", title: t("trade.reason"), wide: true, sort: (o) => o.reason, cell: (o) => named("reason", o.reason) },
            { key: "status", title: t("runs.status"), wide: true, sort: (o) => o.status, cell: outcome },
            { key: "priority", title: t("account.priority"), align: "right", wide: true, sort: (o) => o.priority, cell: (o) => <>{o.priority ?? "–"}{o.reserve && <> <span class="tag">{t("account.reserve")}</span></>}</> },
          ]}
        />
      )}
    </>
  );
}
