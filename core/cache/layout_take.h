/* What the documents of a layout have in common: how they begin and end, and the
 * values that stand in all of them. Private to layout.c and cacheconfig.c. */
#ifndef BILGE_CACHE_LAYOUT_TAKE_H
#define BILGE_CACHE_LAYOUT_TAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/cache/cache.h"
#include "core/cache/pull.h"

/* Steps into the document, which must be an object. ERR_LIMIT, ERR_FORMAT. */
int layout_begin(struct pull *json, const char *text, size_t len, struct err *err);
/* Returns ERR_FORMAT. */
int layout_bad_json(struct err *err);

/* Passes over the value if it is of another kind. */
bool layout_is_next(struct pull *json, enum pull_kind wanted);
/* Passes over the value; 0 when it is no time. */
int64_t layout_take_time(struct pull *json);
/* Passes over the value; false when it is no digest. */
bool layout_take_digest(struct pull *json, struct digest *ret_digest);

#endif
