/* Builds that bilge runs: who asked for one waits in the queue until its turn
 * has come.
 *
 *     bilge_build() ──► queued ──► running ──► over, in the store alone
 *                          └──► taken out
 */

#include "core/app/builds.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/app.h"
#include "core/app/disks.h"
#include "core/app/engines.h"
#include "core/app/project.h"
#include "core/app/pruning.h"
#include "core/app/recording.h"
#include "core/app/scanning.h"
#include "core/app/services.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/builds/log/logblock.h"

/* A build that waits or runs. */
struct running {
    struct running *next;
    struct bilge *bilge;
    struct build *build; /* the store's */
    struct runner *runner; /* NULL: it waits */
    struct recording *recording;
    void (*on_output)(void *arg, const char *data, size_t len);
    void *arg;
};

static int running_begin(struct running *running, struct err *err);
static struct runner_spec running_spec(const struct bilge *bilge, const struct build *build);
static void builds_spill(const struct bilge *bilge, struct buildlog *log);

/* Keys repeat. */
#define QUEUE_MAX 64

/* ------------------------------------------------------------------ the lists */

static void running_add(struct running **list, struct running *running)
{
    while (*list != NULL)
        list = &(*list)->next;
    running->next = NULL;
    *list = running;
}

static void running_remove(struct running **list, const struct running *running)
{
    while (*list != running)
        list = &(*list)->next;
    *list = running->next;
}

static struct running *running_find(struct running *list, uint64_t build_id)
{
    while (list != NULL && list->build->id != build_id)
        list = list->next;
    return list;
}

static size_t running_count(const struct running *list)
{
    size_t len = 0;
    for (; list != NULL; list = list->next)
        len++;
    return len;
}

/* ----------------------------------------------------------------- the queue */

/* Does it have a service in common with one of these, the list up to `end`? */
static bool is_beside(const struct running *running, const struct running *list,
                      const struct running *end)
{
    const struct build *build = running->build;
    for (; list != end; list = list->next) {
        bool common = build->services_len == 0 || list->build->services_len == 0;
        for (size_t i = 0; i < build->services_len && !common; i++)
            common = build_has_service(list->build, build->services[i]);
        if (common)
            return true;
    }
    return false;
}

static void number_places(struct bilge *bilge)
{
    size_t place = 0;
    for (struct running *running = bilge->queued; running != NULL; running = running->next)
        running->build->place = ++place;
}

/* For good: it runs then, or can't. */
static int leave_queue(struct running *running, struct err *err)
{
    running_remove(&running->bilge->queued, running);
    number_places(running->bilge);
    return running_begin(running, err);
}

static bool has_its_turn(const struct bilge *bilge, const struct running *running)
{
    /* The removal would take our builds for somebody else's. */
    return running_count(bilge->running) < (size_t)bilge->build_defaults.parallel &&
           !pruning_caches(bilge) && !is_beside(running, bilge->running, NULL) &&
           !is_beside(running, bilge->queued, running);
}

void builds_step(struct bilge *bilge)
{
    struct running *next;
    for (struct running *running = bilge->queued; running != NULL; running = next) {
        struct build *build = running->build;
        struct err err;
        next = running->next;
        if (!has_its_turn(bilge, running) || leave_queue(running, &err) == 0)
            continue;
        build_set_error(build, err.text, strlen(err.text));
        build_end(build, BUILD_FAILED, 127, clock_mono_ms());
        bilge_moved(bilge);
    }
}

/* -------------------------------------------------------------------- asking */

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
    const struct compose_project *project = bilge->store->project;
    for (size_t i = 0; i < len; i++)
        if (project != NULL && !is_in_project(project, services[i]))
            return err_set(err, ERR_USAGE, "the project builds no service %s", services[i]);
    return 0;
}

