/* A cache root with one cache in it, written by hand: whatever shape a test
 * needs, right or wrong. Digests are made up; files get old, rising times in
 * the order in which they are written. */
#ifndef BILGE_TESTS_UNIT_CACHE_KIT_H
#define BILGE_TESTS_UNIT_CACHE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/cache/cache.h"
#include "core/cache/note.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

struct kit {
    char *root; /* temporary */
    int root_fd;
    const char *name; /* of the cache, "api" */
    char *dir;
    int64_t clock; /* the next file's time, seconds since 1970 */
    bool hides;    /* kit_set_processes() is to be ended */
};

/* With the empty layout of a cache; `bare`: the root alone. */
void kit_new(struct kit *kit, bool bare);
void kit_free(struct kit *kit);

enum kit_processes {
    KIT_NOBODY_ELSE, /* none is seen, and there are no others; so it is at the beginning */
    KIT_ALL_SEEN,    /* a list of processes that has all */
    KIT_CONTAINER,   /* one of a container */
    KIT_HIDDEN,      /* one that hides those of other users */
};
/* What stands for /proc from now on; kit_free() ends it. */
void kit_set_processes(struct kit *kit, enum kit_processes processes);

/* cmocka's fixtures: *state is a kit. */
int kit_setup(void **state);
int kit_setup_bare(void **state);
int kit_teardown(void **state);

void kit_assert_state(enum cache_state wanted, const struct cache *cache);
/* The cache has a problem of that kind, with these words. */
void kit_assert_problem(const struct cache *cache, enum problem_kind kind, const char *words);

/* "sha256:…" of a number, never the same for two numbers. Static ring of eight. */
const char *kit_digest(unsigned seed);
struct digest kit_digest_value(unsigned seed);
/* "blobs/sha256/<hex>", of the same ring. */
const char *kit_blob_path(unsigned seed);

/* A file of the cache; sets its time. */
void kit_write(struct kit *kit, const char *path, const void *data, size_t len);
void kit_blob(struct kit *kit, unsigned seed, const char *text);
/* A layer of that size that is no JSON. */
void kit_layer(struct kit *kit, unsigned seed, size_t size);
void kit_set_time(struct kit *kit, const char *path, int64_t seconds);
/* So many seconds ago. */
void kit_set_age(struct kit *kit, const char *path, int64_t seconds);

/* What a manifest lists; the size is that of the blob on disk, or 7. */
struct kit_entry {
    unsigned seed;
    const char *media_type; /* NULL: a layer */
};
#define KIT_CONFIG "application/vnd.buildkit.cacheconfig.v0"
#define KIT_INDEX "application/vnd.oci.image.index.v1+json"
#define KIT_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define KIT_IMAGE_CONFIG "application/vnd.oci.image.config.v1+json"
#define KIT_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define KIT_LIST "application/vnd.docker.distribution.manifest.list.v2+json"

/* An index of these entries. */
void kit_manifest(struct kit *kit, unsigned seed, const struct kit_entry *entries, size_t len);
/* One generation: layers first … first + count - 1, a config and a manifest. */
void kit_generation(struct kit *kit, unsigned manifest, unsigned config, unsigned first,
                    unsigned count);
/* The same of an image as skopeo or "buildx -o type=oci" leave it: no cache. */
void kit_image(struct kit *kit, unsigned manifest, unsigned config, unsigned first, unsigned count);
/* index.json that names these manifests, with tags "latest", "tag1", … */
void kit_index(struct kit *kit, const unsigned *manifests, size_t len);

/* The name under which a removal waits for its second look, or, decided, goes. */
void kit_removed_name(const char *name, uint64_t ino, bool decided, char ret_name[NOTE_NAME_SIZE]);

/* As the next deleting command does: 0, or the first error. *ret_count (may be
 * NULL): what was finished. */
int kit_recover(const struct kit *kit, size_t *ret_count, struct err *err);

struct cache *kit_scan(const struct kit *kit, const struct cache *previous);
/* The same, and the numbers must add up and be what du says. */
struct cache *kit_check(const struct kit *kit);
int64_t kit_du(const struct kit *kit);
const struct cache_blob *kit_find(const struct cache *cache, unsigned seed);
bool kit_exists(const struct kit *kit, const char *path);

/* Unpacks a recorded cache into the root. */
void kit_unpack(struct kit *kit, const char *archive);

#endif
