/* Care for caches: verify and repair, restore, dedupe. Each is a job on its
 * root's lane that works with copies of what it needs, one after the other; a timer
 * looks at its counters while it runs. */
#include "core/app/repairing.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "core/app/builds.h"
#include "core/app/engines.h"
#include "core/app/hub.h"
#include "core/app/lanes.h"
#include "core/app/roots.h"
#include "core/app/scanning.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/check.h"
#include "core/cache/dedupe.h"
#include "core/cache/needed.h"
#include "core/cache/restore.h"
#include "core/cache/root.h"
#include "core/cache/verify.h"
#include "core/store/leaks.h"

/* A cache directory as a job sees it. */
struct place {
    char *id; /* of the row: its path */
    struct root *root;
    struct lane *lane;
    char *name;
    uint64_t dev, ino;
    int64_t exported_at; /* as it was shown */
};

struct care {
    struct job job; /* first: each is the other */
    struct bilge_care_ops ops;
    void *arg;
    struct place *places;
    size_t places_len, next; /* next: the one that the job works on */
    struct lane *lane;       /* that the job runs on */
    bool given_up;           /* it hangs: nobody waits for it any more */
    pid_t *own_sessions;
    bool asking;      /* whether builds run is being asked: the job has not begun */
    char *build_sign; /* that one does; NULL: none */
    atomic_bool cancel;
    atomic_llong done_bytes, total_bytes;

    /* verify */
    bool repair;
    struct verify_result verified;
    enum repair_act act;
    char *detail;
    /* restore */
    struct digest generation;
    char *tag; /* NULL: the cache's only one, or BuildKit's default */
    /* dedupe */
    struct dedupe_plan plan;
    int *codes;
    bool across_users;

    int code; /* of the job */
    struct err err;
};

struct repairing {
    struct hub *hub;
    struct store *store;
    struct lanes *lanes;
    struct roots *roots;
    struct scanning *scanning;
    struct engines *engines;
    struct builds *builds;
    struct care *care; /* under way; NULL: none */
    uv_timer_t timer;  /* looks at its progress while it runs */
};

static void care_verify(struct job *job);
static void care_restore(struct job *job);
static void care_dedupe(struct job *job);

#define PROGRESS_MS 200

/* Its root can't be opened any more, or never could. */
static int explain_place(const struct repairing *repairing, const struct service *row,
                         struct err *err)
{
    const struct site *site = roots_site(repairing->roots, row->path);
    if (site != NULL && site_err(site)->code < 0)
        return err_set(err, site_err(site)->code, "%s: %s", row->name, site_err(site)->text);
    return err_set(err, -EIO, "%s: %s", row->name,
                   row->cache->error != NULL ? row->cache->error
                                             : "its cache directory was not read");
}

static int place_init(struct repairing *repairing, const char *service_id, struct place *ret_place,
                      struct err *err)
{
    const struct service *row = store_service(repairing->store, service_id);
    struct lane *lane = NULL;
    if (row == NULL)
        return err_set(err, ERR_USAGE, "no such service: %s", service_id);
    if (row->path == NULL || row->cache == NULL)
        return err_set(err, ERR_USAGE, "%s has no cache directory", row->name);
    struct root *root = roots_open(repairing->roots, row->path, &lane);
    if (root == NULL)
        return explain_place(repairing, row, err);
    *ret_place = (struct place){
        .id = mem_strdup(row->id),
        .root = root,
        .lane = lane,
        .name = mem_strdup(row->cache->name),
        .dev = row->cache->dev,
        .ino = row->cache->ino,
        .exported_at = row->cache->last_export_at,
    };
    return 0;
}

static void care_free(struct care *care)
{
    for (size_t i = 0; i < care->places_len; i++) {
        free(care->places[i].id);
        root_release(care->places[i].root);
        free(care->places[i].name);
    }
    dedupe_done(&care->plan);
    free(care->places);
    free(care->own_sessions);
    free(care->build_sign);
    free(care->codes);
    free(care->tag);
    free(care);
}

