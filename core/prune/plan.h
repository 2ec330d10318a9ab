/* A plan: the very list of items that a prune deletes, with bytes and
 * reasons, made before anything goes and shown. Execution deletes these items
 * and no others, and looks at each again right before it goes. */
#ifndef BILGE_PRUNE_PLAN_H
#define BILGE_PRUNE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/prune/query.h"
#include "core/store/store.h"

enum item_kind { ITEM_SERVICE, ITEM_GENERATION, ITEM_BLOB, ITEM_INGEST, ITEM_RECORD };
const char *item_kind_name(enum item_kind kind); /* "service", … as --json prints */

struct plan_item {
    enum item_kind kind;
    char *service_id; /* of the store's row; NULL for records of no known service */
    char *service;    /* its name */
    char *builder;    /* for records */
    char *id;         /* path, digest, ingest name or record id */
    char *title;      /* for people: "2 generations back", a record's description */
    char *reason;     /* why it may go: "superseded 3 h ago" */
    char *loses;      /* what the next build loses; NULL: nothing */
    int64_t size_bytes;
    int64_t frees_bytes; /* what comes back given the rest of the plan */
    int64_t age_s;       /* since its export, first write or last use; -1: not known */
    bool gone_for_good;  /* in no export: cache mounts */
    bool live;           /* a generation that index.json is to name no longer */
    double rebuild_s;    /* to make it again; 0: nothing is lost. See loss.h */
    bool timed;          /* rebuild_s is what it took when it last ran, else a guess */
    /* What it was when the plan was made; an item that differs is skipped. */
    uint64_t dev, ino;
    int64_t seen_at; /* modification time, or the record's last use */

    /* The rest is for core/prune alone. */
    uint32_t cache;  /* index into plan.caches; CACHE_NONE for records */
    uint32_t *links; /* indices into plan.links: the blobs that go with it */
    size_t links_len;
    int64_t base_bytes; /* what comes back whatever becomes of the links */
    char **parents;     /* of a record */
    size_t parents_len;
    int64_t usage_count; /* of a record */
    bool embedded;       /* a record of the engine's own builder */
    bool is_context;     /* its builder is a docker context */
    bool needs_all;      /* a record that goes with `all` only */
    bool forgets_steps;  /* a record: see plan_forgets_steps() */
    double loss;         /* see loss.h */
};

/* For core/prune alone: a blob's file that some item holds. It goes when all
 * generations that reach it are in the plan; its bytes come back when all
 * links of its inode go. */
struct plan_link {
    struct digest digest;
    uint32_t cache;
    uint32_t needed; /* how many generations reach it, at least 1 */
    uint32_t nlink;
    uint64_t ino;
    int64_t modified_at;
    int64_t allocated_bytes;
};

/* For core/prune alone: a cache directory that items lie in. */
struct plan_cache {
    char *root; /* absolute path of the cache root */
    char *name; /* of the directory in it; raw bytes */
    uint64_t dev, ino;
};

/* Asked for, and not going: the reason is shown. */
struct plan_kept {
    enum item_kind kind;
    char *service;
    char *id;
    char *title;
    char *reason; /* "pinned by COPY src, used 3 h ago", "in use by a build" */
    int64_t size_bytes;
    bool busy;   /* would go if nobody were exporting: --wait, --now */
    bool unread; /* it could not be looked at: what of it could go is not known */
};

/* An older one is not carried out: it is to be made again, and shown. */
#define PLAN_VALID_SECONDS 60

struct plan {
    struct plan_item *items;
    size_t items_len, items_cap;
    struct plan_kept *kept;
    size_t kept_len, kept_cap;
    int64_t planned_bytes; /* sum of frees_bytes */
    int64_t wanted_bytes;  /* so many were asked for; 0: no number was */
    int64_t made_at;       /* wall clock */
    bool now;              /* delete from busy caches too: the second, explained yes */

    /* The rest is for core/prune alone. */
    struct plan_link *links;
    size_t links_len, links_cap;
    struct plan_cache *caches;
    size_t caches_len, caches_cap;
};

/* Makes the plan from what the store holds. Pure. ERR_USAGE for an unknown
 * service, builder, type or id. An empty plan is a success. The caller owns it.
 *
 * Ages: of a cache since its last export; of a generation since its export; of
 * an orphan or a leftover since it was written; of a record since its last
 * use, and since it was made when it was never used (docker counts these as
 * old at once; a record that a build has just made is not old for us). */
int plan_make(const struct store *store, const struct query *query, int64_t now,
              struct plan **ret_plan, struct err *err);
void plan_free(struct plan *plan);

/* The same in two steps, for who asks for bytes to free and does not want to
 * wait: first all that could go, from the store; then the choice, which needs
 * the plan alone and may take a fraction of a second. When wanted_bytes are not
 * reached all that can go is in the plan, and `kept` tells what holds the rest. */
int plan_gather(const struct store *store, const struct query *query, int64_t now,
                struct plan **ret_plan, struct err *err);
void plan_choose(struct plan *plan);

/* Takes one item out again and works out anew what the others give back.
 * Records that are parents of it can't go without it: they become kept too. */
void plan_drop(struct plan *plan, size_t index);

/* The item that is about the same thing; SIZE_MAX: there is none. */
size_t plan_find(const struct plan *plan, const struct plan_item *like);

/* What has changed from one plan to a later one of the same query. */
enum plan_change { CHANGE_NONE, CHANGE_NEW, CHANGE_BYTES /* gives back others */ };
struct plan_changes {
    size_t *gone; /* indices of the items before that are none any more */
    size_t gone_len;
    enum plan_change *items; /* of each of the items after */
    size_t new_len, bytes_len;
};
struct plan_changes plan_compare(const struct plan *before, const struct plan *after);
void plan_changes_done(struct plan_changes *changes);
static inline bool plan_has_changed(const struct plan_changes *changes)
{
    return changes->gone_len + changes->new_len + changes->bytes_len > 0;
}

/* Has it a record of such a builder? builder_forgets_steps() in store.h. */
bool plan_forgets_steps(const struct plan *plan);

/* The docker commands that would do the same for the records; NULL when there
 * is no such. The caller frees it. */
char *plan_docker_command(const struct plan *plan);

#endif
