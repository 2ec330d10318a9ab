/* bilge dedupe: identical blobs of several caches become one file. */
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/session.h"
#include "cli/table.h"
#include "core/base/mem.h"
#include "core/base/text.h"

#define SHOWN 20 /* of the largest blobs */

struct dedupe_values {
    bool dry_run, yes, across_users;
};

#define VALUE(member) offsetof(struct dedupe_values, member)
static const struct option_spec options[] = {
    {"dry-run", 0, OPTION_FLAG, VALUE(dry_run), NULL, "show what is duplicated, change nothing"},
    {"yes", 'y', OPTION_FLAG, VALUE(yes), NULL, "link without asking"},
    {"across-users", 0, OPTION_FLAG, VALUE(across_users), NULL,
     "link copies that belong to different users, too"},
    {0},
};

struct deduplication {
    const struct globals *globals;
    const struct dedupe_values *values;
    struct session session;
    FILE *shown;
    const struct cache **caches;
    const char **ids;
    char **names; /* copies: linking changes the store */
    size_t len;
    size_t unread; /* caches that could not be read: what they share is not known */
    struct dedupe_plan plan;
    int *codes; /* of each item; NULL until linked */
    struct err err;
    bool done;
};

static void gather(struct deduplication *dedup)
{
    const struct store *store = dedup->session.store;
    dedup->caches = mem_alloc((store->services_len + 1) * sizeof *dedup->caches);
    dedup->ids = mem_alloc((store->services_len + 1) * sizeof *dedup->ids);
    dedup->names = mem_alloc((store->services_len + 1) * sizeof *dedup->names);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *service = &store->services[i];
        if (service->cache != NULL && service->cache->state == CACHE_UNREADABLE &&
            !service->elsewhere) {
            complain("%s is left out: %s", service->name, service->cache->error);
            dedup->unread++;
        }
        if (service->cache == NULL || service->cache->state != CACHE_OK)
            continue;
        dedup->caches[dedup->len] = service->cache;
        dedup->names[dedup->len] = mem_strdup(service->cache->name);
        dedup->ids[dedup->len++] = service->id;
    }
    dedupe_make(dedup->caches, dedup->len, &dedup->plan);
}

/* ------------------------------------------------------------------ report */

static int by_size(const void *a, const void *b)
{
    const struct dedupe_item *const *x = a, *const *y = b;
    return ((*x)->size_bytes < (*y)->size_bytes) - ((*x)->size_bytes > (*y)->size_bytes);
}

static void print_items(const struct deduplication *dedup)
{
    static const struct table_column columns[] = {
        {"SIZE", true}, {"BLOB", false}, {"STAYS IN", false}, {"LINKED FROM", false}, {0}};
    const struct dedupe_item **sorted = mem_alloc((dedup->plan.len + 1) * sizeof *sorted);
    struct table *table = table_new(columns);
    for (size_t i = 0; i < dedup->plan.len; i++)
        sorted[i] = &dedup->plan.items[i];
    qsort(sorted, dedup->plan.len, sizeof *sorted, by_size);
    for (size_t i = 0; i < dedup->plan.len && i < SHOWN; i++) {
        char hex[DIGEST_HEX_SIZE];
        digest_hex(hex, &sorted[i]->digest);
        hex[12] = '\0';
        table_size(table, sorted[i]->size_bytes);
        table_text(table, hex);
        table_text(table, dedup->names[sorted[i]->from]);
        table_text(table, dedup->names[sorted[i]->to]);
    }
    table_print(table, table_terminal_columns(dedup->shown), dedup->shown);
    if (dedup->plan.len > SHOWN)
        fprintf(dedup->shown, "and %zu smaller ones\n", dedup->plan.len - SHOWN);
    table_free(table);
    free(sorted);
}

static void print_plan(const struct deduplication *dedup)
{
    char frees[TEXT_SIZE_SIZE], linked[TEXT_SIZE_SIZE];
    if (dedup->plan.len > 0)
        print_items(dedup);
    fprintf(dedup->shown, "%s can be given back; %s are saved by links already.\n",
            text_size(frees, dedup->plan.frees_bytes), text_size(linked, dedup->plan.linked_bytes));
}

static int64_t freed(const struct deduplication *dedup)
{
    int64_t bytes = 0;
    for (size_t i = 0; dedup->codes != NULL && i < dedup->plan.len; i++)
        bytes += dedup->codes[i] == 0 ? dedup->plan.items[i].frees_bytes : 0;
    return bytes;
}

static size_t failures(const struct deduplication *dedup)
{
    size_t count = 0;
    for (size_t i = 0; dedup->codes != NULL && i < dedup->plan.len; i++)
        count += dedup->codes[i] != 0;
    return count;
}

static void item_json(const struct deduplication *dedup, struct json *json,
                      const struct dedupe_item *item)
{
    char digest[DIGEST_TEXT_SIZE];
    json_put_object(json, NULL);
    json_put_text(json, "digest", digest_text(digest, &item->digest));
    json_put_text(json, "from", dedup->names[item->from]);
    json_put_text(json, "to", dedup->names[item->to]);
    json_put_int(json, "size", item->size_bytes);
    json_put_int(json, "frees", item->frees_bytes);
    json_put_object_end(json);
}

