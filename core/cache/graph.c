#include "core/cache/graph.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"

/* In all manifests of one cache together: 64 MiB. */
#define MAX_DESCRIPTORS 1000000

#define PROBE_BYTES 4096

/* Indexes within indexes: more is no cache's. */
#define MAX_NESTING 16

static uint32_t *new_numbers(size_t len)
{
    uint32_t *numbers = mem_alloc(len * sizeof *numbers);
    memset(numbers, 0xff, len * sizeof *numbers); /* CACHE_NONE */
    return numbers;
}

/* Both are sorted by digest. */
static void join_previous(struct graph *graph)
{
    const struct cache *now = graph->cache, *earlier = graph->previous;
    uint32_t i = 0, j = 0;
    while (i < now->blobs_len && j < earlier->blobs_len) {
        const struct cache_blob *one = &now->blobs[i], *two = &earlier->blobs[j];
        int order = memcmp(&one->digest, &two->digest, sizeof one->digest);
        if (order == 0 && one->ino == two->ino) {
            graph->earlier_of[i] = j;
            graph->now_of[j] = i;
        }
        i += order <= 0;
        j += order >= 0;
    }
}

static void find_known(struct graph *graph)
{
    const struct cache *earlier = graph->previous;
    for (size_t i = 0; i < earlier->generations_len; i++) {
        uint32_t blob = cache_find_blob(earlier, &earlier->generations[i].manifest);
        if (blob != CACHE_NONE && earlier->generations[i].whole)
            graph->known_of[blob] = (uint32_t)i;
    }
}

/* Else a blob that is there would not be found, and be taken for unreferenced. */
static void assert_sorted(const struct cache *cache)
{
    for (size_t i = 1; i < cache->blobs_len; i++)
        assert(memcmp(&cache->blobs[i - 1].digest, &cache->blobs[i].digest,
                      sizeof cache->blobs[i].digest) < 0);
}

void graph_init(struct graph *graph, struct cache *cache, int blobs_fd,
                const struct cache *previous)
{
    *graph = (struct graph){
        .cache = cache, .blobs_fd = blobs_fd, .aside_fd = -1, .cache_fd = -1, .previous = previous};
    assert_sorted(cache);
    graph->readings = mem_zalloc(cache->blobs_len);
    graph->referenced = mem_zalloc(cache->blobs_len * sizeof *graph->referenced);
    graph->node_of = new_numbers(cache->blobs_len);
    graph->earlier_of = new_numbers(cache->blobs_len);
    if (previous == NULL)
        return;
    graph->now_of = new_numbers(previous->blobs_len);
    graph->known_of = new_numbers(previous->blobs_len);
    join_previous(graph);
    find_known(graph);
}

void graph_done(struct graph *graph)
{
    for (size_t i = 0; i < graph->nodes_len; i++)
        manifest_done(&graph->nodes[i].manifest);
    free(graph->nodes);
    free(graph->readings);
    free(graph->referenced);
    free(graph->node_of);
    free(graph->earlier_of);
    free(graph->now_of);
    free(graph->known_of);
    free(graph->pending);
    buf_done(&graph->text);
    *graph = (struct graph){0};
}

static struct node *add_node(struct graph *graph, uint32_t blob)
{
    mem_reserve((void **)&graph->nodes, &graph->nodes_cap, graph->nodes_len + 1,
                sizeof *graph->nodes);
    struct node *node = &graph->nodes[graph->nodes_len];
    *node = (struct node){.blob = blob, .referenced = graph->referenced[blob]};
    graph->node_of[blob] = (uint32_t)graph->nodes_len++;
    graph->readings[blob] = READING_MANIFEST;
    graph->cache->blobs[blob].role = BLOB_MANIFEST;
    return node;
}

static void refer(struct graph *graph, uint32_t blob, uint8_t role, int64_t created_at)
{
    assert(blob < graph->cache->blobs_len);
    struct cache_blob *target = &graph->cache->blobs[blob];
    graph->referenced[blob] = true;
    if (graph->node_of[blob] != CACHE_NONE)
        graph->nodes[graph->node_of[blob]].referenced = true;
    else
        target->role = role;
    if (target->created_at == 0)
        target->created_at = created_at;
}

