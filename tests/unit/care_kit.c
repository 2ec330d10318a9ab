#include "tests/unit/care_kit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/oci/blob_hash.h"
#include "tests/support/tempdir.h"

#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"
#define CONFIG_TYPE "application/vnd.buildkit.cacheconfig.v0"

int set_up(void **state)
{
    struct place *place = mem_zalloc(sizeof *place);
    place->root = tempdir_new();
    assert_int_equal(0, fs_open_root(place->root, &place->root_fd, NULL));
    *state = place;
    return 0;
}

int tear_down(void **state)
{
    struct place *place = *state;
    close(place->root_fd);
    tempdir_free(place->root);
    free(place);
    return 0;
}

void set_age(const char *dir, const char *name, int64_t age_s)
{
    char *path = path_join(dir, name);
    const struct timespec when = {.tv_sec = time(NULL) - age_s}, times[2] = {when, when};
    assert_int_equal(0, utimensat(AT_FDCWD, path, times, 0));
    free(path);
}

char *blob_path(const char hex[HEX])
{
    return mem_printf("blobs/sha256/%s", hex);
}

void put_blob(const char *dir, const char *text, int64_t age_s, char ret_hex[HEX])
{
    struct digest digest;
    int fd;
    file_write_text(dir, "new", text);
    assert_int_equal(0, fs_open_root(dir, &fd, NULL));
    assert_int_equal(0, blob_hash_file(fd, "new", NULL, NULL, &digest, NULL));
    char *name = blob_path(digest_hex(ret_hex, &digest));
    char *from = path_join(dir, "new"), *to = path_join(dir, name);
    assert_int_equal(0, rename(from, to));
    assert_int_equal(0, chmod(to, 0444));
    set_age(dir, name, age_s);
    close(fd);
    free(name);
    free(from);
    free(to);
}

void put_generation(const char *dir, const char *const *layers, int64_t age_s, char ret_hex[HEX])
{
    struct buf manifest = {0};
    char hex[HEX];
    char *config = mem_printf("{\"layers\":[],\"made\":%lld}", (long long)age_s);
    put_blob(dir, config, age_s, hex);
    buf_printf(&manifest,
               "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\",\"config\":{\"mediaType\":"
               "\"" CONFIG_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%zu},\"layers\":[",
               hex, strlen(config));
    for (size_t i = 0; layers[i] != NULL; i++) {
        put_blob(dir, layers[i], age_s, hex);
        buf_printf(&manifest,
                   "%s{\"mediaType\":\"" LAYER_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%zu}",
                   i > 0 ? "," : "", hex, strlen(layers[i]));
    }
    buf_append_str(&manifest, "]}");
    put_blob(dir, manifest.data, age_s, ret_hex);
    buf_done(&manifest);
    free(config);
}

void put_index(const char *dir, const char *const tags[][2], int64_t age_s)
{
    struct buf index = {0};
    buf_append_str(&index, "{\"schemaVersion\":2,\"manifests\":[");
    for (size_t i = 0; tags[i][0] != NULL; i++) {
        char *name = blob_path(tags[i][1]), *path = path_join(dir, name);
        struct stat stat_;
        assert_int_equal(0, stat(path, &stat_));
        buf_printf(&index,
                   "%s{\"mediaType\":\"" MANIFEST_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%ld,"
                   "\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}",
                   i > 0 ? "," : "", tags[i][1], (long)stat_.st_size, tags[i][0]);
        free(name);
        free(path);
    }
    buf_append_str(&index, "]}");
    file_write_text(dir, "index.json", index.data);
    set_age(dir, "index.json", age_s);
    buf_done(&index);
}

struct pair put_pair(struct place *place, const char *name)
{
    static const char *const first[] = {"base layer", "first layer", NULL};
    static const char *const second[] = {"base layer", "second layer", NULL};
    struct pair pair;
    dir_make(place->root, name);
    pair.dir = path_join(place->root, name);
    dir_make(pair.dir, "blobs");
    dir_make(pair.dir, "blobs/sha256");
    file_write_text(pair.dir, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    put_generation(pair.dir, first, 7200, pair.old);
    put_generation(pair.dir, second, 3700, pair.live);
    put_blob(pair.dir, "second layer", 3700, pair.second);
    put_index(pair.dir, (const char *const[][2]){{"latest", pair.live}, {NULL, NULL}}, 3600);
    return pair;
}

void overwrite(const struct pair *pair, const char hex[HEX], const char *text)
{
    char *name = blob_path(hex), *path = path_join(pair->dir, name);
    assert_int_equal(0, chmod(path, 0644));
    file_write_text(pair->dir, name, text);
    set_age(pair->dir, name, 3700);
    free(name);
    free(path);
}

void take_away(const struct pair *pair, const char hex[HEX])
{
    char *name = blob_path(hex), *path = path_join(pair->dir, name);
    assert_int_equal(0, unlink(path));
    free(name);
    free(path);
}

bool pair_has_blob(const struct pair *pair, const char hex[HEX])
{
    char *name = blob_path(hex);
    bool found = file_exists(pair->dir, name);
    free(name);
    return found;
}

struct verify_result verify(struct place *place, const char *name)
{
    struct verify_result result;
    const struct verify_spec spec = {
        .root_fd = place->root_fd, .root_path = place->root, .name = name};
    assert_int_equal(0, verify_cache(&spec, &result, NULL));
    return result;
}

bool is_ok(struct place *place, const char *name)
{
    struct verify_result result = verify(place, name);
    bool ok = result.ok;
    verify_done(&result);
    return ok;
}

struct remove_context context_of(struct place *place, const char *name)
{
    static const pid_t nobody[] = {0};
    struct fs_stat stat;
    assert_int_equal(0, fs_stat_at(place->root_fd, name, &stat, NULL));
    return (struct remove_context){.root_fd = place->root_fd,
                                   .root_path = place->root,
                                   .name = name,
                                   .dev = stat.dev,
                                   .ino = stat.ino,
                                   .own_sessions = nobody,
                                   .settle_ms = 1};
}

bool index_names(const struct pair *pair, const char hex[HEX])
{
    char *text = file_read(pair->dir, "index.json", NULL);
    bool named = strstr(text, hex) != NULL;
    free(text);
    return named;
}
