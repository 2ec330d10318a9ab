/* What to prune, as a person asked for it: shared by the screen's keys and by
 * the command line. Conditions are combined with "and"; scopes with "or". */
#ifndef BILGE_PRUNE_QUERY_H
#define BILGE_PRUNE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct query {
    /* Scopes: what is looked at. */
    bool whole;           /* cache directories as a whole */
    bool garbage;         /* what no live generation reaches */
    int keep_generations; /* older generations but the newest N (live counts); 0: not asked */
    bool records;         /* builder records */
    /* Conditions: what of it. */
    /* Ids or names of rows; NULL: all. Of records these are the ones that belong
     * to no other service; what others use too, and guesses, are kept. */
    const char *const *services;
    size_t services_len;
    int64_t older_than_s;    /* exported, or last used, longer ago; -1: any age */
    const char *type;        /* of records; NULL: any */
    /* Of records, or digests of blobs and manifests, written out; NULL: all.
     * Without a scope they are looked for everywhere. */
    const char *const *ids;
    size_t ids_len;
    const char *builder;     /* NULL: the selected one */
    /* Of what the scopes hold only the cheapest part that gives back so much;
     * 0: all of it. The next two go with it. */
    int64_t free_bytes;
    bool keep_live;     /* no whole cache of a service that exists */
    uint64_t disk_dev;  /* only what lies on this file system; 0: anywhere */
    /* Plan the items of busy caches too instead of keeping them; becomes
     * plan.now. Only after a second, explained yes. */
    bool now;
};

/* A query with nothing asked. */
void query_init(struct query *query);

/* ERR_USAGE, with a line that says what is wrong, when nothing is asked for or
 * parts contradict each other. */
int query_check(const struct query *query, struct err *err);

#endif