static bool is_same(const struct build *a, const struct build *b)
{
    bool same = a->services_len == b->services_len && a->no_cache == b->no_cache &&
                a->pull == b->pull && a->traditional_asked == b->traditional_asked &&
                strlist_equal(&a->build_args, &b->build_args) &&
                strlist_equal(&a->profiles, &b->profiles);
    for (size_t i = 0; i < a->services_len && same; i++)
        same = strcmp(a->services[i], b->services[i]) == 0;
    return same;
}

static int check_queue(const struct bilge *bilge, const struct build *build, struct err *err)
{
    if (running_count(bilge->queued) >= QUEUE_MAX)
        return err_set(err, ERR_BUSY, "%d builds are waiting already", QUEUE_MAX);
    for (const struct running *other = bilge->queued; other != NULL; other = other->next)
        if (is_same(build, other->build))
            return err_set(err, ERR_BUSY, "the same build waits already");
    return 0;
}

static bool sets_same(const char *first, const char *second)
{
    size_t len = strcspn(first, "=");
    return strncmp(first, second, len) == 0 && (second[len] == '=' || second[len] == '\0');
}

/* What every build gets, without what this one sets itself; then that. */
static void merge_args(struct strlist *args, const struct build_defaults *defaults,
                       const struct bilge_build_options *options)
{
    for (size_t i = 0; i < defaults->args.len; i++) {
        bool again = false;
        for (size_t k = 0; k < options->build_args_len; k++)
            again |= sets_same(defaults->args.items[i], options->build_args[k]);
        if (!again)
            strlist_add(args, defaults->args.items[i]);
    }
    strlist_add_all(args, options->build_args, options->build_args_len);
}

static void on_loaded(void *arg)
{
    bilge_moved(arg);
}

static struct build *make_build(struct bilge *bilge, const char *const *services,
                                size_t services_len, const struct bilge_build_options *options)
{
    const struct compose_project *project = bilge->store->project;
    const struct build_defaults *defaults = &bilge->build_defaults;
    /* All of a project with one service is that service: newer composes do not
     * name it in their output. */
    const char *only = project != NULL && project->services_len == 1 ? project->services[0].name
                                                                     : NULL;
    bool all_is_one = services_len == 0 && only != NULL;
    struct build *build = build_new(++bilge->last_build_id, all_is_one ? &only : services,
                                    all_is_one ? 1 : services_len, "", bilge->log_max_bytes);
    build->state = BUILD_QUEUED;
    bool own = options->compose_file != NULL; /* then exactly what was asked for */
    build->no_cache = options->no_cache || (defaults->no_cache && !own);
    build->pull = options->pull || (defaults->pull && !own);
    mem_replace(&build->compose_file, options->compose_file);
    mem_replace(&build->kind, options->kind);
    build->traditional_asked = options->traditional;
    merge_args(&build->build_args, defaults, options);
    strlist_add_all(&build->profiles, strlist_texts(&defaults->profiles), defaults->profiles.len);
    struct runner_spec spec = running_spec(bilge, build);
    free(build->command);
    build->command = runner_command(&spec);
    builds_spill(bilge, build->log);
    buildlog_on_loaded(build->log, on_loaded, bilge);
    return build;
}

/* One that can begin at once, but can't be started, is no build. */
static int enqueue(struct bilge *bilge, struct build *build,
                   const struct bilge_build_options *options, struct err *err)
{
    struct running *running = mem_zalloc(sizeof *running);
    uint64_t id = build->id;
    running->bilge = bilge;
    running->build = build;
    running->on_output = options->on_output;
    running->arg = options->arg;
    running_add(&bilge->queued, running);
    number_places(bilge);
    store_add_build(bilge->store, build);
    int code = has_its_turn(bilge, running) ? leave_queue(running, err) : 0;
    if (code < 0)
        store_remove_build(bilge->store, id);
    bilge_moved(bilge);
    return code;
}

