/* Local cache directories as BuildKit writes them, made to measure: sizes are
 * allocated on the disk but hold nothing, ages are set. */
#ifndef BILGE_TESTS_SUPPORT_FAKE_CACHE_H
#define BILGE_TESTS_SUPPORT_FAKE_CACHE_H

#include <stdint.h>

struct fake_cache {
    const char *name;
    int layers;          /* of each generation; all but the last one are in every one */
    int64_t layer_bytes; /* large against 4 KiB, so that sizes read the same on every
                          * file system: directories and small files drown */
    int generations;     /* the newest is live; each one hour older than the next */
    int64_t age_s;       /* since the last export */
};

void fake_cache_make(const char *root, const struct fake_cache *cache);

#endif
