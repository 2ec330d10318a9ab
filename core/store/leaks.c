#include "core/store/leaks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/builds/build.h"

#define JUST_ENDED_SECONDS 60
/* `history ls` of buildx from 0.24 on prints so many rows at most, the newest ones. */
#define ROWS_MAX 50
#define NAME_MAX_BYTES 60

/* A source that a build has sent and works with. Measured on 26.1: while the
 * build runs it is listed as a regular record, and only its description tells
 * what it is; it becomes source.local when the build is over. */
static bool is_source_at_work(const struct record *record)
{
    static const char *const types[] = {"source.local", "source.git.checkout"};
    static const char *const beginnings[] = {"local source for ", "git snapshot for "};
    if (!record->in_use || record->leaked || record->last_used_at != 0)
        return false;
    for (size_t i = 0; i < 2; i++)
        if (strcmp(record->type, types[i]) == 0 ||
            strncmp(record->description, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

void leaks_mark(struct builder *builder)
{
    struct strlist known = builder->leaked;
    strlist_sort(&known);
    builder->leaked = (struct strlist){0};
    free(builder->running_build);
    builder->running_build = NULL;
    for (size_t i = 0; i < builder->records.len && known.len > 0; i++) {
        struct record *record = &builder->records.items[i];
        record->leaked = record->in_use && strlist_find(&known, record->id);
        if (record->leaked)
            strlist_add(&builder->leaked, record->id);
    }
    strlist_done(&known);
}

bool leaks_are_open(const struct builder *builder)
{
    for (size_t i = 0; builder->reachable && i < builder->records.len; i++)
        if (is_source_at_work(&builder->records.items[i]))
            return true;
    return false;
}

/* When the first of those that run has begun; 0: none runs. */
static int64_t find_running(const struct history_build *builds, size_t len,
                            const struct history_build **ret_build)
{
    int64_t since = 0;
    for (size_t i = 0; i < len; i++)
        if (builds[i].state == BUILD_RUNNING && (since == 0 || builds[i].started_at < since)) {
            since = builds[i].started_at;
            *ret_build = &builds[i];
        }
    return since;
}

static bool any_just_ended(const struct history_build *builds, size_t len, int64_t now)
{
    for (size_t i = 0; i < len; i++)
        if (builds[i].state != BUILD_RUNNING &&
            builds[i].started_at + builds[i].duration_ms * 1000000 >
                now - JUST_ENDED_SECONDS * CLOCK_SECOND)
            return true;
    return false;
}

/* Before this the list may have left builds out, also running ones; 0: it is whole. */
static int64_t find_cut(const struct history_build *builds, size_t len)
{
    int64_t first = 0;
    for (size_t i = 0; len >= ROWS_MAX && i < len; i++)
        if (first == 0 || builds[i].started_at < first)
            first = builds[i].started_at;
    return first;
}

static bool is_doubtful(const struct record *record, int64_t now)
{
    return record->created_at >= now - LEAKS_DOUBT_SECONDS * CLOCK_SECOND;
}

/* While a build runs, its old parents are in use, too: only what was never used can
 * be told from them. Both times are the engine's. */
static bool is_leaked(const struct record *record, int64_t running_since)
{
    if (running_since == 0)
        return record->in_use;
    return record->in_use && record->last_used_at == 0 && record->created_at < running_since;
}

static char *clean_name(const char *name)
{
    struct buf text = {0};
    text_clean(&text, name, strnlen(name, NAME_MAX_BYTES));
    return buf_take(&text);
}

void leaks_told(struct builder *builder, const struct history_build *builds, size_t len,
                int64_t now)
{
    const struct history_build *running = NULL;
    int64_t since = find_running(builds, len, &running), cut = find_cut(builds, len);
    bool remembered = !any_just_ended(builds, len, now);
    free(builder->running_build);
    builder->running_build = running != NULL ? clean_name(running->service) : NULL;
    for (size_t i = 0; i < builder->records.len; i++) {
        struct record *record = &builder->records.items[i];
        bool known = record->leaked;
        bool listed = record->created_at >= cut || !is_doubtful(record, now);
        record->leaked = known || (listed && is_leaked(record, since));
        if (record->leaked && !known && remembered)
            strlist_add(&builder->leaked, record->id);
    }
}

void leaks_untold(struct builder *builder, int64_t now)
{
    for (size_t i = 0; leaks_happen(builder) && i < builder->records.len; i++) {
        struct record *record = &builder->records.items[i];
        if (is_source_at_work(record) && !is_doubtful(record, now))
            record->leaked = true;
    }
}

static bool is_at_least(const char *version, int major, int minor)
{
    int has_major = 0, has_minor = 0;
    if (version == NULL || version[0] == '\0')
        return true;
    if (sscanf(version + (version[0] == 'v'), "%4d.%4d", &has_major, &has_minor) != 2)
        return true;
    return has_major > major || (has_major == major && has_minor >= minor);
}

bool leaks_happen(const struct builder *builder)
{
    if (builder->embedded)
        return is_at_least(builder->version, 29, 6);
    for (size_t i = 0; i < builder->nodes_len; i++)
        if (is_at_least(builder->nodes[i].version, 0, 31))
            return true;
    return builder->nodes_len == 0;
}

char *leaks_build_sign(const struct store *store)
{
    for (size_t i = 0; i < store->builders_len; i++) {
        const struct builder *builder = &store->builders[i];
        if (builder->reachable && builder->running_build != NULL &&
            builder->running_build[0] != '\0')
            return mem_printf("a build runs on builder %s: %s", builder->id,
                              builder->running_build);
        if (leaks_are_open(builder) || (builder->reachable && builder->running_build != NULL))
            return mem_printf("a build runs on builder %s", builder->id);
    }
    return NULL;
}
