#include "core/cache/gather_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/problems.h"
#include "core/cache/tree.h"

/* Leftovers that are listed one by one; the bytes of others are counted. */
#define MAX_LEFTOVERS 10000

static size_t add_leftover(struct gather *gather, enum leftover_kind kind, const char *folder,
                           const char *name, const struct fs_stat *stat)
{
    struct tally *tally = &gather->tally;
    size_t index = TREE_NO_LEFTOVER;
    pthread_mutex_lock(&tally->lock);
    if (tally->leftovers_len < MAX_LEFTOVERS) {
        mem_reserve((void **)&tally->leftovers, &tally->leftovers_cap, tally->leftovers_len + 1,
                    sizeof *tally->leftovers);
        index = tally->leftovers_len++;
        tally->leftovers[index] = (struct cache_leftover){
            .kind = kind, .name = mem_printf("%s%s", folder, name), .ino = stat->ino};
    }
    pthread_mutex_unlock(&tally->lock);
    return index;
}

void gather_add_problem(struct gather *gather, enum problem_kind kind, const char *name,
                        const char *what)
{
    struct buf clean = {0};
    text_clean(&clean, name, strnlen(name, 200));
    pthread_mutex_lock(&gather->tally.lock);
    cache_add_problem(gather->cache, kind, NULL,
                      mem_printf("%s %s", clean.data != NULL ? clean.data : "", what));
    pthread_mutex_unlock(&gather->tally.lock);
    buf_done(&clean);
}

void gather_fail(struct gather *gather, int code, const char *action, const char *name)
{
    tally_error(&gather->tally, code, action, name);
    pthread_mutex_lock(&gather->tally.lock);
    gather->unreadable = true;
    pthread_mutex_unlock(&gather->tally.lock);
}

void gather_fail_blobs(struct gather *gather, int code, const char *action, const char *name)
{
    gather_fail(gather, code, action, name);
    pthread_mutex_lock(&gather->tally.lock);
    gather->blobs_unread = true;
    pthread_mutex_unlock(&gather->tally.lock);
}

void gather_count_entry(struct gather *gather, int dirfd, const char *folder,
                        const struct entry *entry, enum leftover_kind kind)
{
    struct tally *tally = &gather->tally;
    struct fs_stat stat = {.type = FS_OTHER};
    int fd = -1;
    int code = entry_stat(dirfd, entry->name, &stat);
    if (code == 0 && stat.type == FS_DIR)
        code = tree_open(tally, dirfd, entry->name, &fd, &stat);
    if (code == -ENOENT)
        return;
    if (code < 0) {
        tally_error(tally, code, stat.type == FS_DIR ? "entering directory" : "looking at",
                    entry->name);
        if (code == -EXDEV || entry_stat(dirfd, entry->name, &stat) < 0)
            return;
    }
    struct subtotal subtotal = {
        .region = kind == LEFTOVER_INGEST ? REGION_INGEST : REGION_OTHER,
        .leftover = add_leftover(gather, kind, folder, entry->name, &stat),
    };
    tally_count(tally, &subtotal, &stat);
    tally_add(tally, &subtotal);
    if (fd >= 0)
        tree_start(gather->crew, tally, fd, subtotal.region, subtotal.leftover);
}

typedef void visit_cb(struct gather *gather, int dirfd, const struct entry *entry);
typedef void fail_cb(struct gather *gather, int code, const char *action, const char *name);

/* All but ingest/ may lead to blobs. */
static fail_cb *failure_of(const char *name)
{
    return strcmp(name, "ingest") == 0 ? gather_fail : gather_fail_blobs;
}

static void each_entry(struct gather *gather, int dirfd, const char *name, visit_cb *visit)
{
    struct entries_reader reader = ENTRIES_READER(dirfd);
    struct entries *entries = mem_alloc(sizeof *entries);
    struct entry entry;
    int code;
    while ((code = entries_read(&reader, entries)) > 0)
        while (entries_next(entries, &entry))
            visit(gather, dirfd, &entry);
    if (code < 0)
        failure_of(name)(gather, code, "reading", name);
    free(entries);
}

