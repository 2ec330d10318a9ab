#include "core/build/logscan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/build/build.h"

#define LINES_A_PASS 5000

struct logscan {
    uv_idle_t idle;
    struct buildlog *log;
    char *text;
    struct logfilter filter;
    bool exact_case, bare;
    logscan_cb *on_moved;
    void *arg;
    struct logscan_counts counts;
    uint64_t next;
    uint64_t *found;
    size_t found_len, found_cap;
};

static bool has_text(const struct logscan *scan, struct buildlog_line line)
{
    size_t len = strlen(scan->text);
    if (scan->bare)
        step_strip_line(&line);
    for (size_t i = 0; i + len <= line.len; i++)
        if ((scan->exact_case ? strncmp : strncasecmp)(line.text + i, scan->text, len) == 0)
            return true;
    return false;
}

static void on_idle(uv_idle_t *idle)
{
    struct logscan *scan = idle->data;
    struct buildlog_line line;
    for (int n = 0; n < LINES_A_PASS; n++, scan->next++) {
        if (buildlog_get(scan->log, scan->next, &line) != 0) {
            uv_idle_stop(idle);
            scan->counts.over = true;
            break;
        }
        scan->counts.looked++;
        if (!logfilter_takes(&scan->filter, line.step) || !has_text(scan, line))
            continue;
        mem_reserve((void **)&scan->found, &scan->found_cap, scan->found_len + 1,
                    sizeof *scan->found);
        scan->found[scan->found_len++] = scan->next;
        scan->counts.matches++;
    }
    scan->on_moved(scan->arg);
}

void logscan_continue(struct logscan *scan)
{
    if (scan->next >= buildlog_end(scan->log))
        return;
    scan->counts.over = false;
    uv_idle_start(&scan->idle, on_idle);
}

void logscan_restart(struct logscan *scan, const struct logscan_query *query)
{
    mem_replace(&scan->text, query->text);
    logfilter_done(&scan->filter);
    if (query->filter != NULL)
        scan->filter = logfilter_copy(query->filter);
    scan->exact_case = query->exact_case;
    scan->bare = query->bare;
    scan->found_len = 0;
    scan->next = buildlog_first(scan->log);
    scan->counts = (struct logscan_counts){.generation = scan->counts.generation + 1};
    logscan_continue(scan);
}

struct logscan *logscan_new(uv_loop_t *loop, struct buildlog *log,
                            const struct logscan_query *query, logscan_cb *on_moved, void *arg)
{
    struct logscan *scan = mem_zalloc(sizeof *scan);
    uv_idle_init(loop, &scan->idle);
    scan->idle.data = scan;
    scan->log = log;
    scan->on_moved = on_moved;
    scan->arg = arg;
    logscan_restart(scan, query);
    return scan;
}

static void on_closed(uv_handle_t *handle)
{
    struct logscan *scan = handle->data;
    logfilter_done(&scan->filter);
    free(scan->text);
    free(scan->found);
    free(scan);
}

void logscan_free(struct logscan *scan)
{
    if (scan != NULL)
        uv_close((uv_handle_t *)&scan->idle, on_closed);
}

struct logscan_counts logscan_counts(const struct logscan *scan)
{
    return scan->counts;
}

int logscan_find(struct logscan *scan, uint64_t from, int direction, uint64_t *ret_number)
{
    for (size_t n = 0; n < scan->found_len; n++) {
        uint64_t number = scan->found[direction > 0 ? n : scan->found_len - 1 - n];
        if (direction > 0 ? number < from : number > from)
            continue;
        *ret_number = number;
        return 0;
    }
    return scan->counts.over ? BUILDLOG_GONE : BUILDLOG_LOADING;
}

bool logscan_rank(struct logscan *scan, uint64_t number, uint64_t *ret_rank)
{
    size_t rank = 0;
    while (rank < scan->found_len && scan->found[rank] < number)
        rank++;
    *ret_rank = rank;
    return scan->next >= number;
}
