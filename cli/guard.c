/* bilge guard: prunes the cheapest whenever a disk has less free space than it
 * is to have. The same plans as prune --free, for one file system at a time. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/guard_acts.h"
#include "cli/json.h"
#include "cli/session.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

#define INTERVAL_S 300
/* How soon a busy cache is asked after again. */
#define BUSY_PAUSE_S 30
/* What comes back is what the disk says, which may be less than was planned. */
#define ROUNDS_MAX 3

struct guard_values {
    struct option_number keep_free, interval, older_than;
    bool live, once;
};

struct guard {
    const struct globals *globals;
    const struct guard_values *values;
    struct session session;
    struct acts acts;
    struct plan *plan;
    struct err err; /* why there is no plan */
    bool answered;
    bool begun;        /* the disks have been looked at once */
    bool busy;         /* something could go, were nobody exporting */
    char *said;        /* the last complaint: not said again and again */
    int64_t looked_at; /* when a look at the disks was asked for */
    int64_t freed_bytes;
    int64_t planned_bytes;
};

/* --------------------------------------------------------------- the disks */

static bool is_looked_at(void *arg)
{
    const struct guard *guard = arg;
    return guard->session.store->disks_at >= guard->looked_at;
}

static int look(struct guard *guard, struct err *err)
{
    guard->looked_at = clock_now();
    bilge_look_at_disks(guard->session.bilge);
    if (session_wait(&guard->session, is_looked_at, guard, 0) == SESSION_INTERRUPTED)
        return err_set(err, ERR_CANCELLED, "interrupted");
    return 0;
}

/* A disk that is no larger than what is to stay free can't have it, whatever is
 * deleted: it is left alone. */
static int64_t missing_on(const struct guard *guard, const struct disk *disk)
{
    if (disk->total_bytes <= guard->values->keep_free.value)
        return 0;
    int64_t missing = guard->values->keep_free.value - disk->free_bytes;
    return missing > 0 ? missing : 0;
}

static bool is_short(void *arg)
{
    const struct guard *guard = arg;
    const struct store *store = guard->session.store;
    for (size_t i = 0; i < store->disks_len; i++)
        if (missing_on(guard, &store->disks[i]) > 0)
            return true;
    return false;
}

static const struct disk *find_disk(const struct guard *guard, uint64_t dev)
{
    const struct store *store = guard->session.store;
    for (size_t i = 0; i < store->disks_len; i++)
        if (store->disks[i].dev == dev)
            return &store->disks[i];
    return NULL;
}

/* ---------------------------------------------------------------- the plan */

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
    struct guard *guard = arg;
    guard->plan = plan;
    guard->answered = true;
    if (plan == NULL)
        guard->err = *err;
}

static bool is_answered(void *arg)
{
    const struct guard *guard = arg;
    return guard->answered;
}

static void drop_plan(struct guard *guard)
{
    plan_free(guard->plan);
    guard->plan = NULL;
}

/* The builder that keeps its records on this disk; NULL: the selected one. */
static const char *builder_on(const struct guard *guard, uint64_t dev)
{
    const struct store *store = guard->session.store;
    if (guard->globals->builder != NULL)
        return guard->globals->builder;
    for (size_t i = 0; i < store->builders_len; i++)
        if (store->builders[i].disk_dev == dev)
            return store->builders[i].id;
    return NULL;
}

static int make_plan(struct guard *guard, const struct disk *disk, struct err *err)
{
    const struct guard_values *values = guard->values;
    struct query query;
    query_init(&query);
    query.whole = query.garbage = query.records = true;
    query.free_bytes = missing_on(guard, disk);
    query.disk_dev = disk->dev;
    query.keep_live = !values->live;
    query.older_than_s = values->older_than.given ? values->older_than.value : -1;
    query.builder = builder_on(guard, disk->dev);
    guard->answered = false;
    drop_plan(guard);
    int code = bilge_plan(guard->session.bilge, &query, on_plan, guard, err);
    if (code < 0)
        return code;
    if (session_wait(&guard->session, is_answered, guard, 0) == SESSION_INTERRUPTED)
        return err_set(err, ERR_CANCELLED, "interrupted");
    if (guard->plan == NULL)
        *err = guard->err;
    return guard->plan == NULL ? err->code : 0;
}

/* ---------------------------------------------------------------- carry out */

static bool is_over(void *arg)
{
    const struct store *const *store = arg;
    return (*store)->prune.state == PRUNE_OVER;
}

static int execute(struct guard *guard, struct err *err)
{
    struct session *session = &guard->session;
    bool interrupted = false;
    acts_add(&guard->acts, guard->plan);
    int code = bilge_execute(session->bilge, guard->plan, err);
    if (code < 0) {
        acts_forget(&guard->acts);
        return code;
    }
    guard->plan = NULL;
    while (session_wait(session, is_over, &session->store, 0) == SESSION_INTERRUPTED) {
        interrupted = true;
        bilge_execute_cancel(session->bilge);
    }
    acts_tell(&guard->acts, &session->store->prune);
    guard->freed_bytes += session->store->prune.freed_bytes;
    guard->planned_bytes += session->store->prune.planned_bytes;
    return interrupted ? err_set(err, ERR_CANCELLED, "interrupted") : 0;
}

