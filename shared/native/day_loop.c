/* The day loop of a backtest, day by day in the order of docs/reference/simulation.md, and three counting loops beside it.
 *
 * Matrices are days down, instruments across; a plane knows the dataset row that its first row stands for. Whatever is
 * summed or chosen over instruments goes in ascending stock code, so the order of columns never shows. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define TOUCH 1e-9
#define KINDS 3
#define STEPS 7
#define NOBODY 0xffff
#define SOME 32 /* columns that are asked for at once */
#define MANY 256 /* after so many of a row, the whole row is */

enum { HALTED, LIMIT_UP, CASH, VOLUME, SELL };
enum { ENTRY, STOP_LOSS, TRAILING_STOP, TAKE_PROFIT, MAX_HOLD, CONDITION, REBALANCE, DELISTED, CORPORATE_ACTION };
enum { EQUAL, MARKET_CAP, INVERSE_VOLATILITY };
enum { LAST_PRICE, HAIRCUT, ZERO };

typedef struct {
    const char *data;
    int64_t stride; /* bytes from row to row */
    int64_t first;  /* dataset row of the first row */
} plane;

/* What a holding needs each day. Days of a stock follow each other: one cache line and one page serve several. */
typedef struct {
    double low, high, last, open; /* open: NaN where the stock does not trade */
    double close, split;
} bar;

typedef struct {
    const bar *bars; /* of a calendar year: of its first stock, then of the next */
    int64_t rows;    /* of each stock */
    int64_t first;   /* dataset row of the first */
} strip;

/* The bars of one row. */
typedef struct {
    const bar *first;
    int64_t step; /* from stock to stock; 0: there are none */
} bars_of_row;

typedef struct {
    int64_t n;
    plane volume, split, last, adj_close, cap;
    const strip *strips;
    int64_t years; /* how many strips there are, in their order */
    const int32_t *days;      /* every row of the dataset */
    const int32_t *code_rank; /* column -> place in stock code order */
    const int32_t *by_code;   /* its inverse */
    const uint8_t *kind;
    const int32_t *delisted;
    const int32_t *dividend_row, *dividend_col;
    const double *dividend_dps, *dividend_cash; /* won a share, before and after tax */
    int64_t dividends;
} market;

typedef struct {
    int64_t first;
    const double *tax, *limit;
    const uint8_t *tick_table;
    const double *ticks;
} rules;

typedef struct {
    int64_t max_positions, max_new_per_day, min_hold_days, max_hold_days; /* max_*: -1 = none */
    double commission, slippage, take_profit_pct, stop_loss_pct, trailing_stop_pct; /* NaN = none */
    double position_pct, max_position_value, max_volume_pct, haircut;               /* NaN = none */
    int32_t weighting, delisting, rotate, descending, at_close, price_limits, tick_size, has_sell;
} options;

/* An expression that answers when it is asked, for some cells of a row or for all of it (language.c). */
typedef struct {
    void (*cells)(const void *with, int64_t row, const int32_t *columns, int64_t n, void *out);
    void (*row)(const void *with, int64_t row, void *out);
    const void *with; /* null: there is none */
} formula;

typedef struct {
    plane universe;           /* on decision rows */
    plane rank;               /* what is ranked by, when it lies in memory; else `ranking` answers */
    plane order;              /* the columns in ranking order, ended by NOBODY; may be null */
    formula buy, ranking, sell;
    const uint8_t *rebalance; /* from `window` on */
    int64_t window, from, to, decided; /* rows; decision rows before `decided` do not exist */
    int64_t sieved;           /* `order` has nobody but who is in the universe and may be bought; `buy` is not asked */
} block;

typedef struct {
    int32_t col, entry_row, entry_day, left_alone, due, pad;
    double shares, entry, peak, bought, price, cost, proceeds;
} holding;

typedef struct {
    int32_t row, col, reason, pad;
    double shares, price, reference, level, commission, tax;
} trade;

typedef struct {
    int32_t col, entry_row, exit_row, reason;
    double shares, entry_price, exit_shares, exit_price, cost, proceeds;
} trip;

/* Kind 0: split, 1: dividend. What does not apply is NaN. */
enum { SPLIT, DIVIDEND };
typedef struct {
    int32_t row, col, kind, pad;
    double ratio, shares_before, shares_after, dps, cash;
} corporate_action;

typedef struct {
    double cash;
    int64_t held, trades, trade_room, trips, trip_room, actions, action_room, dividend, candidate_days, first_purchase;
    double sales, commission, tax, slippage, dividends; /* dividends: after tax */
    int64_t unfilled[SELL + CORPORATE_ACTION + 1];
    holding *holdings;
    trade *trade_log;
    trip *trip_log;
    corporate_action *action_log;
    double *equity, *cash_log; /* from `window` on */
    int32_t *positions;
    uint8_t *is_held;
    int32_t *sold_row, *target_row;
    uint64_t *keys;
    int32_t *order;
    double *weights;
    uint8_t *passed; /* a row of answers each */
    float *ranked;
} state;

typedef struct {
    const market *m;
    const rules *r;
    const options *o;
    const block *b;
    state *s;
    int64_t row;
    int32_t day;
    bars_of_row bars, before; /* of this row and of the one before */
} today;

