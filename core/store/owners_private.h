/* Private to core/store: how the ways to find owners work together. */
#ifndef BILGE_STORE_OWNERS_PRIVATE_H
#define BILGE_STORE_OWNERS_PRIVATE_H

#include "core/store/owners.h"

/* What a record is known by: its step's words, and of files that are copied the
 * stage. */
struct owner_key {
    char *words; /* NULL: it tells nothing */
    char *stage; /* NULL: not told */
    bool run;
    bool mount;        /* the words are those of the step that first mounted it */
    char *id, *target; /* of a cache mount; NULL: none */
};

struct service_number;

struct finder {
    const struct records *records;
    const struct owners_sources *sources;
    char **names; /* of the services */
    size_t names_len;
    struct service_number *numbers; /* which name is which */
    size_t words;           /* of a set of services */
    uint64_t *sure, *maybe; /* a set for each record */
    struct owner_key *keys;
    /* Records with the same key, in order; and of each record the first of its
     * likes, by which they are known. */
    size_t *order, *first;
    uint64_t *known; /* of each first one: the services that surely have one of them */
};

static inline uint64_t *set_at(const struct finder *finder, uint64_t *sets, size_t index)
{
    return sets + index * finder->words;
}

bool set_is_empty(const struct finder *finder, const uint64_t *set);
static inline void set_add(uint64_t *set, size_t service)
{
    set[service / 64] |= UINT64_C(1) << (service % 64);
}
static inline bool set_has(const uint64_t *set, size_t service)
{
    return (set[service / 64] >> (service % 64) & 1) != 0;
}
/* True when the set has grown. */
bool set_join(const struct finder *finder, uint64_t *set, const uint64_t *other);
/* SIZE_MAX: no such service. */
size_t finder_service(const struct finder *finder, const char *name);

/* By creation time and by the blob that was imported. */
void owners_by_caches(struct finder *finder);
void owners_by_builds(struct finder *finder);
/* The surest of what Dockerfiles tell. */
void owners_by_mounts(struct finder *finder);
void owners_by_texts(struct finder *finder);
/* What a record stands on belongs to whom it belongs to. */
void owners_to_parents(struct finder *finder, uint64_t *sets);

/* ---- keys */
void owner_keys_make(struct finder *finder);
void owner_keys_done(struct finder *finder);
/* Fills in `known` from what is sure by now. */
void owner_keys_note(struct finder *finder);
/* The key of a step: as a build's output names it, or a recipe. The caller frees
 * words and stage. */
struct owner_key owner_key_of_step(const char *stage, const char *instruction);
struct owner_key owner_key_of_recipe(const struct recipe_step *step);
void owner_key_done(struct owner_key *key);
/* The same step? RECIPE_ANY stands for anything, in the first one's words, and so
 * do variables of a shell when they are `loose`. */
bool owner_key_fits(const struct owner_key *pattern, const struct owner_key *key, bool loose);

#endif
