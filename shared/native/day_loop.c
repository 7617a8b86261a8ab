/* The day loop of a backtest, step by step in the order of docs/reference/simulation.md.
 *
 * Sums and choices over instruments go in ascending stock code, so the order of columns never shows in a result. */

#include "day_ranking.h"
#include "day_rules.h"
#include "native.h"

#define STALE_EXIT_DAYS 30 /* calendar days between the last trade and the delisting, at most, for an exit at `last` */

/* ---- positions ----------------------------------------------------------------------------------------------- */

static void log_trade(run_state *s, trade record) { s->trade_log[s->trades++] = record; }

/* End a holding; `remove_ended` takes it out of the list at the end of the step. */
static void end_holding(const day_ctx *t, holding *h, int reason, double shares, double price) {
    run_state *s = t->s;
    s->trip_log[s->trips++] = (round_trip){h->col, h->entry_row, (int32_t)t->row, reason, h->most_shares, h->entry,
                                           shares, price, h->cost, h->proceeds};
    s->stocks[h->col].held = 0;
    s->stocks[h->col].sold_row = (int32_t)t->row;
    h->shares = 0;
    s->ended++;
}

static void place_holding(run_state *s, int64_t i, holding h) {
    s->holdings[i] = h;
    s->stocks[h.col].held = (int32_t)i + 1;
}

static void remove_ended(run_state *s) {
    int64_t kept = 0;
    if (!s->ended) return;
    for (int64_t i = 0; i < s->held; i++)
        if (s->holdings[i].shares > 0) {
            if (kept != i) place_holding(s, kept, s->holdings[i]);
            kept++;
        }
    s->held = kept;
    s->ended = 0;
}

/* The holding of a column that is held. */
static holding *holding_of(const run_state *s, int64_t col) { return &s->holdings[s->stocks[col].held - 1]; }

/* Log an open or close of a position that lies more than one tick beyond the daily limit of its market: limits are on the
 * tick grid, and prices that a source has adjusted are not. `base`: NaN on a row with a split. */
static void check_price(const day_ctx *t, int64_t col, double price, double base) {
    if (!(price > base * (1 + t->narrowest) || price < base * (1 - t->narrowest))) return;
    if (t->market[col] == OTHER_MARKET) return;
    double upper = upper_of(t, col), lower = lower_of(t, col);
    if (isnan(upper)) return;
    upper += tick_of(t, col, upper);
    lower -= tick_of(t, col, lower);
    if (!(price > upper * (1 + REL_EPS) || price < lower * (1 - REL_EPS))) return;
    t->s->suspect_log[t->s->suspects++] = (suspect_price){(int32_t)t->row, (int32_t)col, price / base - 1};
}

/* ---- fills --------------------------------------------------------------------------------------------------- */

/* Slippage that market impact adds to a fill of so many shares. */
static double impact_of(const day_ctx *t, int64_t col, double shares) {
    if (isnan(t->o->impact) || t->row - 1 < t->m->volatility_20.first) return 0;
    double sigma = cell(&t->m->volatility_20, t->row - 1, col), mean = bar_of(t, col)->mean_volume;
    if (!(sigma > 0)) return 0;
    double part = mean > 0 ? shares / mean : 1;
    return t->o->impact * sigma * sqrt(part < 1 ? part : 1);
}

static double less_slippage(double reference, double slippage) {
    return slippage < 1 ? reference * (1 - slippage) : 0;
}

static void book_sale(const day_ctx *t, holding *h, int reason, double shares, double price, double reference,
                      double level, int flags) {
    run_state *s = t->s;
    const run_options *o = t->o;
    int64_t col = h->col;
    double rate = t->tax[t->market[col]], value = shares * price;
    double commission = value * o->commission, tax = value * rate, received = value * (1 - o->commission - rate);
    s->cash += received;
    h->proceeds += received;
    s->sales += value;
    s->commission += commission;
    s->tax += tax;
    s->slippage += shares * fabs(price - reference);
    s->stocks[col].sold_row = (int32_t)t->row;
    log_trade(s, (trade){(int32_t)t->row, (int32_t)col, reason, flags, shares, price, reference, level, commission, tax});
    if (shares < h->shares)
        h->shares -= shares;
    else
        end_holding(t, h, reason, shares, price);
}

