/* The records of a builder, sorted, each with the records that pin it and the
 * service that it belongs to. */
#ifndef BILGE_CLI_LISTING_H
#define BILGE_CLI_LISTING_H

#include <stddef.h>

#include "core/base/err.h"
#include "core/prune/query.h"
#include "core/store/owners.h"
#include "core/store/store.h"

/* "`child` was made on top of `parent`": as long as it is there, the parent
 * can't go. Sorted by parent. */
struct pin {
    const char *parent, *child;
};

struct row {
    const struct record *record;
    const struct owner *owner;
    const struct owners *owners; /* of all records; NULL: not known */
    size_t index;                /* of this one among them */
    const struct pin *pins;
    size_t pins_len;
};

struct listing {
    const struct builder *builder;
    struct row *rows;
    size_t rows_len;
    struct pin *pins;
    size_t pins_len;
};

#define LISTING_SORT_KEYS "size, used (longest ago first), created, uses, type or id"

struct sort_key;
/* NULL: by size. ERR_USAGE for a name that is none of them. */
int listing_sort_key(const char *name, const struct sort_key **ret_key, struct err *err);

/* The builder's records that meet the query. Borrows from the builder. */
void listing_init(struct listing *listing, const struct store *store, const struct builder *builder,
                  const struct query_match *match, const struct sort_key *key);
void listing_done(struct listing *listing);

#endif
