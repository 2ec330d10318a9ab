#include "cli/relief.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/bilge.h"
#include "core/prune/query.h"

/* What comes back is what the disk says, which may be less than was planned. */
#define ROUNDS_MAX 3

/* --------------------------------------------------------------- the disks */

static bool is_looked_at(void *arg)
{
    const struct relief *relief = arg;
    return relief->session->store->disks_at >= relief->looked_at;
}

static int look(struct relief *relief, struct err *err)
{
    relief->looked_at = clock_now();
    bilge_look_at_disks(relief->session->bilge);
    if (session_wait(relief->session, is_looked_at, relief, 0) == SESSION_INTERRUPTED)
        return err_set(err, ERR_CANCELLED, "interrupted");
    return 0;
}

/* A disk that is no larger than what is to stay free can't have it, whatever is
 * deleted: it is left alone. */
int64_t relief_missing(const struct relief *relief, const struct disk *disk)
{
    if (disk->total_bytes <= relief->wants.keep_free_bytes)
        return 0;
    int64_t missing = relief->wants.keep_free_bytes - disk->free_bytes;
    return missing > 0 ? missing : 0;
}

bool relief_is_short(const struct relief *relief)
{
    const struct store *store = relief->session->store;
    for (size_t i = 0; i < store->disks_len; i++)
        if (relief_missing(relief, &store->disks[i]) > 0)
            return true;
    return false;
}

static const struct disk *find_disk(const struct relief *relief, uint64_t dev)
{
    const struct store *store = relief->session->store;
    for (size_t i = 0; i < store->disks_len; i++)
        if (store->disks[i].dev == dev)
            return &store->disks[i];
    return NULL;
}

/* ---------------------------------------------------------------- the plan */

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
    struct relief *relief = arg;
    relief->plan = plan;
    relief->answered = true;
    if (plan == NULL)
        relief->err = *err;
}

static bool is_answered(void *arg)
{
    const struct relief *relief = arg;
    return relief->answered;
}

static void drop_plan(struct relief *relief)
{
    plan_free(relief->plan);
    relief->plan = NULL;
}

/* The builder that keeps its records on this disk; NULL: the selected one. */
static const char *builder_on(const struct relief *relief, uint64_t dev)
{
    const struct store *store = relief->session->store;
    if (relief->wants.builder != NULL)
        return relief->wants.builder;
    for (size_t i = 0; i < store->builders_len; i++)
        if (store->builders[i].disk_dev == dev)
            return store->builders[i].id;
    return NULL;
}

static int make_plan(struct relief *relief, const struct disk *disk, struct err *err)
{
    struct query query;
    query_init(&query);
    query.whole = query.garbage = query.records = true;
    query.free_bytes = relief_missing(relief, disk);
    query.disk_dev = disk->dev;
    query.live = relief->wants.live;
    query.older_than_s = relief->wants.older_than_s;
    query.builder = builder_on(relief, disk->dev);
    relief->answered = false;
    drop_plan(relief);
    int code = bilge_plan(relief->session->bilge, &query, on_plan, relief, err);
    if (code < 0)
        return code;
    if (session_wait(relief->session, is_answered, relief, 0) == SESSION_INTERRUPTED)
        return err_set(err, ERR_CANCELLED, "interrupted");
    if (relief->plan == NULL)
        *err = relief->err;
    return relief->plan == NULL ? err->code : 0;
}

/* ---------------------------------------------------------------- carry out */

static bool is_over(void *arg)
{
    const struct store *const *store = arg;
    return (*store)->prune.state == PRUNE_OVER && (*store)->recoveries == 0;
}

static int execute(struct relief *relief, struct err *err)
{
    struct session *session = relief->session;
    bool interrupted = false;
    acts_add(&relief->acts, relief->plan);
    int code = bilge_execute(session->bilge, relief->plan, err);
    if (code < 0) {
        acts_forget(&relief->acts);
        return code;
    }
    relief->plan = NULL;
    while (session_wait(session, is_over, &session->store, 0) == SESSION_INTERRUPTED) {
        interrupted = true;
        bilge_execute_cancel(session->bilge);
    }
    acts_tell(&relief->acts, &session->store->prune);
    session_tell_finished(session);
    relief->freed_bytes += session->store->prune.freed_bytes;
    relief->planned_bytes += session->store->prune.planned_bytes;
    return interrupted ? err_set(err, ERR_CANCELLED, "interrupted") : 0;
}

/* ----------------------------------------------------------------- one disk */

