/* What went wrong with an engine, in words for people: what to look at, and
 * the fix where there is one. Pure. */
#ifndef BILGE_ENGINE_ENGINE_ERROR_H
#define BILGE_ENGINE_ENGINE_ERROR_H

#include "core/base/err.h"
#include "core/engine/endpoint.h"

/* `err` as http.h and api.h give it; `doing` is what was asked for: "its
 * records". *ret_err keeps the code. */
void engine_error_explain(const struct endpoint *endpoint, const char *doing, const struct err *err,
                          struct err *ret_err);

#endif
