/* A result as pieces: texts, and tables that are kept by columns and written as one JSON object a row.
 *
 * A document is a sequence of pieces without padding, numbers little endian:
 *   'T', u64 bytes, the bytes: they are JSON already
 *   'R', u32 rows, u32 columns, u64 bytes of numbers, the numbers, then each column: kind, u8 bytes of its label, the
 *        label (what stands before the value: `{"cash":` or `,"cash":`), and its values
 * Values of a column: NUMBER none here: they are the next array of the numbers, which are one JSON text
 * ("[[1.5,null],[2.0,3.0]]", so that the digits are those of the library that writes all other JSON); WHOLE8 int64;
 * WHOLE4 int32; DATE int32 day numbers (0 is 1970-01-01); TEXT u32 count, u32 ends[count] and the bytes of that many
 * JSON strings, then which of them stands in each row: u16 (TEXT2) or u32 (TEXT4).
 *
 * Reading is safe for any bytes: what does not fit is refused, and nothing beyond the given memory is touched. */

#include <stdint.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "documents are little endian");

enum { NUMBER, WHOLE8, WHOLE4, DATE, TEXT2, TEXT4 };
enum { MOST_COLUMNS = 64, LONGEST_LABEL = 48, BEYOND = 64 };

typedef struct {
    int64_t kind; /* TEXT2 stands for both: the width follows from the count */
    const char *label;
    int64_t label_length;
    const void *values;    /* TEXT: int32, which of the texts */
    const char *texts;     /* TEXT: JSON strings one after the other */
    const int32_t *begins; /* TEXT: where each begins, and the end */
    int64_t known;         /* TEXT: how many there are */
} column;

static char *put(char *out, const void *from, size_t size) {
    memcpy(out, from, size);
    return out + size;
}

/* The texts that occur and the place of each row among them; 0 when a row chooses a text that does not exist. `places`
 * has an int32 for every text, all -1, and is given back like this. */
static char *pack_texts(const column *c, int64_t rows, int32_t *places, uint32_t *seen, char *kind, char *out) {
    const int32_t *values = c->values;
    uint32_t count = 0, end = 0;
    for (int64_t i = 0; i < rows; i++)
        if (values[i] < 0 || values[i] >= c->known) return 0;
    for (int64_t i = 0; i < rows; i++)
        if (places[values[i]] < 0) {
            places[values[i]] = (int32_t)count;
            seen[count++] = (uint32_t)values[i];
        }
    out = put(out, &count, 4);
    for (uint32_t k = 0; k < count; k++) {
        end += (uint32_t)(c->begins[seen[k] + 1] - c->begins[seen[k]]);
        out = put(out, &end, 4);
    }
    for (uint32_t k = 0; k < count; k++)
        out = put(out, c->texts + c->begins[seen[k]], (size_t)(c->begins[seen[k] + 1] - c->begins[seen[k]]));
    *kind = count <= UINT16_MAX ? TEXT2 : TEXT4;
    for (int64_t i = 0; i < rows; i++) {
        uint32_t place = (uint32_t)places[values[i]];
        out = put(out, &place, *kind == TEXT2 ? 2 : 4);
    }
    for (uint32_t k = 0; k < count; k++) places[seen[k]] = -1;
    return out;
}

/* Writes the piece of a table and returns its bytes, 0 when a text does not exist; `out` has room for all of it. */
int64_t rows_pack(const column *columns, int64_t count, int64_t rows, const char *numbers, int64_t length,
                  int32_t *places, uint32_t *seen, char *out) {
    char *first = out;
    uint32_t small[2] = {(uint32_t)rows, (uint32_t)count};
    uint64_t bytes = (uint64_t)length;
    *out++ = 'R';
    out = put(out, small, 8);
    out = put(out, &bytes, 8);
    out = put(out, numbers, (size_t)length);
    for (int64_t i = 0; i < count; i++) {
        const column *c = columns + i;
        char *kind = out++;
        *kind = (char)c->kind;
        *out++ = (char)c->label_length;
        out = put(out, c->label, (size_t)c->label_length);
        if (c->kind == WHOLE8) out = put(out, c->values, 8 * (size_t)rows);
        if (c->kind == WHOLE4 || c->kind == DATE) out = put(out, c->values, 4 * (size_t)rows);
        if (c->kind == TEXT2 && !(out = pack_texts(c, rows, places, seen, kind, out))) return 0;
    }
    return out - first;
}

typedef struct {
    const char *at, *end;
} source;

static int take(source *from, void *into, size_t size) {
    if ((size_t)(from->end - from->at) < size) return 0;
    memcpy(into, from->at, size);
    from->at += size;
    return 1;
}

static const char *skip(source *from, uint64_t size) {
    if ((uint64_t)(from->end - from->at) < size) return 0;
    const char *found = from->at;
    from->at += size;
    return found;
}

typedef struct {
    char label[LONGEST_LABEL];
    int label_length, kind;
    const char *values;
    const char *ends, *texts;
    uint32_t count;
} cells;

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

/* "YYYY-MM-DD" of a day number of the years 0 to 9999 */
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

/* Where a number (or null) ends that is followed by a comma, or by a bracket when it is the last; 0 when it does not
 * end within 64 bytes. Many bytes are copied at a time, and looked at together. */
static char *number(char *out, const char **values, const char *end, int last) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    const char stop = last ? ']' : ',';
    const char *from = *values;
#ifdef __AVX2__
    if (end - from >= 32) {
        __m256i piece = _mm256_loadu_si256((const __m256i *)from);
        uint32_t stops = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(piece, _mm256_set1_epi8(stop)));
        _mm256_storeu_si256((__m256i *)out, piece);
        if (stops) {
            int size = __builtin_ctz(stops);
            *values = from + size + 1;
            return out + size;
        }
    }
