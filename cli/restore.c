/* bilge restore: point a cache back at an earlier generation. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/session.h"
#include "core/base/mem.h"
#include "core/base/text.h"

struct restore_values {
    const char *generation;
};

static const struct option_spec options[] = {
    {"generation", 0, OPTION_TEXT, offsetof(struct restore_values, generation), "ID",
     "digest of its manifest, or the first 12 digits or more (else: the newest earlier one)"},
    {0},
};

#define SHORTEST_ID 12

struct restoration {
    struct session session;
    bool done;
    bool failed;
    struct digest generation; /* that was restored */
    struct err err;
};

static void on_restored(void *arg, const struct digest *generation)
{
    struct restoration *restoration = arg;
    restoration->generation = *generation;
}

static void on_done(void *arg, const struct err *err)
{
    struct restoration *restoration = arg;
    restoration->done = true;
    restoration->failed = err != NULL;
    if (err != NULL)
        restoration->err = *err;
}

static bool is_done(void *arg)
{
    const struct restoration *restoration = arg;
    return restoration->done;
}

/* The one generation whose digest begins so. */
static int find_generation(const struct cache *cache, const char *id,
                           const struct cache_generation **ret_generation, struct err *err)
{
    static const char algorithm[] = "sha256:";
    const char *digits =
        strncmp(id, algorithm, sizeof algorithm - 1) == 0 ? id + sizeof algorithm - 1 : id;
    const struct cache_generation *found = NULL;
    size_t len = strlen(digits);
    if (len < SHORTEST_ID)
        return err_set(err, ERR_USAGE, "--generation needs %d digits or more: \"%s\"", SHORTEST_ID,
                       id);
    for (size_t i = 0; i < cache->generations_len; i++) {
        char hex[DIGEST_HEX_SIZE];
        if (strncmp(digest_hex(hex, &cache->generations[i].manifest), digits, len) != 0)
            continue;
        if (found != NULL)
            return err_set(err, ERR_USAGE, "several generations begin with %s", digits);
        found = &cache->generations[i];
    }
    if (found == NULL)
        return err_set(err, ERR_USAGE, "%s has no generation %s", cache->name, id);
    *ret_generation = found;
    return 0;
}

/* Its tag, as the store has it by now; NULL: none, or it is live no longer. Borrowed. */
static const char *find_tag(const struct service *service, const struct digest *generation)
{
    const struct cache *cache = service != NULL ? service->cache : NULL;
    for (size_t i = 0; cache != NULL && i < cache->generations_len; i++)
        if (cache->generations[i].live && digest_equal(&cache->generations[i].manifest, generation))
            return cache->generations[i].tag;
    return NULL;
}

static void report(const struct restoration *restoration, const char *id,
                   const struct globals *globals)
{
    const struct service *service = store_service(restoration->session.store, id);
    const char *tag = find_tag(service, &restoration->generation);
    char digest[DIGEST_TEXT_SIZE];
    digest_text(digest, &restoration->generation);
    if (globals->json) {
        struct json json = {.out = stdout};
        json_put_object(&json, NULL);
        json_put_text(&json, "service", service != NULL ? service->name : NULL);
        json_put_text(&json, "generation", digest);
        json_put_text(&json, "tag", tag);
        json_put_object_end(&json);
        putchar('\n');
        return;
    }
    struct buf clean = {0};
    if (tag != NULL)
        text_clean(&clean, tag, strlen(tag));
    printf("Restored: the live generation is %s%s%s\n", digest, tag != NULL ? ", tag " : "",
           tag != NULL ? clean.data : "");
    buf_done(&clean);
}

static int start(struct restoration *restoration, const struct restore_values *values,
                 const struct service *service, struct err *err)
{
    static const struct bilge_care_ops ops = {.on_restored = on_restored, .on_done = on_done};
    const struct cache_generation *generation = NULL;
    if (service->cache == NULL || service->cache->state == CACHE_MISSING)
        return err_set(err, ERR_USAGE, "%s has no cache directory", service->name);
    const char *why_not = cache_untouchable(service->cache);
    if (why_not != NULL)
        return err_set(err, ERR_FOREIGN, "restoring %s: %s", service->name, why_not);
    if (values->generation != NULL) {
        int code = find_generation(service->cache, values->generation, &generation, err);
        if (code < 0)
            return code;
    }
    return bilge_restore(restoration->session.bilge, service->id,
                         generation != NULL ? &generation->manifest : NULL, &ops, restoration, err);
}

static bool is_looked_at(void *arg)
{
    const struct store *const *store = arg;
    return !(*store)->scanning;
}

static enum exit_code restore(struct restoration *restoration, const struct globals *globals,
                              const struct restore_values *values, const char *name)
{
    struct session *session = &restoration->session;
    const struct service *service;
    struct err err;
    if (session_settle(session, &err) < 0 || session_service(session, name, &service, &err) < 0)
        return complain_err(&err);
    /* An export of which something is set aside is whole only then. */
    if (store_has_unfinished(session->store)) {
        session_finish(session);
        session_wait(session, is_looked_at, &session->store, 0);
    }
    if (session_service(session, name, &service, &err) < 0 ||
        start(restoration, values, service, &err) < 0) {
        enum exit_code code = complain_err(&err);
        /* A usage error says that nothing was touched. */
        return code == EXIT_BAD_USAGE && session->finished_told > 0 ? EXIT_FAILED : code;
    }
    char *id = mem_strdup(service->id);
    while (session_wait(session, is_done, restoration, 0) == SESSION_INTERRUPTED)
        bilge_care_cancel(session->bilge);
    enum exit_code code = EXIT_DONE;
    if (restoration->failed) {
        code = complain_err(&restoration->err);
        if (restoration->err.code == ERR_BUSY)
            code = EXIT_PARTLY;
    } else {
        session_wait(session, is_looked_at, &session->store, 0);
        report(restoration, id, globals);
    }
    if (store_has_unfinished(session->store) && code == EXIT_DONE)
        code = EXIT_PARTLY;
    free(id);
    return code;
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    struct restoration restoration = {.done = false};
    struct bilge_options bilge_options = globals_options(globals);
    struct err err;
    if (globals->read_only) {
        err_set(&err, ERR_USAGE, "--read-only: nothing is restored");
        return complain_err(&err);
    }
    if (operands->len != 1) {
        err_set(&err, ERR_USAGE, "restore takes one service");
        return complain_err(&err);
    }
    if (session_open(&restoration.session, &bilge_options, &err) < 0)
        return complain_err(&err);
    restoration.session.finishes = true;
    enum exit_code code = session_end_code(
        &restoration.session, restore(&restoration, globals, values, operands->items[0]));
    session_close(&restoration.session);
    return code;
}

const struct command command_restore = {
    .name = "restore",
    .operands = "SERVICE",
    .summary = "Point a cache back at an earlier generation that is whole.",
    .details = "Nothing is deleted: the generation that was live stays on disk as an older one.\n"
               "\"bilge status\" says when a cache has shrunk from the generation before.\n",
    .options = options,
    .values_size = sizeof(struct restore_values),
    .run = run,
};
