/* Builds that bilge runs: who asked for one waits in the queue until its turn
 * has come.
 *
 *     builds_ask() ──► queued ──► running ──► over, in the store alone
 *                          └──► taken out
 */
#include "core/app/builds.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/hub.h"
#include "core/app/project.h"
#include "core/app/recording.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/builds/log/logblock.h"
#include "core/builds/run/runner.h"

#define LOG_MAX_BYTES ((size_t)64 * 1024 * 1024)

/* What every build gets, besides what it is started with. */
struct defaults {
    struct strlist args, profiles;
    bool pull, no_cache;
    int parallel; /* so many run at once, from 1 */
};

struct builds {
    struct hub *hub;
    struct store *store;
    struct recorder *recorder;
    struct builds_ops ops;
    void *arg;
    struct defaults defaults;
    size_t log_max_bytes;
    char *log_directory;     /* NULL: nothing is kept but in memory */
    char *compose_file;      /* NULL: compose's own search */
    char *builder;           /* NULL: the default one */
    struct running *running; /* in the order of their start */
    struct running *queued;  /* in the order of their turn */
    uint64_t last_id;
    bool held;
};

/* A build that waits or runs. */
struct running {
    struct running *next;
    struct builds *builds;
    struct build *build;   /* the store's */
    struct runner *runner; /* NULL: it waits */
    struct recording *recording;
    void (*on_output)(void *arg, const char *data, size_t len);
    void *arg;
};

static int running_begin(struct running *running, struct err *err);
static struct runner_spec running_spec(const struct builds *builds, const struct build *build);
static void builds_spill(const struct builds *builds, struct buildlog *log);

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

static void number_places(struct builds *builds)
{
    size_t place = 0;
    for (struct running *running = builds->queued; running != NULL; running = running->next)
        running->build->place = ++place;
}

/* For good: it runs then, or can't. */
static int leave_queue(struct running *running, struct err *err)
{
    running_remove(&running->builds->queued, running);
    number_places(running->builds);
    return running_begin(running, err);
}

static bool has_its_turn(const struct builds *builds, const struct running *running)
{
    /* The removal would take our builds for somebody else's. */
    return running_count(builds->running) < (size_t)builds->defaults.parallel && !builds->held &&
           !is_beside(running, builds->running, NULL) &&
           !is_beside(running, builds->queued, running);
}

/* Starts those whose turn has come. */
static void turn(void *owner)
{
    struct builds *builds = owner;
    struct running *next;
    for (struct running *running = builds->queued; running != NULL; running = next) {
        struct build *build = running->build;
        struct err err;
        next = running->next;
        if (!has_its_turn(builds, running) || leave_queue(running, &err) == 0)
            continue;
        build_set_error(build, err.text, strlen(err.text));
        build_end(build, BUILD_FAILED, 127, clock_mono_ms());
        hub_moved(builds->hub);
    }
}

/* -------------------------------------------------------------------- asking */

