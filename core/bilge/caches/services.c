/* Joins the services of the project with the directories that the scan found.
 * Worked out anew from both each time; the rows keep their ids and caches. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/builds/builds.h"
#include "core/bilge/caches/caches.h"

static bool is_directory_row(const struct service *row)
{
    return row->path != NULL && strcmp(row->id, row->path) == 0;
}

static void add_same_path(struct service *row, const char *name)
{
    for (size_t i = 0; i < row->same_path_len; i++)
        if (strcmp(row->same_path[i], name) == 0)
            return;
    row->same_path = mem_realloc(row->same_path, (row->same_path_len + 1) * sizeof(char *));
    row->same_path[row->same_path_len++] = mem_strdup(name);
}

/* ---------------------------------------------------------- without project */

/* Back to what the directories alone say. */
static void reset_row(struct service *row)
{
    for (size_t i = 0; i < row->same_path_len; i++)
        free(row->same_path[i]);
    free(row->same_path);
    row->same_path = NULL;
    row->same_path_len = 0;
    row->in_project = false;
    mem_replace(&row->name, path_name(row->path));
}

/* Other rows were the project's: they are made anew. */
static bool is_there(const struct store *store, const struct service *row)
{
    return is_directory_row(row) && row->cache != NULL && row->cache->state != CACHE_MISSING &&
           roots_of(store, row->path) != NULL;
}

static void reset_rows(struct store *store)
{
    for (size_t i = store->services_len; i-- > 0;) {
        if (is_there(store, &store->services[i]))
            reset_row(&store->services[i]);
        else
            store_remove_service(store, store->services[i].id);
    }
}

/* ------------------------------------------------------------- with project */

static struct cache *outside_cache(const char *path)
{
    struct cache *cache = caches_missing(path);
    cache->state = CACHE_UNREADABLE;
    cache->error = mem_strdup("outside the cache roots that were given: not looked at");
    return cache;
}

/* What to show for a directory that no scan has met. */
static void fill_unseen(struct store *store, struct service *row)
{
    const struct cache_root *root = roots_of(store, row->path);
    if (root == NULL) {
        row->cache = outside_cache(row->path);
    } else if (root->load == LOAD_PENDING) {
        row->load = LOAD_PENDING;
        return;
    } else {
        row->cache = caches_missing(row->path);
        if (root->load == LOAD_FAILED) {
            row->cache->state = CACHE_UNREADABLE;
            mem_replace(&row->cache->error,
                        root->silent ? "its cache root does not answer" : root->error);
        }
    }
    row->load = LOAD_DONE;
}

static void claim(struct store *store, struct service *row, const char *name, const char *path)
{
    row->in_project = true;
    mem_replace(&row->name, name);
    mem_replace(&row->path, path);
    if (path == NULL)
        row->load = LOAD_DONE;
    else if (row->cache == NULL && is_directory_row(row))
        fill_unseen(store, row);
}

/* A row for a service that has no directory of its own. */
static struct service *put_bare(struct store *store, const char *name, const char *path)
{
    char *id = mem_printf("compose:%s", name);
    struct service *row = store_put_service(store, id);
    free(id);
    claim(store, row, name, path);
    row->load = LOAD_DONE;
    return row;
}

static void join_shared(struct store *store, const char *path, const char *name)
{
    struct service *owner = store_put_service(store, path);
    char *owner_name = mem_strdup(owner->name);
    add_same_path(owner, name);
    struct service *row = put_bare(store, name, path);
    add_same_path(row, owner_name);
    free(owner_name);
}

static void join_path(struct store *store, const char *path, const char *name)
{
    struct service *row = store_put_service(store, path);
    if (!row->in_project)
        claim(store, row, name, path);
    else if (strcmp(row->name, name) != 0)
        join_shared(store, path, name);
}

/* A directory of the same name in a root, when compose tells of no cache: an
 * overlay that is not loaded now may have written it. It must be the only one. */
static struct service *find_namesake(struct store *store, const char *name)
{
    struct service *found = NULL;
    for (size_t i = 0; i < store->services_len; i++) {
        struct service *row = &store->services[i];
        if (row->in_project || !is_directory_row(row) || strcmp(row->name, name) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = row;
    }
    return found;
}

static bool is_exported_to(const struct compose_project *project, const char *path)
{
    for (size_t i = 0; i < project->services_len; i++)
        for (size_t j = 0; j < project->services[i].cache_to_len; j++)
            if (strcmp(project->services[i].cache_to[j], path) == 0)
                return true;
    return false;
}

/* A directory that a service only reads from is its own when nobody of the
 * project writes to it. */
static bool join_imports(struct store *store, const struct compose_service *service)
{
    bool joined = false;
    for (size_t i = 0; i < service->cache_from_len; i++) {
        if (is_exported_to(store->project, service->cache_from[i]))
            continue;
        join_path(store, service->cache_from[i], service->name);
        joined = true;
    }
    return joined;
}

static void join_service(struct store *store, const struct compose_service *service)
{
    for (size_t i = 0; i < service->cache_to_len; i++)
        join_path(store, service->cache_to[i], service->name);
    if (service->cache_to_len > 0 || join_imports(store, service))
        return;
    struct service *namesake = find_namesake(store, service->name);
    if (namesake != NULL) {
        char *path = mem_strdup(namesake->path);
        claim(store, namesake, service->name, path);
        free(path);
    } else {
        put_bare(store, service->name, NULL);
    }
}

/* ------------------------------------------------------------------- builds */

static bool is_built_now(const struct bilge *bilge, const struct service *row)
{
    bool built = row->in_project && builds_concern(bilge, row->name);
    for (size_t i = 0; i < row->same_path_len && !built; i++)
        built = builds_concern(bilge, row->same_path[i]);
    return built;
}

void services_mark_builds(struct bilge *bilge)
{
    struct store *store = bilge->store;
    for (size_t i = 0; i < store->services_len; i++) {
        struct service *row = &store->services[i];
        const struct build *build = row->in_project ? store_last_build(store, row->name) : NULL;
        row->last_build_id = build != NULL ? build->id : 0;
        mem_replace(&row->busy_sign, is_built_now(bilge, row) ? "bilge builds it now" : NULL);
    }
    bilge_moved(bilge);
}

void services_join(struct bilge *bilge)
{
    struct store *store = bilge->store;
    bilge->join_needed = false;
    reset_rows(store);
    for (size_t i = 0; store->project != NULL && i < store->project->services_len; i++)
        join_service(store, &store->project->services[i]);
    store_sort_services(store);
    services_mark_builds(bilge);
}
