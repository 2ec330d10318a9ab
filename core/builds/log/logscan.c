/* What is remembered is how many lines of each block match, not which: a log may
 * have more lines than memory has room for. Where the user is, in one block, it
 * is known exactly. */
#include "core/builds/log/logscan.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/builds/log/buildlog_pages.h"
#include "core/builds/log/logmatch.h"

struct seen {
    uint32_t looked, matches; /* lines */
};

struct looking;

struct logscan {
    uv_loop_t *loop;
    struct buildlog *log;
    struct logmatch *match;
    logscan_cb *on_moved;
    void *arg;
    struct logscan_counts counts; /* all but `over` */
    struct looking *looking;      /* the job; NULL: none */

    struct seen *seen; /* block n: seen[n - base] */
    size_t seen_len, seen_cap;
    uint64_t base;
    uint64_t low; /* those before have all been looked at */

    struct {             /* the block whose lines are known */
        uint64_t number; /* UINT64_MAX: none */
        uint32_t looked;
        struct logmatch_lines lines;
    } hot;
    struct { /* what logscan_find() was asked for last, and could not tell */
        bool active;
        uint64_t from, end; /* later lines came after the question */
        uint64_t not_in;    /* a block, that of `from`, all of whose lines are on its other side */
        int direction;
    } want;
};

/* One block, some of its lines. */
struct looking {
    uv_work_t work;
    struct logscan *scan; /* NULL: nobody wants to know any more */
    struct logmatch *match;
    struct logpiece piece;
    uint32_t from;
    struct logmatch_lines lines;
    int code;
};

static struct seen *seen_of(struct logscan *scan, uint64_t block)
{
    size_t at = (size_t)(block - scan->base);
    if (at >= scan->seen_len) {
        mem_reserve((void **)&scan->seen, &scan->seen_cap, at + 1, sizeof *scan->seen);
        memset(scan->seen + scan->seen_len, 0, (at + 1 - scan->seen_len) * sizeof *scan->seen);
        scan->seen_len = at + 1;
    }
    return &scan->seen[at];
}

static void forget_hot(struct logscan *scan)
{
    free(scan->hot.lines.items);
    scan->hot.lines = (struct logmatch_lines){0};
    scan->hot.looked = 0;
    scan->hot.number = UINT64_MAX;
}

/* The first `lines` of the block have been looked at, and so many match. */
static void note(struct logscan *scan, uint64_t block, uint32_t lines, uint32_t matches)
{
    struct seen *seen = seen_of(scan, block);
    scan->counts.looked += lines - seen->looked;
    scan->counts.matches += matches - seen->matches;
    *seen = (struct seen){lines, matches};
}

/* Lines of a block that need not be looked at count as if they had been. */
static void pass_over(struct logscan *scan, uint64_t block)
{
    const struct loginfo *info = buildlog_info(scan->log, block);
    if (!loginfo_has(info, logmatch_filter(scan->match)))
        note(scan, block, buildlog_lines_of(scan->log, block), seen_of(scan, block)->matches);
}

/* -------------------------------------------------------------------- the jobs */

static void run(uv_work_t *work)
{
    struct looking *looking = work->data;
    looking->code = logpiece_read(&looking->piece);
    if (looking->code == 0)
        logmatch_look(looking->match, looking->piece.block, looking->from, looking->piece.lines,
                      &looking->lines);
}

static void heat(struct logscan *scan, struct looking *looking)
{
    struct logmatch_lines *lines = &looking->lines, *hot = &scan->hot.lines;
    if (looking->from == 0) {
        forget_hot(scan);
        *hot = *lines;
        *lines = (struct logmatch_lines){0};
    } else {
        mem_reserve((void **)&hot->items, &hot->cap, hot->len + lines->len, sizeof *hot->items);
        if (lines->len > 0)
            memcpy(hot->items + hot->len, lines->items, lines->len * sizeof *hot->items);
        hot->len += lines->len;
    }
    scan->hot.number = looking->piece.number;
    scan->hot.looked = looking->piece.lines;
}

