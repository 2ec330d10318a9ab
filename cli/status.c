/* bilge status: services, builders' totals, disks. */
#include <langinfo.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/session.h"
#include "cli/table.h"
#include "core/base/chart.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/base/threshold.h"
#include "core/store/store.h"

/* What the two forms of bilge status share. */

/* The free space of a disk in the last day, in one line. */

static bool status_chart_wanted(const struct disk *disk);
static void status_chart_print(const struct disk *disk);
static void status_print_json(const struct store *store);
static /* bilge status --json, and what both forms of the status share. */

    const struct service *
    status_owner(const struct store *store, const struct service *service);
static const struct cache *status_cache(const struct store *store, const struct service *service);
static const char *status_state(const struct store *store, const struct service *service);
static const char *status_error(const struct store *store, const struct service *service);

static void note_append(struct buf *note, const char *text)
{
    if (note->len > 0)
        buf_append_str(note, "; ");
    buf_append_str(note, text);
}

static void table_service_note(struct table *table, const struct store *store,
                               const struct service *service, int64_t now)
{
    struct buf note = {0};
    if (service->path == NULL)
        note_append(&note, "no local cache of its own in compose");
    service_say_standing(store, service, now, &note);
    const struct known_cache *known = service->in_project ? NULL : service_known_as(store, service);
    char *used =
        known != NULL ? mem_printf("project %s uses it (%s)", known->project, known->file) : NULL;
    if (used != NULL)
        note_append(&note, used);
    free(used);
    if (service->same_path_len > 0)
        note_append(&note, "same directory as ");
    for (size_t i = 0; i < service->same_path_len; i++)
        buf_printf(&note, "%s%s", i > 0 ? ", " : "", service->same_path[i]);
    if (status_error(store, service) != NULL)
        note_append(&note, status_error(store, service));
    if (cache_trouble(status_cache(store, service)) != NULL)
        note_append(&note, cache_trouble(status_cache(store, service)));
    table_text(table, note.data);
    buf_done(&note);
}

/* Hard links between caches count once, so this can be less than the column. */
static void print_total(const struct store *store)
{
    int64_t sum = -store_nested_size(store), garbage = 0, size = store_caches_size(store);
    char text[TEXT_SIZE_SIZE], waste[TEXT_SIZE_SIZE], saved[TEXT_SIZE_SIZE];
    for (size_t i = 0; i < store->services_len; i++) {
        const struct cache *cache = store->services[i].cache;
        sum += cache != NULL ? cache->size_bytes : 0;
        garbage += cache != NULL ? cache_garbage_bytes(cache) : 0;
    }
    printf("Total: %s on disk, garbage %s", text_size(text, size), text_size(waste, garbage));
    if (sum > size)
        printf("; hard links between caches save %s", text_size(saved, sum - size));
    putchar('\n');
}

/* What it gains: by the hour, by the build. */
static void table_growth(struct table *table, const struct growth *growth)
{
    if (growth->known)
        table_size(table, growth->per_hour_bytes);
    else
        table_text(table, NULL);
    if (growth->per_build_bytes > 0)
        table_size(table, growth->per_build_bytes);
    else
        table_text(table, NULL);
}

static void print_services(const struct store *store, int64_t now)
{
    static const struct table_column columns[] = {
        {"SERVICE", false},  {"STATE", false}, {"SIZE", true},     {"LIVE", true},
        {"GARBAGE", true},   {"GENS", true},   {"EXPORTED", true}, {"PER HOUR", true},
        {"PER BUILD", true}, {"NOTE", false},  {NULL, false},
    };
    if (store->services_len == 0) {
        puts("No caches: no directory under the cache roots, no service that builds.");
        return;
    }
    struct table *table = table_new(columns);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *service = &store->services[i];
        const struct cache *cache = status_cache(store, service);
        table_text(table, service->name);
        table_text(table, status_state(store, service));
        table_size(table, cache->size_bytes);
        table_size(table, cache->live_bytes);
        table_size(table, cache_garbage_bytes(cache));
        table_count(table, cache->generations_len);
        table_age(table, cache->last_export_at, now);
        table_growth(table, &status_owner(store, service)->growth);
        table_service_note(table, store, service, now);
    }
    table_print(table, 0, stdout);
    table_free(table);
    print_total(store);
}