static inline double cell(const plane *p, int64_t row, int64_t col) {
    return ((const double *)(p->data + (row - p->first) * p->stride))[col];
}

static inline const uint8_t *flags(const plane *p, int64_t row) {
    return (const uint8_t *)(p->data + (row - p->first) * p->stride);
}

static bars_of_row bars_at(const market *m, int64_t row) {
    for (int64_t i = m->years - 1; i >= 0; i--) {
        const strip *s = &m->strips[i];
        if (row >= s->first) return row < s->first + s->rows ? (bars_of_row){s->bars + (row - s->first), s->rows}
                                                             : (bars_of_row){0, 0};
    }
    return (bars_of_row){0, 0};
}

static inline const float *floats(const plane *p, int64_t row) {
    return (const float *)(p->data + (row - p->first) * p->stride);
}

static inline const uint16_t *columns_of(const plane *p, int64_t row) {
    return (const uint16_t *)(p->data + (row - p->first) * p->stride);
}

static inline int at_most(double x, double y) { return x <= y * (1 + TOUCH); }
static inline int at_least(double x, double y) { return x >= y * (1 - TOUCH); }

static int is_rebalance(const today *t) { return t->b->rebalance[t->row - t->b->window]; }

static int is_decided(const today *t) { return t->row - 1 >= t->b->decided; }

/* ---- the market's rules -------------------------------------------------------------------------------------- */

static int64_t rule_of(const today *t, int64_t col) { return (t->row - t->r->first) * KINDS + t->m->kind[col]; }

static double tick_of(const today *t, int64_t col, double price) {
    const double *table = t->r->ticks + (int64_t)t->r->tick_table[rule_of(t, col)] * STEPS * 2;
    double reached = price * (1 + TOUCH);
    int step = 0;
    while (step < STEPS - 1 && !(reached < table[2 * step])) step++;
    return table[2 * step + 1];
}

static double tick_down(const today *t, int64_t col, double price) {
    double tick = tick_of(t, col, price);
    return floor(price / tick + TOUCH) * tick;
}

static double tick_up(const today *t, int64_t col, double price) {
    double tick = tick_of(t, col, price);
    return ceil(price / tick - TOUCH) * tick;
}

static const bar *bar_of(const today *t, int64_t col) { return t->bars.first + col * t->bars.step; }

static double base_of(const today *t, int64_t col) {
    if (!t->before.step) return NAN;
    return t->before.first[col * t->before.step].last / bar_of(t, col)->split;
}

/* NaN when there is none (limits switched off, or the stock's first row with a close) */
static double upper_limit(const today *t, int64_t col) {
    if (!t->o->price_limits) return NAN;
    double base = base_of(t, col);
    return isnan(base) ? NAN : tick_down(t, col, base * (1 + t->r->limit[rule_of(t, col)]));
}

static double lower_limit(const today *t, int64_t col) {
    if (!t->o->price_limits) return NAN;
    double base = base_of(t, col);
    if (isnan(base)) return NAN;
    double tick = tick_of(t, col, base);
    return base - floor(base * t->r->limit[rule_of(t, col)] / tick + TOUCH) * tick;
}

static int tradable(const today *t, int64_t col) { return bar_of(t, col)->open > 0; }

/* What an order at the open (or at the close) fills at before costs; NaN when it cannot. */
static double order_price(const today *t, int64_t col) {
    if (!tradable(t, col)) return NAN;
    double price = t->o->at_close ? bar_of(t, col)->close : bar_of(t, col)->open;
    return price > 0 ? price : NAN;
}

/* ---- selling ------------------------------------------------------------------------------------------------- */

static void log_trade(const today *t, int64_t col, int reason, double shares, double price, double reference,
                      double level, double commission, double tax) {
    t->s->trade_log[t->s->trades++] = (trade){(int32_t)t->row, (int32_t)col, reason, 0, shares, price, reference,
                                              level, commission, tax};
}

/* The holding ends; its slot is swept away at the end of the step. */
static void end_holding(const today *t, holding *h, int reason, double shares, double price, double reference,
                        double level, double commission, double tax) {
    state *s = t->s;
    log_trade(t, h->col, reason, shares, price, reference, level, commission, tax);
    s->trip_log[s->trips++] = (trip){h->col, h->entry_row, (int32_t)t->row, reason, h->bought, h->price,
                                     shares, price, h->cost, h->proceeds};
    s->is_held[h->col] = 0;
    s->sold_row[h->col] = (int32_t)t->row;
    h->shares = 0;
}

static void sell(const today *t, holding *h, int reason, double reference, double level, int on_market) {
    state *s = t->s;
    const options *o = t->o;
    double price = reference * (1 - o->slippage);
    if (on_market && o->tick_size) price = tick_down(t, h->col, price);
    if (on_market) {
        double lower = lower_limit(t, h->col);
        if (price < lower) price = lower;
    }
    double rate = t->r->tax[rule_of(t, h->col)], value = h->shares * price;
    double commission = value * o->commission, tax = value * rate, got = value * (1 - o->commission - rate);
    s->cash += got;
    h->proceeds += got;
    s->sales += value;
    s->commission += commission;
    s->tax += tax;
    s->slippage += h->shares * fabs(price - reference);
    end_holding(t, h, reason, h->shares, price, reference, level, commission, tax);
}

