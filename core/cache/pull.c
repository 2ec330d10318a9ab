#include "core/cache/pull.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/cache/pull_private.h"

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

/* Past what follows a backslash; false when it is no escape. */
static bool pass_escape(struct pull *json)
{
    json->at++;
    if (json->at == json->end)
        return false;
    char c = *json->at++;
    if (c == 'u') {
        bool good = pull_hex4(json->at, json->end) >= 0;
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
