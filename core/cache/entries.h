/* The names in a directory, read in large batches that threads can share.
 * getdents64 on Linux, readdir elsewhere. */
#ifndef BILGE_CACHE_ENTRIES_H
#define BILGE_CACHE_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/fs.h"

#define ENTRIES_SIZE 65536
/* A batch shorter than this was probably the last one. */
#define ENTRIES_LARGE (ENTRIES_SIZE / 2)

struct entries {
    size_t len, pos;
    char data[ENTRIES_SIZE] __attribute__((aligned(8)));
};

struct entry {
    const char *name;  /* in the batch */
    uint64_t ino;      /* as the directory tells it; 0: not told */
    enum fs_type type; /* FS_OTHER when the file system does not tell */
};

/* A directory being listed. `fd` is borrowed, its offset is moved. */
struct entries_reader {
    int fd;
    void *stream;
};
#define ENTRIES_READER(dirfd) ((struct entries_reader){.fd = (dirfd)})

/* Fills a batch. 1; 0 when there are no more; a negative errno code. After 0 or
 * an error the reader holds nothing. */
int entries_read(struct entries_reader *reader, struct entries *ret_entries);
/* Gives up before the end. */
void entries_stop(struct entries_reader *reader);

/* The next entry but "." and ".."; false at the end of the batch. */
bool entries_next(struct entries *entries, struct entry *ret_entry);

/* fs_look(). */
int entry_stat(int dirfd, const char *name, struct fs_stat *ret_stat);

#endif