/* Sell shares of a holding on the market, whose lower limit today is `lower` (NaN: none). */
static void sell(const day_ctx *t, holding *h, int reason, double shares, double reference, double level, double lower) {
    double price = less_slippage(reference, t->o->slippage + impact_of(t, h->col, shares));
    if (t->o->ticks_on[t->market[h->col]]) price = tick_down(t, h->col, price);
    book_sale(t, h, reason, shares, price < lower ? lower : price, reference, level, 0);
}

static void not_sold(const day_ctx *t, holding *h, int reason) {
    t->s->unfilled[SELL_UNFILLED + reason - 1]++;
    h->skip_today = 1;
}

/* The lower limit today where it may bind a sale at `reference` (NaN: none does). */
static double lower_limit_of_sale(const day_ctx *t, int64_t col, double reference) {
    if (!isnan(t->o->impact)) return lower_limit(t, col);
    return lower_limit_near(t, col, less_slippage(reference, t->o->slippage) - tick_of(t, col, reference));
}

/* Sell the whole holding at the open (or close), or count that it cannot be sold. */
static void sell_or_count(const day_ctx *t, holding *h, int reason, double price, double level) {
    double lower = isnan(price) ? NAN : lower_limit_of_sale(t, h->col, price);
    if (isnan(price) || at_most(price, lower))
        not_sold(t, h, reason);
    else
        sell(t, h, reason, h->shares, price, level, lower);
}

/* Add shares to a holding (or begin one). */
static void book_purchase(const day_ctx *t, int64_t col, double shares, double price, double reference) {
    run_state *s = t->s;
    double value = shares * price, paid = value * (1 + t->o->commission);
    if (s->stocks[col].held) {
        holding *h = holding_of(s, col);
        h->entry = (h->entry * h->shares + price * shares) / (h->shares + shares);
        h->shares += shares;
        h->cost += paid;
        h->bought_row = (int32_t)t->row;
        if (h->shares > h->most_shares) h->most_shares = h->shares;
    } else {
        double base = bar_of(t, col)->split == 1 ? base_of(t, col) : NAN;
        int64_t i = s->held++;
        while (i > 0 && t->m->code_rank[s->holdings[i - 1].col] > t->m->code_rank[col]) {
            place_holding(s, i, s->holdings[i - 1]);
            i--;
        }
        place_holding(s, i, (holding){
            .col = (int32_t)col, .entry_row = (int32_t)t->row, .entry_day = t->day, .bought_row = (int32_t)t->row,
            .delisted_day = t->m->delisted[col], .shares = shares, .entry = price, .peak = price,
            .most_shares = shares, .cost = paid, .close = base,
        });
        if (!t->o->at_close) check_price(t, col, reference, base);
    }
    s->cash -= paid;
    s->commission += value * t->o->commission;
    s->slippage += shares * fabs(price - reference);
    if (s->first_purchase < 0) s->first_purchase = t->row;
    log_trade(s, (trade){(int32_t)t->row, (int32_t)col, ENTRY, 0, shares, price, reference, NAN,
                         value * t->o->commission, 0});
}

/* ---- step 1: corporate actions ------------------------------------------------------------------------------- */

/* 1 when no whole share is left. */
static int apply_split(const day_ctx *t, holding *h, double split) {
    run_state *s = t->s;
    double before = h->shares, exact = before * split, whole = floor(exact + REL_EPS);
    double paid = exact > whole ? (exact - whole) * base_of(t, h->col) : 0;
    s->cash += paid;
    h->proceeds += paid;
    h->shares = whole;
    h->entry /= split;
    h->peak /= split;
    h->close = NAN;
    if (whole > h->most_shares) h->most_shares = whole;
    s->action_log[s->actions++] =
        (corporate_action){(int32_t)t->row, h->col, SPLIT, 0, split, before, whole, NAN, paid};
    return whole < 1;
}

