/* A child process whose standard input and output are one stream of ours:
 * `docker system dial-stdio` and the like. It runs in a session of its own, so
 * nothing it starts (ssh) can ask on the user's terminal. */
#ifndef BILGE_ENGINE_DIAL_H
#define BILGE_ENGINE_DIAL_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "core/base/err.h"

struct dial;

/* Starts argv and opens `stream` (initialised, not yet open) on its other end.
 * -ENOENT: no such program. */
int dial_open(uv_loop_t *loop, const char *const *argv, uv_pipe_t *stream, struct dial **ret_dial,
              struct err *err);

/* The last line that it has written to its standard error so far, in *err as
 * ERR_PEER; false when there is none. */
bool dial_complaint(struct dial *dial, struct err *err);

/* Kills it if it still runs. The memory goes once it is reaped. */
void dial_free(struct dial *dial);

#endif
