/* Blocks of a log that memory has no room for: in a file without a name, so
 * that nothing of it stays behind whatever happens. A ring of slots of one size.
 * Open, write and read may run on any thread, on different slots at once. */
#ifndef BILGE_BUILD_LOG_LOGFILE_H
#define BILGE_BUILD_LOG_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* It grows no further than that, and leaves so much of the disk alone. */
#define LOGFILE_MAX_BYTES (INT64_C(16) * 1024 * 1024 * 1024)
#define LOGFILE_MAX_SLOTS 65536
#define LOGFILE_SPARE_BYTES (INT64_C(256) * 1024 * 1024)

struct logfile {
    int fd;
    size_t slot_bytes;
    unsigned refs; /* counted on the loop alone */
};

/* With one reference. The directory is made if need be. Only its owner can read
 * the file. */
int logfile_open(const char *directory, size_t slot_bytes, struct logfile **ret_file,
                 struct err *err);
struct logfile *logfile_ref(struct logfile *file);
/* The last one closes it. NULL is fine. */
void logfile_unref(struct logfile *file);
/* Where a file system knows no files without a name, a killed process may have
 * left the empty one that was about to lose it: takes such away. */
void logfile_sweep(const char *directory);

/* How many slots a file may have. */
uint64_t logfile_slots(size_t slot_bytes);
/* `grows`: this slot has not been written before. -ENOSPC also when the disk is
 * as good as full; the file is then as before. */
int logfile_write(const struct logfile *file, uint64_t slot, bool grows, const void *data);
int logfile_read(const struct logfile *file, uint64_t slot, void *data);

#endif