static void pay_dividend(const day_ctx *t, holding *h, double shares, double dps) {
    run_state *s = t->s;
    double paid = shares * dps * (1 - t->o->dividend_tax[t->market[h->col]]);
    s->cash += paid;
    s->dividends += paid;
    h->proceeds += paid;
    s->action_log[s->actions++] =
        (corporate_action){(int32_t)t->row, h->col, DIVIDEND, 0, NAN, shares, shares, dps, paid};
}

static void corporate_actions(const day_ctx *t) {
    run_state *s = t->s;
    const market_data *m = t->m;
    while (s->dividend < m->dividends && m->dividend_row[s->dividend] < t->row) s->dividend++;
    int64_t next = s->dividend;
    for (int64_t i = 0; i < s->held; i++) {
        holding *h = &s->holdings[i];
        double split = bar_of(t, h->col)->split, evening = h->shares;
        h->skip_today = 0;
        int ended = split != 1 && apply_split(t, h, split);
        while (next < m->dividends && m->dividend_row[next] == t->row &&
               m->code_rank[m->dividend_col[next]] < m->code_rank[h->col])
            next++;
        for (; next < m->dividends && m->dividend_row[next] == t->row && m->dividend_col[next] == h->col; next++)
            pay_dividend(t, h, evening, m->dividend_dps[next]);
        if (ended) {
            double base = base_of(t, h->col);
            log_trade(s, (trade){(int32_t)t->row, h->col, CORPORATE_ACTION, 0, 0, base, base, NAN, 0, 0});
            end_holding(t, h, CORPORATE_ACTION, 0, base);
        } else {
            check_price(t, h->col, bar_of(t, h->col)->open, h->close);
        }
    }
    remove_ended(s);
}

/* ---- steps 2 and 4: sells ------------------------------------------------------------------------------------ */

/* Evaluate the condition to sell for each holding. */
static void evaluate_sell_condition(const day_ctx *t) {
    run_state *s = t->s;
    const compiled_expr *sell = &t->b->sell;
    if (!sell->formula || !t->decided) {
        for (int64_t i = 0; i < s->held; i++) s->holdings[i].condition = 0;
        return;
    }
    for (int64_t at = 0; at < s->held; at += PROBE_BATCH) {
        int32_t columns[PROBE_BATCH];
        uint8_t named[PROBE_BATCH];
        int64_t n = s->held - at < PROBE_BATCH ? s->held - at : PROBE_BATCH;
        for (int64_t i = 0; i < n; i++) columns[i] = s->holdings[at + i].col;
        sell->cells(sell->formula, t->row - 1, columns, n, named);
        for (int64_t i = 0; i < n; i++) s->holdings[at + i].condition = named[i];
    }
}

/* The higher of the two stop levels and its reason; NaN without stops. */
static double stop_level(const day_ctx *t, const holding *h, int *reason) {
    double fixed = h->entry * t->stop_loss, trailing = h->peak * t->trailing_stop;
    *reason = STOP_LOSS;
    if (isnan(trailing)) return fixed;
    if (isnan(fixed) || trailing > fixed) {
        *reason = TRAILING_STOP;
        return trailing;
    }
    return fixed;
}

/* Liquidation trading and rules a and b, at the open of a tradable holding; 1 when it was due. */
static int sell_at_open(const day_ctx *t, holding *h) {
    double open = bar_of(t, h->col)->open;
    if (t->o->delisting == LIQUIDATION && is_liquidation_row(t, h->col, h->delisted_day)) {
        sell_or_count(t, h, DELISTED, open, NAN);
        return 1;
    }
    if (!t->has_levels) return 0;
    int reason;
    double level = stop_level(t, h, &reason), above = h->entry * t->take_profit;
    if (!at_most(open, level)) {
        level = above;
        reason = TAKE_PROFIT;
        if (!at_least(open, level)) return 0;
    }
    sell_or_count(t, h, reason, open, level);
    return 1;
}

