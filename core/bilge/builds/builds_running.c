/* Builds that run. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/bilge/builds/builds_private.h"
#include "core/bilge/caches/caches.h"
#include "core/bilge/engines/engines.h"
#include "core/bilge/memory/memory.h"

void running_add(struct running **list, struct running *running)
{
    while (*list != NULL)
        list = &(*list)->next;
    running->next = NULL;
    *list = running;
}

void running_remove(struct running **list, const struct running *running)
{
    while (*list != running)
        list = &(*list)->next;
    *list = running->next;
}

struct running *running_find(struct running *list, uint64_t build_id)
{
    while (list != NULL && list->build->id != build_id)
        list = list->next;
    return list;
}

size_t running_count(const struct running *list)
{
    size_t len = 0;
    for (; list != NULL; list = list->next)
        len++;
    return len;
}

/* ---------------------------------------------------------------- asked by others */

pid_t *builds_sessions(const struct bilge *bilge)
{
    size_t len = 0;
    pid_t *sessions = mem_zalloc((running_count(bilge->running) + 1) * sizeof *sessions);
    for (const struct running *running = bilge->running; running != NULL; running = running->next)
        if (runner_session(running->runner) > 0)
            sessions[len++] = runner_session(running->runner);
    return sessions;
}

bool builds_concern(const struct bilge *bilge, const char *service)
{
    for (const struct running *running = bilge->running; running != NULL; running = running->next)
        if (build_has_service(running->build, service))
            return true;
    return false;
}

/* ------------------------------------------------------------------ callbacks */

static void on_progress(void *arg)
{
    struct running *running = arg;
    bilge_moved(running->bilge);
}

static void on_output(void *arg, const char *data, size_t len)
{
    struct running *running = arg;
    if (!running->bilge->closing)
        running->on_output(running->arg, data, len);
}

/* What the build has changed. */
static void look_again(struct bilge *bilge, const struct build *build)
{
    const struct store *store = bilge->store;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        if (row->in_project && row->path != NULL && build_has_service(build, row->name) &&
            roots_of(store, row->path) != NULL)
            caches_rescan(bilge, row->path, false);
    }
    engines_refresh(bilge);
    disks_refresh(bilge);
}

static void on_end(void *arg)
{
    struct running *running = arg;
    struct bilge *bilge = running->bilge;
    running_remove(&bilge->running, running);
    runner_free(running->runner);
    const struct build *build = running->build;
    recording_end(bilge, running->recording, build);
    free(running);
    if (bilge->closing) {
        bilge_close_if_idle(bilge);
        return;
    }
    excerpts_look(bilge, build);
    look_again(bilge, build);
    services_mark_builds(bilge);
    bilge_moved(bilge); /* the next one's turn */
}

static const struct runner_ops runner_ops = {
    .on_progress = on_progress,
    .on_end = on_end,
};
static const struct runner_ops runner_ops_with_output = {
    .on_progress = on_progress,
    .on_output = on_output,
    .on_end = on_end,
};

/* -------------------------------------------------------------------- start */

static bool wants_caches(const struct compose_project *project)
{
    for (size_t i = 0; project != NULL && i < project->services_len; i++)
        if (project->services[i].cache_to_len > 0)
            return true;
    return false;
}

struct runner_spec running_spec(const struct bilge *bilge, const struct build *build)
{
    const struct compose_project *project = bilge->store->project;
    return (struct runner_spec){
        .compose_file = build->compose_file != NULL ? build->compose_file : bilge->compose_file,
        .directory = project != NULL ? project->directory : NULL,
        .builder = bilge->builder,
        /* "default" may be DOCKER_HOST, and buildx knows it anyway. */
        .builder_is_context = bilge->builder != NULL && strcmp(bilge->builder, "default") != 0 &&
                              store_has_context(bilge->store, bilge->builder),
        .services = (const char *const *)build->services,
        .services_len = build->services_len,
        .no_cache = build->no_cache,
        .pull = build->pull,
        .build_args = strlist_texts(&build->build_args),
        .build_args_len = build->build_args.len,
        .profiles = strlist_texts(&build->profiles),
        .profiles_len = build->profiles.len,
        .traditional = build->traditional_asked,
        .automatic = true,
        .wants_caches = build->compose_file == NULL && wants_caches(project),
    };
}

int running_begin(struct running *running, struct err *err)
{
    struct bilge *bilge = running->bilge;
    struct build *build = running->build;
    struct runner_spec spec = running_spec(bilge, build);
    build_begin(build);
    int code = runner_start(bilge->loop, &spec, build,
                            running->on_output != NULL ? &runner_ops_with_output : &runner_ops,
                            running, &running->runner, err);
    if (code < 0) {
        free(running);
        return code;
    }
    running_add(&bilge->running, running);
    running->recording = recording_start(bilge, build);
    store_tidy_builds(bilge->store);
    services_mark_builds(bilge);
    disks_refresh(bilge);
    return 0;
}