/* ----------------------------------------------------------------- one disk */

/* Says it, unless it was the last thing that was said. Takes the text. */
static void say_once(struct guard *guard, char *takes)
{
    if (guard->said == NULL || strcmp(guard->said, takes) != 0)
        acts_say(&guard->acts, "%s", takes);
    free(guard->said);
    guard->said = takes;
}

static void say_free(struct guard *guard, const char *what, const struct disk *disk)
{
    char free_text[TEXT_SIZE_SIZE], wanted[TEXT_SIZE_SIZE];
    acts_say(&guard->acts, "%s %s: %s free, %s wanted", what, disk->path,
             text_size(free_text, disk->free_bytes),
             text_size(wanted, guard->values->keep_free.value));
}

/* What no plan of ours will ever touch. */
static void say_left_alone(const struct guard *guard)
{
    const struct store *store = guard->session.store;
    char size[TEXT_SIZE_SIZE];
    for (size_t i = 0; i < store->disks_len; i++)
        if (store->disks[i].total_bytes <= guard->values->keep_free.value)
            acts_say(&guard->acts, "%s is left alone: its disk has %s in all", store->disks[i].path,
                     text_size(size, store->disks[i].total_bytes));
    for (size_t i = 0; i < store->builders_len; i++)
        if (store->builders[i].reachable && store->builders[i].disk_dev == 0)
            acts_say(&guard->acts,
                     "records of builder %s are left alone: on which disk they lie is not known here",
                     store->builders[i].name);
}

/* Nothing more can go: what is it that holds the rest? */
static void say_short(struct guard *guard, const char *path, const struct plan *plan)
{
    struct buf line = {0};
    char text[TEXT_SIZE_SIZE];
    int64_t held_bytes = 0;
    for (size_t i = 0; i < plan->kept_len; i++) {
        held_bytes += plan->kept[i].size_bytes > 0 ? plan->kept[i].size_bytes : 0;
        if (plan->kept[i].busy)
            buf_printf(&line, "; waiting for %s: %s", plan->kept[i].title, plan->kept[i].reason);
        guard->busy |= plan->kept[i].busy;
    }
    char *tail = buf_take(&line);
    say_once(guard, mem_printf("short on %s: nothing more may go; %s are kept%s", path,
                               text_size(text, held_bytes), tail));
    free(tail);
}

/* One plan for this disk, carried out. *ret_more: something has come back. */
static int relieve_once(struct guard *guard, const struct disk *disk, bool *ret_more,
                        struct err *err)
{
    uint64_t dev = disk->dev;
    char *path = mem_strdup(disk->path);
    int code = make_plan(guard, disk, err);
    if (code == 0 && guard->plan->items_len == 0) {
        say_short(guard, path, guard->plan);
    } else if (code == 0) {
        disk = find_disk(guard, dev);
        if (disk != NULL)
            say_free(guard, "below", disk);
        code = execute(guard, err);
        *ret_more = code == 0 && guard->session.store->prune.freed_bytes > 0;
        if (code == 0)
            code = look(guard, err);
        disk = find_disk(guard, dev);
        if (code == 0 && disk != NULL)
            say_free(guard, "now", disk);
    }
    free(path);
    drop_plan(guard);
    return code;
}

/* Until the disk has enough, or nothing more can go. */
static int relieve(struct guard *guard, uint64_t dev, struct err *err)
{
    bool more = true;
    int code = 0;
    for (int round = 0; round < ROUNDS_MAX && more && code == 0; round++) {
        const struct disk *disk = find_disk(guard, dev);
        more = false;
        if (disk != NULL && missing_on(guard, disk) > 0)
            code = relieve_once(guard, disk, &more, err);
    }
    return code;
}

/* All disks, once. */
static int look_and_relieve(struct guard *guard, struct err *err)
{
    const struct store *store = guard->session.store;
    guard->busy = false;
    int code = look(guard, err);
    if (code == 0 && !guard->begun)
        say_left_alone(guard);
    guard->begun = true;
    uint64_t *devs = mem_alloc((store->disks_len + 1) * sizeof *devs);
    size_t len = store->disks_len;
    for (size_t i = 0; i < len; i++)
        devs[i] = store->disks[i].dev;
    for (size_t i = 0; i < len && code == 0; i++)
        code = relieve(guard, devs[i], err);
    free(devs);
    if (code == 0 && !is_short(guard))
        mem_replace(&guard->said, NULL);
    return code;
}

/* ---------------------------------------------------------------- the watch */

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/* A disk that has become short ends the pause; one that stays so does not. */
static bool pause_watch(struct guard *guard)
{
    const struct guard_values *values = guard->values;
    int64_t seconds = values->interval.given ? values->interval.value : INTERVAL_S;
    if (guard->busy && seconds > BUSY_PAUSE_S)
        seconds = BUSY_PAUSE_S;
    return session_wait(&guard->session, is_short(guard) ? never : is_short, guard,
                        (uint64_t)seconds * 1000) != SESSION_INTERRUPTED;
}

