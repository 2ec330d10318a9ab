/* Builds that bilge runs. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/bilge/parts.h"

struct running {
    struct running *next;
    struct bilge *bilge;
    struct build *build; /* the store's */
    struct runner *runner;
    struct recording *recording;
    void (*on_output)(void *arg, const char *data, size_t len);
    void *arg;
};

/* ---------------------------------------------------------------- asked by others */

pid_t *builds_sessions(const struct bilge *bilge)
{
    size_t len = 0;
    for (const struct running *running = bilge->running; running != NULL; running = running->next)
        len++;
    pid_t *sessions = mem_zalloc((len + 1) * sizeof *sessions);
    len = 0;
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
    struct running *running = arg, **at;
    struct bilge *bilge = running->bilge;
    for (at = &bilge->running; *at != running; at = &(*at)->next)
        continue;
    *at = running->next;
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

/* --------------------------------------------------------------------- start */

static int check_project(const struct bilge *bilge, struct err *err)
{
    const struct store *store = bilge->store;
    if (bilge->read_only)
        return err_set(err, ERR_USAGE, "read-only: nothing is built");
    if (store->project_load == LOAD_PENDING)
        return err_set(err, ERR_BUSY, "the compose file is still being read");
    if (store->project == NULL && !store->project_unreadable)
        return err_set(err, ERR_UNSUPPORTED, "%s",
                       store->project_error != NULL ? store->project_error
                                                    : "there is no compose project");
    /* The removal takes our builds for somebody else's. */
    if (pruning_caches(bilge))
        return err_set(err, ERR_BUSY, "a removal is under way: build when it is over");
    return 0;
}

static bool is_in_project(const struct compose_project *project, const char *service)
{
    for (size_t i = 0; i < project->services_len; i++)
        if (strcmp(project->services[i].name, service) == 0)
            return true;
    return false;
}

static int check_services(const struct bilge *bilge, const char *const *services, size_t len,
                          struct err *err)
{
    if (len == 0 && bilge->running != NULL)
        return err_set(err, ERR_BUSY, "a build is running");
    const struct compose_project *project = bilge->store->project;
    for (size_t i = 0; i < len; i++) {
        if (project != NULL && !is_in_project(project, services[i]))
            return err_set(err, ERR_USAGE, "the project builds no service %s", services[i]);
        if (builds_concern(bilge, services[i]))
            return err_set(err, ERR_BUSY, "%s is being built", services[i]);
    }
    return 0;
}

static bool wants_caches(const struct compose_project *project)
{
    for (size_t i = 0; project != NULL && i < project->services_len; i++)
        if (project->services[i].cache_to_len > 0)
            return true;
    return false;
}

static bool sets_same(const char *first, const char *second)
{
    size_t len = strcspn(first, "=");
    return strncmp(first, second, len) == 0 && (second[len] == '=' || second[len] == '\0');
}

/* What every build gets, without what this one sets itself; then that. The
 * caller frees the array alone. */
static const char **merge_args(const struct build_defaults *defaults,
                               const struct bilge_build_options *options, size_t *ret_len)
{
    size_t len = 0;
    const char **args =
        mem_alloc((defaults->args_len + options->build_args_len + 1) * sizeof *args);
    for (size_t i = 0; i < defaults->args_len; i++) {
        bool again = false;
        for (size_t k = 0; k < options->build_args_len; k++)
            again |= sets_same(defaults->args[i], options->build_args[k]);
        if (!again)
            args[len++] = defaults->args[i];
    }
    for (size_t i = 0; i < options->build_args_len; i++)
        args[len++] = options->build_args[i];
    *ret_len = len;
    return args;
}

/* Older lines go to a file in the state directory. A command that looks once
 * never reads them again. */
static void spill_beside_history(const struct bilge *bilge, struct buildlog *log)
{
    const char *path = bilge->memory.path;
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    if (!bilge->watching || slash == NULL)
        return;
    char *directory = mem_strndup(path, (size_t)(slash - path));
    buildlog_spill_to(log, bilge->loop, directory);
    free(directory);
}

int bilge_build(struct bilge *bilge, const char *const *services, size_t services_len,
                const struct bilge_build_options *options, uint64_t *ret_build_id, struct err *err)
{
    int code = check_project(bilge, err);
    if (code == 0)
        code = check_services(bilge, services, services_len, err);
    if (code < 0)
        return code;
    const struct compose_project *project = bilge->store->project;
    const struct build_defaults *defaults = &bilge->build_defaults;
    struct runner_spec spec = {
        .compose_file = bilge->compose_file,
        .directory = project != NULL ? project->directory : NULL,
        .builder = bilge->builder,
        .services = services,
        .services_len = services_len,
        .profiles = (const char *const *)defaults->profiles,
        .profiles_len = defaults->profiles_len,
        .no_cache = options->no_cache || defaults->no_cache,
        .pull = options->pull || defaults->pull,
        .traditional = options->traditional,
        .automatic = true,
        .wants_caches = wants_caches(project),
    };
    const char **args = merge_args(defaults, options, &spec.build_args_len);
    spec.build_args = args;
    struct running *running = mem_zalloc(sizeof *running);
    running->bilge = bilge;
    running->on_output = options->on_output;
    running->arg = options->arg;
    char *command = runner_command(&spec);
    /* All of a project with one service is that service: newer composes do not
     * name it in their output. */
    const char *const only[] = {
        project != NULL && project->services_len == 1 ? project->services[0].name : NULL};
    bool all_is_one = services_len == 0 && only[0] != NULL;
    running->build = build_new(++bilge->last_build_id, all_is_one ? only : services,
                               all_is_one ? 1 : services_len, command,
                               bilge->log_max_bytes);
    free(command);
    running->build->no_cache = spec.no_cache;
    spill_beside_history(bilge, running->build->log);
    code = runner_start(bilge->loop, &spec, running->build,
                        options->on_output != NULL ? &runner_ops_with_output : &runner_ops, running,
                        &running->runner, err);
    free(args);
    if (code < 0) {
        build_free(running->build);
        free(running);
        return code;
    }
    running->next = bilge->running;
    bilge->running = running;
    *ret_build_id = running->build->id;
    store_add_build(bilge->store, running->build);
    running->recording = recording_start(bilge, running->build);
    services_mark_builds(bilge);
    disks_refresh(bilge);
    return 0;
}

void bilge_build_stop(struct bilge *bilge, uint64_t build_id)
{
    for (struct running *running = bilge->running; running != NULL; running = running->next) {
        if (running->build->id != build_id)
            continue;
        runner_stop(running->runner);
        bilge_moved(bilge);
        return;
    }
}

void builds_stop_all(struct bilge *bilge)
{
    struct running *next;
    for (struct running *running = bilge->running; running != NULL; running = next) {
        next = running->next; /* on_end may run at once */
        runner_stop(running->runner);
    }
}
