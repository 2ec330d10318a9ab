/* Between the files of gather.c. */
#ifndef BILGE_CACHE_GATHER_PRIVATE_H
#define BILGE_CACHE_GATHER_PRIVATE_H

#include <stdbool.h>

#include "core/cache/entries.h"
#include "core/cache/gather.h"
#include "core/cache/layout.h"
#include "core/cache/tally.h"

struct gather {
    struct task task; /* the first one */
    struct tally tally;
    struct crew *crew;
    int root_fd;
    const struct cache *previous;
    struct cache *cache;
    size_t blobs_cap;
    int fd, blobs_fd;
    bool unreadable;   /* what matters can't be read */
    bool blobs_unread; /* not all names in blobs/sha256 were seen */
    bool foreign;      /* no layout */
    struct manifest *index; /* NULL: not there, or damaged */
    gather_cb *on_done;
    void *arg;
};

/* gather_parts.c: what lies in a layout, counted as what it is. */
void gather_visit_layout(struct gather *gather);
/* Counts one entry that is no blob, and all below it. */
void gather_count_entry(struct gather *gather, int dirfd, const char *folder,
                        const struct entry *entry, enum leftover_kind kind);
/* Counts one inode that is part of the layout. */
void gather_count_part(struct gather *gather, enum region region, const struct fs_stat *stat);
/* Something that the truth about this cache depends on can't be read. */
void gather_fail(struct gather *gather, int code, const char *action, const char *name);
/* The same of what lies in blobs/sha256: then nothing is missing there. */
void gather_fail_blobs(struct gather *gather, int code, const char *action, const char *name);
/* "<name> <what>", with the name made clean. */
void gather_add_problem(struct gather *gather, enum problem_kind kind, const char *name,
                        const char *what);

/* gather_blobs.c: adds the task that lists blobs/sha256, whose files are
 * remembered. */
void gather_list_blobs(struct gather *gather);

#endif