void relief_say(struct relief *relief, char *takes)
{
    if (relief->said == NULL || strcmp(relief->said, takes) != 0)
        acts_say(&relief->acts, "%s", takes);
    free(relief->said);
    relief->said = takes;
}

static void say_free(struct relief *relief, const char *what, const struct disk *disk)
{
    char free_text[TEXT_SIZE_SIZE], wanted[TEXT_SIZE_SIZE];
    acts_say(&relief->acts, "%s %s: %s free, %s wanted", what, disk->path,
             text_size(free_text, disk->free_bytes),
             text_size(wanted, relief->wants.keep_free_bytes));
}

/* What no plan of ours will ever touch. */
static void say_left_alone(const struct relief *relief)
{
    const struct store *store = relief->session->store;
    char size[TEXT_SIZE_SIZE];
    for (size_t i = 0; i < store->disks_len; i++)
        if (store->disks[i].total_bytes <= relief->wants.keep_free_bytes)
            acts_say(&relief->acts, "%s is left alone: its disk has %s in all",
                     store->disks[i].path, text_size(size, store->disks[i].total_bytes));
    for (size_t i = 0; i < store->builders_len; i++)
        if (store->builders[i].reachable && store->builders[i].disk_dev == 0)
            acts_say(&relief->acts,
                     "records of builder %s are left alone: on which disk they lie is not "
                     "known here",
                     store->builders[i].name);
}

/* Nothing more can go: what is it that holds the rest? */
static void say_short(struct relief *relief, const char *path, const struct plan *plan)
{
    struct buf line = {0};
    char text[TEXT_SIZE_SIZE];
    int64_t held_bytes = 0;
    for (size_t i = 0; i < plan->kept_len; i++) {
        held_bytes += plan->kept[i].size_bytes > 0 ? plan->kept[i].size_bytes : 0;
        if (plan->kept[i].busy)
            buf_printf(&line, "; waiting for %s: %s", plan->kept[i].title, plan->kept[i].reason);
        relief->busy |= plan->kept[i].busy;
    }
    char *tail = buf_take(&line);
    relief_say(relief, mem_printf("short on %s: nothing more may go; %s are kept%s", path,
                               text_size(text, held_bytes), tail));
    free(tail);
}

/* One plan for this disk, carried out. *ret_more: something has come back. */
static int relieve_once(struct relief *relief, const struct disk *disk, bool *ret_more,
                        struct err *err)
{
    uint64_t dev = disk->dev;
    char *path = mem_strdup(disk->path);
    int code = make_plan(relief, disk, err);
    if (code == 0 && relief->plan->items_len == 0) {
        say_short(relief, path, relief->plan);
    } else if (code == 0) {
        disk = find_disk(relief, dev);
        if (disk != NULL)
            say_free(relief, "below", disk);
        code = execute(relief, err);
        *ret_more = code == 0 && relief->session->store->prune.freed_bytes > 0;
        if (code == 0)
            code = look(relief, err);
        disk = find_disk(relief, dev);
        if (code == 0 && disk != NULL)
            say_free(relief, "now", disk);
    }
    free(path);
    drop_plan(relief);
    return code;
}

/* Until the disk has enough, or nothing more can go. */
static int relieve(struct relief *relief, uint64_t dev, struct err *err)
{
    bool more = true;
    int code = 0;
    for (int round = 0; round < ROUNDS_MAX && more && code == 0; round++) {
        const struct disk *disk = find_disk(relief, dev);
        more = false;
        if (disk != NULL && relief_missing(relief, disk) > 0)
            code = relieve_once(relief, disk, &more, err);
    }
    return code;
}

int relief_run(struct relief *relief, struct err *err)
{
    const struct store *store = relief->session->store;
    relief->busy = false;
    int code = look(relief, err);
    if (code == 0 && !relief->begun)
        say_left_alone(relief);
    relief->begun = true;
    uint64_t *devs = mem_alloc((store->disks_len + 1) * sizeof *devs);
    size_t len = store->disks_len;
    for (size_t i = 0; i < len; i++)
        devs[i] = store->disks[i].dev;
    for (size_t i = 0; i < len && code == 0; i++)
        code = relieve(relief, devs[i], err);
    free(devs);
    if (code == 0 && !relief_is_short(relief))
        mem_replace(&relief->said, NULL);
    return code;
}

void relief_done(struct relief *relief)
{
    drop_plan(relief);
    acts_done(&relief->acts);
    free(relief->said);
}
