/* bilge guard: prunes the cheapest whenever a disk has less free space than it
 * is to have. The same plans as prune --free, for one file system at a time. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/relief.h"
#include "cli/session.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

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
                        &guard->relief,
                        (uint64_t)seconds * 1000) != SESSION_INTERRUPTED;
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
