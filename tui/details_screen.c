#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/bilge.h"
#include "core/store/description.h"
#include "tui/app.h"
#include "tui/ask.h"
#include "tui/kit/format.h"
#include "tui/page.h"
#include "tui/screens.h"

/* What the details screens say. */

static uint32_t details_generation(const struct cache *cache, const struct digest *chosen);
static size_t details_add_service(struct page *page, const struct app *app,
                                  const struct service *service, uint32_t generation);
static size_t details_add_generations(struct page *page, const struct app *app,
                                      const struct cache *cache, uint32_t current);
static void details_add_shrunken(struct page *page, const struct cache *cache);
static void details_add_blobs(struct page *page, const struct store *store,
                              const struct cache *cache);
static void details_add_common(struct page *page, const struct store *store,
                               const struct service *service);
static void details_add_record(struct page *page, const struct app *app,
                               const struct builder *builder, const struct record *record,
                               const char *owner);

struct details {
    struct screen screen;
    char *service;            /* id; NULL: it is of a record */
    char *builder, *record;   /* ids */
    char *owner;              /* of the record, in words */
    struct digest generation; /* the user has put the cursor on it */
    bool chosen;
    bool follow; /* the cursor has moved: it has to be in sight */
    size_t cursor_line;
    struct page page;
};

/* The service's, if it has a cache to take care of; else NULL. */
static const struct cache *cache_of(const struct details *details)
{
    const struct service *service =
        details->service != NULL ? store_service(app_store(details->screen.app), details->service)
                                 : NULL;
    const struct cache *cache = service != NULL ? service->cache : NULL;
    return cache != NULL && cache->state != CACHE_MISSING ? cache : NULL;
}

static uint32_t current_generation(const struct details *details, const struct cache *cache)
{
    return details_generation(cache, details->chosen ? &details->generation : NULL);
}

static unsigned details_where(const struct screen *screen)
{
    return cache_of((const struct details *)screen) != NULL ? KEYS_CACHE : KEYS_DETAILS;
}

/* Made anew for each frame: what it shows moves with the store. */
static void fill(struct details *details)
{
    const struct store *store = app_store(details->screen.app);
    struct page *page = &details->page;
    page_clear(page);
    if (details->service != NULL) {
        const struct service *service = store_service(store, details->service);
        const struct cache *cache = cache_of(details);
        if (service != NULL)
            details->cursor_line = details_add_service(
                page, details->screen.app, service,
                cache != NULL ? current_generation(details, cache) : CACHE_NONE);
        else
            page_add(page, STYLE_DIM, "This service is gone");
        return;
    }
    const struct builder *builder = store_builder(store, details->builder);
    const struct record *record =
        builder != NULL ? records_find(&builder->records, details->record) : NULL;
    if (record != NULL)
        details_add_record(page, details->screen.app, builder, record, details->owner);
    else
        page_add(page, STYLE_DIM, "This record is gone");
}

static void details_draw(struct screen *screen, const struct canvas *canvas)
{
    struct details *details = (struct details *)screen;
    struct canvas inside =
        canvas_box(canvas, STYLE_BORDER, details->service != NULL ? "Service" : "Record");
    struct canvas text = canvas_part(&inside, 0, 1, inside.rows, inside.cols - 2);
    details->page.width = text.cols;
    fill(details);
    if (details->follow)
        page_show_line(&details->page, details->cursor_line, text.rows);
    details->follow = false;
    page_draw(&details->page, &text);
    app_draw_bottom(screen->app, canvas, details_where(screen));
}

/* ---- care for the cache */

static void next_generation(struct details *details, const struct cache *cache, bool forward)
{
    size_t len = cache->generations_len;
    if (len == 0)
        return;
    size_t at = current_generation(details, cache);
    at = (at + (forward ? 1 : len - 1)) % len;
    details->generation = cache->generations[at].manifest;
    details->chosen = details->follow = true;
}

static void restore(void *arg)
{
    struct details *details = arg;
    repair_screen_restore(details->screen.app, details->service, &details->generation);
}

