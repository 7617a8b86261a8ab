// Written by ops/web_types.py from the OpenAPI document; `make web` writes it again.

/** Body of `POST /v1/accounts`: a paper account, and the backtest that it equals. */
export interface AccountBody {
  /** Name of the account; null: that of its strategy. */
  name?: string | null;
  /** A strategy, the id of one, or an object with an id and the parts to change. */
  strategy: string | NamedStrategy;
  /** First day of the account; null: the next trading day whose orders are not due yet. Days that have a row already are computed at once, as history. */
  start?: string | null;
  /** Whether everyone may read it, without a key: an account of a catalogue strategy, made by a key with the role operator. */
  public?: boolean;
  /** Cash before the first day. */
  initial_cash?: number;
  /** Costs in percent of the traded amount. */
  costs?: Costs;
  /** How orders meet the market. */
  execution?: Execution;
  /** A loaded index (KOSPI, KOSDAQ, …), market, equal, or null for none. */
  benchmark?: string | null;
}

/** A change of an account by its user. */
export interface AccountChange {
  /** Number of the change, from 1. */
  number: number;
  /** When it was made. */
  changed_at: string;
  /** Changed fields (name, strategy, costs, execution, paused) -> {before, after}. */
  fields: Record<string, unknown>;
}

/** Body of `PATCH /v1/accounts/{id}`: any of the fields; one that is left out stays. */
export interface AccountChangeBody {
  /** Name of the account. */
  name?: string | null;
  /** Another strategy, or the id of one; the account is computed with it from its start. */
  strategy?: string | NamedStrategy | null;
  /** Costs in percent of the traded amount, from the start of the account. */
  costs?: Costs | null;
  /** How orders meet the market, from the start of the account. */
  execution?: Execution | null;
  /** Whether it decides no orders; from the next day that is not decided yet. */
  paused?: boolean | null;
}