/* Rules c to f, at the open or at the close. */
static void sell_by_rule(const day_ctx *t, holding *h) {
    const run_options *o = t->o;
    int64_t age = (int64_t)t->day - h->entry_day;
    int reason = 0;
    if (o->max_hold_days >= 0 && age >= o->max_hold_days)
        reason = MAX_HOLD;
    else if (h->condition && age >= o->min_hold_days)
        reason = CONDITION;
    else if (o->sell_when_false && !t->when)
        reason = TIMING;
    else if (h->drawdown_due)
        reason = DRAWDOWN_STOP;
    else if (t->buys && o->on_rebalance != HOLD && age >= o->min_hold_days && t->s->stocks[h->col].target_row != t->row)
        reason = REBALANCE;
    if (reason) sell_or_count(t, h, reason, order_price(t, h->col), NAN);
}

static void sell_inside_the_day(const day_ctx *t) {
    run_state *s = t->s;
    if (!t->has_levels) return;
    for (int64_t i = 0; i < s->held; i++) {
        holding *h = &s->holdings[i];
        if (h->skip_today || !(h->shares > 0) || !is_tradable(t, h->col)) continue;
        const bar *b = bar_of(t, h->col);
        int reason;
        double level = stop_level(t, h, &reason);
        if (h->bought_row == t->row && b->open < level) level = b->open;
        if (!at_most(b->low, level)) {
            level = h->entry * t->take_profit;
            reason = TAKE_PROFIT;
            if (!at_least(b->high, level)) continue;
        }
        double lower = lower_limit_of_sale(t, h->col, b->high < level ? b->high : level);
        if (at_most(b->high, lower))
            not_sold(t, h, reason);
        else
            sell(t, h, reason, h->shares, level, level, lower);
    }
    remove_ended(s);
}

/* ---- step 3: buys -------------------------------------------------------------------------------------------- */

/* How many stocks of the sector of a column are counted on this row; null when it has no sector. */
static int32_t *sector_count(const day_ctx *t, int64_t col) {
    run_state *s = t->s;
    int16_t sector = int16_row(&t->m->sector, t->row - 1)[col];
    if (sector < 0) return 0;
    if (s->sector_row[sector] != (int32_t)t->row) {
        s->sector_row[sector] = (int32_t)t->row;
        s->sector_count[sector] = 0;
    }
    return &s->sector_count[sector];
}

static void count_sector(const day_ctx *t, int64_t col) {
    int32_t *count = sector_count(t, col);
    if (count) ++*count;
}

static int sector_is_full(const day_ctx *t, int64_t col) {
    const int32_t *count = sector_count(t, col);
    return count && *count >= t->o->max_per_sector;
}

/* Choose the target list, before the sells of a day on which positions are chosen. target_row marks it; `order` holds it
 * in ranking order, ended by -1. */
static void choose_targets(const day_ctx *t) {
    run_state *s = t->s;
    const run_options *o = t->o;
    const int32_t today = (int32_t)t->row;
    const int by_sector = o->max_per_sector >= 0;
    int64_t chosen = 0, col, kept = 0;
    ranking k;
    start_ranking(&k, t, o->keep_rank > o->max_positions ? o->keep_rank : o->max_positions, 1);
    for (int64_t i = 0; i < o->keep_rank && chosen < o->max_positions && (col = ranked_column(&k, i)) >= 0; i++) {
        if (!s->stocks[col].held) continue;
        s->stocks[col].target_row = today;
        if (by_sector) count_sector(t, col);
        chosen++;
    }
    for (int64_t i = 0; chosen < o->max_positions && (col = ranked_column(&k, i)) >= 0; i++) {
        if (s->stocks[col].target_row == today) continue;
        if (by_sector && !s->stocks[col].held && sector_is_full(t, col)) continue;
        s->stocks[col].target_row = today;
        if (by_sector) count_sector(t, col);
        chosen++;
    }
    for (int64_t i = 0; kept < chosen; i++) {
        if (s->stocks[s->order[i]].target_row != today) continue;
        s->order[kept++] = s->order[i];
        if (!s->stocks[s->order[i]].held) prefetch_bars(t, s->order[i]);
    }
    s->order[kept] = -1;
}