static enum exit_code end_of(const struct guard *guard)
{
    return guard->session.signal_number == SIGINT ? EXIT_INTERRUPTED : EXIT_DONE;
}

static enum exit_code watch(struct guard *guard)
{
    char wanted[TEXT_SIZE_SIZE];
    acts_say(&guard->acts, "watching: %s are to stay free on each disk",
             text_size(wanted, guard->values->keep_free.value));
    do {
        struct err err;
        if (look_and_relieve(guard, &err) == 0)
            continue;
        if (err.code == ERR_CANCELLED)
            break;
        say_once(guard, mem_printf("not now: %s", err.text));
    } while (pause_watch(guard));
    acts_say(&guard->acts, "stopped");
    return end_of(guard);
}

/* -------------------------------------------------------------------- once */

static void once_json(const struct guard *guard)
{
    const struct store *store = guard->session.store;
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    json_put_int(&json, "keep_free", guard->values->keep_free.value);
    json_put_array(&json, "disk");
    for (size_t i = 0; i < store->disks_len; i++) {
        json_put_object(&json, NULL);
        json_put_text(&json, "path", store->disks[i].path);
        json_put_int(&json, "free", store->disks[i].free_bytes);
        json_put_int(&json, "missing", missing_on(guard, &store->disks[i]));
        json_put_object_end(&json);
    }
    json_put_array_end(&json);
    acts_json(&guard->acts, &json);
    json_put_int(&json, "planned", guard->planned_bytes);
    json_put_int(&json, "freed", guard->freed_bytes);
    json_put_object_end(&json);
    putchar('\n');
}

static enum exit_code once(struct guard *guard)
{
    struct err err;
    int code = look_and_relieve(guard, &err);
    if (guard->globals->json)
        once_json(guard);
    if (code == ERR_CANCELLED)
        return end_of(guard);
    if (code < 0)
        return complain_err(&err);
    return is_short(guard) ? EXIT_PARTLY : EXIT_DONE;
}

/* ----------------------------------------------------------------- command */

static int check(const struct globals *globals, const struct guard_values *values, struct err *err)
{
    if (!values->keep_free.given)
        return err_set(err, ERR_USAGE, "how much is to stay free? --keep-free SIZE");
    if (values->interval.given && values->interval.value < 1)
        return err_set(err, ERR_USAGE, "--interval: it must be a second or more");
    if (values->interval.given && values->once)
        return err_set(err, ERR_USAGE, "--once and --interval contradict each other");
    if (globals->json && !values->once)
        return err_set(err, ERR_USAGE, "--json prints one object at the end: it needs --once");
    if (globals->read_only)
        return err_set(err, ERR_USAGE, "--read-only: nothing is deleted, so nothing is guarded");
    return 0;
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    struct guard guard = {.globals = globals, .values = values};
    struct bilge_options options = globals_options(globals);
    struct err err;
    (void)operands;
    if (check(globals, guard.values, &err) < 0)
        return complain_err(&err);
    options.watch = !guard.values->once;
    guard.acts.out = globals->json ? stderr : stdout;
    guard.acts.all = globals->json;
    if (session_open(&guard.session, &options, &err) < 0)
        return complain_err(&err);
    const struct builder *builder;
    enum exit_code code;
    if (session_settle(&guard.session, &err) < 0)
        code = end_of(&guard);
    else if (globals->builder != NULL &&
             session_builder(&guard.session, globals->builder, &builder, &err) < 0)
        code = complain_err(&err);
    else
        code = guard.values->once ? once(&guard) : watch(&guard);
    session_close(&guard.session);
    drop_plan(&guard);
    acts_done(&guard.acts);
    free(guard.said);
    return code;
}

#define VALUE(member) offsetof(struct guard_values, member)
static const struct option_spec guard_options[] = {
    {"keep-free", 0, OPTION_SIZE, VALUE(keep_free), "SIZE",
     "so much is to stay free: 500MB 10GB 2GiB"},
    {"interval", 0, OPTION_AGE, VALUE(interval), "AGE", "look so often: 30s 5m 1h (5m)"},
    {"older-than", 0, OPTION_AGE, VALUE(older_than), "AGE",
     "take only what was exported, or last used, longer ago"},
    {"live", 0, OPTION_FLAG, VALUE(live), NULL, "live caches of existing services may go, too"},
    {"once", 0, OPTION_FLAG, VALUE(once), NULL, "look once and end, as for a timer"},
    {0},
};

const struct command command_guard = {
    .name = "guard",
    .summary = "Prune the cheapest whenever a disk has too little free space.",
    .details = "Watches the disks of the cache roots and of the engine's data. What goes is\n"
               "chosen as prune --free does, without asking; live caches of existing services\n"
               "stay unless --live is given. Runs until it is told to end.\n",
    .options = guard_options,
    .values_size = sizeof(struct guard_values),
    .run = run,
};