/* A generation of the earlier scan that is all there still needs no reading. */
static bool take_known(struct graph *graph, uint32_t blob)
{
    uint32_t earlier = graph->earlier_of[blob];
    if (earlier == CACHE_NONE || graph->known_of[earlier] == CACHE_NONE)
        return false;
    const struct cache *previous = graph->previous;
    const struct cache_generation *known = &previous->generations[graph->known_of[earlier]];
    for (size_t i = 0; i < known->blobs_len; i++)
        if (graph->now_of[known->blobs[i]] == CACHE_NONE)
            return false;
    add_node(graph, blob)->known = known;
    for (size_t i = 0; i < known->blobs_len; i++) {
        const struct cache_blob *before = &previous->blobs[known->blobs[i]];
        uint32_t now = graph->now_of[known->blobs[i]];
        if (now != blob)
            refer(graph, now, before->role, before->created_at);
    }
    return true;
}

/* Reads on until the end; the file was as long as `size` when it was scanned. */
static int read_rest(int fd, struct buf *buf, int64_t size)
{
    for (;;) {
        size_t want = (size_t)size > buf->len ? (size_t)size - buf->len + 1 : PROBE_BYTES;
        mem_reserve((void **)&buf->data, &buf->cap, buf->len + want + 1, 1);
        ssize_t got = read(fd, buf->data + buf->len, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        buf->len += (size_t)got;
        if (got == 0 || ((size_t)got < want && buf->len == (size_t)size))
            return 0;
        if (buf->len > LAYOUT_MAX_BYTES)
            return ERR_LIMIT;
    }
}

static int open_blob(const struct graph *graph, uint32_t blob)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    char hex[DIGEST_HEX_SIZE], beside[sizeof CACHE_ASIDE + DIGEST_HEX_SIZE];
    int fd = -1;
    digest_hex(hex, &graph->cache->blobs[blob].digest);
    errno = ENOENT;
    if (graph->blobs_fd >= 0)
        fd = openat(graph->blobs_fd, hex, flags);
    if (fd < 0 && errno == ENOENT && graph->aside_fd >= 0)
        fd = openat(graph->aside_fd, hex, flags);
    if (fd < 0 && errno == ENOENT && graph->cache_fd >= 0) {
        snprintf(beside, sizeof beside, "%s.%s", CACHE_ASIDE, hex);
        fd = openat(graph->cache_fd, beside, flags);
    }
    return fd;
}

/* Reads a blob that may be JSON; ERR_FORMAT at its first bytes if it is none. */
static int read_json(struct graph *graph, uint32_t blob, struct buf *buf, struct err *err)
{
    int64_t size = graph->cache->blobs[blob].size_bytes;
    if (size > LAYOUT_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "it is larger than %d MiB", LAYOUT_MAX_BYTES >> 20);
    int fd = open_blob(graph, blob);
    if (fd < 0)
        return err_set(err, -errno, "%s", err_reason(-errno));
    int64_t first = size < PROBE_BYTES ? size : PROBE_BYTES;
    mem_reserve((void **)&buf->data, &buf->cap, (size_t)first + 2, 1);
    ssize_t got;
    do
        got = read(fd, buf->data, (size_t)first + 1);
    while (got < 0 && errno == EINTR);
    int code = got < 0 ? -errno : 0;
    buf->len = got > 0 ? (size_t)got : 0;
    if (code == 0 && (buf->len == 0 || memchr("{ \t\r\n", buf->data[0], 5) == NULL))
        code = ERR_FORMAT;
    if (code == 0 && buf->len != (size_t)size)
        code = read_rest(fd, buf, size);
    close(fd);
    if (code == ERR_FORMAT)
        return err_set(err, code, "it is no JSON object");
    return code < 0 ? err_set(err, code, "%s", err_reason(code)) : 0;
}

static int read_manifest(struct graph *graph, uint32_t blob, struct manifest *ret_manifest,
                         struct err *err)
{
    struct buf *text = &graph->text;
    buf_clear(text);
    int code = read_json(graph, blob, text, err);
    if (code == 0)
        code = manifest_parse(text->data, text->len, ret_manifest, err);
    if (code < 0)
        return code;
    if (graph->descriptors + ret_manifest->len > MAX_DESCRIPTORS) {
        manifest_done(ret_manifest);
        return err_set(err, ERR_LIMIT, "the manifests here name more than %d blobs",
                       MAX_DESCRIPTORS);
    }
    graph->descriptors += ret_manifest->len;
    return 0;
}

static void follow(struct graph *graph, const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->len; i++) {
        const struct descriptor *descriptor = &manifest->descriptors[i];
        uint32_t target = cache_find_blob(graph->cache, &descriptor->digest);
        if (target == CACHE_NONE)
            continue;
        refer(graph, target, descriptor->role, descriptor->created_at);
        if (descriptor->role != BLOB_MANIFEST && !descriptor->unknown_type)
            continue;
        if (graph->readings[target] != READING_NONE)
            continue;
        mem_reserve((void **)&graph->pending, &graph->pending_cap, graph->pending_len + 1,
                    sizeof *graph->pending);
        graph->pending[graph->pending_len++] = target;
    }
}

