#include "core/oci/json_reader.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

void json_reader_init(struct json_reader *json, const char *text, size_t len)
{
    *json = (struct json_reader){.at = text, .end = text + len};
}

static void fail(struct json_reader *json)
{
    json->failed = true;
    json->at = json->end;
}

/* The next byte that is no white space; NUL at the end. */
static char look(struct json_reader *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\n' || *json->at == '\t' || *json->at == '\r'))
        json->at++;
    return json->at < json->end ? *json->at : '\0';
}

static bool take(struct json_reader *json, char wanted)
{
    if (look(json) != wanted || json->at == json->end) {
        fail(json);
        return false;
    }
    json->at++;
    return true;
}

bool json_reader_ended(struct json_reader *json)
{
    look(json);
    return !json->failed && json->at == json->end;
}

enum json_reader_kind json_reader_kind(struct json_reader *json)
{
    switch (look(json)) {
    case '{':
        return JSON_READER_OBJECT;
    case '[':
        return JSON_READER_ARRAY;
    case '"':
        return JSON_READER_STRING;
    case 't':
    case 'f':
    case 'n':
        return JSON_READER_WORD;
    case '-':
    case '0' ... '9':
        return JSON_READER_NUMBER;
    default:
        return JSON_READER_BAD;
    }
}

void json_reader_enter(struct json_reader *json)
{
    look(json);
    json->at += json->at < json->end;
    json->fresh = true;
}

/* Past the comma before the next part; false at the closing bracket. */
static bool next_part(struct json_reader *json, char close)
{
    bool fresh = json->fresh;
    json->fresh = false;
    if (json->failed)
        return false;
    if (look(json) == close && json->at < json->end) {
        json->at++;
        return false;
    }
    return fresh || take(json, ',');
}

bool json_reader_member(struct json_reader *json, struct json_reader_text *ret_name)
{
    if (!next_part(json, '}'))
        return false;
    *ret_name = json_reader_string(json);
    return take(json, ':');
}

bool json_reader_item(struct json_reader *json)
{
    return next_part(json, ']');
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The four digits of a \u; -1: they are none. */
static int32_t read_hex4(const char *at, const char *end)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = at + i < end ? hex_value(at[i]) : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Past what follows a backslash; false when it is no escape. */
static bool pass_escape(struct json_reader *json)
{
    json->at++;
    if (json->at == json->end)
        return false;
    char c = *json->at++;
    if (c == 'u') {
        bool good = read_hex4(json->at, json->end) >= 0;
        json->at += good ? 4 : 0;
        return good;
    }
    return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

struct json_reader_text json_reader_string(struct json_reader *json)
{
    struct json_reader_text text = {"", 0, false};
    if (!take(json, '"'))
        return text;
    text.at = json->at;
    for (;;) {
        while (json->at < json->end && is_plain(*json->at))
            json->at++;
        if (json->at == json->end || *json->at != '\\')
            break;
        text.escaped = true;
        if (!pass_escape(json)) {
            json->at = json->end;
            break;
        }
    }
    text.len = (size_t)(json->at - text.at);
    if (json->at < json->end && *json->at == '"')
        json->at++;
    else
        fail(json);
    return text;
}

static size_t pass_digits(struct json_reader *json)
{
    const char *start = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    return (size_t)(json->at - start);
}

static bool pass(struct json_reader *json, const char *any)
{
    if (json->at == json->end || *json->at == '\0' || strchr(any, *json->at) == NULL)
        return false;
    json->at++;
    return true;
}

/* Past a number of any form: whether it is written as a whole one. */
static bool pass_number(struct json_reader *json)
{
    bool whole = true;
    look(json);
    pass(json, "-");
    const char *start = json->at;
    bool good = pass_digits(json) > 0 && (json->at - start == 1 || *start != '0');
    if (pass(json, ".")) {
        good = pass_digits(json) > 0 && good;
        whole = false;
    }
    if (pass(json, "eE")) {
        pass(json, "+-");
        good = pass_digits(json) > 0 && good;
        whole = false;
    }
    if (!good)
        fail(json);
    return whole;
}

bool pull_integer(struct json_reader *json, int64_t *ret_value)
{
    look(json);
    const char *at = json->at;
    int64_t value = 0;
    if (!pass_number(json) || json->failed)
        return false;
    bool negative = *at == '-';
    for (at += negative; at < json->at; at++) {
        int digit = *at - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *ret_value = negative ? value : -value;
    return true;
}

static void skip_word(struct json_reader *json)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(json->end - json->at) >= len && memcmp(json->at, words[i], len) == 0) {
            json->at += len;
            return;
        }
    }
    fail(json);
}

static void skip_leaf(struct json_reader *json, enum json_reader_kind kind)
{
    if (kind == JSON_READER_STRING)
        json_reader_string(json);
    else if (kind == JSON_READER_NUMBER)
        pass_number(json);
    else if (kind == JSON_READER_WORD)
        skip_word(json);
    else
        fail(json);
}

