// Why a trade was made: rule, level, the day that decided, and each part of the condition with its values.
import type { ConditionPart, ExplainedTrade } from "../../api/types.ts";
import { Link } from "../../app/router.tsx";
import { figure, number, won } from "../../format/number.ts";
import { language, named, t } from "../../i18n/index.ts";

function Parts({ parts }: { parts: readonly ConditionPart[] }) {
  return (
    <ul class="parts">
      {parts.map((part) => (
        <li key={part.condition}>
          <span class={part.passed ? "passed" : "not-passed"}>{part.passed ? `✓ ${t("why.true")}` : `✗ ${t("why.false")}`}</span>{" "}
          <code>{part.condition}</code>{" "}
          <span class="small">
            {Object.entries(part.values).map(([name, value]) => `${name} = ${value === null ? t("why.absent") : figure(value)}`).join(", ")}
          </span>
          {part.operands.length > 0 && <Parts parts={part.operands} />}
        </li>
      ))}
    </ul>
  );
}

export function TradeWhy({ trade, runId }: { trade: ExplainedTrade; runId: string }) {
  const { why } = trade;
  const words = language.value;
  const facts: [string, string | null | undefined][] = [
    [t("why.reason"), named("reason", trade.reason)],
    [t("why.rule"), words === "en" ? why.rule : named("rule", trade.reason)],
    [t("why.decided"), why.decided_on],
    [t("why.level"), why.level === null ? null : won(why.level, words)],
    [t("why.reference"), why.reference === null ? null : won(why.reference, words)],
    [t("why.rank"), why.rank == null ? null : t("why.rank-of", { rank: number(why.rank), candidates: number(why.candidates ?? null) })],
    [t("why.held"), why.held_days == null ? null : t("unit.days", { n: number(why.held_days) })],
    [t("why.equity-level"), why.equity_level == null ? null : won(why.equity_level, words)],
    [t("trade.commission"), won(trade.commission, words)],
    [t("trade.tax"), trade.tax ? won(trade.tax, words) : null],
  ];
  const inParts = new Set((why.parts ?? []).flatMap((part) => Object.keys(part.values)));
  const others = Object.entries(why.values ?? {}).filter(([name]) => !inParts.has(name));
  return (
    <>
      <dl class="facts">
        {facts.map(([name, value]) => value && (
          <div key={name}><dt>{name}</dt><dd>{value}</dd></div>
        ))}
      </dl>
      {why.parts && why.parts.length > 0 && (
        <>
          <h3>{t("why.condition")}</h3>
          <Parts parts={why.parts} />
        </>
      )}
      {others.length > 0 && (
        <p class="small">{others.map(([name, value]) => `${name} = ${value === null ? t("why.absent") : figure(value)}`).join(", ")}</p>
      )}
      <p><Link href={`/stocks/${encodeURIComponent(trade.stock_code)}?run=${runId}`}>{t("why.chart")}</Link></p>
    </>
  );
}
