// What the account holds on the evening of its last booked day.
import type { AccountDetail, OpenPosition } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { number } from "../../format/number.ts";
import { t } from "../../i18n/index.ts";
import { Change, Gain } from "../../ui/change.tsx";
import { Empty } from "../../ui/states.tsx";
import { VirtualTable } from "../../ui/virtual-table.tsx";

export function Positions({ account }: { account: AccountDetail }) {
  return (
    <div class="card">
      <h2>{t("account.positions", { date: account.as_of ?? "–" })}</h2>
      {account.positions.length === 0 ? <Empty>{t("account.no-positions")}</Empty> : (
        <VirtualTable<OpenPosition>
          label={t("account.positions", { date: account.as_of ?? "–" })}
          rows={account.positions}
          order="-value"
          height={420}
          columns={[
            { key: "name", title: t("trade.stock"), sort: (p) => p.name, cell: (p) => <Link href={`/stocks/${encodeURIComponent(p.stock_code)}`}>{p.name}</Link> },
            { key: "value", title: t("holdings.value"), align: "right", wide: true, sort: (p) => p.value ?? null, cell: (p) => number(p.value) },
            { key: "return", title: t("holdings.return"), align: "right", sort: (p) => p.return, cell: (p) => <Change value={p.return} /> },
            { key: "gain", title: t("holdings.gain"), align: "right", wide: true, sort: (p) => p.gain ?? null, cell: (p) => <Gain value={p.gain} /> },
            { key: "shares", title: t("trade.shares"), align: "right", wide: true, sort: (p) => p.shares, cell: (p) => number(p.shares) },
            { key: "entry", title: t("holdings.entry"), align: "right", wide: true, sort: (p) => p.entry_price, cell: (p) => number(p.entry_price) },
            { key: "price", title: t("holdings.price"), align: "right", wide: true, sort: (p) => p.last_price ?? null, cell: (p) => number(p.last_price) },
            { key: "since", title: t("holdings.since"), wide: true, sort: (p) => p.entry_date, cell: (p) => p.entry_date },
          ]}
        />
      )}
    </div>
  );
}