#endif
    for (int step = 0; step < 4 && end - from >= 8; step++) {
        uint64_t word, other;
        memcpy(&word, from, 8);
        memcpy(out, from, 8);
        other = word ^ (ones * (unsigned char)stop);
        other = (other - ones) & ~other & tops;
        if (other) {
            int size = __builtin_ctzll(other) >> 3;
            *values = from + size + 1;
            return out + size;
        }
        out += 8;
        from += 8;
    }
    for (int step = 0; step < 32 && from < end; step++) {
        if (*from == stop) {
            *values = from + 1;
            return out;
        }
        *out++ = *from++;
    }
    return 0;
}

static int text_at(const cells *c, const char **at, uint32_t *size, int64_t row) {
    uint32_t place = 0, begin = 0, end;
    if (c->kind == TEXT2) memcpy(&place, c->values + 2 * row, 2);
    else memcpy(&place, c->values + 4 * row, 4);
    if (place >= c->count) return 0;
    if (place) memcpy(&begin, c->ends + 4 * ((size_t)place - 1), 4);
    memcpy(&end, c->ends + 4 * (size_t)place, 4);
    if (end < begin) return 0;
    *at = c->texts + begin;
    *size = end - begin;
    return 1;
}

/* The columns of a table; 0 when they are not whole. */
static int table(source *from, cells *found, uint32_t rows, uint32_t count, source numbers) {
    for (uint32_t i = 0; i < count; i++) {
        cells *c = memset(found + i, 0, sizeof(cells));
        unsigned char kind, length;
        if (!take(from, &kind, 1) || !take(from, &length, 1) || length > LONGEST_LABEL) return 0;
        if (!take(from, c->label, length)) return 0;
        c->kind = kind;
        c->label_length = length;
        if (kind == NUMBER) {
            if (numbers.end - numbers.at < 2 || *numbers.at != '[') return 0;
            c->values = numbers.at + 1;
            numbers.at = memchr(numbers.at, ']', (size_t)(numbers.end - numbers.at));
            if (!numbers.at) return 0;
            numbers.at += numbers.end - numbers.at >= 2 ? 2 : 1;
            continue;
        }
        if (kind == TEXT2 || kind == TEXT4) {
            uint32_t bytes = 0;
            if (!take(from, &c->count, 4)) return 0;
            if (!(c->ends = skip(from, 4 * (uint64_t)c->count))) return 0;
            for (uint32_t k = 0; k < c->count; k++) {
                uint32_t end;
                memcpy(&end, c->ends + 4 * (size_t)k, 4);
                if (end < bytes) return 0;
                bytes = end;
            }
            if (!(c->texts = skip(from, bytes))) return 0;
        } else if (kind > TEXT4) {
            return 0;
        }
        c->values = skip(from, (kind == WHOLE8 ? 8 : kind == TEXT2 ? 2 : 4) * (uint64_t)rows);
        if (!c->values) return 0;
    }
    return 1;
}

static char *write_rows(source *from, char *out, char *limit) {
    uint32_t rows, count;
    uint64_t length;
    cells columns[MOST_COLUMNS];
    if (!take(from, &rows, 4) || !take(from, &count, 4) || !take(from, &length, 8)) return 0;
    const char *text = skip(from, length);
    if (!text || !count || count > MOST_COLUMNS) return 0;
    source numbers = {length ? text + 1 : text, text + length};
    if (!table(from, columns, rows, count, numbers)) return 0;
    if (limit - out < BEYOND) return 0;
    *out++ = '[';
    for (int64_t row = 0; row < rows; row++) {
        if (row) *out++ = ',';
        for (uint32_t i = 0; i < count; i++) {
            cells *c = columns + i;
            if (limit - out < LONGEST_LABEL + 2 * BEYOND) return 0;
            memcpy(out, c->label, 16);
            if (c->label_length > 16) memcpy(out + 16, c->label + 16, LONGEST_LABEL - 16);
            out += c->label_length;
            if (c->kind == NUMBER) {
                out = number(out, &c->values, numbers.end, row + 1 == rows);
                if (!out) return 0;
            } else if (c->kind == WHOLE8) {
                int64_t value;
                memcpy(&value, c->values + 8 * row, 8);
                out = whole(out, value);
            } else if (c->kind == TEXT2 || c->kind == TEXT4) {
                const char *at;
                uint32_t size;
                if (!text_at(c, &at, &size, row) || limit - out < (int64_t)size + BEYOND) return 0;
                out = put(out, at, size);
            } else {
                int32_t value;
                memcpy(&value, c->values + 4 * row, 4);
                out = c->kind == DATE ? date(out, value) : whole(out, value);
            }
        }
        *out++ = '}';
    }
    *out++ = ']';
    return out;
}

/* The JSON of the document that begins at a place of `length` bytes. Returns its bytes, or -1 when the document is not
 * whole or needs more than `room`, of which the last 256 bytes are used for copying only. */
int64_t rows_write(const char *bytes, int64_t begin, int64_t length, char *out, int64_t room) {
    source from = {bytes + begin, bytes + length};
    char *first = out, *limit = out + room;
    while (from.at < from.end) {
        char kind = *from.at++;
        if (kind == 'T') {
            uint64_t size;
            const char *text;
            if (!take(&from, &size, 8) || !(text = skip(&from, size))) return -1;
            if ((uint64_t)(limit - out) < size + BEYOND) return -1;
            out = put(out, text, size);
        } else if (kind != 'R' || !(out = write_rows(&from, out, limit))) {
            return -1;
        }
    }
    return out - first;
}
