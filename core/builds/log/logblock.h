/* A block of a log: lines, and what is known of each. In a block the text grows from
 * the front and its index from the back, until they meet:
 *
 *     | text 0 | text 1 | text 2 |   free   | entry 2 | entry 1 | entry 0 |
 *
 * A line lies whole in one block, so it can be lent without a copy. Each is
 * kept with a newline, so that many lines can come in by one copy.
 *
 * Only the loop adds lines, counts and references. What was in a block stays
 * where it is, so another thread may meanwhile read the lines that it was told
 * of; it looks at text and index alone. */
#ifndef BILGE_BUILDS_LOG_LOGBLOCK_H
#define BILGE_BUILDS_LOG_LOGBLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/builds/log/buildlog.h"

struct logblock_entry {
    uint32_t end;  /* of the text, in the block; it starts where the one before ends */
    uint32_t time; /* this and the others: see struct buildlog_line */
    uint16_t step, number;
    uint8_t stream, kind, decimals;
};

struct logblock {
    unsigned refs;
    struct logblock_entry *top; /* one past the block's end: entry i is top[-1 - i] */
    /* What a file keeps of it begins here. */
    uint64_t number; /* blocks are numbered from 0 for ever */
    uint64_t first;  /* number of its first line */
    uint32_t lines;
    uint32_t used; /* bytes of text */
    uint32_t room; /* bytes of text and index together */
    char text[];
};

/* Bytes of memory that a block with this room takes, and bytes in a file. */
size_t logblock_size(uint32_t room);
size_t logblock_filed_size(uint32_t room);
static inline void *logblock_filed(struct logblock *block)
{
    return &block->number;
}
/* Empty, with one reference. */
struct logblock *logblock_new(uint32_t room);
struct logblock *logblock_ref(struct logblock *block);
/* NULL is fine. */
void logblock_unref(struct logblock *block);
void logblock_clear(struct logblock *block, uint64_t number, uint64_t first);
/* It has come from a file, byte by byte; with one reference. False: it is none. */
bool logblock_wake(struct logblock *block, uint32_t room);

/* As many of these lines as fit; says how many. */
size_t logblock_add(struct logblock *block, const struct buildlog_line *lines, size_t count);

static inline uint32_t logblock_start(const struct logblock *block, uint32_t line)
{
    return line > 0 ? block->top[-(ptrdiff_t)line].end : 0;
}
static inline uint32_t logblock_end(const struct logblock *block, uint32_t line)
{
    return block->top[-1 - (ptrdiff_t)line].end;
}
static inline int logblock_step(const struct logblock *block, uint32_t line)
{
    return block->top[-1 - (ptrdiff_t)line].step;
}
struct buildlog_line logblock_line(const struct logblock *block, uint32_t line);
/* The line that this byte of the text belongs to, of the first `lines`. */
uint32_t logblock_line_at(const struct logblock *block, uint32_t lines, uint32_t byte);

/* Blocks of a log that memory has no room for: in a file without a name, so
 * that nothing of it stays behind whatever happens. A ring of slots of one size.
 * Open, write and read may run on any thread, on different slots at once. */
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
