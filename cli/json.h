/* Writes JSON as it goes, without a tree in memory: a builder can have a
 * hundred thousand records. Integers are exact, times are RFC 3339, strings
 * are always valid UTF-8 and hold no byte that a terminal would act on. */
#ifndef BILGE_CLI_JSON_H
#define BILGE_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;    /* errors stay in it, for ferror() */
    bool follows; /* a value stands before the next one: it needs a comma */
};

/* `key` is NULL inside an array and for the outermost value. It is a constant
 * of ours and is written as it is. */
void json_put_object(struct json *json, const char *key);
void json_put_object_end(struct json *json);
void json_put_array(struct json *json, const char *key);
void json_put_array_end(struct json *json);
void json_put_int(struct json *json, const char *key, int64_t value);
void json_put_bool(struct json *json, const char *key, bool value);
/* Raw bytes of any origin; NULL gives null. Bytes that are no UTF-8 become
 * U+FFFD; control characters and those that change how text is drawn are
 * written as \uNNNN. */
void json_put_text(struct json *json, const char *key, const char *text);
/* Nanoseconds since 1970; 0 gives null. */
void json_put_time(struct json *json, const char *key, int64_t at);

#endif
