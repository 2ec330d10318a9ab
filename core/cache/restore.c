#include "core/cache/restore.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/cache/hash.h"
#include "core/cache/index.h"
#include "core/cache/layout.h"
#include "core/cache/recover.h"
#include "core/cache/remove_check.h"
#include "core/cache/scan.h"

uint32_t restore_choose(const struct cache *cache)
{
    for (uint32_t i = 0; i < cache->generations_len; i++)
        if (!cache->generations[i].live && cache->generations[i].whole)
            return i;
    return CACHE_NONE;
}

static const struct cache_generation *find(const struct cache *cache, const struct digest *manifest)
{
    for (size_t i = 0; i < cache->generations_len; i++)
        if (digest_equal(&cache->generations[i].manifest, manifest))
            return &cache->generations[i];
    return NULL;
}

/* The tag that a restored generation gets when none is asked for. */
static const char *only_tag(const struct cache *cache)
{
    const char *tag = NULL;
    for (size_t i = 0; i < cache->generations_len; i++) {
        const struct cache_generation *generation = &cache->generations[i];
        if (!generation->live || generation->tag == NULL)
            continue;
        if (tag != NULL)
            return "latest";
        tag = generation->tag;
    }
    return tag != NULL ? tag : "latest";
}

static bool go_on(void *arg, int64_t bytes)
{
    const struct remove_context *context = arg;
    (void)bytes;
    return context->cancel == NULL || !atomic_load(context->cancel);
}

/* Every blob of the generation against its name. */
static int check_content(const struct remove_context *context, int cache_fd,
                         const struct cache *cache, const struct cache_generation *generation,
                         struct err *err)
{
    int blobs = -1, code = cache_open_blobs(cache_fd, &blobs, err);
    for (size_t i = 0; code == 0 && i < generation->blobs_len; i++) {
        const struct cache_blob *blob = &cache->blobs[generation->blobs[i]];
        struct digest actual;
        char hex[DIGEST_HEX_SIZE];
        code = hash_file(blobs, digest_hex(hex, &blob->digest), go_on, (void *)context, &actual,
                         err);
        if (code == 0 && !digest_equal(&actual, &blob->digest))
            code = err_set(err, ERR_FORMAT, "restoring %s: the content of blob %.12s is damaged",
                           context->name, hex);
    }
    if (blobs >= 0)
        close(blobs);
    return code;
}

static int restore(const struct remove_context *context, int cache_fd, const struct cache *cache,
                   const struct digest *manifest, const char *tag, struct err *err)
{
    const struct cache_generation *generation = find(cache, manifest);
    char hex[DIGEST_HEX_SIZE];
    digest_hex(hex, manifest);
    if (generation == NULL)
        return err_set(err, ERR_USAGE, "restoring %s: it has no generation %.12s", context->name,
                       hex);
    if (!generation->whole)
        return err_set(err, ERR_FORMAT, "restoring %s: generation %.12s lacks blobs that it needs",
                       context->name, hex);
    int code = remove_check_busy(context, cache_fd, err);
    if (code == 0 && hash_available())
        code = check_content(context, cache_fd, cache, generation, err);
    if (code == 0)
        code = index_point(cache_fd, manifest, tag != NULL ? tag : only_tag(cache), err);
    return code;
}

int restore_generation(const struct remove_context *context, const struct digest *manifest,
                       const char *tag, struct err *err)
{
    struct fs_stat stat;
    int cache_fd = -1, code = fs_open_dir(context->root_fd, context->name, &cache_fd, err);
    if (code < 0)
        return code;
    code = fs_stat_fd(cache_fd, &stat, err);
    if (code == 0 && (stat.dev != context->dev || stat.ino != context->ino))
        code = err_sys(err, ERR_CHANGED, "restoring %s", context->name);
    if (code == 0) {
        struct cache *cache =
            scan_cache(context->root_fd, context->root_path, context->name, NULL);
        code = restore(context, cache_fd, cache, manifest, tag, err);
        cache_free(cache);
    }
    close(cache_fd);
    return code;
}
