/* Caches whose blobs are what their names say, and what damages them: for verify,
 * repair, restore and dedupe. */
#ifndef BILGE_TESTS_UNIT_CARE_KIT_H
#define BILGE_TESTS_UNIT_CARE_KIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/cache/remove.h"
#include "core/cache/verify.h"

#define HEX DIGEST_HEX_SIZE
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

struct place {
    char *root; /* temporary */
    int root_fd;
};
/* cmocka's fixtures: *state is a place. */
int set_up(void **state);
int tear_down(void **state);

void set_age(const char *dir, const char *name, int64_t age_s);
/* "blobs/sha256/<hex>", for the caller to free. */
char *blob_path(const char hex[HEX]);
/* Writes text under its true digest. */
void put_blob(const char *dir, const char *text, int64_t age_s, char ret_hex[HEX]);
/* A manifest of these layers with a config of its own. */
void put_generation(const char *dir, const char *const *layers, int64_t age_s, char ret_hex[HEX]);
/* Pairs of a tag and a manifest, until NULL. */
void put_index(const char *dir, const char *const tags[][2], int64_t age_s);

/* "old" (two hours) with base+first, live (one hour) with base+second. */
struct pair {
    char *dir;
    char old[HEX], live[HEX], second[HEX];
};
struct pair put_pair(struct place *place, const char *name);

void overwrite(const struct pair *pair, const char hex[HEX], const char *text);
void take_away(const struct pair *pair, const char hex[HEX]);
bool pair_has_blob(const struct pair *pair, const char hex[HEX]);
bool index_names(const struct pair *pair, const char hex[HEX]);

struct verify_result verify(struct place *place, const char *name);
bool is_ok(struct place *place, const char *name);
struct remove_context context_of(struct place *place, const char *name);

#endif