/* The next scan asks again. */
static void note_unread(struct graph *graph, uint32_t blob, const struct err *reason)
{
    struct cache_blob *it = &graph->cache->blobs[blob];
    char text[DIGEST_TEXT_SIZE];
    it->unread = true;
    if (graph->unread++ == 0)
        err_set(&graph->reason, reason->code, "reading blob %s: %s", digest_text(text, &it->digest),
                reason->text);
}

static int read_one(struct graph *graph, uint32_t blob, struct err *err)
{
    struct manifest manifest;
    struct err reason;
    if (take_known(graph, blob))
        return 0;
    int code = read_manifest(graph, blob, &manifest, &reason);
    if (code < 0) {
        graph->readings[blob] = code == ERR_FORMAT ? READING_OTHER : READING_FAILED;
        if (layout_is_unread(code))
            note_unread(graph, blob, &reason);
        return err_set(err, code, "%s", reason.text);
    }
    add_node(graph, blob)->manifest = manifest;
    follow(graph, &manifest);
    return 0;
}

int graph_read(struct graph *graph, uint32_t blob, struct err *err)
{
    if (graph->readings[blob] == READING_MANIFEST)
        return 0;
    int code = read_one(graph, blob, err);
    while (graph->pending_len > 0) {
        uint32_t next = graph->pending[--graph->pending_len];
        if (graph->readings[next] == READING_NONE)
            read_one(graph, next, NULL);
    }
    return code;
}

/* ---- what a manifest leads to */

static enum node_kind tell_kind(struct graph *graph, uint32_t blob, int depth);

/* Of one manifest below another. */
static enum node_kind tell_below(struct graph *graph, const struct descriptor *descriptor,
                                 int depth)
{
    uint32_t blob = cache_find_blob(graph->cache, &descriptor->digest);
    if (blob == CACHE_NONE || graph->node_of[blob] == CACHE_NONE)
        return NODE_UNKNOWN;
    return depth < MAX_NESTING ? tell_kind(graph, blob, depth + 1) : NODE_OTHER;
}

static enum node_kind tell_manifest(struct graph *graph, uint32_t index, int depth)
{
    const struct manifest *manifest = &graph->nodes[index].manifest;
    bool cache = manifest->is_cache, unknown = false;
    for (size_t i = 0; i < manifest->len; i++) {
        const struct descriptor *descriptor = &manifest->descriptors[i];
        uint32_t blob = cache_find_blob(graph->cache, &descriptor->digest);
        bool leaf = blob == CACHE_NONE || graph->node_of[blob] == CACHE_NONE;
        if (descriptor->role != BLOB_MANIFEST && (leaf || !descriptor->unknown_type))
            continue;
        enum node_kind kind = tell_below(graph, descriptor, depth);
        if (kind == NODE_OTHER || kind == NODE_ASKED)
            return NODE_OTHER;
        cache = cache || kind == NODE_CACHE;
        unknown = unknown || kind == NODE_UNKNOWN;
    }
    return unknown ? NODE_UNKNOWN : cache ? NODE_CACHE : NODE_OTHER;
}

static enum node_kind tell_kind(struct graph *graph, uint32_t blob, int depth)
{
    struct node *node = &graph->nodes[graph->node_of[blob]];
    if (node->kind != NODE_UNTOLD)
        return node->kind;
    node->kind = NODE_ASKED;
    node->kind = (uint8_t)(node->known == NULL  ? tell_manifest(graph, graph->node_of[blob], depth)
                           : node->known->cache ? NODE_CACHE
                                                : NODE_OTHER);
    return node->kind;
}

enum node_kind graph_kind(struct graph *graph, uint32_t blob)
{
    return graph->node_of[blob] != CACHE_NONE ? tell_kind(graph, blob, 0) : NODE_UNKNOWN;
}

/* ---- cache configs */

static void take_times(struct graph *graph)
{
    struct layer_time *times = NULL;
    size_t len = 0;
    if (cacheconfig_parse(graph->text.data, graph->text.len, &times, &len, NULL) < 0)
        return;
    for (size_t i = 0; i < len; i++) {
        uint32_t layer = cache_find_blob(graph->cache, &times[i].digest);
        if (layer != CACHE_NONE && graph->cache->blobs[layer].created_at == 0)
            graph->cache->blobs[layer].created_at = times[i].created_at;
    }
    free(times);
}

