/* The compose project: which services build, and where their caches go.
 * Read from `docker compose config --format json` (or `docker-compose`, which
 * has no JSON form before v2: then the project is not readable and says so).
 * Source: compose-spec build.md (cache_from, cache_to) and what compose 2.26
 * and 2.40 print. */
#ifndef BILGE_BUILDS_PROJECT_COMPOSE_H
#define BILGE_BUILDS_PROJECT_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/base/strlist.h"
#include "core/builds/project/recipe.h"

struct compose_service {
    char *name;
    char *context;           /* absolute path, or a URL; NULL: none given */
    char *dockerfile;        /* relative to the context, as written; NULL: inline */
    char *dockerfile_inline; /* its text, in place of a file; NULL: none */
    char *target;            /* NULL: the last stage */
    struct recipe_arg *args; /* of the build, without those that have no value */
    size_t args_len;
    char **cache_to;      /* dest= of the type=local entries, absolute */
    char **cache_to_tags; /* of each: its tag=, "latest" without one */
    size_t cache_to_len;
    char **cache_from; /* src= of the type=local entries, absolute */
    char **cache_from_tags;
    size_t cache_from_len;
    struct strlist leads_to; /* where those of these paths lead that are symbolic links */
    struct recipe *recipe;   /* what its Dockerfile says; NULL: not read (yet) */
};

struct compose_project {
    char *name;
    char *directory; /* absolute: where docker compose is run, dest paths are relative to it */
    struct compose_service *services; /* those that build, by name */
    size_t services_len;
    size_t services_without_build;
    char *text; /* the JSON that it was read from */
};

void compose_project_free(struct compose_project *project);

/* Where its Dockerfile is; NULL: not on this machine, or written into the
 * compose file. The caller frees it. */
char *compose_dockerfile(const struct compose_service *service);

/* Pure; any thread. `directory` resolves relative cache paths; "$$" becomes
 * "$". ERR_FORMAT when it is not compose's JSON. */
int compose_parse(const char *json, size_t len, const char *directory,
                  struct compose_project **ret_project, struct err *err);

#define COMPOSE_DEFAULT_TAG "latest" /* BuildKit's */

/* One entry of cache_to or cache_from: "type=local,dest=/x,mode=max" (CSV with
 * quotes as buildx reads it) or a bare image reference. Gives the value of
 * `key` when type=local, else NULL. */
char *compose_local_path(const char *entry, const char *key);
/* Could compose find a project from this directory: by COMPOSE_FILE, also in
 * .env, or by one of its file names here or above? Asking the tool itself costs
 * a tenth of a second. */
bool compose_in_sight(const char *directory);

/* The files that compose would read: `file`, else those that COMPOSE_FILE
 * names, else what compose of this version finds from the directory (NULL:
 * ours) upwards, with its override file. None when only .env names them. The
 * caller frees it. */
struct strlist compose_files(const char *file, const char *directory, bool version_1);

/* Runs `docker compose [-f file] config --format json` off the loop's way.
 * `file` and `directory` may be NULL (compose's own search; our directory).
 * on_done gets a project (gives) or an error in one line a person can act on:
 * no compose file, no compose plugin, what compose said of bad YAML. */
struct compose_load;
typedef void compose_done_cb(void *arg, struct compose_project *project, const struct err *err);
int compose_load(uv_loop_t *loop, const char *file, const char *directory, compose_done_cb *on_done,
                 void *arg, struct compose_load **ret_load, struct err *err);
/* on_done will not run. The load frees itself after on_done. */
void compose_load_cancel(struct compose_load *load);

#endif
