/* Follows changes of roots and caches, so that nothing is looked at on a timer.
 *
 * A whole root is watched for its list, each cache for its content. Of a root
 * with `only` just that one directory is: the root may be /tmp. What is not
 * there yet is awaited where the nearest directory above it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bilge/caches/caches.h"

#define NAMES_MAX 100000

/* A root's list of directories, read on the pool. */
struct listing {
    struct job job;
    struct listing *next;
    char *root, *only;
    size_t index;  /* of the root */
    bool again;    /* asked for while it ran */
    bool exists;   /* out: the root, or the one directory of it */
    bool readable; /* out */
    struct words names; /* out */
};

/* ------------------------------------------------------------------ listing */

static int add_name(void *arg, const char *name, enum fs_type type)
{
    struct listing *listing = arg;
    bool maybe_directory = type == FS_DIR || type == FS_OTHER;
    if (!maybe_directory || strncmp(name, ".bilge-", 7) == 0)
        return 0;
    words_add(&listing->names, name);
    return listing->names.len >= NAMES_MAX;
}

static void listing_run(struct job *job)
{
    struct listing *listing = (struct listing *)job;
    struct fs_stat stat;
    int fd, code = fs_open_root(listing->root, &fd, NULL);
    bool opened = code == 0;
    if (opened && listing->only != NULL)
        code = fs_stat_at(fd, listing->only, &stat, NULL);
    else if (opened)
        code = fs_each(fd, add_name, listing, NULL);
    if (opened)
        close(fd);
    listing->readable = code >= 0;
    listing->exists = code != -ENOENT && code != -ENOTDIR;
}

static void rescan_new(struct bilge *bilge, const struct listing *listing)
{
    for (size_t i = 0; i < listing->names.len; i++) {
        char *path = path_join(listing->root, listing->names.items[i]);
        const struct service *row = store_service(bilge->store, path);
        if (row == NULL || row->cache == NULL || row->cache->state == CACHE_MISSING)
            caches_rescan(bilge, path, false);
        free(path);
    }
}

static void rescan_gone(struct bilge *bilge, const struct listing *listing)
{
    const struct store *store = bilge->store;
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *row = &store->services[i];
        if (row->cache == NULL || row->cache->state == CACHE_MISSING ||
            roots_of(store, row->path) != &store->roots[listing->index])
            continue;
        if (!words_find(&listing->names, path_name(row->path)))
            caches_rescan(bilge, row->path, false);
    }
}

static void compare(struct bilge *bilge, struct listing *listing)
{
    if (listing->only != NULL) {
        char *path = path_join(listing->root, listing->only);
        const struct service *row = store_service(bilge->store, path);
        bool known = row != NULL && row->cache != NULL && row->cache->state != CACHE_MISSING;
        if (known != listing->exists)
            caches_rescan(bilge, path, false);
        free(path);
        return;
    }
    words_sort(&listing->names);
    rescan_new(bilge, listing);
    if ((listing->readable || !listing->exists) && listing->names.len < NAMES_MAX)
        rescan_gone(bilge, listing);
}

static void listing_clear(struct listing *listing)
{
    words_done(&listing->names);
    listing->exists = false;
}

static void listing_free(struct bilge *bilge, struct listing *listing)
{
    struct listing **at = &bilge->listings;
    while (*at != listing)
        at = &(*at)->next;
    *at = listing->next;
    listing_clear(listing);
    free(listing->root);
    free(listing->only);
    free(listing);
}

static void listing_done(struct job *job, bool cancelled)
{
    struct listing *listing = (struct listing *)job;
    struct bilge *bilge = job->bilge;
    if (!bilge->closing && !cancelled) {
        compare(bilge, listing);
        watching_root(bilge, listing->index, listing->exists);
    }
    if (listing->again && !bilge->closing) {
        listing->again = false;
        listing_clear(listing);
        job_start(bilge, job);
        return;
    }
    listing_free(bilge, listing);
    if (!bilge->closing)
        caches_note_scanning(bilge);
}

