/* The ranking of one row, computed lazily: as many positions as the day loop reads.
 *
 * With a cached order the columns are read in ranking order, and the condition is evaluated for PROBE_BATCH of them at a
 * time. Without one the best `wanted` are selected with a bounded heap; what follows them is ordered only when needed. */

#ifndef ONDOL_DAY_RANKING_H
#define ONDOL_DAY_RANKING_H

#include "day_rules.h"

#define PROBE_BATCH 32  /* columns that a condition is evaluated for at once */
#define PROBE_LIMIT 256 /* after so many columns of a row the condition is evaluated for the whole row */
#define CHUNK 64
#define WORD 64 /* positions of an ordered condition that are evaluated at once */

typedef struct {
    const day_ctx *t;
    int with_held; /* a target list includes stocks that are held or were sold today, candidates do not */
    int more;      /* the row has more stocks than the best ones */
    int64_t best;  /* keys[0..best) are the first ones, in order */
    int64_t seen;  /* positions of `order` that are known */
    int64_t heap;  /* size of the heap of what follows, -1 before it is needed */
    const uint16_t *order; /* cached order of the row, null without one; with it only the following are used */
    int64_t next;          /* next position of `order` to examine */
    int64_t at, got;       /* found[at..got) passed and have no position yet */
    int eligible;          /* some stock passed */
    int32_t found[WORD];
} ranking;

/* Stocks of a row that may be ranked: set in both masks (bytes 0 or 1), and with a value. */
typedef struct {
    const uint8_t *in, *buy;
    const float *rank;
    float sign;
} eligible_row;

