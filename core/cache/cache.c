#include "core/cache/cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/cache/busy.h"

static const char *const state_names[] = {
    [CACHE_OK] = "ok",
    [CACHE_EMPTY] = "empty",
    [CACHE_MISSING] = "missing",
    [CACHE_BROKEN] = "broken",
    [CACHE_BUSY] = "busy",
    [CACHE_FOREIGN] = "foreign",
    [CACHE_UNREADABLE] = "unreadable",
};

static const char *const problem_names[] = {
    [PROBLEM_MISSING] = "missing", [PROBLEM_SIZE] = "size",
    [PROBLEM_DIGEST] = "digest",   [PROBLEM_INDEX] = "index",
    [PROBLEM_FOREIGN] = "foreign", [PROBLEM_UNREADABLE] = "unreadable",
};

const char *cache_state_name(enum cache_state state)
{
    return state_names[state];
}

const char *problem_kind_name(enum problem_kind kind)
{
    return problem_names[kind];
}

const char *cache_untouchable(const struct cache *cache)
{
    switch (cache->state) {
    case CACHE_FOREIGN:
        return cache->error != NULL ? cache->error
                                    : "it is no build cache (no OCI layout): not bilge's to empty";
    case CACHE_UNREADABLE:
        return cache->error != NULL ? cache->error : "it can't be read";
    default:
        return cache->unproven ? "nothing in it that can be read says that it is a build cache; if "
                                 "it is one, remove it by hand"
                               : NULL;
    }
}

struct cache *cache_missing(const char *path)
{
    struct cache *cache = mem_zalloc(sizeof *cache);
    cache->path = mem_strdup(path);
    cache->name = mem_strdup(path_name(path));
    cache->state = CACHE_MISSING;
    return cache;
}

void cache_forget(struct cache *cache)
{
    for (size_t i = 0; i < cache->generations_len; i++) {
        free(cache->generations[i].tag);
        free(cache->generations[i].blobs);
    }
    for (size_t i = 0; i < cache->leftovers_len; i++)
        free(cache->leftovers[i].name);
    for (size_t i = 0; i < cache->problems_len; i++)
        free(cache->problems[i].detail);
    free(cache->generations);
    free(cache->leftovers);
    free(cache->problems);
    free(cache->blobs);
    cache->generations = NULL;
    cache->leftovers = NULL;
    cache->problems = NULL;
    cache->blobs = NULL;
    cache->generations_len = cache->leftovers_len = cache->problems_len = cache->blobs_len = 0;
    cache->problems_total = 0;
}

void cache_free(struct cache *cache)
{
    if (cache == NULL)
        return;
    cache_forget(cache);
    free(cache->name);
    free(cache->path);
    free(cache->busy_sign);
    free(cache->error);
    free(cache);
}

static void *copy_items(const void *items, size_t len, size_t item_size)
{
    if (len == 0)
        return NULL;
    void *copy = mem_alloc(len * item_size);
    memcpy(copy, items, len * item_size);
    return copy;
}

