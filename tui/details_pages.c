#include "tui/details_pages.h"

#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "tui/format.h"

enum { LISTED_MAX = 200, WRAP_COLS = 96 };

static void add_bytes(struct page *page, const char *label, enum style style, int64_t bytes,
                      const char *what)
{
    char text[TEXT_SIZE_SIZE];
    page_field(page, label, style, "%9s  %s", text_size(text, bytes), what);
}

static void add_time(struct page *page, const struct app *app, const char *label, int64_t at)
{
    char ago[FORMAT_SIZE], text[CLOCK_TEXT_SIZE];
    if (at == 0)
        page_field(page, label, STYLE_DIM, "never");
    else
        page_field(page, label, STYLE_NORMAL, "%s  (%s)", format_ago(ago, at, app_now(app)),
                   clock_rfc3339(text, at - at % CLOCK_SECOND));
}

/* ---- a service */

/* What it gains; nothing when too little was seen. */
static void add_growth(struct page *page, const char *label, const struct growth *growth)
{
    char day[TEXT_SIZE_SIZE], week[TEXT_SIZE_SIZE], hour[TEXT_SIZE_SIZE];
    if (growth->known)
        page_field(page, label, STYLE_NORMAL, "%9s  in the last day, %s an hour; %s in a week",
                   text_size(day, growth->day_bytes), text_size(hour, growth->per_hour_bytes),
                   text_size(week, growth->week_bytes));
    if (growth->per_build_bytes > 0)
        page_field(page, growth->known ? "" : label, STYLE_NORMAL, "%9s  a build",
                   text_size(day, growth->per_build_bytes));
}

static void add_sizes(struct page *page, const struct cache *cache)
{
    page_title(page, "On disk");
    add_bytes(page, "Size", STYLE_BOLD, cache->size_bytes, "as du counts it");
    add_bytes(page, "Live", STYLE_GOOD, cache->live_bytes, "what index.json reaches");
    add_bytes(page, "Older", STYLE_WARN, cache->older_bytes, "only earlier exports reach it");
    add_bytes(page, "Orphans", STYLE_WARN, cache->orphan_bytes, "no manifest reaches it");
    add_bytes(page, "Ingest", STYLE_NORMAL, cache->ingest_bytes, "writes under way or abandoned");
    add_bytes(page, "Other", STYLE_NORMAL, cache->other_bytes, "directories, index.json, the rest");
    if (cache->shared_bytes > 0)
        add_bytes(page, "Shared", STYLE_NORMAL, cache->shared_bytes,
                  "hard links elsewhere: does not come back with the directory");
    page_field(page, "Files", STYLE_NORMAL, "%llu, of them %zu blob%s",
               (unsigned long long)cache->files, cache->blobs_len,
               format_plural(cache->blobs_len));
}

/* Who may not remove it can still look at it. */
static void add_owner(struct page *page, const struct cache *cache)
{
    uint32_t own = (uint32_t)geteuid();
    if (own == 0 || cache->uid == own || cache->state == CACHE_MISSING)
        return;
    if (cache->uid == 0)
        page_field(page, "Owner", STYLE_WARN, "root, not you: only root may prune it");
    else
        page_field(page, "Owner", STYLE_WARN, "user %u, not you: only that user may prune it",
                   (unsigned)cache->uid);
    page_field(page, "", STYLE_KEY, "sudo chown -R \"$USER\" '%s'", cache->path);
}

static void add_problems(struct page *page, const struct cache *cache)
{
    for (size_t i = 0; i < cache->problems_len && i < LISTED_MAX; i++)
        page_field(page, i == 0 ? "Problems" : "", STYLE_BAD, "%s: %s",
                   problem_kind_name(cache->problems[i].kind), cache->problems[i].detail);
    if (cache->problems_total > cache->problems_len)
        page_field(page, "", STYLE_DIM, "%zu in all", cache->problems_total);
    if (cache->state == CACHE_BROKEN)
        page_field(page, "Remedy", STYLE_WARN, "V verifies it and offers to repair it");
}

