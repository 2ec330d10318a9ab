#include "core/cache/needed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/cache/entries.h"
#include "core/cache/graph.h"
#include "core/oci/layout.h"

struct look {
    const struct aside *aside;
    enum needed_scope scope;
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
    return look->scope == NEEDED_ALL ||
           (look->scope == NEEDED_NEW && cache_find_blob(look->before, digest) == CACHE_NONE);
}

static int add_name(struct look *look, const struct entry *entry)
{
    struct digest digest;
    struct fs_stat stat;
    if (!digest_parse_hex(entry->name, &digest))
        return 0;
    add_blob(look, &digest, entry->ino);
    if (!is_wanted(look, &digest))
        return 0;
    int code = entry_stat(look->aside->blobs_fd, entry->name, &stat);
    if (code == 0 && stat.type == FS_FILE) {
        struct cache_blob *blob = &look->cache->blobs[look->cache->blobs_len - 1];
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
    while (code == 0 && (code = entries_read(&reader, entries)) > 0)
        for (code = 0; code == 0 && entries_next(entries, &entry);)
            code = add_name(look, &entry);
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
        return err_set(err, ERR_FORMAT, "index.json holds what bilge does not understand: %s",
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
        if (graph_kind(graph, blob) == NODE_OTHER)
            return err_set(err, ERR_FOREIGN, "index.json names %s, which is no build cache",
                           digest_text(text, &index->descriptors[i].digest));
    }
    return 0;
}

/* A manifest below another one that is there and was not read, or one that holds
 * what is not understood. */
static int check_nested(const struct graph *graph, struct err *err)
{
    for (size_t n = 0; n < graph->nodes_len; n++) {
        const struct manifest *manifest = &graph->nodes[n].manifest;
        if (manifest->odd != NULL)
            return err_set(err, ERR_FORMAT,
                           "a live manifest holds what bilge does not "
                           "understand: %s",
                           manifest->odd);
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

/* What can't be read may keep anything. */
static int check_unread(const struct graph *graph, struct err *err)
{
    return graph->unread > 0 ? err_set(err, graph->reason.code, "%s", graph->reason.text) : 0;
}

static void graph_open(struct graph *graph, const struct look *look)
{
    graph_init(graph, look->cache, look->aside->blobs_fd, NULL);
    graph->aside_fd = look->aside->dir_fd;
    graph->cache_fd = look->aside->cache_fd;
}

static int find_kept(struct look *look, const struct manifest *index, struct err *err)
{
    struct cache *cache = look->cache;
    struct graph graph;
    graph_open(&graph, look);
    int code = read_live(&graph, index, err);
    if (code == 0)
        code = check_nested(&graph, err);
    if (code == 0) {
        graph_probe(&graph);
        code = check_unread(&graph, err);
    }
    for (uint32_t i = 0; i < cache->blobs_len; i++)
        if (graph.referenced[i] || graph.node_of[i] != CACHE_NONE)
            cache->blobs[i].class = BLOB_LIVE;
    graph_done(&graph);
    return code;
}

/* All blobs that are there or were set aside. */
static int list_blobs(struct look *look, struct err *err)
{
    look->cache = mem_zalloc(sizeof *look->cache);
    int code = look->aside->blobs_fd >= 0 ? add_names(look) : 0;
    if (code < 0)
        return err_sys(err, code, "reading blobs/sha256");
    code = aside_each(look->aside, add_aside, look, err);
    if (code == 0)
        sort(look->cache);
    return code;
}

int needed_look(const struct aside *aside, enum needed_scope scope, const struct cache *before,
                struct cache **ret_cache, struct err *err)
{
    struct look look = {.aside = aside, .scope = scope, .before = before};
    struct manifest index;
    /* The names come after index.json: it may grow, they must not miss what it names. */
    int code = index_read(aside->cache_fd, NULL, &index, err);
    if (code < 0)
        return code;
    code = list_blobs(&look, err);
    if (code == 0)
        code = find_kept(&look, &index, err);
    manifest_done(&index);
    if (code < 0)
        cache_free(look.cache);
    else
        *ret_cache = look.cache;
    return code;
}

/* ---- is it a build cache? */

/* NODE_OTHER when one of the manifests that were read leads elsewhere. NODE_CACHE
 * when one that no other leads to leads to a cache config, or with `all` each does. */
static enum node_kind sum_kinds(struct graph *graph, bool all)
{
    size_t roots = 0, caches = 0;
    for (size_t i = 0; i < graph->nodes_len; i++) {
        enum node_kind kind = graph_kind(graph, graph->nodes[i].blob);
        if (kind == NODE_OTHER)
            return kind;
        roots += !graph->nodes[i].referenced;
        caches += !graph->nodes[i].referenced && kind == NODE_CACHE;
    }
    return caches > 0 && (!all || caches == roots) ? NODE_CACHE : NODE_UNKNOWN;
}

static void read_entries(struct graph *graph, const struct manifest *index)
{
    for (size_t i = 0; i < index->len; i++) {
        uint32_t blob = cache_find_blob(graph->cache, &index->descriptors[i].digest);
        if (blob != CACHE_NONE)
            graph_read(graph, blob, NULL);
    }
}

/* By the blobs that were listed, and with `probe` by old manifests too. */
static int look_at_kinds(const struct look *look, const struct manifest *index, bool probe,
                         enum node_kind *ret_kind, struct err *err)
{
    struct graph graph;
    graph_open(&graph, look);
    read_entries(&graph, index);
    if (probe)
        graph_probe(&graph);
    int code = check_unread(&graph, err);
    if (code == 0)
        *ret_kind = sum_kinds(&graph, !probe);
    graph_done(&graph);
    return code;
}

/* Most often the manifests that index.json names tell it. */
static int look_at_live(struct look *look, const struct manifest *index, enum node_kind *ret_kind,
                        struct err *err)
{
    look->cache = mem_zalloc(sizeof *look->cache);
    for (size_t i = 0; i < index->len; i++)
        add_blob(look, &index->descriptors[i].digest, 0);
    sort(look->cache);
    int code = look_at_kinds(look, index, false, ret_kind, err);
    cache_free(look->cache);
    look->cache = NULL;
    look->blobs_cap = 0;
    return code;
}

static int look_at_all(struct look *look, const struct manifest *index, enum node_kind *ret_kind,
                       struct err *err)
{
    int code = list_blobs(look, err);
    if (code == 0)
        code = look_at_kinds(look, index, true, ret_kind, err);
    cache_free(look->cache);
    return code;
}

static int check_cache(const struct aside *aside, struct err *err)
{
    struct look look = {.aside = aside, .scope = NEEDED_ALL};
    enum node_kind kind = NODE_UNKNOWN;
    struct manifest index;
    int code = index_read(aside->cache_fd, NULL, &index, err);
    if (layout_is_unread(code))
        return code;
    code = index.odd == NULL ? look_at_live(&look, &index, &kind, err) : 0;
    if (code == 0 && kind == NODE_UNKNOWN)
        code = look_at_all(&look, &index, &kind, err);
    manifest_done(&index);
    if (code < 0 || kind == NODE_CACHE)
        return code;
    return err_set(err, ERR_FOREIGN, "%s",
                   kind == NODE_OTHER ? "it holds an image or something else that is no build cache"
                                      : "nothing in it says that it is a build cache");
}

int needed_check_cache(int cache_fd, struct err *err)
{
    struct aside aside = {.cache_fd = cache_fd, .blobs_fd = -1, .ingest_fd = -1, .dir_fd = -1};
    int code = cache_open_blobs(cache_fd, &aside.blobs_fd, err);
    if (code < 0 && code != -ENOENT)
        return code;
    code = check_cache(&aside, err);
    if (aside.blobs_fd >= 0)
        close(aside.blobs_fd);
    return code;
}