static char *copy_text(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

struct cache *cache_copy(const struct cache *cache)
{
    struct cache *copy = copy_items(cache, 1, sizeof *cache);
    copy->name = copy_text(cache->name);
    copy->path = copy_text(cache->path);
    copy->busy_sign = copy_text(cache->busy_sign);
    copy->error = copy_text(cache->error);
    copy->blobs = copy_items(cache->blobs, cache->blobs_len, sizeof *cache->blobs);
    copy->generations =
        copy_items(cache->generations, cache->generations_len, sizeof *cache->generations);
    copy->leftovers = copy_items(cache->leftovers, cache->leftovers_len, sizeof *cache->leftovers);
    copy->problems = copy_items(cache->problems, cache->problems_len, sizeof *cache->problems);
    for (size_t i = 0; i < copy->generations_len; i++) {
        struct cache_generation *generation = &copy->generations[i];
        generation->tag = copy_text(generation->tag);
        generation->blobs =
            copy_items(generation->blobs, generation->blobs_len, sizeof *generation->blobs);
    }
    for (size_t i = 0; i < copy->leftovers_len; i++)
        copy->leftovers[i].name = copy_text(copy->leftovers[i].name);
    for (size_t i = 0; i < copy->problems_len; i++)
        copy->problems[i].detail = copy_text(copy->problems[i].detail);
    return copy;
}

int64_t cache_garbage_bytes(const struct cache *cache)
{
    int64_t bytes = cache->live_unknown ? 0 : cache->older_bytes + cache->orphan_bytes;
    if (cache_untouchable(cache) != NULL)
        return 0;
    for (size_t i = 0; i < cache->leftovers_len; i++) {
        const struct cache_leftover *leftover = &cache->leftovers[i];
        if (leftover->kind == LEFTOVER_INGEST &&
            !busy_is_fresh(leftover->modified_at, cache->scanned_at))
            bytes += leftover->allocated_bytes;
    }
    return bytes;
}

int64_t cache_written_at(const struct cache *cache)
{
    int64_t newest = cache->last_export_at;
    for (size_t i = 0; i < cache->generations_len; i++)
        if (cache->generations[i].exported_at > newest)
            newest = cache->generations[i].exported_at;
    for (size_t i = 0; i < cache->blobs_len; i++)
        if (cache->blobs[i].modified_at > newest)
            newest = cache->blobs[i].modified_at;
    for (size_t i = 0; i < cache->leftovers_len; i++)
        if (cache->leftovers[i].modified_at > newest)
            newest = cache->leftovers[i].modified_at;
    return newest;
}

static int by_digest(const void *key, const void *blob)
{
    return memcmp(((const struct digest *)key)->bytes,
                  ((const struct cache_blob *)blob)->digest.bytes, sizeof(struct digest));
}

uint32_t cache_find_blob(const struct cache *cache, const struct digest *digest)
{
    if (cache->blobs_len == 0)
        return CACHE_NONE;
    const struct cache_blob *blob =
        bsearch(digest, cache->blobs, cache->blobs_len, sizeof *cache->blobs, by_digest);
    return blob != NULL ? (uint32_t)(blob - cache->blobs) : CACHE_NONE;
}

static size_t lost_layers(const struct cache *cache, const struct cache_generation *shrunken,
                          const struct cache_generation *fuller)
{
    size_t lost = 0;
    for (size_t i = 0, j = 0; i < fuller->blobs_len; i++) {
        while (j < shrunken->blobs_len && shrunken->blobs[j] < fuller->blobs[i])
            j++;
        bool kept = j < shrunken->blobs_len && shrunken->blobs[j] == fuller->blobs[i];
        lost += !kept && cache->blobs[fuller->blobs[i]].role == BLOB_LAYER;
    }
    return lost;
}

/* Several tags may be live: the pair that fits is the one with the least loss,
 * since of one that has shrunken all layers that are left are the fuller's. */
size_t cache_lost_layers(const struct cache *cache, uint32_t *ret_fuller)
{
    size_t least = 0;
    for (uint32_t i = 0; i < cache->generations_len; i++) {
        for (uint32_t j = 0; cache->generations[i].shrunken && j < cache->generations_len; j++) {
            if (!cache->generations[j].fuller)
                continue;
            size_t lost = lost_layers(cache, &cache->generations[i], &cache->generations[j]);
            if (lost > 0 && (least == 0 || lost < least)) {
                least = lost;
                *ret_fuller = j;
            }
        }
    }
    return least;
}

const char *cache_trouble(const struct cache *cache)
{
    static const char *const troubles[] = {
        [PROBLEM_MISSING] = "the live manifest names a blob that is gone: the next build fails "
                            "until this is repaired or restored",
        [PROBLEM_SIZE] = "a live blob is damaged: the next build fails until this is repaired or "
                         "restored",
        [PROBLEM_DIGEST] = "a live blob is damaged: the next build fails until this is repaired "
                           "or restored",
        [PROBLEM_INDEX] = "index.json or what it names is damaged: the next build finds nothing "
                          "cached here",
        [PROBLEM_UNREADABLE] = "something in it can't be read: nothing is changed here until it "
                               "can",
    };
    uint32_t fuller;
    for (size_t i = 0; i < cache->problems_len; i++)
        if (cache->problems[i].kind != PROBLEM_FOREIGN)
            return troubles[cache->problems[i].kind];
    return cache_lost_layers(cache, &fuller) > 0
               ? "shrunken: this export lost layers of the one before; restore brings it back"
               : NULL;
}

#define MAX_PROBLEMS 200

void cache_add_problem(struct cache *cache, enum problem_kind kind, const struct digest *digest,
                       char *detail)
{
    for (size_t i = 0; digest != NULL && i < cache->problems_len; i++) {
        const struct cache_problem *same = &cache->problems[i];
        if (same->kind == kind && same->has_digest && digest_equal(&same->digest, digest)) {
            free(detail);
            return;
        }
    }
    cache->problems_total++;
    if (cache->problems_len == MAX_PROBLEMS) {
        free(detail);
        return;
    }
    if (cache->problems == NULL)
        cache->problems = mem_zalloc(MAX_PROBLEMS * sizeof *cache->problems);
    cache->problems[cache->problems_len++] = (struct cache_problem){
        .kind = kind,
        .has_digest = digest != NULL,
        .digest = digest != NULL ? *digest : (struct digest){{0}},
        .detail = detail,
    };
}

void cache_drop_problems(struct cache *cache, enum problem_kind kind)
{
    size_t kept = 0;
    for (size_t i = 0; i < cache->problems_len; i++) {
        if (cache->problems[i].kind == kind)
            free(cache->problems[i].detail);
        else
            cache->problems[kept++] = cache->problems[i];
    }
    cache->problems_total -= cache->problems_len - kept;
    cache->problems_len = kept;
}

static const char *consequence(enum blob_role role)
{
    return role == BLOB_LAYER ? "the next build fails until this is repaired or restored"
                              : "the next build finds nothing cached here";
}

static const char *role_name(enum blob_role role)
{
    return role == BLOB_CONFIG     ? "the cache config"
           : role == BLOB_MANIFEST ? "a manifest"
                                   : "a layer";
}

void report_missing(struct cache *cache, const char *who, const struct descriptor *missing)
{
    char text[DIGEST_TEXT_SIZE];
    cache_add_problem(cache, PROBLEM_MISSING, &missing->digest,
                      mem_printf("%s names %s that is gone (%s): %s", who, role_name(missing->role),
                                 digest_text(text, &missing->digest), consequence(missing->role)));
}

void report_size(struct cache *cache, const struct descriptor *wanted, int64_t found)
{
    char text[DIGEST_TEXT_SIZE];
    cache_add_problem(cache, PROBLEM_SIZE, &wanted->digest,
                      mem_printf("%s has %lld bytes where the live manifest says %lld: %s",
                                 digest_text(text, &wanted->digest), (long long)found,
                                 (long long)wanted->size_bytes, consequence(wanted->role)));
}

void report_odd(struct cache *cache, const char *who, const struct manifest *manifest)
{
    if (manifest->odd == NULL)
        return;
    cache->live_unknown = true;
    cache_add_problem(cache, PROBLEM_FOREIGN, NULL,
                      mem_printf("%s holds %zu thing%s that bilge does not understand, such as "
                                 "%s: what is live is not known",
                                 who, manifest->odd_count, manifest->odd_count == 1 ? "" : "s",
                                 manifest->odd));
}

void report_unread(struct cache *cache, const struct digest *digest, const struct err *err)
{
    char text[DIGEST_TEXT_SIZE];
    bool unread = layout_is_unread(err->code);
    cache->live_unknown = true;
    cache_add_problem(cache, unread ? PROBLEM_UNREADABLE : PROBLEM_INDEX, digest,
                      mem_printf("the live manifest %s %s: %s; what is live is not known",
                                 digest_text(text, digest),
                                 unread ? "can't be read" : "is damaged or of an unknown form",
                                 err->text));
}

const char *cache_next_tag(const char **next, size_t *ret_len)
{
    static const char between[] = ", "; /* as the scan joins them */
    const char *tag = *next, *end = tag != NULL ? strstr(tag, between) : NULL;
    if (tag != NULL)
        *ret_len = end != NULL ? (size_t)(end - tag) : strlen(tag);
    *next = end != NULL ? end + sizeof between - 1 : NULL;
    return tag;
}
