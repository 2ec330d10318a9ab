#include "core/cache/exports.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/cache/cache.h"
#include "core/cache/graph.h"

/* Blobs in all generations' lists together: 64 MiB. */
#define MAX_REACH (16u << 20)
/* Tags in one index.json that are followed. */
#define MAX_LIVE 1000

struct survey {
    struct cache *cache;
    struct graph graph;
    uint32_t *stamp; /* per blob: the last generation that met it, plus 1 */
    uint32_t *list;  /* blobs of the generation under way */
    size_t list_len;
    size_t reach; /* blobs in all lists so far */
    size_t generations_cap;
};

static void meet(struct survey *survey, uint32_t blob, uint32_t stamp)
{
    assert(blob < survey->cache->blobs_len);
    if (survey->stamp[blob] == stamp)
        return;
    survey->stamp[blob] = stamp;
    survey->list[survey->list_len++] = blob;
}

static void meet_known(struct survey *survey, const struct cache_generation *known, uint32_t stamp)
{
    for (size_t i = 0; i < known->blobs_len; i++)
        meet(survey, survey->graph.now_of[known->blobs[i]], stamp);
}

/* A manifest that a generation leads to but that is none. */
static void meet_unread(struct survey *survey, struct cache_generation *generation,
                        const struct descriptor *descriptor, uint32_t blob)
{
    struct err err = {0};
    generation->whole = false;
    generation->unknown = true;
    if (generation->live) {
        survey->graph.readings[blob] = READING_NONE; /* again, for the reason */
        graph_read(&survey->graph, blob, &err);
        report_unread(survey->cache, &descriptor->digest, &err);
    }
}

static void meet_descriptor(struct survey *survey, struct cache_generation *generation,
                            const struct descriptor *descriptor, uint32_t stamp)
{
    struct cache *cache = survey->cache;
    uint32_t blob = cache_find_blob(cache, &descriptor->digest);
    if (blob == CACHE_NONE) {
        generation->whole = false;
        if (generation->live)
            report_missing(cache, "the live manifest", descriptor);
        return;
    }
    if (survey->stamp[blob] == stamp)
        return;
    meet(survey, blob, stamp);
    if (descriptor->size_bytes >= 0 && descriptor->size_bytes != cache->blobs[blob].size_bytes) {
        generation->whole = false;
        if (generation->live)
            report_size(cache, descriptor, cache->blobs[blob].size_bytes);
    }
    if (descriptor->role == BLOB_MANIFEST && survey->graph.node_of[blob] == CACHE_NONE)
        meet_unread(survey, generation, descriptor, blob);
}