static int check_project(const struct builds *builds, struct err *err)
{
    const struct store *store = builds->store;
    if (builds->store->read_only)
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

static int check_services(const struct builds *builds, const char *const *services, size_t len,
                          struct err *err)
{
    const struct compose_project *project = builds->store->project;
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

static int check_queue(const struct builds *builds, const struct build *build, struct err *err)
{
    if (running_count(builds->queued) >= QUEUE_MAX)
        return err_set(err, ERR_BUSY, "%d builds are waiting already", QUEUE_MAX);
    for (const struct running *other = builds->queued; other != NULL; other = other->next)
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
static void merge_args(struct strlist *args, const struct defaults *defaults,
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
    struct builds *builds = arg;
    hub_moved(builds->hub);
}

static struct build *make_build(struct builds *builds, const char *const *services,
                                size_t services_len, const struct bilge_build_options *options)
{
    const struct compose_project *project = builds->store->project;
    const struct defaults *defaults = &builds->defaults;
    /* All of a project with one service is that service: newer composes do not
     * name it in their output. */
    const char *only =
        project != NULL && project->services_len == 1 ? project->services[0].name : NULL;
    bool all_is_one = services_len == 0 && only != NULL;
    struct build *build = build_new(++builds->last_id, all_is_one ? &only : services,
                                    all_is_one ? 1 : services_len, "", builds->log_max_bytes);
    build->state = BUILD_QUEUED;
    bool own = options->compose_file != NULL; /* then exactly what was asked for */
    build->no_cache = options->no_cache || (defaults->no_cache && !own);
    build->pull = options->pull || (defaults->pull && !own);
    mem_replace(&build->compose_file, options->compose_file);
    mem_replace(&build->kind, options->kind);
    build->traditional_asked = options->traditional;
    merge_args(&build->build_args, defaults, options);
    strlist_add_all(&build->profiles, strlist_texts(&defaults->profiles), defaults->profiles.len);
    struct runner_spec spec = running_spec(builds, build);
    free(build->command);
    build->command = runner_command(&spec);
    builds_spill(builds, build->log);
    buildlog_on_loaded(build->log, on_loaded, builds);
    return build;
}

/* One that can begin at once, but can't be started, is no build. */
static int enqueue(struct builds *builds, struct build *build,
                   const struct bilge_build_options *options, struct err *err)
{
    struct running *running = mem_zalloc(sizeof *running);
    uint64_t id = build->id;
    running->builds = builds;
    running->build = build;
    running->on_output = options->on_output;
    running->arg = options->arg;
    running_add(&builds->queued, running);
    number_places(builds);
    store_add_build(builds->store, build);
    int code = has_its_turn(builds, running) ? leave_queue(running, err) : 0;
    if (code < 0)
        store_remove_build(builds->store, id);
    hub_moved(builds->hub);
    return code;
}

int builds_ask(struct builds *builds, const char *const *services, size_t services_len,
               const struct bilge_build_options *options, uint64_t *ret_build_id, struct err *err)
{
    int code = check_project(builds, err);
    if (code == 0)
        code = check_services(builds, services, services_len, err);
    if (code < 0)
        return code;
    struct build *build = make_build(builds, services, services_len, options);
    uint64_t id = build->id;
    code = check_queue(builds, build, err);
    if (code < 0) {
        build_free(build);
        return code;
    }
    code = enqueue(builds, build, options, err);
    if (code == 0)
        *ret_build_id = id;
    return code;
}

int builds_ask_again(struct builds *builds, uint64_t build_id, uint64_t *ret_build_id,
                     struct err *err)
{
    const struct build *build = store_build(builds->store, build_id);
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
    int code = builds_ask(builds, (const char *const *)build->services, build->services_len,
                          &options, ret_build_id, err);
    if (code == 0 && running_find(builds->running, build_id) != NULL)
        builds_stop(builds, build_id);
    return code;
}

/* ------------------------------------------------------------------ stopping */

static void take_out(struct running *running)
{
    struct builds *builds = running->builds;
    running_remove(&builds->queued, running);
    number_places(builds);
    store_remove_build(builds->store, running->build->id);
    free(running);
}

void builds_stop(struct builds *builds, uint64_t build_id)
{
    struct running *running = running_find(builds->running, build_id);
    struct running *waiting = running_find(builds->queued, build_id);
    if (running != NULL)
        runner_stop(running->runner);
    if (waiting != NULL)
        take_out(waiting);
    if (waiting != NULL)
        builds->ops.on_withdrawn(builds->arg);
    hub_moved(builds->hub);
}

void builds_hold(struct builds *builds, bool hold)
{
    builds->held = hold;
}

void builds_stop_all(struct builds *builds)
{
    struct running *next;
    while (builds->queued != NULL)
        take_out(builds->queued);
    for (struct running *running = builds->running; running != NULL; running = next) {
        next = running->next; /* on_end may run at once */
        runner_stop(running->runner);
    }
}

/* ---------------------------------------------------------------- asked by others */

bool builds_run(const struct builds *builds)
{
    return builds->running != NULL;
}

bool builds_wait(const struct builds *builds)
{
    return builds->queued != NULL;
}

pid_t *builds_sessions(const struct builds *builds)
{
    size_t len = 0;
    pid_t *sessions = mem_zalloc((running_count(builds->running) + 1) * sizeof *sessions);
    for (const struct running *running = builds->running; running != NULL; running = running->next)
        if (runner_session(running->runner) > 0)
            sessions[len++] = runner_session(running->runner);
    return sessions;
}

bool builds_concern(const struct builds *builds, const char *service)
{
    for (const struct running *running = builds->running; running != NULL; running = running->next)
        if (build_has_service(running->build, service))
            return true;
    return false;
}

/* ------------------------------------------------------------------ callbacks */

static void on_progress(void *arg)
{
    struct running *running = arg;
    hub_moved(running->builds->hub);
}

static void on_output(void *arg, const char *data, size_t len)
{
    struct running *running = arg;
    if (!hub_is_closing(running->builds->hub))
        running->on_output(running->arg, data, len);
}

static void on_end(void *arg)
{
    struct running *running = arg;
    struct builds *builds = running->builds;
    running_remove(&builds->running, running);
    runner_free(running->runner);
    const struct build *build = running->build;
    recording_end(running->recording, build);
    free(running);
    if (hub_is_closing(builds->hub)) {
        hub_rest(builds->hub);
        return;
    }
    recorder_excerpt(builds->recorder, build);
    builds->ops.on_over(builds->arg, build);
    hub_moved(builds->hub); /* the next one's turn */
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

static struct runner_spec running_spec(const struct builds *builds, const struct build *build)
{
    const struct compose_project *project = builds->store->project;
    return (struct runner_spec){
        .compose_file = build->compose_file != NULL ? build->compose_file : builds->compose_file,
        .directory = project != NULL ? project->directory : NULL,
        .builder = builds->builder,
        /* "default" may be DOCKER_HOST, and buildx knows it anyway. */
        .builder_is_context = builds->builder != NULL && strcmp(builds->builder, "default") != 0 &&
                              store_has_context(builds->store, builds->builder),
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
    struct builds *builds = running->builds;
    struct build *build = running->build;
    struct runner_spec spec = running_spec(builds, build);
    build_begin(build);
    int code = runner_start(hub_loop(builds->hub), &spec, build,
                            running->on_output != NULL ? &runner_ops_with_output : &runner_ops,
                            running, &running->runner, err);
    if (code < 0) {
        free(running);
        return code;
    }
    running_add(&builds->running, running);
    running->recording = recording_start(builds->recorder, build);
    store_tidy_builds(builds->store);
    builds->ops.on_begun(builds->arg);
    return 0;
}

/* Where logs go that memory has no room for: into a file without a name, in the
 * state directory. */

struct sweep {
    struct job job;
    char *directory;
};

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

static void start_sweep(struct builds *builds)
{
    struct sweep *sweep = mem_zalloc(sizeof *sweep);
    sweep->job.run = sweep_run;
    sweep->job.done = sweep_done;
    sweep->directory = mem_strdup(builds->log_directory);
    job_start(builds->hub, &sweep->job);
}

/* Lets the log have its file. */
static void builds_spill(const struct builds *builds, struct buildlog *log)
{
    if (builds->log_directory != NULL)
        buildlog_spill_to(log, hub_loop(builds->hub), builds->log_directory);
}

/* -------------------------------------------------------- beginning and end */

static void copy_defaults(struct defaults *defaults, const struct bilge_options *options)
{
    strlist_add_all(&defaults->args, options->build_args, options->build_args_len);
    strlist_add_all(&defaults->profiles, options->build_profiles, options->build_profiles_len);
    defaults->pull = options->build_pull;
    defaults->no_cache = options->build_no_cache;
    defaults->parallel = options->build_parallel > 0 ? options->build_parallel : 1;
}

struct builds *builds_new(struct hub *hub, struct recorder *recorder,
                          const struct bilge_options *options, const struct builds_ops *ops,
                          void *arg)
{
    struct builds *builds = mem_zalloc(sizeof *builds);
    builds->hub = hub;
    builds->store = hub_store(hub);
    builds->recorder = recorder;
    builds->ops = *ops;
    builds->arg = arg;
    builds->log_max_bytes = options->log_max_bytes > 0 ? options->log_max_bytes : LOG_MAX_BYTES;
    copy_defaults(&builds->defaults, options);
    hub_set_turn(hub, TURN_BUILD, turn, builds);
    mem_replace(&builds->compose_file, options->compose_file);
    mem_replace(&builds->builder, options->builder);
    /* A command that looks once never reads old lines again. */
    if (options->watch && options->history_path != NULL)
        builds->log_directory = path_parent(options->history_path);
    if (builds->log_directory != NULL)
        start_sweep(builds);
    return builds;
}

void builds_free(struct builds *builds)
{
    strlist_done(&builds->defaults.args);
    strlist_done(&builds->defaults.profiles);
    free(builds->log_directory);
    free(builds->compose_file);
    free(builds->builder);
    free(builds);
}