/* ------------------------------------------------------------- on the loop */

static void on_timer(uv_timer_t *timer)
{
    struct repairing *repairing = timer->data;
    struct care *care = repairing->care;
    if (care->ops.on_progress != NULL && !hub_is_closing(repairing->hub))
        care->ops.on_progress(care->arg, atomic_load(&care->done_bytes),
                              atomic_load(&care->total_bytes));
}

static void begin(struct repairing *repairing, struct care *care)
{
    repairing->care = care;
    lanes_begin_change(repairing->lanes);
    uv_timer_start(&repairing->timer, on_timer, PROGRESS_MS, PROGRESS_MS);
}

/* Nobody waits for it any more. */
static void leave(struct repairing *repairing)
{
    repairing->care = NULL;
    lanes_end_change(repairing->lanes);
    uv_timer_stop(&repairing->timer);
}

static void finish(struct care *care)
{
    struct repairing *repairing = care->job.owner;
    if (!care->given_up) {
        leave(repairing);
    }
    if (!hub_is_closing(repairing->hub)) {
        for (size_t i = 0; i < care->places_len; i++)
            if (care->repair || care->job.run != care_verify)
                scanning_rescan(repairing->scanning, care->places[i].id, false);
        if (!care->given_up)
            care->ops.on_done(care->arg, care->code < 0 ? &care->err : NULL);
    }
    care_free(care);
}

/* The job goes on for itself, if it ever does. */
void repairing_look(struct repairing *repairing)
{
    struct care *care = repairing->care;
    struct err err;
    if (care == NULL || !lanes_hang(repairing->lanes, care->lane))
        return;
    const struct site *site = care->lane != lanes_common(repairing->lanes)
                                  ? roots_site(repairing->roots, care->places[care->next].id)
                                  : NULL;
    char *silence = site != NULL ? site_silence(site) : mem_strdup("a cache root does not answer");
    err_set(&err, ERR_TIMEOUT, "%s", silence);
    free(silence);
    care->given_up = true;
    atomic_store(&care->cancel, true);
    leave(repairing);
    care->ops.on_done(care->arg, &err);
}

static void report_verified(struct care *care)
{
    const struct bilge_verified verified = {
        .service_id = care->places[care->next].id,
        .result = &care->verified,
        .repaired = care->repair && care->code == 0,
        .act = care->act,
        .detail = care->detail,
        .err = care->code < 0 ? &care->err : NULL,
    };
    care->ops.on_verified(care->arg, &verified);
}

/* A cache that could not be verified or repaired does not keep the others from
 * it; only a stop does. */
static void verify_done_one(struct job *job, bool cancelled)
{
    struct care *care = (struct care *)job;
    struct repairing *repairing = job->owner;
    bool stopped = cancelled || hub_is_closing(repairing->hub) || care->given_up ||
                   care->code == ERR_CANCELLED;
    if (!stopped)
        report_verified(care);
    verify_done(&care->verified);
    free(care->detail);
    care->detail = NULL;
    care->next++;
    if (!stopped && care->next < care->places_len) {
        care->code = 0;
        care->lane = care->places[care->next].lane;
        job_start_on(care->lane, job);
        return;
    }
    if (!stopped)
        care->code = 0;
    finish(care);
}

static void other_done(struct job *job, bool cancelled)
{
    struct care *care = (struct care *)job;
    const struct repairing *repairing = job->owner;
    if (cancelled)
        care->code = err_set(&care->err, ERR_CANCELLED, "stopped");
    else if (care->codes != NULL && care->ops.on_linked != NULL &&
             !hub_is_closing(repairing->hub) && !care->given_up)
        care->ops.on_linked(care->arg, care->codes, care->plan.len);
    else if (care->job.run == care_restore && care->code == 0 && care->ops.on_restored != NULL &&
             !hub_is_closing(repairing->hub) && !care->given_up)
        care->ops.on_restored(care->arg, &care->generation);
    finish(care);
}

