/* Reads JSON in one pass and builds nothing: a cache holds hundreds of
 * manifests, and each of their values would cost an allocation. The caller
 * steps through the text as its grammar leads; whatever is wrong with it sets
 * `failed`, after which all steps do nothing. */
#ifndef BILGE_OCI_JSON_READER_H
#define BILGE_OCI_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_READER_MAX_DEPTH 1000

struct json_reader {
    const char *at, *end;
    bool failed;
    bool fresh; /* right behind an opening bracket */
};

/* A string between its quotes, in the text. */
struct json_reader_text {
    const char *at;
    size_t len;
    bool escaped; /* it holds backslashes */
};

enum json_reader_kind {
    JSON_READER_BAD,
    JSON_READER_OBJECT,
    JSON_READER_ARRAY,
    JSON_READER_STRING,
    JSON_READER_NUMBER,
    JSON_READER_WORD
};

void json_reader_init(struct json_reader *json, const char *text, size_t len);
/* Nothing but white space is left, and nothing was wrong. */
bool json_reader_ended(struct json_reader *json);

/* What the next value is. */
enum json_reader_kind json_reader_kind(struct json_reader *json);
/* Steps into the object or array that comes next. */
void json_reader_enter(struct json_reader *json);
/* To the next member: its name; the value comes next. False when the object has
 * ended, and it is left then. */
bool json_reader_member(struct json_reader *json, struct json_reader_text *ret_name);
/* To the next item; false when the array has ended, and it is left then. */
bool json_reader_item(struct json_reader *json);
/* Take the value that comes next; it must be of that kind. */
struct json_reader_text json_reader_string(struct json_reader *json);
/* False, and the number is passed over, when it is no whole number or does not
 * fit. */
bool pull_integer(struct json_reader *json, int64_t *ret_value);
/* Passes over one value, whatever it is. */
void json_reader_skip(struct json_reader *json);

/* The very same word. */
bool json_reader_is(const struct json_reader_text *text, const char *word);
/* Another word that Go's reader, which BuildKit uses, would take for this one
 * where this one is the name of a member: the same without regard to case, as
 * Unicode folds it. */
bool pull_resembles(const struct json_reader_text *text, const char *word);
/* The string itself, cut to fit. Returns false when it was cut or holds NUL. */
bool json_reader_copy(const struct json_reader_text *text, char *out, size_t size);
/* The string itself, for the caller to free. NULL when it can't be told: it holds
 * NUL, invalid UTF-8, or half of a surrogate pair, for which Go reads another
 * character. */
char *pull_take(const struct json_reader_text *text);

#endif