static bool continues_hot(const struct logscan *scan, const struct looking *looking)
{
    return scan->hot.number == looking->piece.number && scan->hot.looked == looking->from;
}

static void take(struct logscan *scan, struct looking *looking)
{
    uint64_t number = looking->piece.number;
    const struct seen *seen = seen_of(scan, number);
    uint32_t before = looking->from == 0 ? 0 : seen->matches;
    scan->looking = NULL;
    /* What can't be read can't be searched. */
    note(scan, number, looking->piece.lines, before + (uint32_t)looking->lines.len);
    if (looking->code == 0 &&
        (looking->from == 0 ? scan->want.active : continues_hot(scan, looking)))
        heat(scan, looking);
    logscan_continue(scan);
    scan->on_moved(scan->arg);
}

static void on_done(uv_work_t *work, int status)
{
    struct looking *looking = work->data;
    struct logscan *scan = looking->scan;
    if (status != 0)
        looking->code = status;
    logpiece_return(&looking->piece);
    if (scan != NULL && looking->match == scan->match)
        take(scan, looking);
    else if (scan != NULL) {
        scan->looking = NULL;
        logscan_continue(scan);
    }
    logmatch_unref(looking->match);
    free(looking->lines.items);
    free(looking);
}

/* False: the block has gone. */
static bool look_at(struct logscan *scan, uint64_t block, bool all)
{
    struct looking *looking = mem_zalloc(sizeof *looking);
    if (logpiece_lend(scan->log, block, &looking->piece) != 0) {
        free(looking);
        return false;
    }
    uint32_t looked = seen_of(scan, block)->looked;
    bool known = scan->hot.number == block && scan->hot.looked == looked;
    looking->from = all && !known ? 0 : looked;
    looking->scan = scan;
    looking->match = logmatch_ref(scan->match);
    looking->work.data = looking;
    scan->looking = looking;
    uv_queue_work(scan->loop, &looking->work, run, on_done);
    return true;
}

/* ----------------------------------------------------------------- what is next */

/* The nearest line of the hot block. */
static bool find_hot(const struct logscan *scan, uint64_t first, uint64_t from, int direction,
                     uint64_t *ret_number)
{
    const struct logmatch_lines *lines = &scan->hot.lines;
    size_t low = 0, high = lines->len; /* the first one at `from` or behind it */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (first + lines->items[middle] < from)
            low = middle + 1;
        else
            high = middle;
    }
    if (direction < 0 && (low == lines->len || first + lines->items[low] > from)) {
        if (low == 0)
            return false;
        low--;
    }
    if (low == lines->len)
        return false;
    *ret_number = first + lines->items[low];
    return true;
}

/* 0: found; BUILDLOG_GONE: there is none; BUILDLOG_LOADING: *ret_block tells. */
static int find_known(struct logscan *scan, uint64_t *ret_number, uint64_t *ret_block)
{
    struct buildlog *log = scan->log;
    uint64_t first = buildlog_first(log), from = scan->want.from, end = scan->want.end;
    int direction = scan->want.direction;
    if (log->freed || first >= log->end || (direction > 0 ? from >= end : from < first))
        return BUILDLOG_GONE;
    from = from < first ? first : from >= log->end ? log->end - 1 : from;
    for (uint64_t at = buildlog_block_of(log, from);
         at >= log->first && at < log->blocks && buildlog_info(log, at)->first < end;
         at += (uint64_t)(int64_t)direction) {
        uint64_t start = buildlog_info(log, at)->first;
        uint32_t lines = buildlog_lines_of(log, at);
        uint32_t asked = end - start < lines ? (uint32_t)(end - start) : lines;
        pass_over(scan, at);
        const struct seen *seen = seen_of(scan, at);
        bool hot = scan->hot.number == at && scan->hot.looked >= asked;
        *ret_block = at;
        if (at == scan->want.not_in)
            continue;
        if (seen->looked < asked || (seen->matches > 0 && !hot))
            return BUILDLOG_LOADING;
        if (seen->matches > 0 && find_hot(scan, start, from, direction, ret_number))
            return 0;
        if (seen->matches > 0)
            scan->want.not_in = at;
    }
    return BUILDLOG_GONE;
}