static struct care *care_new(struct repairing *repairing, const struct bilge_care_ops *ops,
                             void *arg, size_t places)
{
    struct care *care = mem_zalloc(sizeof *care);
    care->ops = *ops;
    care->arg = arg;
    care->places = mem_zalloc((places + 1) * sizeof *care->places);
    care->own_sessions = builds_sessions(repairing->builds);
    return care;
}

/* What an earlier removal left is dealt with: the request itself may begin. */
static void on_finished(void *arg)
{
    struct repairing *repairing = arg;
    struct care *care = repairing->care;
    if (hub_is_closing(repairing->hub))
        atomic_store(&care->cancel, true);
    job_start(repairing->hub, &care->job);
}

static void start(struct repairing *repairing, struct care *care, void (*run)(struct job *),
                  void (*done)(struct job *, bool))
{
    care->job.run = run;
    care->job.done = done;
    care->job.owner = repairing;
    begin(repairing, care);
    care->lane = care->places_len > 0 ? care->places[0].lane : lanes_common(repairing->lanes);
    for (size_t i = 1; i < care->places_len && run == care_dedupe; i++)
        if (care->places[i].lane != care->lane) /* links may go from one root to another */
            care->lane = lanes_common(repairing->lanes);
    if (run == care_verify && !care->repair) {
        job_start_on(care->lane, &care->job);
        return;
    }
    care->asking = true;
    engines_refresh_for_request(repairing->engines, NULL, false);
    hub_wake(repairing->hub);
}

/* What changes a cache goes by the same signs of a build as a prune. */
static void turn(void *owner)
{
    struct repairing *repairing = owner;
    struct care *care = repairing->care;
    if (care == NULL || !care->asking || engines_waited_for(repairing->engines))
        return;
    care->asking = false;
    care->build_sign = leaks_build_sign(repairing->store);
    scanning_finish(repairing->scanning, on_finished, repairing);
}

static int check(const struct repairing *repairing, bool changes, struct err *err)
{
    if (changes && repairing->store->read_only)
        return err_set(err, ERR_USAGE, "read-only: nothing is changed");
    if (repairing->care != NULL)
        return err_set(err, ERR_BUSY, "caches are being verified, restored or linked already");
    return 0;
}

int repairing_verify(struct repairing *repairing, const char *const *service_ids, size_t len,
                     bool repair, const struct bilge_care_ops *ops, void *arg, struct err *err)
{
    int code = check(repairing, repair, err);
    if (code < 0)
        return code;
    struct care *care = care_new(repairing, ops, arg, len);
    care->repair = repair;
    for (size_t i = 0; i < len && code == 0; i++) {
        code = place_init(repairing, service_ids[i], &care->places[i], err);
        care->places_len += code == 0;
    }
    if (code == 0 && len == 0)
        code = err_set(err, ERR_USAGE, "there is no cache to verify");
    if (code < 0) {
        care_free(care);
        return code;
    }
    start(repairing, care, care_verify, verify_done_one);
    return 0;
}

static bool has_live_tag(const struct cache *cache, const char *tag)
{
    size_t len = strlen(tag), part_len;
    for (size_t i = 0; i < cache->generations_len; i++) {
        const char *part, *next = cache->generations[i].live ? cache->generations[i].tag : NULL;
        while ((part = cache_next_tag(&next, &part_len)) != NULL)
            if (part_len == len && memcmp(part, tag, len) == 0)
                return true;
    }
    return false;
}

/* What the project's services write there, and so read, when it is one tag that is
 * live. The caller frees it. */
static char *find_tag(const struct service *row)
{
    const char *tag = NULL;
    for (size_t i = 0; i < row->users_len; i++) {
        if (!row->users[i].writes)
            continue;
        if (tag != NULL && strcmp(tag, row->users[i].tag) != 0)
            return NULL;
        tag = row->users[i].tag;
    }
    return tag != NULL && has_live_tag(row->cache, tag) ? mem_strdup(tag) : NULL;
}

