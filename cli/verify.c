/* bilge verify: is every blob of the live generations there, whole, and what
 * its name says? With --repair, make it so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/session.h"
#include "cli/table.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"

struct verify_values {
    bool repair, yes;
};

#define VALUE(member) offsetof(struct verify_values, member)
static const struct option_spec options[] = {
    {"repair", 0, OPTION_FLAG, VALUE(repair), NULL,
     "make a valid, smaller cache of a broken one, or remove it"},
    {"yes", 'y', OPTION_FLAG, VALUE(yes), NULL, "repair without asking"},
    {0},
};

struct verification {
    const struct globals *globals;
    const struct verify_values *values;
    struct session session;
    struct json json;
    FILE *shown; /* where a person reads */
    const char **ids;
    size_t ids_len, ids_cap;
    size_t unsound; /* caches with a problem that is still there */
    bool progress;  /* a line of it stands on the terminal */
    int64_t started_mono_ms;
    bool done;
    struct err err;
};

/* -------------------------------------------------------------- which ones */

static void add(struct verification *verification, const struct service *service)
{
    mem_reserve((void **)&verification->ids, &verification->ids_cap, verification->ids_len + 1,
                sizeof *verification->ids);
    verification->ids[verification->ids_len++] = service->id;
}

/* Not one that lies outside the roots, or in one that could not be read. */
static bool was_met(const struct cache *cache)
{
    return cache->state != CACHE_MISSING && cache->ino != 0;
}

static int choose(struct verification *verification, const struct option_list *operands,
                  struct err *err)
{
    const struct store *store = verification->session.store;
    for (size_t i = 0; i < operands->len; i++) {
        const struct service *service;
        int code = session_service(&verification->session, operands->items[i], &service, err);
        if (code == 0 && (service->cache == NULL || service->cache->state == CACHE_MISSING))
            code = err_set(err, ERR_USAGE, "%s has no cache directory", operands->items[i]);
        if (code == 0 && !was_met(service->cache))
            code = err_set(err, -EIO, "cannot verify %s: %s", operands->items[i],
                           service->cache->error != NULL ? service->cache->error
                                                         : "its directory was not read");
        if (code < 0)
            return code;
        add(verification, service);
    }
    for (size_t i = 0; i < store->services_len && operands->len == 0; i++) {
        const struct cache *cache = store->services[i].cache;
        if (cache != NULL && was_met(cache) && cache->state != CACHE_EMPTY)
            add(verification, &store->services[i]);
    }
    return 0;
}

/* ---------------------------------------------------------------- progress */

static void on_progress(void *arg, int64_t done_bytes, int64_t total_bytes)
{
    struct verification *verification = arg;
    char done[TEXT_SIZE_SIZE], total[TEXT_SIZE_SIZE], rate[TEXT_SIZE_SIZE];
    if (table_terminal_columns(stderr) == 0)
        return;
    int64_t elapsed_ms = clock_mono_ms() - verification->started_mono_ms;
    fprintf(stderr, "\r%s of %s, %s/s\033[K", text_size(done, done_bytes),
            text_size(total, total_bytes),
            text_size(rate, elapsed_ms > 0 ? done_bytes * 1000 / elapsed_ms : 0));
    verification->progress = true;
}

static void end_progress(struct verification *verification)
{
    if (verification->progress)
        fputs("\r\033[K", stderr);
    verification->progress = false;
    verification->started_mono_ms = clock_mono_ms();
}

/* ------------------------------------------------------------------ report */

static void problem_json(struct json *json, const struct cache_problem *problem)
{
    char digest[DIGEST_TEXT_SIZE];
    json_put_object(json, NULL);
    json_put_text(json, "kind", problem_kind_name(problem->kind));
    json_put_text(json, "digest",
                  problem->has_digest ? digest_text(digest, &problem->digest) : NULL);
    json_put_text(json, "detail", problem->detail);
    json_put_object_end(json);
}

static void report_json(struct verification *verification, const char *name,
                        const struct bilge_verified *verified)
{
    struct json *json = &verification->json;
    json_put_object(json, NULL);
    json_put_text(json, "name", name);
    json_put_bool(json, "ok", verified->err == NULL && verified->result->ok);
    json_put_int(json, "checked_bytes", verified->result->checked_bytes);
    json_put_array(json, "problems");
    for (size_t i = 0; i < verified->result->problems_len; i++)
        problem_json(json, &verified->result->problems[i]);
    json_put_array_end(json);
    if (verification->values->repair)
        json_put_text(json, "repair", verified->repaired ? verified->detail : NULL);
    json_put_object_end(json);
}

