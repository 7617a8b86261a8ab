/* The structures that the kernels share with Python: shared/simulation/structures.py, statistics.py and
 * result/encoding.py, shared/language/vm.py and shared/factors/native.py declare the same ones. Their sizes are compared
 * at load.
 *
 * Matrices are [rows x columns]: rows are trading days of the dataset, columns its instruments. */

#ifndef ONDOL_NATIVE_H
#define ONDOL_NATIVE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define REL_EPS 1e-9     /* prices meet a level, a limit or a tick within this relative distance */
#define MARKET_CODES 4   /* KOSPI, KOSDAQ, KONEX, any other market */
#define OTHER_MARKET 3
#define TICK_STEPS 7
#define NO_COLUMN 0xffff /* ends a row of columns in ranking order */
#define NEVER_TRADED 65535

/* Keys of `unfilled`; a sale that cannot fill is counted at SELL_UNFILLED + its reason - 1. */
enum { HALTED, LIMIT_UP, NO_CASH, VOLUME_CAP, SECTOR_CAP, SELL_UNFILLED };
enum {
    ENTRY, STOP_LOSS, TRAILING_STOP, TAKE_PROFIT, MAX_HOLD, CONDITION, TIMING, DRAWDOWN_STOP, REBALANCE, DELISTED,
    CORPORATE_ACTION, REASONS
};
enum { EQUAL, MARKET_CAP, INVERSE_VOLATILITY };
enum { LIQUIDATION, LAST_PRICE, HAIRCUT, ZERO };
enum { HOLD, ROTATE, REWEIGHT };
enum { SPLIT, DIVIDEND };
enum { STALE_EXIT = 1 }; /* bits of trade.flags */

/* A matrix in memory whose rows are contiguous. The byte stride may be 0: one row that holds for all. */
typedef struct {
    const char *data;
    int64_t stride; /* bytes from row to row */
    int64_t first;  /* dataset row of the first row */
} matrix_view;

/* One stock on one day. Consecutive days of a stock are adjacent: a cache line and a page serve several days. */
typedef struct {
    double low, high, last, open; /* open: NaN where the stock is not tradable */
    double split, mean_volume;    /* mean_volume: of the 20 rows before, in shares of today; NaN without such a row */
} bar;

/* The bars of a calendar year, stock by stock. */
typedef struct {
    const bar *bars;
    int64_t rows;  /* of each stock */
    int64_t first; /* dataset row of the first */
} stock_bars;

/* The dataset. Views that a request does not need have null data. */
typedef struct {
    int64_t n;                                                        /* columns */
    matrix_view last, split;                                          /* float64 */
    matrix_view cap;                                                  /* float32 MARKET_CAP */
    matrix_view volatility_20, volatility_60;                         /* float64, of changes that end on the row */
    matrix_view idle;                                                 /* uint16 */
    matrix_view market;                                               /* uint8, market code */
    matrix_view sector;                                               /* int16, -1 without a sector */
    const stock_bars *years;
    int64_t years_count;
    const int32_t *days;      /* day number of every row of the dataset */
    const int32_t *code_rank; /* column -> position in stock code order */
    const int32_t *by_code;   /* its inverse */
    const int32_t *delisted;  /* day number, INT32_MAX without one */
    const int32_t *dividend_row, *dividend_col; /* by row, then stock code */
    const double *dividend_dps;                 /* won a share before tax */
    int64_t dividends;
} market_data;

/* The exchange's rules from dataset row `first` on, [rows x MARKET_CODES]. */
typedef struct {
    int64_t first;
    const double *tax, *limit;
    const uint8_t *tick_table;
    const double *ticks; /* [tables x TICK_STEPS x (price below, tick)] */
} market_rules;

/* The request in numbers. NaN and -1 mean "none". */
typedef struct {
    int64_t max_positions, max_new_per_day, min_hold_days, max_hold_days;
    int64_t keep_rank, max_per_sector, resume_days;
    double commission, slippage, impact;
    double take_profit_pct, stop_loss_pct, trailing_stop_pct;
    double position_pct, max_position_value, max_volume_pct, band; /* band: a fraction */
    double haircut, stale_haircut, stop_drawdown;                  /* fractions */
    double dividend_tax[MARKET_CODES];
    int32_t weighting, delisting, on_rebalance, descending, at_close, sell_when_false, invest_full, has_when;
    uint8_t ticks_on[MARKET_CODES], limits_on[MARKET_CODES];
} run_options;