static void look_on(struct logscan *scan)
{
    struct buildlog *log = scan->log;
    if (scan->low < log->first)
        scan->low = log->first;
    for (; scan->low < log->blocks; scan->low++) {
        pass_over(scan, scan->low);
        if (seen_of(scan, scan->low)->looked < buildlog_lines_of(log, scan->low)) {
            look_at(scan, scan->low, false);
            return;
        }
        if (scan->low + 1 == log->blocks)
            return; /* it may still grow */
    }
}

void logscan_continue(struct logscan *scan)
{
    uint64_t number, block;
    if (scan->looking != NULL || scan->log->freed)
        return;
    if (scan->want.active && find_known(scan, &number, &block) == BUILDLOG_LOADING &&
        look_at(scan, block, true))
        return;
    look_on(scan);
}

/* --------------------------------------------------------------------- the door */

static void start_anew(struct logscan *scan)
{
    scan->base = scan->low = scan->log->first;
    scan->seen_len = 0;
    scan->want.active = false;
    forget_hot(scan);
    logscan_continue(scan);
}

void logscan_restart(struct logscan *scan, const struct logscan_query *query)
{
    struct logmatch *match = logmatch_new(query);
    logmatch_unref(scan->match);
    scan->match = match;
    scan->counts = (struct logscan_counts){.generation = scan->counts.generation + 1};
    start_anew(scan);
}

struct logscan *logscan_new(uv_loop_t *loop, struct buildlog *log,
                            const struct logscan_query *query, logscan_cb *on_moved, void *arg)
{
    struct logscan *scan = mem_zalloc(sizeof *scan);
    scan->loop = loop;
    scan->log = log;
    buildlog_ref(log);
    scan->on_moved = on_moved;
    scan->arg = arg;
    logscan_restart(scan, query);
    return scan;
}

void logscan_free(struct logscan *scan)
{
    if (scan == NULL)
        return;
    if (scan->looking != NULL)
        scan->looking->scan = NULL;
    logmatch_unref(scan->match);
    buildlog_unref(scan->log);
    forget_hot(scan);
    free(scan->seen);
    free(scan);
}

struct logscan_counts logscan_counts(const struct logscan *scan)
{
    struct logscan_counts counts = scan->counts;
    const struct buildlog *log = scan->log;
    uint64_t last = log->blocks - 1;
    counts.over =
        log->freed || log->blocks == 0 ||
        (scan->looking == NULL && scan->low == last && last - scan->base < scan->seen_len &&
         scan->seen[last - scan->base].looked == buildlog_lines_of(log, last));
    return counts;
}

int logscan_find(struct logscan *scan, uint64_t from, int direction, uint64_t *ret_number)
{
    uint64_t block;
    if (!scan->want.active || scan->want.from != from || scan->want.direction != direction) {
        scan->want.active = true;
        scan->want.from = from;
        scan->want.direction = direction;
        scan->want.end = buildlog_end(scan->log);
        scan->want.not_in = UINT64_MAX;
    }
    int code = find_known(scan, ret_number, &block);
    if (code == BUILDLOG_LOADING)
        logscan_continue(scan);
    else
        scan->want.active = false;
    return code;
}

bool logscan_rank(struct logscan *scan, uint64_t number, uint64_t *ret_rank)
{
    const struct buildlog *log = scan->log;
    if (log->freed || number < buildlog_first(log) || number >= log->end)
        return false;
    uint64_t block = buildlog_block_of(log, number), rank = 0;
    uint64_t first = buildlog_info(log, block)->first;
    if (scan->hot.number != block || scan->hot.looked <= number - first || scan->low < block)
        return false;
    for (uint64_t at = scan->base; at < block; at++)
        rank += scan->seen[at - scan->base].matches;
    for (size_t i = 0; i < scan->hot.lines.len && first + scan->hot.lines.items[i] < number; i++)
        rank++;
    *ret_rank = rank;
    return true;
}

/* Single lines of the file that are asked for again and again while other
 * blocks are read: the last one of each step. Copies of the last few. */

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
