/* Private to the log of a build: see buildlog.h.
 *
 * Blocks are numbered from 0 for ever. The newest are in memory; when there are
 * some of those that are full, the oldest of them are written to the file in
 * good time, so that they can give way at once when memory is needed:
 *
 *     first ......... kept ......... written ......... blocks
 *        in the file    |   in both     |   in memory     (newest: blocks - 1)
 *
 * One job at a time writes. Who reads on another thread borrows a block, from
 * memory or from the file, and what is borrowed stays as it is. */
#ifndef BILGE_BUILDS_LOG_BUILDLOG_PAGES_H
#define BILGE_BUILDS_LOG_BUILDLOG_PAGES_H

#include <assert.h>

#include "core/builds/log/logblock.h"

/* What is known of a block without looking into it. */
#define LOGINFO_STEPS 12
struct loginfo {
    uint64_t first;                /* number of its first line */
    uint16_t steps[LOGINFO_STEPS]; /* that have lines in it */
    uint16_t steps_len;            /* LOGINFO_STEPS + 1: more than fit */
};

#define LOG_PAGES 4

struct buildlog {
    unsigned refs; /* the owner's, those of jobs and of who borrows */
    bool freed;    /* by its owner: nothing can be had any more */
    uint32_t room; /* of each block */

    uint64_t first, kept, written, blocks; /* see above */
    struct logblock **memory;              /* block n: memory[n % memory_cap] */
    size_t memory_cap;
    size_t memory_max;       /* so many blocks, if nobody lags behind */
    struct logblock *newest; /* NULL until the first line */
    uint64_t end;            /* of the lines */

    struct loginfo *infos; /* block n: infos[n - infos_base] */
    size_t infos_cap;
    uint64_t infos_base;
    uint64_t *step_lines; /* lines of each step, ever */
    size_t step_lines_len;

    /* The file. */
    uv_loop_t *loop;
    char *directory;      /* NULL: none wanted, or no more */
    struct logfile *file; /* NULL: not open yet */
    uint64_t file_base;   /* the block that was written first */
    uint64_t filed;       /* the first block that is still in it */
    uint64_t slots;       /* block n is in slot (n - file_base) % slots */
    bool writing;
    int spill_error;
    struct logpiece *lent; /* from the file */

    /* What was read back. */
    struct logblock *pages[LOG_PAGES]; /* the one read last first */
    bool loading;
    uint64_t wanted;            /* block to be read next; UINT64_MAX: none */
    uint64_t unreadable;        /* block that could not be read; UINT64_MAX: none */
    struct logglances *glances; /* NULL: none yet */

    bool behind; /* somebody waits for on_room */
    void (*on_loaded)(void *arg);
    void *loaded_arg;
    void (*on_room)(void *arg);
    void *room_arg;
    void (*on_full)(void *arg);
    void *full_arg;
};

void buildlog_ref(struct buildlog *log);
void buildlog_unref(struct buildlog *log);

static inline struct loginfo *buildlog_info(const struct buildlog *log, uint64_t block)
{
    assert(block >= log->infos_base && block < log->blocks);
    return &log->infos[block - log->infos_base];
}
static inline struct logblock *buildlog_in_memory(const struct buildlog *log, uint64_t block)
{
    assert(block >= log->kept && block < log->blocks);
    assert(log->memory[block % log->memory_cap]->number == block);
    return log->memory[block % log->memory_cap];
}
/* The block that holds the line, which must be there. */
uint64_t buildlog_block_of(const struct buildlog *log, uint64_t line);
/* How many lines the block has by now. */
uint32_t buildlog_lines_of(const struct buildlog *log, uint64_t block);
bool loginfo_has(const struct loginfo *info, const struct logfilter *filter);

/* ---- writing: what leaves memory */
/* Starts a write when there is one to be done. */
void logspill_step(struct buildlog *log);
/* Drops the oldest from memory while there are more than memory_max; without
 * loss, if there is a file. */
void buildlog_shrink(struct buildlog *log);
/* Something has left memory or the file. */
void buildlog_note_first(struct buildlog *log);

/* ---- borrowing: a block for another thread */
struct logpiece {
    struct logpiece *next;
    struct buildlog *log;
    struct logblock *block; /* NULL: logpiece_read() reads it */
    struct logfile *file;   /* NULL: it was in memory */
    uint64_t number, slot, first;
    uint32_t lines; /* that may be looked at */
    uint32_t room;
};
/* On the loop. BUILDLOG_GONE: there is no such block. */
int logpiece_lend(struct buildlog *log, uint64_t number, struct logpiece *piece);
/* On any thread: the block is there afterwards, or an error comes. */
int logpiece_read(struct logpiece *piece);
/* On the loop. */
void logpiece_return(struct logpiece *piece);

/* ---- reading back */
/* The block, when it has been read back; else it will be. */
const struct logblock *logpages_get(struct buildlog *log, uint64_t number);
/* Reads what is wanted next, if nothing is being read. */
void logpages_load(struct buildlog *log);
void logpages_done(struct buildlog *log);

/* ---- single lines of it, see buildlog_glance() */
void logglances_fill(struct buildlog *log, const struct logblock *block);
/* A block that is wanted for one; UINT64_MAX: none. */
uint64_t logglances_wanted(struct buildlog *log);
void logglances_done(struct buildlog *log);

#endif
