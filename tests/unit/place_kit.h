/* A cache with two older generations, an orphan and an abandoned ingest, and a
 * removal from it, into whose middle a test can step. */
#ifndef BILGE_TESTS_UNIT_PLACE_KIT_H
#define BILGE_TESTS_UNIT_PLACE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/cache/remove.h"
#include "tests/unit/cache_kit.h"

struct place {
    struct kit kit;
    struct cache *cache; /* as it was shown */
    struct remove_context context;
    struct remove_item items[32];
    size_t items_len;
};

/* What a removal meets; all are reset by place_setup(). */
extern const char *building_client;            /* the sign of one; NULL: none runs */
extern int mkdir_errno;                        /* what mkdirat() fails with; 0: it works */
extern void (*while_waiting)(struct kit *kit); /* runs once, between the two looks */
extern void (*while_looking)(struct kit *kit); /* runs once, in the next look for one */
/* Run once, around the rename that takes a whole cache aside. */
extern void (*before_rename)(struct kit *kit), (*after_rename)(struct kit *kit);

/* cmocka's fixtures: *state is a place. */
int place_setup(void **state);
int place_teardown(void **state);

/* Reads the cache anew, as a plan would show it. */
void place_show(struct place *place);
void place_ingest(struct kit *kit, const char *name, int64_t age);

struct remove_item *want_blob(struct place *place, unsigned seed);
struct remove_item *want_ingest(struct place *place, size_t index);
/* All that is not live, and the ingest leftover. */
void want_garbage(struct place *place);
int place_remove(struct place *place, struct err *err);

bool has_blob(struct place *place, unsigned seed);
/* Nothing is set aside, and no lock is left. */
void assert_tidy(struct place *place);
void assert_live_whole(struct place *place);

#endif
