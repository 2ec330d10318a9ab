#include "tui/log_scope.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { LINES_TO_ERROR = 64 }; /* after the last line of output */

void log_scope_done(struct log_scope *scope)
{
    free(scope->service);
    *scope = (struct log_scope){0};
}

static bool holds(const char *const *names, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

size_t log_scope_services(const struct build *build, const char ***ret_names)
{
    const char **names = NULL;
    size_t len = 0, cap = 0;
    for (size_t i = 0; i < build->steps_len; i++) {
        const char *name = build->steps[i].service;
        if (name == NULL || holds(names, len, name))
            continue;
        mem_reserve((void **)&names, &cap, len + 1, sizeof *names);
        names[len++] = name;
    }
    *ret_names = names;
    return len;
}

bool log_scope_turn(struct log_scope *scope, const struct build *build, int direction)
{
    const char **names;
    size_t len = log_scope_services(build, &names), at = 0; /* 0: all */
    if (len < 2 && scope->service == NULL) {
        free(names);
        return false;
    }
    for (size_t i = 0; scope->service != NULL && i < len; i++)
        if (strcmp(names[i], scope->service) == 0)
            at = i + 1;
    at = (at + len + 1 + (size_t)(int64_t)direction) % (len + 1);
    mem_replace(&scope->service, at > 0 ? names[at - 1] : NULL);
    scope->step = 0;
    free(names);
    return true;
}

struct logfilter log_scope_filter(const struct log_scope *scope, const struct build *build)
{
    struct logfilter filter = {0};
    if (scope->step > 0)
        logfilter_add(&filter, scope->step);
    for (size_t i = 0; scope->step == 0 && scope->service != NULL && i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (step->service != NULL && strcmp(step->service, scope->service) == 0)
            logfilter_add(&filter, step->number);
    }
    return filter;
}

/* ---- errors */

bool log_error_line(const struct build *build, const struct step *step, uint64_t *ret_number)
{
    struct logfilter filter = {0};
    struct buildlog_line line;
    uint64_t number = step->last_line > 0 ? step->last_line - 1 : buildlog_first(build->log);
    bool found = false, there = step->last_line > 0;
    if (there) /* the file may take a moment to tell more */
        *ret_number = number;
    logfilter_add(&filter, step->number);
    for (int i = 0; i < LINES_TO_ERROR && !found; i++, number++) {
        if (buildlog_seek(build->log, &filter, number, 1, &number) != 0 ||
            buildlog_get(build->log, number, &line) != 0)
            break;
        found = line.kind == LOG_ERROR;
        if (found || !there)
            *ret_number = number;
        there = true;
    }
    logfilter_done(&filter);
    return there;
}

bool log_next_error(const struct build *build, const struct logfilter *filter, uint64_t from,
                    int direction, uint64_t *ret_number)
{
    bool found = false;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        uint64_t number;
        if (step->state != STEP_FAILED || !logfilter_takes(filter, step->number) ||
            !log_error_line(build, step, &number))
            continue;
        bool after = direction > 0 ? number >= from : number <= from;
        bool nearer = !found || (direction > 0 ? number < *ret_number : number > *ret_number);
        if (after && nearer) {
            *ret_number = number;
            found = true;
        }
    }
    return found;
}