static double weight_of(const day_ctx *t, int64_t col) {
    if (t->o->weighting == EQUAL) return 1;
    if (t->o->weighting == MARKET_CAP) {
        double cap = float_row(&t->m->cap, t->row - 1)[col];
        return cap > 0 ? cap : NAN;
    }
    double deviation = cell(&t->m->volatility_60, t->row - 1, col);
    return deviation > 0 ? 1 / deviation : NAN;
}

/* Turn weights[0..count) into parts of 1; an unknown weight is the mean of the others, all unknown ones are equal. */
static void normalize(double *weights, int64_t count) {
    double sum = 0;
    int64_t known = 0;
    for (int64_t i = 0; i < count; i++)
        if (!isnan(weights[i])) {
            sum += weights[i];
            known++;
        }
    double mean = known ? sum / (double)known : 1, whole = sum + mean * (double)(count - known);
    for (int64_t i = 0; i < count; i++) weights[i] = (isnan(weights[i]) ? mean : weights[i]) / whole;
}

/* Whether an order to buy can fill; `price` is its reference. */
static int can_buy(const day_ctx *t, int64_t col, double price) {
    return !isnan(price) && !is_liquidation(t, col) && !at_least(price, upper_limit_near(t, col, price));
}

/* Parts of the first `slots` candidates that can be bought, into weights; returns how many there are. */
static int64_t weigh_candidates(const day_ctx *t, ranking *k, int64_t slots) {
    double *weights = t->s->weights;
    int64_t count = 0, col;
    for (int64_t i = 0; count < slots && (col = ranked_column(k, i)) >= 0; i++)
        if (can_buy(t, col, order_price(t, col))) weights[count++] = weight_of(t, col);
    normalize(weights, count);
    return count;
}

static double affordable(const day_ctx *t, double money, double price) {
    return floor(money / (price * (1 + t->o->commission)) + REL_EPS);
}

/* Price of a purchase with this slippage, rounded up to the tick; at most the upper limit is paid. */
static double purchase_price(const day_ctx *t, int64_t col, double reference, double slippage) {
    double price = reference * (1 + slippage);
    return t->o->ticks_on[t->market[col]] ? tick_up(t, col, price) : price;
}

static double at_limit(double price, double upper) { return price > upper ? upper : price; }

/* Buy for `target` won (at most the cash); 1 when it filled, else the reason is counted. */
static int buy(const day_ctx *t, int64_t col, double target) {
    run_state *s = t->s;
    const run_options *o = t->o;
    double reference = order_price(t, col);
    if (isnan(reference) || is_liquidation(t, col)) {
        s->unfilled[HALTED]++;
        return 0;
    }
    double price = purchase_price(t, col, reference, o->slippage), money = target < s->cash ? target : s->cash;
    double highest = isnan(o->impact) ? (price > reference ? price : reference) : INFINITY;
    double upper = upper_limit_near(t, col, highest);
    if (at_least(reference, upper)) {
        s->unfilled[LIMIT_UP]++;
        return 0;
    }
    price = at_limit(price, upper);
    if (s->stocks[col].held && affordable(t, target, price) < 1) return 0;
    double shares = affordable(t, money, price);
    if (!isnan(o->max_volume_pct)) {
        double mean = bar_of(t, col)->mean_volume;
        double most = isnan(mean) ? 0 : floor(o->max_volume_pct / 100 * mean + REL_EPS);
        if (most < shares) {
            if (most < 1) {
                s->unfilled[VOLUME_CAP]++;
                return 0;
            }
            shares = most;
        }
    }
    if (shares >= 1 && !isnan(o->impact)) {
        price = at_limit(purchase_price(t, col, reference, o->slippage + impact_of(t, col, shares)), upper);
        double fewer = affordable(t, money, price);
        if (fewer < shares) shares = fewer;
    }
    if (!(shares >= 1)) {
        s->unfilled[NO_CASH]++;
        return 0;
    }
    book_purchase(t, col, shares, price, reference);
    return 1;
}

/* Cash and positions at the prices of today's orders; `last` where a stock is not tradable. */
static double equity_at_orders(const day_ctx *t) {
    double sum = t->s->cash;
    for (int64_t i = 0; i < t->s->held; i++) {
        const holding *h = &t->s->holdings[i];
        double price = order_price(t, h->col);
        sum += h->shares * (isnan(price) ? bar_of(t, h->col)->last : price);
    }
    return sum;
}

