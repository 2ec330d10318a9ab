/* Looks for manifests that nothing leads to.
 *
 * Each look costs more than a stat, and a large cache holds thousands of small
 * blobs. But an export writes its manifest last: after it comes nothing until
 * the next one. So the last blob of each burst is looked at, by the times of
 * all blobs; then the rest, if that is little, or if the times turn out to tell
 * nothing (a copied cache), which a few samples show. */

#include "core/cache/graph.h"

#include <stdlib.h>

#include "core/base/mem.h"

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
            ret_candidates[count++] =
                (struct candidate){i, graph->cache->blobs[i].modified_at};
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
