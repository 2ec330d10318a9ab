/* What the history says of a build; any thread. */
#ifndef BILGE_BILGE_JUDGING_H
#define BILGE_BILGE_JUDGING_H

#include <stdbool.h>

#include "core/base/strlist.h"
#include "core/builds/project/compose.h"
#include "core/history/history.h"

/* Fills kind, first_miss and why of a row that is not yet in the history.
 * `context` is where its COPYs take files from; NULL: not on this machine. */
void judge_build(struct history *history, struct history_build *row, const char *context,
                 bool no_cache);

/* "NAME=hash" lines of the arguments that a build of the service got: the
 * project's, unless those "NAME=value" that were given set them again. The
 * caller frees it. */
char *judge_args(const struct compose_service *service, const struct strlist *given);

#endif
