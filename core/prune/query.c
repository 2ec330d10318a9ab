#include "core/prune/query.h"

#include <string.h>

void query_init(struct query *query)
{
    *query = (struct query){.older_than_s = -1};
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
    if (query->older_than_s < -1)
        return err_set(err, ERR_USAGE, "an age can't be negative");
    if (query->free_bytes < 0)
        return err_set(err, ERR_USAGE, "a negative number of bytes can't be freed");
    return 0;
}

/* What would silently do less, or more, than was meant. */
static int check_contradictions(const struct query *query, struct err *err)
{
    bool caches = has_cache_scope(query);
    if (query->type != NULL && caches)
        return err_set(err, ERR_USAGE,
                       "a type is a condition on records: it can't be combined "
                       "with cache directories or their garbage");
    if (query->services_len > 0 && !caches && !query->records && query->ids_len == 0)
        return err_set(err, ERR_USAGE,
                       "nothing asked of the service: the whole cache directory, "
                       "its garbage, its older generations, or its records?");
    if (query->free_bytes > 0 && (query->ids_len > 0 || query->keep_generations > 0))
        return err_set(err, ERR_USAGE,
                       "what to free is chosen: ids or a number of generations "
                       "can't be given with it");
    if (query->ids_len > 0 && query->whole)
        return err_set(err, ERR_USAGE,
                       "ids name single items: they can't be combined with whole "
                       "cache directories");
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
        code = check_contradictions(query, err);
    if (code == 0 && !has_cache_scope(query) && !query->records && query->ids_len == 0)
        code = err_set(err, ERR_USAGE,
                       "nothing to prune was asked for: name services, garbage, "
                       "generations to keep, records, ids or an age");
    return code;
}
