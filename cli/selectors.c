#include "cli/selectors.h"

#include <stddef.h>

#define VALUE(member) offsetof(struct prune_values, member)
const struct option_spec selectors_options[] = {
    CONDITION_OPTIONS(prune_values),
    {"garbage", 0, OPTION_FLAG, VALUE(garbage), NULL, "what the live generation does not reach"},
    {"keep-generations", 0, OPTION_COUNT, VALUE(keep_generations), "N",
     "older generations but the newest N (the live one counts)"},
    {"records", 0, OPTION_FLAG, VALUE(records), NULL, "the builder's records"},
    {"guesses", 0, OPTION_FLAG, VALUE(guesses), NULL,
     "with --service: its records, too, that only a text says are its own"},
    {"others", 0, OPTION_FLAG, VALUE(others), NULL,
     "with --service: its records, too, that other services need"},
    {"free", 0, OPTION_SIZE, VALUE(free), "SIZE",
     "the cheapest to lose that gives back so much: 500MB 10GB 2GiB"},
    {"live", 0, OPTION_FLAG, VALUE(live), NULL,
     "with --free or an age: whole current caches of this project, too"},
    {"abandoned-after", 0, OPTION_AGE, VALUE(abandoned_after), "AGE",
     "a cache that no project names is abandoned when it is older (30d)"},
    {"all", 0, OPTION_FLAG, VALUE(all), NULL,
     "every cache directory, also of other projects, and every record"},
    {"dry-run", 0, OPTION_FLAG, VALUE(dry_run), NULL, "show the plan, delete nothing"},
    {"yes", 'y', OPTION_FLAG, VALUE(yes), NULL, "delete without asking"},
    {"wait", 0, OPTION_FLAG, VALUE(wait), NULL, "wait until busy caches are free"},
    {"now", 0, OPTION_FLAG, VALUE(now), NULL,
     "delete from busy caches too: a build that exports into one may break"},
    /* As docker's prune commands have them: there -f deletes without asking. */
    {"force", 'f', OPTION_REFUSED, 0, NULL,
     "prune takes neither -f nor --force: --yes deletes without asking, "
     "--file COMPOSE names a compose file"},
    {"a", 'a', OPTION_REFUSED, 0, NULL,
     "prune takes no -a: --all deletes every cache directory and every record"},
    {0},
};

static enum query_flag flag_of(const struct option_number *value)
{
    return !value->given ? QUERY_EITHER : value->value != 0 ? QUERY_YES : QUERY_NO;
}

static void put_conditions(const struct condition_values *values, struct query *query)
{
    query->services = values->services.items;
    query->services_len = values->services.len;
    query->ids = values->ids.items;
    query->ids_len = values->ids.len;
    query->type = values->type;
    query->match = values->match;
    query->text = values->text;
    query->in_use = flag_of(&values->in_use);
    query->shared = flag_of(&values->shared);
    query->older_than_s = values->older_than.given ? values->older_than.value : -1;
    query->larger_than_bytes = values->larger_than.value;
    query->smaller_than_bytes = values->smaller_than.value;
}

int selectors_conditions(const struct condition_values *values, struct query *ret_query,
                         struct err *err)
{
    query_init(ret_query);
    put_conditions(values, ret_query);
    return query_check_conditions(ret_query, err);
}

static int check_all(const struct prune_values *values, const struct query *query, struct err *err)
{
    if (query->services_len > 0 || query->ids_len > 0 || query_is_of_records(query) ||
        query->larger_than_bytes > 0 || query->smaller_than_bytes > 0 || values->garbage ||
        values->records || values->keep_generations.given || values->free.given)
        return err_set(err, ERR_USAGE, "--all leaves nothing out: it goes with --older-than only");
    return 0;
}

/* Scopes that are not asked for by name follow from the conditions. */
static void imply_scopes(struct query *query, const struct prune_values *values)
{
    bool sized = query->larger_than_bytes > 0 || query->smaller_than_bytes > 0;
    if (query->garbage || query->keep_generations > 0 || query->records)
        return;
    if (query_is_of_records(query))
        query->records = true;
    else if (query->ids_len > 0)
        return;
    else if (values->free.given)
        query->whole = query->garbage = query->records = true;
    else if (query->services_len > 0)
        query->whole = query->records = true;
    else if (values->all || values->conditions.older_than.given || sized)
        query->whole = query->garbage = query->records = true;
}

int selectors_query(const struct prune_values *values, const char *builder, struct query *ret_query,
                    struct err *err)
{
    struct query *query = ret_query;
    query_init(query);
    put_conditions(&values->conditions, query);
    if (values->all && check_all(values, query, err) < 0)
        return err->code;
    if (values->abandoned_after.given && values->abandoned_after.value < 1)
        return err_set(err, ERR_USAGE, "--abandoned-after: it must be a second or more");
    if (values->wait && values->now)
        return err_set(err, ERR_USAGE, "--wait and --now contradict each other");
    query->garbage = values->garbage;
    query->keep_generations =
        values->keep_generations.given ? (int)values->keep_generations.value : 0;
    query->records = values->records;
    query->guesses = values->guesses;
    query->others = values->others;
    query->free_bytes = values->free.value;
    query->builder = builder;
    query->now = values->now;
    query->live = values->live;
    query->all = values->all;
    imply_scopes(query, values);
    return query_check(query, err);
}