static void print_builders(const struct store *store)
{
    static const struct table_column columns[] = {
        {"BUILDER", false},    {"DRIVER", false}, {"RECORDS", true},  {"SIZE", true},
        {"RECLAIMABLE", true}, {"SHARED", true},  {"PER HOUR", true}, {"PER BUILD", true},
        {"NOTE", false},       {NULL, false},
    };
    if (store->builders_len == 0)
        return;
    struct table *table = table_new(columns);
    for (size_t i = 0; i < store->builders_len; i++) {
        const struct builder *builder = &store->builders[i];
        table_text(table, builder->name);
        table_text(table, builder->driver);
        table_count(table, builder->records.len);
        table_size(table, builder->records.size_bytes);
        table_size(table, builder->records.reclaimable_bytes);
        table_size(table, builder->records.shared_bytes);
        table_growth(table, &builder->growth);
        table_text(table, session_builder_error(builder));
    }
    putchar('\n');
    table_print(table, 0, stdout);
    table_free(table);
}

/* The engine's own builder alone is a node that says nothing new. */
static bool has_other_nodes(const struct store *store)
{
    size_t nodes = 0;
    for (size_t i = 0; i < store->builders_len; i++)
        nodes += store->builders[i].nodes_len;
    return nodes > 1;
}

static void print_nodes(const struct store *store)
{
    static const struct table_column columns[] = {
        {"BUILDER", false},   {"NODE", false},     {"STATE", false}, {"BUILDKIT", false},
        {"PLATFORMS", false}, {"ENDPOINT", false}, {NULL, false},
    };
    if (!has_other_nodes(store))
        return;
    struct table *table = table_new(columns);
    for (size_t i = 0; i < store->builders_len; i++) {
        const struct builder *builder = &store->builders[i];
        for (size_t j = 0; j < builder->nodes_len; j++) {
            const struct builder_node *node = &builder->nodes[j];
            table_text(table, builder->name);
            table_text(table, node->name);
            table_text(table, node->error != NULL ? node->error : node->status);
            table_text(table, node->version);
            table_text(table, node->platforms);
            table_text(table, node->endpoint);
        }
    }
    putchar('\n');
    table_print(table, 0, stdout);
    table_free(table);
}

static void print_contexts(const struct store *store)
{
    static const struct table_column columns[] = {
        {"CONTEXT", false}, {"ENDPOINT", false}, {"NOTE", false}, {NULL, false}};
    if (store->contexts_len < 2)
        return;
    struct table *table = table_new(columns);
    for (size_t i = 0; i < store->contexts_len; i++) {
        const struct docker_context *context = &store->contexts[i];
        table_text(table, context->name);
        table_text(table, context->host);
        table_text(table, context->current ? "this one is used" : context->description);
    }
    putchar('\n');
    table_print(table, 0, stdout);
    table_free(table);
}

static void table_disk_note(struct table *table, const struct disk *disk, int64_t now)
{
    struct buf note = {0}, forecast = {0};
    if (disk->alarm != DISK_CALM)
        note_append(&note, disk->alarm == DISK_RED ? "almost full!" : "getting full");
    if (disk->in_memory)
        note_append(&note, "in memory: lost at the next start");
    if (disk_say_forecast(disk, now, &forecast))
        note_append(&note, forecast.data);
    table_text(table, note.data);
    buf_done(&forecast);
    buf_done(&note);
}

