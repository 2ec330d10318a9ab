/* A store made by hand, for plans: caches of few blobs, records of one builder.
 * All times are ages before PLAN_NOW. Digests are told by a small number. */
#ifndef BILGE_TESTS_SUPPORT_PLAN_WORLD_H
#define BILGE_TESTS_SUPPORT_PLAN_WORLD_H

#include "core/prune/plan.h"
#include "core/store/store.h"

#define PLAN_NOW (INT64_C(1800000000) * 1000000000)
#define PLAN_AGO(seconds) (PLAN_NOW - (int64_t)(seconds)*1000000000)
#define PLAN_HOUR 3600
#define PLAN_DAY 86400

/* A row "/root/<name>" of the project with an empty cache in state ok, exported
 * an hour ago. The cache may be filled in until the next row comes. */
struct cache *plan_world_cache(struct store *store, const char *name);
/* Adds a blob; numbers must rise. Its inode is 100 + number. An orphan until a
 * generation reaches it. */
struct cache_blob *plan_world_blob(struct cache *cache, int number, int64_t bytes, int age_s);
/* Adds a generation whose manifest is the first of these blobs (0-ended). Live
 * ones first, then newest first. */
struct cache_generation *plan_world_generation(struct cache *cache, bool live, int age_s,
                                               const int *numbers);
void plan_world_leftover(struct cache *cache, enum leftover_kind kind, const char *name,
                         int64_t bytes, int age_s);
/* Sums up sizes; call it when all blobs are in. */
void plan_world_sum(struct cache *cache);
/* "sha256:<number>…" Static text, one at a time. */
const char *plan_world_digest(int number);

/* A reachable builder, embedded and selected when it is the first. */
struct builder *plan_world_builder(struct store *store, const char *name);
/* A regular record with `parent` (NULL: none) of 100 bytes, used so long ago
 * (-1: never), made a day before that. May be filled in until the next one. */
struct record *plan_world_record(struct builder *builder, const char *id, const char *parent,
                                 int used_s);

/* Live {1,2,3}; one back {4,2,5}; two back {6,5,7}; orphan 8; an old ingest. */
struct cache *plan_world_usual_cache(struct store *store, const char *name);
/* A store with records r0 ◄─ r1 ◄─ … : each is the parent of the next; used so
 * long ago, the last one `leaf_used_s`. */
struct store *plan_world_chain(int len, int used_s, int leaf_used_s);

/* What is asked for most often. Whole caches: all of them. */
struct query plan_world_garbage(void);
struct query plan_world_whole(void);
struct query plan_world_records(int64_t older_than_s);

/* These, and no others, are in the plan. */
void plan_world_expect(const struct plan *plan, const char *const *ids, size_t len);
/* NULL when it is not in the plan. */
const struct plan_item *plan_world_item(const struct plan *plan, const char *id);
const struct plan_kept *plan_world_kept(const struct plan *plan, const char *id);
/* The plan, or a failed test. */
struct plan *plan_world_make(const struct store *store, const struct query *query);

#endif