/* Fill free slots from the ranking (hold) or the target list (rotate). */
static void buy_candidates(const day_ctx *t) {
    run_state *s = t->s;
    const run_options *o = t->o;
    int64_t slots = o->max_positions - s->held, col;
    const int by_sector = o->on_rebalance == HOLD && o->max_per_sector >= 0;
    if (o->max_new_per_day >= 0 && o->max_new_per_day < slots) slots = o->max_new_per_day;
    if (t->b->opened_limit) {
        int64_t left = t->b->opened_limit[t->row - t->b->window] - s->trips - s->held;
        if (left < slots) slots = left;
    }
    if (slots <= 0) return;
    ranking k;
    if (o->on_rebalance == ROTATE) {
        k = (ranking){.t = t, .with_held = 1, .heap = -1};
        for (int64_t i = 0; i < o->max_positions && s->order[i] >= 0; i++)
            if (!s->stocks[s->order[i]].held && s->stocks[s->order[i]].sold_row != (int32_t)t->row)
                s->order[k.seen++] = s->order[i];
    } else {
        start_ranking(&k, t, slots + 8, 0);
    }
    if (by_sector)
        for (int64_t i = 0; i < s->held; i++) count_sector(t, s->holdings[i].col);
    double equity = equity_at_orders(t), plain = equity / (double)o->max_positions;
    if (!isnan(o->position_pct)) plain = o->position_pct / 100 * equity;
    int64_t weighted = o->weighting == EQUAL ? 0 : weigh_candidates(t, &k, slots), member = 0, bought = 0;
    for (int64_t i = 0; bought < slots && (col = ranked_column(&k, i)) >= 0; i++) {
        double target = plain;
        if (weighted && can_buy(t, col, order_price(t, col))) {
            if (member < weighted) target = plain * (double)weighted * s->weights[member];
            member++;
        }
        if (by_sector && sector_is_full(t, col)) {
            s->unfilled[SECTOR_CAP]++;
            continue;
        }
        if (target > o->max_position_value) target = o->max_position_value;
        if (!buy(t, col, target)) continue;
        if (by_sector) count_sector(t, col);
        bought++;
    }
}

/* Sell what a holding of the target list has above its target. */
static void trim(const day_ctx *t, holding *h, double target) {
    double price = order_price(t, h->col);
    if (isnan(price) || h->skip_today) return;
    double excess = h->shares * price - target, shares = floor(excess / price + REL_EPS);
    if (excess <= t->o->band * target || shares < 1) return;
    double lower = lower_limit_of_sale(t, h->col, price);
    if (at_most(price, lower))
        not_sold(t, h, REBALANCE);
    else
        sell(t, h, REBALANCE, shares < h->shares ? shares : h->shares, price, NAN, lower);
}

/* Trim holdings to their targets, then buy up to the targets, in the order of the ranking. */
static void reweight(const day_ctx *t) {
    run_state *s = t->s;
    const run_options *o = t->o;
    int64_t n = 0, opened = 0;
    double equity = equity_at_orders(t);
    for (; s->order[n] >= 0; n++) s->weights[n] = weight_of(t, s->order[n]);
    normalize(s->weights, n);
    double money = o->invest_full ? equity : equity * (double)n / (double)o->max_positions;
    for (int64_t i = 0; i < n; i++) {
        double target = money * s->weights[i];
        s->stocks[s->order[i]].target = target > o->max_position_value ? o->max_position_value : target;
    }
    for (int64_t i = 0; i < s->held; i++) {
        const stock_state *stock = &s->stocks[s->holdings[i].col];
        if (stock->target_row == (int32_t)t->row) trim(t, &s->holdings[i], stock->target);
    }
    remove_ended(s);
    int64_t slots = o->max_positions - s->held;
    if (o->max_new_per_day >= 0 && o->max_new_per_day < slots) slots = o->max_new_per_day;
    for (int64_t i = 0; i < n; i++) {
        int32_t col = s->order[i];
        double target = s->stocks[col].target;
        if (s->stocks[col].sold_row == (int32_t)t->row) continue;
        if (s->stocks[col].held) {
            const holding *h = holding_of(s, col);
            double price = order_price(t, col), value = h->shares * (isnan(price) ? bar_of(t, col)->last : price);
            if (!h->skip_today && target - value > o->band * target) buy(t, col, target - value);
        } else if (opened < slots) {
            opened += buy(t, col, target);
        }
    }
}

