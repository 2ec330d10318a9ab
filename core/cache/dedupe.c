#include "core/cache/dedupe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/aside.h"
#include "core/cache/busy.h"
#include "core/oci/blob_hash.h"
#include "core/oci/layout.h"

/* ---------------------------------------------------------------- the plan */

/* One name of a blob in one cache. */
struct copy {
    const struct cache_blob *blob;
    uint64_t dev;
    size_t cache;
};

static int compare_copies(const void *a, const void *b)
{
    const struct copy *x = a, *y = b;
    int order = memcmp(&x->blob->digest, &y->blob->digest, sizeof x->blob->digest);
    if (order == 0)
        order = (x->dev > y->dev) - (x->dev < y->dev);
    if (order == 0) /* the file with the most names comes first: it is kept */
        order = (x->blob->nlink < y->blob->nlink) - (x->blob->nlink > y->blob->nlink);
    if (order == 0)
        order = (x->blob->ino > y->blob->ino) - (x->blob->ino < y->blob->ino);
    if (order == 0)
        order = (x->cache > y->cache) - (x->cache < y->cache);
    return order;
}

static bool same_blob(const struct copy *a, const struct copy *b)
{
    return a->dev == b->dev && digest_equal(&a->blob->digest, &b->blob->digest);
}

static struct copy *gather(const struct cache *const *caches, size_t len, size_t *ret_count)
{
    size_t total = 0, count = 0;
    for (size_t i = 0; i < len; i++)
        total += caches[i]->state == CACHE_OK ? caches[i]->blobs_len : 0;
    struct copy *copies = mem_alloc((total + 1) * sizeof *copies);
    for (size_t i = 0; i < len; i++)
        for (size_t j = 0; caches[i]->state == CACHE_OK && j < caches[i]->blobs_len; j++)
            copies[count++] = (struct copy){&caches[i]->blobs[j], caches[i]->dev, i};
    qsort(copies, count, sizeof *copies, compare_copies);
    *ret_count = count;
    return copies;
}

/* The copies of one blob: the first stays, the others become names of it. An
 * inode gives its blocks back with the last of its names. */
static void plan_group(const struct copy *copies, size_t len, struct dedupe_plan *plan, size_t *cap)
{
    const struct cache_blob *kept = copies[0].blob;
    uint32_t names = 0; /* of the present inode, met so far */
    for (size_t i = 1; i < len; i++) {
        const struct cache_blob *blob = copies[i].blob;
        if (blob->ino == kept->ino) {
            plan->linked_bytes += blob->allocated_bytes;
            continue;
        }
        names = blob->ino == copies[i - 1].blob->ino ? names + 1 : 1;
        mem_reserve((void **)&plan->items, cap, plan->len + 1, sizeof *plan->items);
        plan->items[plan->len++] = (struct dedupe_item){
            .digest = blob->digest,
            .from = copies[0].cache,
            .to = copies[i].cache,
            .from_ino = kept->ino,
            .to_ino = blob->ino,
            .size_bytes = blob->allocated_bytes,
            .frees_bytes = names == blob->nlink ? blob->allocated_bytes : 0,
        };
        plan->duplicated_bytes += names == 1 ? blob->allocated_bytes : 0;
        plan->frees_bytes += plan->items[plan->len - 1].frees_bytes;
    }
}

void dedupe_make(const struct cache *const *caches, size_t len, struct dedupe_plan *ret_plan)
{
    struct dedupe_plan plan = {0};
    size_t count, cap = 0;
    struct copy *copies = gather(caches, len, &count);
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start + 1; end < count && same_blob(&copies[start], &copies[end]);)
            end++;
        if (end - start > 1)
            plan_group(copies + start, end - start, &plan, &cap);
    }
    free(copies);
    *ret_plan = plan;
}

void dedupe_done(struct dedupe_plan *plan)
{
    free(plan->items);
    *plan = (struct dedupe_plan){0};
}

struct dedupe_common dedupe_compare(const struct cache *a, const struct cache *b)
{
    struct dedupe_common common = {0};
    for (size_t i = 0, j = 0; i < a->blobs_len && j < b->blobs_len;) {
        const struct cache_blob *x = &a->blobs[i], *y = &b->blobs[j];
        int order = memcmp(&x->digest, &y->digest, sizeof x->digest);
        i += order <= 0;
        j += order >= 0;
        if (order != 0)
            continue;
        common.blobs++;
        common.bytes += x->allocated_bytes;
        common.linked_bytes += a->dev == b->dev && x->ino == y->ino ? x->allocated_bytes : 0;
    }
    return common;
}

/* ---------------------------------------------------------------- the links */

struct linking {
    const struct dedupe_item *item;
    int from_fd, to_fd, to_cache_fd; /* blobs/sha256 twice, and the cache directory */
    char hex[DIGEST_HEX_SIZE];
    const char *to_name;
    const atomic_bool *cancel;
};

