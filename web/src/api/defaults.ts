// Written by ops/web_types.py from the declaration of the request; `make web` writes it again.

export const DEFAULTS = {
  "strategy": {
    "buy": {
      "where": null,
      "rank_by": "MARKET_CAP",
      "order": "desc"
    },
    "sell": {
      "take_profit_pct": null,
      "stop_loss_pct": null,
      "trailing_stop_pct": null,
      "min_hold_days": 0,
      "max_hold_days": null,
      "where": null,
      "on_rebalance": "hold"
    },
    "portfolio": {
      "max_positions": 20,
      "weighting": "equal",
      "position_pct": null,
      "max_position_value": null,
      "max_new_per_day": null,
      "max_per_sector": null,
      "rebalance": "daily",
      "rebalance_band_pct": 0.0,
      "invest": "slots",
      "keep_rank": null,
      "when": null,
      "when_false": "hold",
      "stop_drawdown_pct": null,
      "stop_resume_days": 30
    },
    "universe": {
      "markets": [
        "KOSDAQ",
        "KOSPI"
      ],
      "kinds": [
        "common",
        "foreign"
      ],
      "sectors": null,
      "exclude_sectors": null,
      "cap_groups": null,
      "stock_codes": null,
      "exclude": null,
      "where": null
    }
  },
  "initial_cash": 100000000.0,
  "costs": {
    "commission_pct": 0.015,
    "slippage_pct": 0.1,
    "tax_pct": null,
    "impact": null,
    "dividend_tax_pct": null
  },
  "execution": {
    "price": "open",
    "price_limits": null,
    "tick_size": null,
    "max_volume_pct": 10.0,
    "dividends": true,
    "delisting": "liquidation",
    "delisting_haircut_pct": 0.0,
    "stale_haircut_pct": 80.0
  },
  "benchmark": "KOSPI",
  "risk_free_pct": 0.0
};