static void report_text(const char *name, const struct bilge_verified *verified)
{
    const struct verify_result *result = verified->result;
    struct buf line = {0};
    char size[TEXT_SIZE_SIZE];
    text_clean(&line, name, strlen(name));
    if (result->ok)
        printf("%s: ok, %s checked%s\n", line.data, text_size(size, result->checked_bytes),
               result->hashed ? "" : " (presence and size only: built without libcrypto)");
    for (size_t i = 0; i < result->problems_len; i++) {
        struct buf detail = {0};
        text_clean(&detail, result->problems[i].detail, strlen(result->problems[i].detail));
        printf("%s: %s: %s\n", line.data, problem_kind_name(result->problems[i].kind), detail.data);
        buf_done(&detail);
    }
    if (verified->repaired && verified->act != REPAIR_NOTHING)
        printf("%s: repaired: %s\n", line.data, verified->detail);
    buf_done(&line);
}

static void on_verified(void *arg, const struct bilge_verified *verified)
{
    struct verification *verification = arg;
    const struct service *service =
        store_service(verification->session.store, verified->service_id);
    const char *name =
        service != NULL && service->name != NULL ? service->name : verified->service_id;
    end_progress(verification);
    bool mended = verified->repaired && (verified->act != REPAIR_NOTHING || verified->result->ok);
    if (verified->err != NULL || (!verified->result->ok && !mended))
        verification->unsound++;
    if (verification->globals->json)
        report_json(verification, name, verified);
    else
        report_text(name, verified);
    if (verified->err != NULL)
        complain("%s: %s", name, verified->err->text);
}

static void on_done(void *arg, const struct err *err)
{
    struct verification *verification = arg;
    end_progress(verification);
    verification->done = true;
    if (err != NULL)
        verification->err = *err;
}

/* ----------------------------------------------------------------- running */

static bool is_done(void *arg)
{
    const struct verification *verification = arg;
    return verification->done;
}

static int consent(struct verification *verification, struct err *err)
{
    bool yes = verification->values->yes || !verification->values->repair;
    if (!yes && !ask_possible(verification->shown))
        return err_set(err, ERR_USAGE, "there is no terminal to ask on: --yes repairs");
    if (yes)
        return 0;
    int code = ask_yes(&verification->session, verification->shown,
                       "Repair what is broken? Damaged blobs go; a cache with nothing whole in it "
                       "goes too.",
                       &yes, err);
    return code < 0 ? code : yes ? 0 : err_set(err, ERR_CANCELLED, "nothing was changed");
}

static enum exit_code verify(struct verification *verification, const struct option_list *operands)
{
    static const struct bilge_care_ops ops = {
        .on_progress = on_progress, .on_verified = on_verified, .on_done = on_done};
    struct session *session = &verification->session;
    struct err err;
    if (session_settle(session, &err) < 0 || choose(verification, operands, &err) < 0 ||
        consent(verification, &err) < 0)
        return complain_err(&err);
    verification->started_mono_ms = clock_mono_ms();
    if (verification->ids_len == 0)
        verification->done = true;
    else if (bilge_verify(session->bilge, verification->ids, verification->ids_len,
                          verification->values->repair, &ops, verification, &err) < 0)
        return complain_err(&err);
    if (verification->globals->json) { /* no result comes before this loop's next pass */
        json_put_object(&verification->json, NULL);
        json_put_array(&verification->json, "services");
    }
    bool interrupted = false;
    while (session_wait(session, is_done, verification, 0) == SESSION_INTERRUPTED) {
        interrupted = true;
        bilge_care_cancel(session->bilge);
    }
    if (verification->globals->json) {
        json_put_array_end(&verification->json);
        json_put_object_end(&verification->json);
        putchar('\n');
    } else if (verification->ids_len == 0) {
        puts("There is no cache to verify.");
    }
    bool whole = !verification->values->repair || session_finish(session);
    if (interrupted)
        return EXIT_INTERRUPTED;
    if (verification->err.code != 0) /* not all of them were looked at */
        return complain_err(&verification->err);
    return verification->unsound > 0 ? EXIT_FAILED : whole ? EXIT_DONE : EXIT_PARTLY;
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    struct verification verification = {
        .globals = globals,
        .values = values,
        .json = {.out = stdout},
        .shown = globals->json ? stderr : stdout,
    };
    struct bilge_options bilge_options = globals_options(globals);
    struct err err;
    /* Whoever changes a cache asks the builders whether a build runs. */
    bilge_options.skip_engine = !verification.values->repair;
    if (globals->read_only && verification.values->repair) {
        err_set(&err, ERR_USAGE, "--read-only: nothing is repaired");
        return complain_err(&err);
    }
    if (session_open(&verification.session, &bilge_options, &err) < 0)
        return complain_err(&err);
    verification.session.finishes = verification.values->repair && verification.values->yes;
    enum exit_code code = session_end_code(&verification.session, verify(&verification, operands));
    session_close(&verification.session);
    free(verification.ids);
    return code;
}

const struct command command_verify = {
    .name = "verify",
    .operands = "[SERVICE...]",
    .summary = "Check that every blob that a build may import is there and whole.",
    .details = "Reads all blobs of the live generations. The exit status is 1 when there is a\n"
               "problem that was not repaired.\n",
    .options = options,
    .values_size = sizeof(struct verify_values),
    .run = run,
};