static void ask_restore(struct details *details, const struct cache *cache)
{
    struct app *app = details->screen.app;
    uint32_t at = current_generation(details, cache);
    if (app_read_only(app)) {
        app_say(app, STYLE_WARN, "Read-only: restoring is refused");
        return;
    }
    if (at == CACHE_NONE || cache->generations[at].live) {
        app_say(app, STYLE_WARN,
                at == CACHE_NONE ? "There is no export to restore"
                                 : "This export is the live one already");
        return;
    }
    const struct cache_generation *generation = &cache->generations[at];
    char hex[DIGEST_HEX_SIZE], age[TEXT_AGE_SIZE], size[TEXT_SIZE_SIZE];
    char *text = mem_printf(
        "Point the cache back at export %.12s, which is %s old and reaches %s? Every blob of it "
        "is checked first. The present export stays on disk as an older one.",
        digest_hex(hex, &generation->manifest),
        text_age(age, (app_now(app) - generation->exported_at) / CLOCK_SECOND),
        text_size(size, generation->reach_bytes));
    details->generation = generation->manifest;
    details->chosen = true;
    app_push(app, ask_new("Restore?", text, "restore", restore, details));
    free(text);
}

/* False when the command is no care for the cache. */
static bool care_command(struct details *details, enum command command)
{
    const struct cache *cache = cache_of(details);
    if (cache == NULL)
        return false;
    if (command == COMMAND_NEXT_PANE || command == COMMAND_PREVIOUS_PANE)
        next_generation(details, cache, command == COMMAND_NEXT_PANE);
    else if (command == COMMAND_RESTORE)
        ask_restore(details, cache);
    else if (command == COMMAND_VERIFY)
        repair_screen_verify(details->screen.app, details->service);
    else
        return false;
    return true;
}

static void details_command(struct screen *screen, enum command command)
{
    struct details *details = (struct details *)screen;
    if (page_screen_command(screen->app, &details->page, command) || care_command(details, command))
        return;
    if (command == COMMAND_HELP)
        app_push(screen->app, help_screen_new(details_where(screen), "Details"));
    else if (command == COMMAND_BACK)
        app_close(screen);
}

static void details_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    scroll_text_by(&((struct details *)screen)->page.scroll, mouse->wheel * 3);
}

static void details_free(struct screen *screen)
{
    struct details *details = (struct details *)screen;
    free(details->service);
    free(details->builder);
    free(details->record);
    free(details->owner);
    page_done(&details->page);
    free(details);
}

static const struct screen_ops details_ops = {
    .title = "Details",
    .where = details_where,
    .draw = details_draw,
    .command = details_command,
    .mouse = details_mouse,
    .free = details_free,
};

struct screen *details_screen_service(const char *service_id)
{
    struct details *details = mem_zalloc(sizeof *details);
    details->screen.ops = &details_ops;
    details->page.label_style = STYLE_DIM;
    details->service = mem_strdup(service_id);
    return &details->screen;
}

struct screen *details_screen_record(const char *builder_id, const char *record_id,
                                     const char *owner)
{
    struct details *details = mem_zalloc(sizeof *details);
    details->screen.ops = &details_ops;
    details->page.label_style = STYLE_DIM;
    details->builder = mem_strdup(builder_id);
    details->record = mem_strdup(record_id);
    details->owner = mem_strdup(owner);
    return &details->screen;
}

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
               (unsigned long long)cache->files, cache->blobs_len, format_plural(cache->blobs_len));
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
    const struct known_cache *known = service->in_project ? NULL : service_known_as(store, service);
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

/* Says on which line the cursor is. */
static size_t details_add_service(struct page *page, const struct app *app,
                                  const struct service *service, uint32_t generation)
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

static void details_add_record(struct page *page, const struct app *app,
                               const struct builder *builder, const struct record *record,
                               const char *owner)
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
               record->leaked   ? "leaked by a failed build: until the engine restarts"
               : record->in_use ? "yes: it cannot go now"
                                : "no");
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

/* What takes the room in a cache, and who else has the same. */

