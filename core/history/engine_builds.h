/* Builds that bilge did not run, as the engine remembers them: what
 * `docker buildx history ls --format json` prints, one object a line (buildx
 * since 0.22). Pure.
 *
 *   {"ref":"default/default/5p8z…","name":"api","status":"Completed",
 *    "created_at":"…Z","completed_at":"…Z","completed_steps":13,"cached_steps":0,…}
 */
#ifndef BILGE_HISTORY_ENGINE_BUILDS_H
#define BILGE_HISTORY_ENGINE_BUILDS_H

#include <stddef.h>

#include "core/history/history.h"

/* Rows with a `ref`, without steps; what is no such object is left out, so that
 * the help of a tool without that command gives none. Capped. The caller frees
 * them by history_builds_free(). */
struct history_build *engine_builds_parse(const char *text, size_t len, size_t *ret_len);

/* Leaves those of the others that are not the same build told by the engine:
 * one for each own row, of its service if there is one, that lies within its
 * time. Frees the rest, and says how many stay. */
size_t engine_builds_drop_known(const struct history_build *own, size_t own_len,
                                struct history_build *others, size_t others_len);

/* One list, the newest first, of at most `limit` rows: bilge's own, and those
 * of the others that engine_builds_drop_known() leaves. Takes the items of both arrays, and
 * frees those arrays. */
struct history_build *engine_builds_merge(struct history_build *own, size_t own_len,
                                          struct history_build *others, size_t others_len,
                                          size_t limit, size_t *ret_len);

#endif
