/* One prune of exact records through the engine's API: as many requests as
 * its ids need, one after the other. */
#ifndef BILGE_ENGINE_PRUNE_CALL_H
#define BILGE_ENGINE_PRUNE_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/engine/api.h"
#include "core/engine/http.h"

struct prune_call;

/* Once. What was deleted before an error is in `pruned` too (borrowed). The
 * call is gone afterwards. */
typedef void prune_call_cb(void *arg, const struct api_pruned *pruned, const struct err *err);

/* Borrows the target; copies the ids. ERR_USAGE when there are none or when
 * one is not a record id. No callback before it returns. */
int prune_call_start(uv_loop_t *loop, const struct http_target *target, struct api_version version,
                     const char *const *ids, size_t ids_len, bool all, prune_call_cb *on_done,
                     void *arg, struct prune_call **ret_call, struct err *err);

/* No callback any more. What the engine has begun, it may still finish. */
void prune_call_cancel(struct prune_call *call);

/* What was deleted so far; borrowed. */
const struct api_pruned *prune_call_pruned(const struct prune_call *call);

#endif