/* A compiled expression that is evaluated on demand, for some cells of a row or for all of it (language.c). */
typedef struct {
    void (*cells)(const void *formula, int64_t row, const int32_t *columns, int64_t n, void *out);
    void (*row)(const void *formula, int64_t row, void *out);
    const void *formula; /* null: there is none */
} compiled_expr;

/* A condition over the columns of a row in ranking order, evaluated for 64 positions at a time (variants.c). `word`: bit
 * i is set when position 64 * at + i holds a stock that may be bought. */
typedef struct {
    uint64_t (*word)(void *condition, int64_t row, int64_t at);
    void *condition; /* null: there is none */
} ordered_condition;

/* The rows [start, stop) to simulate, and the decisions of the rows before them. */
typedef struct {
    matrix_view universe;     /* uint8, on decision rows */
    matrix_view rank;         /* float32 when the ranking value is in memory; else `ranking` computes it */
    matrix_view order;        /* uint16 columns in ranking order, ended by NO_COLUMN; null without a cached order */
    compiled_expr buy, ranking, sell;
    ordered_condition chosen; /* instead of `universe` and `buy`, with `order` */
    const uint8_t *when;      /* from row `when_first` on; null: always true */
    const uint8_t *rebalance; /* from row `window` on */
    const int64_t *opened_limit; /* holdings that may have been opened by each row from `window` on; null: no limit */
    int64_t window, start, stop, decided, when_first; /* rows; there are no decision rows before `decided` */
    int64_t filtered; /* `order` holds only stocks of the universe that fulfil `buy` */
} run_block;

typedef struct {
    int32_t col, entry_row, entry_day, bought_row, delisted_day;
    int32_t skip_today, condition, drawdown_due;
    double shares, entry, peak, most_shares, cost, proceeds, close; /* close: value of the evening before, or base */
} holding;

typedef struct {
    int32_t row, col, reason, flags;
    double shares, price, reference, level, commission, tax;
} trade;

typedef struct {
    int32_t col, entry_row, exit_row, reason;
    double shares, entry_price, exit_shares, exit_price, cost, proceeds;
} round_trip;

typedef struct {
    int32_t row, col, kind, pad;
    double ratio, shares_before, shares_after, dps, cash; /* NaN where it does not apply */
} corporate_action;

/* A position whose open or close moved beyond the daily limit without a split. */
typedef struct {
    int32_t row, col;
    double move;
} suspect_price;

/* What the days change of a column. Rows are 0 before the first time: on row 0 nothing is decided. */
typedef struct {
    int32_t held;               /* position in `holdings`, counted from 1; 0: not held */
    int32_t sold_row;           /* row of the last sale */
    int32_t target_row, spare;  /* last row on whose target list it was */
    double target;              /* won of that list, with `reweight` */
} stock_state;

/* Everything that the days change, with the logs and scratch arrays of a run. */
typedef struct {
    double cash, highest_equity;
    int64_t held, ended, trades, trade_room, trips, trip_room, actions, action_room, suspects, suspect_room;
    int64_t dividend, candidate_days, first_purchase, resting, stop_day;
    double sales, commission, tax, slippage, dividends;
    int64_t unfilled[SELL_UNFILLED + REASONS - 1];
    holding *holdings;
    trade *trade_log;
    round_trip *trip_log;
    corporate_action *action_log;
    suspect_price *suspect_log;
    double *equity, *cash_log; /* from `window` on */
    int32_t *positions;
    uint8_t *stopped; /* 1 where `when` or the drawdown stop forbids purchases */
    stock_state *stocks;
    uint64_t *keys;
    int32_t *order;
    double *weights;
    uint8_t *passed; /* a row of answers each */
    float *ranked;
    int32_t *sector_row, *sector_count; /* by sector code; the count is of this row when sector_row says so */
} run_state;

/* ---- statistics.c ---- */

typedef struct {
    const double *equity, *cash, *benchmark; /* benchmark: daily returns, or null */
    const int32_t *positions;                /* holdings on each evening */
    int64_t rows, idle_days;                 /* idle_days: rows before the first purchase */
    double initial_cash, daily_rf;
    double *returns, *drawdowns, *levels; /* out, `rows` each; levels: of the benchmark, 1 before the first row */
    double *work;                         /* scratch for 3 * rows values */
} equity_curve;