/* ---- steps 5 and 6: delisting, valuation --------------------------------------------------------------------- */

static void sell_delisted(const day_ctx *t) {
    run_state *s = t->s;
    const run_options *o = t->o;
    for (int64_t i = 0; i < s->held; i++) {
        holding *h = &s->holdings[i];
        if (t->day < h->delisted_day) continue;
        double price = bar_of(t, h->col)->last;
        int flags = 0;
        if (o->delisting == LIQUIDATION) {
            int64_t traded = t->row - uint16_row(&t->m->idle, t->row)[h->col];
            if (h->delisted_day - t->m->days[traded] > STALE_EXIT_DAYS) {
                price *= 1 - o->stale_haircut;
                flags = STALE_EXIT;
            }
        } else if (o->delisting == HAIRCUT) {
            price *= 1 - o->haircut;
        } else if (o->delisting == ZERO) {
            price = 0;
        }
        book_sale(t, h, DELISTED, h->shares, less_slippage(price, o->slippage), price, NAN, flags);
    }
    remove_ended(s);
}

static void value_positions(const day_ctx *t) {
    run_state *s = t->s;
    const run_options *o = t->o;
    double equity = s->cash;
    for (int64_t i = 0; i < s->held; i++) {
        holding *h = &s->holdings[i];
        const bar *b = bar_of(t, h->col);
        equity += h->shares * b->last;
        if (b->last > h->peak) h->peak = b->last;
        if (b->open > 0) check_price(t, h->col, b->last, h->close);
        h->close = b->last;
    }
    int64_t at = t->row - t->b->window;
    s->equity[at] = equity;
    s->cash_log[at] = s->cash;
    s->positions[at] = (int32_t)s->held;
    if (isnan(o->stop_drawdown) || s->resting) return;
    if (equity > s->highest_equity) s->highest_equity = equity;
    if (!at_most(equity, (1 - o->stop_drawdown) * s->highest_equity)) return;
    s->resting = 1;
    s->stop_day = t->day;
    for (int64_t i = 0; i < s->held; i++) s->holdings[i].drawdown_due = 1;
}

/* ---- the day ------------------------------------------------------------------------------------------------- */

/* Prefetch what tomorrow reads while today is simulated: the end of the bars of holdings (their beginning is in the cache
 * already) and the best stocks of a cached order. */
static void prefetch_tomorrow(const day_ctx *t) {
    for (int64_t i = 0; i < t->s->held; i++)
        __builtin_prefetch((const char *)(bar_of(t, t->s->holdings[i].col) + 2) - 1);
    if (!t->b->order.data || t->row + 1 >= t->b->stop) return;
    const char *order = (const char *)uint16_row(&t->b->order, t->row);
    __builtin_prefetch(order);
    __builtin_prefetch(order + 64);
}

static day_ctx day_of(const market_data *m, const market_rules *r, const run_options *o, const run_block *b, run_state *s,
                      int64_t row) {
    day_ctx t = {.m = m, .r = r, .o = o, .b = b, .s = s, .row = row, .day = m->days[row], .bars = bars_at(m, row),
                 .before = bars_at(m, row - 1)};
    int64_t rules = (row - r->first) * MARKET_CODES;
    t.market = flags_row(&m->market, row);
    t.tax = r->tax + rules;
    t.limit = r->limit + rules;
    t.tick_table = r->tick_table + rules;
    t.narrowest = t.limit[0];
    for (int i = 1; i < OTHER_MARKET; i++)
        if (t.limit[i] < t.narrowest) t.narrowest = t.limit[i];
    if (s->resting && t.day - s->stop_day >= o->resume_days) {
        s->resting = 0;
        s->highest_equity = s->equity[row - 1 - b->window];
    }
    t.stop_loss = 1 - o->stop_loss_pct / 100;
    t.trailing_stop = 1 - o->trailing_stop_pct / 100;
    t.take_profit = 1 + o->take_profit_pct / 100;
    t.has_levels = !isnan(o->stop_loss_pct) || !isnan(o->trailing_stop_pct) || !isnan(o->take_profit_pct);
    t.decided = row - 1 >= b->decided;
    t.when = !o->has_when || (t.decided && b->when[row - 1 - b->when_first]);
    s->stopped[row - b->window] = !t.when || s->resting;
    t.buys = b->rebalance[row - b->window] && t.decided && t.when && !s->resting;
    return t;
}