int repairing_restore(struct repairing *repairing, const char *service_id,
                      const struct digest *generation, const struct bilge_care_ops *ops, void *arg,
                      struct err *err)
{
    int code = check(repairing, true, err);
    if (code < 0)
        return code;
    struct care *care = care_new(repairing, ops, arg, 1);
    code = place_init(repairing, service_id, &care->places[0], err);
    if (code < 0) {
        care_free(care);
        return code;
    }
    care->places_len = 1;
    const struct cache *cache = store_service(repairing->store, service_id)->cache;
    const char *why_not = cache_untouchable(cache);
    if (why_not != NULL) {
        care_free(care);
        return err_set(err, ERR_FOREIGN, "restoring %s: %s", cache->name, why_not);
    }
    uint32_t chosen = generation == NULL ? restore_choose(cache) : CACHE_NONE;
    if (generation == NULL && chosen == CACHE_NONE) {
        care_free(care);
        return err_set(err, ERR_USAGE, "%s has no earlier generation that is whole", cache->name);
    }
    care->generation = generation != NULL ? *generation : cache->generations[chosen].manifest;
    care->tag = find_tag(store_service(repairing->store, service_id));
    start(repairing, care, care_restore, other_done);
    return 0;
}

int repairing_dedupe(struct repairing *repairing, const char *const *service_ids, size_t len,
                     const struct dedupe_plan *plan, bool across_users,
                     const struct bilge_care_ops *ops, void *arg, struct err *err)
{
    int code = check(repairing, true, err);
    if (code < 0)
        return code;
    struct care *care = care_new(repairing, ops, arg, len);
    for (size_t i = 0; i < len && code == 0; i++) {
        code = place_init(repairing, service_ids[i], &care->places[i], err);
        care->places_len += code == 0;
    }
    if (code < 0) {
        care_free(care);
        return code;
    }
    care->plan = *plan;
    care->plan.items = mem_alloc((plan->len + 1) * sizeof *care->plan.items);
    memcpy(care->plan.items, plan->items, plan->len * sizeof *plan->items);
    care->codes = mem_alloc((plan->len + 1) * sizeof *care->codes);
    for (size_t i = 0; i < plan->len; i++) {
        care->codes[i] = ERR_CANCELLED;
        atomic_fetch_add(&care->total_bytes, plan->items[i].size_bytes);
    }
    care->across_users = across_users;
    start(repairing, care, care_dedupe, other_done);
    return 0;
}

void repairing_cancel(struct repairing *repairing)
{
    struct care *care = repairing->care;
    if (care == NULL)
        return;
    atomic_store(&care->cancel, true);
    if (!care->asking)
        return;
    care->asking = false; /* the job ends at once, as it is cancelled */
    if (hub_is_closing(repairing->hub))
        finish(care);
    else
        on_finished(repairing);
}

/* -------------------------------------------------------- beginning and end */

struct repairing *repairing_new(struct hub *hub, struct lanes *lanes, struct roots *roots,
                                struct scanning *scanning, struct engines *engines,
                                struct builds *builds)
{
    struct repairing *repairing = mem_alloc(sizeof *repairing);
    *repairing = (struct repairing){
        .hub = hub,
        .store = hub_store(hub),
        .lanes = lanes,
        .roots = roots,
        .scanning = scanning,
        .engines = engines,
        .builds = builds,
    };
    hub_set_turn(hub, TURN_CARE, turn, repairing);
    hub_timer_init(hub, &repairing->timer, repairing);
    return repairing;
}

void repairing_close(struct repairing *repairing)
{
    hub_timer_close(repairing->hub, &repairing->timer);
}

void repairing_free(struct repairing *repairing)
{
    free(repairing);
}

#define SETTLE_MS 500

static struct remove_context context_of(struct care *care, const struct place *place)
{
    return (struct remove_context){
        .root_fd = place->root->fd,
        .root_path = place->root->path,
        .name = place->name,
        .dev = place->dev,
        .ino = place->ino,
        .own_sessions = care->own_sessions,
        .build_sign = care->build_sign,
        .settle_ms = SETTLE_MS,
        .cancel = &care->cancel,
    };
}

