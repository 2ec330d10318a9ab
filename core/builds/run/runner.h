/* Runs `docker compose build` and feeds a struct build with what it prints. */
#ifndef BILGE_BUILDS_RUN_RUNNER_H
#define BILGE_BUILDS_RUN_RUNNER_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/builds/build.h"

struct bare;
struct runner;

struct runner_spec {
    const char *compose_file; /* NULL: compose's own search */
    const char *directory;    /* working directory; NULL: ours */
    const struct bare *bare;  /* copies to build instead of compose_file; NULL: none */
    const char *builder;      /* BUILDX_BUILDER; NULL: not set */
    bool builder_is_context;  /* it is a docker context, and no other builder */
    const char *const *services;
    size_t services_len;
    const char *const *profiles; /* of compose; none: what COMPOSE_PROFILES says */
    size_t profiles_len;
    bool no_cache;
    bool pull;                     /* look for newer base images */
    const char *const *build_args; /* "NAME=value" */
    size_t build_args_len;
    bool traditional; /* without BuildKit, as before it: DOCKER_BUILDKIT=0 */
    /* Look at what docker can do first, and go the traditional way when the
     * optimised one is closed: see compat.h. */
    bool automatic;
    bool wants_caches; /* the project names local caches */
};

struct runner_ops {
    /* The build has moved (at most once per chunk of output). */
    void (*on_progress)(void *arg);
    /* Raw output as it came; may be NULL. */
    void (*on_output)(void *arg, const char *data, size_t len);
    /* Once; state, exit status and reason stand in the build. runner_free()
     * may be called from it. */
    void (*on_end)(void *arg);
};

/* `build` is borrowed until runner_free(); its way, command and tool are filled
 * in when the choice is made. The environment gets DOCKER_BUILDKIT=1,
 * COMPOSE_DOCKER_CLI_BUILD=1, the traditional way 0 for both, and the compose
 * file of the original Dockerfiles where one stands beside. The format of the progress is
 * the best that the tool can do: events, plain, or the traditional builder's.
 * -ENOENT: no docker. */
int runner_start(uv_loop_t *loop, const struct runner_spec *spec, struct build *build,
                 const struct runner_ops *ops, void *arg, struct runner **ret_runner,
                 struct err *err);
/* The command in words, for build.command. The caller frees it. */
char *runner_command(const struct runner_spec *spec);
/* First call SIGINT to the group, second SIGTERM, then SIGKILL; if it is still
 * there after 2.5 s, the next one is sent by itself. */
void runner_stop(struct runner *runner);
/* The session id of the child, for busy_building_client(). */
int runner_session(const struct runner *runner);
void runner_free(struct runner *runner);

#endif
