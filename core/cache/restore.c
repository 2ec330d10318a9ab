#include "core/cache/restore.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/cache/aside.h"
#include "core/cache/busy.h"
#include "core/cache/check.h"
#include "core/cache/scan.h"
#include "core/oci/blob_hash.h"
#include "core/oci/index.h"

uint32_t restore_choose(const struct cache *cache)
{
    for (uint32_t i = 0; i < cache->generations_len; i++) {
        const struct cache_generation *generation = &cache->generations[i];
        if (!generation->live && generation->whole && generation->cache)
            return i;
    }
    return CACHE_NONE;
}

static const struct cache_generation *find(const struct cache *cache, const struct digest *manifest)
{
    for (size_t i = 0; i < cache->generations_len; i++)
        if (digest_equal(&cache->generations[i].manifest, manifest))
            return &cache->generations[i];
    return NULL;
}

const char *restore_tag(const struct manifest *index)
{
    const char *tag = NULL;
    for (size_t i = 0; i < index->len; i++) {
        if (index->descriptors[i].tag == NULL)
            continue;
        if (tag != NULL)
            return "latest";
        tag = index->descriptors[i].tag;
    }
    return tag != NULL ? tag : "latest";
}

static bool go_on(void *arg, int64_t bytes)
{
    const struct remove_context *context = arg;
    (void)bytes;
    return context->cancel == NULL || !atomic_load(context->cancel);
}

static int check_blob(const struct remove_context *context, int blobs_fd,
                      const struct cache_blob *blob, struct err *err)
{
    struct digest actual;
    struct err reason;
    char hex[DIGEST_HEX_SIZE];
    int code = blob_hash_file(blobs_fd, digest_hex(hex, &blob->digest), go_on, (void *)context,
                              &actual, &reason);
    if (code == ERR_CANCELLED)
        return err_set(err, code, "%s", reason.text);
    if (code < 0)
        return err_set(err, code, "%s can't be checked: %s", context->name, reason.text);
    if (!digest_equal(&actual, &blob->digest))
        return err_set(err, ERR_FORMAT, "%s: the content of blob %.12s is damaged", context->name,
                       hex);
    return 0;
}

int restore_check_content(const struct remove_context *context, int cache_fd,
                          const struct cache *cache, const struct cache_generation *generation,
                          struct err *err)
{
    int blobs_fd, code = blob_hash_available() ? cache_open_blobs(cache_fd, &blobs_fd, err) : 0;
    if (code < 0 || !blob_hash_available())
        return code;
    for (size_t i = 0; code == 0 && i < generation->blobs_len; i++)
        code = check_blob(context, blobs_fd, &cache->blobs[generation->blobs[i]], err);
    close(blobs_fd);
    return code;
}

/* ---- the last look */

static int look_at_place(const struct restore_look *look, struct err *err)
{
    const struct remove_context *context = look->context;
    struct fs_stat named, held;
    int code = fs_stat_at(context->root_fd, context->name, &named, err);
    if (code == 0)
        code = fs_stat_fd(look->cache_fd, &held, err);
    if (code == 0 && (named.dev != held.dev || named.ino != held.ino))
        code = err_set(err, ERR_CHANGED, "%s was replaced just now", context->name);
    return code == -ENOENT ? err_set(err, ERR_CHANGED, "%s is gone", context->name) : code;
}

static int look_at_blobs(const struct restore_look *look, int blobs_fd,
                         const struct cache_generation *generation, struct err *err)
{
    for (size_t i = 0; i < generation->blobs_len; i++) {
        const struct cache_blob *blob = &look->cache->blobs[generation->blobs[i]];
        char hex[DIGEST_HEX_SIZE];
        struct fs_stat stat;
        int code = fs_stat_at(blobs_fd, digest_hex(hex, &blob->digest), &stat, err);
        if (code < 0 && code != -ENOENT)
            return code;
        if (code < 0 || stat.ino != blob->ino || stat.size_bytes != blob->size_bytes ||
            stat.modified_at != blob->modified_at)
            return err_set(err, ERR_CHANGED, "blob %.12s is not what it was a moment ago", hex);
    }
    return 0;
}

int restore_last_look(void *arg, struct err *err)
{
    const struct restore_look *look = arg;
    int blobs_fd, code = look_at_place(look, err);
    busy_keep_time(look->cache_fd, look->touched_at);
    if (code == 0)
        code = check_busy(look->context, look->cache_fd, err);
    if (code == 0)
        code = cache_open_blobs(look->cache_fd, &blobs_fd, err);
    if (code < 0)
        return code;
    for (size_t i = 0; i < look->len && code == 0; i++)
        code = look_at_blobs(look, blobs_fd, find(look->cache, &look->manifests[i]), err);
    close(blobs_fd);
    return code;
}

