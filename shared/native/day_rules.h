/* One day of a run: its context, and the market's rules for a stock on it. */

#ifndef ONDOL_DAY_RULES_H
#define ONDOL_DAY_RULES_H

#include "native.h"

#define LIQUIDATION_DAYS 21 /* calendar days before the delisting in which liquidation trading takes place */
#define LIQUIDATION_ROWS 7  /* tradable rows of liquidation trading */
#define SUSPENDED_ROWS 3    /* rows without trading before it, at least */

/* The bars of one row. */
typedef struct {
    const bar *first;
    int64_t step; /* from stock to stock; 0: there are none */
} row_bars;

typedef struct {
    const market_data *m;
    const market_rules *r;
    const run_options *o;
    const run_block *b;
    run_state *s;
    int64_t row;
    int32_t day;
    row_bars bars, before; /* of this row and of the one before */
    const uint8_t *market; /* market codes of this row */
    const double *tax, *limit;
    const uint8_t *tick_table;
    double narrowest; /* smallest daily limit of a Korean market today, a fraction */
    double stop_loss, trailing_stop, take_profit; /* level / entry price (or peak); NaN without the rule */
    int has_levels;   /* some of them is given */
    int decided;      /* there is a decision row before this one */
    int buys;         /* positions are chosen today */
    int when;         /* portfolio.when is true on the row before */
} day_ctx;

static inline int at_most(double x, double y) { return x <= y * (1 + REL_EPS); }
static inline int at_least(double x, double y) { return x >= y * (1 - REL_EPS); }

static inline row_bars bars_at(const market_data *m, int64_t row) {
    for (int64_t i = m->years_count - 1; i >= 0; i--) {
        const stock_bars *y = &m->years[i];
        if (row >= y->first)
            return row < y->first + y->rows ? (row_bars){y->bars + (row - y->first), y->rows} : (row_bars){0, 0};
    }
    return (row_bars){0, 0};
}

static inline const bar *bar_of(const day_ctx *t, int64_t col) { return t->bars.first + col * t->bars.step; }

/* Prefetch the bar of a stock that will be bought or sold today, and that of the day before. */
static inline void prefetch_bars(const day_ctx *t, int64_t col) {
    __builtin_prefetch(bar_of(t, col) - 1);
    __builtin_prefetch((const char *)(bar_of(t, col) + 1) - 1);
}

static inline int is_tradable(const day_ctx *t, int64_t col) { return bar_of(t, col)->open > 0; }

/* The reference price of an order at the open (or at the close); NaN when the stock is not tradable. */
static inline double order_price(const day_ctx *t, int64_t col) {
    const bar *b = bar_of(t, col);
    return b->open > 0 ? (t->o->at_close ? b->last : b->open) : NAN;
}

/* ---- ticks ---- */

static inline double tick_of(const day_ctx *t, int64_t col, double price) {
    const double *table = t->r->ticks + (int64_t)t->tick_table[t->market[col]] * TICK_STEPS * 2;
    double reached = price * (1 + REL_EPS);
    int step = 0; /* prices of a table ascend: counting is faster than a branch that no processor foresees */
    for (int i = 0; i < TICK_STEPS - 1; i++) step += !(reached < table[2 * i]);
    return table[2 * step + 1];
}

/* Rounded down to the tick, at least one tick. */
static inline double tick_down(const day_ctx *t, int64_t col, double price) {
    double tick = tick_of(t, col, price), rounded = floor(price / tick + REL_EPS) * tick;
    return rounded < tick ? tick : rounded;
}

static inline double tick_up(const day_ctx *t, int64_t col, double price) {
    double tick = tick_of(t, col, price);
    return ceil(price / tick - REL_EPS) * tick;
}

/* ---- liquidation trading ---- */

/* Whether the row, on which the stock trades, is one of the first LIQUIDATION_ROWS tradable rows after a suspension of
 * SUSPENDED_ROWS rows or more, shortly before the delisting. */
