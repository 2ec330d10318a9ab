/* Where the caches are: the directories given on the command line; else the
 * parents of the project's cache_to paths; else /tmp/docker-cache. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/caches/caches.h"
#include "core/bilge/memory/memory.h"
#include "core/cache/layout.h"

#define DEFAULT_ROOT "/tmp/docker-cache"

/* Is it the same directory under another name (a bind mount)? */
static bool same_directory(const char *a, const char *b)
{
    struct stat left, right;
    return strcmp(a, b) == 0 || (stat(a, &left) == 0 && stat(b, &right) == 0 &&
                                 left.st_dev == right.st_dev && left.st_ino == right.st_ino);
}

static void add_root(struct store *store, const char *path, const char *only)
{
    for (size_t i = 0; i < store->roots_len; i++) {
        const struct cache_root *root = &store->roots[i];
        if (same_directory(root->path, path) &&
            (root->only == NULL || (only != NULL && strcmp(root->only, only) == 0)))
            return;
    }
    store_put_root(store, path, only);
}

/* Whole roots come first, so that add_root() finds them for single ones. */
static void add_roots(struct bilge *bilge, char *const *paths, const bool *single, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!single[i])
            add_root(bilge->store, paths[i], NULL);
    for (size_t i = 0; i < len; i++) {
        if (!single[i] || strcmp(paths[i], "/") == 0)
            continue;
        char *parent = path_parent(paths[i]);
        add_root(bilge->store, parent, path_name(paths[i]));
        free(parent);
    }
}

bool roots_is_layout(const char *path)
{
    int fd;
    if (fs_open_root(path, &fd, NULL) < 0)
        return false;
    bool found = cache_has_layout(fd);
    close(fd);
    return found;
}

/* Roots are only ever added: scans under way know them by their index, and a
 * project that is read again seldom loses one. */
static void begin(struct bilge *bilge, size_t known)
{
    if (bilge->store->roots_len == known)
        return;
    caches_look_unfinished(bilge, known);
    caches_scan(bilge);
    disks_refresh(bilge);
}

/* What was given; else the usual place. */
void roots_from_options(struct bilge *bilge)
{
    size_t known = bilge->store->roots_len;
    size_t len = bilge->given_roots.len > 0 ? bilge->given_roots.len : 1;
    char **paths = mem_alloc(len * sizeof *paths);
    bool *single = mem_zalloc(len);
    for (size_t i = 0; i < len; i++) {
        paths[i] =
            path_canonical(bilge->given_roots.len > 0 ? bilge->given_roots.items[i] : DEFAULT_ROOT);
        single[i] = roots_is_layout(paths[i]);
    }
    add_roots(bilge, paths, single, len);
    for (size_t i = 0; i < len; i++)
        free(paths[i]);
    free(paths);
    free(single);
    begin(bilge, known);
}

void roots_resolve_project(struct compose_project *project)
{
    for (size_t i = 0; i < project->services_len; i++) {
        struct compose_service *service = &project->services[i];
        for (size_t j = 0; j < service->cache_to_len + service->cache_from_len; j++) {
            char **path = j < service->cache_to_len
                              ? &service->cache_to[j]
                              : &service->cache_from[j - service->cache_to_len];
            char *resolved = path_canonical_parent(*path);
            free(*path);
            *path = resolved;
            char *target = path_canonical(*path);
            if (strcmp(target, *path) != 0 && !words_has(&service->leads_to, target))
                words_add(&service->leads_to, target);
            free(target);
        }
    }
}

/* The same path below the root that its parent is another name of; NULL: none. */
static char *path_in_root(const struct store *store, const char *path)
{
    char *parent = path_parent(path), *found = NULL;
    for (size_t i = 0; i < store->roots_len && found == NULL; i++)
        if (same_directory(store->roots[i].path, parent))
            found = path_join(store->roots[i].path, path_name(path));
    free(parent);
    return found;
}

void roots_meet_project(struct bilge *bilge)
{
    struct compose_project *project = bilge->store->project;
    for (size_t i = 0; project != NULL && i < project->services_len; i++) {
        struct compose_service *service = &project->services[i];
        for (size_t j = 0; j < service->cache_to_len + service->cache_from_len; j++) {
            char **path = j < service->cache_to_len
                              ? &service->cache_to[j]
                              : &service->cache_from[j - service->cache_to_len];
            char *found = roots_of(bilge->store, *path) == NULL
                              ? path_in_root(bilge->store, *path)
                              : NULL;
            if (found == NULL || roots_of(bilge->store, found) == NULL) {
                free(found);
                continue;
            }
            free(*path);
            *path = found;
        }
    }
}

static bool is_at_or_above(const char *above, const char *path)
{
    size_t len = strlen(above);
    return strcmp(above, "/") == 0 ||
           (strncmp(above, path, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

/* A place where much else lies: not every directory in it is a cache. */
static bool is_shared_place(const char *path, const char *project_directory)
{
    static const char *const known[] = {
        "/",    "/dev/shm", "/home", "/mnt",   "/opt",       "/root",    "/run",     "/srv",
        "/tmp", "/usr",     "/var",  "/media", "/var/cache", "/var/lib", "/var/tmp",
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i], path) == 0)
            return true;
    const char *own[] = {getenv("HOME"), getenv("TMPDIR"), project_directory};
    bool shared = false;
    for (size_t i = 0; i < sizeof own / sizeof own[0] && !shared; i++) {
        if (own[i] == NULL || own[i][0] != '/')
            continue;
        char *place = path_canonical(own[i]);
        shared = strcmp(place, path) == 0 ||
                 (own[i] == project_directory && is_at_or_above(path, place));
        free(place);
    }
    return shared;
}

void roots_from_project(struct bilge *bilge)
{
    const struct compose_project *project = bilge->store->project;
    char **paths = NULL;
    bool *single = NULL;
    size_t len = 0, paths_cap = 0, single_cap = 0, known = bilge->store->roots_len;
    for (size_t i = 0; project != NULL && i < project->services_len; i++) {
        const struct compose_service *service = &project->services[i];
        for (size_t j = 0; j < service->cache_to_len + service->cache_from_len; j++) {
            const char *path = j < service->cache_to_len
                                   ? service->cache_to[j]
                                   : service->cache_from[j - service->cache_to_len];
            char *parent = path_parent(path);
            mem_reserve((void **)&paths, &paths_cap, len + 1, sizeof *paths);
            mem_reserve((void **)&single, &single_cap, len + 1, sizeof *single);
            single[len] = is_shared_place(parent, project->directory) || roots_is_layout(parent);
            paths[len] = mem_strdup(single[len] ? path : parent);
            len++;
            free(parent);
        }
    }
    if (len == 0) {
        roots_from_options(bilge);
        return;
    }
    add_roots(bilge, paths, single, len);
    for (size_t i = 0; i < len; i++)
        free(paths[i]);
    free(paths);
    free(single);
    begin(bilge, known);
}

const struct cache_root *roots_of(const struct store *store, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    for (size_t i = 0; slash != NULL && i < store->roots_len; i++) {
        const struct cache_root *root = &store->roots[i];
        size_t root_len = strcmp(root->path, "/") == 0 ? 0 : strlen(root->path);
        if (root_len == len && strncmp(root->path, path, len) == 0 &&
            (root->only == NULL || strcmp(root->only, slash + 1) == 0))
            return root;
    }
    return NULL;
}
