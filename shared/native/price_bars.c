/* Bars of one stock's year (shared/infra/price_copy.py) put into a panel of days down and instruments across. */
#include <stdint.h>
#include <string.h>

static double item(const uint8_t *shuffled, int64_t items, int64_t at)
{
    uint64_t bits = 0;
    double value;
    for (int byte = 0; byte < 8; byte++)
        bits |= (uint64_t)shuffled[byte * items + at] << (8 * byte);
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* shuffled: 8 planes of rows * (1 + columns) bytes; the first column holds day numbers.
   row_of: panel row of day first_day + i, or -1. out: [columns][days][width], written at `column` of each panel row. */
void ondol_place_bars(const uint8_t *shuffled, int64_t rows, int64_t columns, const int32_t *row_of, int64_t first_day,
                      int64_t length, double *out, int64_t days, int64_t width, int64_t column)
{
    const int64_t items = rows * (1 + columns);
    for (int64_t row = 0; row < rows; row++) {
        const double day = item(shuffled, items, row);
        if (!(day >= (double)first_day && day < (double)(first_day + length)))
            continue;
        const int64_t place = row_of[(int64_t)day - first_day];
        if (place < 0 || place >= days)
            continue;
        for (int64_t c = 0; c < columns; c++)
            out[(c * days + place) * width + column] = item(shuffled, items, (1 + c) * rows + row);
    }
}