enum { LARGEST = 10, OTHERS_MAX = 50 };

/* Manifests and configs are small and told of elsewhere. */
static size_t find_largest(const struct cache *cache, const struct cache_blob **ret_blobs)
{
    size_t len = 0;
    for (size_t i = 0; i < cache->blobs_len; i++) {
        const struct cache_blob *blob = &cache->blobs[i];
        if (blob->role == BLOB_MANIFEST || blob->role == BLOB_CONFIG)
            continue;
        size_t at = len < LARGEST ? len++ : LARGEST - 1;
        if (at == LARGEST - 1 && ret_blobs[at] != NULL &&
            ret_blobs[at]->allocated_bytes >= blob->allocated_bytes)
            continue;
        for (; at > 0 && ret_blobs[at - 1]->allocated_bytes < blob->allocated_bytes; at--)
            ret_blobs[at] = ret_blobs[at - 1];
        ret_blobs[at] = blob;
    }
    return len;
}

/* A layer of a base image has a record without any text. */
static bool is_of_base_image(const struct store *store, int64_t created_at)
{
    for (size_t i = 0; i < store->builders_len; i++) {
        const struct records *records = &store->builders[i].records;
        for (size_t j = 0; j < records->len; j++)
            if (records->items[j].created_at == created_at &&
                records->items[j].description[0] == '\0')
                return true;
    }
    return false;
}

static char *step_of(const struct store *store, const struct cache_blob *blob)
{
    const char *text = blob->created_at != 0 ? store_layer_text(store, blob->created_at) : NULL;
    char *words = text != NULL ? description_of_step(text) : NULL;
    if (words == NULL && blob->created_at != 0 && is_of_base_image(store, blob->created_at))
        words = mem_strdup("layer of a base image");
    return words != NULL ? words : mem_strdup("step not known: no record of it was seen");
}

static const char *class_name(const struct cache_blob *blob, enum style *ret_style)
{
    *ret_style = blob->class == BLOB_LIVE ? STYLE_GOOD : STYLE_WARN;
    return blob->class == BLOB_LIVE ? "live" : blob->class == BLOB_OLDER ? "older" : "orphan";
}

static void details_add_blobs(struct page *page, const struct store *store,
                              const struct cache *cache)
{
    const struct cache_blob *largest[LARGEST] = {NULL};
    size_t len = find_largest(cache, largest);
    if (len > 0)
        page_title(page, "Largest layers and the steps that made them");
    for (size_t i = 0; i < len; i++) {
        char size[TEXT_SIZE_SIZE];
        enum style style;
        const char *class = class_name(largest[i], &style);
        char *step = step_of(store, largest[i]);
        page_add(page, style, "%9s  %-6s  %s", text_size(size, largest[i]->allocated_bytes), class,
                 step);
        free(step);
    }
}

static void details_add_common(struct page *page, const struct store *store,
                               const struct service *service)
{
    size_t shown = 0;
    for (size_t i = 0; i < store->services_len && shown < OTHERS_MAX; i++) {
        const struct service *other = &store->services[i];
        if (other->cache == NULL || strcmp(other->id, service->id) == 0)
            continue;
        struct dedupe_common common = dedupe_compare(service->cache, other->cache);
        char same[TEXT_SIZE_SIZE], linked[TEXT_SIZE_SIZE], more[TEXT_SIZE_SIZE];
        if (common.blobs == 0)
            continue;
        if (shown++ == 0)
            page_title(page,
                       "The same blobs in other services (p, d on the main screen links them)");
        bool near = service->cache->dev == other->cache->dev;
        page_add(page, STYLE_NORMAL, "%9s  in %zu blob%s with %s: %s linked, %s %s",
                 text_size(same, common.bytes), common.blobs, format_plural(common.blobs),
                 other->name, text_size(linked, common.linked_bytes),
                 text_size(more, common.bytes - common.linked_bytes),
                 near ? "could be" : "on another file system");
    }
}

enum { GENERATIONS_LISTED_MAX = 200, WIDE_COLS = 74 };

