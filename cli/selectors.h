/* What prune was asked for on the command line, and the query that it means. */
#ifndef BILGE_CLI_SELECTORS_H
#define BILGE_CLI_SELECTORS_H

#include <stdbool.h>

#include "cli/options.h"
#include "core/base/err.h"
#include "core/prune/query.h"

struct prune_values {
    struct option_list services, ids;
    struct option_number older_than, keep_generations, free;
    const char *type;
    bool garbage, records, all;
    bool dry_run, yes, wait, now;
};

extern const struct option_spec selectors_options[];

/* The query borrows from the values. ERR_USAGE when nothing is asked for or
 * parts contradict each other. `builder` may be NULL: the selected one. */
int selectors_query(const struct prune_values *values, const char *builder,
                    struct query *ret_query, struct err *err);

#endif