int bilge_build(struct bilge *bilge, const char *const *services, size_t services_len,
                const struct bilge_build_options *options, uint64_t *ret_build_id, struct err *err)
{
    int code = check_project(bilge, err);
    if (code == 0)
        code = check_services(bilge, services, services_len, err);
    if (code < 0)
        return code;
    struct build *build = make_build(bilge, services, services_len, options);
    uint64_t id = build->id;
    code = check_queue(bilge, build, err);
    if (code < 0) {
        build_free(build);
        return code;
    }
    code = enqueue(bilge, build, options, err);
    if (code == 0)
        *ret_build_id = id;
    return code;
}

int bilge_build_again(struct bilge *bilge, uint64_t build_id, uint64_t *ret_build_id,
                      struct err *err)
{
    const struct build *build = store_build(bilge->store, build_id);
    if (build == NULL)
        return err_set(err, ERR_USAGE, "that build is gone");
    const struct bilge_build_options options = {
        .no_cache = build->no_cache,
        .pull = build->pull,
        .build_args = strlist_texts(&build->build_args),
        .build_args_len = build->build_args.len,
        .traditional = build->traditional_asked,
        .compose_file = build->compose_file,
        .kind = build->kind,
    };
    int code = bilge_build(bilge, (const char *const *)build->services, build->services_len,
                           &options, ret_build_id, err);
    if (code == 0 && running_find(bilge->running, build_id) != NULL)
        bilge_build_stop(bilge, build_id);
    return code;
}

/* ------------------------------------------------------------------ stopping */

static void take_out(struct running *running)
{
    struct bilge *bilge = running->bilge;
    running_remove(&bilge->queued, running);
    number_places(bilge);
    store_remove_build(bilge->store, running->build->id);
    free(running);
}

void bilge_build_stop(struct bilge *bilge, uint64_t build_id)
{
    struct running *running = running_find(bilge->running, build_id);
    struct running *waiting = running_find(bilge->queued, build_id);
    if (running != NULL)
        runner_stop(running->runner);
    if (waiting != NULL)
        take_out(waiting);
    if (waiting != NULL)
        services_mark_builds(bilge);
    bilge_moved(bilge);
}

void builds_stop_all(struct bilge *bilge)
{
    struct running *next;
    while (bilge->queued != NULL)
        take_out(bilge->queued);
    for (struct running *running = bilge->running; running != NULL; running = next) {
        next = running->next; /* on_end may run at once */
        runner_stop(running->runner);
    }
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
            store_root_of(store, row->path) != NULL)
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

static struct runner_spec running_spec(const struct bilge *bilge, const struct build *build)
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

/* Starts it; it is in none of the lists yet, and then in those that run. Else it is
 * freed, but for the build. */
static int running_begin(struct running *running, struct err *err)
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

/* Where logs go that memory has no room for: into a file without a name, in the
 * state directory. */

struct sweep {
    struct job job;
    char *directory;
};

/* NULL: nothing is kept. A command that looks once never reads old lines again. */
static char *directory_of(const struct bilge *bilge)
{
    const char *path = bilge->memory.path;
    return bilge->watching && path != NULL ? path_parent(path) : NULL;
}

static void sweep_run(struct job *job)
{
    logfile_sweep(((struct sweep *)job)->directory);
}

static void sweep_done(struct job *job, bool cancelled)
{
    struct sweep *sweep = (struct sweep *)job;
    (void)cancelled;
    free(sweep->directory);
    free(sweep);
}

void builds_open(struct bilge *bilge)
{
    char *directory = directory_of(bilge);
    if (directory == NULL)
        return;
    struct sweep *sweep = mem_zalloc(sizeof *sweep);
    sweep->job.run = sweep_run;
    sweep->job.done = sweep_done;
    sweep->directory = directory;
    job_start(bilge, &sweep->job);
}

/* Lets the log have its file. */
static void builds_spill(const struct bilge *bilge, struct buildlog *log)
{
    char *directory = directory_of(bilge);
    if (directory != NULL)
        buildlog_spill_to(log, bilge->loop, directory);
    free(directory);
}
