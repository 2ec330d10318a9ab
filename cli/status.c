/* bilge status: services, builders' totals, disks. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/session.h"
#include "cli/status_chart.h"
#include "cli/status_parts.h"
#include "cli/table.h"
#include "core/base/clock.h"
#include "core/base/level.h"
#include "core/base/mem.h"
#include "core/base/text.h"

static void note_append(struct buf *note, const char *text)
{
    if (note->len > 0)
        buf_append_str(note, "; ");
    buf_append_str(note, text);
}

static void table_service_note(struct table *table, const struct store *store,
                               const struct service *service)
{
    struct buf note = {0};
    if (service->path == NULL)
        note_append(&note, "no local cache in compose");
    if (store->project != NULL && !service->in_project)
        note_append(&note, "no such service");
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
        {"SERVICE", false}, {"STATE", false}, {"SIZE", true},     {"LIVE", true},
        {"GARBAGE", true},  {"GENS", true},   {"EXPORTED", true}, {"PER HOUR", true},
        {"PER BUILD", true}, {"NOTE", false}, {NULL, false},
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
        table_service_note(table, store, service);
    }
    table_print(table, 0, stdout);
    table_free(table);
    print_total(store);
}

static void print_builders(const struct store *store)
{
    static const struct table_column columns[] = {
        {"BUILDER", false},    {"DRIVER", false}, {"RECORDS", true}, {"SIZE", true},
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
        {"DISK", false}, {"HOLDS", false},   {"TOTAL", true},     {"FREE", true},
        {"USED", true},  {"PER HOUR", true}, {"PER BUILD", true}, {"NOTE", false},
        {NULL, false},
    };
    if (store->disks_len == 0)
        return;
    struct table *table = table_new(columns);
    for (size_t i = 0; i < store->disks_len; i++) {
        const struct disk *disk = &store->disks[i];
        char percent[16];
        snprintf(percent, sizeof percent, "%d %%",
                 level_used_percent(disk->total_bytes, disk->free_bytes));
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
    for (size_t i = 0; i < store->roots_len; i++)
        if (store->roots[i].error != NULL)
            complain("%s", store->roots[i].error);
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
