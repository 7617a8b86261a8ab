// What is bought, when it is sold, and how many positions of which size.
import { t } from "../../i18n/index.ts";
import { ConditionField } from "./condition-field.tsx";
import { RebalanceField } from "./rebalance-field.tsx";
import { RequestNumber, RequestSelect, Section } from "./section.tsx";
import type { SectionProps } from "./section.tsx";

export function BuySection(props: SectionProps) {
  const { draft, change, error, choices } = props;
  return (
    <Section title={t("builder.buy")}>
      <ConditionField
        label={t("builder.buy.where")} help={t("builder.buy.where.help")} place="buy.where" rows choices={choices} error={error}
        universe={draft.strategy.universe} value={draft.strategy.buy.where} onValue={(value) => change("strategy.buy.where", value)} placeholder={t("builder.buy.where.empty")}
      />
      <div class="pair">
        <ConditionField
          label={t("builder.rank_by")} help={t("builder.rank_by.help")} place="buy.rank_by" choices={choices} error={error}
          value={draft.strategy.buy.rank_by} onValue={(value) => change("strategy.buy.rank_by", value)} placeholder="MARKET_CAP"
        />
        <RequestSelect {...props} path="strategy.buy.order" name="builder.order" options={[["desc", t("builder.order.desc")], ["asc", t("builder.order.asc")]]} />
      </div>
    </Section>
  );
}

export function SellSection(props: SectionProps) {
  const { draft, change, error, choices } = props;
  const days = t("builder.unit.days");
  const never = t("builder.never");
  return (
    <Section title={t("builder.sell")}>
      <div class="fields">
        <RequestNumber {...props} path="strategy.sell.stop_loss_pct" name="builder.stop_loss" unit="%" empty={never} />
        <RequestNumber {...props} path="strategy.sell.take_profit_pct" name="builder.take_profit" unit="%" empty={never} />
        <RequestNumber {...props} path="strategy.sell.trailing_stop_pct" name="builder.trailing_stop" unit="%" empty={never} />
        <RequestNumber {...props} path="strategy.sell.max_hold_days" name="builder.max_hold" unit={days} empty={t("builder.no-limit")} />
        <RequestNumber {...props} path="strategy.sell.min_hold_days" name="builder.min_hold" unit={days} />
        <RequestSelect
          {...props} path="strategy.sell.on_rebalance" name="builder.on_rebalance" help={t(`builder.on_rebalance.${draft.strategy.sell.on_rebalance}.help`)}
          options={[["hold", t("builder.on_rebalance.hold")], ["rotate", t("builder.on_rebalance.rotate")], ["reweight", t("builder.on_rebalance.reweight")]]}
        />
      </div>
      <ConditionField
        label={t("builder.sell.where")} help={t("builder.sell.where.help")} place="sell.where" rows choices={choices} error={error}
        value={draft.strategy.sell.where} onValue={(value) => change("strategy.sell.where", value)} placeholder={never}
      />
    </Section>
  );
}

export function PortfolioSection(props: SectionProps) {
  const { draft, change, error, choices } = props;
  const { on_rebalance: rule } = draft.strategy.sell;
  const { portfolio } = draft.strategy;
  const noLimit = t("builder.no-limit");
  return (
    <Section title={t("builder.portfolio")}>
      <div class="fields">
        <RequestNumber {...props} path="strategy.portfolio.max_positions" name="builder.max_positions" unit={t("builder.unit.stocks")} />
        <RequestSelect
          {...props} path="strategy.portfolio.weighting" name="builder.weighting"
          options={[["equal", t("builder.weighting.equal")], ["market_cap", t("builder.weighting.market_cap")], ["inverse_volatility", t("builder.weighting.inverse_volatility")]]}
        />
        <RebalanceField {...props} />
        {rule === "reweight" && (
          <>
            <RequestSelect {...props} path="strategy.portfolio.invest" name="builder.invest" options={[["slots", t("builder.invest.slots")], ["full", t("builder.invest.full")]]} />
            <RequestNumber {...props} path="strategy.portfolio.rebalance_band_pct" name="builder.band" unit="%" help={t("builder.band.help")} />
          </>
        )}
        {rule !== "hold" && <RequestNumber {...props} path="strategy.portfolio.keep_rank" name="builder.keep_rank" empty={String(portfolio.max_positions)} help={t("builder.keep_rank.help")} />}
        {rule !== "reweight" && portfolio.weighting === "equal" && (
          <RequestNumber {...props} path="strategy.portfolio.position_pct" name="builder.position" unit="%" empty={t("builder.position.empty")} />
        )}
        <RequestNumber {...props} path="strategy.portfolio.max_per_sector" name="builder.max_per_sector" unit={t("builder.unit.stocks")} empty={noLimit} />
        <RequestNumber {...props} path="strategy.portfolio.max_new_per_day" name="builder.max_new" unit={t("builder.unit.stocks")} empty={noLimit} />
        <RequestNumber {...props} path="strategy.portfolio.max_position_value" name="builder.max_value" unit={t("builder.unit.won")} empty={noLimit} />
        <RequestNumber {...props} path="strategy.portfolio.stop_drawdown_pct" name="builder.stop_drawdown" unit="%" empty={t("builder.never")} help={t("builder.stop_drawdown.help")} />
        {portfolio.stop_drawdown_pct !== null && <RequestNumber {...props} path="strategy.portfolio.stop_resume_days" name="builder.stop_resume" unit={t("builder.unit.days")} />}
      </div>
      <ConditionField
        label={t("builder.when")} help={t("builder.when.help")} place="portfolio.when" choices={choices} error={error}
        value={portfolio.when} onValue={(value) => change("strategy.portfolio.when", value)} placeholder="KOSPI > ts_mean(KOSPI, 200)"
      />
      {portfolio.when !== null && (
        <RequestSelect {...props} path="strategy.portfolio.when_false" name="builder.when_false" options={[["hold", t("builder.when_false.hold")], ["sell", t("builder.when_false.sell")]]} />
      )}
    </Section>
  );
}
