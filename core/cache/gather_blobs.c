#include "core/cache/gather_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct blob_listing {
    struct task task;
    struct gather *gather;
    struct entries_reader reader;
};

#define BATCH_BLOBS 256

static void flush_blobs(struct gather *gather, const struct cache_blob *blobs, size_t len)
{
    struct cache *cache = gather->cache;
    if (len == 0)
        return;
    pthread_mutex_lock(&gather->tally.lock);
    mem_reserve((void **)&cache->blobs, &gather->blobs_cap, cache->blobs_len + len,
                sizeof *cache->blobs);
    memcpy(cache->blobs + cache->blobs_len, blobs, len * sizeof *blobs);
    cache->blobs_len += len;
    for (size_t i = 0; i < len; i++)
        if (blobs[i].nlink > 1)
            links_add(&gather->tally.links, blobs[i].ino, blobs[i].nlink,
                      blobs[i].allocated_bytes, REGION_BLOB);
    pthread_mutex_unlock(&gather->tally.lock);
}

/* A blob that an earlier scan met under the same name and inode is immutable. */
static bool recall_blob(const struct gather *gather, const struct digest *digest, uint64_t ino,
                        struct cache_blob *ret_blob)
{
    uint32_t index = gather->previous == NULL ? CACHE_NONE
                                              : cache_find_blob(gather->previous, digest);
    if (index == CACHE_NONE || gather->previous->blobs[index].ino != ino)
        return false;
    *ret_blob = gather->previous->blobs[index];
    ret_blob->generations = 0;
    ret_blob->class = BLOB_ORPHAN;
    ret_blob->role = BLOB_UNKNOWN;
    ret_blob->unread = false;
    return true;
}

/* False when it is no blob. */
static bool look_at_blob(struct gather *gather, const struct entry *entry,
                         struct cache_blob *ret_blob)
{
    struct digest digest;
    struct fs_stat stat;
    if (!digest_parse_hex(entry->name, &digest))
        return false;
    if (recall_blob(gather, &digest, entry->ino, ret_blob))
        return true;
    int code = entry_stat(gather->blobs_fd, entry->name, &stat);
    if (code < 0 || stat.type != FS_FILE) {
        if (code < 0 && code != -ENOENT)
            gather_fail_blobs(gather, code, "looking at", entry->name);
        if (code == 0)
            gather_add_problem(gather, PROBLEM_FOREIGN, entry->name,
                        "among the blobs is no regular file: neither followed nor read");
        return false;
    }
    *ret_blob = (struct cache_blob){
        .digest = digest,
        .size_bytes = stat.size_bytes,
        .allocated_bytes = stat.allocated_bytes,
        .modified_at = stat.modified_at,
        .ino = stat.ino,
        .nlink = stat.nlink,
    };
    return true;
}

static void take_blobs(struct gather *gather, struct entries *entries)
{
    struct cache_blob blobs[BATCH_BLOBS];
    struct entry entry;
    size_t len = 0;
    while (entries_next(entries, &entry)) {
        if (!look_at_blob(gather, &entry, &blobs[len]))
            gather_count_entry(gather, gather->blobs_fd, "blobs/sha256/", &entry, LEFTOVER_OTHER);
        else if (++len == BATCH_BLOBS) {
            flush_blobs(gather, blobs, len);
            len = 0;
        }
    }
    flush_blobs(gather, blobs, len);
}

static void run_blobs(struct crew *crew, struct task *task)
{
    struct blob_listing *listing = (struct blob_listing *)task;
    struct gather *gather = listing->gather;
    struct entries entries;
    int code = crew_cancelled(crew) ? 0 : entries_read(&listing->reader, &entries);
    if (code > 0) {
        tally_hold(&gather->tally);
        crew_add(crew, task);
        take_blobs(gather, &entries);
    } else {
        if (code < 0)
            gather_fail_blobs(gather, code, "reading", "blobs/sha256");
        entries_stop(&listing->reader);
        free(listing);
    }
    tally_release(&gather->tally);
}

void gather_list_blobs(struct gather *gather)
{
    struct blob_listing *listing = mem_alloc(sizeof *listing);
    *listing = (struct blob_listing){{NULL, run_blobs}, gather, ENTRIES_READER(gather->blobs_fd)};
    tally_hold(&gather->tally);
    crew_add(gather->crew, &listing->task);
}
