/* bilge du: the records of one builder, sorted, attributed, with what pins them. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/selectors.h"
#include "cli/session.h"
#include "cli/table.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/store/description.h"

struct du_values {
    struct condition_values conditions;
    const char *sort;
};

struct du {
    const struct globals *globals;
    struct query query;
    const struct sort_key *key;
    struct session session;
};

/* --------------------------------------------------------------- output */

/* Also those that are guessed. */
static void services_json(struct json *json, const struct row *row)
{
    json_put_array(json, "services");
    for (size_t i = 0; row->owners != NULL && i < row->owners->services_len; i++)
        if (owners_has(row->owners, row->index, i) || owners_may_have(row->owners, row->index, i))
            json_put_text(json, NULL, row->owners->services[i]);
    json_put_array_end(json);
}

static bool any_shares(const struct store *store)
{
    for (size_t i = 0; i < store->services_len; i++)
        if (store->services[i].same_path_len > 0)
            return true;
    return false;
}

/* Who shares the cache directory of the record's service: it may be theirs as well.
 * The store is NULL when nobody shares any. */
static void shares_json(struct json *json, const struct store *store, const struct owner *owner)
{
    bool known = store != NULL && owner->service != NULL && !owner->guess;
    const struct service *service = known ? store_service_named(store, owner->service, NULL) : NULL;
    json_put_array(json, "shares_path");
    for (size_t i = 0; service != NULL && i < service->same_path_len; i++)
        json_put_text(json, NULL, service->same_path[i]);
    json_put_array_end(json);
}

static void row_json(struct json *json, const struct store *store, const struct row *row)
{
    const struct record *record = row->record;
    char created[CLOCK_TEXT_SIZE]; /* promised to be a time: of one that doesn't tell, 1970 */
    json_put_object(json, NULL);
    json_put_text(json, "id", record->id);
    json_put_array(json, "parents");
    for (size_t i = 0; i < record->parents_len; i++)
        json_put_text(json, NULL, record->parents[i]);
    json_put_array_end(json);
    json_put_text(json, "type", record->type);
    json_put_text(json, "description", record->description);
    json_put_int(json, "size", record->size_bytes);
    json_put_text(json, "created_at", clock_rfc3339(created, record->created_at));
    json_put_time(json, "last_used_at", record->last_used_at);
    json_put_int(json, "usage_count", record->usage_count);
    json_put_bool(json, "in_use", record->in_use);
    json_put_bool(json, "leaked", record->leaked);
    json_put_bool(json, "shared", record->shared);
    json_put_bool(json, "mutable", record->mutable_);
    json_put_text(json, "service", row->owner->guess ? NULL : row->owner->service);
    services_json(json, row);
    shares_json(json, store, row->owner);
    json_put_bool(json, "guess", row->owner->guess);
    json_put_array(json, "pinned_by");
    for (size_t i = 0; i < row->pins_len; i++)
        json_put_text(json, NULL, row->pins[i].child);
    json_put_array_end(json);
    json_put_object_end(json);
}

static void print_json(const struct listing *listing, const struct store *store)
{
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    json_put_text(&json, "builder", listing->builder->name);
    json_put_array(&json, "records");
    for (size_t i = 0; i < listing->rows_len; i++)
        row_json(&json, store, &listing->rows[i]);
    json_put_array_end(&json);
    json_put_object_end(&json);
    putchar('\n');
}

static const char *row_state(const struct row *row)
{
    if (row->record->in_use)
        return row->record->leaked ? "leaked" : "in use";
    if (row->pins_len > 0)
        return "pinned";
    return row->record->shared ? "shared" : "free";
}

static void table_owner(struct table *table, const struct owner *owner)
{
    const char *names = owner->service != NULL ? owner->service : owner->several;
    char *text = mem_printf("%s%s", names != NULL ? names : "", owner->guess ? " ?" : "");
    table_text(table, names != NULL ? text : NULL);
    free(text);
}

/* A RUN step's description has as many lines as the step. */
static void table_one_line(struct table *table, const char *description)
{
    char *line = mem_strdup(description);
    for (char *at = line; *at != '\0'; at++)
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    table_text(table, line);
    free(line);
}

static void table_words(struct table *table, const struct store *store, const struct record *record)
{
    char *words = record_summary(store, record);
    table_one_line(table, words);
    free(words);
}