/** A page of changes, the newest first. */
export interface AccountChangePage {
  /** Changes. */
  items: AccountChange[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** Equity by day, as columns. */
export interface AccountCurve {
  /** Days. */
  date: string[];
  /** Equity of each day. */
  equity: number[];
  /** Cash of each day. */
  cash: number[];
  /** Benchmark of each day; null: none. */
  benchmark: (number | null)[];
}

/** A paper account with its positions, the orders of its last decision and its curve. */
export interface AccountDetail {
  /** Id of the account. */
  id: string;
  /** Name of the account. */
  name: string;
  /** Strategy of the catalogue or of the caller that it names; null: its own. */
  strategy_id: string | null;
  /** First day of the account. */
  start: string;
  /** Last day that is booked; null: none yet. */
  as_of: string | null;
  /** Cash and positions at the last closes; null: not started. */
  equity: number | null;
  /** Cash; null: not started. */
  cash: number | null;
  /** Number of positions; null: not started. */
  position_count: number | null;
  /** Dataset version of the last step. */
  dataset_version: string | null;
  /** Engine version of the last step. */
  engine_version: string | null;
  /** Digest of the backtest from `start` to `as_of` on this version, which the account equals. */
  result_digest: string | null;
  /** Why the last step failed; null: it did not. */
  error: string | null;
  /** When it was created. */
  created_at: string;
  /** When it was stepped last. */
  stepped_at: string | null;
  /** Whether it decides no orders; its days are booked as those of its backtest. */
  paused: boolean;
  /** How often it was changed. */
  changes: number;
  /** Whether everyone may read it, without a key. */
  public: boolean;
  /** Whether the caller may change, pause, step and delete it. */
  changeable: boolean;
  /** Backtest that the account equals: body of `POST /v1/backtests`. */
  request: Record<string, unknown>;
  /** Positions on the evening of `as_of`. */
  positions: OpenPosition[];
  /** Orders of the last decision; null: none yet. */
  orders: AccountOrders | null;
  /** What opening quotes fill until the day's row is loaded; null: none. */
  provisional: ProvisionalDay | null;
  /** Statistics of the backtest; null: not started. */
  statistics: Record<string, unknown> | null;
  /** Equity of the account by day. */
  curve: AccountCurve;
  /** Number of drift reports. */
  drift_reports: number;
}

/** A fill that was booked, as in the trades of the backtest. */
export interface AccountFill {
  /** Day of the fill. */
  date: string;
  /** Code of the stock. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** buy or sell. */
  side: "buy" | "sell";
  /** Shares. */
  shares: number;
  /** Price after slippage. */
  price: number;
  /** Commission. */
  commission: number;
  /** Tax of a sale. */
  tax: number;
  /** Rule behind it. */
  reason: string;
  /** What it made by the evening of its day, after costs. */
  won: number;
}

/** An order of a day, decided before its open. */
export interface AccountOrder {
  /** Day of the order. */
  date: string;
  /** Code of the stock. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** buy or sell. */
  side: "buy" | "sell";
  /** At the open or close of the day, or at a stop or target level that stands for the day. */
  kind: "close" | "open" | "stop" | "target";
  /** Rule behind it, as in the trades of a backtest. */
  reason: string;
  /** Shares to sell; null: by the amount. */
  shares: number | null;
  /** Won to buy for (floor(amount / price) shares, at most the cash); of a sale of `reweight` the value that is kept; null: by the shares. */
  amount: number | null;
  /** Price of a stop or target, on the share basis of `decided_on`; null: another kind. */
  level: number | null;
  /** Place of a purchase, from 1; null: a sale. */
  priority: number | null;
  /** Whether it is bought only when one before it cannot fill or a stop frees a slot. */
  reserve: boolean;
  /** decided: before the open; working: the exchange has opened; then filled, partly or cancelled, when the day is booked. */
  status: "cancelled" | "decided" | "filled" | "partly" | "working";
  /** Why it was filled in part or cancelled, see the how-to; null: it was not. */
  status_reason: string | null;
  /** Shares of its fills. */
  filled_shares: number;
  /** Mean price of its fills after slippage; null: none. */
  fill_price: number | null;
  /** Whether this comes from opening quotes, until the day's row is loaded. */
  provisional: boolean;
}

/** The orders of a day. */
export interface AccountOrders {
  /** Day of the orders. */
  date: string;
  /** decided: before the open; working: the exchange has opened; booked: the day's row is loaded; no_decision, data_late and paused: nothing was decided. */
  status: "booked" | "data_late" | "decided" | "no_decision" | "paused" | "working";
  /** When it was decided; null: it was not. */
  decided_at: string | null;
  /** Last row that the decision read. */
  decided_on: string | null;
  /** Whether it was decided after the open; such a day never counts as live. */
  late: boolean;
  /** Dataset version that the decision read. */
  dataset_version: string | null;
  /** SHA-256 of the orders. */
  digest: string | null;
  /** allowed, no_rebalance_day, when_false, drawdown_stop or no_signal; null: no decision. */
  buys: string | null;
  /** Orders: sales, levels, purchases in order of priority. */
  items: AccountOrder[];
}

/** A page of paper accounts, the newest first. */
export interface AccountPage {
  /** Accounts. */
  items: AccountSummary[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** A trading day of an account. */
export interface AccountStep {
  /** Trading day. */
  date: string;
  /** As in the orders of a day. */
  status: "booked" | "data_late" | "decided" | "no_decision" | "paused" | "working";
  /** Whether the orders were decided before the open. */
  live: boolean;
  /** When the orders were decided; null: they were not. */
  decided_at: string | null;
  /** Last row that the decision read. */
  decided_on: string | null;
  /** Whether it was decided after the open. */
  late: boolean;
  /** Number of orders. */
  orders: number;
  /** SHA-256 of the orders. */
  digest: string | null;
  /** Dataset version that the decision read. */
  dataset_version: string | null;
  /** When the orders became working. */
  working_at: string | null;
  /** When the day was booked; null: its row is not loaded. */
  booked_at: string | null;
  /** Equity of the evening as it was booked. */
  equity: number | null;
  /** Cash of the evening as it was booked. */
  cash: number | null;
  /** Fills as they were booked. */
  fills: AccountFill[];
  /** What opening quotes filled before; null: none were posted. */
  provisional: ProvisionalDay | null;
  /** The fills of quotes and of the row side by side; null: not booked yet, or no quotes. */
  reconciliation: ReconciledFill[] | null;
}

/** A page of steps, the newest first. */
export interface AccountStepPage {
  /** Steps. */
  items: AccountStep[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** What a step did. */
export interface AccountStepped {
  /** Days that were booked. */
  booked: string[];
  /** Day whose orders were decided; null: none. */
  decided: string | null;
  /** Numbers of the drift reports that it wrote. */
  drift: number[];
  /** Day whose fills were booked from opening quotes; null: none. */
  provisional: string | null;
  /** Whether another step came first; this one changed nothing. */
  superseded: boolean;
}

/** A paper account. */
export interface AccountSummary {
  /** Id of the account. */
  id: string;
  /** Name of the account. */
  name: string;
  /** Strategy of the catalogue or of the caller that it names; null: its own. */
  strategy_id: string | null;
  /** First day of the account. */
  start: string;
  /** Last day that is booked; null: none yet. */
  as_of: string | null;
  /** Cash and positions at the last closes; null: not started. */
  equity: number | null;
  /** Cash; null: not started. */
  cash: number | null;
  /** Number of positions; null: not started. */
  position_count: number | null;
  /** Dataset version of the last step. */
  dataset_version: string | null;
  /** Engine version of the last step. */
  engine_version: string | null;
  /** Digest of the backtest from `start` to `as_of` on this version, which the account equals. */
  result_digest: string | null;
  /** Why the last step failed; null: it did not. */
  error: string | null;
  /** When it was created. */
  created_at: string;
  /** When it was stepped last. */
  stepped_at: string | null;
  /** Whether it decides no orders; its days are booked as those of its backtest. */
  paused: boolean;
  /** How often it was changed. */
  changes: number;
  /** Whether everyone may read it, without a key. */
  public: boolean;
  /** Whether the caller may change, pause, step and delete it. */
  changeable: boolean;
}

/** Body of `PATCH /v1/backtests/{id}`: any of the fields; null removes. */
export interface AnnotationBody {
  /** Name by which you find it again; names may repeat. */
  name?: string | null;
  /** Note. */
  note?: string | null;
  /** Star; a starred backtest is not deleted by retention. */
  starred?: boolean | null;
}

/** An argument of a function. */
export interface Argument {
  /** Name in the signature. */
  name: string;
  /** An expression that is a number or a condition, or a constant: a whole number of rows, a percentage. */
  kind: "condition" | "number" | "percent" | "rows";
  /** Constants: the smallest value. */
  minimum: number | null;
  /** Constants: the largest value. */
  maximum: number | null;
  /** Value that a form may begin with; every argument has to be written. */
  default: number | null;
}

/** Result of the look-ahead audit. */
export interface Audit {

}

/** Body of `POST /v1/backtests/{id}/audit`. */
export interface AuditBody {
  /** Number of reruns on cut data. */
  cuts?: number;
  /** Seed of the random days at which the data are cut. */
  seed?: number;
}

/** A backtest. */
export interface Backtest {
  /** Id of the backtest. */
  id: string;
  /** State; completed, failed and cancelled are final. */
  status: "cancelled" | "completed" | "failed" | "preparing" | "queued" | "running";
  /** Part of the days that are simulated. */
  progress: number;
  /** Whether a stored result answered the request. */
  cached: boolean;
  /** Id of the strategy that the request named. */
  strategy_id: string | null;
  /** What requested it: a user, the preview of a form, the warmer, or its verification. */
  origin: "preview" | "user" | "verify" | "warmer";
  /** Name that its owner gave it. */
  name: string | null;
  /** Note of its owner. */
  note: string | null;
  /** Whether it has a star; it is not deleted by retention then. */
  starred: boolean;
  /** Research line that it is a trial of; null: none. */
  research: string | null;
  /** Dataset version; null while the first one is prepared. */
  dataset: string | null;
  /** Version of the engine that computes or computed it; null: not queued yet. */
  engine_version: string | null;
  /** Whether an older version of the engine computed the result; the same request now gives another. */
  outdated: boolean;
  /** When the request was accepted. */
  created_at: string;
  /** When the computation began. */
  started_at: string | null;
  /** When the computation ended. */
  finished_at: string | null;
  /** The request in canonical form, with every default. */
  request: Record<string, unknown>;
  /** Paths of the backtest's resources. */
  links: Record<string, string>;
  /** Statistics corrected for the trials of its research line; null: no line, or not completed. */
  deflated: Deflated | null;
  /** Result of a completed backtest. */
  result?: Result | null;
  /** Problem of a failed backtest. */
  error?: RunProblem | null;
}

/** Body of `POST /v1/backtests`. */
export interface BacktestBody {
  /** First day of the window. */
  start: string;
  /** Last day of the window; not before the start. */
  end: string;
  /** Cash before the first day. */
  initial_cash?: number;
  /** Costs in percent of the traded amount. */
  costs?: Costs;
  /** How orders meet the market. */
  execution?: Execution;
  /** A loaded index (KOSPI, KOSDAQ, …), market, equal, or null for none. */
  benchmark?: string | null;
  /** Risk-free rate of the statistics. */
  risk_free_pct?: number;
  /** A strategy, the id of one, or an object with an id and the parts to change. */
  strategy: string | NamedStrategy;
  /** Dataset version; null: the current one. */
  dataset?: string | null;
  /** Name of the research line that it is a trial of; null: none. */
  research?: string | null;
}

/** State of a backtest. */
export interface BacktestHead {
  /** Id of the backtest. */
  id: string;
  /** State; completed, failed and cancelled are final. */
  status: "cancelled" | "completed" | "failed" | "preparing" | "queued" | "running";
  /** Part of the days that are simulated. */
  progress: number;
  /** Whether a stored result answered the request. */
  cached: boolean;
  /** Id of the strategy that the request named. */
  strategy_id: string | null;
  /** What requested it: a user, the preview of a form, the warmer, or its verification. */
  origin: "preview" | "user" | "verify" | "warmer";
  /** Name that its owner gave it. */
  name: string | null;
  /** Note of its owner. */
  note: string | null;
  /** Whether it has a star; it is not deleted by retention then. */
  starred: boolean;
  /** Research line that it is a trial of; null: none. */
  research: string | null;
  /** Dataset version; null while the first one is prepared. */
  dataset: string | null;
  /** Version of the engine that computes or computed it; null: not queued yet. */
  engine_version: string | null;
  /** Whether an older version of the engine computed the result; the same request now gives another. */
  outdated: boolean;
  /** When the request was accepted. */
  created_at: string;
  /** When the computation began. */
  started_at: string | null;
  /** When the computation ended. */
  finished_at: string | null;
  /** The request in canonical form, with every default. */
  request: Record<string, unknown>;
}

/** A backtest in a list: its window, figures and statistics instead of its result; figures are null without one. */
export interface BacktestItem {
  /** Id of the backtest. */
  id: string;
  /** State; completed, failed and cancelled are final. */
  status: "cancelled" | "completed" | "failed" | "preparing" | "queued" | "running";
  /** Part of the days that are simulated. */
  progress: number;
  /** Whether a stored result answered the request. */
  cached: boolean;
  /** Id of the strategy that the request named. */
  strategy_id: string | null;
  /** What requested it: a user, the preview of a form, the warmer, or its verification. */
  origin: "preview" | "user" | "verify" | "warmer";
  /** Name that its owner gave it. */
  name: string | null;
  /** Note of its owner. */
  note: string | null;
  /** Whether it has a star; it is not deleted by retention then. */
  starred: boolean;
  /** Research line that it is a trial of; null: none. */
  research: string | null;
  /** Dataset version; null while the first one is prepared. */
  dataset: string | null;
  /** Version of the engine that computes or computed it; null: not queued yet. */
  engine_version: string | null;
  /** Whether an older version of the engine computed the result; the same request now gives another. */
  outdated: boolean;
  /** When the request was accepted. */
  created_at: string;
  /** When the computation began. */
  started_at: string | null;
  /** When the computation ended. */
  finished_at: string | null;
  /** The request in canonical form, with every default. */
  request: Record<string, unknown>;
  /** First day of the request. */
  start: string;
  /** Last day of the request. */
  end: string;
  /** Final equity / initial cash - 1. */
  total_return: number | null;
  /** Yearly growth rate. */
  cagr: number | null;
  /** Deepest drawdown from a peak. */
  max_drawdown: number | null;
  /** Mean excess return / deviation, for a year. */
  sharpe: number | null;
  /** Mean excess return / downside deviation, for a year. */
  sortino: number | null;
  /** Deviation of the daily returns, for a year. */
  volatility: number | null;
  /** Round trips with a gain / round trips. */
  win_rate: number | null;
  /** Fills of at least one share. */
  trades: number | null;
  /** total_return of the benchmark. */
  benchmark_total_return: number | null;
  /** Statistics of a completed backtest. */
  statistics: Statistics | null;
  /** Problem of a failed backtest. */
  error?: RunProblem | null;
}

/** A page of backtests, the newest first. */
export interface BacktestList {
  /** Backtests. */
  items: BacktestItem[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** The best variant, judged by its weekly returns and the number of trials. */
export interface BestTrial {
  /** Number of the variant. */
  variant: number;
  /** Sharpe ratio of its weekly returns, for a year. */
  sharpe_annual: number;
  /** Skewness of its weekly returns. */
  skewness: number;
  /** Kurtosis of its weekly returns; 3 for the normal distribution. */
  kurtosis: number;
  /** Probability that its true Sharpe ratio is above 0, were it the only trial. */
  psr: number;
  /** Deflated Sharpe ratio, from all trials (hard) to the independent ones by participation (soft): the probability that its true Sharpe ratio is above what the best of so many without skill shows. */
  dsr: number[];
  /** Years after which it exceeds the soft bar at 95 %; null: it is below the bar. */
  minimum_track_record_years: number | null;
  /** Years below which its ratio is expected of the best of the independent trials; null: not above 0. */
  minimum_backtest_years: number | null;
  /** Years of its returns. */
  years: number;
}

/** A bin of a histogram. */
export interface Bin {
  /** Lower bound, included. */
  lower: number;
  /** Upper bound, not included but in the last bin. */
  upper: number;
  /** Stocks whose value lies in it. */
  count: number;
}

/** Stationary-bootstrap intervals of the daily returns. */
export interface BootstrapIntervals {
  /** Confidence of the intervals. */
  confidence: number;
  /** Mean block length (Politis and White). */
  block_rows: number;
  /** Annual Sharpe ratio without a risk-free rate, percentile interval. */
  sharpe: Bounds;
  /** The same, studentised interval. */
  sharpe_studentised: Bounds;
  /** Growth a year. */
  cagr: Bounds;
  /** Largest drawdown. */
  max_drawdown: Bounds;
}

/** An estimate with its interval. */
export interface Bounds {
  /** Estimate. */
  estimate: number;
  /** Lower bound. */
  low: number;
  /** Upper bound. */
  high: number;
}

/** Which stocks may be bought, and in which order. */
export interface Buy {
  /** Condition that a stock has to meet on the row before; null: every stock of the universe. */
  where?: string | null;
  /** Number by which candidates are ranked; null ranks by MARKET_CAP. */
  rank_by?: string | null;
  /** Order of the ranking: desc (greatest first) or asc (smallest first). */
  order?: "asc" | "desc";
}

/** Chunks that were read, and the tier that served them. */
export interface CacheUse {
  /** Number of chunks. */
  chunks_read: number;
  /** Size of the chunks. */
  bytes_read: number;
  /** Size of the chunks by tier. */
  bytes_by_tier: Record<string, number>;
  /** Number of chunks by tier. */
  by_tier: Record<string, number>;
}

/** The days of a year. */
export interface Calendar {
  /** The year. */
  year: number;
  /** First trading day of the dataset; null: there is none yet. */
  first_day: string | null;
  /** Last trading day of the dataset. */
  last_day: string | null;
  /** Whether the table of holidays has the year; otherwise every weekday outside the dataset counts as a trading day. */
  covered: boolean;
  /** Number of trading days. */
  trading_days: number;
  /** Every day of the year. */
  days: CalendarDay[];
}

/** A day of the calendar. */
export interface CalendarDay {
  /** The day. */
  date: string;
  /** Whether it is a trading day. */
  trading: boolean;
  /** Why it is none: weekend, holiday (name, name_ko), or no_prices: a weekday without prices in the dataset that is no holiday of the table. Null on trading days. */
  reason: "holiday" | "no_prices" | "weekend" | null;
  /** Name of the holiday. */
  name: string | null;
  /** Korean name of the holiday. */
  name_ko: string | null;
  /** What decided: the trading days of the dataset between its first and last day, else the table of holidays. */
  source: "dataset" | "table";
  /** Whether it is the last trading day of its month. */
  month_end: boolean;
  /** Whether it is the last trading day of its year. */
  year_end: boolean;
}

/** A plain backtest: `POST /v1/backtests` of `request` gives the same figures. */
export interface ChangedBacktest {
  /** Name, unique in its group. */
  name: string;
  /** What was changed, `buy.where#2` being the second number of that text; null: no single value. */
  parameter: string | null;
  /** The changed value. */
  value: number | string | null;
  /** Its figures; null: it has no result. */
  figures: ChangedFigures | null;
  /** Why it has no result; null: it has one. */
  failure: ChangedFailure | null;
  /** The request, as `POST /v1/backtests` takes it. */
  request: Record<string, unknown>;
}

/** Why a changed backtest has no figures. */
export interface ChangedFailure {
  /** Stable identifier of the reason. */
  code: string;
  /** Parameters of the message. */
  params: Record<string, unknown>;
  /** The reason in the language of the answer. */
  message: string;
}

/** Figures of a changed backtest. */
export interface ChangedFigures {
  /** Return over the window. */
  total_return: number | null;
  /** Growth a year. */
  cagr: number | null;
  /** Annual Sharpe ratio; null: undefined. */
  sharpe: number | null;
  /** Largest drawdown, 0 or below. */
  max_drawdown: number | null;
  /** Number of fills. */
  trades: number;
}

/** An expression that was checked; without an error it may be sent in a request as it is. */
export interface CheckedExpression {
  /** Whether there is no error. */
  ok: boolean;
  /** Place in the strategy that it was checked for. */
  place: string;
  /** Text that was checked; of a tree its canonical text. */
  text: string;
  /** Canonical text, which results and digests contain; null with an error. */
  canonical: string | null;
  /** What it is; null with an error. */
  type: "condition" | "number" | null;
  /** Its tree; null with an error of syntax. */
  tree: TreeNode | null;
  /** Names of factors, price fields and index series that it reads. */
  reads: string[];
  /** Size, which counts in the cost of a backtest; null with an error. */
  nodes: number | null;
  /** Rows before a row that its value reads; null with an error, or all rows. */
  lookback_rows: number | null;
  /** Every mistake, with line, column and suggestions. */
  errors: ProblemItem[];
}

/** A correlation between values and returns by row. */
export interface Coefficient {
  /** Rows with the figure. */
  rows: number;
  /** Mean over the rows; null: no row has it. */
  mean: number | null;
  /** Newey-West t of the mean; null: fewer than 2 rows, or no dispersion. */
  t: number | null;
  /** Lags of the kernel: max(horizon - 1, floor(4 (rows/100)^(2/9))). */
  lags: number;
  /** Sample standard deviation over the rows. */
  deviation: number | null;
  /** Mean divided by deviation (ICIR). */
  ratio: number | null;
  /** ratio times sqrt(252 / horizon). */
  ratio_annual: number | null;
  /** Share of the rows above 0. */
  positive: number | null;
}

/** A coefficient that the cut data make otherwise. */
export interface CoefficientDifference {
  /** Row of the coefficient. */
  date: string;
  /** Holding time. */
  horizon: number;
  /** Coefficient. */
  figure: "ic" | "rank_ic";
  /** On the whole data; null: absent, as it has to be when its exit is cut away. */
  whole: number | null;
  /** On the cut data; null: absent. */
  cut: number | null;
}

/** Body of `POST /v1/compare`. */
export interface CompareBody {
  /** Ids of completed backtests. */
  ids: string[];
}

/** One of the compared backtests. */
export interface ComparedBacktest {
  /** Id of the backtest. */
  id: string;
  /** Id of the strategy that the request named. */
  strategy_id: string | null;
  /** Dataset version. */
  dataset: string | null;
  /** Statistics of the run. */
  statistics: Statistics;
  /** Equity on the common dates. */
  equity: (number | null)[];
  /** Against the first backtest; null for the first, below 3 returns, and for an equity that does not vary. */
  sharpe_difference: SharpeDifference | null;
}

/** Backtests side by side. */
export interface Comparison {
  /** Days that all the backtests have. */
  dates: string[];
  /** The backtests, in the order of the request. */
  items: ComparedBacktest[];
}

/** Whether a record can be distinguished from luck, or what limits its figures. */
export interface Conclusion {
  /** luck_within, luck_depends or luck_beyond: below, across or above 95 % of the deflated Sharpe ratio; luck_unknown; of warnings another. */
  code: string;
  /** The sentence. */
  message: string;
}

/** A part of a condition for one stock on one row. */
export interface ConditionPart {
  /** Text of the part. */
  condition: string;
  /** Whether it was true. */
  passed: boolean;
  /** The numbers that it compares, by their text; null: absent. */
  values: Record<string, number | null>;
  /** How the operands are combined; null: there are none. */
  operator: "and" | "or" | null;
  /** Parts that this part combines. */
  operands: ConditionPart[];
}

/** A split or dividend of a position: with the trades it explains shares and cash of every day. */
export interface CorporateAction {
  /** Row on which it took effect. */
  date: string;
  /** Stock code. */
  stock_code: string;
  /** split or dividend. */
  kind: "dividend" | "split";
  /** Shares that one share became; null for a dividend. */
  ratio: number | null;
  /** Shares of the evening before. */
  shares_before: number;
  /** Shares after it; a dividend does not change them. */
  shares_after: number;
  /** Dividend a share before tax; null for a split. */
  dps: number | null;
  /** Money credited: for the fraction of a share, or the dividend after tax. */
  cash: number;
}

/** A split or dividend of a position: with the trades it explains shares and cash of every day. One array a column. */
export interface CorporateActionColumns {
  /** One value a row. */
  date: string[];
  /** One value a row. */
  stock_code: string[];
  /** One value a row. */
  kind: ("dividend" | "split")[];
  /** One value a row. */
  ratio: (number | null)[];
  /** One value a row. */
  shares_before: number[];
  /** One value a row. */
  shares_after: number[];
  /** One value a row. */
  dps: (number | null)[];
  /** One value a row. */
  cash: number[];
}

/** Costs in percent of the traded amount. */
export interface Costs {
  /** Commission of each fill. */
  commission_pct?: number;
  /** Distance of a fill from its reference price. */
  slippage_pct?: number;
  /** Sales tax; null: the dated table of the market. */
  tax_pct?: number | null;
  /** Factor of the square-root market impact that is added to the slippage; null: none. */
  impact?: number | null;
  /** Tax on dividends; null: by market (15.4 for KOSPI, KOSDAQ and KONEX, else 0). */
  dividend_tax_pct?: number | null;
}

/** A dataset version. */
export interface Dataset {
  /** Name of the version. */
  version: string;
  /** Whether new requests use it. */
  current: boolean;
  /** Data revision that it was built from. */
  revision: number;
  /** When it was built. */
  built_at: string;
  /** When a newer version replaced it. */
  retired_at: string | null;
  /** Number of stored parts. */
  parts: number;
  /** Size of the manifest. */
  manifest_bytes: number | null;
}

/** A dataset version with its content. */
export interface DatasetDetail {
  /** Name of the version. */
  version: string;
  /** Whether new requests use it. */
  current: boolean;
  /** Data revision that it was built from. */
  revision: number;
  /** When it was built. */
  built_at: string;
  /** When a newer version replaced it. */
  retired_at: string | null;
  /** Number of stored parts. */
  parts: number;
  /** Size of the manifest. */
  manifest_bytes: number | null;
  /** First trading day. */
  first_day: string | null;
  /** Last trading day. */
  last_day: string | null;
  /** Number of trading days. */
  days: number;
  /** Number of stocks. */
  stocks: number;
  /** Loaded indices. */
  indices: string[];
  /** Markets of the stocks. */
  markets: string[];
  /** Factors that it has. */
  factors: string[];
  /** Factors that it lacks. */
  missing_factors: string[];
  /** Factor that it lacks -> reason. */
  reasons: Record<string, string>;
  /** Number of chunks. */
  chunks: number;
  /** Sizes of the content. */
  sizes: Record<string, unknown>;
}

/** Dataset versions, the newest first. */
export interface DatasetList {
  /** Versions. */
  items: Dataset[];
  /** Name of the current version. */
  current: string | null;
}

/** Coefficients by horizon. */
export interface Decay {
  /** 1, 2, 3, 5, 10, 20, 40 and 60 rows, and those of the request. */
  horizons: DecayPoint[];
  /** Horizon after that of the largest rank IC at which it is half of it; null: not reached. */
  half_life: number | null;
}

/** Mean coefficients of one horizon. */
export interface DecayPoint {
  /** Holding time. */
  horizon: number;
  /** Mean IC. */
  ic: number | null;
  /** Mean rank IC. */
  rank_ic: number | null;
  /** Newey-West t of the rank IC. */
  t: number | null;
}

/** A result judged against all trials of its research line, from weekly returns. */
export interface Deflated {
  /** The line. */
  research: string;
  /** Distinct trials of the line so far, this one included. */
  trials: number;
  /** Trials that were made elsewhere. */
  extra_trials: number;
  /** Effective numbers of independent trials. */
  independent: IndependentOfLine;
  /** Weeks of this result. */
  weeks: number;
  /** Sharpe ratio of its weekly returns, for a year; null: they do not vary or have gaps. */
  sharpe_annual: number | null;
  /** Probability that its true ratio is above 0, were it the only trial. */
  psr: number | null;
  /** Sharpe ratio that the best of so many trials without skill shows: of the independent ones by participation, and of all, for a year. */
  sr0_annual: number[] | null;
  /** Deflated Sharpe ratio against both: the probability that its true ratio is above the bar. */
  dsr: number[] | null;
  /** Deviation of the ratios: of the trials, or with fewer than 10 of no skill. */
  deviation_from: "null" | "trials";
  /** Formula of psr and dsr. */
  method: string;
  /** Whether it can be distinguished from luck. */
  conclusion: Conclusion;
}

/** An event that is delivered to the webhook of an account. */
export interface Delivery {
  /** Number of the delivery. */
  number: number;
  /** Id of the event, the same in every attempt. */
  event_id: string;
  /** What happened. */
  type: "account.drift" | "data.late" | "orders.decided" | "orders.filled" | "orders.provisional" | "orders.working";
  /** Trading day of the event. */
  date: string;
  /** waiting: for its next attempt; delivered: the receiver answered 2xx; dead: given up. */
  status: "dead" | "delivered" | "waiting";
  /** Attempts so far. */
  attempts: number;
  /** When the next attempt is due; of others the last time. */
  due_at: string;
  /** Status of the last answer; null: there was none. */
  http_status: number | null;
  /** Why the last attempt failed; null: it did not. */
  error: string | null;
  /** When the event happened. */
  created_at: string;
  /** When it was accepted; null: it was not. */
  delivered_at: string | null;
}

/** A page of deliveries, the newest first. */
export interface DeliveryPage {
  /** Deliveries. */
  items: Delivery[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** Values of a factor on the last row. */
export interface Distribution {
  /** The row. */
  date: string | null;
  /** Number of stocks that have a value. */
  count: number;
  /** Mean. */
  mean: number | null;
  /** Quantile -> value. */
  quantiles: Record<string, number>;
}

/** A cell that the strategy reads and that differs, with the days after it on which it differs too. */
export interface DriftCell {
  /** A field of the language, a factor, a stored price field, the name of an index, dividend, delisted_on, market or sector. */
  field: string;
  /** Code of the stock; null: an index. */
  stock_code: string | null;
  /** First day. */
  date: string;
  /** Last day. */
  to: string;
  /** Number of trading days. */
  days: number;
  /** Value of the first day before; null: absent. */
  before: number | string | null;
  /** Value of the first day now; null: absent. */
  after: number | string | null;
  /** Whether the row or the statement behind it came later; false: it was restated. */
  late: boolean;
}

/** A page of drift reports, the newest first. */
export interface DriftPage {
  /** Reports. */
  items: DriftReport[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** What one cause made of a difference; the parts of a report add up to its won. */
export interface DriftPart {
  /** The cause, as in the report. */
  cause: "damaged_panels" | "engine" | "late_data" | "no_decision" | "not_separable" | "quoted_opens" | "restated_data" | "user_change";
  /** What it made; null: unknown. */
  won: number | null;
  /** By stock with restated cells, at most 20 of them; else empty. */
  stocks: StockWon[];
}

/** A decision or a ledger that a later dataset, engine or request makes otherwise. */
export interface DriftReport {
  /** Number of the report, from 1. */
  number: number;
  /** Day of the first difference. */
  day: string;
  /** The cause that made most. restated_data: data up to the day were changed; engine: another engine version; late_data: data were loaded after they were due; no_decision: no step ran before the day's row was loaded; user_change: the account was changed; not_separable: engine and data changed, and the earlier dataset version was deleted; quoted_opens: fills differ from those at the quoted opens; damaged_panels: a step read damaged memory, and its ledger or orders were withdrawn. */
  cause: "damaged_panels" | "engine" | "late_data" | "no_decision" | "not_separable" | "quoted_opens" | "restated_data" | "user_change";
  /** Difference of the equity, or what the fills concerned made by the evening; null: unknown. */
  won: number | null;
  /** What each cause made, the largest first. */
  causes: DriftPart[];
  /** Cells that the strategy reads and that differ, at most 500; null: the earlier version was deleted. */
  cells: DriftCell[] | null;
  /** Number of cells; null: unknown. */
  cell_count: number | null;
  /** Trading days that only one of the versions has. */
  other_days: string[];
  /** Statements behind the cells that loads changed. */
  statements: StatementChange[];
  /** Orders of one side only: `decided` and `now`. */
  orders: Record<string, unknown>;
  /** First difference of the ledger: date, part, stored, now, won; null: none. */
  ledger: Record<string, unknown> | null;
  /** Fills without an order, or of the stocks whose orders differ. */
  fills: AccountFill[];
  /** Dataset version of the decision or of the stored ledger. */
  dataset_before: string | null;
  /** Dataset version that differs from it. */
  dataset_now: string;
  /** Data revision before. */
  revision_before: number | null;
  /** Data revision now. */
  revision_now: number;
  /** Engine version before. */
  engine_before: string | null;
  /** Engine version now. */
  engine_now: string;
  /** When it was written. */
  created_at: string;
}

/** A page of the equity curve. */
export interface EquityPage {
  /** Days. */
  items: EquityPoint[];
  /** Number of days of the backtest. */
  total: number;
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** One day of the equity curve. */
export interface EquityPoint {
  /** Trading day. */
  date: string;
  /** Cash and value of the positions in the evening. */
  equity: number | null;
  /** Cash in the evening. */
  cash: number | null;
  /** Number of positions. */
  positions: number;
  /** Return of the day. */
  daily_return: number | null;
  /** Distance from the highest equity so far, 0 or below. */
  drawdown: number | null;
  /** Value of the benchmark that began with the initial cash. */
  benchmark: number | null;
}

/** One day of the equity curve. One array a column. */
export interface EquityPointColumns {
  /** One value a row. */
  date: string[];
  /** One value a row. */
  equity: (number | null)[];
  /** One value a row. */
  cash: (number | null)[];
  /** One value a row. */
  positions: number[];
  /** One value a row. */
  daily_return: (number | null)[];
  /** One value a row. */
  drawdown: (number | null)[];
  /** One value a row. */
  benchmark: (number | null)[];
}

/** Values of stocks and rows, and why some have no return. */
export interface Excluded {
  /** Values inside the universe. */
  cells: number;
  /** Those with a return. */
  used: number;
  /** No trading on the row after. */
  halted: number;
  /** The row after opens at the upper limit. */
  limit_up: number;
  /** The row after is one of liquidation trading. */
  liquidation: number;
  /** The dataset ends before the exit. */
  not_ended: number;
}

/** How orders meet the market. */
export interface Execution {
  /** Price at which orders of a day fill. */
  price?: "close" | "open";
  /** Whether daily price limits forbid fills; null: by market (KOSPI, KOSDAQ and KONEX have them). */
  price_limits?: boolean | null;
  /** Whether fills are rounded to the tick; null: by market (KOSPI, KOSDAQ and KONEX have ticks). */
  tick_size?: boolean | null;
  /** Maximum size of a purchase against the mean volume of the 20 rows before; null: no cap. */
  max_volume_pct?: number | null;
  /** Whether dividends are credited. */
  dividends?: boolean;
  /** How a holding of a delisted stock ends: liquidation (sold in liquidation trading, else at the last price less, when that is stale, stale_haircut_pct), last_price, haircut (last price less delisting_haircut_pct) or zero. */
  delisting?: "haircut" | "last_price" | "liquidation" | "zero";
  /** With delisting haircut: reduction of the last price. */
  delisting_haircut_pct?: number;
  /** With delisting liquidation: reduction of a last price of more than 30 days before the delisting. */
  stale_haircut_pct?: number;
}

/** A trade and its reason. */
export interface ExplainedTrade {
  /** Trading day. */
  date: string;
  /** Stock code. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** Side of the trade. */
  side: "buy" | "sell";
  /** Number of shares. */
  shares: number;
  /** Price of the fill. */
  price: number;
  /** Commission. */
  commission: number;
  /** Sales tax. */
  tax: number;
  /** Rule that made the trade: entry, stop_loss, trailing_stop, take_profit, max_hold, condition, timing, drawdown_stop, rebalance, delisted or corporate_action. */
  reason: string;
  /** Why it was made. */
  why: Why;
}

/** The result with `why` at each trade and `rebalances`; or with stock_code and date, why the stock was not bought: the fields from `stock_code` on. Prices are raw. */
export interface Explanation {
  /** Trades with their reasons. */
  trades?: ExplainedTrade[] | null;
  /** Rows that were simulated. */
  window?: Window | null;
  /** Statistics of the run. */
  statistics?: Statistics | null;
  /** Closed positions. */
  round_trips?: RoundTrip[] | null;
  /** Positions that are held on the last day. */
  open_positions?: OpenPosition[] | null;
  /** Returns by month. */
  monthly_returns?: MonthlyReturn[] | null;
  /** Returns by year. */
  yearly_returns?: YearlyReturn[] | null;
  /** Splits and dividends of the positions. */
  corporate_actions?: CorporateAction[] | null;
  /** Number of orders that could not fill, by reason. */
  unfilled?: Record<string, number> | null;
  /** What a reader of the result must know. */
  warnings?: ResultWarning[] | null;
  /** What passed on each rebalance day. */
  rebalances?: Rebalance[] | null;
  /** Stock code. */
  stock_code?: string | null;
  /** Name of the stock on that day. */
  name?: string | null;
  /** The day. */
  date?: string | null;
  /** The row before it; null: there is none. */
  decided_on?: string | null;
  /** bought, no_signal, no_rebalance_day, when_false, drawdown_stop, held, sold_today, not_in_universe, condition, no_rank_value, not_in_target_list, no_slot, max_new_per_day, sector_cap, halted, limit_up, volume or cash: what stopped the purchase. */
  outcome?: string | null;
  /** The outcome in words. */
  message?: string | null;
  /** Whether stocks are bought on that day. */
  rebalance_day?: boolean | null;
  /** Parts of the universe. */
  universe?: UniversePart[] | null;
  /** Parts of buy.where. */
  condition?: ConditionPart[] | null;
  /** The number that is ranked by. */
  rank_by?: string | null;
  /** Its value for the stock; null: absent. */
  value?: number | null;
  /** Rank among the candidates, from 1; null: it was no candidate. */
  rank?: number | null;
  /** Number of candidates. */
  candidates?: number | null;
  /** Length of the target list; null with on_rebalance hold. */
  target_list?: number | null;
  /** Positions when purchases began. */
  positions?: number | null;
  /** Free slots when purchases began. */
  slots?: number | null;
  /** Stocks bought on that day. */
  bought?: number | null;
  /** Cash when purchases began. */
  cash?: number | null;
  /** The equity curve; with stock_code: equity at the first purchase. */
  equity?: EquityPoint[] | number | null;
  /** Open (or close) of the day; null: it did not trade. */
  price?: number | null;
  /** Upper price limit; null: none. */
  upper_limit?: number | null;
  /** Mean volume of the 20 rows before; null: none. */
  mean_volume?: number | null;
}

/** Body of `POST /v1/expressions/check`: a text or a tree. */
export interface ExpressionBody {
  /** The expression. */
  text?: string | null;
  /** Instead of `text`: a tree as this route answers it, for its text. A tree that is nested deeper than bodies may be has to be sent as text. */
  tree?: TreeNode | null;
  /** Place in the strategy that it is meant for. */
  place?: "buy.rank_by" | "buy.where" | "portfolio.when" | "sell.where" | "universe.where";
}

/** Definition of a factor. */
export interface Factor {
  /** Name in expressions. */
  key: string;
  /** Korean name. */
  name_ko: string;
  /** English name. */
  name_en: string;
  /** Group of the factor. */
  category: string;
  /** Unit of its values. */
  unit: string;
  /** Formula. */
  formula: string;
  /** Accounts and prices that it reads. */
  inputs: string;
  /** When a stock has no value. */
  null_when: string;
  /** What it is computed from: prices or statements. */
  kind: string;
  /** Rows that it reads; null: as many as there are. */
  lookback_rows: number | null;
  /** Version of the formula. */
  version: number;
  /** Whether the current dataset version has it. */
  available: boolean;
}

/** A report computed again, and on data that end earlier. */
export interface FactorAudit {
  /** Whether the digest is the stored one and every cut is identical. */
  identical: boolean;
  /** SHA-256 of the report that was computed now. */
  digest: string;
  /** SHA-256 of the stored report. */
  stored_digest: string;
  /** Computations on cut data, by day. */
  cuts: FactorCut[];
}

/** Body of `POST /v1/factor-reports/{id}/audit`. */
export interface FactorAuditBody {
  /** Number of computations on cut data. */
  cuts?: number;
  /** Seed of the random days at which the data are cut. */
  seed?: number;
}

/** A bound that a factor is usually asked to keep. */
export interface FactorCheck {
  /** t: of the rank IC, without sign; turnover: mean of the outer quantiles; correlation: the largest with another factor, without sign. */
  check: "correlation" | "t" | "turnover";
  /** Holding time; null: the check has none. */
  horizon: number | null;
  /** The figure; null: there is none. */
  value: number | null;
  /** Lower bound; null: none. */
  least: number | null;
  /** Upper bound; null: none. */
  most: number | null;
  /** Whether the figure is within the bounds; null: there is none. */
  passes: boolean | null;
  /** correlation: the other factor. */
  with: string | null;
}

/** Correlation with a factor of the catalogue. */
export interface FactorCorrelation {
  /** Key of the factor. */
  factor: string;
  /** Mean correlation of the ranks on the last row of each month; null: too few stocks. */
  correlation: number | null;
  /** Rows with a correlation. */
  rows: number;
}

/** The coefficients on data that end on a day. */
export interface FactorCut {
  /** Last day of the cut data. */
  date: string;
  /** Compared coefficients, which lie before the cut with their exit. */
  coefficients: number;
  /** Coefficients whose exit is cut away, and which have to be absent. */
  absent: number;
  /** Whether all are equal to the bit, and the others absent. */
  identical: boolean;
  /** The first one that is not; null: none. */
  first_difference: CoefficientDifference | null;
}

/** A factor with its coverage and distribution. */
export interface FactorDetail {
  /** Name in expressions. */
  key: string;
  /** Korean name. */
  name_ko: string;
  /** English name. */
  name_en: string;
  /** Group of the factor. */
  category: string;
  /** Unit of its values. */
  unit: string;
  /** Formula. */
  formula: string;
  /** Accounts and prices that it reads. */
  inputs: string;
  /** When a stock has no value. */
  null_when: string;
  /** What it is computed from: prices or statements. */
  kind: string;
  /** Rows that it reads; null: as many as there are. */
  lookback_rows: number | null;
  /** Version of the formula. */
  version: number;
  /** Whether the current dataset version has it. */
  available: boolean;
  /** Why the current dataset version lacks it. */
  reason: string | null;
  /** Coverage by year. */
  coverage: YearCoverage[];
  /** Values of the last row. */
  distribution: Distribution | null;
}

/** Values of a factor over a universe on one row. */
export interface FactorDistribution {
  /** Name in expressions. */
  key: string;
  /** Unit of its values. */
  unit: string;
  /** The row. */
  date: string;
  /** Number of stocks in the universe. */
  universe: number;
  /** Number of them that have a value. */
  count: number;
  /** Mean; null without a value. */
  mean: number | null;
  /** Sample deviation; null with fewer than two values. */
  deviation: number | null;
  /** Quantile (0 is the smallest value, 1 the largest) -> value. */
  quantiles: Record<string, number>;
  /** Bins of equal width from the quantile 0.01 to 0.99, so that a few values do not stretch it. */
  bins: Bin[];
  /** Stocks below the first bin. */
  below: number;
  /** Stocks above the last bin. */
  above: number;
}

/** Why a factor has no figures. */
export interface FactorFailure {
  /** Stable identifier of the reason. */
  code: string;
  /** Parameters of the message. */
  params: Record<string, unknown>;
  /** The reason in the language of the answer. */
  message: string;
}

/** A group of stocks at one horizon. */
export interface FactorGroup {
  /** What the stocks are grouped by. */
  by: "cap_group" | "market" | "sector";
  /** Name of the group; a stock belongs on a row to the group of that row. */
  group: string;
  /** Holding time. */
  horizon: number;
  /** Mean number of its stocks with a value and a return. */
  stocks: number;
  /** Correlation of the ranks among its stocks; at least 30 on a row. */
  rank_ic: MeanTest;
  /** Its stocks in the highest quantile of the universe less those in the lowest, on rows with both. */
  spread: MeanTest;
}

/** The figures of one holding time. */
export interface FactorHorizon {
  /** Holding time. */
  horizon: number;
  /** Correlation of values and returns. */
  ic: Coefficient;
  /** Correlation of their ranks. */
  rank_ic: Coefficient;
  /** Portfolios, the smallest values first. */
  quantiles: Quantile[];
  /** Highest less lowest quantile. */
  spread: QuantileSpread;
  /** Mean correlation of the ranks with those of `horizon` rows before. */
  rank_autocorrelation: number | null;
  /** Slope of the row's regression of returns on the z-score of the factor. */
  fama_macbeth: MeanTest;
  /** Values without a return. */
  excluded: Excluded;
}

/** All factors. */
export interface FactorList {
  /** Factors. */
  items: Factor[];
}

/** Rank IC of factors by horizon. */
export interface FactorMatrix {
  /** Dataset version. */
  dataset_version: string;
  /** Start of the window. */
  start: string;
  /** End of the window. */
  end: string;
  /** Holding times, ascending. */
  horizons: number[];
  /** What this request has recorded in a research line; null: it named none. */
  recorded: RecordedPortfolios | null;
  /** Cells with a t: the number of tests that p-values are adjusted for. */
  tests: number;
  /** Factors, in the order of the request or of the catalogue. */
  factors: MatrixFactor[];
}

/** Body of `POST /v1/factor-reports/matrix`. */
export interface FactorMatrixBody {
  /** First row that is judged. */
  start: string;
  /** Last row that is judged; not before the start. */
  end: string;
  /** Stocks that are judged. */
  universe?: Universe;
  /** Holding times: from the open after a row to the open so many rows later. */
  horizons?: number[];
  /** sector: values and returns less the mean of their sector on the row; stocks without a sector are left out. */
  neutral?: "none" | "sector";
  /** How a delisting inside a holding time ends it, as in `execution.delisting` of a backtest. */
  delisting?: "haircut" | "last_price" | "liquidation" | "zero";
  /** With delisting haircut: reduction of the last price. */
  delisting_haircut_pct?: number;
  /** With delisting liquidation: reduction of a last price of more than 30 days before the delisting. */
  stale_haircut_pct?: number;
  /** Dataset version; null: the current one. */
  dataset?: string | null;
  /** Name of the research line whose trials the portfolios of factor and horizon are; null: none. */
  research?: string | null;
  /** Factors and expressions that are compared; null: every factor of the dataset version. */
  factors?: string[] | null;
}

/** A trial of a research line: the ranks of a factor, bought above the mean rank and sold short below it. */
export interface FactorPortfolio {
  /** Canonical text. */
  factor: string;
  /** Holding time. */
  horizon: number;
  /** Weeks of its returns. */
  weeks: number;
  /** Sharpe ratio of its weekly returns before costs, for a year; null: they do not vary. */
  sharpe_annual: number | null;
}

/** What a factor says about the returns that follow. */
export interface FactorReport {
  /** Id of the stored report. */
  id: string;
  /** When it was computed. */
  created_at: string;
  /** Version of the engine that computed it. */
  engine_version: string;
  /** Body of `POST /v1/factor-reports` that gives the same report. */
  request: Record<string, unknown>;
  /** What this request has recorded in a research line; null: it named none. */
  recorded: RecordedPortfolios | null;
  /** Dataset version. */
  dataset_version: string;
  /** Canonical text. */
  factor: string;
  /** Rows that are judged. */
  window: FactorWindowRows;
  /** Stocks with a value. */
  coverage: ReportCoverage;
  /** Holding times, ascending. */
  horizons: FactorHorizon[];
  /** Coefficients by horizon. */
  decay: Decay;
  /** By calendar year and horizon. */
  years: FactorYear[];
  /** Within sectors, markets and cap groups; null: no breakdown was asked for. */
  groups: FactorGroup[] | null;
  /** With every factor; null: not asked for. */
  correlations: FactorCorrelation[] | null;
  /** Usual bounds, and whether they are kept. */
  checks: FactorCheck[];
  /** By row; null: not asked for. */
  series: FactorSeries | null;
  /** Warnings. */
  warnings: ResultWarning[];
  /** SHA-256 of the report. */
  digest: string;
}

/** Body of `POST /v1/factor-reports`. */
export interface FactorReportBody {
  /** First row that is judged. */
  start: string;
  /** Last row that is judged; not before the start. */
  end: string;
  /** Stocks that are judged. */
  universe?: Universe;
  /** Holding times: from the open after a row to the open so many rows later. */
  horizons?: number[];
  /** sector: values and returns less the mean of their sector on the row; stocks without a sector are left out. */
  neutral?: "none" | "sector";
  /** How a delisting inside a holding time ends it, as in `execution.delisting` of a backtest. */
  delisting?: "haircut" | "last_price" | "liquidation" | "zero";
  /** With delisting haircut: reduction of the last price. */
  delisting_haircut_pct?: number;
  /** With delisting liquidation: reduction of a last price of more than 30 days before the delisting. */
  stale_haircut_pct?: number;
  /** Dataset version; null: the current one. */
  dataset?: string | null;
  /** Name of the research line whose trials the portfolios of factor and horizon are; null: none. */
  research?: string | null;
  /** The number that is judged: a factor or an expression. */
  factor: string;
  /** Quantile portfolios. */
  quantiles?: number;
  /** Further regressors of the Fama-MacBeth regression. */
  controls?: string[];
  /** Cost of a purchase or a sale, for the returns after costs. */
  cost_pct?: number;
  /** Groups within which the rank IC and the spread are computed as well. */
  breakdowns?: ("cap_group" | "market" | "sector")[];
  /** Whether the correlation with every factor is computed. */
  correlations?: boolean;
  /** Whether the figures of every row are answered. */
  series?: boolean;
}

/** A page of factor reports, the newest first. */
export interface FactorReportList {
  /** Reports. */
  items: ListedFactorReport[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** Figures by row; the lists of a horizon have the order of `horizons`. */
export interface FactorSeries {
  /** The rows. */
  date: string[];
  /** Stocks with a value. */
  values: number[];
  /** IC by horizon and row. */
  ic: ((number | null)[])[];
  /** Rank IC by horizon and row. */
  rank_ic: ((number | null)[])[];
  /** Highest less lowest quantile by horizon and row. */
  spread: ((number | null)[])[];
}

/** The rows of a report. */
export interface FactorWindowRows {
  /** First row. */
  start: string;
  /** Last row. */
  end: string;
  /** Number of rows. */
  rows: number;
}

/** A calendar year and horizon. */
export interface FactorYear {
  /** Calendar year of the rows. */
  year: number;
  /** Holding time. */
  horizon: number;
  /** Rows with a rank IC. */
  rows: number;
  /** Mean rank IC. */
  rank_ic: number | null;
  /** Mean return of the highest less the lowest quantile. */
  spread: number | null;
}

/** A name that an expression may read. */
export interface Field {
  /** Name in expressions. */
  name: string;
  /** A factor, a price field, or an index series. */
  kind: "factor" | "index" | "price";
  /** Unit of its values. */
  unit: string;
  /** Factors: the group. */
  category: string | null;
  /** Korean name. */
  name_ko: string;
  /** English name. */
  name_en: string;
  /** What it is, in Korean. */
  help_ko: string;
  /** What it is, and when a stock has no value. */
  help_en: string;
  /** Other words of the language that are read as this name. */
  aliases: string[];
  /** Whether the current dataset version has it. */
  available: boolean;
}

/** Shares and price of a fill. */
export interface FillPart {
  /** Shares. */
  shares: number;
  /** Price after slippage. */
  price: number;
}

/** A function. */
export interface FunctionHelp {
  /** Name in expressions. */
  name: string;
  /** Name and arguments. */
  signature: string;
  /** element (by cell), window (over the rows of a stock), cross_section (across the stocks of a row) or aggregate (one number for all stocks of a row). */
  group: "aggregate" | "cross_section" | "element" | "window";
  /** Korean title of the group. */
  group_ko: string;
  /** Arguments, all of which are needed. */
  arguments: Argument[];
  /** What it gives. */
  result: "condition" | "number";
  /** What it gives, in Korean. */
  help_ko: string;
  /** What it gives. */
  help_en: string;
  /** Words by which a page may find it; they are not accepted in expressions. */
  aliases: string[];
}

/** Whether the process is alive. */
export interface Health {
  /** ok: the process answers. */
  status: "ok";
}

/** A statistic over two parameters, the others reduced. */
export interface Heatmap {
  /** Columns. */
  x: HeatmapAxis;
  /** Rows. */
  y: HeatmapAxis;
  /** Statistic of the cells. */
  value: string;
  /** What a cell shows of its variants. */
  reduce: string;
  /** Whether variants are missing: the sweep is unfinished or was cancelled. */
  partial: boolean;
  /** Variants that have been run. */
  seen: number;
  /** Values [y][x] over the variants that meet the objective's condition; null: no such variant. */
  cells: ((number | null)[])[];
}

/** An axis of a heat map. */
export interface HeatmapAxis {
  /** Parameter. */
  parameter: string;
  /** Its values, in order. */
  values: unknown[];
}

/** A position on an evening. */
export interface Holding {
  /** Stock code. */
  stock_code: string;
  /** Name of the stock on that day. */
  name: string;
  /** Number of shares. */
  shares: number;
  /** Mean entry price on the share basis of that evening. */
  entry_price: number;
  /** Day of the first purchase. */
  entry_date: string;
  /** Last close. */
  price: number;
  /** Shares times price. */
  value: number;
  /** Value divided by equity. */
  weight: number | null;
  /** What the purchases cost, with commission. */
  cost: number;
  /** Age of the position. */
  days: number;
  /** Value and proceeds so far less the cost. */
  gain: number;
  /** Gain divided by cost. */
  return: number | null;
}

/** The positions on the evening of a day; their values and the cash add up to the equity. */
export interface Holdings {
  /** The day. */
  date: string;
  /** Equity of the evening. */
  equity: number;
  /** Cash of the evening. */
  cash: number;
  /** Positions, by stock code. */
  holdings: Holding[];
}

/** Days that no variant reads. */
export interface Holdout {
  /** First day of the holdout; the sweep ends on the day before. */
  from: string;
}

/** Body of `POST /v1/sweeps/{id}/holdout`. */
export interface HoldoutBody {
  /** Number of the variant that is run over the holdout. */
  variant: number;
}

/** The one opening of a holdout. */
export interface HoldoutOpened {
  /** Id of the sweep. */
  sweep: string;
  /** Variant that it was opened for. */
  variant: number;
  /** When it was opened. */
  opened_at: string;
  /** Id of the backtest of the variant over the holdout. */
  backtest: string;
}

/** A holdout that was opened. */
export interface HoldoutOpening {
  /** What had the holdout. */
  kind: "sweep" | "walk_forward";
  /** Its id. */
  id: string;
  /** Variant that it was opened for. */
  variant: number;
  /** First day of the holdout. */
  from: string;
  /** Last day of the holdout. */
  to: string;
  /** When it was opened. */
  opened_at: string;
  /** Id of the backtest of the variant over the holdout; null: not submitted. */
  backtest: string | null;
}

/** Effective numbers of independent trials of a line, extra trials included, by estimator. */
export interface IndependentOfLine {
  /** rho + (1 - rho) N with the mean correlation rho. */
  average: number;
  /** N^2 over the sum of squared correlations. */
  participation: number;
  /** Exponential of the entropy of the eigenvalues. */
  entropy: number;
  /** Li and Ji 2005. */
  li_ji: number;
}

/** Effective numbers of independent trials, by estimator. */
export interface IndependentTrials {
  /** rho + (1 - rho) N with the mean correlation rho. */
  average: number;
  /** N^2 over the sum of squared correlations. */
  participation: number;
  /** Exponential of the entropy of the eigenvalues. */
  entropy: number;
  /** Li and Ji 2005. */
  li_ji: number;
}

/** What is stored of each variant besides its statistics. */
export interface Keep {
  /** weekly: the return of each ISO week (needed by the statistics of many trials), or none. */
  returns?: "none" | "weekly";
}

/** A word between conditions. */
export interface Keyword {
  /** The word. */
  keyword: string;
  /** Other words that are read as this one. */
  aliases: string[];
}

/** The words of the strategy language. */
export interface Language {
  /** Version of the language. */
  language_version: number;
  /** Factors in the order of the catalogue, price fields, index series. */
  fields: Field[];
  /** Functions. */
  functions: FunctionHelp[];
  /** Operators. */
  operators: Operator[];
  /** Units of numbers. */
  units: UnitHelp[];
  /** Keywords. */
  keywords: Keyword[];
}

/** Body of `PATCH /v1/research/{line}`; what is left out stays. */
export interface LineBody {
  /** Trials that were made elsewhere, counted as independent ones; the number can only be raised. */
  extra_trials?: number | null;
  /** true: no further trials are accepted. A closed line stays, and cannot be opened again. */
  closed?: boolean | null;
}

/** A factor report in a list. */
export interface ListedFactorReport {
  /** Id of the report. */
  id: string;
  /** Canonical text. */
  factor: string;
  /** Rows that are judged. */
  window: FactorWindowRows;
  /** Holding times, ascending. */
  horizons: ListedHorizon[];
  /** Dataset version. */
  dataset_version: string;
  /** Version of the engine that computed it. */
  engine_version: string;
  /** SHA-256 of the report. */
  digest: string;
  /** When it was computed. */
  created_at: string;
}

/** The rank IC of a report in a list. */
export interface ListedHorizon {
  /** Holding time. */
  horizon: number;
  /** Mean rank IC; null: no row has it. */
  rank_ic: number | null;
  /** Its Newey-West t; null: fewer than 2 rows, or no dispersion. */
  t: number | null;
}

/** A quote that the rule book does not allow; no fill is booked from it. */
export interface MarkedQuote {
  /** Code of the stock. */
  stock_code: string;
  /** Price that was posted. */
  open: number;
  /** beyond_limits: outside the daily limits around the last close, as on the day of a split; off_tick: no multiple of the tick size. */
  mark: "beyond_limits" | "off_tick";
  /** Lower limit of the day; null: none applies. */
  lower: number | null;
  /** Upper limit of the day; null: none applies. */
  upper: number | null;
}

/** A factor at one horizon. */
export interface MatrixCell {
  /** Holding time. */
  horizon: number;
  /** Correlation of values and returns. */
  ic: Coefficient;
  /** Correlation of their ranks. */
  rank_ic: Coefficient;
  /** Two-sided p-value of the t of the rank IC; null: no t. */
  p: number | null;
  /** p adjusted for all cells of the matrix by Holm. */
  p_holm: number | null;
  /** p adjusted for all cells of the matrix by Benjamini and Yekutieli. */
  p_bhy: number | null;
}

/** One factor at all horizons. */
export interface MatrixFactor {
  /** Canonical text. */
  factor: string;
  /** Holding times, ascending; empty after a failure. */
  horizons: MatrixCell[];
  /** Why there are none; null: there are. */
  failure: FactorFailure | null;
}

/** A mean over rows and its t. */
export interface MeanTest {
  /** Rows with the figure. */
  rows: number;
  /** Mean over the rows; null: no row has it. */
  mean: number | null;
  /** Newey-West t of the mean; null: fewer than 2 rows, or no dispersion. */
  t: number | null;
  /** Lags of the kernel: max(horizon - 1, floor(4 (rows/100)^(2/9))). */
  lags: number;
}

/** Return of a month. */
export interface MonthlyReturn {
  /** Month. */
  month: string;
  /** Return of the month. */
  return: number | null;
}

/** Return of a month. One array a column. */
export interface MonthlyReturnColumns {
  /** One value a row. */
  month: string[];
  /** One value a row. */
  return: (number | null)[];
}

/** A whole strategy, or with `id` the parts of that strategy that change. */
export interface NamedStrategy {
  /** Which stocks may be bought, and in which order. */
  buy?: Buy;
  /** When a holding is sold. */
  sell?: Sell;
  /** How many positions of which size, chosen when. */
  portfolio?: Portfolio;
  /** Which stocks are part of the market. */
  universe?: Universe;
  /** Id of a strategy (catalogue, preset or the caller's own); the other fields change it. */
  id?: string | null;
}

/** Each number of the strategy one step lower and higher. */
export interface Neighbours {
  /** The runs. */
  lines: ChangedBacktest[];
  /** Return over the runs. */
  total_return: Spread;
  /** Sharpe ratio over the runs. */
  sharpe: Spread;
  /** Share of runs with at least half of the Sharpe ratio; null: that is not above 0. */
  kept_half: number | null;
  /** Parameters with a neighbour below half of the Sharpe ratio. */
  cliffs: string[];
}

/** Body of `POST /v1/strategies`. */
export interface NewStrategyBody {
  /** Name of the strategy. */
  name: string;
  /** Description of the strategy. */
  summary?: string;
  /** Tags of the strategy. */
  tags?: string[];
  /** The whole strategy. */
  strategy: Strategy;
  /** Costs of the strategy. */
  costs?: Costs;
  /** Id of the strategy: a lower-case letter, then up to 63 letters, digits and _. */
  id: string;
}

/** The values that the last days choose for the days after the end. */
export interface NextValues {
  /** Days that choose. */
  train: RunDays;
  /** Chosen variant. */
  variant: number;
  /** Its values by parameter. */
  values: Record<string, unknown>;
  /** With plateau: mean objective over the choice and its neighbours. */
  mean: number | null;
  /** With plateau: its ranked neighbours. */
  neighbours: number | null;
  /** The strategy with these values. */
  strategy: Record<string, unknown>;
}

/** What makes a variant better than another. */
export interface Objective {
  /** Statistic to maximise; without `minimize` the default is sharpe. */
  maximize?: string | null;
  /** Instead of `maximize`: statistic to minimise. */
  minimize?: string | null;
  /** Condition on statistics and `$` parameters that a variant must meet to be ranked; null: none. */
  where?: string | null;
}

/** An OpenAPI document. */
export interface OpenApi {
  /** Version of OpenAPI. */
  openapi: string;
  /** Title, version, description and licence of the interface. */
  info: Record<string, unknown>;
  /** Routes. */
  paths: Record<string, unknown>;
  /** Shapes of bodies and answers, and the security scheme. */
  components: Record<string, unknown>;
  /** That a key may be sent. */
  security: Record<string, unknown>[];
}

/** A position that is held on the last day. */
export interface OpenPosition {
  /** Stock code. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** Number of shares. */
  shares: number;
  /** Day of the first purchase. */
  entry_date: string;
  /** Mean entry price. */
  entry_price: number | null;
  /** Age on the last day. */
  holding_days: number;
  /** Last close. */
  last_price: number | null;
  /** Shares times last close. */
  value: number | null;
  /** What its purchases cost, with commission. */
  cost: number;
  /** value and proceeds so far less cost. */
  gain: number | null;
  /** Gain divided by cost. */
  return: number | null;
  /** Last close (the same as last_price). */
  last?: number | null;
}

/** A position that is held on the last day. One array a column. */
export interface OpenPositionColumns {
  /** One value a row. */
  stock_code: string[];
  /** One value a row. */
  name: string[];
  /** One value a row. */
  shares: number[];
  /** One value a row. */
  entry_date: string[];
  /** One value a row. */
  entry_price: (number | null)[];
  /** One value a row. */
  holding_days: number[];
  /** One value a row. */
  last_price: (number | null)[];
  /** One value a row. */
  value: (number | null)[];
  /** One value a row. */
  cost: number[];
  /** One value a row. */
  gain: (number | null)[];
  /** One value a row. */
  return: (number | null)[];
  /** One value a row. */
  last?: (number | null)[];
}

/** The opening price of a stock. */
export interface OpeningPrice {
  /** Code of the stock. */
  stock_code: string;
  /** Price; null: the stock does not trade at the open. */
  open: number | null;
}

/** The opening price of a stock. */
export interface OpeningQuote {
  /** Code of the stock. */
  stock_code: string;
  /** Price of the first trade; null: the stock does not trade at the open, as when it is halted. */
  open: number | null;
}

/** The opening quotes of a day. */
export interface OpeningQuoteList {
  /** Day of the quotes. */
  date: string;
  /** Number of the day's quotes, which grows with each change. */
  number: number;
  /** When the first were posted. */
  posted_at: string;
  /** When they were changed last. */
  changed_at: string;
  /** Quotes by stock code. */
  items: OpeningPrice[];
}

/** Body of `POST /v1/quotes/open`. */
export interface OpeningQuotesBody {
  /** Trading day of the prices, the one after the last loaded row; null: today in Seoul. */
  date?: string | null;
  /** Opening prices; those of a day may come in several posts. */
  quotes: OpeningQuote[];
}

/** An operator. */
export interface Operator {
  /** The sign. */
  operator: string;
  /** What it is for. */
  kind: "arithmetic" | "comparison";
  /** Other signs that are read as this one. */
  aliases: string[];
}

/** Place of the choice among all variants over the test days, by the statistic of the objective. */
export interface OutOfSampleRank {
  /** Place; 1 is best, equal ones share the mean place. */
  rank: number;
  /** Variants whose statistic is defined. */
  of: number;
  /** Share of the order below it; above 0.5 is better than the middle. */
  relative: number;
}

/** Combinatorially symmetric cross-validation of the sample. */
export interface OverfittingProbability {
  /** Share of splits whose best of one half is not above the median of the other. */
  probability: number;
  /** Of the chosen trial's ratio outside on that inside. */
  slope: number;
  /** Share of splits in which the chosen trial has a ratio below 0 outside. */
  loss: number;
  /** Blocks of weeks. */
  blocks: number;
  /** Splits into halves. */
  splits: number;
}

/** A calendar year. */
export interface OwnCoverage {
  /** Calendar year. */
  year: number;
  /** Share of the common and foreign stocks of KOSPI and KOSDAQ, over the days, with a value. */
  share: number | null;
}

/** A version of a factor of the caller. */
export interface OwnFactor {
  /** Its name in expressions. */
  key: string;
  /** Number of the version, from 1. */
  version: number;
  /** The expression as it was written. */
  expression: string;
  /** Canonical text, in which own factors are their expressions of that time. */
  canonical: string;
  /** Own factors that the expression names. */
  uses: string[];
  /** Unit of the values. */
  unit: string;
  /** Description. */
  summary: string;
  /** When the version was made. */
  created_at: string;
}

/** Body of `PUT /v1/factors/mine/{key}`. */
export interface OwnFactorBody {
  /** A number of the language; it may name other factors of the caller. */
  expression: string;
  /** Unit of the values. */
  unit?: string;
  /** Description. */
  summary?: string;
}

/** A factor of the caller with its history. */
export interface OwnFactorDetail {
  /** Its name in expressions. */
  key: string;
  /** Number of the version, from 1. */
  version: number;
  /** The expression as it was written. */
  expression: string;
  /** Canonical text, in which own factors are their expressions of that time. */
  canonical: string;
  /** Own factors that the expression names. */
  uses: string[];
  /** Unit of the values. */
  unit: string;
  /** Description. */
  summary: string;
  /** When the version was made. */
  created_at: string;
  /** Every version, the newest first. */
  versions: OwnFactor[];
  /** By year; empty without data. */
  coverage: OwnCoverage[];
  /** Why there is no coverage although there are data; null otherwise. */
  reason: string | null;
}

/** The newest version of each factor of the caller. */
export interface OwnFactorList {
  /** Factors, by key. */
  items: OwnFactor[];
}

/** The values of a parameter: a range (`from`, `to`, and a `step` or a `scale`), or a list of `values`. */
export interface Parameter {
  /** First value of a range; with `to`. */
  from?: number | null;
  /** Last value of a range; a value of it when a whole number of steps leads there. */
  to?: number | null;
  /** Distance of neighbouring values, counted in decimal numbers; with scale log their ratio, above 1. Left out: for whole numbers 1, else about 1,000 to 10,000 values (linear) or 200 (log), which a grid does not accept. */
  step?: number | null;
  /** linear: equal distances between neighbours; log: equal ratios, `from` above 0. */
  scale?: "linear" | "log";
  /** Instead of a range: the values themselves; numbers, names of factors, choices, true, false or null. */
  values?: unknown[] | null;
}

/** How the choice of a parameter moved from window to window. */
export interface ParameterDrift {
  /** Windows that chose another value than the one before. */
  changes: number;
  /** Mean distance in places of the parameter's values, against their number. */
  mean_step: number | null;
}

/** How many stocks fulfilled a part of the condition. */
export interface PassedPart {
  /** Text of the part. */
  condition: string;
  /** Stocks of the universe that fulfilled it. */
  passed: number;
}

/** A figure over random selections, and where the backtest lies among them. */
export interface Placed {
  /** Runs with the figure. */
  count: number;
  /** Smallest. */
  min: number | null;
  /** Median. */
  median: number | null;
  /** Mean. */
  mean: number | null;
  /** Largest. */
  max: number | null;
  /** Share of the draws below the backtest, equal ones counted half. */
  percentile: number | null;
  /** (1 + draws at or above the backtest) / (1 + draws). */
  p_value: number | null;
}

/** The variant whose neighbourhood is best. */
export interface Plateau {
  /** Number of the variant, from 0. */
  variant: number;
  /** Whether it has a result. */
  status: "completed" | "failed";
  /** Whether its objective is defined and it meets the objective's condition. */
  ranked: boolean;
  /** Values by parameter. */
  values: Record<string, unknown>;
  /** Statistics of the backtest; null when it failed. */
  statistics: Statistics | null;
  /** Why it failed. */
  error?: RunProblem | null;
  /** Mean of the objective over the variant and its neighbours. */
  mean: number;
  /** Ranked neighbours: variants that differ by one step of one parameter. */
  neighbours: number;
}

/** How many positions of which size, and on which days they are chosen. */
export interface Portfolio {
  /** Maximum number of positions. */
  max_positions?: number;
  /** How money is divided between positions. */
  weighting?: "equal" | "inverse_volatility" | "market_cap";
  /** Size of a purchase; null: equity divided by max_positions. Equal weighting only, not with reweight. */
  position_pct?: number | null;
  /** Maximum size of a purchase; null: no limit. */
  max_position_value?: number | null;
  /** Maximum number of new positions a day; null: no limit. */
  max_new_per_day?: number | null;
  /** Maximum number of positions of one sector; null: no limit. Stocks without a sector are not limited. */
  max_per_sector?: number | null;
  /** Days on which stocks are bought and the target list is applied: every row, the first row of each ISO week, month or quarter, or a calendar object. The first row of the window is always one. */
  rebalance?: "daily" | "monthly" | "quarterly" | "weekly" | RebalanceCalendar;
  /** With reweight: a position within this distance of its target is left as it is. */
  rebalance_band_pct?: number;
  /** With reweight: slots (each position gets its share of max_positions, the rest stays in cash) or full (all equity is divided between the positions of the target list). */
  invest?: "full" | "slots";
  /** With rotate or reweight: a holding stays in the target list while it ranks among this many; at least max_positions. null: max_positions. */
  keep_rank?: number | null;
  /** Market-wide condition; nothing is bought while it is false on the row before. null: always true. */
  when?: string | null;
  /** What happens to holdings while `when` is false: hold or sell. */
  when_false?: "hold" | "sell";
  /** Sell everything when equity is this far below its highest value; null: never. */
  stop_drawdown_pct?: number | null;
  /** Time without purchases after a drawdown stop. */
  stop_resume_days?: number;
}

/** A split, or another change of the number of shares. */
export interface PriceSplit {
  /** First row on the new basis. */
  date: string;
  /** Shares of that morning for each share of the evening before. */
  ratio: number;
}

/** The rows of a stock as it was traded, from its first trade on; the lists have an entry for each row. */
export interface Prices {
  /** Stock code. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** Dataset version that was read. */
  dataset_version: string;
  /** Trading days of the dataset. */
  dates: string[];
  /** Opening prices; null on a row without trading. */
  open: (number | null)[];
  /** Highest prices; null on a row without trading. */
  high: (number | null)[];
  /** Lowest prices; null on a row without trading. */
  low: (number | null)[];
  /** Closing prices; null on a row without trading. */
  close: (number | null)[];
  /** Traded shares; 0 on a row without trading. */
  volume: number[];
  /** Splits among the rows: divide the prices before one by its ratio to compare them with later ones. */
  splits: PriceSplit[];
}

/** A problem document (RFC 9457) with every problem of the request. */
export interface ProblemDocument {
  /** Stable name of the kind of problem: urn:ondol:problem:… */
  type: string;
  /** Title of the kind of problem. */
  title: string;
  /** HTTP status. */
  status: number;
  /** What happened, and what to do. */
  detail: string;
  /** Stable identifier of the detail (reference page errors). */
  code: string;
  /** Values that the detail names. */
  params: Record<string, unknown>;
  /** Every problem of the request, by its place. */
  errors: ProblemItem[];
  /** Stable word of the reason why there is no result; absent: no run failed. */
  kind?: string | null;
}

/** One problem of a request. */
export interface ProblemItem {
  /** Place in the request (strategy.buy.where), or name of a parameter or header. */
  path: string;
  /** What is wrong there, and what is allowed. */
  message: string;
  /** In an expression: line of the problem, from 1. */
  line?: number | null;
  /** In an expression: column of the problem, from 1. */
  column?: number | null;
  /** Names that may have been meant, the nearest first. */
  suggestions?: string[];
  /** Stable identifier of the message (reference page errors). */
  code: string;
  /** Values that the message names. */
  params: Record<string, unknown>;
}

/** What a result was computed from. */
export interface Provenance {
  /** Dataset version. */
  dataset_version: string;
  /** Version of the simulation engine. */
  engine_version: string;
  /** Version of the market's rules (taxes, ticks, limits). */
  rules_version: string;
  /** SHA-256 of the canonical request. */
  request_digest: string;
  /** SHA-256 of the result. */
  result_digest: string;
}

/** What opening quotes fill on a day whose rows are not loaded yet. */
export interface ProvisionalDay {
  /** Day of the quotes. */
  date: string;
  /** Number of the day's quotes. */
  number: number;
  /** When it was booked. */
  booked_at: string;
  /** Cash after the open; stocks without a quote count at their last closes. */
  cash: number;
  /** Cash and positions at the opens. */
  equity: number;
  /** Number of positions after the open. */
  position_count: number;
  /** Fills of stocks with a quote. */
  fills: ProvisionalFill[];
  /** Ordered stocks without a usable quote. */
  unquoted: string[];
}

/** A fill at a quoted open. */
export interface ProvisionalFill {
  /** Day of the fill. */
  date: string;
  /** Code of the stock. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** buy or sell. */
  side: "buy" | "sell";
  /** Shares. */
  shares: number;
  /** Price after slippage. */
  price: number;
  /** Commission. */
  commission: number;
  /** Tax of a sale. */
  tax: number;
  /** Rule behind it. */
  reason: string;
}

/** The quality report of a data revision. */
export interface Quality {
  /** Data revision. */
  revision: number;
  /** Check -> how often it was found, 0 included. */
  counts: Record<string, number>;
  /** Checks that found something. */
  findings: QualityFinding[];
}

/** One place that a check found. */
export interface QualityExample {
  /** Code of the stock. */
  stock_code: string;
  /** Day of the row, first day of the stretch, or day of the disclosure. */
  date: string;
  /** What was found, in the language of the caller. */
  detail: string;
  /** Code of the message; empty in reports of earlier versions. */
  code: string;
  /** Parameters of the message. */
  params: Record<string, unknown>;
  /** Orders the examples of one check; the greatest is the worst. */
  severity: number;
}

/** What one check found. */
export interface QualityFinding {
  /** Name of the check. */
  check: string;
  /** What the check counts. */
  counts: string;
  /** What follows for users of the data. */
  follows: string;
  /** How often it was found. */
  count: number;
  /** On how many stocks. */
  stocks: number;
  /** The worst ones. */
  examples: QualityExample[];
}

/** The portfolio of one quantile: its stocks in equal parts, from open to open. */
export interface Quantile {
  /** Number; 1 has the smallest values. */
  quantile: number;
  /** Mean number of stocks with a value. */
  stocks: number;
  /** Mean return over the horizon. */
  return: number | null;
  /** Mean return less that of all stocks of the row (neutral: of the sector). */
  demeaned: number | null;
  /** Share of its stocks that were not in it `horizon` rows before. */
  turnover: number | null;
  /** return - 2 * turnover * cost. */
  net: number | null;
}

/** Return of the highest quantile less that of the lowest. */
export interface QuantileSpread {
  /** Rows with the figure. */
  rows: number;
  /** Mean over the rows; null: no row has it. */
  mean: number | null;
  /** Newey-West t of the mean; null: fewer than 2 rows, or no dispersion. */
  t: number | null;
  /** Lags of the kernel: max(horizon - 1, floor(4 (rows/100)^(2/9))). */
  lags: number;
  /** Turnover of both quantiles together. */
  turnover: number | null;
  /** mean - 2 * turnover * cost. */
  net: number | null;
}

/** What a post of opening quotes did. */
export interface QuotesPosted {
  /** Day of the quotes. */
  date: string;
  /** Number of the day's quotes, which grows with each change. */
  number: number;
  /** Stocks with a quote of the day. */
  quotes: number;
  /** Quotes that are new. */
  added: number;
  /** Quotes that replaced another price. */
  replaced: number;
  /** Quotes that were stored already. */
  unchanged: number;
  /** Quotes of this post that the rule book does not allow. */
  marked: MarkedQuote[];
  /** Accounts with orders of the day, which are booked from the quotes. */
  accounts: number;
}

/** Runs that buy random stocks on the same days. They are no plain backtests. */
export interface RandomSelection {
  /** Runs. */
  draws: number;
  /** Seed. */
  seed: number;
  /** Purchases of the backtest, for each of which a stock is drawn. */
  buys: number;
  /** Mean number of purchases of a run; some are halted, held already or too dear. */
  mean_buys: number;
  /** Return over the runs. */
  total_return: Placed;
  /** Sharpe ratio over the runs. */
  sharpe: Placed;
}

/** Runs with noise in the ranking. They are no plain backtests: a request has no random numbers. */
export interface RankNoise {
  /** Runs. */
  draws: number;
  /** Seed. */
  seed: number;
  /** Standard deviation of the noise. */
  noise_pct: number;
  /** Share of runs with at least half of the Sharpe ratio. */
  kept_half: number | null;
  /** Return over the runs. */
  total_return: Spread;
  /** Sharpe ratio over the runs. */
  sharpe: Spread;
}

/** The greatest stocks of one row. */
export interface Ranking {
  /** What is ranked. */
  kind: "market_cap" | "trading_value" | "trading_volume";
  /** Row whose values are used. */
  date: string;
  /** Market that the ranking is restricted to. */
  market: string | null;
  /** Rows over which values are means, the last one included; 1 with market_cap. */
  mean_rows: number;
  /** Number of stocks that have a value. */
  total: number;
  /** Stocks, the greatest first. */
  items: RankingItem[];
}

/** A stock of a ranking. */
export interface RankingItem {
  /** Place in the ranking. */
  rank: number;
  /** Stock code. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** English name of the stock. */
  name_en: string | null;
  /** Market of the stock. */
  market: string;
  /** Market capitalisation, or mean of volume or value. */
  value: number;
  /** Rows over which the value is a mean; fewer for a new stock. */
  rows: number;
}

/** Whether the dependencies answer. */
export interface Readiness {
  /** ready when every dependency answers. */
  status: "not_ready" | "ready";
  /** Dependency -> whether it answers; the broker also has to accept writes. */
  dependencies: Record<string, boolean>;
  /** Simulators that were alive in the last ten seconds; null when the broker does not answer. */
  simulators: number | null;
}

/** What passed on a rebalance day. */
export interface Rebalance {
  /** Rebalance day. */
  date: string;
  /** The row before it. */
  decided_on: string;
  /** Stocks in the universe. */
  universe: number;
  /** Parts of buy.where. */
  parts: PassedPart[];
  /** Stocks that fulfilled all parts and have a rank. */
  candidates: number;
}

/** Rebalance days by one of three forms: `months` and `day`, or `weekday`, or `rows`. In canonical form exactly one is set: `months` (ascending) together with `day`, or `weekday`, or `rows`. */
export interface RebalanceCalendar {
  /** Months of the year (1 to 12); with `day`. Left out beside `day`: every month. */
  months?: number[] | null;
  /** First row on or after this day of the month (its last day when the month is shorter); with `months`. Left out beside `months`: 1. */
  day?: number | null;
  /** First row on or after this weekday in each ISO week that has one. */
  weekday?: "fri" | "mon" | "thu" | "tue" | "wed" | null;
  /** Every n-th row, counted from the first row of the window. */
  rows?: number | null;
}

/** A fill that was booked from opening quotes, beside the one that the day's rows gave. */
export interface ReconciledFill {
  /** Code of the stock. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** buy or sell. */
  side: "buy" | "sell";
  /** Rule behind it. */
  reason: string;
  /** Opening price that was posted; null: none. */
  quoted_open: number | null;
  /** Opening price of the row; null: none. */
  open: number | null;
  /** Fill at the quoted open; null: none. */
  provisional: FillPart | null;
  /** Fill of the row; null: none. */
  booked: FillPart | null;
  /** What the booked fill made by the evening less what the provisional one would have made. */
  won: number;
  /** open_differs: another open was posted; not_quoted: none was posted; other_orders: cash, slots or shares changed with other fills; intraday: a level was reached after the open; orders_differ: later data make other orders; null: both fills are the same. */
  cause: "intraday" | "not_quoted" | "open_differs" | "orders_differ" | "other_orders" | null;
}

/** The portfolios that a request has recorded in its research line. */
export interface RecordedPortfolios {
  /** Name of the line. */
  research: string;
  /** Trials that the line did not have. */
  new: number;
  /** Trials that it had, which count once. */
  repeated: number;
  /** Distinct trials of the line afterwards. */
  trials: number;
  /** The portfolios, by factor and horizon. */
  portfolios: FactorPortfolio[];
}

/** What a request has recorded in its research line. */
export interface RecordedTrials {
  /** Name of the line. */
  research: string;
  /** Trials that the line did not have. */
  new: number;
  /** Trials that it had, which count once. */
  repeated: number;
  /** Distinct trials of the line afterwards. */
  trials: number;
}

/** The days of one regime. */
export interface Regime {
  /** Close of the benchmark index on the row before against its mean of 200 rows; unknown: fewer rows. */
  regime: "above" | "below" | "unknown";
  /** Days. */
  rows: number;
  /** Product of the daily returns less 1. */
  total_return: number;
  /** Mean daily return times 252. */
  mean_return_annual: number | null;
  /** Annual Sharpe ratio of the days, without a risk-free rate. */
  sharpe: number | null;
}

/** Whether a backtest gives the same result again. */
export interface Replay {
  /** identical, different, or dataset_gone (the dataset version was deleted). */
  outcome: "dataset_gone" | "different" | "identical";
  /** Digest of the new result. */
  result_digest: string | null;
  /** Digest of the stored result. */
  stored_result_digest: string | null;
  /** Part, index and date of the first difference. */
  first_difference: Record<string, unknown> | null;
  /** What the new result was computed from; null: there is none. */
  provenance: Provenance | null;
  /** What the stored result was computed from; null: the dataset version was deleted. */
  stored_provenance: Provenance | null;
}

/** How many stocks have a value. */
export interface ReportCoverage {
  /** Mean number of stocks of the universe. */
  universe: number;
  /** Mean number of stocks with a value. */
  values: number;
  /** values / universe; null: the universe is empty. */
  share: number | null;
  /** Rows on which no stock has a value. */
  rows_without_value: number;
}

/** A research line, and how much of its best trial may be luck. */
export interface ResearchLine {
  /** Name of the line. */
  name: string;
  /** When its first request was accepted. */
  created_at: string;
  /** When its last trial was recorded, or it was changed. */
  updated_at: string;
  /** When it was closed; null: it takes further trials. */
  closed_at: string | null;
  /** Runs with a result, repetitions of a trial included. */
  evaluations: number;
  /** Distinct trials: equal ones count once, deleted ones stay. */
  trials: number;
  /** Trials that were made elsewhere, as its owner says. */
  extra_trials: number;
  /** Sharpe ratio of the weekly returns of its best trial, for a year; null: none varies. */
  best_sharpe_annual: number | null;
  /** trials + extra_trials, against which every record of the line is judged. */
  counted: number;
  /** Trials whose correlations are known, drawn by digest; at most 1,000. */
  sample: number;
  /** What pbo and spa read; null: fewer than 2 trials share weeks. */
  family: ResearchLineFamily | null;
  /** The best trial; null: no trial has returns that vary. */
  best: ResearchLineBest | null;
  /** Statistics by name: score_deviation, independent_average, independent_participation, independent_entropy, independent_li_ji, expected_maximum; of the best trial sr0_annual, psr, dsr, minimum_track_record_years, minimum_backtest_years, expected_best_annual, sharpe_after_haircut; of the family pbo, spa. */
  statistics: Record<string, ResearchLineFigure>;
  /** Holdouts that were opened, the first 100. */
  holdouts: HoldoutOpening[];
  /** Whether the best trial can be distinguished from luck. */
  conclusion: Conclusion;
  /** What limits the figures, and what speaks against the best trial. */
  warnings: Conclusion[];
}

/** The trial with the greatest Sharpe ratio times sqrt(weeks - 1). */
export interface ResearchLineBest {
  /** What evaluated it first. */
  kind: "backtest" | "factor_matrix" | "factor_report" | "robustness" | "sweep" | "walk_forward" | null;
  /** Id of that backtest, sweep, walk-forward or factor report, and of the backtest of a robustness report; it may be deleted by now. Null: a matrix. */
  id: string | null;
  /** Number of the variant; of a walk-forward over all its runs. Null: there are no variants. */
  variant: number | null;
  /** Canonical text of the factor of a portfolio; null: a backtest. */
  factor: string | null;
  /** Holding time of a portfolio; null: a backtest. */
  horizon: number | null;
  /** Weeks of its returns. */
  weeks: number;
  /** The same in years. */
  years: number;
  /** Sharpe ratio of its weekly returns, for a year. */
  sharpe_annual: number;
  /** Skewness of its weekly returns. */
  skewness: number;
  /** Kurtosis of its weekly returns; 3 for the normal distribution. */
  kurtosis: number;
}

/** The trials that pbo and spa read. */
export interface ResearchLineFamily {
  /** Trials of the sample that share these weeks and vary. */
  trials: number;
  /** Weeks that they share. */
  weeks: number;
}

/** A statistic with its formula and the inputs that it was computed from. */
export interface ResearchLineFigure {
  /** Its value; null: it is an interval, or not defined. */
  value: number | null;
  /** Lower end; of bars, counts and lengths that of the independent trials by participation. */
  low: number | null;
  /** Upper end; of bars, counts and lengths that of all trials. */
  high: number | null;
  /** Unit; empty: a pure number. */
  unit: string;
  /** Formula; SR, T and moments are of weekly returns, N trials, Z and Phi normal. */
  formula: string;
  /** Paper that defines it. */
  source: string;
  /** Inputs by name. */
  inputs: Record<string, number | null>;
}

/** A research line and its counts. */
export interface ResearchLineHead {
  /** Name of the line. */
  name: string;
  /** When its first request was accepted. */
  created_at: string;
  /** When its last trial was recorded, or it was changed. */
  updated_at: string;
  /** When it was closed; null: it takes further trials. */
  closed_at: string | null;
  /** Runs with a result, repetitions of a trial included. */
  evaluations: number;
  /** Distinct trials: equal ones count once, deleted ones stay. */
  trials: number;
  /** Trials that were made elsewhere, as its owner says. */
  extra_trials: number;
  /** Sharpe ratio of the weekly returns of its best trial, for a year; null: none varies. */
  best_sharpe_annual: number | null;
}

/** A page of research lines, the newest first. */
export interface ResearchLineList {
  /** Lines. */
  items: ResearchLineHead[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** The result of a completed backtest. */
export interface Result {
  /** Rows that were simulated. */
  window: Window;
  /** Statistics of the run. */
  statistics: Statistics;
  /** The equity curve, by day. */
  equity: EquityPoint[];
  /** Trades, by day and then in order of execution. */
  trades: Trade[];
  /** Closed positions. */
  round_trips: RoundTrip[];
  /** Positions that are held on the last day. */
  open_positions: OpenPosition[];
  /** Returns by month. */
  monthly_returns: MonthlyReturn[];
  /** Number of orders that could not fill, by reason. */
  unfilled: Record<string, number>;
  /** What a reader of the result must know; texts in results of engine version 1. */
  warnings: (string | ResultWarning)[];
  /** What the result was computed from. */
  provenance: Provenance;
  /** Time by stage. */
  timing: Timing;
  /** Chunks that were read. */
  cache: CacheUse;
  /** Returns by year. */
  yearly_returns?: YearlyReturn[];
  /** Splits and dividends of the positions, by date and stock code. */
  corporate_actions?: CorporateAction[];
}

/** What a reader of the result must know; further fields are the figures of the code (reference page warnings). */
export interface ResultWarning {
  /** Stable code of the warning. */
  code: string;
  /** Sentence that names the figures and the remedy. */
  message: string;
}

/** What a reader of the result must know; further fields are the figures of the code (reference page warnings). One array a column. */
export interface ResultWarningColumns {
  /** One value a row. */
  code: string[];
  /** One value a row. */
  message: string[];
}

/** What the figures of a backtest become when something is changed that should not matter. */
export interface Robustness {
  /** The backtest itself. */
  backtest: ChangedBacktest;
  /** Each number of the strategy a tenth lower and higher. */
  neighbours: Neighbours;
  /** Other slippage. */
  slippage: SlippageBacktests;
  /** Starts 0 to 19 rows later. */
  starts: RobustnessGroup;
  /** Weekly, monthly and quarterly calendars on other days. */
  phases: RobustnessGroup;
  /** Decisions one row later; the universe is not delayed. */
  delay: RobustnessGroup;
  /** Markets, halves by capitalisation and code, random halves. */
  sub_universes: SubUniverses;
  /** Noise in the ranking; null: no draws. */
  rank_noise: RankNoise | null;
  /** Random stocks with the same exits; null: no draws, or on_rebalance is not hold. */
  random_selection: RandomSelection | null;
  /** Returns by calendar year. */
  years: YearlyReturn[];
  /** Returns by market trend; null: the benchmark is no loaded index. */
  regimes: Regime[] | null;
  /** Intervals; null: fewer than 2 days, or a total loss. */
  intervals: BootstrapIntervals | null;
  /** What this report has recorded in the research line of the backtest; null: it belongs to none. */
  recorded: RecordedTrials | null;
}

/** Body of `POST /v1/backtests/{id}/robustness`. */
export interface RobustnessBody {
  /** Random selections to compare with; 0: none. */
  random_draws?: number;
  /** Runs with noise in the ranking; 0: none. */
  noise_draws?: number;
  /** Standard deviation of the noise of a candidate's position. */
  noise_pct?: number;
  /** Seed of the random halves, selections, noise and resamples. */
  seed?: number;
}

/** Changed backtests of one kind. */
export interface RobustnessGroup {
  /** The runs. */
  lines: ChangedBacktest[];
  /** Return over the runs. */
  total_return: Spread;
  /** Sharpe ratio over the runs. */
  sharpe: Spread;
}

/** A position from its first purchase to its last sale. */
export interface RoundTrip {
  /** Stock code. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** Day of the first purchase. */
  entry_date: string;
  /** Day of the last sale. */
  exit_date: string;
  /** Mean entry price. */
  entry_price: number | null;
  /** Price of the last fill. */
  exit_price: number | null;
  /** Greatest number of shares that were held. */
  shares: number;
  /** What its purchases cost, with commission. */
  cost: number;
  /** What its sales, fractions and dividends brought after costs and tax. */
  proceeds: number;
  /** proceeds - cost. */
  gain: number | null;
  /** Gain divided by cost. */
  return: number | null;
  /** Age at the exit. */
  holding_days: number;
  /** Rule of the last sale. */
  reason: string;
}

/** A position from its first purchase to its last sale. One array a column. */
export interface RoundTripColumns {
  /** One value a row. */
  stock_code: string[];
  /** One value a row. */
  name: string[];
  /** One value a row. */
  entry_date: string[];
  /** One value a row. */
  exit_date: string[];
  /** One value a row. */
  entry_price: (number | null)[];
  /** One value a row. */
  exit_price: (number | null)[];
  /** One value a row. */
  shares: number[];
  /** One value a row. */
  cost: number[];
  /** One value a row. */
  proceeds: number[];
  /** One value a row. */
  gain: (number | null)[];
  /** One value a row. */
  return: (number | null)[];
  /** One value a row. */
  holding_days: number[];
  /** One value a row. */
  reason: string[];
}

/** The trading days of a run. */
export interface RunDays {
  /** First day. */
  first: string;
  /** Last day. */
  last: string;
  /** Trading days. */
  rows: number;
}

/** Why a backtest ended without a result. */
export interface RunProblem {
  /** Stable name of the kind of problem: urn:ondol:problem:… */
  type: string;
  /** Title of the kind of problem. */
  title: string;
  /** HTTP status. */
  status: number;
  /** What happened, and what to do. */
  detail: string;
  /** Stable identifier of the detail (reference page errors). */
  code: string;
  /** Values that the detail names. */
  params: Record<string, unknown>;
  /** Every problem of the request, by its place. */
  errors: ProblemItem[];
  /** Stable word of the reason. */
  kind: string;
}

/** The schedule. */
export interface Schedule {
  /** Time of the answer. */
  now: string;
  /** Jobs. */
  items: ScheduledJob[];
}

/** A job of the schedule. */
export interface ScheduledJob {
  /** Name of the job. */
  name: string;
  /** What it does. */
  title: string;
  /** When it runs. */
  rule: string;
  /** When it runs next. */
  next_run: string;
  /** Whether the settings switch it on. */
  enabled: boolean;
}

/** The stocks that passed a condition on one row. */
export interface Screen {
  /** Row whose values are used. */
  date: string;
  /** Number of stocks in the universe. */
  universe: number;
  /** Counts by part of the condition; empty without a condition. */
  parts: ScreenPart[];
  /** Number of stocks that passed. */
  total: number;
  /** Canonical text of the number that ranks. */
  rank_by: string;
  /** Canonical texts of `columns`, in the order of the query. */
  columns: string[];
  /** The first of them, in the order of the ranking. */
  items: ScreenItem[];
  /** Factors that few stocks of the universe have. */
  warnings: ResultWarning[];
}

/** A stock that passed the condition. */
export interface ScreenItem {
  /** Stock code. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** English name of the stock. */
  name_en: string | null;
  /** Market of the stock. */
  market: string;
  /** Sector of the stock. */
  sector: string | null;
  /** Place in the ranking. */
  rank: number;
  /** Value of `rank_by`; null: the stock has none and is ranked last. */
  value: number | null;
  /** Values of `columns`, by their canonical text; null: absent. */
  values: Record<string, number | boolean | null>;
}

/** How many stocks pass a part of the condition's outermost `and`. */
export interface ScreenPart {
  /** Text of the part. */
  condition: string;
  /** Stocks of the universe that pass it. */
  passed: number;
  /** Those that pass it and every part before it. */
  remaining: number;
}

/** How the points are chosen. */
export interface Search {
  /** grid (every combination), random (without repetition), lhs (Latin hypercube), sobol (Sobol sequence with a digital shift) or tpe (batches of tree-structured Parzen estimators). */
  method?: "grid" | "lhs" | "random" | "sobol" | "tpe";
  /** Number of variants; a space with fewer points gives fewer. Required except for grid, where it is the most that is accepted. */
  runs?: number | null;
  /** Seed of every random choice; equal seeds give equal points. */
  seed?: number;
  /** With tpe: variants that are chosen together, from the results of all batches before. Part of the request, so that the points do not depend on the number of simulators. */
  batch?: number;
}

/** A sector. */
export interface Sector {
  /** Name of the sector. */
  sector: string;
  /** Stocks that it has on the row. */
  stocks: number;
}

/** The sectors of one row, by name. */
export interface SectorList {
  /** Row whose listings are used. */
  date: string;
  /** Sectors. */
  items: Sector[];
  /** Stocks of the row that have no sector. */
  without_sector: number;
}

/** A backtest with the selected parts of its result (`parts`, `format` of the query). */
export interface SelectedBacktest {
  /** Id of the backtest. */
  id: string;
  /** State; completed, failed and cancelled are final. */
  status: "cancelled" | "completed" | "failed" | "preparing" | "queued" | "running";
  /** Part of the days that are simulated. */
  progress: number;
  /** Whether a stored result answered the request. */
  cached: boolean;
  /** Id of the strategy that the request named. */
  strategy_id: string | null;
  /** What requested it: a user, the preview of a form, the warmer, or its verification. */
  origin: "preview" | "user" | "verify" | "warmer";
  /** Name that its owner gave it. */
  name: string | null;
  /** Note of its owner. */
  note: string | null;
  /** Whether it has a star; it is not deleted by retention then. */
  starred: boolean;
  /** Research line that it is a trial of; null: none. */
  research: string | null;
  /** Dataset version; null while the first one is prepared. */
  dataset: string | null;
  /** Version of the engine that computes or computed it; null: not queued yet. */
  engine_version: string | null;
  /** Whether an older version of the engine computed the result; the same request now gives another. */
  outdated: boolean;
  /** When the request was accepted. */
  created_at: string;
  /** When the computation began. */
  started_at: string | null;
  /** When the computation ended. */
  finished_at: string | null;
  /** The request in canonical form, with every default. */
  request: Record<string, unknown>;
  /** Paths of the backtest's resources. */
  links: Record<string, string>;
  /** Statistics corrected for the trials of its line. */
  deflated: Deflated | null;
  /** The selected parts. */
  result?: SelectedResult;
  /** Problem of a failed backtest. */
  error?: RunProblem;
}

/** Parts of a result; with format=columns each list of objects is an object of arrays. */
export interface SelectedResult {
  /** Rows that were simulated. */
  window?: Window;
  /** Statistics of the run. */
  statistics?: Statistics;
  /** Objects, or arrays a column. */
  equity?: EquityPoint[] | EquityPointColumns;
  /** Objects, or arrays a column. */
  trades?: Trade[] | TradeColumns;
  /** Objects, or arrays a column. */
  round_trips?: RoundTrip[] | RoundTripColumns;
  /** Objects, or arrays a column. */
  open_positions?: OpenPosition[] | OpenPositionColumns;
  /** Objects, or arrays a column. */
  monthly_returns?: MonthlyReturn[] | MonthlyReturnColumns;
  /** Number of orders that could not fill, by reason. */
  unfilled?: Record<string, number>;
  /** Objects, or arrays a column. */
  warnings?: (string | ResultWarning)[] | ResultWarningColumns;
  /** What the result was computed from. */
  provenance?: Provenance;
  /** Time by stage. */
  timing?: Timing;
  /** Chunks that were read. */
  cache?: CacheUse;
  /** Objects, or arrays a column. */
  yearly_returns?: YearlyReturn[] | YearlyReturnColumns;
  /** Objects, or arrays a column. */
  corporate_actions?: CorporateAction[] | CorporateActionColumns;
}

/** When a holding is sold. */
export interface Sell {
  /** Sell when the price is this far above the entry price; null: never. */
  take_profit_pct?: number | null;
  /** Sell when the price is this far below the entry price; null: never. */
  stop_loss_pct?: number | null;
  /** Sell when the price is this far below the highest close since the entry; null: never. */
  trailing_stop_pct?: number | null;
  /** Age from which `where` and rebalancing may sell a holding; stops ignore it. */
  min_hold_days?: number;
  /** Age at which a holding is sold; null: no limit. */
  max_hold_days?: number | null;
  /** Sell a holding that meets this condition on the row before; null: never. */
  where?: string | null;
  /** What a rebalance day does to holdings: hold (leave them), rotate (sell what left the target list) or reweight (rotate, then bring every position to its target weight). */
  on_rebalance?: "hold" | "reweight" | "rotate";
}

/** Body of `POST /v1/session`. */
export interface SessionBody {
  /** API key. */
  key: string;
}

/** A difference of Sharpe ratios over common days, and whether it can be distinguished from 0. */
export interface SharpeDifference {
  /** Sharpe ratio less that of the first backtest, over the common days. */
  difference: number;
  /** Standard error, which allows for autocorrelation (Ledoit and Wolf 2008). */
  error: number;
  /** Two-sided p-value: how often equal ratios differ so much by chance. */
  p: number;
  /** Lags of the Bartlett kernel. */
  lags: number;
  /** Daily returns that both have. */
  days: number;
}

/** 0, 1, 2 and 3 times the slippage. */
export interface SlippageBacktests {
  /** The runs. */
  lines: ChangedBacktest[];
  /** Return over the runs. */
  total_return: Spread;
  /** Sharpe ratio over the runs. */
  sharpe: Spread;
  /** The last slippage without a loss, by bisection to 0.005 %; null: a loss without slippage already. */
  break_even: ChangedBacktest | null;
}

/** A figure over several runs; runs without it are left out. */
export interface Spread {
  /** Runs with the figure. */
  count: number;
  /** Smallest. */
  min: number | null;
  /** Median. */
  median: number | null;
  /** Mean. */
  mean: number | null;
  /** Largest. */
  max: number | null;
}

/** A statement that loads changed between the two revisions. */
export interface StatementChange {
  /** Code of the stock. */
  stock_code: string;
  /** Fiscal year. */
  fiscal_year: number;
  /** Fiscal quarter, 1 to 4. */
  fiscal_quarter: number;
  /** Day of the disclosure. */
  disclosed_on: string;
  /** Whether it was loaded only between the revisions; false: its numbers were changed. */
  late: boolean;
  /** Numbers that differ. */
  numbers: StatementNumber[];
}

/** A number of a statement. */
export interface StatementNumber {
  /** Column of the statements. */
  field: string;
  /** Value before; null: absent. */
  before: number | null;
  /** Value now; null: absent. */
  after: number | null;
}

/** Statistics of a run; a year has 252 days. What is undefined is null; results of engine version 1 lack the fields with a default. */
export interface Statistics {
  /** Final equity / initial cash - 1. */
  total_return: number;
  /** Yearly growth rate; null when it overflows. */
  cagr: number | null;
  /** Sample deviation of the daily returns * sqrt(252). */
  volatility: number | null;
  /** Mean excess return / deviation, for a year; null without dispersion. */
  sharpe: number | null;
  /** sharpe without the days before the first purchase. */
  sharpe_active: number | null;
  /** Mean excess return / downside deviation, for a year; null without a loss. */
  sortino: number | null;
  /** Deepest drawdown from a peak; the initial cash is the first. */
  max_drawdown: number;
  /** Last day at the peak before it. */
  max_drawdown_start: string | null;
  /** Day of the deepest point. */
  max_drawdown_bottom: string | null;
  /** First day at the peak again; null: not yet. */
  max_drawdown_recovery: string | null;
  /** cagr / |max_drawdown|; null without a drawdown. */
  calmar: number | null;
  /** Best daily return. */
  best_day: number | null;
  /** Worst daily return. */
  worst_day: number | null;
  /** Best monthly return. */
  best_month: number | null;
  /** Worst monthly return. */
  worst_month: number | null;
  /** Covariance with the benchmark / variance of the benchmark. */
  beta: number | null;
  /** Excess return that beta does not explain. */
  alpha: number | null;
  /** Sample deviation of the return less the benchmark's * sqrt(252). */
  tracking_error: number | null;
  /** Mean return above the benchmark in a year / tracking_error. */
  information_ratio: number | null;
  /** total_return of the benchmark. */
  benchmark_total_return?: number | null;
  /** cagr of the benchmark. */
  benchmark_cagr?: number | null;
  /** max_drawdown of the benchmark. */
  benchmark_max_drawdown?: number | null;
  /** total_return - benchmark_total_return. */
  excess_return?: number | null;
  /** Round trips with a gain / round trips; null without one. */
  win_rate: number | null;
  /** Sum of the gains / sum of the losses; null without a loss. */
  profit_factor: number | null;
  /** Mean gain of the winning round trips / cost. */
  average_win: number | null;
  /** Mean gain of the other round trips / cost (negative). */
  average_loss: number | null;
  /** Mean age of round trips at their end. */
  average_holding_days: number | null;
  /** Fills of at least one share. */
  trades: number;
  /** Sales in a year / mean equity. */
  turnover: number | null;
  /** Mean of (equity - cash) / equity. */
  exposure: number | null;
  /** Evenings with a position / evenings. */
  invested_days?: number | null;
  /** Rows before the first purchase. */
  idle_days: number;
  /** Median of the purchases: shares / volume of the day; null without one. */
  participation_median?: number | null;
  /** Greatest of these. */
  participation_max?: number | null;
  /** Commission of all fills. */
  commission_paid: number;
  /** Sales tax of all fills. */
  tax_paid: number;
  /** Sum of shares * |price - reference price|. */
  slippage_paid: number;
  /** Dividends after tax. */
  dividends_received?: number | null;
}

/** Intervals by the stationary bootstrap of the daily returns. */
export interface StitchedIntervals {
  /** Confidence of each interval. */
  confidence: number;
  /** Mean block (Politis and White). */
  block_rows: number;
  /** Of the Sharpe ratio, percentiles, for a year. */
  sharpe: number[];
  /** Of the Sharpe ratio, studentised, for a year. */
  sharpe_studentised: number[];
  /** Of the annual growth. */
  cagr: number[];
  /** Of the deepest drawdown. */
  max_drawdown: number[];
}

/** The account over all test days, in the shape of a backtest's result. With carry cash, tables are those of the windows' own accounts one after another, the curve and the returns are chained, and amounts of statistics are scaled to the chained account. */
export interface StitchedResult {
  /** Test days. */
  window: Window;
  /** Statistics of the account. */
  statistics: Statistics;
  /** The equity curve, by day. */
  equity: EquityPoint[];
  /** Trades, by day and then in order of execution. */
  trades: Trade[];
  /** Closed positions. */
  round_trips: RoundTrip[];
  /** Positions that are held on the last day. */
  open_positions: OpenPosition[];
  /** Returns by month. */
  monthly_returns: MonthlyReturn[];
  /** Returns by year. */
  yearly_returns: YearlyReturn[];
  /** Splits and dividends of the positions. */
  corporate_actions: CorporateAction[];
  /** Number of orders that could not fill, by reason. */
  unfilled: Record<string, number>;
  /** What a reader of the result must know. */
  warnings: ResultWarning[];
}

/** The account over all test days. */
export interface StitchedSummary {
  /** positions: one account; cash: accounts chained by return. */
  carry: "cash" | "positions";
  /** First test day. */
  first: string;
  /** Last test day. */
  last: string;
  /** Test days. */
  rows: number;
  /** Statistics as of a backtest. */
  statistics: Statistics;
  /** t-statistic of the daily returns above the risk-free rate. */
  t: number | null;
  /** Bootstrap intervals; null when returns do not vary. */
  intervals: StitchedIntervals | null;
  /** Annual growth over the tests against the mean over the trains of the choices; null when that mean is not above 0. For orientation only: judge by t and the intervals. */
  efficiency: number | null;
  /** Mean of the relative ranks out of sample; 0.5 is no skill. */
  rank_mean: number | null;
  /** Share of the windows whose choice is not above the median out of sample: the probability of overfitting of this way of choosing. */
  below_middle: number | null;
}

/** A stock. */
export interface Stock {
  /** Stock code. */
  stock_code: string;
  /** Name. */
  name: string;
  /** English name. */
  name_en: string | null;
  /** Market. */
  market: string;
  /** Sector. */
  sector: string | null;
  /** Day of the listing. */
  listed_on: string | null;
  /** Day of the delisting. */
  delisted_on: string | null;
}

/** A page of stocks, by code. */
export interface StockList {
  /** Stocks. */
  items: Stock[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** What the restated cells of a stock made. */
export interface StockWon {
  /** Code of the stock. */
  stock_code: string;
  /** What they made of the difference. */
  won: number;
}

/** A whole strategy. */
export interface Strategy {
  /** Which stocks may be bought, and in which order. */
  buy?: Buy;
  /** When a holding is sold. */
  sell?: Sell;
  /** How many positions of which size, chosen when. */
  portfolio?: Portfolio;
  /** Which stocks are part of the market. */
  universe?: Universe;
}

/** A strategy with its costs, in the shape of a backtest request. */
export interface StrategyDocument {
  /** Id that a backtest request may name. */
  id: string;
  /** famous or preset (catalogue), or own. */
  kind: "famous" | "own" | "preset";
  /** Korean name. */
  name_ko: string;
  /** English name. */
  name_en: string;
  /** What the strategy does, and where it loses, in the language of the caller. */
  summary: string;
  /** Tags. */
  tags: string[];
  /** Fields of the strategy that differ from the defaults. */
  strategy: Record<string, unknown>;
  /** Costs of the strategy. */
  costs: Record<string, unknown>;
  /** Presets: length of the window that a form offers. */
  period_days: number | null;
  /** Factors that the strategy's expressions read. */
  factors: string[];
  /** Accounts of financial statements and prices that these factors need. */
  inputs: string[];
  /** Factors without a value in the newest year of the dataset -> reason; null: there is no dataset yet. */
  missing_factors: Record<string, string> | null;
  /** Own strategies: when it was stored. */
  created_at: string | null;
  /** Own strategies: when it was changed. */
  updated_at: string | null;
}

/** Strategies. */
export interface StrategyList {
  /** Strategies. */
  items: StrategyDocument[];
}

/** A page of strategies: the catalogue in its order, then the caller's own by id. */
export interface StrategyPage {
  /** Strategies. */
  items: StrategyDocument[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
  /** What a page that lists the famous strategies has to say. */
  note: string;
}

/** The backtest over a part of its universe. */
export interface SubUniverseBacktest {
  /** Name, unique in its group. */
  name: string;
  /** What was changed, `buy.where#2` being the second number of that text; null: no single value. */
  parameter: string | null;
  /** The changed value. */
  value: number | string | null;
  /** Its figures; null: it has no result. */
  figures: ChangedFigures | null;
  /** Why it has no result; null: it has one. */
  failure: ChangedFailure | null;
  /** The request, as `POST /v1/backtests` takes it. */
  request: Record<string, unknown>;
  /** Mean number of stocks on the decision rows. */
  mean_stocks: number | null;
  /** 0.75 * sqrt(share of the stocks) * Sharpe ratio of the backtest; null: that is not above 0. */
  least_sharpe: number | null;
  /** Whether the Sharpe ratio is at least `least_sharpe`; null: not judged. */
  passes: boolean | null;
}

/** Parts of the universe. */
export interface SubUniverses {
  /** The runs. */
  lines: SubUniverseBacktest[];
  /** Return over the lines. */
  total_return: Spread;
  /** Sharpe ratio over the lines. */
  sharpe: Spread;
  /** Mean number of stocks of the whole universe. */
  mean_stocks: number;
  /** Share of the judged lines that pass; null: none is judged. */
  passing: number | null;
}

/** p-values that no trial of the sample earns more than cash. */
export interface SuperiorAbility {
  /** Lower bound of Hansen's SPA test. */
  lower: number;
  /** Hansen's SPA test; judge by this one. */
  consistent: number;
  /** Upper bound of the SPA test. */
  upper: number;
  /** White's reality check. */
  reality_check: number;
  /** What the trials are compared with: cash, a return of 0. */
  against: string;
  /** Mean block of the stationary bootstrap. */
  block_weeks: number;
}

/** A sweep. */
export interface Sweep {
  /** Id. */
  id: string;
  /** Research line whose trials the variants are; null: none. */
  research: string | null;
  /** How the points were chosen. */
  method: string;
  /** Number of variants. */
  variants: number;
  /** Variants that have been run, failed ones included. */
  done: number;
  /** Variants that have no result; the table has the reason of each. */
  failed: number;
  /** Parts in which the variants are computed. */
  parts: number;
  /** Parts that have ended. */
  parts_done: number;
  /** Mean speed since the first part began; null: none has ended. */
  runs_per_second: number | null;
  /** Estimated time to the end; null: not known, or it has ended. */
  eta_seconds: number | null;
  /** Whether variants are missing: everything below is of the `seen` ones only. */
  partial: boolean;
  /** Variants that the answer is about. */
  seen: number;
  /** Cost that counts against the limit of the key. */
  cost: number;
  /** SHA-256 of everything that the table follows from. */
  digest: string;
  /** Dataset version. */
  dataset: string;
  /** Version of the engine. */
  engine_version: string;
  /** Version of the market rules. */
  rules_version: string;
  /** When it was accepted. */
  created_at: string;
  /** When its first part began. */
  started_at: string | null;
  /** When it ended. */
  finished_at: string | null;
  /** State; completed and cancelled are final. */
  status: "cancelled" | "completed" | "queued" | "running";
  /** What the variants are ranked by. */
  objective: SweepObjective;
  /** The best variants so far, at most 10, the best first. */
  best: SweepVariant[];
  /** Variant with the greatest mean objective over its neighbourhood; null while no variant has at least half of its neighbours. */
  plateau: Plateau | null;
  /** How much of the best variant may be luck; null while the sweep runs and without weekly returns. */
  statistics: TrialStatistics | null;
  /** Statistics of the best variant corrected for the trials of its line; null without one, while the sweep runs, and without weekly returns. */
  deflated: Deflated | null;
  /** Days that no variant has read; null: none. */
  holdout: SweepHoldout | null;
  /** The request, with the strategy of the template spelled out. */
  request: Record<string, unknown>;
  /** Paths of the sweep's resources. */
  links: Record<string, string>;
}

/** Body of `POST /v1/sweeps`. */
export interface SweepBody {
  /** Parameters by name; the template names each as `$name`. */
  parameters: Record<string, Parameter>;
  /** Conditions on parameters that every variant meets. */
  constraints?: string[];
  /** How the points are chosen. */
  search?: Search;
  /** What makes a variant better. */
  objective?: Objective;
  /** Name of the research line whose trials the variants are; null: none. */
  research?: string | null;
  /** Days that no variant reads; null: none. */
  holdout?: Holdout | null;
  /** What is stored of each variant besides its statistics. */
  keep?: Keep;
  /** A backtest as in `POST /v1/backtests` in which any number or choice may be `$name`, and expressions may have `$name` wherever a number or a factor may stand. */
  template: Record<string, unknown>;
}

/** State of a sweep. */
export interface SweepHead {
  /** Id. */
  id: string;
  /** Research line whose trials the variants are; null: none. */
  research: string | null;
  /** How the points were chosen. */
  method: string;
  /** Number of variants. */
  variants: number;
  /** Variants that have been run, failed ones included. */
  done: number;
  /** Variants that have no result; the table has the reason of each. */
  failed: number;
  /** Parts in which the variants are computed. */
  parts: number;
  /** Parts that have ended. */
  parts_done: number;
  /** Mean speed since the first part began; null: none has ended. */
  runs_per_second: number | null;
  /** Estimated time to the end; null: not known, or it has ended. */
  eta_seconds: number | null;
  /** Whether variants are missing: everything below is of the `seen` ones only. */
  partial: boolean;
  /** Variants that the answer is about. */
  seen: number;
  /** Cost that counts against the limit of the key. */
  cost: number;
  /** SHA-256 of everything that the table follows from. */
  digest: string;
  /** Dataset version. */
  dataset: string;
  /** Version of the engine. */
  engine_version: string;
  /** Version of the market rules. */
  rules_version: string;
  /** When it was accepted. */
  created_at: string;
  /** When its first part began. */
  started_at: string | null;
  /** When it ended. */
  finished_at: string | null;
  /** State; completed and cancelled are final. */
  status: "cancelled" | "completed" | "queued" | "running";
}

/** The days that no variant has read. */
export interface SweepHoldout {
  /** First day. */
  from: string;
  /** Last day. */
  to: string;
  /** When it was opened; null: it has not been opened. */
  opened_at: string | null;
  /** Variant that it was opened for. */
  variant: number | null;
  /** Id of the backtest of that variant over the holdout. */
  backtest: string | null;
  /** An earlier opening of days of this holdout, for the same strategy or in the same research line, so that this one cannot be opened; null: none, or it is opened itself. */
  opened_before: HoldoutOpening | null;
}

/** A page of sweeps, the newest first. */
export interface SweepList {
  /** Sweeps. */
  items: SweepHead[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** What the variants are ranked by. */
export interface SweepObjective {
  /** Statistic. */
  statistic: string;
  /** Which end is better. */
  direction: "maximize" | "minimize";
  /** Condition that a ranked variant meets. */
  where: string | null;
}

/** What a sweep would do and cost; nothing is stored. */
export interface SweepQuote {
  /** Number of variants; with tpe at most. */
  variants: number;
  /** Combinations of values before constraints, 9223372036854775807 for more. */
  combinations: number;
  /** Stocks of the dataset. */
  stocks: number;
  /** Trading days of the window. */
  days: number;
  /** Cost of the sweep. */
  cost: number;
  /** Cost of the caller's unfinished sweeps. */
  open_cost: number;
  /** Limit of both together. */
  max_cost: number;
  /** Limit of the number of variants. */
  max_variants: number;
  /** Whether the sweep would be accepted now. */
  accepted: boolean;
  /** Dataset version that it would read. */
  dataset: string;
  /** SHA-256 of everything that the table follows from. */
  digest: string;
}

/** Rows of a sweep. */
export interface SweepTablePage {
  /** Whether variants are missing: the sweep is unfinished or was cancelled. */
  partial: boolean;
  /** Variants that have been run. */
  seen: number;
  /** Variants that meet `where`. */
  total: number;
  /** Variants in the order of `sort`. */
  items: SweepVariant[];
}

/** A variant: the values of its parameters, and its statistics. */
export interface SweepVariant {
  /** Number of the variant, from 0. */
  variant: number;
  /** Whether it has a result. */
  status: "completed" | "failed";
  /** Whether its objective is defined and it meets the objective's condition. */
  ranked: boolean;
  /** Values by parameter. */
  values: Record<string, unknown>;
  /** Statistics of the backtest; null when it failed. */
  statistics: Statistics | null;
  /** Why it failed. */
  error?: RunProblem | null;
}

/** Time by stage. */
export interface Timing {
  /** Time in the queue. */
  queue_ms: number;
  /** Time to open the data. */
  load_ms: number;
  /** Time to evaluate the expressions. */
  evaluate_ms: number;
  /** Time to simulate the days. */
  simulate_ms: number;
  /** Time to compute the statistics. */
  statistics_ms?: number;
  /** Time to write the result. */
  encode_ms?: number;
  /** Time from the request to the result. */
  total_ms: number;
  /** When the run began. */
  started_at?: string | null;
  /** When it ended. */
  finished_at?: string | null;
}

/** One fill. */
export interface Trade {
  /** Trading day. */
  date: string;
  /** Stock code. */
  stock_code: string;
  /** Name of the stock. */
  name: string;
  /** Side of the trade. */
  side: "buy" | "sell";
  /** Number of shares. */
  shares: number;
  /** Price of the fill. */
  price: number;
  /** Commission. */
  commission: number;
  /** Sales tax. */
  tax: number;
  /** Rule that made the trade: entry, stop_loss, trailing_stop, take_profit, max_hold, condition, timing, drawdown_stop, rebalance, delisted or corporate_action. */
  reason: string;
}

/** One fill. One array a column. */
export interface TradeColumns {
  /** One value a row. */
  date: string[];
  /** One value a row. */
  stock_code: string[];
  /** One value a row. */
  name: string[];
  /** One value a row. */
  side: ("buy" | "sell")[];
  /** One value a row. */
  shares: number[];
  /** One value a row. */
  price: number[];
  /** One value a row. */
  commission: number[];
  /** One value a row. */
  tax: number[];
  /** One value a row. */
  reason: string[];
}

/** A page of trades. */
export interface TradePage {
  /** Trades, in order of execution. */
  items: Trade[];
  /** Number of trades of the backtest. */
  total: number;
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** A figure of the choice over both kinds of days. */
export interface TrainAndTest {
  /** Over the days that chose. */
  train: number | null;
  /** Over the days that traded. */
  test: number | null;
}

/** A node of an expression. */
export interface TreeNode {
  /** Kind of the node: number (value), field or index (name), negate and not (one of args), and and or (two or more args), compare and arithmetic (args with operators between them), call (function with args). */
  op: "and" | "arithmetic" | "call" | "compare" | "field" | "index" | "negate" | "not" | "number" | "or";
  /** Nodes below it, from left to right. */
  args?: TreeNode[];
  /** compare: < <= > >= == !=; arithmetic: + and -, or * and /; one fewer than args. */
  operators?: string[];
  /** call: the function. */
  function?: string | null;
  /** field and index: the name. */
  name?: string | null;
  /** number: the value; a negative number is a negate of it. */
  value?: number | null;
  /** Canonical text of the node; not read in requests, where the other fields count. */
  text?: string | null;
}

/** What the trials of a sweep say about its best variant, from weekly returns. */
export interface TrialStatistics {
  /** Formula of psr and dsr. */
  method: string;
  /** Weeks of returns. */
  weeks: number;
  /** Completed variants with a return in every week. */
  trials: number;
  /** Effective numbers of independent trials. */
  independent: IndependentTrials;
  /** Standard deviation of the Sharpe ratios, for a year. */
  sharpe_deviation_annual: number;
  /** trials, or with fewer than 10 that of a strategy without skill (null). */
  deviation_from: "null" | "trials";
  /** Expected greatest of so many standard normal numbers. */
  expected_maximum: number;
  /** Sharpe ratio that the best of so many trials without skill shows: of the independent ones by participation, and of all, for a year. */
  sr0_annual: number[];
  /** The best variant. */
  best: BestTrial;
  /** Trials of the sample of pbo and spa, drawn by number. */
  sample: number;
  /** Probability of overfitting; null: too few weeks or trials. */
  pbo: OverfittingProbability | null;
  /** Test of superior predictive ability; null: too few trials. */
  spa: SuperiorAbility | null;
}

/** A unit that may stand directly behind a number. */
export interface UnitHelp {
  /** The unit. */
  unit: string;
  /** What the number is multiplied by. */
  factor: number;
}

/** Which stocks are part of the market for a request; null does not restrict. Lists are sets: sorted, unique. */
export interface Universe {
  /** Markets whose stocks are admitted; null: every market of the dataset. */
  markets?: string[] | null;
  /** Kinds of stocks that are admitted; null: every kind. */
  kinds?: ("common" | "foreign" | "preferred" | "reit" | "spac")[] | null;
  /** Sectors whose stocks are admitted (see /v1/sectors); null: every sector. */
  sectors?: string[] | null;
  /** Sectors whose stocks are left out; null: none. */
  exclude_sectors?: string[] | null;
  /** Groups of market capitalisation that are admitted; null: every size. */
  cap_groups?: string[] | null;
  /** The only stocks that are admitted; null: all. */
  stock_codes?: string[] | null;
  /** Stock codes that are left out; null: none. */
  exclude?: string[] | null;
  /** Condition that a stock of the universe meets on the row; null: none. */
  where?: string | null;
}

/** A part of the universe for one stock on one row. */
export interface UniversePart {
  /** Field of strategy.universe, price, delisted_on, or `where: <condition>`. */
  part: string;
  /** Whether the stock fulfilled it. */
  passed: boolean;
  /** The stock's own value. */
  value: unknown;
}

/** Body of `PUT /v1/strategies/{id}`. */
export interface UserStrategyBody {
  /** Name of the strategy. */
  name: string;
  /** Description of the strategy. */
  summary?: string;
  /** Tags of the strategy. */
  tags?: string[];
  /** The whole strategy. */
  strategy: Strategy;
  /** Costs of the strategy. */
  costs?: Costs;
}

/** Values in long form, by date, then stock code. */
export interface Values {
  /** Dataset version that was read. */
  dataset_version: string;
  /** Canonical texts of the fields, in the order of the request. */
  fields: string[];
  /** Length of each column: one for each day and stock with a close on it or within the 60 rows before. */
  rows: number;
  /** date, stock_code, and the values of each field under its canonical text: numbers or, of a condition, true and false; null: absent. Factors and expressions have single precision. */
  columns: Record<string, unknown[]>;
}

/** A walk-forward. */
export interface WalkForward {
  /** Id. */
  id: string;
  /** Research line whose trials the variants are; null: none. */
  research: string | null;
  /** How the points were chosen. */
  method: string;
  /** Number of variants. */
  variants: number;
  /** Variants that have been run, failed ones included. */
  done: number;
  /** Variants that have no result; the table has the reason of each. */
  failed: number;
  /** Parts in which the variants are computed. */
  parts: number;
  /** Parts that have ended. */
  parts_done: number;
  /** Mean speed since the first part began; null: none has ended. */
  runs_per_second: number | null;
  /** Estimated time to the end; null: not known, or it has ended. */
  eta_seconds: number | null;
  /** Whether variants are missing: everything below is of the `seen` ones only. */
  partial: boolean;
  /** Variants that the answer is about. */
  seen: number;
  /** Cost that counts against the limit of the key. */
  cost: number;
  /** SHA-256 of everything that the table follows from. */
  digest: string;
  /** Dataset version. */
  dataset: string;
  /** Version of the engine. */
  engine_version: string;
  /** Version of the market rules. */
  rules_version: string;
  /** When it was accepted. */
  created_at: string;
  /** When its first part began. */
  started_at: string | null;
  /** When it ended. */
  finished_at: string | null;
  /** State; completed, failed and cancelled are final. */
  status: "cancelled" | "completed" | "failed" | "queued" | "running";
  /** What the variants are ranked by. */
  objective: SweepObjective;
  /** How a window chooses. */
  choose: "best" | "plateau";
  /** What is carried from window to window. */
  carry: "cash" | "positions";
  /** The windows, in order. */
  windows: WalkForwardWindow[];
  /** The account over all test days; null until it is completed. */
  stitched: StitchedSummary | null;
  /** Movement of each parameter. */
  drift: Record<string, ParameterDrift> | null;
  /** Values to trade after the end; null: nothing could be chosen. */
  next: NextValues | null;
  /** Statistics of the account corrected for the trials of its line; null without line or account. */
  deflated: Deflated | null;
  /** Why it failed. */
  error: RunProblem | null;
  /** Days that no run has read; null: none. */
  holdout: SweepHoldout | null;
  /** The request, with the strategy of the template spelled out. */
  request: Record<string, unknown>;
  /** Paths of the walk-forward's resources. */
  links: Record<string, string>;
}

/** Body of `POST /v1/walk-forwards`. */
export interface WalkForwardBody {
  /** Parameters by name; the template names each as `$name`. */
  parameters: Record<string, Parameter>;
  /** Conditions on parameters that every variant meets. */
  constraints?: string[];
  /** How the points are chosen. */
  search?: Search;
  /** What makes a variant better. */
  objective?: Objective;
  /** Name of the research line whose trials the variants are; null: none. */
  research?: string | null;
  /** Days that no variant reads; null: none. */
  holdout?: Holdout | null;
  /** A backtest as in `POST /v1/backtests`, with `$name` in its strategy; `start` and `end` are those of all windows together. */
  template: Record<string, unknown>;
  /** How the days are divided. */
  windows: Windows;
  /** best: the variant with the best objective on the train days; plateau: the one with the best mean objective over itself and its neighbours. */
  choose?: "best" | "plateau";
  /** positions: one account over all test days, whose holdings follow the new values at each window; cash: an account for each window, their returns chained. */
  carry?: "cash" | "positions";
}

/** State of a walk-forward; variants are those of all its runs together. */
export interface WalkForwardHead {
  /** Id. */
  id: string;
  /** Research line whose trials the variants are; null: none. */
  research: string | null;
  /** How the points were chosen. */
  method: string;
  /** Number of variants. */
  variants: number;
  /** Variants that have been run, failed ones included. */
  done: number;
  /** Variants that have no result; the table has the reason of each. */
  failed: number;
  /** Parts in which the variants are computed. */
  parts: number;
  /** Parts that have ended. */
  parts_done: number;
  /** Mean speed since the first part began; null: none has ended. */
  runs_per_second: number | null;
  /** Estimated time to the end; null: not known, or it has ended. */
  eta_seconds: number | null;
  /** Whether variants are missing: everything below is of the `seen` ones only. */
  partial: boolean;
  /** Variants that the answer is about. */
  seen: number;
  /** Cost that counts against the limit of the key. */
  cost: number;
  /** SHA-256 of everything that the table follows from. */
  digest: string;
  /** Dataset version. */
  dataset: string;
  /** Version of the engine. */
  engine_version: string;
  /** Version of the market rules. */
  rules_version: string;
  /** When it was accepted. */
  created_at: string;
  /** When its first part began. */
  started_at: string | null;
  /** When it ended. */
  finished_at: string | null;
  /** State; completed, failed and cancelled are final. */
  status: "cancelled" | "completed" | "failed" | "queued" | "running";
}

/** The one opening of a holdout. */
export interface WalkForwardHoldout {
  /** Id of the walk-forward. */
  walk_forward: string;
  /** Variant of `next`, which it was opened for. */
  variant: number;
  /** When it was opened. */
  opened_at: string;
  /** Id of the backtest of the variant over the holdout. */
  backtest: string;
}

/** A page of walk-forwards, the newest first. */
export interface WalkForwardList {
  /** Walk-forwards. */
  items: WalkForwardHead[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
}

/** A window: what was chosen from its train, and how that fared over its test. */
export interface WalkForwardWindow {
  /** Number of the window, from 0. */
  window: number;
  /** Days that chose. */
  train: RunDays;
  /** Days that traded the choice. */
  test: RunDays;
  /** Chosen variant; null: not known yet, or nothing could be chosen. */
  variant: number | null;
  /** Its values by parameter. */
  values: Record<string, unknown> | null;
  /** With plateau: mean objective over the choice and its neighbours. */
  mean: number | null;
  /** With plateau: its ranked neighbours. */
  neighbours: number | null;
  /** Objective of the choice in sample and out of sample. */
  objective: TrainAndTest | null;
  /** Statistics of the choice. */
  statistics: WindowStatistics | null;
  /** Its place out of sample; null with fewer than two variants. */
  rank: OutOfSampleRank | null;
  /** Body of `POST /v1/backtests` that gives `statistics.test` of this window. */
  request: Record<string, unknown> | null;
}

/** An item of a warm run that failed. */
export interface WarmFailure {
  /** Phase of the item. */
  phase: string;
  /** Name of the item. */
  item: string;
  /** Why it failed. */
  error: string | null;
  /** How long it took. */
  seconds: number;
  /** Whether data are missing that the loaded market does not have. */
  missing_data: boolean;
}

/** Progress of a phase. */
export interface WarmPhase {
  /** Name of the phase. */
  phase: string;
  /** State of the phase. */
  status: string;
  /** Number of items. */
  items: number;
  /** Number of items that are done. */
  done: number;
  /** Number of items that failed. */
  failed: number;
  /** Place of the phase in the run. */
  place: number;
  /** Items that were computed; the others were warm already. */
  fresh: number;
  /** Reads that the cache answered; null: not counted. */
  hits: number | null;
  /** Reads that it did not answer; null: not counted. */
  misses: number | null;
  /** Duration so far. */
  seconds: number;
  /** When it began. */
  started_at: string | null;
  /** When it ended. */
  finished_at: string | null;
}

/** A warm run. */
export interface WarmRun {
  /** Id of the run. */
  id: number;
  /** What started it. */
  trigger: string;
  /** Phases of the run. */
  phases: string[];
  /** State; partial: an item failed for another reason than missing data. */
  status: "completed" | "failed" | "partial" | "queued" | "running";
  /** Date in Seoul of a nightly run; null: another one. */
  night: string | null;
  /** Attempts so far; a run that is interrupted is tried again. */
  attempts: number;
  /** What was planned against the limit of the cache; null: not planned yet. */
  plan: Record<string, unknown> | null;
  /** What came out; null: it has not ended. */
  summary: Record<string, unknown> | null;
  /** Why it failed. */
  error: string | null;
  /** Dataset version that is warmed. */
  dataset_version: string | null;
  /** When it was requested. */
  created_at: string;
  /** When it began. */
  started_at: string | null;
  /** When it ended. */
  finished_at: string | null;
}

/** Body of `POST /v1/warm-runs`. */
export interface WarmRunBody {
  /** Phases to run, always in this order. */
  phases?: ("factors" | "popular" | "prices" | "rankings" | "strategies")[];
}

/** A warm run with its phases and failures. */
export interface WarmRunDetail {
  /** Id of the run. */
  id: number;
  /** What started it. */
  trigger: string;
  /** Phases of the run. */
  phases: string[];
  /** State; partial: an item failed for another reason than missing data. */
  status: "completed" | "failed" | "partial" | "queued" | "running";
  /** Date in Seoul of a nightly run; null: another one. */
  night: string | null;
  /** Attempts so far; a run that is interrupted is tried again. */
  attempts: number;
  /** What was planned against the limit of the cache; null: not planned yet. */
  plan: Record<string, unknown> | null;
  /** What came out; null: it has not ended. */
  summary: Record<string, unknown> | null;
  /** Why it failed. */
  error: string | null;
  /** Dataset version that is warmed. */
  dataset_version: string | null;
  /** When it was requested. */
  created_at: string;
  /** When it began. */
  started_at: string | null;
  /** When it ended. */
  finished_at: string | null;
  /** Phases that have begun. */
  progress: WarmPhase[];
  /** Items that failed, with the reason. */
  failures: WarmFailure[];
}

/** A page of warm runs, the newest first. */
export interface WarmRunList {
  /** Warm runs. */
  items: WarmRun[];
  /** Cursor of the next page; null: this is the last one. */
  next_cursor: string | null;
  /** Whether the caller has the role that starts one. */
  startable: boolean;
}

/** Where the events of an account are posted. */
export interface Webhook {
  /** Address of the receiver. */
  url: string;
  /** When it was set. */
  created_at: string;
}

/** Body of `PUT /v1/accounts/{id}/webhook`. */
export interface WebhookBody {
  /** Where events are posted: https with a public address. */
  url: string;
  /** Key of the signature; null: one is made and answered once. */
  secret?: string | null;
}

/** A webhook that was set, with its key. */
export interface WebhookSet {
  /** Address of the receiver. */
  url: string;
  /** When it was set. */
  created_at: string;
  /** Key of the signature. It is not answered again. */
  secret: string;
}

/** Why a trade was made. */
export interface Why {
  /** The rule in words. */
  rule: string;
  /** Stop or target; null: the rule has none. */
  level: number | null;
  /** Price before slippage, ticks and limits. */
  reference: number | null;
  /** Row whose values decided; absent for prices. */
  decided_on?: string | null;
  /** Parts of the condition behind the trade. */
  parts?: ConditionPart[] | null;
  /** All numbers that the parts compared. */
  values?: Record<string, number | null> | null;
  /** Rank among the candidates, from 1; null: it was no candidate. */
  rank?: number | null;
  /** Number of candidates. */
  candidates?: number | null;
  /** Age of the position at a sale. */
  held_days?: number | null;
  /** Drawdown stop: equity of the evening that decided. */
  equity?: number | null;
  /** Drawdown stop: equity at which it stops. */
  equity_level?: number | null;
  /** Drawdown stop: highest equity before. */
  highest_equity?: number | null;
}

/** Rows that were simulated. */
export interface Window {
  /** First row. */
  first: string;
  /** Last row. */
  last: string;
  /** Number of rows. */
  rows: number;
  /** Rows of the dataset before the first one. */
  warmup_rows: number;
}

/** Main statistics of the choice over a run. */
export interface WindowFigures {
  /** Annual growth. */
  cagr: number | null;
  /** Deepest drawdown. */
  max_drawdown: number | null;
  /** Sharpe ratio of daily returns, for a year. */
  sharpe: number | null;
  /** Return. */
  total_return: number | null;
  /** Fills. */
  trades: number | null;
  /** Sales a year over the mean equity. */
  turnover: number | null;
  /** Deviation of daily returns, for a year. */
  volatility: number | null;
}

/** Statistics of the choice as an account of its own, over both kinds of days. */
export interface WindowStatistics {
  /** Over the days that chose. */
  train: WindowFigures;
  /** Over the days that traded. */
  test: WindowFigures;
}

/** How the days are divided: each window has days on which the parameters are chosen, and days that trade them. */
export interface Windows {
  /** Length of the days on which the values are chosen. */
  train: string;
  /** Length of the days that trade the chosen values. */
  test: string;
  /** Distance of two windows; null: `test`, so that the test days follow each other without a gap. */
  step?: string | null;
  /** Whether every train begins at the first day; false: it moves with the window. */
  anchored?: boolean;
  /** Trading days between train and test that neither reads as its own; they are taken from the train. */
  gap_rows?: number;
}

/** How many values a factor has in a year. */
export interface YearCoverage {
  /** Year. */
  year: number;
  /** Part of the stock-days that have a value. */
  share: number;
  /** Why others have none. */
  reason: string | null;
}

/** Return of a year. */
export interface YearlyReturn {
  /** Year. */
  year: string;
  /** Return of the year. */
  return: number | null;
}

/** Return of a year. One array a column. */
export interface YearlyReturnColumns {
  /** One value a row. */
  year: string[];
  /** One value a row. */
  return: (number | null)[];
}