static inline int is_liquidation_row(const day_ctx *t, int64_t col, int32_t delisted) {
    int64_t left = (int64_t)delisted - t->day;
    if (left > LIQUIDATION_DAYS || left <= 0 || !is_tradable(t, col)) return 0;
    const matrix_view *idle = &t->m->idle;
    int traded = 0;
    for (int64_t row = t->row; row > idle->first; row--) {
        if (uint16_row(idle, row)[col]) continue;
        if (++traded > LIQUIDATION_ROWS) return 0;
        uint16_t suspended = uint16_row(idle, row - 1)[col];
        if (suspended == NEVER_TRADED ? row >= SUSPENDED_ROWS : suspended >= SUSPENDED_ROWS) return 1;
    }
    return 0;
}

static inline int is_liquidation(const day_ctx *t, int64_t col) {
    return is_liquidation_row(t, col, t->m->delisted[col]);
}

/* ---- daily limits ---- */

/* The close of the evening before on the share basis of today, not rounded; NaN on the first row with a close. */
static inline double base_of(const day_ctx *t, int64_t col) {
    if (!t->before.step) return NAN;
    return t->before.first[col * t->before.step].last / bar_of(t, col)->split;
}

/* The base that the exchange makes the limits from; NaN where there are no limits. */
static inline double limit_base(const day_ctx *t, int64_t col) {
    double base = base_of(t, col);
    if (isnan(base) || is_liquidation(t, col)) return NAN;
    double tick = tick_of(t, col, base);
    return floor(base / tick + 0.5 + REL_EPS) * tick;
}

static inline double upper_of(const day_ctx *t, int64_t col) {
    double base = limit_base(t, col);
    if (isnan(base)) return NAN;
    double limit = tick_down(t, col, base * (1 + t->limit[t->market[col]])), least = base + tick_of(t, col, base);
    return limit < least ? least : limit;
}

static inline double lower_of(const day_ctx *t, int64_t col) {
    double base = limit_base(t, col);
    if (isnan(base)) return NAN;
    double tick = tick_of(t, col, base), down = floor(base * t->limit[t->market[col]] / tick + REL_EPS) * tick;
    return base - (down < tick ? tick : down);
}

/* The limits that bind the orders of this run; NaN where none does. */
static inline double upper_limit(const day_ctx *t, int64_t col) {
    return t->o->limits_on[t->market[col]] ? upper_of(t, col) : NAN;
}

static inline double lower_limit(const day_ctx *t, int64_t col) {
    return t->o->limits_on[t->market[col]] ? lower_of(t, col) : NAN;
}

/* The same for orders that are compared with prices up to `highest` (down to `lowest`) only: NaN, as without a limit,
 * where the limit is farther away for sure. From the close of the evening before to a limit there is at most one step of
 * the tick table, and a step makes the tick at most 5 times as large: rounding moves the limit by less than 7 ticks. */
static inline double upper_limit_near(const day_ctx *t, int64_t col, double highest) {
    double base = base_of(t, col);
    if (base > 1000 && t->o->limits_on[t->market[col]]) {
        double limit = t->limit[t->market[col]], tick = tick_of(t, col, base);
        if (limit <= 0.5 && highest < ((base - tick) * (1 + limit) - 6 * tick) * (1 - 1e-6)) return NAN;
    }
    return upper_limit(t, col);
}

static inline double lower_limit_near(const day_ctx *t, int64_t col, double lowest) {
    double base = base_of(t, col);
    if (base > 1000 && t->o->limits_on[t->market[col]]) {
        double limit = t->limit[t->market[col]], tick = tick_of(t, col, base);
        if (limit <= 0.5 && lowest > ((base + tick) * (1 - limit) + 6 * tick) * (1 + 1e-6)) return NAN;
    }
    return lower_limit(t, col);
}

#endif
