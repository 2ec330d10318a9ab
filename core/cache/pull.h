/* Reads JSON in one pass and builds nothing: a cache holds hundreds of
 * manifests, and each of their values would cost an allocation. The caller
 * steps through the text as its grammar leads; whatever is wrong with it sets
 * `failed`, after which all steps do nothing. */
#ifndef BILGE_CACHE_PULL_H
#define BILGE_CACHE_PULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PULL_MAX_DEPTH 1000

struct pull {
    const char *at, *end;
    bool failed;
    bool fresh; /* right behind an opening bracket */
};

/* A string between its quotes, in the text. */
struct pull_text {
    const char *at;
    size_t len;
    bool escaped; /* it holds backslashes */
};

enum pull_kind { PULL_BAD, PULL_OBJECT, PULL_ARRAY, PULL_STRING, PULL_NUMBER, PULL_WORD };

void pull_init(struct pull *json, const char *text, size_t len);
/* Nothing but white space is left, and nothing was wrong. */
bool pull_ended(struct pull *json);

/* What the next value is. */
enum pull_kind pull_kind(struct pull *json);
/* Steps into the object or array that comes next. */
void pull_enter(struct pull *json);
/* To the next member: its name; the value comes next. False when the object has
 * ended, and it is left then. */
bool pull_member(struct pull *json, struct pull_text *ret_name);
/* To the next item; false when the array has ended, and it is left then. */
bool pull_item(struct pull *json);
/* Take the value that comes next; it must be of that kind. */
struct pull_text pull_string(struct pull *json);
/* False, and the number is passed over, when it is no whole number or does not
 * fit. */
bool pull_integer(struct pull *json, int64_t *ret_value);
/* Passes over one value, whatever it is. */
void pull_skip(struct pull *json);

/* The very same word. */
bool pull_is(const struct pull_text *text, const char *word);
/* Another word that Go's reader, which BuildKit uses, would take for this one
 * where this one is the name of a member: the same without regard to case, as
 * Unicode folds it. */
bool pull_resembles(const struct pull_text *text, const char *word);
/* The string itself, cut to fit. Returns false when it was cut or holds NUL. */
bool pull_copy(const struct pull_text *text, char *out, size_t size);
/* The string itself, for the caller to free. NULL when it can't be told: it holds
 * NUL, invalid UTF-8, or half of a surrogate pair, for which Go reads another
 * character. */
char *pull_take(const struct pull_text *text);

#endif
