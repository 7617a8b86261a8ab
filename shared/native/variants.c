/* Many requests over the same dataset and window: the days of each and the sums behind its figures, in one call.
 *
 * Days and sums are those of the other kernels, by address, so that a variant has the bits of a run alone. What is
 * shared between variants lies in ranking order: 64 positions of a row are one word of bits, the parts of a condition
 * are combined as words, and words that several variants need are kept. A word is evaluated when a day reads it first;
 * threads that evaluate the same one store the same bits.
 *
 * Requests are given to threads one by one. Each writes to its own place only: the outcome does not depend on who
 * computed what. */

#include <pthread.h>
#include <stdlib.h>

#include "native.h"

#define WORD 64
#define MAX_DEPTH 64 /* values that a condition in postfix has at once; a tree of the language is less deep */
#define MAX_THREADS 64
#define NOISE 1e-12

typedef struct {
    const variant_batch *batch;
    const condition *chosen; /* of the present variant */
    int64_t thread;
    int64_t *next;
    int *failed;
    run_state empty, state; /* empty: addresses of the scratch arrays */
    int64_t trade_room, trip_room, action_room, suspect_room;
    trade *trades;
    round_trip *trips;
    corporate_action *actions;
    suspect_price *suspects;
    double *returns, *drawdowns, *levels, *work;         /* of the curve, [rows] (work: [3 x rows]) */
    double *gains, *trip_returns, *trip_work;            /* of the round trips */
    double *participation;                               /* of the purchases */
    int32_t *ages;
    int64_t *positions;
    int64_t trip_space, trade_space;
} worker;

/* ---- conditions ---- */

/* 64 bytes of 0 or 1 as bits. */
static inline uint64_t bits_of(const uint8_t *bytes) {
    uint64_t word = 0, eight;
    for (int i = 0; i < 8; i++) {
        memcpy(&eight, bytes + 8 * i, 8);
        word |= (eight * 0x0102040810204080u >> 56) << (8 * i);
    }
    return word;
}

#define COMPARE(OPERATION)                                                                                             \
    do {                                                                                                               \
        if (width == WORD)                                                                                             \
            for (int i = 0; i < WORD; i++) bytes[i] = OPERATION;                                                       \
        else                                                                                                           \
            for (int64_t i = 0; i < width; i++) bytes[i] = OPERATION;                                                  \
    } while (0)

static uint64_t compare(int64_t kind, const float *v, float c, int64_t width) {
    uint8_t bytes[WORD] = {0};
    switch (kind) {
    case LESS: COMPARE(v[i] < c); break;
    case AT_MOST: COMPARE(v[i] <= c); break;
    case EQUALS: COMPARE(v[i] == c); break;
    case DIFFERS: COMPARE((v[i] < c) | (v[i] > c)); break;
    case GREATER: COMPARE(v[i] > c); break;
    default: COMPARE(v[i] >= c); break;
    }
    return bits_of(bytes);
}

static void *formula_of(const worker *w, int64_t formula) {
    return w->batch->formulas[w->thread * w->batch->n_formulas + formula];
}

static uint64_t evaluate_part(const worker *w, const condition_part *p, int64_t row, int64_t at) {
    const int64_t start = at * WORD, left = w->batch->columns - start, width = left < WORD ? left : WORD;
    uint8_t bytes[WORD] = {0};
    if (p->kind <= AT_LEAST) return compare(p->kind, float_row(&p->values, row) + start, (float)p->constant, width);
    if (p->kind == ROW_TRUTH) return flags_row(&p->values, row)[0] ? ~(uint64_t)0 : 0;
    if (p->kind == TRUTH) {
        memcpy(bytes, flags_row(&p->values, row) + start, (size_t)width);
        return bits_of(bytes);
    }
    int32_t columns[WORD];
    for (int64_t i = 0; i < width; i++) columns[i] = (int32_t)(start + i);
    w->batch->call->cells(formula_of(w, p->formula), row, columns, width, bytes);
    return bits_of(bytes);
}

/* Store a word for later; another thread that stores it at the same time stores the same. */
static void keep_word(uint64_t *words, uint8_t *known, int64_t i, uint64_t word) {
    __atomic_store_n(&words[i], word, __ATOMIC_RELAXED);
    __atomic_store_n(&known[i], 1, __ATOMIC_RELEASE);
}

