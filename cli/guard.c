/* bilge guard: prunes the cheapest whenever a disk has less free space than it
 * is to have. The same plans as prune --free, for one file system at a time. */
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/session.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/bilge.h"
#include "core/prune/plan.h"
#include "core/prune/query.h"
#include "core/store/store.h"

/* What a guard has done: remembered while a removal runs (which takes the
 * plan), told line by line, and at the end as JSON. */

/* Gives disks that have too little free space some back: one plan after the
 * other for each of them, the cheapest things first, until there is enough or
 * nothing more may go. What is done is told line by line. */

struct act {
    enum item_kind kind;
    char *service; /* NULL: of none that is known */
    char *id, *title, *reason;
    int64_t size_bytes, frees_bytes, age_s;
    char *error; /* NULL: it is gone */
};

struct acts {
    FILE *out; /* where lines go */
    struct act *items;
    size_t len, cap;
    size_t told;        /* of these, lines were written */
    bool forgets_steps; /* the plan that is carried out has the engine do so */
    bool all;           /* keep them all for the end; else only until they are told */
};

struct relief {
    /* The caller's. */
    struct session *session;
    struct {
        int64_t keep_free_bytes;
        int64_t older_than_s; /* only what is older may go; -1: no matter */
        bool live;            /* this project's current caches may go, too */
        const char *builder;  /* its records alone; NULL: of the one on the disk */
    } wants;

    /* To be read. */
    struct acts acts;
    bool busy; /* something could go, were nobody exporting */
    int64_t planned_bytes, freed_bytes;

    /* Its own. */
    struct plan *plan;
    struct err err; /* why there is no plan */
    bool answered;
    bool begun;        /* the disks have been looked at once */
    char *said;        /* the last complaint: not said again and again */
    int64_t looked_at; /* when a look at the disks was asked for */
};