void gather_count_part(struct gather *gather, enum region region, const struct fs_stat *stat)
{
    struct subtotal subtotal = {.region = region, .leftover = TREE_NO_LEFTOVER};
    tally_count(&gather->tally, &subtotal, stat);
    tally_add(&gather->tally, &subtotal);
}

/* Opens and counts a directory of the layout. False when it is something else,
 * which is not counted then: what lies behind a symlink, say, can't be told.
 * *ret_fd is -1 when it can't be entered. */
static bool enter_folder(struct gather *gather, int dirfd, const char *name, enum region region,
                         int *ret_fd)
{
    struct fs_stat stat;
    int fd = -1;
    int code = tree_open(&gather->tally, dirfd, name, &fd, &stat);
    if (code == -ENOENT) {
        if (entry_stat(dirfd, name, &stat) == 0)
            failure_of(name)(gather, stat.type == FS_SYMLINK ? -ELOOP : -ENOTDIR,
                             "entering directory", name);
        return false;
    }
    if (code < 0)
        failure_of(name)(gather, code, "entering directory", name);
    if (code == 0 || (code != -EXDEV && entry_stat(dirfd, name, &stat) == 0))
        gather_count_part(gather, region, &stat);
    *ret_fd = fd;
    return true;
}

static void visit_ingest(struct gather *gather, int dirfd, const struct entry *entry)
{
    gather_count_entry(gather, dirfd, "ingest/", entry, LEFTOVER_INGEST);
}

static void visit_algorithm(struct gather *gather, int dirfd, const struct entry *entry)
{
    if (strcmp(entry->name, "sha256") == 0 &&
        enter_folder(gather, dirfd, "sha256", REGION_OTHER, &gather->blobs_fd)) {
        if (gather->blobs_fd >= 0)
            gather_list_blobs(gather);
        return;
    }
    gather_add_problem(gather, PROBLEM_FOREIGN, entry->name,
                "in blobs/ is no directory of sha256 blobs: it is counted and left alone");
    gather_count_entry(gather, dirfd, "blobs/", entry, LEFTOVER_OTHER);
}

/* Enters blobs/ or ingest/. False when something else stands there. */
static bool visit_folder(struct gather *gather, int dirfd, const char *name, enum region region,
                         visit_cb *visit)
{
    int fd = -1;
    if (!enter_folder(gather, dirfd, name, region, &fd))
        return false;
    if (fd >= 0) {
        each_entry(gather, fd, name, visit);
        close(fd);
    }
    return true;
}

static bool visit_part(struct gather *gather, int dirfd, const char *name)
{
    struct fs_stat stat;
    if (strcmp(name, "blobs") == 0)
        return visit_folder(gather, dirfd, name, REGION_OTHER, visit_algorithm);
    if (strcmp(name, "ingest") == 0)
        return visit_folder(gather, dirfd, name, REGION_INGEST, visit_ingest);
    if (strcmp(name, "index.json") != 0 && strcmp(name, "oci-layout") != 0)
        return false;
    int code = entry_stat(dirfd, name, &stat);
    if (code == 0 && stat.type == FS_DIR)
        return false;
    if (code == 0)
        gather_count_part(gather, REGION_OTHER, &stat);
    else if (code != -ENOENT)
        gather_fail(gather, code, "looking at", name);
    return true;
}

static void visit_top(struct gather *gather, int dirfd, const struct entry *entry)
{
    if (visit_part(gather, dirfd, entry->name))
        return;
    enum leftover_kind kind = cache_is_aside(entry->name)       ? LEFTOVER_ASIDE
                              : cache_is_temporary(entry->name) ? LEFTOVER_TEMPORARY
                                                                : LEFTOVER_OTHER;
    gather_count_entry(gather, dirfd, "", entry, kind);
    if (kind == LEFTOVER_OTHER)
        gather_add_problem(gather, PROBLEM_FOREIGN, entry->name,
                    "is no part of a cache: bilge leaves it alone, and the directory as a whole "
                    "is not removed while it is there");
}

void gather_visit_layout(struct gather *gather)
{
    each_entry(gather, gather->fd, gather->cache->name, visit_top);
}