static int is_known(const uint8_t *known, int64_t i) { return known && __atomic_load_n(&known[i], __ATOMIC_ACQUIRE); }

static uint64_t part_word(const worker *w, const condition_part *p, int64_t row, int64_t at, int64_t i) {
    if (is_known(p->known, i)) return __atomic_load_n(&p->words[i], __ATOMIC_RELAXED);
    uint64_t word = evaluate_part(w, p, row, at);
    if (p->known) keep_word(p->words, p->known, i, word);
    return word;
}

/* The word of the present variant's condition (`ordered_condition`). */
static uint64_t chosen_word(void *from, int64_t row, int64_t at) {
    const worker *w = from;
    const condition *c = w->chosen;
    const int64_t i = (row - w->batch->decided) * ((w->batch->columns + WORD - 1) / WORD) + at;
    if (is_known(c->known, i)) return __atomic_load_n(&c->words[i], __ATOMIC_RELAXED);
    uint64_t stack[MAX_DEPTH];
    int top = -1;
    for (int64_t k = 0; k < c->n_code; k++) {
        const int32_t operation = c->code[k];
        if (operation >= 0) {
            stack[++top] = part_word(w, &w->batch->parts[operation], row, at, i);
        } else if (operation == NEITHER) {
            stack[top] = ~stack[top];
        } else {
            const uint64_t last = stack[top--];
            stack[top] = operation == BOTH ? stack[top] & last : stack[top] | last;
        }
    }
    if (c->known) keep_word(c->words, c->known, i, stack[0]);
    return stack[0];
}

/* ---- a variant ---- */

/* Point a formula of this thread at the constants of the present variant. */
static compiled_expr use_formula(const worker *w, const formula_use *use) {
    const kernel_functions *call = w->batch->call;
    if (use->formula < 0) return (compiled_expr){0, 0, 0};
    bound_program *program = formula_of(w, use->formula);
    program->constants = w->batch->constants + use->at;
    call->bind(program);
    return (compiled_expr){call->cells, call->row, program};
}

static int resize(void *memory, size_t bytes) {
    void **at = memory, *larger = realloc(*at, bytes);
    if (larger) *at = larger;
    return larger != 0;
}

#define GROW(POINTER, COUNT) resize(&(POINTER), (size_t)(COUNT) * sizeof(*(POINTER)))

static void point_at_logs(worker *w) {
    run_state *s = &w->state;
    s->trade_log = w->trades;
    s->trade_room = w->trade_room;
    s->trip_log = w->trips;
    s->trip_room = w->trip_room;
    s->action_log = w->actions;
    s->action_room = w->action_room;
    s->suspect_log = w->suspects;
    s->suspect_room = w->suspect_room;
}

/* Double each log that lacks space for `most` positions of a day; 0 without memory. */
static int grow_logs(worker *w) {
    if (!GROW(w->trades, 2 * w->trade_room) || !GROW(w->trips, 2 * w->trip_room) ||
        !GROW(w->actions, 2 * w->action_room) || !GROW(w->suspects, 2 * w->suspect_room))
        return 0;
    w->trade_room *= 2;
    w->trip_room *= 2;
    w->action_room *= 2;
    w->suspect_room *= 2;
    point_at_logs(w);
    return 1;
}

static int simulate_window(worker *w, const variant *v) {
    const variant_batch *batch = w->batch;
    run_block block = *v->block;
    run_state *s = &w->state;
    w->state = w->empty;
    s->cash = s->highest_equity = v->initial_cash;
    s->first_purchase = -1;
    memset(s->stocks, 0, (size_t)batch->columns * sizeof(*s->stocks));
    memset(s->sector_count, 0, (size_t)(v->sectors + 1) * sizeof(*s->sector_count));
    for (int64_t i = 0; i <= v->sectors; i++) s->sector_row[i] = -1;
    point_at_logs(w);
    block.when = v->when;
    block.buy = use_formula(w, &v->buy);
    block.ranking = use_formula(w, &v->ranking);
    block.sell = use_formula(w, &v->sell);
    w->chosen = v->chosen;
    for (int64_t k = 0; v->chosen && k < v->chosen->n_code; k++) {
        if (v->chosen->code[k] < 0) continue;
        const condition_part *p = &batch->parts[v->chosen->code[k]];
        if (p->kind == FORMULA) use_formula(w, &(formula_use){p->formula, p->at});
    }
    if (v->chosen) block.chosen = (ordered_condition){chosen_word, w};
    while (block.start < block.stop) {
        block.start = batch->call->simulate(v->market, v->rules, v->options, &block, s);
        if (block.start < block.stop && !grow_logs(w)) return 0;
    }
    return 1;
}