static void sweep(state *s) {
    int64_t kept = 0;
    for (int64_t i = 0; i < s->held; i++)
        if (s->holdings[i].shares > 0) {
            if (kept != i) s->holdings[kept] = s->holdings[i];
            kept++;
        }
    s->held = kept;
}

static void not_sold(const today *t, holding *h, int reason) {
    t->s->unfilled[SELL + reason - 1]++;
    h->left_alone = 1;
}

/* The higher of the two stop levels and its reason; NaN without stops. */
static double stop_level(const options *o, const holding *h, int *reason) {
    double fixed = h->entry * (1 - o->stop_loss_pct / 100), trailing = h->peak * (1 - o->trailing_stop_pct / 100);
    *reason = STOP_LOSS;
    if (isnan(trailing)) return fixed;
    if (isnan(fixed) || trailing > fixed) {
        *reason = TRAILING_STOP;
        return trailing;
    }
    return fixed;
}

static void log_action(const today *t, int32_t col, int kind, double ratio, double before, double after, double dps,
                       double cash) {
    t->s->action_log[t->s->actions++] = (corporate_action){(int32_t)t->row, col, kind, 0, ratio, before, after, dps, cash};
}

static void corporate_actions(const today *t) {
    state *s = t->s;
    const market *m = t->m;
    while (s->dividend < m->dividends && m->dividend_row[s->dividend] < t->row) s->dividend++;
    for (; s->dividend < m->dividends && m->dividend_row[s->dividend] == t->row; s->dividend++) {
        int32_t col = m->dividend_col[s->dividend];
        if (!s->is_held[col]) continue;
        for (int64_t i = 0; i < s->held; i++)
            if (s->holdings[i].col == col) {
                double shares = s->holdings[i].shares, paid = shares * m->dividend_cash[s->dividend];
                s->cash += paid;
                s->dividends += paid;
                s->holdings[i].proceeds += paid;
                log_action(t, col, DIVIDEND, NAN, shares, shares, m->dividend_dps[s->dividend], paid);
            }
    }
    int ended = 0;
    for (int64_t i = 0; i < s->held; i++) {
        holding *h = &s->holdings[i];
        h->left_alone = 0;
        double split = bar_of(t, h->col)->split;
        if (split == 1) continue;
        double exact = h->shares * split, whole = floor(exact + TOUCH), base = base_of(t, h->col);
        double paid = exact > whole ? (exact - whole) * base : 0;
        s->cash += paid;
        h->proceeds += paid;
        log_action(t, h->col, SPLIT, split, h->shares, whole, NAN, paid);
        h->shares = whole;
        h->entry /= split;
        h->peak /= split;
        if (whole < 1) {
            end_holding(t, h, CORPORATE_ACTION, 0, base, base, NAN, 0, 0);
            ended = 1;
        }
    }
    if (ended) sweep(s);
}

/* Which holdings the condition to sell names. */
static void look_for_sells(const today *t) {
    state *s = t->s;
    const formula *sell = &t->b->sell;
    if (!sell->with || !is_decided(t)) {
        for (int64_t i = 0; i < s->held; i++) s->holdings[i].due = 0;
        return;
    }
    for (int64_t at = 0; at < s->held; at += SOME) {
        int32_t columns[SOME];
        uint8_t named[SOME];
        int64_t n = s->held - at < SOME ? s->held - at : SOME;
        for (int64_t i = 0; i < n; i++) columns[i] = s->holdings[at + i].col;
        sell->cells(sell->with, t->row - 1, columns, n, named);
        for (int64_t i = 0; i < n; i++) s->holdings[at + i].due = named[i];
    }
}

/* Rules a and b at the open; 1 when the holding was due. */
static int sell_at_level(const today *t, holding *h) {
    const options *o = t->o;
    int reason;
    double level = stop_level(o, h, &reason), above = h->entry * (1 + o->take_profit_pct / 100);
    if (isnan(level) && isnan(above)) return 0;
    double open = bar_of(t, h->col)->open;
    if (!at_most(open, level)) {
        level = above;
        reason = TAKE_PROFIT;
        if (!at_least(open, level)) return 0;
    }
    if (at_most(open, lower_limit(t, h->col)))
        not_sold(t, h, reason);
    else
        sell(t, h, reason, open, level, 1);
    return 1;
}

/* Rules c, d and e, at the open or at the close. */
static void sell_by_rule(const today *t, holding *h) {
    const options *o = t->o;
    int64_t age = (int64_t)t->day - h->entry_day;
    int reason = 0;
    if (o->max_hold_days >= 0 && age >= o->max_hold_days)
        reason = MAX_HOLD;
    else if (age >= o->min_hold_days && is_decided(t)) {
        if (h->due)
            reason = CONDITION;
        else if (o->rotate && is_rebalance(t) && t->s->target_row[h->col] != t->row)
            reason = REBALANCE;
    }
    if (!reason) return;
    double price = order_price(t, h->col);
    if (isnan(price) || at_most(price, lower_limit(t, h->col)))
        not_sold(t, h, reason);
    else
        sell(t, h, reason, price, NAN, 1);
}

