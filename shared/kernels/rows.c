/* JSON objects from columns: one object a row, written straight into the result without a value for each cell.
 *
 * Numbers come written already, as the arrays of one JSON text ("[[1.5,null],[2.0,3.0]]"), so that their digits are
 * those of the library that writes all other JSON. */

#include <stdint.h>
#include <string.h>

enum { NUMBER, WHOLE, DATE, TEXT };

typedef struct {
    int64_t kind;
    const char *label; /* what stands before the value: `{"cash":` or `,"cash":` */
    int64_t label_length;
    const void *values;     /* NUMBER: its place in the text; WHOLE: int64; DATE: int32 day numbers; TEXT: int32 */
    const char *texts;      /* TEXT: JSON strings one after the other */
    const int32_t *begins;  /* TEXT: where each begins, and the end */
} column;

static char *whole(char *out, int64_t value) {
    char digits[20];
    int n = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do digits[n++] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0) *out++ = '-';
    while (n) *out++ = digits[--n];
    return out;
}

/* "YYYY-MM-DD" of a day number (0 is 1970-01-01) of the years 0 to 9999 */
static char *date(char *out, int32_t day) {
    int64_t z = (int64_t)day + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100), m = (5 * of_year + 2) / 153;
    int64_t d = of_year - (153 * m + 2) / 5 + 1, month = m < 10 ? m + 3 : m - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    const char text[12] = {'"', (char)('0' + year / 1000 % 10), (char)('0' + year / 100 % 10),
                           (char)('0' + year / 10 % 10), (char)('0' + year % 10), '-', (char)('0' + month / 10),
                           (char)('0' + month % 10), '-', (char)('0' + d / 10), (char)('0' + d % 10), '"'};
    memcpy(out, text, 12);
    return out + 12;
}

/* Points each NUMBER at its array in `numbers`, in order; 0 when there are fewer. */
int rows_numbers(column *columns, int64_t count, const char *numbers, int64_t length) {
    const char *at = numbers + 1, *end = numbers + length;
    for (int64_t i = 0; i < count; i++) {
        if (columns[i].kind != NUMBER) continue;
        if (at >= end || *at != '[') return 0;
        columns[i].values = at + 1;
        at = memchr(at, ']', (size_t)(end - at));
        if (!at) return 0;
        at += 2;
    }
    return 1;
}

/* The objects of `rows` rows with commas between them; returns their bytes. `out` has room for all of it. */
int64_t rows_write(column *columns, int64_t count, int64_t rows, char *out) {
    const char *first = out;
    for (int64_t row = 0; row < rows; row++) {
        if (row) *out++ = ',';
        for (int64_t i = 0; i < count; i++) {
            column *c = columns + i;
            memcpy(out, c->label, (size_t)c->label_length);
            out += c->label_length;
            if (c->kind == NUMBER) {
                const char *from = c->values;
                while (*from != ',' && *from != ']') *out++ = *from++;
                c->values = from + 1;
            } else if (c->kind == WHOLE) {
                out = whole(out, ((const int64_t *)c->values)[row]);
            } else if (c->kind == DATE) {
                out = date(out, ((const int32_t *)c->values)[row]);
            } else {
                int32_t place = ((const int32_t *)c->values)[row];
                int32_t size = c->begins[place + 1] - c->begins[place];
                memcpy(out, c->texts + c->begins[place], (size_t)size);
                out += size;
            }
        }
        *out++ = '}';
    }
    return out - first;
}