/* ---- figures ---- */

static double without_noise(double value) { return fabs(value) <= NOISE ? 0.0 : value; }

/* The return at the end of a period against the end of the one before; NaN after an equity of 0. */
static double period_return(const variant *v, const double *equity, const int32_t *ends, int64_t i) {
    double before = i ? equity[ends[i - 1]] : v->initial_cash;
    return before > 0 ? without_noise(equity[ends[i]] / before - 1) : NAN;
}

static void measure_periods(const variant_batch *b, const variant *v, const double *equity, variant_sums *out,
                            float *weekly) {
    out->best_month = out->worst_month = NAN;
    for (int64_t i = 0; i < b->months; i++) {
        double value = period_return(v, equity, b->month_ends, i);
        if (isnan(value)) continue;
        if (!(value <= out->best_month)) out->best_month = value;
        if (!(value >= out->worst_month)) out->worst_month = value;
    }
    for (int64_t i = 0; i < b->weeks; i++) weekly[i] = (float)period_return(v, equity, b->week_ends, i);
}

static void swap(double *a, double *b) {
    double kept = *a;
    *a = *b;
    *b = kept;
}

/* Move the k-th smallest of a[0..n) to a[k], nothing greater before it and nothing smaller behind. */
static void select_value(double *a, int64_t n, int64_t k) {
    int64_t low = 0, high = n - 1;
    while (low < high) {
        double pivot = a[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot) i++;
            while (a[j] > pivot) j--;
            if (i <= j) swap(&a[i++], &a[j--]);
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            return;
    }
}

static void measure_participation(double *a, int64_t n, variant_sums *out) {
    out->participation_median = out->participation_max = NAN;
    if (!n) return;
    double most = a[0];
    for (int64_t i = 1; i < n; i++)
        if (a[i] > most) most = a[i];
    select_value(a, n, n / 2);
    double above = a[n / 2], below = above;
    if (n % 2 == 0) {
        below = a[0];
        for (int64_t i = 1; i < n / 2; i++)
            if (a[i] > below) below = a[i];
    }
    out->participation_median = (below + above) / 2;
    out->participation_max = most;
}

/* Space for figures of this many trades and round trips; 0 without memory. */
static int reserve(worker *w, int64_t trades, int64_t trips) {
    if (trades > w->trade_space) {
        if (!GROW(w->participation, trades) || !GROW(w->positions, trades)) return 0;
        w->trade_space = trades;
    }
    if (trips > w->trip_space) {
        if (!GROW(w->ages, trips) || !GROW(w->gains, trips) || !GROW(w->trip_returns, trips) ||
            !GROW(w->trip_work, 2 * trips))
            return 0;
        w->trip_space = trips;
    }
    return 1;
}

static int measure(worker *w, const variant *v, variant_sums *out, float *weekly) {
    const variant_batch *b = w->batch;
    const run_state *s = &w->state;
    if (!reserve(w, s->trades + 1, s->trips + 1)) return 0;
    equity_curve curve = {
        .equity = s->equity, .cash = s->cash_log, .benchmark = v->benchmark, .positions = s->positions,
        .rows = b->rows, .idle_days = s->first_purchase < 0 ? b->rows : s->first_purchase - b->window,
        .initial_cash = v->initial_cash, .daily_rf = v->daily_rf, .returns = w->returns, .drawdowns = w->drawdowns,
        .levels = w->levels, .work = w->work,
    };
    b->call->measure_curve(&curve, &out->curve);
    for (int64_t i = 0; i < s->trips; i++) w->ages[i] = b->days[w->trips[i].exit_row] - b->days[w->trips[i].entry_row];
    b->call->measure_trips(w->trips, s->trips, w->ages, w->gains, w->trip_returns, w->trip_work, &out->trips);
    int64_t counts[2];
    b->call->list_purchases(w->trades, s->trades, &b->volume, w->positions, w->participation, counts);
    measure_participation(w->participation, counts[0], out);
    measure_periods(b, v, s->equity, out, weekly);
    out->ended = s->trips;
    out->fills = counts[1];
    out->first_purchase = s->first_purchase;
    out->sales = s->sales;
    out->commission = s->commission;
    out->tax = s->tax;
    out->slippage = s->slippage;
    out->dividends = s->dividends;
    out->last_equity = s->equity[b->rows - 1];
    return 1;
}