static void sell_inside_the_day(const today *t) {
    state *s = t->s;
    const options *o = t->o;
    if (isnan(o->stop_loss_pct) && isnan(o->trailing_stop_pct) && isnan(o->take_profit_pct)) return;
    for (int64_t i = 0; i < s->held; i++) {
        holding *h = &s->holdings[i];
        if (h->left_alone || !tradable(t, h->col)) continue;
        int reason;
        double level = stop_level(o, h, &reason);
        if (h->entry_row == t->row) {
            double open = bar_of(t, h->col)->open;
            if (open < level) level = open;
        }
        if (!at_most(bar_of(t, h->col)->low, level)) {
            level = h->entry * (1 + o->take_profit_pct / 100);
            reason = TAKE_PROFIT;
            if (!at_least(bar_of(t, h->col)->high, level)) continue;
        }
        if (at_most(bar_of(t, h->col)->high, lower_limit(t, h->col)))
            not_sold(t, h, reason);
        else
            sell(t, h, reason, level, level, 1);
    }
    sweep(s);
}

static void delist(const today *t) {
    state *s = t->s;
    int ended = 0;
    for (int64_t i = 0; i < s->held; i++) {
        holding *h = &s->holdings[i];
        if (t->day < t->m->delisted[h->col]) continue;
        double price = bar_of(t, h->col)->last;
        if (t->o->delisting == HAIRCUT) price *= 1 - t->o->haircut;
        if (t->o->delisting == ZERO) price = 0;
        sell(t, h, DELISTED, price, NAN, 0);
        ended = 1;
    }
    if (ended) sweep(s);
}

/* ---- choosing: the ranking of a row, lazily ---------------------------------------------------------------------
 * A key orders as the ranking does: the bits of the value (negated for descending) made monotonous, above the place
 * in stock code order. Keys differ, so "after the last one seen" is a place in the ranking. */

static inline uint64_t key_of(float value, int32_t code_rank) {
    uint32_t bits;
    value += 0.0f;
    memcpy(&bits, &value, 4);
    bits ^= (bits >> 31) ? 0xffffffffu : 0x80000000u;
    return (uint64_t)bits << 32 | (uint32_t)code_rank;
}

static inline float value_of(uint64_t key) {
    uint32_t bits = (uint32_t)(key >> 32);
    float value;
    bits ^= (bits >> 31) ? 0x80000000u : 0xffffffffu;
    memcpy(&value, &bits, 4);
    return value;
}