/* ---- a restore */

struct restoration {
    const struct remove_context *context;
    int cache_fd;
    struct index_file file;
    struct manifest index;
    struct cache *cache;
};

static int choose(const struct restoration *restoration, const struct digest *manifest,
                  const struct cache_generation **ret_generation, struct err *err)
{
    const struct cache *cache = restoration->cache;
    const char *why_not = cache_untouchable(cache);
    char hex[DIGEST_HEX_SIZE];
    if (cache->dev != restoration->context->dev || cache->ino != restoration->context->ino)
        return err_set(err, ERR_CHANGED, "it was replaced just now");
    if (why_not != NULL)
        return err_set(err, ERR_FOREIGN, "%s", why_not);
    const struct cache_generation *generation = find(cache, manifest);
    if (generation == NULL)
        return err_set(err, ERR_USAGE, "it has no generation %.12s", digest_hex(hex, manifest));
    if (!generation->whole || !generation->cache)
        return err_set(err, ERR_FORMAT, "generation %.12s lacks blobs that it needs",
                       digest_hex(hex, manifest));
    *ret_generation = generation;
    return 0;
}

static int point(const struct restoration *restoration, const struct digest *manifest,
                 const char *tag, struct err *err)
{
    struct restore_look look = {.context = restoration->context,
                                .cache_fd = restoration->cache_fd,
                                .cache = restoration->cache,
                                .manifests = manifest,
                                .len = 1,
                                .touched_at = busy_touched_at(restoration->cache_fd)};
    const struct index_edit edit = {.cache_fd = restoration->cache_fd,
                                    .before = &restoration->file,
                                    .check = restore_last_look,
                                    .arg = &look};
    return index_point(&edit, manifest, tag != NULL ? tag : restore_tag(&restoration->index), false,
                       err);
}

/* What can't be read or understood is not written anew: its entries would be lost. */
static int read_index(struct restoration *restoration, struct err *err)
{
    struct err reason;
    int code = index_read(restoration->cache_fd, &restoration->file, &restoration->index, &reason);
    if (code == 0 && restoration->index.odd != NULL)
        return err_set(err, ERR_FORMAT, "index.json holds what bilge does not understand: %s",
                       restoration->index.odd);
    if (code == ERR_FORMAT || code == ERR_LIMIT)
        return err_set(err, code, "%s; if no build is running, remove index.json and restore again",
                       reason.text);
    return code < 0 ? err_set(err, code, "%s", reason.text) : 0;
}

static int restore(struct restoration *restoration, const struct digest *manifest, const char *tag,
                   struct err *err)
{
    const struct remove_context *context = restoration->context;
    const struct cache_generation *generation = NULL;
    int code = read_index(restoration, err);
    if (code < 0)
        return code;
    /* Else an export that nobody has seen yet would be gone without a word. */
    code = check_export(context, restoration->cache_fd, err);
    if (code == ERR_CHANGED)
        return err_set(err, code, "a build has just exported to it");
    if (code < 0)
        return code;
    restoration->cache = scan_cache(context->root_fd, context->root_path, context->name, NULL);
    code = choose(restoration, manifest, &generation, err);
    if (code == 0)
        code = check_busy(context, restoration->cache_fd, err);
    if (code == 0)
        code = restore_check_content(context, restoration->cache_fd, restoration->cache, generation,
                                     err);
    return code == 0 ? point(restoration, manifest, tag, err) : code;
}

int restore_generation(const struct remove_context *context, const struct digest *manifest,
                       const char *tag, struct err *err)
{
    struct restoration restoration = {.context = context};
    struct aside aside;
    struct err reason;
    /* Its lock keeps another bilge from removing what is about to be named. */
    int code =
        aside_open(context->root_fd, context->name, context->dev, context->ino, &aside, &reason);
    if (code == 0) {
        restoration.cache_fd = aside.cache_fd;
        code = restore(&restoration, manifest, tag, &reason);
        int left = aside_close(&aside, code == 0 ? &reason : NULL);
        code = code < 0 ? code : left;
    }
    index_file_done(&restoration.file);
    manifest_done(&restoration.index);
    cache_free(restoration.cache);
    if (code < 0 && code != ERR_CANCELLED)
        err_set(err, code, "restoring %s: %s", context->name, reason.text);
    else if (code < 0)
        err_set(err, code, "%s", reason.text);
    return code;
}
