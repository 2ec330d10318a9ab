/* What a key acts on: the marked rows, or the one under the cursor. Names and
 * ids are copies, so that they outlive a refresh. */
#ifndef BILGE_TUI_TARGETS_H
#define BILGE_TUI_TARGETS_H

#include <stddef.h>

#include "core/prune/query.h"
#include "core/store/store.h"
#include "tui/kit/list.h"

struct targets {
    char **services; /* names, for building */
    size_t services_len, services_cap;
    char **rows; /* ids of the same rows, for pruning: names need not be unique */
    size_t rows_len, rows_cap;
    char **records; /* ids */
    size_t records_len, records_cap;
    char *builder;          /* name of the records' builder; NULL: none */
    char *title;            /* "api", "3 services"; clean; NULL: no service */
    char *record_title;     /* likewise */
    char *filter;           /* of the records; NULL: none */
    struct query_line line; /* conditions that were typed; all zero: none */
};

/* Fill in one half each of an all-zero struct. */
void targets_of_services(struct targets *targets, const struct store *store,
                         const struct list *list);
void targets_of_records(struct targets *targets, const struct builder *builder,
                        const struct list *list);
/* Drops the names of services that the compose project does not build. */
void targets_keep_buildable(struct targets *targets, const struct store *store);
void targets_done(struct targets *targets);

#endif
