/* Single lines of the file that are asked for again and again while other
 * blocks are read: the last one of each step. Copies of the last few. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/log/buildlog_private.h"

#define GLANCES 128
#define TEXT_MAX 4096

struct glance {
    uint64_t number;
    enum { GLANCE_NONE, GLANCE_WANTED, GLANCE_THERE, GLANCE_GONE } state;
    struct buildlog_line line; /* its text is ours */
};

struct logglances {
    struct glance items[GLANCES];
    size_t next; /* the one that gives way */
};

static struct glance *find(struct buildlog *log, uint64_t number)
{
    if (log->glances == NULL)
        log->glances = mem_zalloc(sizeof *log->glances);
    struct logglances *all = log->glances;
    for (size_t i = 0; i < GLANCES; i++)
        if (all->items[i].state != GLANCE_NONE && all->items[i].number == number)
            return &all->items[i];
    struct glance *glance = &all->items[all->next];
    all->next = (all->next + 1) % GLANCES;
    free((char *)glance->line.text);
    *glance = (struct glance){.number = number, .state = GLANCE_WANTED};
    return glance;
}

int buildlog_glance(const struct buildlog *log, uint64_t number, struct buildlog_line *ret_line)
{
    if (log->freed || number < buildlog_first(log) || number >= log->end ||
        buildlog_block_of(log, number) >= log->kept)
        return buildlog_get(log, number, ret_line);
    /* Reading a line in changes nothing that a caller could see. */
    const struct glance *glance = find((struct buildlog *)log, number);
    if (glance->state == GLANCE_THERE)
        *ret_line = glance->line;
    if (glance->state == GLANCE_WANTED)
        logpages_load((struct buildlog *)log);
    return glance->state == GLANCE_THERE  ? 0
           : glance->state == GLANCE_GONE ? BUILDLOG_GONE
                                          : BUILDLOG_LOADING;
}

static void copy_line(struct glance *glance, struct buildlog_line line)
{
    size_t cut = line.len > TEXT_MAX ? line.len - TEXT_MAX : 0;
    line.len -= cut;
    line.text = memcpy(mem_alloc(line.len + 1), line.text + cut, line.len);
    glance->line = line;
    glance->state = GLANCE_THERE;
}

void logglances_fill(struct buildlog *log, const struct logblock *block)
{
    for (size_t i = 0; log->glances != NULL && i < GLANCES; i++) {
        struct glance *glance = &log->glances->items[i];
        if (glance->state == GLANCE_WANTED && glance->number >= block->first &&
            glance->number < block->first + block->lines)
            copy_line(glance, logblock_line(block, (uint32_t)(glance->number - block->first)));
    }
}

uint64_t logglances_wanted(struct buildlog *log)
{
    for (size_t i = 0; log->glances != NULL && i < GLANCES; i++) {
        struct glance *glance = &log->glances->items[i];
        if (glance->state != GLANCE_WANTED)
            continue;
        if (glance->number >= buildlog_first(log)) {
            uint64_t block = buildlog_block_of(log, glance->number);
            if (block < log->kept && block != log->unreadable)
                return block;
        }
        glance->state = GLANCE_GONE;
    }
    return UINT64_MAX;
}

void logglances_done(struct buildlog *log)
{
    for (size_t i = 0; log->glances != NULL && i < GLANCES; i++)
        free((char *)log->glances->items[i].line.text);
    free(log->glances);
    log->glances = NULL;
}