/* "Counted" days are those with a return, that is, up to the first day with an equity of 0. */
typedef struct {
    int64_t counted, invested; /* invested: counted days with a position in the evening */
    double best, worst, deviation, excess, downside; /* excess: mean return above the risk-free rate */
    double active_deviation, active_excess;          /* from the first purchase on */
    double mean_equity, exposure;                    /* exposure: NaN without a day of positive equity */
    double depth;                                    /* of the deepest drawdown, with its rows: */
    int64_t peak, bottom, recovery;                  /* recovery: -1 when there is none */
    double benchmark_growth, benchmark_depth;        /* of the whole window */
    double benchmark_deviation, variance, covariance, benchmark_excess, tracking_deviation, difference;
} curve_sums;

typedef struct {
    double gains, losses, mean_win, mean_loss; /* sums in won; means as a fraction of the cost */
    int64_t wins, holding_days;
} trip_sums;

/* ---- variants.c ---- */

/* Kinds of a part of a condition. The first six compare a value with a constant, which is the right operand. */
enum { LESS, AT_MOST, EQUALS, DIFFERS, GREATER, AT_LEAST, TRUTH, ROW_TRUTH, FORMULA };

/* A part of conditions that is evaluated for 64 positions of a row at a time. */
typedef struct {
    int64_t kind;
    matrix_view values;  /* [rows x columns] in ranking order, float32 or (TRUTH) uint8; ROW_TRUTH: uint8 [rows x 1] */
    double constant;     /* rounded to float32 */
    int64_t formula, at; /* FORMULA: number of the formula, and where its constants begin */
    uint64_t *words;     /* [rows x words of a row] that were evaluated before, where `known` is 1; null: none is kept */
    uint8_t *known;
} condition_part;

/* A condition in postfix: the number of a part, or one of these. */
enum { BOTH = -1, EITHER = -2, NEITHER = -3 }; /* NEITHER negates the last value */

typedef struct {
    const int32_t *code;
    int64_t n_code;
    uint64_t *words; /* as those of a part */
    uint8_t *known;
} condition;

/* A number of a formula (-1: there is none), and where its constants begin. */
typedef struct {
    int64_t formula, at;
} formula_use;

/* A request: what it shares with others by address, and what is its own. */
typedef struct {
    const market_data *market;
    const market_rules *rules;
    const run_options *options;
    const run_block *block;  /* without expressions */
    const uint8_t *when;     /* as in run_block */
    const double *benchmark; /* [rows], or null */
    condition *chosen;       /* null: `buy` and `ranking` are evaluated in column order */
    formula_use buy, ranking, sell;
    double initial_cash, daily_rf;
    int64_t sectors;
} variant;

/* What the figures of a result are made of. */
typedef struct {
    curve_sums curve;
    trip_sums trips;
    int64_t ended, fills, first_purchase;       /* ended: closed round trips; first_purchase: a row, -1 without one */
    double sales, commission, tax, slippage, dividends, last_equity;
    double best_month, worst_month;             /* NaN without a month that has a return */
    double participation_median, participation_max; /* NaN without a purchase */
} variant_sums;

/* Functions of the other kernels. */
typedef struct {
    int64_t (*simulate)(const market_data *, const market_rules *, const run_options *, const run_block *, run_state *);
    void (*measure_curve)(const equity_curve *, curve_sums *);
    void (*measure_trips)(const round_trip *, int64_t, const int32_t *, double *, double *, double *, trip_sums *);
    void (*list_purchases)(const trade *, int64_t, const matrix_view *, int64_t *, double *, int64_t *);
    void (*bind)(const void *formula);
    void (*cells)(const void *formula, int64_t row, const int32_t *columns, int64_t n, void *out);
    void (*row)(const void *formula, int64_t row, void *out);
} kernel_functions;

/* Requests over the same dataset and window. */
typedef struct {
    const kernel_functions *call;
    const variant *variants;
    int64_t count;
    variant_sums *sums;  /* out, [count] */
    float *weekly;       /* out, [count x weeks] */
    condition_part *parts;
    void *const *formulas; /* [threads x n_formulas] bound programs: each thread has its own registers */
    int64_t n_formulas;
    const double *constants; /* of all formulas */
    matrix_view volume;      /* float64 */
    const int32_t *days;     /* day number of every row of the dataset */
    const int32_t *week_ends, *month_ends; /* rows of the window */
    int64_t weeks, months;
    int64_t columns, window, rows, decided; /* `decided`: dataset row of the first row of words */
    int64_t max_positions, sectors;         /* the most that a variant has */
    int64_t threads;
} variant_batch;

