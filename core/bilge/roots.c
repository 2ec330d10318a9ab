/* Where the caches are: the directories given on the command line; else the
 * parents of the project's cache_to paths; else /tmp/docker-cache. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/bilge/parts.h"

#define DEFAULT_ROOT "/tmp/docker-cache"

/* --------------------------------------------------------------------- paths */

/* Appends one component to an absolute path. */
static void append_component(struct buf *path, const char *name, size_t len)
{
    if (len == 0 || (len == 1 && name[0] == '.'))
        return;
    if (len == 2 && name[0] == '.' && name[1] == '.') {
        while (path->len > 0 && path->data[path->len - 1] != '/')
            path->len--;
        path->len -= path->len > 0;
        if (path->data != NULL)
            path->data[path->len] = '\0';
        return;
    }
    buf_append_str(path, "/");
    buf_append(path, name, len);
}

static void append_path(struct buf *path, const char *rest)
{
    while (*rest != '\0') {
        size_t len = strcspn(rest, "/");
        append_component(path, rest, len);
        rest += len + (rest[len] == '/');
    }
}

char *roots_plain(const char *path)
{
    struct buf whole = {0};
    if (path[0] != '/') {
        char *here = getcwd(NULL, 0);
        append_path(&whole, here != NULL ? here : "");
        free(here);
    }
    append_path(&whole, path);
    if (whole.len == 0)
        buf_append_str(&whole, "/");
    return buf_take(&whole);
}

/* Resolves the longest part of it that exists. */
char *roots_canonical(const char *path)
{
    char *known = roots_plain(path), *resolved = NULL;
    size_t len = strlen(known), whole = len;
    char *rest = mem_strdup(known);
    for (;;) {
        resolved = realpath(len > 0 ? known : "/", NULL);
        if (resolved != NULL || len == 0)
            break;
        while (len > 0 && known[len - 1] != '/')
            len--;
        len -= len > 0;
        known[len] = '\0';
    }
    struct buf out = {0};
    append_path(&out, resolved != NULL ? resolved : "");
    if (len < whole)
        append_path(&out, rest + len);
    if (out.len == 0)
        buf_append_str(&out, "/");
    free(resolved);
    free(known);
    free(rest);
    return buf_take(&out);
}

char *roots_canonical_parent(const char *path)
{
    char *whole = roots_plain(path);
    char *slash = strrchr(whole, '/');
    char *parent = slash == whole ? mem_strdup("/") : mem_strndup(whole, (size_t)(slash - whole));
    char *resolved = roots_canonical(parent);
    struct buf out = {0};
    append_path(&out, resolved);
    append_path(&out, slash);
    if (out.len == 0)
        buf_append_str(&out, "/");
    free(whole);
    free(parent);
    free(resolved);
    return buf_take(&out);
}

static void split(const char *path, char **ret_parent, char **ret_name)
{
    const char *slash = strrchr(path, '/');
    *ret_parent = slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
    *ret_name = mem_strdup(slash + 1);
}

/* --------------------------------------------------------------------- roots */

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
        char *parent, *name;
        if (!single[i] || strcmp(paths[i], "/") == 0)
            continue;
        split(paths[i], &parent, &name);
        add_root(bilge->store, parent, name);
        free(parent);
        free(name);
    }
}

bool roots_is_layout(const char *path)
{
    char *marker = mem_printf("%s/oci-layout", path);
    struct stat st;
    bool found = lstat(marker, &st) == 0 && S_ISREG(st.st_mode);
    free(marker);
    return found;
}

/* Roots are only ever added: scans under way know them by their index, and a
 * project that is read again seldom loses one. */
static void begin(struct bilge *bilge, size_t known)
{
    if (bilge->store->roots_len == known)
        return;
    caches_recover(bilge, known);
    caches_scan(bilge);
    disks_refresh(bilge);
}

/* What was given; else the usual place. */
void roots_from_options(struct bilge *bilge)
{
    size_t known = bilge->store->roots_len;
    size_t len = bilge->given_roots_len > 0 ? bilge->given_roots_len : 1;
    char **paths = mem_alloc(len * sizeof *paths);
    bool *single = mem_zalloc(len);
    for (size_t i = 0; i < len; i++) {
        paths[i] =
            roots_canonical(bilge->given_roots_len > 0 ? bilge->given_roots[i] : DEFAULT_ROOT);
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
            char *resolved = roots_canonical_parent(*path);
            free(*path);
            *path = resolved;
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
        char *place = roots_canonical(own[i]);
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
            char *parent, *name;
            split(path, &parent, &name);
            mem_reserve((void **)&paths, &paths_cap, len + 1, sizeof *paths);
            mem_reserve((void **)&single, &single_cap, len + 1, sizeof *single);
            single[len] = is_shared_place(parent, project->directory);
            paths[len] = mem_strdup(single[len] ? path : parent);
            len++;
            free(parent);
            free(name);
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