static void print_disks(const struct store *store, int64_t now)
{
    static const struct table_column columns[] = {
        {"DISK", false},    {"HOLDS", false},    {"TOTAL", true}, {"FREE", true}, {"USED", true},
        {"PER HOUR", true}, {"PER BUILD", true}, {"NOTE", false}, {NULL, false},
    };
    if (store->disks_len == 0)
        return;
    struct table *table = table_new(columns);
    for (size_t i = 0; i < store->disks_len; i++) {
        const struct disk *disk = &store->disks[i];
        char percent[16];
        snprintf(percent, sizeof percent, "%d %%",
                 threshold_used_percent(disk->total_bytes, disk->free_bytes));
        table_text(table, disk->mount);
        table_text(table, disk->path);
        table_size(table, disk->total_bytes);
        table_size(table, disk->free_bytes);
        table_text(table, percent);
        table_growth(table, &(struct growth){.known = disk->full_at != 0,
                                             .per_hour_bytes = disk->shrinks_per_hour_bytes,
                                             .per_build_bytes = disk->shrinks_per_build_bytes});
        table_disk_note(table, disk, now);
    }
    putchar('\n');
    table_print(table, 0, stdout);
    table_free(table);
}

static void print_charts(const struct store *store)
{
    bool any = false;
    for (size_t i = 0; i < store->disks_len; i++) {
        const struct disk *disk = &store->disks[i];
        if (!status_chart_wanted(disk))
            continue;
        if (!any)
            puts("\nFree in the last 24 hours:");
        status_chart_print(disk);
        any = true;
    }
}

static void print_text(const struct store *store)
{
    int64_t now = clock_now();
    print_services(store, now);
    print_builders(store);
    print_nodes(store);
    print_contexts(store);
    print_disks(store, now);
    print_charts(store);
    puts("\nSizes are allocated bytes in SI units: 1 kB = 1000 B. PER HOUR and PER BUILD: what is "
         "added,\ngoing by the last day and the last builds.");
}

/* docker has two words for two things: builds go to the selected builder, while
 * "docker system df" and "docker system prune" mean the engine's own. */
static void report_two_builders(const struct store *store)
{
    const struct builder *selected = store_selected_builder(store);
    char own_size[TEXT_SIZE_SIZE], selected_size[TEXT_SIZE_SIZE];
    if (selected == NULL || selected->embedded)
        return;
    for (size_t i = 0; i < store->builders_len; i++) {
        const struct builder *own = &store->builders[i];
        if (!own->embedded || !own->reachable)
            continue;
        complain("builds go to builder %s (%s), not to the engine's own, %s (%s): "
                 "\"docker system df\" and \"docker system prune\" see only the latter",
                 selected->name, text_size(selected_size, selected->records.size_bytes), own->name,
                 text_size(own_size, own->records.size_bytes));
    }
}

static void report_problems(const struct store *store)
{
    report_two_builders(store);
    if (store->project_error != NULL)
        complain("%s", store->project_error);
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    struct bilge_options options = globals_options(globals);
    struct session session;
    struct err err;
    (void)values;
    (void)operands;
    if (session_open(&session, &options, &err) < 0)
        return complain_err(&err);
    enum exit_code code = EXIT_DONE;
    const struct builder *meant;
    session_patience(&session, globals, false);
    if (session_settle(&session, &err) < 0 ||
        (globals->builder != NULL &&
         session_builder(&session, globals->builder, &meant, &err) < 0)) {
        code = complain_err(&err);
    } else {
        if (globals->json)
            status_print_json(session.store);
        else
            print_text(session.store);
        report_problems(session.store);
        code = session_end_code(&session, code);
    }
    session_close(&session);
    return code;
}

static const struct option_spec no_options[] = {{0}};

const struct command command_status = {
    .name = "status",
    .summary = "Show services, builders' totals and disks.",
    .options = no_options,
    .run = run,
};

/* The row, or the one that it shares its directory with, and the cache in it. */
static const struct service *status_owner(const struct store *store, const struct service *service)
{
    if (service->cache != NULL || service->path == NULL)
        return service;
    const struct service *owner = store_service(store, service->path);
    return owner != NULL ? owner : service;
}

static const struct cache *status_cache(const struct store *store, const struct service *service)
{
    static const struct cache nothing = {.state = CACHE_MISSING};
    const struct service *owner = status_owner(store, service);
    return owner->cache != NULL ? owner->cache : &nothing;
}

static const char *status_state(const struct store *store, const struct service *service)
{
    enum cache_state state = status_cache(store, service)->state;
    bool busy = service_busy_sign(status_owner(store, service)) != NULL;
    return cache_state_name(state == CACHE_OK && busy ? CACHE_BUSY : state);
}