static void sink(uint64_t *heap, int64_t i, int64_t n, int largest_first) {
    uint64_t flip = largest_first ? ~(uint64_t)0 : 0, value = heap[i];
    for (;;) {
        int64_t child = 2 * i + 1;
        if (child >= n) break;
        if (child + 1 < n && (heap[child + 1] ^ flip) < (heap[child] ^ flip)) child++;
        if ((heap[child] ^ flip) >= (value ^ flip)) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = value;
}

typedef struct {
    const today *t;
    int with_held; /* a target list counts what is held or was sold today, candidates do not */
    int more;      /* whether the row has more than the best ones */
    int64_t best;  /* keys[0..best) are the first ones, in order */
    int64_t seen;  /* how many of `order` are known */
    int64_t heap;  /* size of the heap of what follows, -1 before it is needed */
    const uint16_t *order; /* the row's columns in ranking order, null without them: then only these are used: */
    int64_t next;          /* place in `order` of the first one not looked at */
    int64_t at, got;       /* found[at..got) passed and are not ordered yet */
    int eligible;          /* somebody passed */
    int32_t found[SOME];
} ranking;

#define CHUNK 64

/* What is eligible in a row: in both masks (bytes 0 or 1) and with a value. */
typedef struct {
    const uint8_t *in, *buy;
    const float *rank;
    float sign;
} eligible;

static eligible eligible_of(const today *t) {
    const block *b = t->b;
    const uint8_t *in = flags(&b->universe, t->row - 1);
    return (eligible){in, b->buy.with ? t->s->passed : in, b->ranking.with ? t->s->ranked : floats(&b->rank, t->row - 1),
                      t->o->descending ? -1.0f : 1.0f};
}

/* Answers of the row that decides today, for `eligible_of`. */
static void ask_for_the_row(const today *t) {
    const block *b = t->b;
    if (b->buy.with) b->buy.row(b->buy.with, t->row - 1, t->s->passed);
    if (b->ranking.with) b->ranking.row(b->ranking.with, t->row - 1, t->s->ranked);
}

/* passed[j] = column start + j is eligible and not worse than `worst`; returns how many are eligible, adds to `kept`. */
static inline int pass(const eligible *e, int64_t start, int64_t width, float worst, uint8_t *passed, int *kept) {
    const uint8_t *restrict in = e->in + start, *restrict buy = e->buy + start;
    const float *restrict rank = e->rank + start;
    const float sign = e->sign;
    uint8_t all = 0, good = 0; /* at most CHUNK each */
    if (width == CHUNK) {
        for (int j = 0; j < CHUNK; j++) {
            float value = rank[j] * sign;
            uint8_t both = in[j] & buy[j], here = both & (uint8_t)(value == value), near = both & (uint8_t)(value <= worst);
            passed[j] = near;
            all += here;
            good += near;
        }
    } else {
        memset(passed, 0, CHUNK);
        for (int64_t j = 0; j < width; j++) {
            float value = rank[j] * sign;
            uint8_t both = in[j] & buy[j];
            passed[j] = both & (uint8_t)(value <= worst);
            all += both & (uint8_t)(value == value);
            good += passed[j];
        }
    }
    *kept = good;
    return all;
}

/* Runs BODY with column and value of each one that passes `WORST`, as it is when its chunk begins; REJECTED becomes
 * true when an eligible one does not. */
#define EACH_ELIGIBLE(t, WORST, COL, VALUE, REJECTED, BODY)                                                            \
    do {                                                                                                               \
        const eligible e_ = eligible_of(t);                                                                            \
        const int64_t n_ = (t)->m->n;                                                                                  \
        uint8_t passed_[CHUNK];                                                                                        \
        for (int64_t start_ = 0; start_ < n_; start_ += CHUNK) {                                                       \
            int kept_, all_ = pass(&e_, start_, n_ - start_ < CHUNK ? n_ - start_ : CHUNK, WORST, passed_, &kept_);    \
            REJECTED |= all_ > kept_;                                                                                  \
            if (!kept_) continue;                                                                                      \
            for (int w_ = 0; w_ < CHUNK; w_ += 8) {                                                                    \
                uint64_t word_;                                                                                        \
                for (memcpy(&word_, passed_ + w_, 8); word_; word_ &= word_ - 1) {                                     \
                    const int64_t COL = start_ + w_ + __builtin_ctzll(word_) / 8;                                      \
                    const float VALUE = e_.rank[COL] * e_.sign;                                                        \
                    BODY                                                                                               \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

static inline int left_out(const ranking *k, int64_t col) {
    const state *s = k->t->s;
    return !k->with_held && (s->is_held[col] || s->sold_row[col] == (int32_t)k->t->row);
}

static void start_ranking(ranking *k, const today *t, int64_t wanted, int with_held) {
    uint64_t *keys = t->s->keys;
    const int32_t *code_rank = t->m->code_rank;
    int64_t size = 0;
    int found = 0;
    float worst = INFINITY; /* of the best ones, once there are enough */
    if (wanted > t->m->n) wanted = t->m->n;
    *k = (ranking){.t = t, .with_held = with_held, .heap = -1};
    if (t->b->order.data) {
        k->order = columns_of(&t->b->order, t->row - 1);
        return;
    }
    ask_for_the_row(t);
    EACH_ELIGIBLE(t, worst, col, value, k->more, {
        found = 1;
        if (left_out(k, col)) continue;
        uint64_t key = key_of(value, code_rank[col]);
        if (size < wanted) {
            keys[size++] = key;
            if (size < wanted) continue;
            for (int64_t i = size / 2 - 1; i >= 0; i--) sink(keys, i, size, 1);
        } else {
            k->more = 1;
            if (key > keys[0]) continue;
            keys[0] = key;
            sink(keys, 0, size, 1);
        }
        worst = value_of(keys[0]);
    });
    if (size < wanted)
        for (int64_t i = size / 2 - 1; i >= 0; i--) sink(keys, i, size, 1);
    for (int64_t last = size - 1; last > 0; last--) {
        uint64_t largest = keys[0];
        keys[0] = keys[last];
        sink(keys, 0, last, 1);
        keys[last] = largest;
    }
    for (int64_t i = 0; i < size; i++) t->s->order[i] = t->m->by_code[(uint32_t)keys[i]];
    k->best = k->seen = size;
    if (found) t->s->candidate_days++;
}

/* Orders what follows the best ones. */
static void go_on(ranking *k) {
    uint64_t *keys = k->t->s->keys, after = keys[k->best - 1];
    const int32_t *code_rank = k->t->m->code_rank;
    int64_t size = 0;
    int rejected = 0;
    EACH_ELIGIBLE(k->t, INFINITY, col, value, rejected, {
        uint64_t key = key_of(value, code_rank[col]);
        if (key > after && !left_out(k, col)) keys[size++] = key;
    });
    (void)rejected;
    for (int64_t j = size / 2 - 1; j >= 0; j--) sink(keys, j, size, 0);
    k->heap = size;
}

/* The next ones of the row's order that pass; 0 at its end. */
static int look_on(ranking *k) {
    const today *t = k->t;
    const block *b = t->b;
    const uint8_t *in = flags(&b->universe, t->row - 1);
    const int64_t n = t->m->n;
    k->at = k->got = 0;
    while (!k->got) {
        int32_t columns[SOME];
        uint8_t passed[SOME];
        int64_t some = 0;
        int whole = k->next >= MANY;
        if (k->next == MANY && b->buy.with) b->buy.row(b->buy.with, t->row - 1, t->s->passed);
        int64_t stop = k->next + SOME < n ? k->next + SOME : n;
        if (k->next >= stop || k->order[k->next] == NOBODY) return 0;
        for (; k->next < stop; k->next++) {
            int32_t col = k->order[k->next];
            if (col == NOBODY) {
                stop = k->next;
                break;
            }
            if (b->sieved || in[col]) columns[some++] = col;
        }
        if (!some) continue;
        if (whole && b->buy.with)
            for (int64_t i = 0; i < some; i++) passed[i] = t->s->passed[columns[i]];
        else if (b->buy.with)
            b->buy.cells(b->buy.with, t->row - 1, columns, some, passed);
        else
            memset(passed, 1, sizeof(passed));
        for (int64_t i = 0; i < some; i++)
            if (passed[i]) k->found[k->got++] = columns[i];
    }
    if (!k->eligible) t->s->candidate_days++;
    k->eligible = 1;
    return 1;
}

/* Column of place i of the ranking, -1 after the last. Places are asked for in order. */
static int64_t place(ranking *k, int64_t i) {
    if (i < k->seen) return k->t->s->order[i];
    while (k->order) {
        while (k->at < k->got) {
            int32_t col = k->found[k->at++];
            if (left_out(k, col)) continue;
            k->t->s->order[k->seen++] = col;
            return col;
        }
        if (!look_on(k)) return -1;
    }
    if (!k->more) return -1;
    if (k->heap < 0) go_on(k);
    if (!k->heap) return -1;
    uint64_t *keys = k->t->s->keys;
    int64_t col = k->t->m->by_code[(uint32_t)keys[0]];
    keys[0] = keys[--k->heap];
    if (k->heap) sink(keys, 0, k->heap, 0);
    k->t->s->order[k->seen++] = (int32_t)col;
    return col;
}

/* ---- buying -------------------------------------------------------------------------------------------------- */

static double weight_of(const today *t, int64_t col) {
    if (t->o->weighting == MARKET_CAP) {
        double cap = floats(&t->m->cap, t->row - 1)[col];
        return cap > 0 ? cap : NAN;
    }
    int64_t end = t->row - 1;
    if (end - 60 < t->m->adj_close.first) return NAN;
    double changes[60], mean = 0, square = 0;
    for (int i = 0; i < 60; i++) {
        changes[i] = cell(&t->m->adj_close, end - 59 + i, col) / cell(&t->m->adj_close, end - 60 + i, col) - 1;
        mean += changes[i];
    }
    mean /= 60;
    for (int i = 0; i < 60; i++) square += (changes[i] - mean) * (changes[i] - mean);
    double deviation = sqrt(square / 59);
    return deviation > 0 ? 1 / deviation : NAN;
}

/* Weights of the first members of C; fills weights[0..count) with their share of the whole, returns count. */
static int64_t weigh(const today *t, ranking *k, int64_t slots) {
    double *weights = t->s->weights, sum = 0;
    int64_t count = 0, known = 0;
    for (int64_t i = 0; count < slots; i++) {
        int64_t col = place(k, i);
        if (col < 0) break;
        double price = order_price(t, col);
        if (isnan(price) || at_least(price, upper_limit(t, col))) continue;
        double weight = weight_of(t, col);
        if (!isnan(weight)) {
            sum += weight;
            known++;
        }
        weights[count++] = weight;
    }
    double mean = known ? sum / (double)known : 1, whole = sum + mean * (double)(count - known);
    for (int64_t i = 0; i < count; i++) weights[i] = (isnan(weights[i]) ? mean : weights[i]) / whole;
    return count;
}

/* Most shares that the volume cap allows; infinite without one. */
static double volume_cap(const today *t, int64_t col) {
    if (isnan(t->o->max_volume_pct)) return INFINITY;
    double sum = 0, factor = cell(&t->m->split, t->row, col);
    int64_t rows = 0;
    for (int64_t row = t->row - 1; row >= t->row - 20 && row >= t->m->volume.first; row--) {
        double volume = cell(&t->m->volume, row, col);
        if (!isnan(volume)) {
            sum += volume * factor;
            rows++;
        }
        factor *= cell(&t->m->split, row, col);
    }
    return rows ? floor(t->o->max_volume_pct / 100 * (sum / (double)rows) + TOUCH) : 0;
}

static void hold(const today *t, int64_t col, double shares, double price, double reference) {
    state *s = t->s;
    double value = shares * price, paid = value * (1 + t->o->commission);
    int64_t i = s->held++;
    while (i > 0 && t->m->code_rank[s->holdings[i - 1].col] > t->m->code_rank[col]) {
        s->holdings[i] = s->holdings[i - 1];
        i--;
    }
    s->holdings[i] = (holding){(int32_t)col, (int32_t)t->row, t->day, 0, 0, 0, shares, price, price, shares, price, paid, 0};
    s->is_held[col] = 1;
    s->cash -= paid;
    s->commission += value * t->o->commission;
    s->slippage += shares * fabs(price - reference);
    if (s->first_purchase < 0) s->first_purchase = t->row;
    log_trade(t, col, ENTRY, shares, price, reference, NAN, value * t->o->commission, 0);
}

static double equity_for_orders(const today *t) {
    double sum = t->s->cash;
    for (int64_t i = 0; i < t->s->held; i++) {
        const holding *h = &t->s->holdings[i];
        double price = order_price(t, h->col);
        sum += h->shares * (isnan(price) ? bar_of(t, h->col)->last : price);
    }
    return sum;
}

static void buy(const today *t) {
    state *s = t->s;
    const options *o = t->o;
    int64_t slots = o->max_positions - s->held, most = slots;
    if (o->max_new_per_day >= 0 && o->max_new_per_day < most) most = o->max_new_per_day;
    if (most <= 0) return;
    ranking k;
    if (o->rotate) { /* the target list stands in `order` already; what is held or sold today is skipped below */
        k = (ranking){.t = t, .with_held = 1, .heap = -1};
        for (int64_t i = 0; i < o->max_positions && s->order[i] >= 0; i++) {
            int32_t col = s->order[i];
            if (!s->is_held[col] && s->sold_row[col] != (int32_t)t->row) s->order[k.seen++] = col;
        }
    } else {
        start_ranking(&k, t, most + 8, 0);
    }
    double equity = equity_for_orders(t), plain = equity / (double)o->max_positions;
    if (!isnan(o->position_pct)) plain = o->position_pct / 100 * equity;
    int64_t weighted = o->weighting == EQUAL ? 0 : weigh(t, &k, most), member = 0, bought = 0;
    for (int64_t i = 0; bought < most; i++) {
        int64_t col = place(&k, i);
        if (col < 0) break;
        double reference = order_price(t, col), upper = upper_limit(t, col);
        if (isnan(reference)) {
            s->unfilled[HALTED]++;
            continue;
        }
        if (at_least(reference, upper)) {
            s->unfilled[LIMIT_UP]++;
            continue;
        }
        double price = reference * (1 + o->slippage);
        if (o->tick_size) price = tick_up(t, col, price);
        if (price > upper) price = upper;
        double target = plain;
        if (member < weighted) target = plain * (double)weighted * s->weights[member];
        member++;
        if (target > o->max_position_value) target = o->max_position_value;
        double shares = floor((target < s->cash ? target : s->cash) / (price * (1 + o->commission)) + TOUCH);
        double cap = volume_cap(t, col);
        int bound = cap < shares;
        if (bound) shares = cap;
        if (!(shares >= 1)) {
            s->unfilled[bound ? VOLUME : CASH]++;
            continue;
        }
        hold(t, col, shares, price, reference);
        bought++;
    }
}

/* Before the sells of a rebalance day: who is in the target list; `order` keeps it, ended by -1. */
static void choose_targets(const today *t) {
    ranking k;
    start_ranking(&k, t, t->o->max_positions, 1);
    while (k.order && k.best < t->o->max_positions && place(&k, k.best) >= 0) k.best++;
    for (int64_t i = 0; i < k.best; i++) t->s->target_row[t->s->order[i]] = (int32_t)t->row;
    t->s->order[k.best] = -1;
}

/* ---- the day ------------------------------------------------------------------------------------------------- */

static void value(const today *t) {
    state *s = t->s;
    double equity = s->cash;
    for (int64_t i = 0; i < s->held; i++) {
        holding *h = &s->holdings[i];
        equity += h->shares * bar_of(t, h->col)->last;
        double close = bar_of(t, h->col)->close;
        if (close > h->peak) h->peak = close;
    }
    int64_t at = t->row - t->b->window;
    s->equity[at] = equity;
    s->cash_log[at] = s->cash;
    s->positions[at] = (int32_t)s->held;
}

/* The end of tomorrow's bar is called for while today is lived: its beginning is there already. */
static void look_ahead_in_memory(const today *t) {
    for (int64_t i = 0; i < t->s->held; i++)
        __builtin_prefetch((const char *)(bar_of(t, t->s->holdings[i].col) + 2) - 1);
}

static void live_one_day(const today *t) {
    state *s = t->s;
    look_ahead_in_memory(t);
    int chooses = is_rebalance(t) && is_decided(t);
    corporate_actions(t);
    look_for_sells(t);
    if (t->o->rotate && chooses) choose_targets(t);
    for (int64_t i = 0; i < s->held; i++) {
        holding *h = &s->holdings[i];
        if (tradable(t, h->col) && sell_at_level(t, h)) continue;
        if (!t->o->at_close) sell_by_rule(t, h);
    }
    sweep(s);
    if (t->o->at_close) {
        sell_inside_the_day(t);
        for (int64_t i = 0; i < s->held; i++)
            if (!s->holdings[i].left_alone) sell_by_rule(t, &s->holdings[i]);
        sweep(s);
    }
    if (chooses) buy(t);
    if (!t->o->at_close) sell_inside_the_day(t);
    delist(t);
    value(t);
}

/* Lives the days of a block; returns the first row not done (before `to` when a log has to grow first). */
int64_t simulate(const market *m, const rules *r, const options *o, const block *b, state *s) {
    int64_t most = 2 * o->max_positions + 1;
    int64_t row = b->from;
    for (; row < b->to; row++) {
        if (s->trade_room - s->trades < 2 * most || s->trip_room - s->trips < most) break;
        int64_t payments = 0;
        while (s->dividend + payments < m->dividends && m->dividend_row[s->dividend + payments] <= row) payments++;
        if (s->action_room - s->actions < most + payments) break;
        today t = {m, r, o, b, s, row, m->days[row], bars_at(m, row), bars_at(m, row - 1)};
        live_one_day(&t);
    }
    return row;
}

/* ---- orders kept for later ------------------------------------------------------------------------------------ */

/* out[row][place]: the columns of float32 rows in ranking order (equals by stock code), then NOBODY. n < NOBODY; `work`
 * has room for 2 n. */
void order_rows(const char *ranks, int64_t stride, int64_t rows, const int32_t *by_code, int64_t n, int32_t descending,
                uint64_t *work, uint16_t *out) {
    for (int64_t r = 0; r < rows; r++) {
        const float *rank = (const float *)(ranks + r * stride);
        uint64_t *from = work, *to = work + n;
        int64_t known = 0;
        uint32_t counts[3][2048] = {{0}};
        for (int64_t i = 0; i < n; i++) {
            int32_t col = by_code[i];
            float value = descending ? -rank[col] : rank[col];
            if (value != value) continue;
            uint64_t key = (key_of(value, 0) & 0xffffffff00000000u) | (uint32_t)col;
            from[known++] = key;
            for (int pass = 0; pass < 3; pass++) counts[pass][key >> (32 + 11 * pass) & 2047]++;
        }
        for (int pass = 0; pass < 3; pass++) {
            uint32_t before = 0;
            for (int i = 0; i < 2048; i++) {
                uint32_t here = counts[pass][i];
                counts[pass][i] = before;
                before += here;
            }
            for (int64_t i = 0; i < known; i++) to[counts[pass][from[i] >> (32 + 11 * pass) & 2047]++] = from[i];
            uint64_t *other = from;
            from = to;
            to = other;
        }
        for (int64_t i = 0; i < n; i++) out[r * n + i] = i < known ? (uint16_t)from[i] : NOBODY;
    }
}

/* out[row][place]: the columns of the order of each row whose byte is 1, in that order, then NOBODY. */
void sieve_rows(const char *orders, int64_t stride, const uint8_t *passed, int64_t rows, int64_t n, uint16_t *out) {
    for (int64_t r = 0; r < rows; r++) {
        const uint16_t *order = (const uint16_t *)(orders + r * stride);
        const uint8_t *good = passed + r * n;
        uint16_t *to = out + r * n;
        int64_t kept = 0;
        for (int64_t i = 0; i < n && order[i] != NOBODY; i++) {
            to[kept] = order[i];
            kept += good[order[i]];
        }
        for (; kept < n; kept++) to[kept] = NOBODY;
    }
}

/* ---- counting ------------------------------------------------------------------------------------------------ */

/* counts[0] += cells that have a value inside the mask, counts[1] += cells of the mask, over rows with a flag, until
 * counts[0] reaches the limit. */
void count_present(const plane *values, const plane *mask, const uint8_t *rows, int64_t first, int64_t count,
                   int64_t n, int64_t limit, int64_t *counts) {
    for (int64_t i = 0; i < count && counts[0] < limit; i++) {
        if (!rows[i]) continue;
        const float *value = floats(values, first + i);
        const uint8_t *in = flags(mask, first + i);
        for (int64_t start = 0; start < n; start += 4096) {
            int64_t stop = start + 4096 < n ? start + 4096 : n;
            uint32_t present = 0, cells = 0;
            for (int64_t j = start; j < stop; j++) {
                present += (uint32_t)(value[j] == value[j]) & in[j];
                cells += in[j];
            }
            counts[0] += present;
            counts[1] += cells;
        }
    }
}

/* How many stocks had a mask set together with the universe on any flagged row: marks[col] |= 1. */
void mark_passed(const plane *mask, const plane *universe, const uint8_t *rows, int64_t first, int64_t count,
                 int64_t n, uint8_t *marks) {
    for (int64_t i = 0; i < count; i++) {
        if (!rows[i]) continue;
        const uint8_t *passed = flags(mask, first + i), *in = flags(universe, first + i);
        for (int64_t j = 0; j < n; j++) marks[j] |= passed[j] & in[j];
    }
}

/* Return of the universe of row d-1 on each row d of [from, to): weighted by `cap` of d-1, or equally without it. */
void universe_returns(const market *m, const plane *universe, int64_t weighted, int64_t from, int64_t to, double *out) {
    for (int64_t row = from; row < to; row++) {
        const uint8_t *in = flags(universe, row - 1);
        const float *cap = weighted ? floats(&m->cap, row - 1) : 0;
        double sum = 0, weights = 0;
        for (int64_t i = 0; i < m->n; i++) {
            int64_t col = m->by_code[i];
            if (!in[col]) continue;
            double weight = weighted ? cap[col] : 1, before = cell(&m->last, row - 1, col);
            if (!(weight > 0) || !(before > 0)) continue;
            sum += weight * (cell(&m->last, row, col) * cell(&m->split, row, col) / before - 1);
            weights += weight;
        }
        out[row - from] = weights > 0 ? sum / weights : 0;
    }
}