/* ---- threads ---- */

static int prepare(worker *w) {
    const variant_batch *b = w->batch;
    const int64_t n = b->columns, rows = b->rows, most = b->max_positions;
    run_state *s = &w->empty;
    w->trade_room = 8 * most + 4096;
    w->trip_room = 4 * most + 2048;
    w->action_room = 4 * most + 256;
    w->suspect_room = 8 * most + 64;
    return GROW(w->trades, w->trade_room) && GROW(w->trips, w->trip_room) && GROW(w->actions, w->action_room) &&
           GROW(w->suspects, w->suspect_room) && GROW(w->returns, rows) && GROW(w->drawdowns, rows) &&
           GROW(w->levels, rows) && GROW(w->work, 3 * rows) && GROW(s->holdings, most + 1) && GROW(s->equity, rows) &&
           GROW(s->cash_log, rows) && GROW(s->positions, rows) && GROW(s->stopped, rows) && GROW(s->stocks, n) &&
           GROW(s->keys, n + 1) && GROW(s->order, n + 2) && GROW(s->weights, most + 1) && GROW(s->passed, n) &&
           GROW(s->ranked, n) && GROW(s->sector_row, b->sectors + 1) && GROW(s->sector_count, b->sectors + 1);
}

static void release(worker *w) {
    run_state *s = &w->empty;
    void *memory[] = {
        w->trades, w->trips, w->actions, w->suspects, w->returns, w->drawdowns, w->levels, w->work, w->gains,
        w->trip_returns, w->trip_work, w->participation, w->ages, w->positions, s->holdings, s->equity, s->cash_log,
        s->positions, s->stopped, s->stocks, s->keys, s->order, s->weights, s->passed, s->ranked, s->sector_row,
        s->sector_count,
    };
    for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++) free(memory[i]);
}

static void *work(void *at) {
    worker *w = at;
    const variant_batch *b = w->batch;
    int done = prepare(w);
    while (done && !__atomic_load_n(w->failed, __ATOMIC_RELAXED)) {
        int64_t k = __atomic_fetch_add(w->next, 1, __ATOMIC_RELAXED);
        if (k >= b->count) break;
        const variant *v = &b->variants[k];
        done = simulate_window(w, v) && measure(w, v, &b->sums[k], b->weekly + k * b->weeks);
    }
    if (!done) __atomic_store_n(w->failed, 1, __ATOMIC_RELAXED);
    release(w);
    return 0;
}

/* Compute all variants of a batch; 0, or 1 without memory. Threads that cannot be started are done without. */
int64_t run_batch(const variant_batch *b) {
    worker workers[MAX_THREADS];
    pthread_t threads[MAX_THREADS];
    int started[MAX_THREADS] = {0}, failed = 0;
    int64_t next = 0, count = b->threads < MAX_THREADS ? b->threads : MAX_THREADS;
    for (int64_t i = 0; i < count; i++) {
        memset(&workers[i], 0, sizeof(worker));
        workers[i].batch = b;
        workers[i].thread = i;
        workers[i].next = &next;
        workers[i].failed = &failed;
    }
    for (int64_t i = 1; i < count; i++) started[i] = !pthread_create(&threads[i], 0, work, &workers[i]);
    work(&workers[0]);
    for (int64_t i = 1; i < count; i++)
        if (started[i]) pthread_join(threads[i], 0);
    return failed;
}

/* Size of structure `which`, in the order in which Python lists them; 0 after the last. */
int64_t abi_size(int64_t which) {
    static const int64_t sizes[] = {
        sizeof(condition_part), sizeof(condition), sizeof(formula_use), sizeof(variant), sizeof(variant_sums),
        sizeof(kernel_functions), sizeof(variant_batch),
    };
    return which >= 0 && which < (int64_t)(sizeof(sizes) / sizeof(*sizes)) ? sizes[which] : 0;
}