/* What is wrong with it, or who may be exporting into it; NULL: nothing. */
static const char *status_error(const struct store *store, const struct service *service)
{
    const char *error = status_cache(store, service)->error;
    return error != NULL ? error : service_busy_sign(status_owner(store, service));
}

static void put_known(struct json *json, const char *key, bool known, int64_t value)
{
    if (known)
        json_put_int(json, key, value);
    else
        json_put_text(json, key, NULL);
}

static void growth_json(struct json *json, const struct growth *growth)
{
    put_known(json, "grows_per_hour", growth->known, growth->per_hour_bytes);
    put_known(json, "grows_per_build", growth->per_build_bytes > 0, growth->per_build_bytes);
}

/* Whose it is. Without a project nobody can tell what is in it. */
static void standing_json(struct json *json, const struct store *store,
                          const struct service *service)
{
    const struct service *owner = status_owner(store, service);
    const struct known_cache *known = service->in_project ? NULL : service_known_as(store, service);
    if (store->project != NULL)
        json_put_bool(json, "in_project", service->in_project);
    else
        json_put_text(json, "in_project", NULL);
    json_put_bool(json, "abandoned", service_is_abandoned(store, service, clock_now()));
    json_put_text(json, "other_project", known != NULL ? known->project : NULL);
    json_put_array(json, "shares_path");
    for (size_t i = 0; i < service->same_path_len; i++)
        json_put_text(json, NULL, service->same_path[i]);
    json_put_array_end(json);
    json_put_array(json, "read_by");
    for (size_t i = 0; i < owner->users_len; i++)
        if (service_only_reads(owner, i))
            json_put_text(json, NULL, owner->users[i].name);
    json_put_array_end(json);
}

static void service_json(struct json *json, const struct store *store,
                         const struct service *service)
{
    const struct cache *cache = status_cache(store, service);
    json_put_object(json, NULL);
    json_put_text(json, "name", service->name);
    json_put_text(json, "path", service->path);
    json_put_text(json, "state", status_state(store, service));
    json_put_int(json, "size", cache->size_bytes);
    json_put_int(json, "live", cache->live_bytes);
    json_put_int(json, "garbage", cache_garbage_bytes(cache));
    json_put_int(json, "shared", cache->shared_bytes);
    json_put_int(json, "unique", cache->size_bytes - cache->shared_bytes);
    json_put_int(json, "generations", (int64_t)cache->generations_len);
    json_put_int(json, "blobs", (int64_t)cache->blobs_len);
    json_put_time(json, "last_export", cache->last_export_at);
    json_put_text(json, "error", status_error(store, service));
    standing_json(json, store, service);
    growth_json(json, &status_owner(store, service)->growth);
    json_put_object_end(json);
}

static void node_json(struct json *json, const struct builder_node *node)
{
    json_put_object(json, NULL);
    json_put_text(json, "name", node->name);
    json_put_text(json, "endpoint", node->endpoint);
    json_put_text(json, "status", node->status);
    json_put_text(json, "version", node->version);
    json_put_text(json, "platforms", node->platforms);
    json_put_text(json, "error", node->error);
    json_put_object_end(json);
}

static void builder_json(struct json *json, const struct builder *builder)
{
    json_put_object(json, NULL);
    json_put_text(json, "name", builder->name);
    json_put_text(json, "driver", builder->driver);
    json_put_bool(json, "reachable", builder->reachable);
    json_put_text(json, "error", session_builder_error(builder));
    json_put_int(json, "records", (int64_t)builder->records.len);
    json_put_int(json, "size", builder->records.size_bytes);
    json_put_int(json, "reclaimable", builder->records.reclaimable_bytes);
    json_put_int(json, "shared", builder->records.shared_bytes);
    growth_json(json, &builder->growth);
    json_put_bool(json, "selected", builder->selected);
    json_put_text(json, "endpoint", builder->endpoint);
    json_put_array(json, "nodes");
    for (size_t i = 0; i < builder->nodes_len; i++)
        node_json(json, &builder->nodes[i]);
    json_put_array_end(json);
    json_put_object_end(json);
}