static void report_json(const struct deduplication *dedup)
{
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    json_put_bool(&json, "dry_run", dedup->values->dry_run);
    json_put_array(&json, "items");
    for (size_t i = 0; i < dedup->plan.len; i++)
        item_json(dedup, &json, &dedup->plan.items[i]);
    json_put_array_end(&json);
    json_put_int(&json, "duplicated", dedup->plan.duplicated_bytes);
    json_put_int(&json, "linked", dedup->plan.linked_bytes);
    json_put_int(&json, "planned", dedup->plan.frees_bytes);
    json_put_int(&json, "freed", freed(dedup));
    json_put_array(&json, "failed");
    for (size_t i = 0; dedup->codes != NULL && i < dedup->plan.len; i++) {
        char digest[DIGEST_TEXT_SIZE];
        if (dedup->codes[i] == 0)
            continue;
        json_put_object(&json, NULL);
        json_put_text(&json, "id", digest_text(digest, &dedup->plan.items[i].digest));
        json_put_text(&json, "error", err_reason(dedup->codes[i]));
        json_put_object_end(&json);
    }
    json_put_array_end(&json);
    json_put_object_end(&json);
    putchar('\n');
}

static void report_text(const struct deduplication *dedup)
{
    char bytes[TEXT_SIZE_SIZE];
    printf("Gave back %s.\n", text_size(bytes, freed(dedup)));
    for (size_t i = 0; i < dedup->plan.len; i++) {
        char hex[DIGEST_HEX_SIZE];
        const struct dedupe_item *item = &dedup->plan.items[i];
        if (dedup->codes[i] != 0)
            complain("not linked: %.12s in %s: %s", digest_hex(hex, &item->digest),
                     dedup->names[item->to], err_reason(dedup->codes[i]));
    }
}

/* ----------------------------------------------------------------- linking */

static void on_linked(void *arg, const int *codes, size_t len)
{
    struct deduplication *dedup = arg;
    dedup->codes = mem_alloc((len + 1) * sizeof *codes);
    memcpy(dedup->codes, codes, len * sizeof *codes);
}

static void on_done(void *arg, const struct err *err)
{
    struct deduplication *dedup = arg;
    if (err != NULL) /* else each item says what became of it */
        dedup->err = *err;
    dedup->done = true;
}

static bool is_done(void *arg)
{
    const struct deduplication *dedup = arg;
    return dedup->done;
}

static enum exit_code link_all(struct deduplication *dedup)
{
    static const struct bilge_care_ops ops = {.on_linked = on_linked, .on_done = on_done};
    struct err err;
    bool interrupted = false;
    if (bilge_dedupe(dedup->session.bilge, dedup->ids, dedup->len, &dedup->plan,
                     dedup->values->across_users, &ops, dedup, &err) < 0)
        return complain_err(&err);
    while (session_wait(&dedup->session, is_done, dedup, 0) == SESSION_INTERRUPTED) {
        interrupted = true;
        bilge_care_cancel(dedup->session.bilge);
    }
    if (interrupted)
        return EXIT_INTERRUPTED;
    if (dedup->codes == NULL)
        return complain_err(&dedup->err);
    size_t failed = failures(dedup);
    if (failed == 0)
        return dedup->unread > 0 ? EXIT_PARTLY : EXIT_DONE;
    return failed == dedup->plan.len ? EXIT_FAILED : EXIT_PARTLY;
}

static enum exit_code dedupe(struct deduplication *dedup)
{
    struct err err;
    bool yes = dedup->values->yes;
    enum exit_code code = EXIT_DONE;
    if (session_settle(&dedup->session, &err) < 0)
        return complain_err(&err);
    gather(dedup);
    /* The object says it all; beside it the plan is for who is asked. */
    if (!dedup->globals->json || (!yes && !dedup->values->dry_run))
        print_plan(dedup);
    bool change = dedup->plan.len > 0 && !dedup->values->dry_run;
    if (change && !yes && ask_yes(&dedup->session, dedup->shown, "Link these?", &yes, &err) < 0)
        return complain_err(&err);
    if (change && yes)
        code = link_all(dedup);
    else if (dedup->unread > 0)
        code = EXIT_FAILED;
    if (yes && !dedup->values->dry_run && !session_finish(&dedup->session) && code == EXIT_DONE)
        code = EXIT_PARTLY;
    if (dedup->globals->json)
        report_json(dedup);
    else if (dedup->codes != NULL)
        report_text(dedup);
    return code;
}

static int check(const struct deduplication *dedup, struct err *err)
{
    if (dedup->values->dry_run)
        return 0;
    if (dedup->globals->read_only)
        return err_set(err, ERR_USAGE,
                       "--read-only: nothing is linked (--dry-run shows what could be)");
    if (!dedup->values->yes && !ask_possible(dedup->shown))
        return err_set(err, ERR_USAGE,
                       "there is no terminal to ask on: --yes links, --dry-run shows the plan");
    return 0;
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    struct deduplication dedup = {
        .globals = globals, .values = values, .shown = globals->json ? stderr : stdout};
    struct bilge_options bilge_options = globals_options(globals);
    struct err err;
    (void)operands;
    if (check(&dedup, &err) < 0 || session_open(&dedup.session, &bilge_options, &err) < 0)
        return complain_err(&err);
    dedup.session.finishes = dedup.values->yes && !dedup.values->dry_run;
    enum exit_code code = session_end_code(&dedup.session, dedupe(&dedup));
    dedupe_done(&dedup.plan);
    session_close(&dedup.session);
    for (size_t i = 0; i < dedup.len; i++)
        free(dedup.names[i]);
    free(dedup.names);
    free(dedup.caches);
    free(dedup.ids);
    free(dedup.codes);
    return code;
}

const struct command command_dedupe = {
    .name = "dedupe",
    .summary = "Hard-link identical blobs of several caches.",
    .details = "Each blob's content is checked before it is linked. A build never writes into a\n"
               "blob that is there, so the caches go on living apart.\n",
    .options = options,
    .values_size = sizeof(struct dedupe_values),
    .run = run,
};
