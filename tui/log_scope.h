/* Which part of a build's log is looked at: all, a service's steps, one step. */
#ifndef BILGE_TUI_LOG_SCOPE_H
#define BILGE_TUI_LOG_SCOPE_H

#include "core/builds/build.h"

struct log_scope {
    char *service; /* NULL: all */
    int step;      /* 0: not one alone */
};
void log_scope_done(struct log_scope *scope);
/* The next service (direction 1), or the one before (-1); all stand between the
 * last and the first. False: there is no more than one. */
bool log_scope_turn(struct log_scope *scope, const struct build *build, int direction);
/* The steps of it, as the build stands. The caller frees it. */
struct logfilter log_scope_filter(const struct log_scope *scope, const struct build *build);
/* The services that have steps, in the order of the steps; clean names are not
 * promised. *ret_names: borrowed names, the caller frees the array. */
size_t log_scope_services(const struct build *build, const char ***ret_names);

/* The line where a failed step says why; the line before which everything else
 * about it stands. False: it has none (any more). */
bool log_error_line(const struct build *build, const struct step *step, uint64_t *ret_number);
/* The nearest such line from `from` on (direction 1) or back (-1), `from`
 * included, of the steps that the filter takes. */
bool log_next_error(const struct build *build, const struct logfilter *filter, uint64_t from,
                    int direction, uint64_t *ret_number);

#endif
