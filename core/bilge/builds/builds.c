/* Builds that bilge runs: who asked for one waits in the queue until its turn
 * has come.
 *
 *     bilge_build() ──► queued ──► running ──► over, in the store alone
 *                          └──► taken out
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/bilge/builds/builds_private.h"
#include "core/bilge/caches/caches.h"
#include "core/bilge/requests/requests.h"

/* Keys repeat. */
#define QUEUE_MAX 64

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