/* Walks all that the manifest reaches; the list itself is the queue. */
static void walk(struct survey *survey, struct cache_generation *generation, uint32_t root,
                 uint32_t stamp)
{
    survey->list_len = 0;
    meet(survey, root, stamp);
    for (size_t i = 0; i < survey->list_len; i++) {
        uint32_t index = survey->graph.node_of[survey->list[i]];
        if (index == CACHE_NONE)
            continue;
        const struct node *node = &survey->graph.nodes[index];
        if (node->known != NULL) {
            meet_known(survey, node->known, stamp);
            continue;
        }
        for (size_t d = 0; d < node->manifest.len; d++)
            meet_descriptor(survey, generation, &node->manifest.descriptors[d], stamp);
        if (node->manifest.odd != NULL) {
            generation->whole = false;
            generation->unknown = true;
            if (generation->live)
                report_odd(survey->cache, "the live manifest", &node->manifest);
        }
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, two = *(const uint32_t *)b;
    return one < two ? -1 : one > two;
}

static void count_blobs(struct cache *cache, struct cache_generation *generation)
{
    uint8_t class = generation->live ? BLOB_LIVE : BLOB_OLDER;
    for (size_t i = 0; i < generation->blobs_len; i++) {
        struct cache_blob *blob = &cache->blobs[generation->blobs[i]];
        blob->generations++;
        if (class > blob->class)
            blob->class = class;
        generation->reach_bytes += blob->allocated_bytes;
    }
}

static void add_generation(struct survey *survey, uint32_t root, bool live)
{
    struct cache *cache = survey->cache;
    mem_reserve((void **)&cache->generations, &survey->generations_cap, cache->generations_len + 1,
                sizeof *cache->generations);
    struct cache_generation *generation = &cache->generations[cache->generations_len++];
    *generation = (struct cache_generation){
        .manifest = cache->blobs[root].digest,
        .exported_at = live ? cache->last_export_at : cache->blobs[root].modified_at,
        .live = live,
        .whole = true,
    };
    enum node_kind kind = graph_kind(&survey->graph, root);
    generation->cache = kind == NODE_CACHE;
    generation->other = kind == NODE_OTHER;
    walk(survey, generation, root, (uint32_t)cache->generations_len);
    qsort(survey->list, survey->list_len, sizeof *survey->list, by_number);
    generation->blobs_len = survey->list_len;
    generation->blobs = mem_alloc(survey->list_len * sizeof *survey->list);
    memcpy(generation->blobs, survey->list, survey->list_len * sizeof *survey->list);
    survey->reach += survey->list_len;
    count_blobs(cache, generation);
}

static void add_tag(struct cache_generation *generation, const char *tag)
{
    if (tag == NULL)
        return;
    char *joined =
        generation->tag == NULL ? mem_strdup(tag) : mem_printf("%s, %s", generation->tag, tag);
    free(generation->tag);
    generation->tag = joined;
}

static struct cache_generation *find_generation(struct cache *cache, const struct digest *manifest)
{
    for (size_t i = 0; i < cache->generations_len; i++)
        if (digest_equal(&cache->generations[i].manifest, manifest))
            return &cache->generations[i];
    return NULL;
}

static void add_live(struct survey *survey, const struct descriptor *entry)
{
    struct cache *cache = survey->cache;
    struct err err;
    struct cache_generation *same = find_generation(cache, &entry->digest);
    if (same != NULL) {
        add_tag(same, entry->tag);
        return;
    }
    uint32_t blob = cache_find_blob(cache, &entry->digest);
    if (blob == CACHE_NONE) {
        report_missing(cache, "index.json", entry);
        return;
    }
    if (graph_read(&survey->graph, blob, &err) < 0)
        report_unread(cache, &entry->digest, &err);
    add_generation(survey, blob, true);
    struct cache_generation *generation = &cache->generations[cache->generations_len - 1];
    add_tag(generation, entry->tag);
    if (survey->graph.node_of[blob] == CACHE_NONE) {
        generation->whole = false;
        generation->unknown = true;
    }
    if (entry->size_bytes >= 0 && entry->size_bytes != cache->blobs[blob].size_bytes) {
        generation->whole = false;
        report_size(cache, entry, cache->blobs[blob].size_bytes);
    }
}

static void find_live(struct survey *survey, const struct manifest *index)
{
    struct cache *cache = survey->cache;
    if (index == NULL)
        return;
    if (index->len == 0)
        cache_add_problem(cache, PROBLEM_INDEX, NULL,
                          mem_strdup("index.json names no manifest: older clients fail the next "
                                     "build at once, newer ones find nothing cached"));
    for (size_t i = 0; i < index->len; i++) {
        if (cache->generations_len == MAX_LIVE || survey->reach > MAX_REACH) {
            cache->live_unknown = cache->index_unknown = true;
            cache_add_problem(cache, PROBLEM_INDEX, NULL,
                              mem_strdup("index.json names more than bilge follows; what is live "
                                         "is not known"));
            break;
        }
        add_live(survey, &index->descriptors[i]);
    }
    cache->index_unknown |= index->odd != NULL;
    report_odd(cache, "index.json", index);
}

struct root {
    uint32_t blob;
    int64_t modified_at;
};

static int newest_first(const void *a, const void *b)
{
    const struct root *one = a, *two = b;
    if (one->modified_at != two->modified_at)
        return one->modified_at > two->modified_at ? -1 : 1;
    return one->blob < two->blob ? -1 : one->blob > two->blob;
}

/* Manifests that no other leads to come first; what is left then is a ring. */
static void add_roots(struct survey *survey, const struct root *roots, size_t len, bool rings)
{
    for (size_t i = 0; i < len && survey->reach < MAX_REACH; i++) {
        uint32_t blob = roots[i].blob;
        const struct node *node = &survey->graph.nodes[survey->graph.node_of[blob]];
        bool live = survey->cache->blobs[blob].class == BLOB_LIVE;
        bool met = survey->cache->blobs[blob].generations > 0;
        if (!met && !live && (rings || !node->referenced))
            add_generation(survey, blob, false);
    }
}

static void find_older(struct survey *survey)
{
    struct graph *graph = &survey->graph;
    struct root *roots = mem_alloc(graph->nodes_len * sizeof *roots);
    for (size_t i = 0; i < graph->nodes_len; i++) {
        uint32_t blob = graph->nodes[i].blob;
        roots[i] = (struct root){blob, survey->cache->blobs[blob].modified_at};
    }
    if (graph->nodes_len > 0)
        qsort(roots, graph->nodes_len, sizeof *roots, newest_first);
    add_roots(survey, roots, graph->nodes_len, false);
    add_roots(survey, roots, graph->nodes_len, true);
    free(roots);
}

/* Live ones stay in front; older ones from rings are put in their place. */
static int by_age(const void *a, const void *b)
{
    const struct cache_generation *one = a, *two = b;
    if (one->live != two->live)
        return one->live ? -1 : 1;
    if (one->live || one->exported_at == two->exported_at)
        return memcmp(&one->manifest, &two->manifest, sizeof one->manifest);
    return one->exported_at > two->exported_at ? -1 : 1;
}

/* Re-compressed layers carry no time; the cache config tells it. That of a live
 * generation is read anyway: what can't be read of it is no damage, and has to be
 * known as such. */
static void read_configs(struct survey *survey, const struct cache_generation *generation)
{
    struct cache *cache = survey->cache;
    bool wanted = false;
    for (size_t i = 0; i < generation->blobs_len; i++) {
        const struct cache_blob *blob = &cache->blobs[generation->blobs[i]];
        wanted = wanted || (blob->role == BLOB_LAYER && blob->created_at == 0);
    }
    for (size_t i = 0; (wanted || generation->live) && i < generation->blobs_len; i++) {
        uint32_t blob = generation->blobs[i];
        if (cache->blobs[blob].role == BLOB_CONFIG)
            graph_read_config(&survey->graph, blob, wanted, generation->live);
    }
}

/* Nothing that a live export reaches is garbage. */
static void assert_live_kept(const struct cache *cache)
{
    for (size_t g = 0; g < cache->generations_len; g++) {
        const struct cache_generation *generation = &cache->generations[g];
        for (size_t i = 0; i < generation->blobs_len; i++) {
            assert(cache->blobs[generation->blobs[i]].generations > 0);
            assert(!generation->live || cache->blobs[generation->blobs[i]].class == BLOB_LIVE);
        }
    }
}

size_t exports_find(struct cache *cache, const struct manifest *index, int blobs_fd,
                    const struct cache *previous, struct err *ret_reason)
{
    struct survey survey = {.cache = cache};
    graph_init(&survey.graph, cache, blobs_fd, previous);
    survey.stamp = mem_zalloc(cache->blobs_len * sizeof *survey.stamp);
    survey.list = mem_alloc(cache->blobs_len * sizeof *survey.list);
    find_live(&survey, index);
    graph_probe(&survey.graph);
    find_older(&survey);
    if (cache->generations_len > 0)
        qsort(cache->generations, cache->generations_len, sizeof *cache->generations, by_age);
    for (size_t i = 0; i < cache->generations_len; i++)
        read_configs(&survey, &cache->generations[i]);
    assert_live_kept(cache);
    exports_compare(cache);
    size_t unread = survey.graph.unread;
    if (unread > 0)
        *ret_reason = survey.graph.reason;
    free(survey.stamp);
    free(survey.list);
    graph_done(&survey.graph);
    return unread;
}

/* What generations have in common, and what each has alone. */

static void sum_unique(struct cache *cache)
{
    for (size_t g = 0; g < cache->generations_len; g++) {
        struct cache_generation *generation = &cache->generations[g];
        for (size_t i = 0; i < generation->blobs_len; i++) {
            const struct cache_blob *blob = &cache->blobs[generation->blobs[i]];
            if (blob->generations == 1)
                generation->unique_bytes += blob->allocated_bytes;
        }
    }
}

/* Counts the layers of both, and those of `a` that `b` lacks. */
static void compare_layers(const struct cache *cache, const struct cache_generation *a,
                           const struct cache_generation *b, size_t *ret_a, size_t *ret_b,
                           size_t *ret_both)
{
    size_t i = 0, j = 0;
    *ret_a = *ret_b = *ret_both = 0;
    while (i < a->blobs_len || j < b->blobs_len) {
        uint32_t one = i < a->blobs_len ? a->blobs[i] : UINT32_MAX;
        uint32_t two = j < b->blobs_len ? b->blobs[j] : UINT32_MAX;
        uint32_t blob = one < two ? one : two;
        bool layer = cache->blobs[blob].role == BLOB_LAYER;
        *ret_a += layer && one == blob;
        *ret_b += layer && two == blob;
        *ret_both += layer && one == two;
        i += one == blob;
        j += two == blob;
    }
}

/* Some engines now and then export fewer layers than they imported. Exports
 * with the very same layers in between do not hide it. */
static void find_shrunken(struct cache *cache, struct cache_generation *live)
{
    for (size_t i = 0; i < cache->generations_len; i++) {
        struct cache_generation *older = &cache->generations[i];
        size_t now, before, both;
        if (older->live)
            continue;
        compare_layers(cache, live, older, &now, &before, &both);
        if (now == both && before == both)
            continue;
        live->shrunken = older->whole && now == both && before > both;
        older->fuller = older->fuller || live->shrunken;
        return;
    }
}

void exports_compare(struct cache *cache)
{
    sum_unique(cache);
    for (size_t i = 0; i < cache->generations_len; i++)
        if (cache->generations[i].live)
            find_shrunken(cache, &cache->generations[i]);
}
