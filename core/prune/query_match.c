/* Does a query's condition hold for this thing? */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/prune/expression.h"
#include "core/prune/query.h"
#include "core/store/record_words.h"
#include "core/store/store.h"

int query_match_init(struct query_match *match, const struct query *query, int64_t now,
                     struct err *err)
{
    *match = (struct query_match){.query = query, .now = now};
    return query->match != NULL ? expression_new(query->match, &match->expression, err) : 0;
}

void query_match_done(struct query_match *match)
{
    expression_free(match->expression);
    match->expression = NULL;
}

/* ------------------------------------------------------------ single parts */

bool query_match_age(const struct query_match *match, int64_t age_s)
{
    return match->query->older_than_s < 0 || age_s >= match->query->older_than_s;
}

bool query_match_size(const struct query_match *match, int64_t bytes)
{
    const struct query *query = match->query;
    return (query->larger_than_bytes == 0 || bytes > query->larger_than_bytes) &&
           (query->smaller_than_bytes == 0 || (bytes >= 0 && bytes < query->smaller_than_bytes));
}

/* A digest may be asked for with its algorithm or without. */
static bool same_id(const char *asked, const char *id)
{
    static const char algorithm[] = "sha256:";
    size_t len = sizeof algorithm - 1;
    return strcmp(asked, id) == 0 ||
           (strncmp(id, algorithm, len) == 0 && strcmp(asked, id + len) == 0);
}

bool query_match_id(const struct query_match *match, const char *id)
{
    bool named = match->query->ids_len == 0;
    for (size_t i = 0; i < match->query->ids_len && !named; i++)
        named = same_id(match->query->ids[i], id);
    return named;
}

static bool is_flag(enum query_flag asked, bool value)
{
    return asked == QUERY_EITHER || (asked == QUERY_YES) == value;
}

static bool matches(const struct query_match *match, const char *text)
{
    return match->expression == NULL || expression_matches(match->expression, text);
}

static bool has_text(const struct query_match *match, const char *text)
{
    return match->query->text == NULL || (text != NULL && strcasestr(text, match->query->text));
}

/* ----------------------------------------------------------------- records */

int64_t query_record_age(const struct record *record, int64_t now)
{
    int64_t at = record->last_used_at > 0 ? record->last_used_at : record->created_at;
    if (at <= 0)
        return -1;
    return at >= now ? 0 : (now - at) / CLOCK_SECOND;
}

static bool matches_words(const struct query_match *match, const struct store *store,
                          const struct builder *builder, size_t index)
{
    static const struct owner nobody = {0};
    const struct record *record = &builder->records.items[index];
    const struct owner *owner =
        index < builder->owners.len ? &builder->owners.items[index] : &nobody;
    if (match->expression == NULL && match->query->text == NULL)
        return true;
    const char *text = record_text(store, record);
    char *words = record_words(store, record);
    bool met = (matches(match, text) || matches(match, words)) &&
               (has_text(match, text) || has_text(match, words) || has_text(match, record->type) ||
                has_text(match, owner->service) || has_text(match, owner->several));
    free(words);
    return met;
}

bool query_match_record(const struct query_match *match, const struct store *store,
                        const struct builder *builder, size_t index)
{
    const struct query *query = match->query;
    const struct record *record = &builder->records.items[index];
    return (query->type == NULL || strcmp(record->type, query->type) == 0) &&
           is_flag(query->in_use, record->in_use) && is_flag(query->shared, record->shared) &&
           query_match_age(match, query_record_age(record, match->now)) &&
           query_match_size(match, record->size_bytes) &&
           matches_words(match, store, builder, index);
}

/* Names and ids of rows both name a service. */
static bool names_service(const struct query *query, const struct store *store, const char *name)
{
    for (size_t i = 0; i < query->services_len; i++) {
        const struct service *row = store_service(store, query->services[i]);
        if (strcmp(query->services[i], name) == 0 ||
            (row != NULL && row->name != NULL && strcmp(row->name, name) == 0))
            return true;
    }
    return false;
}

bool query_match_owner(const struct query_match *match, const struct store *store,
                       const struct builder *builder, size_t index)
{
    const struct owners *owners = &builder->owners;
    bool named = match->query->services_len == 0;
    for (size_t i = 0; index < owners->len && i < owners->services_len && !named; i++)
        named = (owners_has(owners, index, i) || owners_may_have(owners, index, i)) &&
                names_service(match->query, store, owners->services[i]);
    return named;
}

/* ---------------------------------------------------------------- services */

static bool is_named(const struct query *query, const struct service *service)
{
    bool named = query->services_len == 0;
    for (size_t i = 0; i < query->services_len && !named; i++)
        named = strcmp(query->services[i], service->id) == 0 ||
                strcmp(query->services[i], service->name) == 0;
    return named;
}

bool query_match_service(const struct query_match *match, const struct service *service)
{
    const struct query *query = match->query;
    const struct cache *cache = service->cache;
    int64_t exported_at = cache != NULL ? cache->last_export_at : 0;
    int64_t age_s = exported_at <= 0             ? -1
                    : exported_at >= match->now ? 0
                                                 : (match->now - exported_at) / CLOCK_SECOND;
    return query->type == NULL && query_match_id(match, service->id) && is_named(query, service) &&
           is_flag(query->in_use, service_busy_sign(service) != NULL) &&
           is_flag(query->shared, cache != NULL && cache->shared_bytes > 0) &&
           query_match_age(match, age_s) &&
           query_match_size(match, cache != NULL ? cache->size_bytes : 0) &&
           matches(match, service->name) && has_text(match, service->name);
}
