/* A result as a document of fragments: literal JSON, and tables stored by columns and rendered as one object a row, or
 * as one array a column.
 *
 * A document is a sequence of fragments without padding, numbers little endian:
 *   'T', u64 bytes, the bytes: JSON that is encoded already
 *   'R', u32 rows, u32 columns, u64 bytes of numbers, the numbers, then each column: kind, u8 bytes of its label, the
 *        label (what precedes the value: `{"cash":` or `,"cash":`), and its values
 * Values of a column: NUMBER none here: they are the next array of the numbers, which are one JSON text
 * ("[[1.5,null],[2.0,3.0]]", so that the digits are those of the library that writes all other JSON); INT64 int64;
 * INT32 int32; DATE int32 day numbers (0 is 1970-01-01); STRING u32 count, u32 ends[count] and the bytes of that many
 * JSON strings, then the index of each row's string: u16 (STRING16) or u32 (STRING32).
 *
 * Rendering is safe for any bytes: malformed documents are refused, and no memory outside the given buffers is
 * accessed. */

#include "native.h"
#ifdef __AVX2__
#include <immintrin.h>
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "documents are little endian");

enum { NUMBER, INT64, INT32, DATE, STRING16, STRING32 };
enum { MAX_COLUMNS = 64, MAX_LABEL = 48, MARGIN = 64 };

static char *append(char *out, const void *from, size_t size) {
    memcpy(out, from, size);
    return out + size;
}

/* Writes the strings that occur and the index of each row among them; returns 0 when an index lies outside the pool.
 * `positions` has an int32 for every string of the pool, all -1 before and after. */
static char *pack_strings(const table_column *c, int64_t rows, int32_t *positions, uint32_t *seen, char *kind, char *out) {
    const int32_t *values = c->values;
    uint32_t count = 0, end = 0;
    for (int64_t i = 0; i < rows; i++)
        if (values[i] < 0 || values[i] >= c->pool_size) return 0;
    for (int64_t i = 0; i < rows; i++)
        if (positions[values[i]] < 0) {
            positions[values[i]] = (int32_t)count;
            seen[count++] = (uint32_t)values[i];
        }
    out = append(out, &count, 4);
    for (uint32_t k = 0; k < count; k++) {
        end += (uint32_t)(c->offsets[seen[k] + 1] - c->offsets[seen[k]]);
        out = append(out, &end, 4);
    }
    for (uint32_t k = 0; k < count; k++)
        out = append(out, c->strings + c->offsets[seen[k]], (size_t)(c->offsets[seen[k] + 1] - c->offsets[seen[k]]));
    *kind = count <= UINT16_MAX ? STRING16 : STRING32;
    for (int64_t i = 0; i < rows; i++) {
        uint32_t index = (uint32_t)positions[values[i]];
        out = append(out, &index, *kind == STRING16 ? 2 : 4);
    }
    for (uint32_t k = 0; k < count; k++) positions[seen[k]] = -1;
    return out;
}

/* Writes the fragment of a table and returns its size, 0 when an index lies outside its pool. `out` is large enough. */
int64_t pack_table(const table_column *columns, int64_t count, int64_t rows, const char *numbers,
                   int64_t length, int32_t *positions, uint32_t *seen, char *out) {
    char *first = out;
    uint32_t small[2] = {(uint32_t)rows, (uint32_t)count};
    uint64_t bytes = (uint64_t)length;
    *out++ = 'R';
    out = append(out, small, 8);
    out = append(out, &bytes, 8);
    out = append(out, numbers, (size_t)length);
    for (int64_t i = 0; i < count; i++) {
        const table_column *c = columns + i;
        char *kind = out++;
        *kind = (char)c->kind;
        *out++ = (char)c->label_length;
        out = append(out, c->label, (size_t)c->label_length);
        if (c->kind == INT64) out = append(out, c->values, 8 * (size_t)rows);
        if (c->kind == INT32 || c->kind == DATE) out = append(out, c->values, 4 * (size_t)rows);
        if (c->kind == STRING16 && !(out = pack_strings(c, rows, positions, seen, kind, out))) return 0;
    }
    return out - first;
}

