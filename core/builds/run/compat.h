/* Which way a build goes: the optimised one (BuildKit, local caches), or the
 * traditional one, as it was before: DOCKER_BUILDKIT=0 and, where there is one,
 * the compose file of the original Dockerfiles. Chosen by what the tools can
 * do, and said in one line. */
#ifndef BILGE_BUILDS_RUN_COMPAT_H
#define BILGE_BUILDS_RUN_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/builds/run/compose_tool.h"

enum compat_answer { COMPAT_UNKNOWN, COMPAT_YES, COMPAT_NO };

struct compat_facts {
    char engine[48];            /* its version; "" when it did not say */
    char api[16];               /* "1.45"; "" when it did not say */
    char buildx[48];            /* docker's plugin; "" without */
    bool told_plugins;          /* else an empty `buildx` means nothing */
    enum compat_answer exports; /* can the engine's own builder export local caches? */
    bool rootless;
    bool wsl1;          /* of this machine */
    bool other_builder; /* the build goes to another than the engine's own */
    int64_t free_bytes; /* of the engine's disk; -1: not known, or not on this machine */
};

/* Pure: what `docker info --format "{{json .}}"` says. Unknown stays unknown. */
void compat_read_info(struct compat_facts *facts, const char *json, size_t len);

struct compat_wish {
    bool traditional;     /* asked for */
    bool switched_off;    /* DOCKER_BUILDKIT=0 in our environment */
    bool wants_caches;    /* the project names local caches */
    const char *original; /* compat_original_file(); NULL: none */
    bool bare;            /* a copy of the compose file without caches can be built, bare.h */
};

struct compat_choice {
    bool traditional;
    bool bare; /* build the copy without caches */
    char *why; /* one line for people: what and why; the caller frees it */
};

/* Is a copy without caches what this tool and this builder need, when there are
 * no original Dockerfiles? Pure. */
bool compat_wants_bare(const struct tool *tool, const struct compat_facts *facts,
                       const struct compat_wish *wish);

/* Pure. */
struct compat_choice compat_choose(const struct tool *tool, const struct compat_facts *facts,
                                   const struct compat_wish *wish);

/* The compose file of the original Dockerfiles beside this one:
 * "docker-compose.test.yml" for "docker-compose.test-local.yml", else
 * "compose.original.yml" for "compose.yml". NULL when there is no such file.
 * `compose_file` NULL: what COMPOSE_FILE names, or compose finds from the
 * directory upwards, if that is one file. The caller frees it. */
char *compat_original_file(const char *compose_file, const char *directory);

/* Asks docker, and looks at this machine. on_done runs once, not before this
 * returns; a docker that does not answer leaves facts unknown. The probe frees
 * itself after on_done. `builder` NULL: the default one. */
struct compat_probe;
typedef void compat_done_cb(void *arg, const struct compat_facts *facts);
int compat_probe(uv_loop_t *loop, const char *builder, compat_done_cb *on_done, void *arg,
                 struct compat_probe **ret_probe, struct err *err);
/* on_done will not run. */
void compat_probe_cancel(struct compat_probe *probe);

#endif
