#include "cli/selectors.h"

#include <stddef.h>

#define VALUE(member) offsetof(struct prune_values, member)
const struct option_spec selectors_options[] = {
    {"service", 0, OPTION_LIST, VALUE(services), "NAME", "of this service (repeatable)"},
    {"older-than", 0, OPTION_AGE, VALUE(older_than), "AGE",
     "exported, or last used, longer ago: 90s 15m 24h 7d 2w"},
    {"garbage", 0, OPTION_FLAG, VALUE(garbage), NULL, "what the live generation does not reach"},
    {"keep-generations", 0, OPTION_COUNT, VALUE(keep_generations), "N",
     "older generations but the newest N (the live one counts)"},
    {"records", 0, OPTION_FLAG, VALUE(records), NULL, "the builder's records"},
    {"type", 0, OPTION_TEXT, VALUE(type), "TYPE", "records of this type"},
    {"id", 0, OPTION_LIST, VALUE(ids), "ID", "this record, generation or blob (repeatable)"},
    {"free", 0, OPTION_SIZE, VALUE(free), "SIZE",
     "the cheapest to lose that gives back so much: 500MB 10GB 2GiB"},
    {"all", 0, OPTION_FLAG, VALUE(all), NULL, "every cache directory and every record"},
    {"dry-run", 0, OPTION_FLAG, VALUE(dry_run), NULL, "show the plan, delete nothing"},
    {"yes", 'y', OPTION_FLAG, VALUE(yes), NULL, "delete without asking"},
    {"wait", 0, OPTION_FLAG, VALUE(wait), NULL, "wait until busy caches are free"},
    {"now", 0, OPTION_FLAG, VALUE(now), NULL,
     "delete from busy caches too: a build that exports into one may break"},
    {0},
};

static int check_all(const struct prune_values *values, struct err *err)
{
    if (values->services.len > 0 || values->ids.len > 0 || values->type != NULL ||
        values->garbage || values->records || values->keep_generations.given ||
        values->free.given)
        return err_set(err, ERR_USAGE, "--all leaves nothing out: it goes with --older-than only");
    return 0;
}

/* Scopes that are not asked for by name follow from the conditions. */
static void imply_scopes(struct query *query, const struct prune_values *values)
{
    bool scope = query->garbage || query->keep_generations > 0 || query->records;
    if (scope || query->ids_len > 0)
        return;
    if (values->type != NULL)
        query->records = true;
    else if (values->free.given)
        query->whole = query->garbage = query->records = true;
    else if (values->services.len > 0)
        query->whole = query->records = true;
    else if (values->all || values->older_than.given)
        query->whole = query->garbage = query->records = true;
}

int selectors_query(const struct prune_values *values, const char *builder,
                    struct query *ret_query, struct err *err)
{
    struct query *query = ret_query;
    if (values->all && check_all(values, err) < 0)
        return err->code;
    if (values->wait && values->now)
        return err_set(err, ERR_USAGE, "--wait and --now contradict each other");
    query_init(query);
    query->garbage = values->garbage;
    query->keep_generations =
        values->keep_generations.given ? (int)values->keep_generations.value : 0;
    query->records = values->records;
    query->services = values->services.items;
    query->services_len = values->services.len;
    query->ids = values->ids.items;
    query->ids_len = values->ids.len;
    query->type = values->type;
    query->older_than_s = values->older_than.given ? values->older_than.value : -1;
    query->free_bytes = values->free.value;
    query->builder = builder;
    query->now = values->now;
    imply_scopes(query, values);
    return query_check(query, err);
}
