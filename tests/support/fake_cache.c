#include "tests/support/fake_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "tests/support/tempdir.h"

#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"
#define CONFIG_TYPE "application/vnd.buildkit.cacheconfig.v0"

/* No hashes of anything, but digests by their form, the same in every run. */
enum digest_of { OF_LAYER = 1, OF_CONFIG, OF_MANIFEST };

static void make_digest(char out[65], const char *name, enum digest_of of, int number)
{
    uint64_t state = 1469598103934665603u + (uint64_t)of * 1000003u + (uint64_t)number;
    for (; *name != '\0'; name++)
        state = (state ^ (unsigned char)*name) * 1099511628211u;
    for (int i = 0; i < 64; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        out[i] = "0123456789abcdef"[state >> 60];
    }
    out[64] = '\0';
}

static void set_age(const char *dir, const char *name, int64_t age_s)
{
    char *path = path_join(dir, name);
    struct timespec when = {.tv_sec = time(NULL) - age_s};
    const struct timespec times[2] = {when, when};
    utimensat(AT_FDCWD, path, times, 0);
    free(path);
}

static void make_blob(const char *dir, const char *digest, const char *text, int64_t bytes,
                      int64_t age_s)
{
    char *name = mem_printf("blobs/sha256/%s", digest), *path = path_join(dir, name);
    file_write_text(dir, name, text);
    if (bytes > 0) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || posix_fallocate(fd, 0, bytes) != 0) {
            printf("Bail out! no room for %s\n", path);
            exit(99);
        }
        close(fd);
    }
    set_age(dir, name, age_s);
    free(name);
    free(path);
}

static void add_layer(struct buf *manifest, const char *digest, int64_t bytes)
{
    buf_printf(manifest,
               "{\"mediaType\":\"" LAYER_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%lld},", digest,
               (long long)bytes);
}

/* Generation 0 is the oldest. Its last layer is its own, as are its config
 * and its manifest. */
static void make_generation(const char *dir, const struct fake_cache *cache, int generation,
                            int64_t age_s, char ret_manifest[65], size_t *ret_len)
{
    char digest[65];
    struct buf manifest = {0};
    buf_append_str(&manifest,
                   "{\"schemaVersion\":2,\"mediaType\":\"" INDEX_TYPE "\",\"manifests\":[");
    for (int i = 0; i < cache->layers; i++) {
        bool own = i == cache->layers - 1;
        make_digest(digest, cache->name, OF_LAYER, own ? 1000 + generation : i);
        add_layer(&manifest, digest, cache->layer_bytes);
        if (own || generation == 0)
            make_blob(dir, digest, "", cache->layer_bytes, age_s);
    }
    char *config = mem_printf("{\"generation\":%d}", generation);
    make_digest(digest, cache->name, OF_CONFIG, generation);
    make_blob(dir, digest, config, 0, age_s);
    buf_printf(&manifest,
               "{\"mediaType\":\"" CONFIG_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%zu}]}",
               digest, strlen(config));
    make_digest(ret_manifest, cache->name, OF_MANIFEST, generation);
    make_blob(dir, ret_manifest, manifest.data, 0, age_s);
    *ret_len = manifest.len;
    free(config);
    buf_done(&manifest);
}

void fake_cache_make(const char *root, const struct fake_cache *cache)
{
    char *dir = path_join(root, cache->name), manifest[65];
    size_t len = 0;
    dir_make(root, cache->name);
    dir_make(dir, "ingest");
    for (int i = 0; i < cache->generations; i++)
        make_generation(dir, cache, i, cache->age_s + 3600 * (cache->generations - 1 - i), manifest,
                        &len);
    char *index = mem_printf("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" INDEX_TYPE
                             "\",\"digest\":\"sha256:%s\",\"size\":%zu,\"annotations\":"
                             "{\"org.opencontainers.image.ref.name\":\"latest\"}}]}",
                             manifest, len);
    file_write_text(dir, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    file_write_text(dir, "index.json", index);
    set_age(dir, "oci-layout", cache->age_s);
    set_age(dir, "index.json", cache->age_s);
    free(index);
    free(dir);
}