static void simulate_day(const day_ctx *t) {
    run_state *s = t->s;
    const run_options *o = t->o;
    prefetch_tomorrow(t);
    corporate_actions(t);
    evaluate_sell_condition(t);
    if (t->buys && o->on_rebalance != HOLD) choose_targets(t);
    for (int64_t i = 0; i < s->held; i++) {
        holding *h = &s->holdings[i];
        if (is_tradable(t, h->col) && sell_at_open(t, h)) continue;
        if (!o->at_close) sell_by_rule(t, h);
    }
    remove_ended(s);
    if (o->at_close) {
        sell_inside_the_day(t);
        for (int64_t i = 0; i < s->held; i++)
            if (!s->holdings[i].skip_today) sell_by_rule(t, &s->holdings[i]);
        remove_ended(s);
    }
    if (t->buys) {
        if (o->on_rebalance == REWEIGHT)
            reweight(t);
        else
            buy_candidates(t);
    }
    if (!o->at_close) sell_inside_the_day(t);
    sell_delisted(t);
    value_positions(t);
}

/* Whether the logs have space for everything that one day can add. More stocks may be held than there may be positions:
 * the options of an account can change between two blocks. */
static int logs_have_space(const market_data *m, const run_options *o, const run_state *s, int64_t row) {
    int64_t positions = o->max_positions > s->held ? o->max_positions : s->held;
    int64_t most = 2 * positions + 1, dividends = 0;
    for (int64_t i = s->dividend; i < m->dividends && m->dividend_row[i] <= row; i++) dividends++;
    return s->trade_room - s->trades >= 3 * most && s->trip_room - s->trips >= most &&
           s->action_room - s->actions >= most + dividends && s->suspect_room - s->suspects >= 2 * most;
}

/* Simulate the days of a block. Return the first row not done (before `stop` when a log has to grow first). */
int64_t simulate(const market_data *m, const market_rules *r, const run_options *o, const run_block *b, run_state *s) {
    int64_t row = b->start;
    for (; row < b->stop && logs_have_space(m, o, s, row); row++) {
        day_ctx t = day_of(m, r, o, b, s, row);
        simulate_day(&t);
    }
    return row;
}

/* Size of structure `which`, in the order in which Python lists them; 0 after the last. */
int64_t abi_size(int64_t which) {
    static const int64_t sizes[] = {
        sizeof(matrix_view), sizeof(stock_bars), sizeof(market_data), sizeof(market_rules), sizeof(run_options),
        sizeof(compiled_expr), sizeof(ordered_condition), sizeof(run_block), sizeof(run_state), sizeof(bar),
        sizeof(holding), sizeof(trade), sizeof(round_trip), sizeof(corporate_action), sizeof(suspect_price),
        sizeof(stock_state),
    };
    return which >= 0 && which < (int64_t)(sizeof(sizes) / sizeof(*sizes)) ? sizes[which] : 0;
}

/* Constant `which` that Python has too, in the order in which Python lists them; -1 after the last. */
int64_t abi_constant(int64_t which) {
    static const int64_t constants[] = {
        LIQUIDATION_DAYS, LIQUIDATION_ROWS, SUSPENDED_ROWS, STALE_EXIT_DAYS,
        NEVER_TRADED, NO_COLUMN, MARKET_CODES, STALE_EXIT,
    };
    return which >= 0 && which < (int64_t)(sizeof(constants) / sizeof(*constants)) ? constants[which] : -1;
}