static void contexts_json(struct json *json, const struct store *store)
{
    json_put_array(json, "contexts");
    for (size_t i = 0; i < store->contexts_len; i++) {
        json_put_object(json, NULL);
        json_put_text(json, "name", store->contexts[i].name);
        json_put_text(json, "host", store->contexts[i].host);
        json_put_bool(json, "current", store->contexts[i].current);
        json_put_object_end(json);
    }
    json_put_array_end(json);
}

static void disk_json(struct json *json, const struct disk *disk)
{
    json_put_object(json, NULL);
    json_put_text(json, "path", disk->path);
    json_put_int(json, "total", disk->total_bytes);
    json_put_int(json, "free", disk->free_bytes);
    json_put_time(json, "forecast_full_at", disk->full_at);
    json_put_text(json, "mount", disk->mount);
    json_put_text(json, "alarm", disk_alarm_name(disk->alarm));
    put_known(json, "forecast_full_builds", disk->full_builds > 0, disk->full_builds);
    put_known(json, "shrinks_per_hour", disk->full_at != 0, disk->shrinks_per_hour_bytes);
    put_known(json, "shrinks_per_build", disk->shrinks_per_build_bytes > 0,
              disk->shrinks_per_build_bytes);
    json_put_object_end(json);
}

static void status_print_json(const struct store *store)
{
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    json_put_array(&json, "cache_roots");
    for (size_t i = 0; i < store->roots_len; i++)
        if (i == 0 || strcmp(store->roots[i].path, store->roots[i - 1].path) != 0)
            json_put_text(&json, NULL, store->roots[i].path);
    json_put_array_end(&json);
    json_put_array(&json, "disk");
    for (size_t i = 0; i < store->disks_len; i++)
        disk_json(&json, &store->disks[i]);
    json_put_array_end(&json);
    json_put_array(&json, "services");
    for (size_t i = 0; i < store->services_len; i++)
        service_json(&json, store, &store->services[i]);
    json_put_array_end(&json);
    json_put_array(&json, "builders");
    for (size_t i = 0; i < store->builders_len; i++)
        builder_json(&json, &store->builders[i]);
    json_put_array_end(&json);
    contexts_json(&json, store);
    session_unfinished_json(&json, "unfinished", &store->unfinished);
    json_put_object_end(&json);
    putchar('\n');
}

enum { COLUMNS = 48, SLOTS_MIN = 6 };

static const char *const blocks[8] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const plain[8] = {"_", ".", "-", "-", "=", "+", "*", "#"};

static size_t known(const int64_t *slots, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += slots[i] >= 0;
    return count;
}

/* Is enough known of it: an hour at least? */
static bool status_chart_wanted(const struct disk *disk)
{
    return disk->day != NULL && disk->mount != NULL &&
           known(disk->day, DISK_DAY_SLOTS) >= SLOTS_MIN;
}

/* Of one that is wanted. Gaps are times that nobody looked. */
static void status_chart_print(const struct disk *disk)
{
    int64_t lowest = chart_lowest(disk->day, DISK_DAY_SLOTS);
    int64_t highest = chart_highest(disk->day, DISK_DAY_SLOTS);
    int64_t above[DISK_DAY_SLOTS]; /* the lowest */
    for (size_t i = 0; i < DISK_DAY_SLOTS; i++)
        above[i] = disk->day[i] < 0 ? -1 : disk->day[i] - lowest;
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    const struct chart chart = {.slots = above,
                                .len = DISK_DAY_SLOTS,
                                .columns = COLUMNS,
                                .rows = 1,
                                .top = highest > lowest ? highest - lowest : 1,
                                .eighths = utf8 ? blocks : plain};
    char low[TEXT_SIZE_SIZE], high[TEXT_SIZE_SIZE];
    struct buf text = {0};
    text_clean(&text, disk->mount, strlen(disk->mount));
    buf_append_str(&text, "  ");
    chart_append_row(&chart, 0, &text);
    printf("%s  %s to %s\n", text.data, text_size(low, lowest), text_size(high, highest));
    buf_done(&text);
}
