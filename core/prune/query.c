#include "core/prune/query.h"

#include <string.h>

#include "core/base/text.h"

void query_init(struct query *query)
{
    *query = (struct query){.older_than_s = -1};
}

bool query_is_of_records(const struct query *query)
{
    return query->type != NULL || query->match != NULL || query->text != NULL ||
           query->in_use != QUERY_EITHER || query->shared != QUERY_EITHER;
}

static bool has_cache_scope(const struct query *query)
{
    return query->whole || query->garbage || query->keep_generations > 0;
}

static int check_numbers(const struct query *query, struct err *err)
{
    if (query->keep_generations < 0)
        return err_set(err, ERR_USAGE, "keeping %d generations: the number must be 1 or more",
                       query->keep_generations);
    if (query->free_bytes < 0)
        return err_set(err, ERR_USAGE, "a negative number of bytes can't be freed");
    return 0;
}

static int check_regex(const char *expression, struct err *err)
{
    struct query query;
    struct query_match match;
    query_init(&query);
    query.match = expression;
    int code = query_match_init(&match, &query, 0, err);
    if (code == 0)
        query_match_done(&match);
    return code;
}

int query_check_conditions(const struct query *query, struct err *err)
{
    int64_t larger = query->larger_than_bytes, smaller = query->smaller_than_bytes;
    char text[2][TEXT_SIZE_SIZE];
    if (query->older_than_s < -1)
        return err_set(err, ERR_USAGE, "an age can't be negative");
    if (larger < 0 || smaller < 0)
        return err_set(err, ERR_USAGE, "a size can't be negative");
    if (larger > 0 && smaller > 0 && smaller - larger <= 1)
        return err_set(err, ERR_USAGE, "nothing is larger than %s and smaller than %s",
                       text_size(text[0], larger), text_size(text[1], smaller));
    return query->match != NULL ? check_regex(query->match, err) : 0;
}

/* What of the conditions only a record can meet, in words. */
static const char *name_condition(const struct query *query)
{
    return query->type != NULL                ? "a type"
           : query->match != NULL             ? "what a description matches"
           : query->text != NULL              ? "a text"
           : query->in_use != QUERY_EITHER    ? "in use or not"
                                              : "shared or not";
}

/* What would silently do less, or more, than was meant. */
static int check_contradictions(const struct query *query, struct err *err)
{
    bool caches = has_cache_scope(query);
    if (query_is_of_records(query) && caches)
        return err_set(err, ERR_USAGE,
                       "%s is a condition on records: it can't be combined "
                       "with cache directories or their garbage",
                       name_condition(query));
    if (query->services_len > 0 && !caches && !query->records && query->ids_len == 0)
        return err_set(err, ERR_USAGE,
                       "nothing asked of the service: the whole cache directory, "
                       "its garbage, its older generations, or its records?");
    if ((query->guesses || query->others) && query->services_len == 0)
        return err_set(err, ERR_USAGE,
                       "guesses, and what others need, are records of a service: name one");
    if (query->free_bytes > 0 && (query->ids_len > 0 || query->keep_generations > 0))
        return err_set(err, ERR_USAGE,
                       "what to free is chosen: ids or a number of generations "
                       "can't be given with it");
    if (query->ids_len > 0 && query->whole)
        return err_set(err, ERR_USAGE,
                       "ids name single items: they can't be combined with whole "
                       "cache directories");
    if (query->live && !query->whole && (caches || query->records || query->ids_len > 0))
        return err_set(err, ERR_USAGE,
                       "live caches go as a whole: they can't be combined with single items, "
                       "garbage or records alone");
    if (query->whole && query->keep_generations > 0)
        return err_set(err, ERR_USAGE,
                       "a cache directory can't go as a whole and keep "
                       "generations");
    return 0;
}

int query_check(const struct query *query, struct err *err)
{
    int code = check_numbers(query, err);
    if (code == 0)
        code = query_check_conditions(query, err);
    if (code == 0)
        code = check_contradictions(query, err);
    if (code == 0 && !has_cache_scope(query) && !query->records && query->ids_len == 0)
        code = err_set(err, ERR_USAGE,
                       "nothing to prune was asked for: name services, garbage, "
                       "generations to keep, records, ids or an age");
    return code;
}
