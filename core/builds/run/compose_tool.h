/* Which compose there is: docker's plugin, or docker-compose by itself. */
#ifndef BILGE_BUILDS_RUN_COMPOSE_TOOL_H
#define BILGE_BUILDS_RUN_COMPOSE_TOOL_H

#include <stdbool.h>

#include <uv.h>

#include "core/base/err.h"

struct tool {
    bool standalone;  /* "docker-compose", not "docker compose" */
    char version[48]; /* as it says; "" when it does not say it in a known way */
    int major, minor; /* 0 when not known */
};

/* "docker compose" or "docker-compose". */
const char *tool_name(const struct tool *tool);

/* Pure: the output of `version --short`. */
void tool_read_version(struct tool *tool, const char *text);

/* Does it give the engine's events on BUILDKIT_PROGRESS=rawjson? Compose does
 * since 2.26, the first one with buildx 0.13 built in. */
bool tool_knows_rawjson(const struct tool *tool);

/* Asks `docker compose version --short`, then `docker-compose …`. on_done gets
 * the tool (borrowed), or NULL and an error that says what is missing. It does
 * not run before this returns. -ENOENT at once when there is neither program.
 * The search frees itself after on_done. */
struct tool_search;
typedef void tool_done_cb(void *arg, const struct tool *tool, const struct err *err);
int tool_find(uv_loop_t *loop, tool_done_cb *on_done, void *arg, struct tool_search **ret_search,
              struct err *err);
/* on_done will not run. */
void tool_find_cancel(struct tool_search *search);

#endif
