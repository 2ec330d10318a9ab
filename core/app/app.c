#include "core/bilge.h"

#include <stdlib.h>

#include "core/app/benching.h"
#include "core/app/builds.h"
#include "core/app/caches.h"
#include "core/app/engines.h"
#include "core/app/keeping.h"
#include "core/app/planning.h"
#include "core/base/mem.h"

#define LOG_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define DISK_AMBER_PERCENT 85
#define DISK_RED_PERCENT 95

/* ------------------------------------------------------- once a loop pass */

static void on_idle(uv_idle_t *idle)
{
    struct bilge *bilge = idle->data;
    /* Before anything else, so that whatever moves from here on starts it
     * again: that then runs in the next pass. */
    uv_idle_stop(idle);
    if (bilge->join_needed)
        services_join(bilge);
    owning_refresh(bilge, bilge->store->scanning);
    planning_step(bilge);
    if (!bilge->closing)
        pruning_step(bilge);
    if (!bilge->closing)
        care_step(bilge);
    if (!bilge->closing)
        examining_step(bilge);
    if (!bilge->closing)
        benching_step(bilge);
    memory_step(bilge);
    if (!bilge->closing)
        builds_step(bilge);
    if (!bilge->closing)
        bilge->on_change(bilge->arg);
}

void bilge_wake(struct bilge *bilge)
{
    if (!bilge->closing)
        uv_idle_start(&bilge->idle, on_idle);
}

void bilge_moved(struct bilge *bilge)
{
    store_touch(bilge->store);
    bilge_wake(bilge);
}

/* --------------------------------------------------------------------- jobs */

static void job_run(uv_work_t *work)
{
    struct job *job = work->data;
    job->run(job);
}

static void job_done(uv_work_t *work, int status)
{
    struct job *job = work->data;
    struct bilge *bilge = job->bilge;
    bilge->jobs--;
    job->done(job, status == UV_ECANCELED);
    bilge_close_if_idle(bilge);
}

static void job_run_on(struct lane_job *lane_job)
{
    struct job *job = (struct job *)lane_job;
    job->run(job);
}

static void job_done_on(struct lane_job *lane_job, bool cancelled)
{
    struct job *job = (struct job *)lane_job;
    job->done(job, cancelled);
}

/* While closing the lanes tell when they have come to rest. */
void job_start_on(struct bilge *bilge, struct lane *lane, struct job *job)
{
    job->bilge = bilge;
    job->lane_job.run = job_run_on;
    job->lane_job.told = NULL;
    job->lane_job.done = job_done_on;
    lane_add(lane, &job->lane_job);
}

void job_start(struct bilge *bilge, struct job *job)
{
    job->bilge = bilge;
    job->work.data = job;
    bilge->jobs++;
    uv_queue_work(bilge->loop, &job->work, job_run, job_done);
}

/* --------------------------------------------------------------------- open */

static void copy_build_options(struct bilge *bilge, const struct bilge_options *options)
{
    struct build_defaults *defaults = &bilge->build_defaults;
    strlist_add_all(&defaults->args, options->build_args, options->build_args_len);
    strlist_add_all(&defaults->profiles, options->build_profiles, options->build_profiles_len);
    defaults->pull = options->build_pull;
    defaults->no_cache = options->build_no_cache;
    defaults->parallel = options->build_parallel > 0 ? options->build_parallel : 1;
    bilge->log_max_bytes = options->log_max_bytes > 0 ? options->log_max_bytes : LOG_MAX_BYTES;
}

static struct threshold level_or(const struct threshold *level, int used_percent)
{
    bool given = level->used_percent > 0 || level->free_bytes > 0;
    return given ? *level : (struct threshold){.used_percent = used_percent};
}

static void copy_options(struct bilge *bilge, const struct bilge_options *options)
{
    strlist_add_all(&bilge->given_roots, options->cache_roots, options->cache_roots_len);
    copy_build_options(bilge, options);
    bilge->disk_amber = level_or(&options->disk_amber, DISK_AMBER_PERCENT);
    bilge->disk_red = level_or(&options->disk_red, DISK_RED_PERCENT);
    mem_replace(&bilge->compose_file, options->compose_file);
    mem_replace(&bilge->context, options->context);
    mem_replace(&bilge->docker_host, getenv("DOCKER_HOST"));
    mem_replace(&bilge->builder, options->builder);
    bilge->read_only = options->read_only;
    bilge->watching = options->watch;
    bilge->skip_caches = options->skip_caches;
    bilge->skip_engine = options->skip_engine;
    bilge->skip_project = options->skip_project;
    bilge->store->read_only = options->read_only;
    if (options->abandoned_after_s > 0)
        bilge->store->abandoned_after_s = options->abandoned_after_s;
    memory_open(bilge, options->history_path);
}

static void free_all(struct bilge *bilge)
{
    strlist_done(&bilge->given_roots);
    strlist_done(&bilge->build_defaults.args);
    strlist_done(&bilge->build_defaults.profiles);
    if (bilge->has_endpoint)
        endpoint_done(&bilge->endpoint);
    free(bilge->compose_file);
    free(bilge->context);
    free(bilge->docker_host);
    free(bilge->builder);
    memory_close(bilge);
    disks_close(bilge);
    roots_free(bilge);
    benching_free(bilge->benching);
    store_free(bilge->store);
    free(bilge);
}

