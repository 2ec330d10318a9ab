/* Reading JSON of unknown origin: exact sizes, exact names, neutral values for
 * what is missing or of another type.
 *
 * cJSON's plain getters compare names without case, and its `valueint` stops
 * at 2 GiB: only these are used here. */
#ifndef BILGE_BASE_JSON_H
#define BILGE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "core/base/err.h"

/* One whole JSON object, and nothing but white space behind it; else NULL and
 * ERR_FORMAT, where `what` names the text for people. Free with cJSON_Delete(). */
cJSON *json_parse_object(const char *text, size_t len, const char *what, struct err *err);

/* NULL when it is missing, or when `object` is no object or NULL. */
const cJSON *json_get(const cJSON *object, const char *name);
/* Borrowed from the tree; `otherwise` when it is no string. */
const char *json_string(const cJSON *object, const char *name, const char *otherwise);
bool json_bool(const cJSON *object, const char *name);
/* Never negative; exact up to 2^53, the largest int64_t when it is larger
 * than that. 0 when it is no number. */
int64_t json_count(const cJSON *object, const char *name);
/* RFC 3339, as nanoseconds since 1970; 0 when it is no such text. */
int64_t json_time(const cJSON *object, const char *name);

#endif
