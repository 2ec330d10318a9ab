/* bilge prune: plan, show, confirm, delete. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/plan_view.h"
#include "cli/selectors.h"
#include "cli/session.h"
#include "core/base/clock.h"
#include "core/base/text.h"

#define WAIT_PAUSE_MS 2000

/* One run of the command. */
struct prune {
    const struct globals *globals;
    const struct prune_values *values;
    struct query query;
    struct session session;
    FILE *shown; /* where a person reads */
    struct plan *plan;
    struct err err; /* why there is no plan */
    bool answered;
    bool unread; /* something that was asked for could not be looked at, and is said */
};

/* ----------------------------------------------------------------- plan */

static int check_consent(const struct prune *prune, struct err *err)
{
    if (prune->values->dry_run)
        return 0;
    if (prune->globals->read_only)
        return err_set(err, ERR_USAGE,
                       "--read-only: nothing is deleted (--dry-run shows the plan)");
    if (!prune->values->yes && !ask_possible(prune->shown))
        return err_set(err, ERR_USAGE,
                       "there is no terminal to ask on: --yes deletes, --dry-run shows the plan");
    return 0;
}

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
    struct prune *prune = arg;
    prune->plan = plan;
    prune->answered = true;
    if (plan == NULL)
        prune->err = *err;
}

static bool is_answered(void *arg)
{
    const struct prune *prune = arg;
    return prune->answered;
}

static int make_plan(struct prune *prune, struct err *err)
{
    prune->answered = false;
    int code = bilge_plan(prune->session.bilge, &prune->query, on_plan, prune, err);
    if (code < 0)
        return code;
    if (session_wait(&prune->session, is_answered, prune, 0) == SESSION_INTERRUPTED)
        return err_set(err, ERR_CANCELLED, "interrupted");
    if (prune->plan == NULL)
        *err = prune->err;
    return prune->plan == NULL ? err->code : 0;
}

static void drop_plan(struct prune *prune)
{
    plan_free(prune->plan);
    prune->plan = NULL;
}