static const char *leftover_words(enum leftover_kind kind)
{
    static const char *const words[] = {
        [LEFTOVER_INGEST] = "a write under way, or abandoned",
        [LEFTOVER_TEMPORARY] = "a temporary file",
        [LEFTOVER_ASIDE] = "set aside by a removal that has not ended",
        [LEFTOVER_OTHER] = "no part of a cache: never touched",
    };
    return words[kind];
}

static void add_leftovers(struct page *page, const struct app *app, const struct cache *cache)
{
    if (cache->leftovers_len > 0)
        page_title(page, "Beside the layout");
    for (size_t i = 0; i < cache->leftovers_len && i < LISTED_MAX; i++) {
        const struct cache_leftover *leftover = &cache->leftovers[i];
        char size[TEXT_SIZE_SIZE], age[FORMAT_SIZE];
        page_add(page, STYLE_NORMAL, "%9s  %6s  %s: %s", text_size(size, leftover->allocated_bytes),
                 format_age(age, leftover->modified_at, app_now(app)), leftover->name,
                 leftover_words(leftover->kind));
    }
    if (cache->leftovers_len > LISTED_MAX)
        page_add(page, STYLE_DIM, "and %zu more", cache->leftovers_len - LISTED_MAX);
}

static const struct compose_service *compose_service(const struct store *store, const char *name)
{
    const struct compose_project *project = store->project;
    for (size_t i = 0; project != NULL && i < project->services_len; i++)
        if (strcmp(project->services[i].name, name) == 0)
            return &project->services[i];
    return NULL;
}

static void add_compose(struct page *page, const struct compose_service *service)
{
    page_title(page, "In the compose project");
    page_field(page, "Context", STYLE_NORMAL, "%s", service->context);
    page_field(page, "Dockerfile", STYLE_NORMAL, "%s",
               service->dockerfile != NULL ? service->dockerfile : "inline");
    if (service->target != NULL)
        page_field(page, "Target", STYLE_NORMAL, "%s", service->target);
    for (size_t i = 0; i < service->cache_to_len; i++)
        page_field(page, "Cache to", STYLE_NORMAL, "%s", service->cache_to[i]);
    for (size_t i = 0; i < service->cache_from_len; i++)
        page_field(page, "Cache from", STYLE_NORMAL, "%s", service->cache_from[i]);
}

static void add_last_build(struct page *page, const struct app *app, const struct build *build)
{
    char text[FORMAT_SIZE];
    struct build_counts counts = build_count(build);
    page_title(page, "Last build");
    page_field(page, "Command", STYLE_NORMAL, "%s", build->command);
    page_field(page, "State", format_build_state(app_theme(app), build->state).style,
               "%s in %s, %zu of %zu step%s, %zu cached", build_state_name(build->state),
               text_duration(text, format_build_ms(build, app_mono_ms(app))), counts.over,
               counts.total, format_plural(counts.total), counts.cached);
    if (build->error != NULL)
        page_field(page, "Error", STYLE_BAD, "%s", build->error);
}

/* Who else uses the directory, and whose it is when it is not this project's. */
static void add_standing(struct page *page, const struct app *app, const struct service *service)
{
    const struct store *store = app_store(app);
    const struct known_cache *known =
        service->in_project ? NULL : service_known_as(store, service);
    struct buf standing = {0};
    for (size_t i = 0; i < service->users_len; i++)
        if (service_only_reads(service, i))
            page_field(page, "Read by", STYLE_NORMAL, "%s", service->users[i].name);
    if (service_say_standing(store, service, app_now(app), &standing))
        page_field(page, "Project", STYLE_DIM, "%s", standing.data);
    if (known != NULL)
        page_field(page, "Used by", STYLE_NORMAL, "project %s (%s)", known->project, known->file);
    buf_done(&standing);
}