static bool go_on(void *arg, int64_t bytes)
{
    const struct linking *linking = arg;
    (void)bytes;
    return linking->cancel == NULL || !atomic_load(linking->cancel);
}

static int open_blobs(const struct dedupe_place *place, int *ret_cache_fd, int *ret_fd,
                      struct err *err)
{
    int code = fs_open_dir(place->root_fd, place->name, ret_cache_fd, err);
    return code == 0 ? cache_open_blobs(*ret_cache_fd, ret_fd, err) : code;
}

static int check_files(const struct linking *linking, bool across_users, struct err *err)
{
    struct fs_stat from, to;
    int code = fs_stat_at(linking->from_fd, linking->hex, &from, err);
    if (code == 0)
        code = fs_stat_at(linking->to_fd, linking->hex, &to, err);
    if (code < 0)
        return code;
    if (from.type != FS_FILE || to.type != FS_FILE || from.ino != linking->item->from_ino ||
        to.ino != linking->item->to_ino || from.size_bytes != to.size_bytes)
        return err_sys(err, ERR_CHANGED, "linking blob %.12s", linking->hex);
    if (from.mount_root || to.mount_root)
        return err_sys(err, -EXDEV, "linking blob %.12s", linking->hex);
    if (from.uid != to.uid && !across_users)
        return err_set(err, ERR_FOREIGN, "linking blob %.12s: the copies belong to different users",
                       linking->hex);
    return 0;
}

static int check_content(struct linking *linking, struct err *err)
{
    struct digest actual;
    int code = blob_hash_file(linking->from_fd, linking->hex, go_on, linking, &actual, err);
    if (code == 0 && !digest_equal(&actual, &linking->item->digest))
        code = err_set(err, ERR_FORMAT, "linking blob %.12s: its content is damaged", linking->hex);
    return code;
}

/* The temporary name is that of a blob set aside: a scan knows it, and what a
 * kill leaves of it is cleaned up at the next start. */
static int make_link(const struct linking *linking, struct err *err)
{
    char temporary[sizeof CACHE_ASIDE + DIGEST_HEX_SIZE];
    snprintf(temporary, sizeof temporary, CACHE_ASIDE ".%s", linking->hex);
    unlinkat(linking->to_cache_fd, temporary, 0);
    if (linkat(linking->from_fd, linking->hex, linking->to_cache_fd, temporary, 0) < 0)
        return err_sys(err, -errno, "linking blob %.12s into %s", linking->hex, linking->to_name);
    struct fs_stat linked;
    int code = fs_stat_at(linking->to_cache_fd, temporary, &linked, NULL);
    if (code == 0 && linked.ino != linking->item->from_ino) /* not what was hashed */
        code = ERR_CHANGED;
    if (code == 0 && renameat(linking->to_cache_fd, temporary, linking->to_fd, linking->hex) < 0)
        code = -errno;
    if (code < 0) {
        unlinkat(linking->to_cache_fd, temporary, 0);
        return err_sys(err, code, "linking blob %.12s into %s", linking->hex, linking->to_name);
    }
    return 0;
}

static int link_over(const struct linking *linking, struct err *err)
{
    int64_t touched_at = busy_touched_at(linking->to_cache_fd);
    int code = make_link(linking, err);
    busy_keep_time(linking->to_cache_fd, touched_at);
    return code;
}

int dedupe_link(const struct dedupe_item *item, const struct dedupe_place *from,
                const struct dedupe_place *to, bool verified, bool across_users,
                const atomic_bool *cancel, struct err *err)
{
    struct linking linking = {.item = item,
                              .from_fd = -1,
                              .to_fd = -1,
                              .to_cache_fd = -1,
                              .to_name = to->name,
                              .cancel = cancel};
    int from_cache_fd = -1;
    digest_hex(linking.hex, &item->digest);
    int code = open_blobs(from, &from_cache_fd, &linking.from_fd, err);
    if (code == 0) /* locked: the temporary name is one that removals use */
        code = aside_lock(to->root_fd, to->name, 0, 0, &linking.to_cache_fd, err);
    if (code == 0)
        code = cache_open_blobs(linking.to_cache_fd, &linking.to_fd, err);
    if (code == 0)
        code = check_files(&linking, across_users, err);
    if (code == 0 && !verified)
        code = check_content(&linking, err);
    if (code == 0)
        code = link_over(&linking, err);
    int open_fds[] = {from_cache_fd, linking.from_fd, linking.to_cache_fd, linking.to_fd};
    for (size_t i = 0; i < sizeof open_fds / sizeof open_fds[0]; i++)
        if (open_fds[i] >= 0)
            close(open_fds[i]);
    return code;
}