static void sift_down(uint64_t *heap, int64_t i, int64_t n, int largest_first) {
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

static eligible_row eligible_of(const day_ctx *t) {
    const run_block *b = t->b;
    const uint8_t *in = flags_row(&b->universe, t->row - 1);
    return (eligible_row){in, b->buy.formula ? t->s->passed : in,
                          b->ranking.formula ? t->s->ranked : float_row(&b->rank, t->row - 1),
                          t->o->descending ? -1.0f : 1.0f};
}

/* Evaluate the condition and the ranking value on the decision row, for `eligible_of`. */
static void evaluate_row(const day_ctx *t) {
    const run_block *b = t->b;
    if (b->buy.formula) b->buy.row(b->buy.formula, t->row - 1, t->s->passed);
    if (b->ranking.formula) b->ranking.row(b->ranking.formula, t->row - 1, t->s->ranked);
}

/* passed[j] = column start + j is eligible and not worse than `worst`. Return how many are eligible; *kept = how many
 * passed. */
static inline int pass(const eligible_row *e, int64_t start, int64_t width, float worst, uint8_t *passed, int *kept) {
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

/* Run BODY with column and value of each stock that passes `WORST`, as it is when its chunk begins; REJECTED becomes
 * true when an eligible one does not. */
#define EACH_ELIGIBLE(t, WORST, COL, VALUE, REJECTED, BODY)                                                            \
    do {                                                                                                               \
        const eligible_row e_ = eligible_of(t);                                                                        \
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

static inline int is_excluded(const ranking *k, int64_t col) {
    const stock_state *stock = &k->t->s->stocks[col];
    return !k->with_held && (stock->held || stock->sold_row == (int32_t)k->t->row);
}

/* Begin the ranking of the decision row, of which the first `wanted` positions will surely be read. */
static void start_ranking(ranking *k, const day_ctx *t, int64_t wanted, int with_held) {
    uint64_t *keys = t->s->keys;
    const int32_t *code_rank = t->m->code_rank;
    int64_t size = 0;
    int found = 0;
    float worst = INFINITY; /* of the best ones, once there are enough */
    if (wanted > t->m->n) wanted = t->m->n;
    *k = (ranking){.t = t, .with_held = with_held, .heap = -1};
    if (t->b->order.data) {
        k->order = uint16_row(&t->b->order, t->row - 1);
        return;
    }
    evaluate_row(t);
    EACH_ELIGIBLE(t, worst, col, value, k->more, {
        found = 1;
        if (is_excluded(k, col)) continue;
        uint64_t key = rank_key(value, code_rank[col]);
        if (size < wanted) {
            keys[size++] = key;
            if (size < wanted) continue;
            for (int64_t i = size / 2 - 1; i >= 0; i--) sift_down(keys, i, size, 1);
        } else {
            k->more = 1;
            if (key > keys[0]) continue;
            keys[0] = key;
            sift_down(keys, 0, size, 1);
        }
        worst = rank_value(keys[0]);
    });
    if (size < wanted)
        for (int64_t i = size / 2 - 1; i >= 0; i--) sift_down(keys, i, size, 1);
    for (int64_t last = size - 1; last > 0; last--) {
        uint64_t largest = keys[0];
        keys[0] = keys[last];
        sift_down(keys, 0, last, 1);
        keys[last] = largest;
    }
    for (int64_t i = 0; i < size; i++) t->s->order[i] = t->m->by_code[(uint32_t)keys[i]];
    k->best = k->seen = size;
    if (found) t->s->candidate_days++;
}

/* Order what follows the best ones. */
static void extend_ranking(ranking *k) {
    uint64_t *keys = k->t->s->keys, after = keys[k->best - 1];
    const int32_t *code_rank = k->t->m->code_rank;
    int64_t size = 0;
    int rejected = 0;
    EACH_ELIGIBLE(k->t, INFINITY, col, value, rejected, {
        uint64_t key = rank_key(value, code_rank[col]);
        if (key > after && !is_excluded(k, col)) keys[size++] = key;
    });
    (void)rejected;
    for (int64_t j = size / 2 - 1; j >= 0; j--) sift_down(keys, j, size, 0);
    k->heap = size;
}

/* Find the next stocks of the cached order that an ordered condition chooses; 0 at the end of the order. */
static int next_word(ranking *k) {
    const day_ctx *t = k->t;
    const ordered_condition *chosen = &t->b->chosen;
    k->at = k->got = 0;
    for (; !k->got; k->next += WORD) {
        if (k->next >= t->m->n || k->order[k->next] == NO_COLUMN) return 0;
        uint64_t word = chosen->word(chosen->condition, t->row - 1, k->next / WORD);
        for (; word; word &= word - 1) k->found[k->got++] = k->order[k->next + __builtin_ctzll(word)];
    }
    if (!k->eligible) t->s->candidate_days++;
    k->eligible = 1;
    return 1;
}

/* Find the next stocks of the cached order that pass; 0 at its end. */
static int next_probe(ranking *k) {
    const day_ctx *t = k->t;
    const run_block *b = t->b;
    if (b->chosen.condition) return next_word(k);
    const uint8_t *in = flags_row(&b->universe, t->row - 1);
    const int64_t n = t->m->n;
    k->at = k->got = 0;
    while (!k->got) {
        int32_t columns[PROBE_BATCH];
        uint8_t passed[PROBE_BATCH];
        int64_t some = 0;
        int whole = k->next >= PROBE_LIMIT;
        if (k->next == PROBE_LIMIT && b->buy.formula) b->buy.row(b->buy.formula, t->row - 1, t->s->passed);
        int64_t stop = k->next + PROBE_BATCH < n ? k->next + PROBE_BATCH : n;
        if (k->next >= stop || k->order[k->next] == NO_COLUMN) return 0;
        for (; k->next < stop; k->next++) {
            int32_t col = k->order[k->next];
            if (col == NO_COLUMN) {
                stop = k->next;
                break;
            }
            if (b->filtered || in[col]) columns[some++] = col;
        }
        if (!some) continue;
        if (whole && b->buy.formula)
            for (int64_t i = 0; i < some; i++) passed[i] = t->s->passed[columns[i]];
        else if (b->buy.formula)
            b->buy.cells(b->buy.formula, t->row - 1, columns, some, passed);
        else
            memset(passed, 1, sizeof(passed));
        for (int64_t i = 0; i < some; i++)
            if (passed[i]) k->found[k->got++] = columns[i];
    }
    if (!k->eligible) t->s->candidate_days++;
    k->eligible = 1;
    return 1;
}

/* Return the column at position i of the ranking, -1 after the last. Positions are read in order. */
static int64_t ranked_column(ranking *k, int64_t i) {
    if (i < k->seen) return k->t->s->order[i];
    while (k->order) {
        while (k->at < k->got) {
            int32_t col = k->found[k->at++];
            if (is_excluded(k, col)) continue;
            k->t->s->order[k->seen++] = col;
            return col;
        }
        if (!next_probe(k)) return -1;
    }
    if (!k->more) return -1;
    if (k->heap < 0) extend_ranking(k);
    if (!k->heap) return -1;
    uint64_t *keys = k->t->s->keys;
    int64_t col = k->t->m->by_code[(uint32_t)keys[0]];
    keys[0] = keys[--k->heap];
    if (k->heap) sift_down(keys, 0, k->heap, 0);
    k->t->s->order[k->seen++] = (int32_t)col;
    return col;
}

#endif
