#include "core/cache/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/scan.h"
#include "core/oci/blob_hash.h"
#include "core/oci/layout.h"

/* More than this many are not worth a line each. */
#define MAX_PROBLEMS 1000
/* Of a file, more than file systems save by compressing. */
#define MOST_IN_HOLES (INT64_C(1) << 30)

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

static bool has_problem(const struct verify_result *result, enum problem_kind kind,
                        const struct digest *digest)
{
    for (size_t i = 0; i < result->problems_len; i++) {
        const struct cache_problem *problem = &result->problems[i];
        if (problem->kind == kind &&
            (digest == NULL || (problem->has_digest && digest_equal(&problem->digest, digest))))
            return true;
    }
    return false;
}

/* What the directory as a whole is. */
static void judge_directory(struct verify_result *result)
{
    const struct cache *cache = result->cache;
    const char *why = cache_untouchable(cache);
    if (cache->state == CACHE_UNREADABLE && !has_problem(result, PROBLEM_UNREADABLE, NULL))
        add_problem(result, PROBLEM_UNREADABLE, NULL, why);
    else if (cache->state == CACHE_FOREIGN || (why != NULL && result->problems_len == 0))
        add_problem(result, PROBLEM_FOREIGN, NULL, why);
    else if (cache->state == CACHE_MISSING)
        add_problem(result, PROBLEM_INDEX, NULL, "there is no such directory");
    else if (cache->error != NULL && result->problems_len == 0)
        add_problem(result, PROBLEM_INDEX, NULL, cache->error);
}

static void take_over_problems(struct verify_result *result)
{
    const struct cache *cache = result->cache;
    for (size_t i = 0; i < cache->problems_len; i++) {
        const struct cache_problem *problem = &cache->problems[i];
        add_problem(result, problem->kind, problem->has_digest ? &problem->digest : NULL,
                    problem->detail);
    }
    judge_directory(result);
}

static bool on_hashed(void *arg, int64_t bytes)
{
    struct verification *verification = arg;
    const struct verify_spec *spec = verification->spec;
    if (spec->on_progress != NULL)
        spec->on_progress(spec->arg, verification->done_bytes + bytes, verification->total_bytes);
    return spec->cancel == NULL || !atomic_load(spec->cancel);
}

/* A file that has grown, maybe to terabytes that are not even on the disk, is not
 * read to learn that it is not what the manifest names. */
static bool has_grown(const struct verify_result *result, const struct cache_blob *blob)
{
    return blob->size_bytes > blob->allocated_bytes + MOST_IN_HOLES &&
           has_problem(result, PROBLEM_SIZE, &blob->digest);
}

static bool is_to_be_read(const struct verify_result *result, const struct cache_blob *blob)
{
    return blob->class == BLOB_LIVE && !has_grown(result, blob);
}

static void note_unread(struct verify_result *result, const struct digest *digest,
                        const struct err *reason)
{
    char *detail = mem_printf("it can't be read: %s; that is no damage, but nothing is known of it",
                              reason->text);
    add_problem(result, PROBLEM_UNREADABLE, digest, detail);
    free(detail);
    if (result->unread++ == 0)
        result->unread_reason = *reason;
}

static void note_damaged(struct verify_result *result, const struct digest *digest)
{
    mem_reserve((void **)&result->damaged, &result->damaged_cap, result->damaged_len + 1,
                sizeof *result->damaged);
    result->damaged[result->damaged_len++] = *digest;
    if (!has_problem(result, PROBLEM_SIZE, digest))
        add_problem(result, PROBLEM_DIGEST, digest,
                    "its content is not what its name says: the next build that needs it fails");
}

/* Whether it can be read at all, when there is nothing to hash it with. */
static int open_only(int blobs_fd, const char *hex, struct err *err)
{
    struct fs_stat stat;
    int fd, code = fs_open_file(blobs_fd, hex, &stat, &fd, err);
    if (code == 0)
        close(fd);
    return code;
}

/* One blob's content against its name. 0 also when it does not match or can't be
 * read (those are problems of the result), else ERR_CANCELLED. */
static int check_blob(struct verification *verification, int blobs_fd,
                      const struct cache_blob *blob)
{
    struct verify_result *result = verification->result;
    struct digest actual = blob->digest;
    struct err err;
    char hex[DIGEST_HEX_SIZE];
    digest_hex(hex, &blob->digest);
    int code = result->hashed
                   ? blob_hash_file(blobs_fd, hex, on_hashed, verification, &actual, &err)
                   : open_only(blobs_fd, hex, &err);
    if (code == ERR_CANCELLED)
        return code;
    if (code == -ENOENT)
        add_problem(result, PROBLEM_MISSING, &blob->digest, "it has gone since it was looked for");
    else if (code < 0)
        note_unread(result, &blob->digest, &err);
    else if (!digest_equal(&actual, &blob->digest))
        note_damaged(result, &blob->digest);
    if (!result->hashed || code < 0)
        return 0;
    verification->done_bytes += blob->size_bytes;
    result->checked_bytes = verification->done_bytes;
    return 0;
}

static int check_blobs(struct verification *verification, int blobs_fd)
{
    const struct verify_result *result = verification->result;
    const struct cache *cache = result->cache;
    for (size_t i = 0; i < cache->blobs_len; i++)
        if (is_to_be_read(result, &cache->blobs[i]))
            verification->total_bytes += cache->blobs[i].size_bytes;
    for (size_t i = 0; i < cache->blobs_len; i++) {
        if (!is_to_be_read(result, &cache->blobs[i]))
            continue;
        int code = check_blob(verification, blobs_fd, &cache->blobs[i]);
        if (code < 0)
            return code;
    }
    return 0;
}

/* -1: not there, or can't be opened; then the scan tells why, or *ret_reason. */
static int open_cache(const struct verify_spec *spec, struct verify_result *result,
                      struct err *ret_reason)
{
    int cache_fd;
    if (fs_open_dir(spec->root_fd, spec->name, &cache_fd, ret_reason) < 0)
        return -1;
    index_read(cache_fd, &result->index_file, &result->index, NULL);
    return cache_fd;
}

/* All that is live and there. What is foreign has no blobs here: nobody vouches
 * for it. */
static int check_live(struct verification *verification, int cache_fd, const struct err *reason)
{
    struct verify_result *result = verification->result;
    struct err err = *reason;
    int blobs_fd;
    if (result->cache->blobs_len == 0)
        return 0;
    if (cache_fd < 0 || cache_open_blobs(cache_fd, &blobs_fd, &err) < 0) {
        note_unread(result, NULL, &err);
        return 0;
    }
    int code = check_blobs(verification, blobs_fd);
    close(blobs_fd);
    return code;
}

int verify_cache(const struct verify_spec *spec, struct verify_result *ret_result, struct err *err)
{
    struct verify_result result = {.hashed = blob_hash_available()};
    struct verification verification = {.spec = spec, .result = &result};
    struct err reason = {0};
    int cache_fd = open_cache(spec, &result, &reason);
    result.cache = scan_cache(spec->root_fd, spec->root_path, spec->name, NULL);
    take_over_problems(&result);
    int code = check_live(&verification, cache_fd, &reason);
    if (cache_fd >= 0)
        close(cache_fd);
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
    free(result->damaged);
    index_file_done(&result->index_file);
    manifest_done(&result->index);
    cache_free(result->cache);
    *result = (struct verify_result){0};
}