size_t details_add_service(struct page *page, const struct app *app, const struct service *service,
                           uint32_t generation)
{
    size_t line = 0;
    const struct store *store = app_store(app);
    const struct cache *cache = service->cache;
    const struct compose_service *compose = compose_service(store, service->name);
    const struct build *build = store_last_build(store, service->name);
    struct buf name = {0};
    text_clean_name(&name, service->name);
    page_add(page, STYLE_TITLE, "%s", name.data);
    buf_done(&name);
    page_field(page, "Directory", STYLE_NORMAL, "%s",
               service->path != NULL ? service->path : "none: it has no local cache");
    if (cache != NULL)
        page_field(page, "State", cache->error != NULL ? STYLE_BAD : STYLE_NORMAL, "%s%s%s",
                   cache_state_name(cache->state), cache->error != NULL ? ": " : "",
                   cache->error != NULL ? cache->error : "");
    if (service_busy_sign(service) != NULL)
        page_field(page, "Busy", STYLE_WARN, "%s", service_busy_sign(service));
    for (size_t i = 0; i < service->same_path_len; i++)
        page_field(page, "Shared with", STYLE_WARN, "%s", service->same_path[i]);
    add_standing(page, app, service);
    if (cache != NULL) {
        add_owner(page, cache);
        add_problems(page, cache);
        details_add_shrunken(page, cache);
        add_time(page, app, "Exported", cache->last_export_at);
        add_sizes(page, cache);
        add_growth(page, "Gained", &service->growth);
        line = details_add_generations(page, app, cache, generation);
        details_add_blobs(page, store, cache);
        details_add_common(page, store, service);
        add_leftovers(page, app, cache);
    }
    if (compose != NULL)
        add_compose(page, compose);
    if (build != NULL)
        add_last_build(page, app, build);
    return line;
}

/* ---- a record */

static void add_relative(struct page *page, const struct record *record, const char *id)
{
    char size[TEXT_SIZE_SIZE];
    if (record == NULL)
        page_add(page, STYLE_DIM, "%s (not in the list)", id);
    else
        page_add(page, STYLE_NORMAL, "%9s  %.12s  %s", text_size(size, record->size_bytes), id,
                 record->description);
}

static bool is_parent(const struct record *child, const char *id)
{
    for (size_t i = 0; i < child->parents_len; i++)
        if (strcmp(child->parents[i], id) == 0)
            return true;
    return false;
}

static void add_children(struct page *page, const struct records *records, const char *id)
{
    size_t count = 0;
    for (size_t i = 0; i < records->len; i++) {
        if (!is_parent(&records->items[i], id))
            continue;
        if (count++ == 0)
            page_title(page, "Pinned by (these build on it, and go before it)");
        if (count <= LISTED_MAX)
            add_relative(page, &records->items[i], records->items[i].id);
    }
    if (count > LISTED_MAX)
        page_add(page, STYLE_DIM, "and %zu more", count - LISTED_MAX);
}

void details_add_record(struct page *page, const struct app *app, const struct builder *builder,
                        const struct record *record, const char *owner)
{
    char size[TEXT_SIZE_SIZE];
    page_add(page, STYLE_TITLE, "%s", record->type);
    page_wrap(page, STYLE_NORMAL, WRAP_COLS, record->description);
    page_title(page, "Record");
    page_field(page, "Id", STYLE_NORMAL, "%s", record->id);
    page_field(page, "Builder", STYLE_NORMAL, "%s", builder->name);
    add_growth(page, "Builder grew", &builder->growth);
    if (*owner != '\0')
        page_field(page, "Service", STYLE_NORMAL, "%s", owner);
    page_field(page, "Size", STYLE_BOLD, "%s", text_size(size, record->size_bytes));
    add_time(page, app, "Created", record->created_at);
    add_time(page, app, "Last used", record->last_used_at);
    page_field(page, "Uses", STYLE_NORMAL, "%lld", (long long)record->usage_count);
    page_field(page, "In use", record->in_use ? STYLE_WARN : STYLE_NORMAL, "%s",
               record->in_use ? "yes: it cannot go now" : "no");
    page_field(page, "Shared", STYLE_NORMAL, "%s",
               record->shared ? "yes: an image has its layer too, so little may come back" : "no");
    if (strcmp(record->type, "exec.cachemount") == 0)
        page_field(page, "Export", STYLE_WARN, "in none: a cache mount is gone for good");
    if (record->parents_len > 0)
        page_title(page, "Builds on");
    for (size_t i = 0; i < record->parents_len && i < LISTED_MAX; i++)
        add_relative(page, records_find(&builder->records, record->parents[i]), record->parents[i]);
    add_children(page, &builder->records, record->id);
}