static void name_busy(const struct plan *plan)
{
    for (size_t i = 0; i < plan->kept_len; i++)
        if (plan->kept[i].busy)
            complain("waiting: %s is busy: %s", plan->kept[i].title, plan->kept[i].reason);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/* With --wait until no cache is busy any more: each plan looks anew. */
static int make_final_plan(struct prune *prune, struct err *err)
{
    int code = make_plan(prune, err);
    bool wait = prune->values->wait && !prune->values->dry_run;
    for (bool first = true; code == 0 && wait && plan_busy(prune->plan) > 0; first = false) {
        if (first)
            name_busy(prune->plan);
        drop_plan(prune);
        if (session_wait(&prune->session, never, NULL, WAIT_PAUSE_MS) == SESSION_INTERRUPTED)
            return err_set(err, ERR_CANCELLED, "interrupted");
        code = make_plan(prune, err);
    }
    return code;
}

/* --------------------------------------------------------------- report */

static void failure_json(struct json *json, const char *id, const char *error)
{
    json_put_object(json, NULL);
    json_put_text(json, "id", id);
    json_put_text(json, "error", error);
    json_put_object_end(json);
}

/* All that the plan knows, before execution takes it; "failed" stays open for
 * what comes of it. What is left alone because it is busy, or can't be looked at,
 * has failed too. */
static void begin_json(const struct prune *prune, struct json *json)
{
    const struct plan *plan = prune->plan;
    json_put_object(json, NULL);
    json_put_bool(json, "dry_run", prune->values->dry_run);
    plan_json(plan, json);
    json_put_array(json, "failed");
    for (size_t i = 0; i < plan->kept_len; i++)
        if (plan->kept[i].busy || plan->kept[i].unread)
            failure_json(json, plan->kept[i].id, plan->kept[i].reason);
}

static void end_json(const struct prune *prune, struct json *json)
{
    const struct prune_status *status = &prune->session.store->prune;
    for (size_t i = 0; i < status->failures_len; i++)
        failure_json(json, status->failures[i].id, status->failures[i].error);
    json_put_array_end(json);
    session_unfinished_json(json, "finished", &prune->session.store->finished);
    session_unfinished_json(json, "unfinished", &prune->session.store->unfinished);
    json_put_int(json, "freed", status->freed_bytes);
    json_put_object_end(json);
    putchar('\n');
}

static void report_text(const struct prune *prune)
{
    const struct prune_status *status = &prune->session.store->prune;
    char freed[TEXT_SIZE_SIZE], planned[TEXT_SIZE_SIZE];
    printf("Freed %s of %s planned.\n", text_size(freed, status->freed_bytes),
           text_size(planned, status->planned_bytes));
    for (size_t i = 0; i < status->failures_len; i++)
        complain("not deleted: %s: %s", status->failures[i].id, status->failures[i].error);
}

/* -------------------------------------------------------------- execute */

static bool is_over(void *arg)
{
    const struct store *const *store = arg;
    return (*store)->prune.state == PRUNE_OVER && (*store)->recoveries == 0;
}

/* `left_out`: something that was asked for is not in the plan. */
static enum exit_code execute(struct prune *prune, bool left_out)
{
    struct err err;
    struct session *session = &prune->session;
    if (bilge_execute(session->bilge, prune->plan, &err) < 0)
        return complain_err(&err);
    prune->plan = NULL;
    bool interrupted = false;
    while (session_wait(session, is_over, &session->store, 0) == SESSION_INTERRUPTED) {
        interrupted = true;
        bilge_execute_cancel(session->bilge);
    }
    const struct prune_status *status = &session->store->prune;
    if (interrupted && status->cancelled)
        return EXIT_INTERRUPTED;
    if (status->failures_len > 0 && status->failures_len >= status->items)
        return EXIT_FAILED;
    return status->failures_len > 0 || left_out ? EXIT_PARTLY : EXIT_DONE;
}

static bool is_stale(const struct plan *plan)
{
    int64_t age = clock_now() - plan->made_at;
    return age < 0 || age > (PLAN_VALID_SECONDS - 5) * CLOCK_SECOND;
}

/* Who thinks for longer than a plan is good for is shown what has changed since.
 * *ret_same: nothing has. */
static int make_again(struct prune *prune, bool *ret_same, struct err *err)
{
    struct plan *shown = prune->plan;
    prune->plan = NULL;
    int code = make_plan(prune, err);
    if (code == 0) {
        fputs("The plan was too old and was made again.\n", prune->shown);
        *ret_same = !plan_print_changes(shown, prune->plan, prune->shown);
    }
    plan_free(shown);
    return code;
}

static enum exit_code confirm(struct prune *prune, bool *ret_yes)
{
    struct err err;
    bool settled = prune->values->yes;
    *ret_yes = settled;
    while (!settled) {
        if (ask_yes(&prune->session, prune->shown, "Delete this?", ret_yes, &err) < 0)
            return complain_err(&err);
        settled = !*ret_yes || !is_stale(prune->plan);
        if (!settled && make_again(prune, &settled, &err) < 0)
            return complain_err(&err);
        if (prune->plan->items_len == 0) {
            *ret_yes = false;
            settled = true;
        }
    }
    return EXIT_DONE;
}

/* How it ends when there is nothing to delete. */
static enum exit_code nothing_done(const struct prune *prune, bool left_out)
{
    if (prune->unread && plan_busy(prune->plan) == 0)
        return EXIT_FAILED;
    return left_out ? EXIT_PARTLY : EXIT_DONE;
}

/* With nothing to delete, what an earlier removal left may still be finished. */
static enum exit_code confirm_finishing(struct prune *prune, bool *ret_yes)
{
    struct err err;
    *ret_yes = prune->values->yes;
    if (*ret_yes || prune->values->dry_run || !store_has_unfinished(prune->session.store))
        return EXIT_DONE;
    if (ask_yes(&prune->session, prune->shown, "Finish the interrupted removal?", ret_yes, &err) <
        0)
        return complain_err(&err);
    return EXIT_DONE;
}

static enum exit_code carry_out(struct prune *prune, bool left_out)
{
    bool dry = prune->values->dry_run || prune->plan->items_len == 0, yes = false;
    struct json json = {.out = stdout};
    enum exit_code code = nothing_done(prune, left_out);
    enum exit_code asked = dry ? confirm_finishing(prune, &yes) : confirm(prune, &yes);
    if (asked != EXIT_DONE)
        return asked;
    if (prune->globals->json)
        begin_json(prune, &json);
    if (yes && !dry)
        code = execute(prune, left_out);
    else if (!dry)
        fputs("Nothing was deleted.\n", prune->shown);
    bool whole = true;
    if (yes && !prune->values->dry_run)
        whole = dry ? session_finish(&prune->session) : session_tell_finished(&prune->session);
    if (code == EXIT_DONE && !whole)
        code = EXIT_PARTLY;
    if (prune->globals->json)
        end_json(prune, &json);
    else if (prune->session.store->prune.state == PRUNE_OVER)
        report_text(prune);
    if (prune->values->dry_run || (!dry && !yes))
        return prune->unread ? EXIT_FAILED : EXIT_DONE;
    return code;
}

/* Where no engine is, nothing is left out of a service: who wants records all
 * the same asks for them by name. */
static bool is_absent(const struct builder *builder)
{
    static const char scheme[] = "unix://";
    size_t len = sizeof scheme - 1;
    return builder->endpoint == NULL || (strncmp(builder->endpoint, scheme, len) == 0 &&
                                         access(builder->endpoint + len, F_OK) < 0);
}

/* A builder that can't be asked may hold records that were meant. */
static int check_builder(struct prune *prune, bool *ret_left_out, struct err *err)
{
    const struct query *query = &prune->query;
    const struct builder *builder;
    bool enough = query->free_bytes > 0 && prune->plan->planned_bytes >= query->free_bytes;
    if (!query->records || enough)
        return 0;
    if (session_builder(&prune->session, prune->globals->builder, &builder, err) < 0)
        return err->code;
    if (builder->reachable)
        return 0;
    const char *reason = session_builder_error(builder);
    if (!query->whole && !query->garbage && query->keep_generations == 0)
        return err_set(err, ERR_PEER, "builder %s: %s", builder->name, reason);
    complain("the records of builder %s are left out: %s", builder->name, reason);
    *ret_left_out = query->services_len == 0 || prune->values->records || !is_absent(builder);
    return 0;
}

/* A root that can't be read may hold what was meant, unless services were named:
 * these were found. */
static void find_unread(struct prune *prune)
{
    const struct query *query = &prune->query;
    bool enough = query->free_bytes > 0 && prune->plan->planned_bytes >= query->free_bytes;
    bool caches = query->whole || query->garbage || query->keep_generations > 0;
    prune->unread = plan_unread(prune->plan) > 0;
    for (size_t i = 0; i < prune->plan->kept_len; i++)
        if (prune->plan->kept[i].unread)
            complain("not looked at: %s: %s", prune->plan->kept[i].title,
                     prune->plan->kept[i].reason);
    if (caches && query->services_len == 0 && !enough)
        prune->unread |= store_next_root_error(prune->session.store, &(size_t){0}) != NULL;
}

static enum exit_code plan_and_execute(struct prune *prune)
{
    struct err err;
    bool left_out = false;
    session_patience(&prune->session, prune->globals, prune->query.records);
    if (session_settle(&prune->session, &err) < 0 || make_final_plan(prune, &err) < 0 ||
        check_builder(prune, &left_out, &err) < 0)
        return complain_err(&err);
    find_unread(prune);
    left_out = left_out || prune->unread || plan_busy(prune->plan) > 0 ||
               prune->plan->planned_bytes < prune->plan->wanted_bytes;
    /* The object says it all; beside it the plan is for who is asked. */
    bool asked = !prune->values->yes && !prune->values->dry_run;
    if (!prune->globals->json || asked)
        plan_print(prune->plan, prune->shown);
    if (prune->plan->items_len == 0 && (!prune->globals->json || asked))
        fputs("Nothing to prune.\n", prune->shown);
    return carry_out(prune, left_out);
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    struct prune prune = {
        .globals = globals,
        .values = values,
        .shown = globals->json ? stderr : stdout,
    };
    struct bilge_options options = globals_options(globals);
    struct err err;
    (void)operands;
    if (selectors_query(prune.values, globals->builder, &prune.query, &err) < 0 ||
        check_consent(&prune, &err) < 0)
        return complain_err(&err);
    /* The engine is asked for caches, too: its records tell of builds. */
    bool caches = prune.query.whole || prune.query.garbage || prune.query.keep_generations > 0;
    if (prune.values->abandoned_after.given)
        options.abandoned_after_s = prune.values->abandoned_after.value;
    options.skip_caches = options.skip_project =
        !caches && prune.query.ids_len == 0 && prune.query.services_len == 0;
    if (session_open(&prune.session, &options, &err) < 0)
        return complain_err(&err);
    prune.session.finishes = prune.values->yes && !prune.values->dry_run;
    enum exit_code code = session_end_code(&prune.session, plan_and_execute(&prune));
    session_close(&prune.session);
    drop_plan(&prune); /* also one that came while closing */
    return code;
}

const struct command command_prune = {
    .name = "prune",
    .summary = "Delete caches and records: plan, show, confirm, delete.",
    .details = "All conditions must hold. --service alone means its cache directories and its own\n"
               "records; --type, --match, --text, --in-use and --shared alone mean records;\n"
               "--older-than, --larger-than and --smaller-than alone mean caches, their garbage\n"
               "and records. Of caches that no --service names, only abandoned ones go as a\n"
               "whole; with --live this project's, too. A busy cache is left alone, and the\n"
               "exit status is 3.\n",
    .options = selectors_options,
    .values_size = sizeof(struct prune_values),
    .run = run,
};