typedef struct {
    const char *at, *end;
} reader;

static int read_bytes(reader *from, void *into, size_t size) {
    if ((size_t)(from->end - from->at) < size) return 0;
    memcpy(into, from->at, size);
    from->at += size;
    return 1;
}

static const char *skip_bytes(reader *from, uint64_t size) {
    if ((uint64_t)(from->end - from->at) < size) return 0;
    const char *start = from->at;
    from->at += size;
    return start;
}

typedef struct {
    char label[MAX_LABEL];
    int label_length, kind;
    const char *values;
    const char *ends, *strings;
    uint32_t count;
} stored_column;

static char *write_integer(char *out, int64_t value) {
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
static char *write_date(char *out, int32_t day) {
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

/* Copies a number (or null), which a comma follows, or a bracket after the last one; returns the end of the output, 0
 * when the number does not end within 64 bytes. Copies and compares many bytes at a time. */
static char *copy_number(char *out, const char **values, const char *end, int last) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    const char stop = last ? ']' : ',';
    const char *from = *values;
#ifdef __AVX2__
    if (end - from >= 32) {
        __m256i chunk = _mm256_loadu_si256((const __m256i *)from);
        uint32_t stops = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(chunk, _mm256_set1_epi8(stop)));
        _mm256_storeu_si256((__m256i *)out, chunk);
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

static int string_at(const stored_column *c, const char **at, uint32_t *size, int64_t row) {
    uint32_t index = 0, begin = 0, end;
    if (c->kind == STRING16) memcpy(&index, c->values + 2 * row, 2);
    else memcpy(&index, c->values + 4 * row, 4);
    if (index >= c->count) return 0;
    if (index) memcpy(&begin, c->ends + 4 * ((size_t)index - 1), 4);
    memcpy(&end, c->ends + 4 * (size_t)index, 4);
    if (end < begin) return 0;
    *at = c->strings + begin;
    *size = end - begin;
    return 1;
}

/* Reads the columns of a table; returns 0 when they are incomplete. */
static int read_columns(reader *from, stored_column *columns, uint32_t rows, uint32_t count, reader numbers) {
    for (uint32_t i = 0; i < count; i++) {
        stored_column *c = memset(columns + i, 0, sizeof(stored_column));
        unsigned char kind, length;
        if (!read_bytes(from, &kind, 1) || !read_bytes(from, &length, 1) || length > MAX_LABEL) return 0;
        if (!read_bytes(from, c->label, length)) return 0;
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
        if (kind == STRING16 || kind == STRING32) {
            uint32_t bytes = 0;
            if (!read_bytes(from, &c->count, 4)) return 0;
            if (!(c->ends = skip_bytes(from, 4 * (uint64_t)c->count))) return 0;
            for (uint32_t k = 0; k < c->count; k++) {
                uint32_t end;
                memcpy(&end, c->ends + 4 * (size_t)k, 4);
                if (end < bytes) return 0;
                bytes = end;
            }
            if (!(c->strings = skip_bytes(from, bytes))) return 0;
        } else if (kind > STRING32) {
            return 0;
        }
        c->values = skip_bytes(from, (kind == INT64 ? 8 : kind == STRING16 ? 2 : 4) * (uint64_t)rows);
        if (!c->values) return 0;
    }
    return 1;
}

/* Appends an array of `rows` numbers, which is JSON already; returns 0 when the stored array has another length. */
static char *append_numbers(char *out, const char *limit, const char *values, const char *end, uint32_t rows) {
    const char *stop = memchr(values, ']', (size_t)(end - values));
    if (!stop || limit - out < stop - values + MARGIN) return 0;
    uint32_t commas = 0;
    for (const char *at = values; at < stop; at++) commas += *at == ',';
    return commas + 1 == rows ? append(out, values, (size_t)(stop - values)) : 0;
}

/* Writes a cell that is no number; returns 0 when it is damaged or does not fit. */
static char *write_cell(char *out, const char *limit, const stored_column *c, int64_t row) {
    if (c->kind == INT64) {
        int64_t value;
        memcpy(&value, c->values + 8 * row, 8);
        return write_integer(out, value);
    }
    if (c->kind == STRING16 || c->kind == STRING32) {
        const char *at;
        uint32_t size;
        if (!string_at(c, &at, &size, row) || limit - out < (int64_t)size + MARGIN) return 0;
        return append(out, at, size);
    }
    int32_t value;
    memcpy(&value, c->values + 4 * row, 4);
    return c->kind == DATE ? write_date(out, value) : write_integer(out, value);
}

/* Renders `{"cash":[...],"date":[...]}`: labels begin with the bracket or comma that precedes the name. */
static char *render_columns(const stored_column *columns, uint32_t count, uint32_t rows, const char *numbers_end,
                            char *out, char *limit) {
    for (uint32_t i = 0; i < count; i++) {
        const stored_column *c = columns + i;
        if (limit - out < MAX_LABEL + 2 * MARGIN) return 0;
        out = append(out, c->label, (size_t)c->label_length);
        *out++ = '[';
        if (c->kind == NUMBER) {
            if (!(out = append_numbers(out, limit, c->values, numbers_end, rows))) return 0;
        } else {
            for (int64_t row = 0; row < rows; row++) {
                if (row) *out++ = ',';
                if (limit - out < MARGIN || !(out = write_cell(out, limit, c, row))) return 0;
            }
        }
        *out++ = ']';
    }
    *out++ = '}';
    return out;
}

static char *render_table(reader *from, char *out, char *limit, int as_columns) {
    uint32_t rows, count;
    uint64_t length;
    stored_column columns[MAX_COLUMNS];
    if (!read_bytes(from, &rows, 4) || !read_bytes(from, &count, 4) || !read_bytes(from, &length, 8)) return 0;
    const char *text = skip_bytes(from, length);
    if (!text || !count || count > MAX_COLUMNS) return 0;
    reader numbers = {length ? text + 1 : text, text + length};
    if (!read_columns(from, columns, rows, count, numbers)) return 0;
    if (limit - out < MARGIN) return 0;
    if (as_columns) return render_columns(columns, count, rows, numbers.end, out, limit);
    *out++ = '[';
    for (int64_t row = 0; row < rows; row++) {
        if (row) *out++ = ',';
        for (uint32_t i = 0; i < count; i++) {
            stored_column *c = columns + i;
            if (limit - out < MAX_LABEL + 2 * MARGIN) return 0;
            memcpy(out, c->label, 16);
            if (c->label_length > 16) memcpy(out + 16, c->label + 16, MAX_LABEL - 16);
            out += c->label_length;
            if (c->kind == NUMBER) {
                out = copy_number(out, &c->values, numbers.end, row + 1 == rows);
                if (!out) return 0;
            } else if (!(out = write_cell(out, limit, c, row))) {
                return 0;
            }
        }
        *out++ = '}';
    }
    *out++ = ']';
    return out;
}

/* Renders the JSON of the document in bytes [begin, length), with `as_columns` each table as one array a column. Returns
 * its size, or -1 when the document is incomplete or needs more than `capacity` bytes, of which the last 256 are used
 * for copying only. */
int64_t render_document(const char *bytes, int64_t begin, int64_t length, int64_t as_columns, char *out,
                        int64_t capacity) {
    reader from = {bytes + begin, bytes + length};
    char *first = out, *limit = out + capacity;
    while (from.at < from.end) {
        char kind = *from.at++;
        if (kind == 'T') {
            uint64_t size;
            const char *text;
            if (!read_bytes(&from, &size, 8) || !(text = skip_bytes(&from, size))) return -1;
            if ((uint64_t)(limit - out) < size + MARGIN) return -1;
            out = append(out, text, size);
        } else if (kind != 'R' || !(out = render_table(&from, out, limit, as_columns != 0))) {
            return -1;
        }
    }
    return out - first;
}

/* Size of structure `which`, in the order in which Python lists them; 0 after the last. */
int64_t abi_size(int64_t which) { return which == 0 ? (int64_t)sizeof(table_column) : 0; }
