/* A look at a directory that is to be followed: what to watch in it, and one
 * number that changes with it where nothing tells of changes. Blocking, for ever
 * where a file system hangs: not on the loop. */
#ifndef BILGE_CACHE_GLANCE_H
#define BILGE_CACHE_GLANCE_H

#include <stdbool.h>
#include <stdint.h>

/* What changes in a cache directory: index.json is written in place, blobs are
 * renamed into blobs/sha256, an export begins in ingest/. */
#define GLANCE_PARTS 4

struct glance_part {
    int fd; /* only to be watched by; -1: not there */
    uint64_t dev, ino;
};

struct glance {
    struct glance_part parts[GLANCE_PARTS]; /* the directory itself first */
    uint64_t sum;                           /* of inodes and times; never 0 */
    int64_t modified_at;                    /* the newest of these times */
    bool remote; /* its file system does not tell of all changes, or might hang when asked to */
    bool layout; /* an OCI layout lies in it */
};

/* One of nothing. */
void glance_init(struct glance *glance);
/* Of a directory alone, and of a cache directory in a root with its parts. */
void glance_directory(int fd, struct glance *ret_glance);
void glance_cache(int root_fd, const char *name, struct glance *ret_glance);
void glance_done(struct glance *glance);

#endif
