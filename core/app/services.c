/* Joins the services of the project with the directories that the scan found.
 * Worked out anew from both each time; the rows keep their ids and caches. */
#include "core/app/services.h"

#include <stdlib.h>
#include <string.h>

#include "core/app/builds.h"
#include "core/app/hub.h"
#include "core/base/mem.h"
#include "core/base/path.h"

struct services {
    struct hub *hub;
    struct store *store;
    struct builds *builds;
    bool join_needed;
};

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

static void add_user(struct service *row, const char *name, const char *tag, bool writes)
{
    for (size_t i = 0; i < row->users_len; i++) {
        struct service_user *user = &row->users[i];
        if (strcmp(user->name, name) != 0 || strcmp(user->tag, tag) != 0)
            continue;
        user->writes |= writes;
        return;
    }
    row->users = mem_realloc(row->users, (row->users_len + 1) * sizeof *row->users);
    row->users[row->users_len++] = (struct service_user){mem_strdup(name), mem_strdup(tag), writes};
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
    service_free_users(row);
    row->in_project = row->guessed = row->elsewhere = false;
    mem_replace(&row->name, path_name(row->path));
}

/* Other rows were the project's: they are made anew. */
static bool is_there(const struct store *store, const struct service *row)
{
    return is_directory_row(row) && row->cache != NULL && row->cache->state != CACHE_MISSING &&
           store_root_of(store, row->path) != NULL;
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
    struct cache *cache = cache_missing(path);
    cache->state = CACHE_UNREADABLE;
    cache->error = mem_strdup("outside the cache roots that were given: not looked at");
    return cache;
}

