#include "core/prune/query.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/prune/expression.h"
#include "core/store/description.h"
#include "core/store/store.h"

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
    return query->type != NULL             ? "a type"
           : query->match != NULL          ? "what a description matches"
           : query->text != NULL           ? "a text"
           : query->in_use != QUERY_EITHER ? "in use or not"
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

/* Does a query's condition hold for this thing? */

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
    char *words = record_summary(store, record);
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
    int64_t age_s = exported_at <= 0            ? -1
                    : exported_at >= match->now ? 0
                                                : (match->now - exported_at) / CLOCK_SECOND;
    return query->type == NULL && query_match_id(match, service->id) && is_named(query, service) &&
           is_flag(query->in_use, service_busy_sign(service) != NULL) &&
           is_flag(query->shared, cache != NULL && cache->shared_bytes > 0) &&
           query_match_age(match, age_s) &&
           query_match_size(match, cache != NULL ? cache->size_bytes : 0) &&
           matches(match, service->name) && has_text(match, service->name);
}

/* A query in one line, as it is typed into a filter. */

struct reader {
    struct query_line *line;
    size_t services_cap, ids_cap;
    struct err *err;
};

typedef int read_cb(struct reader *reader, const char *name, const char *value);

static void add(const char ***items, size_t *len, size_t *cap, const char *value)
{
    mem_reserve((void **)items, cap, *len + 1, sizeof **items);
    (*items)[(*len)++] = value;
}

static int read_service(struct reader *reader, const char *name, const char *value)
{
    (void)name;
    add(&reader->line->services, &reader->line->query.services_len, &reader->services_cap, value);
    return 0;
}

static int read_id(struct reader *reader, const char *name, const char *value)
{
    (void)name;
    add(&reader->line->ids, &reader->line->query.ids_len, &reader->ids_cap, value);
    return 0;
}

static int twice(struct reader *reader, const char *name)
{
    return err_set(reader->err, ERR_USAGE, "%s: is given twice", name);
}

static int refuse(struct reader *reader, const char *name, char *takes_reason)
{
    err_set(reader->err, ERR_USAGE, "%s: %s", name, takes_reason);
    free(takes_reason);
    return ERR_USAGE;
}

static int read_age(struct reader *reader, const char *name, const char *value)
{
    if (reader->line->query.older_than_s >= 0)
        return twice(reader, name);
    return text_parse_age(value, &reader->line->query.older_than_s)
               ? 0
               : refuse(reader, name, text_age_refusal(value));
}

static int read_size(struct reader *reader, const char *name, const char *value)
{
    struct query *query = &reader->line->query;
    int64_t *slot = name[0] == 'l' ? &query->larger_than_bytes : &query->smaller_than_bytes;
    if (*slot != 0)
        return twice(reader, name);
    return text_parse_size(value, slot) && *slot > 0
               ? 0
               : refuse(reader, name, text_size_refusal(value));
}

static int read_flag(struct reader *reader, const char *name, const char *value)
{
    struct query *query = &reader->line->query;
    enum query_flag *slot = name[0] == 'i' ? &query->in_use : &query->shared;
    if (*slot != QUERY_EITHER)
        return twice(reader, name);
    *slot = strcmp(value, "yes") == 0 ? QUERY_YES : strcmp(value, "no") == 0 ? QUERY_NO : *slot;
    return *slot != QUERY_EITHER ? 0 : err_set(reader->err, ERR_USAGE, "%s: is yes or no", name);
}

static int read_type(struct reader *reader, const char *name, const char *value)
{
    if (reader->line->query.type != NULL)
        return twice(reader, name);
    reader->line->query.type = value;
    return 0;
}

static int read_match(struct reader *reader, const char *name, const char *value)
{
    (void)name;
    reader->line->query.match = value;
    return 0;
}

/* The names are those of the options on the command line. */
static const struct name {
    const char *name;
    read_cb *read;
    bool rest; /* of the line, blanks and all */
} names[] = {
    {"service", read_service, false},  {"older-than", read_age, false},
    {"larger-than", read_size, false}, {"smaller-than", read_size, false},
    {"type", read_type, false},        {"id", read_id, false},
    {"in-use", read_flag, false},      {"shared", read_flag, false},
    {"match", read_match, true},
};

static const struct name *find_name(const char *word)
{
    size_t len = strcspn(word, ": ");
    for (size_t i = 0; word[len] == ':' && i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == len && strncmp(names[i].name, word, len) == 0)
            return &names[i];
    return NULL;
}

/* One word, or one condition; gives where the next one begins. */
static int read_word(struct reader *reader, char **at, struct buf *text)
{
    const struct name *name = find_name(*at);
    char *word = *at;
    size_t len = name != NULL && name->rest ? strlen(word) : strcspn(word, " ");
    *at += len + (word[len] != '\0');
    word[len] = '\0';
    if (name == NULL) {
        buf_printf(text, "%s%s", text->len > 0 ? " " : "", word);
        return 0;
    }
    const char *value = word + strlen(name->name) + 1;
    return *value != '\0' ? name->read(reader, name->name, value)
                          : err_set(reader->err, ERR_USAGE, "%s: what?", name->name);
}

int query_line_read(struct query_line *line, const char *typed, struct err *err)
{
    struct reader reader = {.line = line, .err = err};
    struct buf text = {0};
    *line = (struct query_line){.words = mem_strdup(typed)};
    query_init(&line->query);
    int code = 0;
    for (char *at = line->words; *at != '\0' && code == 0;) {
        if (*at == ' ')
            at++;
        else
            code = read_word(&reader, &at, &text);
    }
    line->query.services = line->services;
    line->query.ids = line->ids;
    line->text = text.len > 0 ? buf_take(&text) : NULL;
    line->query.text = line->text;
    buf_done(&text);
    if (code == 0)
        code = query_check_conditions(&line->query, err);
    if (code < 0)
        query_line_done(line);
    return code;
}

void query_line_done(struct query_line *line)
{
    free(line->services);
    free(line->ids);
    free(line->words);
    free(line->text);
    *line = (struct query_line){0};
}
