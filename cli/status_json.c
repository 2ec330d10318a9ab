/* bilge status --json, and what both forms of the status share. */
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/session.h"
#include "cli/status_parts.h"
#include "core/base/clock.h"

const struct service *status_owner(const struct store *store, const struct service *service)
{
    if (service->cache != NULL || service->path == NULL)
        return service;
    const struct service *owner = store_service(store, service->path);
    return owner != NULL ? owner : service;
}

const struct cache *status_cache(const struct store *store, const struct service *service)
{
    static const struct cache nothing = {.state = CACHE_MISSING};
    const struct service *owner = status_owner(store, service);
    return owner->cache != NULL ? owner->cache : &nothing;
}

const char *status_state(const struct store *store, const struct service *service)
{
    enum cache_state state = status_cache(store, service)->state;
    bool busy = service_busy_sign(status_owner(store, service)) != NULL;
    return cache_state_name(state == CACHE_OK && busy ? CACHE_BUSY : state);
}

const char *status_error(const struct store *store, const struct service *service)
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
    const struct known_cache *known =
        service->in_project ? NULL : service_known_as(store, service);
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

void status_print_json(const struct store *store)
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