static void print_text(const struct listing *listing, const struct store *store)
{
    static const struct table_column columns[] = {
        {"ID", false},       {"TYPE", false},        {"SIZE", true},
        {"LAST USED", true}, {"USES", true},         {"STATE", false},
        {"SERVICE", false},  {"DESCRIPTION", false}, {NULL, false},
    };
    int64_t now = clock_now(), size = 0, reclaimable = 0;
    struct table *table = table_new(columns);
    for (size_t i = 0; i < listing->rows_len; i++) {
        const struct record *record = listing->rows[i].record;
        table_text(table, record->id);
        table_text(table, record->type);
        table_size(table, record->size_bytes);
        table_age(table, record->last_used_at, now);
        table_count(table, (uint64_t)record->usage_count);
        table_text(table, row_state(&listing->rows[i]));
        table_owner(table, listing->rows[i].owner);
        table_words(table, store, record);
        size += record->size_bytes;
        reclaimable += record->in_use ? 0 : record->size_bytes;
    }
    if (listing->rows_len > 0) {
        table_print(table, table_terminal_columns(stdout), stdout);
        putchar('\n');
    }
    table_free(table);
    char text[2][TEXT_SIZE_SIZE];
    printf("Builder %s: %zu records, %s, of which %s are not in use.\n", listing->builder->name,
           listing->rows_len, text_size(text[0], size), text_size(text[1], reclaimable));
    const struct growth *growth = &listing->builder->growth;
    if (growth->known)
        printf("It gained %s in the last day, %s an hour.\n", text_size(text[0], growth->day_bytes),
               text_size(text[1], growth->per_hour_bytes));
    if (growth->per_build_bytes > 0)
        printf("A build adds about %s.\n", text_size(text[0], growth->per_build_bytes));
}

/* -------------------------------------------------------------- command */

static int check_services(const struct du *du, struct err *err)
{
    const struct store *store = du->session.store;
    for (size_t i = 0; i < du->query.services_len; i++) {
        const char *name = du->query.services[i];
        if (store_service(store, name) == NULL && store_service_named(store, name, NULL) == NULL)
            return store_no_service(store, name, err);
    }
    return 0;
}

static enum exit_code list_records(const struct du *du)
{
    struct err err;
    const struct builder *builder;
    struct query_match match;
    struct listing listing;
    if (check_services(du, &err) < 0 ||
        session_builder(&du->session, du->globals->builder, &builder, &err) < 0)
        return complain_err(&err);
    if (!builder->reachable) {
        complain("builder %s: %s", builder->name, session_builder_error(builder));
        return EXIT_FAILED;
    }
    if (query_match_init(&match, &du->query, clock_now(), &err) < 0)
        return complain_err(&err);
    listing_init(&listing, du->session.store, builder, &match, du->key);
    if (du->globals->json)
        print_json(&listing, any_shares(du->session.store) ? du->session.store : NULL);
    else
        print_text(&listing, du->session.store);
    listing_done(&listing);
    query_match_done(&match);
    return EXIT_DONE;
}

static enum exit_code run(const struct globals *globals, const void *arg,
                          const struct option_list *operands)
{
    const struct du_values *values = arg;
    struct bilge_options options = globals_options(globals);
    struct du du = {.globals = globals};
    struct err err;
    (void)operands;
    if (listing_sort_key(values->sort, &du.key, &err) < 0 ||
        selectors_conditions(&values->conditions, &du.query, &err) < 0 ||
        session_open(&du.session, &options, &err) < 0)
        return complain_err(&err);
    session_patience(&du.session, globals, true);
    enum exit_code code =
        session_settle(&du.session, &err) < 0 ? complain_err(&err) : list_records(&du);
    session_close(&du.session);
    return code;
}

#define VALUE(member) offsetof(struct du_values, member)
static const struct option_spec du_options[] = {
    CONDITION_OPTIONS(du_values),
    {"sort", 0, OPTION_TEXT, VALUE(sort), "KEY", LISTING_SORT_KEYS},
    {0},
};

const struct command command_du = {
    .name = "du",
    .summary = "List the records of a builder's build cache.",
    .options = du_options,
    .values_size = sizeof(struct du_values),
    .run = run,
};