/* Depth takes a bit a level, not a stack frame. */
void json_reader_skip(struct json_reader *json)
{
    uint8_t objects[JSON_READER_MAX_DEPTH / 8 + 1] = {0};
    struct json_reader_text name;
    size_t depth = 0;
    do {
        enum json_reader_kind kind = json_reader_kind(json);
        if (kind == JSON_READER_OBJECT || kind == JSON_READER_ARRAY) {
            if (++depth > JSON_READER_MAX_DEPTH) {
                fail(json);
                return;
            }
            uint8_t bit = (uint8_t)(1u << (depth % 8));
            objects[depth / 8] = (uint8_t)(kind == JSON_READER_OBJECT ? objects[depth / 8] | bit
                                                                      : objects[depth / 8] & ~bit);
            json_reader_enter(json);
        } else {
            skip_leaf(json, kind);
        }
        while (depth > 0) {
            bool object = (objects[depth / 8] >> (depth % 8) & 1) != 0;
            if (object ? json_reader_member(json, &name) : json_reader_item(json))
                break;
            depth--;
        }
    } while (depth > 0 && !json->failed);
}

/* ---- what a string means */

static size_t put_utf8(char out[4], uint32_t rune)
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    size_t len = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; rune >>= 6)
        out[i] = (char)(0x80 | (rune & 0x3F));
    out[0] = (char)((0xF00u >> len) | rune);
    return len;
}

/* The digits of a \u, and of a second one when they are a pair of surrogates.
 * False: half of a pair, which stands for nothing. */
static bool take_escaped_rune(const char **at, const char *end, uint32_t *ret_rune)
{
    int32_t high = read_hex4(*at, end);
    *at += 4;
    *ret_rune = (uint32_t)high;
    if (high < 0xD800 || high >= 0xE000)
        return true;
    int32_t low =
        end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' ? read_hex4(*at + 2, end) : -1;
    if (high >= 0xDC00 || low < 0xDC00 || low >= 0xE000)
        return false;
    *at += 6;
    *ret_rune = 0x10000 + ((uint32_t)(high - 0xD800) << 10 | (uint32_t)(low - 0xDC00));
    return true;
}

/* One byte of the string, or one character that was escaped; *at moves on. Its
 * length; '?', and *ret_odd is set, for half of a surrogate pair. */
static size_t take_piece(const char **at, const char *end, char out[4], bool *ret_odd)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    if (**at != '\\') {
        out[0] = *(*at)++;
        return 1;
    }
    char c = (*at)[1];
    *at += 2;
    if (c == 'u') {
        uint32_t rune;
        bool good = take_escaped_rune(at, end, &rune);
        *ret_odd = *ret_odd || !good;
        return put_utf8(out, good ? rune : '?');
    }
    const char *found = strchr(from, c);
    out[0] = found != NULL ? to[found - from] : c;
    return 1;
}

bool json_reader_copy(const struct json_reader_text *text, char *out, size_t size)
{
    const char *at = text->at, *end = at + text->len;
    size_t len = 0;
    bool odd = false;
    if (!text->escaped && text->len < size && memchr(at, '\0', text->len) == NULL) {
        memcpy(out, at, text->len);
        out[text->len] = '\0';
        return true;
    }
    while (at < end) {
        char piece[4];
        size_t piece_len = take_piece(&at, end, piece, &odd);
        if (len + piece_len >= size || piece[0] == '\0') {
            out[len] = '\0';
            return false;
        }
        memcpy(out + len, piece, piece_len);
        len += piece_len;
    }
    out[len] = '\0';
    return true;
}

static bool is_utf8(const char *text, size_t len)
{
    uint32_t rune;
    for (size_t at = 0, size; at < len; at += size) {
        size = text_decode(text + at, len - at, &rune);
        if (size == 0 || rune == 0)
            return false;
    }
    return true;
}

char *pull_take(const struct json_reader_text *text)
{
    const char *at = text->at, *end = at + text->len;
    struct buf buf = {0};
    bool odd = false;
    while (at < end) {
        char piece[4];
        buf_append(&buf, piece, take_piece(&at, end, piece, &odd));
    }
    if (!odd && is_utf8(buf.data, buf.len))
        return buf_take(&buf);
    buf_done(&buf);
    return NULL;
}

bool json_reader_is(const struct json_reader_text *text, const char *word)
{
    char plain[128];
    if (!text->escaped)
        return strncmp(word, text->at, text->len) == 0 && word[text->len] == '\0';
    return json_reader_copy(text, plain, sizeof plain) && strcmp(plain, word) == 0;
}

/* Two letters beyond ASCII fold to one of it: long s, and the sign for kelvin. */
static size_t fold(const char *at, char *ret_folded)
{
    static const char long_s[] = "\u017f", kelvin[] = "\u212a";
    bool is_s = strncmp(at, long_s, sizeof long_s - 1) == 0;
    bool is_k = strncmp(at, kelvin, sizeof kelvin - 1) == 0;
    *ret_folded = is_s                       ? 's'
                  : is_k                     ? 'k'
                  : *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a')
                                             : *at;
    return is_s ? sizeof long_s - 1 : is_k ? sizeof kelvin - 1 : 1;
}

bool pull_resembles(const struct json_reader_text *text, const char *word)
{
    char plain[128];
    if (!json_reader_copy(text, plain, sizeof plain) || strcmp(plain, word) == 0)
        return false;
    const char *at = plain;
    for (; *at != '\0' && *word != '\0'; word++) {
        char one, two;
        at += fold(at, &one);
        fold(word, &two);
        if (one != two)
            return false;
    }
    return *at == '\0' && *word == '\0';
}