/* The generation that the cursor is on: the chosen one while it is there, else
 * the one that a restore is most likely meant for. CACHE_NONE: there is none. */
static uint32_t details_generation(const struct cache *cache, const struct digest *chosen)
{
    uint32_t best = CACHE_NONE;
    for (uint32_t i = 0; i < cache->generations_len; i++) {
        const struct cache_generation *generation = &cache->generations[i];
        if (chosen != NULL && digest_equal(&generation->manifest, chosen))
            return i;
        if (generation->live || !generation->whole)
            continue;
        if (best == CACHE_NONE || (generation->fuller && !cache->generations[best].fuller))
            best = i;
    }
    return best != CACHE_NONE || cache->generations_len == 0 ? best : 0;
}

static const char *state_of(const struct cache_generation *generation, enum style *ret_style)
{
    *ret_style = STYLE_BAD;
    if (!generation->whole)
        return generation->live ? "live, not whole" : "not whole";
    *ret_style = STYLE_WARN;
    if (generation->shrunken)
        return "live, shrunken";
    if (generation->fuller)
        return "superseded by a shrunken one";
    *ret_style = generation->live ? STYLE_GOOD : STYLE_NORMAL;
    return generation->live ? "live" : "superseded";
}

static void add_row(struct page *page, const struct app *app,
                    const struct cache_generation *generation, bool current)
{
    char hex[DIGEST_HEX_SIZE], age[FORMAT_SIZE], reach[TEXT_SIZE_SIZE], own[TEXT_SIZE_SIZE];
    char at[CLOCK_TEXT_SIZE];
    enum style style;
    const char *state = state_of(generation, &style);
    const char *tag = generation->tag != NULL ? generation->tag : "";
    const char *cursor = current ? app_theme(app)->glyphs->cursor : " ";
    digest_hex(hex, &generation->manifest);
    format_age(age, generation->exported_at, app_now(app));
    text_size(reach, generation->reach_bytes);
    text_size(own, generation->unique_bytes);
    if (page->width >= WIDE_COLS)
        page_add(page, style, "%s %.12s  %.16sZ %5s %8s %8s  %s%s%s", cursor, hex,
                 clock_rfc3339(at, generation->exported_at), age, reach, own, state,
                 *tag != '\0' ? ", tag " : "", tag);
    else
        page_add(page, style, "%s %.7s %5s %8s  %s", cursor, hex, age, reach, state);
}

/* Parts of it. */
static size_t details_add_generations(struct page *page, const struct app *app,
                                      const struct cache *cache, uint32_t current)
{
    size_t line = 0;
    page_title(page, "Exports");
    if (cache->generations_len == 0)
        page_add(page, STYLE_DIM, "none");
    else if (page->width >= WIDE_COLS)
        page_add(page, STYLE_DIM, "  %-12s  %-17s %5s %8s %8s  %s", "EXPORT", "DATE", "AGE",
                 "REACHES", "ALONE", "STATE");
    else
        page_add(page, STYLE_DIM, "  %-7s %5s %8s  %s", "EXPORT", "AGE", "REACHES", "STATE");
    for (size_t i = 0; i < cache->generations_len && i < GENERATIONS_LISTED_MAX; i++) {
        if (i == current)
            line = page_len(page);
        add_row(page, app, &cache->generations[i], i == current);
    }
    if (cache->generations_len > GENERATIONS_LISTED_MAX)
        page_add(page, STYLE_DIM, "and %zu more", cache->generations_len - GENERATIONS_LISTED_MAX);
    return line;
}

static void details_add_shrunken(struct page *page, const struct cache *cache)
{
    uint32_t fuller;
    size_t lost = cache_lost_layers(cache, &fuller);
    char hex[DIGEST_HEX_SIZE];
    if (lost > 0)
        page_field(page, "Shrunken", STYLE_WARN,
                   "this export lost %zu layer%s of the one before (%.12s), so the next build "
                   "runs again what it had; R restores it",
                   lost, lost == 1 ? "" : "s",
                   digest_hex(hex, &cache->generations[fuller].manifest));
}