/* What waits for nobody starts here; what needs the project's word starts when
 * the project has been read. */
static void start(struct bilge *bilge)
{
    struct store *store = bilge->store;
    store->builders_load = bilge->skip_engine ? LOAD_DONE : LOAD_PENDING;
    store->project_load = bilge->skip_project ? LOAD_DONE : LOAD_PENDING;
    store->recipes_load = store->project_load;
    disks_open(bilge);
    builds_open(bilge);
    contexts_read(bilge);
    if (!bilge->skip_caches && (bilge->given_roots.len > 0 || bilge->skip_project))
        roots_from_options(bilge);
    if (bilge->skip_project) {
        engines_list(bilge);
        projects_look(bilge);
    } else {
        project_load(bilge);
    }
    bilge_moved(bilge);
}

int bilge_open(uv_loop_t *loop, const struct bilge_options *options, bilge_change_cb *on_change,
               void *arg, struct bilge **ret_bilge, struct err *err)
{
    struct bilge *bilge = mem_zalloc(sizeof *bilge);
    bilge->loop = loop;
    bilge->store = store_new();
    bilge->on_change = on_change;
    bilge->arg = arg;
    copy_options(bilge, options);
    int code = bilge->skip_engine ? 0 : engines_open(bilge, err);
    if (code < 0) {
        free_all(bilge);
        return code;
    }
    contexts_lead_tools(bilge);
    uv_idle_init(loop, &bilge->idle);
    uv_timer_init(loop, &bilge->disk_timer);
    uv_timer_init(loop, &bilge->records_timer);
    uv_timer_init(loop, &bilge->care_timer);
    uv_timer_init(loop, &bilge->benching_timer);
    uv_timer_init(loop, &bilge->lane_timer);
    bilge->idle.data = bilge->disk_timer.data = bilge->records_timer.data = bilge;
    bilge->care_timer.data = bilge->benching_timer.data = bilge->lane_timer.data = bilge;
    bilge->open_handles = 6;
    bilge->lane = lane_new(loop, roots_turn, bilge);
    start(bilge);
    *ret_bilge = bilge;
    return 0;
}

const struct store *bilge_store(const struct bilge *bilge)
{
    return bilge->store;
}

void bilge_rescan(struct bilge *bilge, const char *service_id)
{
    if (service_id != NULL) {
        const struct service *service = store_service(bilge->store, service_id);
        if (service != NULL && service->path != NULL &&
            roots_of(bilge->store, service->path) != NULL)
            caches_rescan(bilge, service->path, false);
        return;
    }
    if (!bilge->skip_caches)
        caches_scan(bilge);
    if (!bilge->skip_project)
        project_load(bilge);
    if (!bilge->skip_engine) {
        contexts_read(bilge);
        engines_list(bilge);
        engines_refresh(bilge);
    }
    disks_refresh(bilge);
}

void bilge_look_at_disks(struct bilge *bilge)
{
    disks_refresh(bilge);
}

/* -------------------------------------------------------------------- close */

static void on_handle_closed(uv_handle_t *handle)
{
    struct bilge *bilge = handle->data;
    if (--bilge->open_handles > 0)
        return;
    void (*on_closed)(void *arg) = bilge->on_closed;
    void *arg = bilge->closed_arg;
    free_all(bilge);
    if (on_closed != NULL)
        on_closed(arg);
}

void bilge_close_if_idle(struct bilge *bilge)
{
    if (!bilge->closing || bilge->jobs > 0 || bilge->running != NULL ||
        uv_is_closing((uv_handle_t *)&bilge->idle) || !roots_at_rest(bilge) ||
        !pruning_is_over(bilge))
        return;
    pruning_leave(bilge);
    roots_close(bilge);
    engines_close(bilge);
    uv_close((uv_handle_t *)&bilge->idle, on_handle_closed);
    uv_close((uv_handle_t *)&bilge->disk_timer, on_handle_closed);
    uv_close((uv_handle_t *)&bilge->records_timer, on_handle_closed);
    uv_close((uv_handle_t *)&bilge->care_timer, on_handle_closed);
    uv_close((uv_handle_t *)&bilge->benching_timer, on_handle_closed);
    uv_close((uv_handle_t *)&bilge->lane_timer, on_handle_closed);
}

void bilge_close(struct bilge *bilge, void (*on_closed)(void *arg), void *arg)
{
    if (bilge->closing)
        return;
    bilge->closing = true;
    bilge->on_closed = on_closed;
    bilge->closed_arg = arg;
    uv_idle_stop(&bilge->idle);
    uv_timer_stop(&bilge->disk_timer);
    uv_timer_stop(&bilge->records_timer);
    planning_cancel(bilge);
    project_cancel(bilge);
    elsewhere_cancel(bilge);
    caches_cancel(bilge);
    builds_stop_all(bilge);
    pruning_cancel(bilge);
    bilge_care_cancel(bilge);
    examining_cancel(bilge);
    benching_close(bilge);
    bilge_close_if_idle(bilge);
}