/* ---- result_json.c ---- */

/* A column of a table that is encoded. */
typedef struct {
    int64_t kind; /* STRING16 stands for both widths: the width follows from the count */
    const char *label;
    int64_t label_length;
    const void *values;     /* of strings: int32 indices into the pool */
    const char *strings;    /* the pool: JSON strings, concatenated */
    const int32_t *offsets; /* of each string of the pool, and the end */
    int64_t pool_size;      /* number of strings */
} table_column;

/* ---- language.c ---- */

/* A compiled expression bound to matrices (Formula in shared/language/vm.py). `memory` holds n_registers + 1 blocks
 * from a multiple of 64 on, `value` as many addresses. The last instruction's register is the result. */
typedef struct {
    const int32_t *code; /* [n_code][5]: operation, target register, operands; the first n_constants fill constants */
    int64_t n_code, n_constants;
    const double *constants;
    const int64_t *planes; /* [n][5]: address, row stride in bytes, leading rows that are absent, element bytes, and 1
                              or, for one column that holds for all stocks, 0 */
    int64_t first;         /* dataset row of the planes' first row */
    int64_t cols, bytes;   /* columns; bytes of an element of the result */
    char *memory;
    const void **value;
    const char *nothing; /* a block of NaN as float64, then one as float32 */
} bound_program;

/* ---- factors.c ---- */

/* In the order of PRICE_FACTORS in shared/factors/native.py. */
enum {
    MOMENTUM_1M, MOMENTUM_3M, MOMENTUM_6M, MOMENTUM_12M, DISTANCE_FROM_52W_HIGH, DISTANCE_FROM_52W_LOW,
    RELATIVE_STRENGTH, VOLUME_MOMENTUM, BETA, RSI_14, BOLLINGER_POSITION, MACD_SIGNAL, STOCHASTIC_14, VOLUME_ROC,
    PRICE_POSITION, CHANGE_RATE, PRICE_FACTORS
};

/* Matrices [days, instruments] with `stride` elements from one row to the next. */
typedef struct {
    int64_t days, instruments, first, stop; /* values are written for rows [first, stop) */
    const double *high, *low, *volume, *trading_value, *last, *adjust;
    const uint16_t *idle;       /* rows since the last tradable row */
    int64_t stride[7];          /* of the matrices above, in their order */
    int64_t indices;            /* series; one more of NaN follows them */
    const double *index_level;  /* [indices + 1, days] */
    const double *index_return; /* [indices + 1, days] */
    const int32_t *market;      /* [instruments], index series of each */
    float *out[PRICE_FACTORS];  /* [stop - first, instruments] or NULL */
} factor_prices;

/* Where accounts lie in a statement: flows first, then balances. */
typedef struct {
    int64_t flows, accounts, revenue, net_income, net_income_owners;
} statement_layout;

static inline const double *cell_at(const matrix_view *m, int64_t row, int64_t col) {
    return (const double *)(m->data + (row - m->first) * m->stride) + col;
}

static inline double cell(const matrix_view *m, int64_t row, int64_t col) { return *cell_at(m, row, col); }

static inline const uint8_t *flags_row(const matrix_view *m, int64_t row) {
    return (const uint8_t *)(m->data + (row - m->first) * m->stride);
}

static inline const float *float_row(const matrix_view *m, int64_t row) {
    return (const float *)(m->data + (row - m->first) * m->stride);
}

static inline const uint16_t *uint16_row(const matrix_view *m, int64_t row) {
    return (const uint16_t *)(m->data + (row - m->first) * m->stride);
}

static inline const int16_t *int16_row(const matrix_view *m, int64_t row) {
    return (const int16_t *)(m->data + (row - m->first) * m->stride);
}

/* A key that orders as a ranking does: the bits of the value made monotonous, above the position in stock code order.
 * Keys differ, so "after the last one seen" is a position in the ranking. */
static inline uint64_t rank_key(float value, int32_t code_rank) {
    uint32_t bits;
    value += 0.0f;
    memcpy(&bits, &value, 4);
    bits ^= (bits >> 31) ? 0xffffffffu : 0x80000000u;
    return (uint64_t)bits << 32 | (uint32_t)code_rank;
}

static inline float rank_value(uint64_t key) {
    uint32_t bits = (uint32_t)(key >> 32);
    float value;
    bits ^= (bits >> 31) ? 0x80000000u : 0xffffffffu;
    memcpy(&value, &bits, 4);
    return value;
}

#endif
