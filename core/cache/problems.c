#include "core/cache/problems.h"

#include <stdlib.h>

#include "core/base/mem.h"

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