void graph_read_config(struct graph *graph, uint32_t blob, bool times, bool needed)
{
    struct err reason;
    uint32_t earlier = graph->earlier_of[blob];
    bool known = earlier != CACHE_NONE && !graph->previous->blobs[earlier].unread;
    if (graph->readings[blob] != READING_NONE || known)
        return;
    graph->readings[blob] = READING_OTHER;
    buf_clear(&graph->text);
    int code = read_json(graph, blob, &graph->text, &reason);
    if (layout_is_unread(code) && needed)
        note_unread(graph, blob, &reason);
    graph->cache->blobs[blob].unread = layout_is_unread(code);
    if (code == 0 && times)
        take_times(graph);
}

/* Looks for manifests that nothing leads to.
 *
 * Each look costs more than a stat, and a large cache holds thousands of small
 * blobs. But an export writes its manifest last: after it comes nothing until
 * the next one. So the last blob of each burst is looked at, by the times of
 * all blobs; then the rest, if that is little, or if the times turn out to tell
 * nothing (a copied cache), which a few samples show. */

#define GAP_NS INT64_C(100000000)
#define FEW 512
#define SAMPLES 16

struct candidate {
    uint32_t blob;
    int64_t modified_at;
};

static int newest_first(const void *a, const void *b)
{
    const struct candidate *one = a, *two = b;
    if (one->modified_at != two->modified_at)
        return one->modified_at > two->modified_at ? -1 : 1;
    return one->blob < two->blob ? -1 : one->blob > two->blob;
}

static bool may_be_manifest(const struct graph *graph, uint32_t blob)
{
    const struct cache_blob *it = &graph->cache->blobs[blob];
    if (graph->referenced[blob] || graph->readings[blob] != READING_NONE)
        return false;
    if (it->size_bytes < LAYOUT_MIN_BYTES || it->size_bytes > LAYOUT_MAX_BYTES)
        return false;
    uint32_t earlier = graph->earlier_of[blob];
    return earlier == CACHE_NONE || graph->previous->blobs[earlier].role == BLOB_MANIFEST ||
           graph->previous->blobs[earlier].unread;
}

/* Each that may be a manifest, or one in `stride`. True when one was. */
static bool look_at_some(struct graph *graph, const struct candidate *candidates, size_t len,
                         size_t stride)
{
    bool found = false;
    for (size_t i = 0; i < len; i += stride) {
        uint32_t blob = candidates[i].blob;
        if (may_be_manifest(graph, blob))
            found = graph_read(graph, blob, NULL) == 0 || found;
    }
    return found;
}

/* Those that end a burst; how many. Blobs of the very same time end it together. */
static size_t select_last_ones(const struct candidate *all, size_t len, struct candidate *ret_last)
{
    size_t count = 0;
    int64_t newer = INT64_MAX; /* the next strictly newer time */
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && all[i - 1].modified_at != all[i].modified_at)
            newer = all[i - 1].modified_at;
        if (newer == INT64_MAX || newer - all[i].modified_at >= GAP_NS)
            ret_last[count++] = all[i];
    }
    return count;
}

/* Those that may be a manifest, newest first. */
static size_t select_candidates(const struct graph *graph, struct candidate *ret_candidates)
{
    size_t count = 0;
    for (uint32_t i = 0; i < graph->cache->blobs_len; i++)
        if (may_be_manifest(graph, i))
            ret_candidates[count++] = (struct candidate){i, graph->cache->blobs[i].modified_at};
    if (count > 0)
        qsort(ret_candidates, count, sizeof *ret_candidates, newest_first);
    return count;
}

static void look_at_last_ones(struct graph *graph)
{
    size_t len = graph->cache->blobs_len;
    struct candidate *all = mem_alloc(len * sizeof *all), *last = mem_alloc(len * sizeof *last);
    for (uint32_t i = 0; i < len; i++)
        all[i] = (struct candidate){i, graph->cache->blobs[i].modified_at};
    qsort(all, len, sizeof *all, newest_first);
    look_at_some(graph, last, select_last_ones(all, len, last), 1);
    free(all);
    free(last);
}

void graph_probe(struct graph *graph)
{
    struct candidate *rest = mem_alloc(graph->cache->blobs_len * sizeof *rest);
    size_t len = select_candidates(graph, rest);
    if (len > FEW) {
        look_at_last_ones(graph);
        len = select_candidates(graph, rest);
    }
    if (len <= FEW || look_at_some(graph, rest, len, len / SAMPLES))
        look_at_some(graph, rest, len, 1);
    free(rest);
}
