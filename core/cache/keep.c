#include "core/cache/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/cache/entries.h"
#include "core/cache/graph.h"
#include "core/cache/layout.h"

struct look {
    const struct aside *aside;
    enum keep_scope scope;
    const struct cache *before;
    struct cache *cache;
    size_t blobs_cap;
};

static void add_blob(struct look *look, const struct digest *digest, uint64_t ino)
{
    struct cache *cache = look->cache;
    mem_reserve((void **)&cache->blobs, &look->blobs_cap, cache->blobs_len + 1,
                sizeof *cache->blobs);
    cache->blobs[cache->blobs_len++] = (struct cache_blob){.digest = *digest, .ino = ino};
}

/* Manifests are looked for among blobs that have a size; none is told for those
 * that were set aside, nor, then, for those that were looked at before. */
static bool is_wanted(const struct look *look, const struct digest *digest)
{
    return look->scope == KEEP_ALL ||
           (look->scope == KEEP_NEW && cache_find_blob(look->before, digest) == CACHE_NONE);
}

/* Of those that are looked at, the size and time. One that can't be looked at may
 * be a manifest that needs what is to go. */
static int describe(const struct look *look, const char *name, struct cache_blob *blob)
{
    struct fs_stat stat;
    if (!is_wanted(look, &blob->digest))
        return 0;
    int code = entry_stat(look->aside->blobs_fd, name, &stat);
    if (code == 0 && stat.type == FS_FILE) {
        blob->size_bytes = stat.size_bytes;
        blob->modified_at = stat.modified_at;
    }
    return code == -ENOENT ? 0 : code;
}

static int add_names(struct look *look)
{
    struct entries_reader reader = ENTRIES_READER(look->aside->blobs_fd);
    struct entries *entries = mem_alloc(sizeof *entries);
    struct entry entry;
    int code = 0;
    if (lseek(look->aside->blobs_fd, 0, SEEK_SET) < 0)
        code = -errno;
    while (code == 0 && (code = entries_read(&reader, entries)) > 0) {
        code = 0;
        while (code == 0 && entries_next(entries, &entry)) {
            struct digest digest;
            if (!digest_parse_hex(entry.name, &digest))
                continue;
            add_blob(look, &digest, entry.ino);
            code = describe(look, entry.name, &look->cache->blobs[look->cache->blobs_len - 1]);
        }
    }
    if (code < 0)
        entries_stop(&reader);
    free(entries);
    return code;
}

static void add_aside(void *arg, enum aside_kind kind, const char *name)
{
    struct look *look = arg;
    struct digest digest;
    if (kind == ASIDE_BLOB && digest_parse_hex(name, &digest))
        add_blob(look, &digest, 0);
}

/* The one in blobs/ first, of a blob that was written anew. */
static int by_digest(const void *a, const void *b)
{
    const struct cache_blob *one = a, *two = b;
    int order = memcmp(&one->digest, &two->digest, sizeof one->digest);
    return order != 0 ? order : (one->ino < two->ino) - (one->ino > two->ino);
}

static void sort(struct cache *cache)
{
    size_t kept = 0;
    if (cache->blobs_len > 0)
        qsort(cache->blobs, cache->blobs_len, sizeof *cache->blobs, by_digest);
    for (size_t i = 0; i < cache->blobs_len; i++)
        if (kept == 0 || !digest_equal(&cache->blobs[i].digest, &cache->blobs[kept - 1].digest))
            cache->blobs[kept++] = cache->blobs[i];
    cache->blobs_len = kept;
}

static int read_live(struct graph *graph, const struct manifest *index, struct err *err)
{
    struct err reason;
    if (index->odd != NULL)
        return err_set(err, ERR_FORMAT, "index.json names something else than sha256 digests: %s",
                       index->odd);
    for (size_t i = 0; i < index->len; i++) {
        uint32_t blob = cache_find_blob(graph->cache, &index->descriptors[i].digest);
        char text[DIGEST_TEXT_SIZE];
        if (blob == CACHE_NONE)
            continue;
        graph->cache->blobs[blob].class = BLOB_LIVE;
        int code = graph_read(graph, blob, &reason);
        if (code < 0)
            return err_set(err, code, "the live manifest %s can't be read: %s",
                           digest_text(text, &index->descriptors[i].digest), reason.text);
    }
    return 0;
}

/* A manifest below another one that is there and was not read. */
static int check_nested(const struct graph *graph, struct err *err)
{
    for (size_t n = 0; n < graph->nodes_len; n++) {
        const struct manifest *manifest = &graph->nodes[n].manifest;
        for (size_t i = 0; i < manifest->len; i++) {
            const struct descriptor *descriptor = &manifest->descriptors[i];
            uint32_t blob = cache_find_blob(graph->cache, &descriptor->digest);
            char text[DIGEST_TEXT_SIZE];
            if (descriptor->role == BLOB_MANIFEST && blob != CACHE_NONE &&
                graph->node_of[blob] == CACHE_NONE)
                return err_set(err, ERR_FORMAT, "the live manifest %s can't be read",
                               digest_text(text, &descriptor->digest));
        }
    }
    return 0;
}

/* What could not be read may be a manifest that needs what is to go. */
static int check_readings(struct graph *graph, struct err *err)
{
    struct err reason;
    for (uint32_t i = 0; i < graph->cache->blobs_len; i++) {
        char text[DIGEST_TEXT_SIZE];
        int code = graph->readings[i] == READING_FAILED ? graph_read(graph, i, &reason) : 0;
        if (code < 0 && code != ERR_FORMAT && code != -ENOENT)
            return err_set(err, code, "blob %s can't be read: %s",
                           digest_text(text, &graph->cache->blobs[i].digest), reason.text);
    }
    return 0;
}

static int find_kept(struct look *look, const struct manifest *index, struct err *err)
{
    struct cache *cache = look->cache;
    struct graph graph;
    graph_init(&graph, cache, look->aside->blobs_fd, NULL);
    graph.aside_fd = look->aside->dir_fd;
    graph.cache_fd = look->aside->cache_fd;
    int code = read_live(&graph, index, err);
    if (code == 0)
        code = check_nested(&graph, err);
    if (code == 0) {
        graph_probe(&graph);
        code = check_readings(&graph, err);
    }
    for (uint32_t i = 0; i < cache->blobs_len; i++)
        if (graph.referenced[i] || graph.node_of[i] != CACHE_NONE)
            cache->blobs[i].class = BLOB_LIVE;
    graph_done(&graph);
    return code;
}

int keep_look(const struct aside *aside, enum keep_scope scope, const struct cache *before,
              struct cache **ret_cache, struct err *err)
{
    struct look look = {.aside = aside, .scope = scope, .before = before};
    struct manifest index = {0};
    /* The names come after index.json: it may grow, they must not miss what it names. */
    int code = index_read(aside->cache_fd, &index, err);
    if (code < 0 && code != -ENOENT)
        return code;
    look.cache = mem_zalloc(sizeof *look.cache);
    code = aside->blobs_fd >= 0 ? add_names(&look) : 0;
    if (code < 0)
        err_sys(err, code, "reading blobs/sha256");
    else
        code = aside_each(aside, add_aside, &look, err);
    if (code == 0) {
        sort(look.cache);
        code = find_kept(&look, &index, err);
    }
    manifest_done(&index);
    if (code < 0)
        cache_free(look.cache);
    else
        *ret_cache = look.cache;
    return code;
}