static void list_root(struct bilge *bilge, size_t index)
{
    const struct cache_root *root = &bilge->store->roots[index];
    for (struct listing *listing = bilge->listings; listing != NULL; listing = listing->next) {
        if (listing->index == index) {
            listing->again = true;
            return;
        }
    }
    struct listing *listing = mem_zalloc(sizeof *listing);
    listing->job.run = listing_run;
    listing->job.done = listing_done;
    listing->root = mem_strdup(root->path);
    mem_replace(&listing->only, root->only);
    listing->index = index;
    listing->next = bilge->listings;
    bilge->listings = listing;
    job_start(bilge, &listing->job);
    caches_note_scanning(bilge);
}

/* ------------------------------------------------------------------ watching */

static bool is_at_or_below(const char *path, const char *above)
{
    size_t len = strcmp(above, "/") == 0 ? 0 : strlen(above);
    return strncmp(path, above, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* A directory that is no cache may be large and never at rest: it is counted
 * again on request, or when it has become one. */
static void rescan_changed(struct bilge *bilge, const char *root, const char *name)
{
    char *path = path_join(root, name);
    const struct service *row = store_service(bilge->store, path);
    bool foreign = row != NULL && row->cache != NULL && row->cache->state == CACHE_FOREIGN;
    if (roots_of(bilge->store, path) != NULL && (!foreign || roots_is_layout(path)))
        caches_rescan(bilge, path, false);
    free(path);
}

static char *spot_of(const struct cache_root *root)
{
    return root->only != NULL ? path_join(root->path, root->only) : mem_strdup(root->path);
}

static void on_change(void *arg, const char *place, const char *name)
{
    struct bilge *bilge = arg;
    if (name != NULL) {
        rescan_changed(bilge, place, name);
        return;
    }
    for (size_t i = 0; i < bilge->store->roots_len; i++) {
        char *spot = spot_of(&bilge->store->roots[i]);
        if (is_at_or_below(spot, place))
            list_root(bilge, i);
        free(spot);
    }
}

void watching_open(struct bilge *bilge)
{
    if (bilge->watching && bilge->watch == NULL)
        bilge->watch = watch_new(bilge->loop, on_change, bilge);
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The watch tells when the uppermost part of the path that is missing has come;
 * then this is done again for the next one. */
static void watch_for(struct bilge *bilge, const char *path)
{
    char *missing = mem_strdup(path);
    for (;;) {
        char *above = path_parent(missing);
        bool last = is_directory(above) || strcmp(above, "/") == 0;
        free(last ? above : missing);
        if (last)
            break;
        missing = above;
    }
    watch_add_root(bilge->watch, missing);
    free(missing);
}

void watching_root(struct bilge *bilge, size_t index, bool exists)
{
    const struct cache_root *root = &bilge->store->roots[index];
    if (bilge->watch == NULL)
        return;
    if (root->only == NULL && exists) {
        watch_add_root(bilge->watch, root->path);
        return;
    }
    char *spot = spot_of(root);
    bool there = is_directory(spot);
    if (!there)
        watch_for(bilge, spot);
    /* It may have come before the watch stood. */
    if ((there && !exists) || (!there && is_directory(spot)))
        list_root(bilge, index);
    free(spot);
}

void watching_cache(struct bilge *bilge, const char *path, bool exists)
{
    const struct cache_root *root = roots_of(bilge->store, path);
    const char *name = path_name(path);
    if (bilge->watch == NULL || root == NULL)
        return;
    if (exists)
        watch_add_cache(bilge->watch, root->path, name);
    else
        watch_remove_cache(bilge->watch, root->path, name);
    if (!exists && root->only != NULL)
        watching_root(bilge, (size_t)(root - bilge->store->roots), false);
}

void watching_close(struct bilge *bilge)
{
    if (bilge->watch != NULL)
        watch_free(bilge->watch);
    bilge->watch = NULL;
    for (struct listing *listing = bilge->listings; listing != NULL; listing = listing->next)
        uv_cancel((uv_req_t *)&listing->job.work);
}