static int relief_run(struct relief *relief, struct err *err);
static int64_t relief_missing(const struct relief *relief, const struct disk *disk);
static bool relief_is_short(const struct relief *relief);
static void relief_say(struct relief *relief, char *takes);
static void relief_done(struct relief *relief);
static void acts_say(const struct acts *acts, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void acts_json(const struct acts *acts, struct json *json);
static void acts_done(struct acts *acts);

/* How soon a busy cache is asked after again. */
#define BUSY_PAUSE_S 30

struct guard_values {
    struct option_number keep_free, interval, older_than, abandoned_after;
    bool live, once;
};

struct guard {
    const struct globals *globals;
    struct guard_values values; /* of the command line, else of the settings */
    struct session session;
    struct relief relief;
};

/* ---------------------------------------------------------------- the watch */

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static bool is_short(void *arg)
{
    return relief_is_short(arg);
}

/* A disk that has become short ends the pause; one that stays so does not. */
static bool pause_watch(struct guard *guard)
{
    int64_t seconds = guard->values.interval.value;
    if (guard->relief.busy && seconds > BUSY_PAUSE_S)
        seconds = BUSY_PAUSE_S;
    return session_wait(&guard->session, relief_is_short(&guard->relief) ? never : is_short,
                        &guard->relief, (uint64_t)seconds * 1000) != SESSION_INTERRUPTED;
}

static enum exit_code end_of(const struct guard *guard)
{
    return guard->session.signal_number == SIGINT ? EXIT_INTERRUPTED : EXIT_DONE;
}

static enum exit_code watch(struct guard *guard)
{
    char wanted[TEXT_SIZE_SIZE];
    acts_say(&guard->relief.acts, "watching: %s are to stay free on each disk",
             text_size(wanted, guard->values.keep_free.value));
    do {
        struct err err;
        if (relief_run(&guard->relief, &err) == 0)
            continue;
        if (err.code == ERR_CANCELLED)
            break;
        relief_say(&guard->relief, mem_printf("not now: %s", err.text));
    } while (pause_watch(guard));
    acts_say(&guard->relief.acts, "stopped");
    return end_of(guard);
}

/* -------------------------------------------------------------------- once */

static void once_json(const struct guard *guard)
{
    const struct store *store = guard->session.store;
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    json_put_int(&json, "keep_free", guard->values.keep_free.value);
    json_put_array(&json, "disk");
    for (size_t i = 0; i < store->disks_len; i++) {
        json_put_object(&json, NULL);
        json_put_text(&json, "path", store->disks[i].path);
        json_put_int(&json, "free", store->disks[i].free_bytes);
        json_put_int(&json, "missing", relief_missing(&guard->relief, &store->disks[i]));
        json_put_object_end(&json);
    }
    json_put_array_end(&json);
    acts_json(&guard->relief.acts, &json);
    json_put_int(&json, "planned", guard->relief.planned_bytes);
    json_put_int(&json, "freed", guard->relief.freed_bytes);
    json_put_object_end(&json);
    putchar('\n');
}

static enum exit_code once(struct guard *guard)
{
    struct err err;
    int code = relief_run(&guard->relief, &err);
    if (guard->globals->json)
        once_json(guard);
    if (code == ERR_CANCELLED)
        return end_of(guard);
    if (code < 0)
        return complain_err(&err);
    bool whole = !store_has_unfinished(guard->session.store);
    return relief_is_short(&guard->relief) || !whole ? EXIT_PARTLY : EXIT_DONE;
}

/* ----------------------------------------------------------------- command */

static void settle_number(struct option_number *number, int64_t settled)
{
    if (!number->given && settled > 0)
        *number = (struct option_number){true, settled};
}

static void settle(struct guard_values *values, const struct settings *settings)
{
    settle_number(&values->keep_free, settings->guard_keep_free);
    settle_number(&values->interval, settings->guard_interval);
    settle_number(&values->older_than, settings->guard_older_than);
}

static int check(const struct globals *globals, const struct guard_values *values, struct err *err)
{
    if (!values->keep_free.given && globals->settings.guard_keep_free == 0)
        return err_set(err, ERR_USAGE, "how much is to stay free? --keep-free SIZE");
    if (values->interval.given && values->interval.value < 1)
        return err_set(err, ERR_USAGE, "--interval: it must be a second or more");
    if (values->abandoned_after.given && values->abandoned_after.value < 1)
        return err_set(err, ERR_USAGE, "--abandoned-after: it must be a second or more");
    if (values->interval.given && values->once)
        return err_set(err, ERR_USAGE, "--once and --interval contradict each other");
    if (globals->json && !values->once)
        return err_set(err, ERR_USAGE, "--json prints one object at the end: it needs --once");
    if (globals->read_only)
        return err_set(err, ERR_USAGE, "--read-only: nothing is deleted, so nothing is guarded");
    return 0;
}

static struct relief relief_for(struct guard *guard)
{
    const struct guard_values *values = &guard->values;
    const struct globals *globals = guard->globals;
    return (struct relief){
        .session = &guard->session,
        .wants = {.keep_free_bytes = values->keep_free.value,
                  .older_than_s = values->older_than.given ? values->older_than.value : -1,
                  .live = values->live,
                  .builder = globals->builder},
        .acts = {.out = globals->json ? stderr : stdout, .all = globals->json},
    };
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    struct guard guard = {.globals = globals, .values = *(const struct guard_values *)values};
    struct bilge_options options = globals_options(globals);
    struct err err;
    (void)operands;
    if (check(globals, &guard.values, &err) < 0)
        return complain_err(&err);
    settle(&guard.values, &globals->settings);
    if (guard.values.abandoned_after.given)
        options.abandoned_after_s = guard.values.abandoned_after.value;
    options.watch = !guard.values.once;
    guard.relief = relief_for(&guard);
    if (session_open(&guard.session, &options, &err) < 0)
        return complain_err(&err);
    guard.session.finishes = true;
    const struct builder *builder;
    enum exit_code code;
    session_patience(&guard.session, globals, true);
    if (session_settle(&guard.session, &err) < 0)
        code = end_of(&guard);
    else if (globals->builder != NULL &&
             session_builder(&guard.session, globals->builder, &builder, &err) < 0)
        code = complain_err(&err);
    else {
        session_finish(&guard.session);
        code = guard.values.once ? once(&guard) : watch(&guard);
    }
    if (guard.values.once)
        code = session_end_code(&guard.session, code);
    session_close(&guard.session);
    relief_done(&guard.relief);
    return code;
}

#define VALUE(member) offsetof(struct guard_values, member)
static const struct option_spec guard_options[] = {
    {"keep-free", 0, OPTION_SIZE, VALUE(keep_free), "SIZE",
     "so much is to stay free: 500MB 10GB 2GiB"},
    {"interval", 0, OPTION_AGE, VALUE(interval), "AGE", "look so often: 30s 5m 1h (5m)"},
    {"older-than", 0, OPTION_AGE, VALUE(older_than), "AGE",
     "take only what was exported, or last used, longer ago"},
    {"live", 0, OPTION_FLAG, VALUE(live), NULL, "current caches of this project may go, too"},
    {"abandoned-after", 0, OPTION_AGE, VALUE(abandoned_after), "AGE",
     "a cache that no project names is abandoned when it is older (30d)"},
    {"once", 0, OPTION_FLAG, VALUE(once), NULL, "look once and end, as for a timer"},
    {0},
};

const struct command command_guard = {
    .name = "guard",
    .summary = "Prune the cheapest whenever a disk has too little free space.",
    .details = "Watches the disks of the cache roots and of the engine's data. What goes is\n"
               "chosen as prune --free does, without asking. Current caches of this project stay\n"
               "unless --live is given, and those outside it unless they are abandoned. Runs\n"
               "until it is told to end.\n",
    .options = guard_options,
    .values_size = sizeof(struct guard_values),
    .run = run,
};

/* "2026-11-22T11:00:00Z " and the text, made safe, on a line of its own that is
 * written out at once. */
static void acts_say(const struct acts *acts, const char *format, ...)
{
    char text[2048], now[CLOCK_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct buf clean = {0};
    text_clean(&clean, text, strlen(text));
    fprintf(acts->out, "%s %s\n", clock_rfc3339(now, clock_now() / CLOCK_SECOND * CLOCK_SECOND),
            clean.data);
    fflush(acts->out);
    buf_done(&clean);
}

static char *copy(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

/* Before the plan is carried out. */
static void acts_add(struct acts *acts, const struct plan *plan)
{
    mem_reserve((void **)&acts->items, &acts->cap, acts->len + plan->items_len,
                sizeof *acts->items);
    acts->forgets_steps = plan_forgets_steps(plan);
    for (size_t i = 0; i < plan->items_len; i++) {
        const struct plan_item *item = &plan->items[i];
        acts->items[acts->len++] = (struct act){
            .kind = item->kind,
            .service = copy(item->service),
            .id = mem_strdup(item->id),
            .title = mem_strdup(item->title),
            .reason = copy(item->reason),
            .size_bytes = item->size_bytes,
            .frees_bytes = item->frees_bytes,
            .age_s = item->age_s,
        };
    }
}

static void act_done(struct act *act)
{
    free(act->service);
    free(act->id);
    free(act->title);
    free(act->reason);
    free(act->error);
}

static const char *find_error(const struct prune_status *status, const char *id)
{
    for (size_t i = 0; i < status->failures_len; i++)
        if (strcmp(status->failures[i].id, id) == 0)
            return status->failures[i].error;
    return NULL;
}

static void tell(const struct acts *acts, const struct act *act)
{
    char size[TEXT_SIZE_SIZE];
    const char *of = act->service != NULL && act->kind != ITEM_SERVICE ? act->service : "";
    const char *space = *of != '\0' ? " " : "";
    if (act->error != NULL)
        acts_say(acts, "left %s %s%s%s: %s", item_kind_name(act->kind), of, space, act->title,
                 act->error);
    else
        acts_say(acts, "deleted %s %s%s%s: %s (%s)", item_kind_name(act->kind), of, space,
                 act->title, text_size(size, act->frees_bytes),
                 act->reason != NULL ? act->reason : "no reason given");
}

/* After it: tells each act, with what became of it. */
static void acts_tell(struct acts *acts, const struct prune_status *status)
{
    for (; acts->told < acts->len; acts->told++) {
        struct act *act = &acts->items[acts->told];
        mem_replace(&act->error, find_error(status, act->id));
        /* What was not come to has no failure of its own. */
        if (act->error == NULL && status->cancelled)
            act->error = mem_strdup("not come to: the guard was stopped");
        tell(acts, act);
    }
    if (acts->forgets_steps)
        acts_say(acts, "%s", BUILDER_FORGETS_STEPS);
    acts->forgets_steps = false;
    if (!acts->all)
        acts_done(acts);
}

/* Instead of it: nothing was carried out. */
static void acts_forget(struct acts *acts)
{
    while (acts->len > acts->told)
        act_done(&acts->items[--acts->len]);
}

static void acts_json(const struct acts *acts, struct json *json)
{
    json_put_array(json, "items");
    for (size_t i = 0; i < acts->len; i++) {
        const struct act *act = &acts->items[i];
        json_put_object(json, NULL);
        json_put_text(json, "kind", item_kind_name(act->kind));
        json_put_text(json, "service", act->service);
        json_put_text(json, "id", act->id);
        json_put_int(json, "size", act->size_bytes);
        json_put_int(json, "frees", act->frees_bytes);
        json_put_int(json, "age_s", act->age_s);
        json_put_text(json, "reason", act->reason);
        json_put_text(json, "error", act->error);
        json_put_object_end(json);
    }
    json_put_array_end(json);
}

static void acts_done(struct acts *acts)
{
    for (size_t i = 0; i < acts->len; i++)
        act_done(&acts->items[i]);
    free(acts->items);
    acts->items = NULL;
    acts->len = acts->cap = acts->told = 0;
}

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
static int64_t relief_missing(const struct relief *relief, const struct disk *disk)
{
    if (disk->total_bytes <= relief->wants.keep_free_bytes)
        return 0;
    int64_t missing = relief->wants.keep_free_bytes - disk->free_bytes;
    return missing > 0 ? missing : 0;
}

static bool relief_is_short(const struct relief *relief)
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

static void relief_say(struct relief *relief, char *takes)
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

/* Looks at all disks, once, and relieves those that are short. */
static int relief_run(struct relief *relief, struct err *err)
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

static void relief_done(struct relief *relief)
{
    drop_plan(relief);
    acts_done(&relief->acts);
    free(relief->said);
}
