#include "core/cache/verify.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/hash.h"
#include "core/cache/layout.h"
#include "core/cache/scan.h"

/* More than this many are not worth a line each. */
#define MAX_PROBLEMS 1000

struct verification {
    const struct verify_spec *spec;
    struct verify_result *result;
    int64_t done_bytes; /* of blobs read to their end */
    int64_t total_bytes;
};

static void add_problem(struct verify_result *result, enum problem_kind kind,
                        const struct digest *digest, const char *detail)
{
    if (result->problems_len == MAX_PROBLEMS)
        return;
    mem_reserve((void **)&result->problems, &result->problems_cap, result->problems_len + 1,
                sizeof *result->problems);
    struct cache_problem *problem = &result->problems[result->problems_len++];
    *problem = (struct cache_problem){.kind = kind, .detail = mem_strdup(detail)};
    if (digest != NULL) {
        problem->has_digest = true;
        problem->digest = *digest;
    }
}

static void take_over_problems(struct verify_result *result)
{
    const struct cache *cache = result->cache;
    bool blind = cache->state == CACHE_UNREADABLE && cache->error != NULL;
    if (blind)
        add_problem(result, PROBLEM_INDEX, NULL, cache->error);
    for (size_t i = 0; i < cache->problems_len; i++) {
        const struct cache_problem *problem = &cache->problems[i];
        if (blind && problem->kind == PROBLEM_MISSING)
            continue; /* not gone: not to be seen */
        add_problem(result, problem->kind, problem->has_digest ? &problem->digest : NULL,
                    problem->detail);
    }
    if (cache->problems_len > 0 || blind)
        return;
    if (cache->state == CACHE_FOREIGN)
        add_problem(result, PROBLEM_FOREIGN, NULL, "this is no OCI image layout");
    else if (cache->state == CACHE_MISSING)
        add_problem(result, PROBLEM_INDEX, NULL, "there is no such directory");
    else if (cache->error != NULL)
        add_problem(result, PROBLEM_INDEX, NULL, cache->error);
}

static bool on_hashed(void *arg, int64_t bytes)
{
    struct verification *verification = arg;
    const struct verify_spec *spec = verification->spec;
    if (spec->on_progress != NULL)
        spec->on_progress(spec->arg, verification->done_bytes + bytes, verification->total_bytes);
    return spec->cancel == NULL || !atomic_load(spec->cancel);
}

/* Not what the manifest names, whatever is in it: a file that has grown, maybe to
 * terabytes that are not even on the disk, is not read to learn the same. */
static bool has_wrong_size(const struct cache *cache, const struct cache_blob *blob)
{
    for (size_t i = 0; i < cache->problems_len; i++) {
        const struct cache_problem *problem = &cache->problems[i];
        if (problem->kind == PROBLEM_SIZE && problem->has_digest &&
            digest_equal(&problem->digest, &blob->digest))
            return true;
    }
    return false;
}

static bool is_to_be_read(const struct cache *cache, const struct cache_blob *blob)
{
    return blob->class == BLOB_LIVE && !has_wrong_size(cache, blob);
}

/* One blob's content against its name. 0 also when it does not match (that is
 * a problem of the result), else ERR_CANCELLED. */
static int check_blob(struct verification *verification, int blobs_fd,
                      const struct cache_blob *blob)
{
    struct digest actual;
    struct err err;
    char hex[DIGEST_HEX_SIZE];
    int code = hash_file(blobs_fd, digest_hex(hex, &blob->digest), on_hashed, verification,
                         &actual, &err);
    if (code == ERR_CANCELLED)
        return code;
    if (code < 0)
        add_problem(verification->result, PROBLEM_DIGEST, &blob->digest, err.text);
    else if (!digest_equal(&actual, &blob->digest))
        add_problem(verification->result, PROBLEM_DIGEST, &blob->digest,
                    "its content is not what its name says: the next build that needs it fails");
    verification->done_bytes += blob->size_bytes;
    verification->result->checked_bytes = verification->done_bytes;
    return 0;
}

static int check_blobs(struct verification *verification, int blobs_fd)
{
    const struct cache *cache = verification->result->cache;
    for (size_t i = 0; i < cache->blobs_len; i++)
        if (is_to_be_read(cache, &cache->blobs[i]))
            verification->total_bytes += cache->blobs[i].size_bytes;
    for (size_t i = 0; i < cache->blobs_len; i++) {
        if (!is_to_be_read(cache, &cache->blobs[i]))
            continue;
        int code = check_blob(verification, blobs_fd, &cache->blobs[i]);
        if (code < 0)
            return code;
    }
    return 0;
}

static int open_blobs(const struct verify_spec *spec, int *ret_fd)
{
    int cache_fd = -1;
    int code = fs_open_dir(spec->root_fd, spec->name, &cache_fd, NULL);
    if (code == 0)
        code = cache_open_blobs(cache_fd, ret_fd, NULL);
    if (cache_fd >= 0)
        close(cache_fd);
    return code;
}

int verify_cache(const struct verify_spec *spec, struct verify_result *ret_result, struct err *err)
{
    struct verify_result result = {.hashed = hash_available()};
    struct verification verification = {.spec = spec, .result = &result};
    int blobs_fd, code = 0;
    result.cache = scan_cache(spec->root_fd, spec->root_path, spec->name, NULL);
    take_over_problems(&result);
    if (result.hashed && open_blobs(spec, &blobs_fd) == 0) {
        code = check_blobs(&verification, blobs_fd);
        close(blobs_fd);
    }
    if (code < 0) {
        verify_done(&result);
        return err_set(err, code, "verifying %s/%s: stopped", spec->root_path, spec->name);
    }
    result.ok = result.problems_len == 0;
    *ret_result = result;
    return 0;
}

void verify_done(struct verify_result *result)
{
    for (size_t i = 0; i < result->problems_len; i++)
        free(result->problems[i].detail);
    free(result->problems);
    cache_free(result->cache);
    *result = (struct verify_result){0};
}
