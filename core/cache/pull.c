#include "core/cache/pull.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void pull_init(struct pull *json, const char *text, size_t len)
{
    *json = (struct pull){.at = text, .end = text + len};
}

static void fail(struct pull *json)
{
    json->failed = true;
    json->at = json->end;
}

/* The next byte that is no white space; NUL at the end. */
static char look(struct pull *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\n' || *json->at == '\t' || *json->at == '\r'))
        json->at++;
    return json->at < json->end ? *json->at : '\0';
}

static bool take(struct pull *json, char wanted)
{
    if (look(json) != wanted || json->at == json->end) {
        fail(json);
        return false;
    }
    json->at++;
    return true;
}

bool pull_ended(struct pull *json)
{
    look(json);
    return !json->failed && json->at == json->end;
}

enum pull_kind pull_kind(struct pull *json)
{
    switch (look(json)) {
    case '{':
        return PULL_OBJECT;
    case '[':
        return PULL_ARRAY;
    case '"':
        return PULL_STRING;
    case 't':
    case 'f':
    case 'n':
        return PULL_WORD;
    case '-':
    case '0' ... '9':
        return PULL_NUMBER;
    default:
        return PULL_BAD;
    }
}

void pull_enter(struct pull *json)
{
    look(json);
    json->at += json->at < json->end;
    json->fresh = true;
}

/* Past the comma before the next part; false at the closing bracket. */
static bool next_part(struct pull *json, char close)
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

bool pull_member(struct pull *json, struct pull_text *ret_name)
{
    if (!next_part(json, '}'))
        return false;
    *ret_name = pull_string(json);
    return take(json, ':');
}

bool pull_item(struct pull *json)
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
static int hex4(const char *at, const char *end)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = at + i < end ? hex_value(at[i]) : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Past what follows a backslash; false when it is no escape. */
static bool pass_escape(struct pull *json)
{
    json->at++;
    if (json->at == json->end)
        return false;
    char c = *json->at++;
    if (c == 'u') {
        bool good = hex4(json->at, json->end) >= 0;
        json->at += good ? 4 : 0;
        return good;
    }
    return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

struct pull_text pull_string(struct pull *json)
{
    struct pull_text text = {"", 0, false};
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

static size_t pass_digits(struct pull *json)
{
    const char *start = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    return (size_t)(json->at - start);
}

static bool pass(struct pull *json, const char *any)
{
    if (json->at == json->end || *json->at == '\0' || strchr(any, *json->at) == NULL)
        return false;
    json->at++;
    return true;
}

static bool is_whole(const char *digits, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (digits[i] < '0' || digits[i] > '9')
            return false;
    return true;
}

/* Sizes are nearly all that is read: strtod() takes its time. */
static double whole_number(const char *digits, size_t len)
{
    int64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (digits[i] - '0');
    return (double)value;
}

double pull_number(struct pull *json)
{
    char digits[64];
    look(json);
    const char *start = json->at;
    pass(json, "-");
    bool good = pass_digits(json) > 0;
    if (pass(json, "."))
        good = pass_digits(json) > 0 && good;
    if (pass(json, "eE")) {
        pass(json, "+-");
        good = pass_digits(json) > 0 && good;
    }
    size_t len = (size_t)(json->at - start);
    if (!good || len >= sizeof digits) {
        fail(json);
        return 0;
    }
    if (len < 16 && is_whole(start, len))
        return whole_number(start, len);
    memcpy(digits, start, len);
    digits[len] = '\0';
    return strtod(digits, NULL);
}

static void skip_word(struct pull *json)
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

static void skip_leaf(struct pull *json, enum pull_kind kind)
{
    if (kind == PULL_STRING)
        pull_string(json);
    else if (kind == PULL_NUMBER)
        pull_number(json);
    else if (kind == PULL_WORD)
        skip_word(json);
    else
        fail(json);
}

/* Depth takes a bit a level, not a stack frame. */
void pull_skip(struct pull *json)
{
    uint8_t objects[PULL_MAX_DEPTH / 8 + 1] = {0};
    struct pull_text name;
    size_t depth = 0;
    do {
        enum pull_kind kind = pull_kind(json);
        if (kind == PULL_OBJECT || kind == PULL_ARRAY) {
            if (++depth > PULL_MAX_DEPTH) {
                fail(json);
                return;
            }
            uint8_t bit = (uint8_t)(1u << (depth % 8));
            objects[depth / 8] = (uint8_t)(kind == PULL_OBJECT ? objects[depth / 8] | bit
                                                               : objects[depth / 8] & ~bit);
            pull_enter(json);
        } else {
            skip_leaf(json, kind);
        }
        while (depth > 0) {
            bool object = (objects[depth / 8] >> (depth % 8) & 1) != 0;
            if (object ? pull_member(json, &name) : pull_item(json))
                break;
            depth--;
        }
    } while (depth > 0 && !json->failed);
}

/* UTF-8 of one \u escape; pairs of surrogates stand for nothing that is asked
 * for here, and become '?'. */
static size_t put_utf8(char out[3], int value)
{
    if (value < 0x80) {
        out[0] = (char)value;
        return 1;
    }
    if (value >= 0xD800 && value < 0xE000) {
        out[0] = '?';
        return 1;
    }
    if (value < 0x800) {
        out[0] = (char)(0xC0 | value >> 6);
        out[1] = (char)(0x80 | (value & 0x3F));
        return 2;
    }
    out[0] = (char)(0xE0 | value >> 12);
    out[1] = (char)(0x80 | (value >> 6 & 0x3F));
    out[2] = (char)(0x80 | (value & 0x3F));
    return 3;
}

/* One character of the string, without its escape. *at moves on. */
static size_t take_character(const char **at, const char *end, char out[3])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    if (**at != '\\') {
        out[0] = *(*at)++;
        return 1;
    }
    char c = (*at)[1];
    *at += 2;
    if (c == 'u') {
        int value = hex4(*at, end);
        *at += 4;
        return put_utf8(out, value);
    }
    const char *found = strchr(from, c);
    out[0] = found != NULL ? to[found - from] : c;
    return 1;
}

bool pull_copy(const struct pull_text *text, char *out, size_t size)
{
    const char *at = text->at, *end = at + text->len;
    size_t len = 0;
    if (!text->escaped && text->len < size && memchr(at, '\0', text->len) == NULL) {
        memcpy(out, at, text->len);
        out[text->len] = '\0';
        return true;
    }
    while (at < end) {
        char piece[3];
        size_t piece_len = take_character(&at, end, piece);
        if (len + piece_len >= size || piece[0] == '\0')
            break;
        memcpy(out + len, piece, piece_len);
        len += piece_len;
        if (at == end) {
            out[len] = '\0';
            return true;
        }
    }
    out[len] = '\0';
    return text->len == 0;
}

bool pull_is(const struct pull_text *text, const char *word)
{
    char plain[128];
    if (!text->escaped)
        return text->len == strlen(word) && strncasecmp(text->at, word, text->len) == 0;
    return pull_copy(text, plain, sizeof plain) && strcasecmp(plain, word) == 0;
}