static void count_verified(void *arg, int64_t checked_bytes, int64_t total_bytes)
{
    struct care *care = arg;
    atomic_store(&care->done_bytes, checked_bytes);
    atomic_store(&care->total_bytes, total_bytes);
}

/* They see the job only, which is a struct care; what became of it is in
 * `code` and `err`. care_verify() does the one cache that is `next`. */
static void care_verify(struct job *job)
{
    struct care *care = (struct care *)job;
    const struct place *place = &care->places[care->next];
    const struct verify_spec spec = {
        .root_fd = place->root->fd,
        .root_path = place->root->path,
        .name = place->name,
        .cancel = &care->cancel,
        .on_progress = count_verified,
        .arg = care,
    };
    care->code = verify_cache(&spec, &care->verified, &care->err);
    if (care->code == 0 && care->repair)
        care->code = root_check(place->root, &care->err);
    if (care->code == 0 && care->repair) {
        const struct remove_context context = context_of(care, place);
        care->code = repair_cache(&context, &care->verified, &care->act, &care->detail, &care->err);
    }
}

static void care_restore(struct job *job)
{
    struct care *care = (struct care *)job;
    const struct place *place = &care->places[0];
    struct remove_context context = context_of(care, place);
    context.exported_at = &place->exported_at;
    care->code = root_check(place->root, &care->err);
    if (care->code == 0)
        care->code = restore_generation(&context, &care->generation, care->tag, &care->err);
}

/* Still the directory that the plan was made of, a cache, and at rest? */
static int check_place(struct care *care, const struct place *place)
{
    const struct remove_context context = context_of(care, place);
    struct fs_stat stat;
    int cache_fd, code = root_check(place->root, NULL);
    if (code == 0)
        code = fs_open_dir(place->root->fd, place->name, &cache_fd, NULL);
    if (code < 0)
        return code;
    code = fs_stat_fd(cache_fd, &stat, NULL);
    if (code == 0 && (stat.dev != place->dev || stat.ino != place->ino))
        code = ERR_CHANGED;
    if (code == 0)
        code = needed_check_cache(cache_fd, NULL);
    if (code == 0)
        code = check_busy(&context, cache_fd, NULL);
    close(cache_fd);
    return code;
}

static int link_item(struct care *care, const struct dedupe_item *item, bool verified)
{
    const struct place *from = &care->places[item->from], *to = &care->places[item->to];
    const struct dedupe_place from_place = {from->root->fd, from->name};
    const struct dedupe_place to_place = {to->root->fd, to->name};
    return dedupe_link(item, &from_place, &to_place, verified, care->across_users, &care->cancel,
                       &care->err);
}

/* Items of one source stand together, so its content is hashed once; each place is
 * looked at once. */
static void care_dedupe(struct job *job)
{
    struct care *care = (struct care *)job;
    const struct dedupe_item *before = NULL;
    int *places = mem_alloc((care->places_len + 1) * sizeof *places);
    bool verified = false;
    for (size_t i = 0; i < care->places_len; i++)
        places[i] = check_place(care, &care->places[i]);
    for (size_t i = 0; i < care->plan.len && !atomic_load(&care->cancel); i++) {
        const struct dedupe_item *item = &care->plan.items[i];
        int code = places[item->from] < 0 ? places[item->from] : places[item->to];
        verified = verified && before->from_ino == item->from_ino && before->from == item->from &&
                   digest_equal(&before->digest, &item->digest);
        before = item;
        if (code == 0)
            code = link_item(care, item, verified);
        if (code == ERR_BUSY) /* another bilge is in it: each item would wait for its lock */
            places[item->to] = code;
        verified = verified || code == 0;
        care->codes[i] = code;
        atomic_fetch_add(&care->done_bytes, item->size_bytes);
    }
    free(places);
    care->code = atomic_load(&care->cancel) ? err_set(&care->err, ERR_CANCELLED, "stopped") : 0;
}