/* What to show for a directory that no scan has met. */
static void fill_unseen(struct store *store, struct service *row)
{
    const struct cache_root *root = store_root_of(store, row->path);
    if (root == NULL) {
        row->elsewhere = true;
        row->cache = outside_cache(row->path);
    } else if (root->load == LOAD_PENDING) {
        row->load = LOAD_PENDING;
        return;
    } else {
        row->cache = cache_missing(row->path);
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

/* A row for a service that has no directory of its own (path NULL), or shares
 * this one with another. It may share several. */
static struct service *put_bare(struct store *store, const char *name, const char *path)
{
    char *id = mem_printf("compose:%s", name);
    const struct service *first = store_service(store, id);
    if (first != NULL && path != NULL && first->path != NULL && strcmp(first->path, path) != 0) {
        free(id);
        id = mem_printf("compose:%s %s", name, path);
    }
    struct service *row = store_put_service(store, id);
    free(id);
    claim(store, row, name, path);
    row->load = LOAD_DONE;
    return row;
}

static void join_shared(struct store *store, const char *path, const char *name)
{
    add_same_path(store_put_service(store, path), name);
    put_bare(store, name, path);
}

/* The rows of one directory name each other. */
static void name_sharers(struct store *store)
{
    for (size_t i = 0; i < store->services_len; i++) {
        struct service *row = &store->services[i];
        const struct service *owner =
            row->path != NULL && !is_directory_row(row) ? store_service(store, row->path) : NULL;
        if (owner == NULL)
            continue;
        add_same_path(row, owner->name);
        for (size_t j = 0; j < owner->same_path_len; j++)
            if (strcmp(owner->same_path[j], row->name) != 0)
                add_same_path(row, owner->same_path[j]);
    }
}

static bool is_written(const struct service *row)
{
    for (size_t i = 0; i < row->users_len; i++)
        if (row->users[i].writes)
            return true;
    return false;
}

/* The service uses the directory. It is the service's own row when it is the
 * first to write to it, or reads from what nobody writes to: with cache_from A
 * and cache_to B, and B moved over A after each build, A is all there is in
 * between. Two of a kind share it. Who reads what others write has no row of it. */
static void join_path(struct store *store, const char *path, const char *tag, bool writes,
                      const char *name)
{
    struct service *row = store_put_service(store, path);
    bool mine = !row->in_project || strcmp(row->name, name) == 0;
    if (!row->in_project)
        claim(store, row, name, path);
    else if (!mine && (writes || !is_written(row)))
        join_shared(store, path, name);
    add_user(store_put_service(store, path), name, tag, writes);
}

static bool is_of_another(const struct store *store, const struct service *row)
{
    const struct known_cache *known = service_known_as(store, row);
    return known != NULL && strcmp(known->project, store->project->name) != 0;
}

/* A directory of the same name in a root, when compose tells of no cache: an
 * overlay that is not loaded now may have written it. It must be the only one, and
 * not known as another project's. */
static struct service *find_namesake(struct store *store, const char *name)
{
    struct service *found = NULL;
    for (size_t i = 0; i < store->services_len; i++) {
        struct service *row = &store->services[i];
        if (row->in_project || !is_directory_row(row) || strcmp(row->name, name) != 0 ||
            is_of_another(store, row))
            continue;
        if (found != NULL)
            return NULL;
        found = row;
    }
    return found;
}

static void join_exports(struct store *store, const struct compose_service *service)
{
    for (size_t i = 0; i < service->cache_to_len; i++)
        join_path(store, service->cache_to[i], service->cache_to_tags[i], true, service->name);
}

static void join_imports(struct store *store, const struct compose_service *service)
{
    for (size_t i = 0; i < service->cache_from_len; i++)
        join_path(store, service->cache_from[i], service->cache_from_tags[i], false, service->name);
    /* What lies behind a link is used, too; only what a root shows is joined. */
    for (size_t i = 0; i < service->leads_to.len; i++)
        if (store_service(store, service->leads_to.items[i]) != NULL)
            join_path(store, service->leads_to.items[i], COMPOSE_DEFAULT_TAG, true, service->name);
}

/* Has it a row of its own, or one that shares another's directory? */
static bool has_row(const struct store *store, const struct compose_service *service)
{
    for (size_t i = 0; i < service->cache_to_len + service->cache_from_len; i++) {
        const char *path = i < service->cache_to_len
                               ? service->cache_to[i]
                               : service->cache_from[i - service->cache_to_len];
        const struct service *row = store_service(store, path);
        if (row != NULL && (i < service->cache_to_len || strcmp(row->name, service->name) == 0))
            return true;
    }
    char *id = mem_printf("compose:%s", service->name);
    bool has = store_service(store, id) != NULL;
    free(id);
    return has;
}

static void join_rest(struct store *store, const struct compose_service *service)
{
    if (has_row(store, service))
        return;
    struct service *namesake = find_namesake(store, service->name);
    if (namesake != NULL) {
        char *path = mem_strdup(namesake->path);
        claim(store, namesake, service->name, path);
        namesake->guessed = true;
        add_user(namesake, service->name, COMPOSE_DEFAULT_TAG, true);
        free(path);
    } else {
        put_bare(store, service->name, NULL);
    }
}

/* ------------------------------------------------------------------- builds */

static bool is_built_now(const struct services *services, const struct service *row)
{
    bool built = row->in_project && builds_concern(services->builds, row->name);
    for (size_t i = 0; i < row->same_path_len && !built; i++)
        built = builds_concern(services->builds, row->same_path[i]);
    return built;
}

void services_mark_builds(struct services *services)
{
    struct store *store = services->store;
    for (size_t i = 0; i < store->services_len; i++) {
        struct service *row = &store->services[i];
        const struct build *build = row->in_project ? store_last_build(store, row->name) : NULL;
        row->last_build_id = build != NULL ? build->id : 0;
        mem_replace(&row->busy_sign, is_built_now(services, row) ? "bilge builds it now" : NULL);
    }
    hub_moved(services->hub);
}

void services_join(struct services *services)
{
    struct store *store = services->store;
    services->join_needed = false;
    reset_rows(store);
    const struct compose_project *project = store->project;
    size_t len = project != NULL ? project->services_len : 0;
    /* Writers of all services first: whose a directory is does not hang on the
     * services' names. */
    for (size_t i = 0; i < len; i++)
        join_exports(store, &project->services[i]);
    for (size_t i = 0; i < len; i++)
        join_imports(store, &project->services[i]);
    for (size_t i = 0; i < len; i++)
        join_rest(store, &project->services[i]);
    name_sharers(store);
    store_sort_services(store);
    services_mark_builds(services);
}

void services_need_join(struct services *services)
{
    services->join_needed = true;
}

static void turn(void *owner)
{
    struct services *services = owner;
    if (services->join_needed)
        services_join(services);
}

struct services *services_new(struct hub *hub, struct builds *builds)
{
    struct services *services = mem_zalloc(sizeof *services);
    services->hub = hub;
    services->store = hub_store(hub);
    services->builds = builds;
    hub_set_turn(hub, TURN_JOIN, turn, services);
    return services;
}

void services_free(struct services *services)
{
    free(services);
}
