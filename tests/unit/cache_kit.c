#include "tests/unit/cache_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/cache/remove.h"
#include "core/cache/scan.h"
#include "core/oci/layout.h"
#include "tests/support/tempdir.h"

void kit_new(struct kit *kit, bool bare)
{
    *kit = (struct kit){.root = tempdir_new(), .name = "api", .clock = time(NULL) - 100000};
    kit->dir = path_join(kit->root, kit->name);
    assert_int_equal(0, fs_open_root(kit->root, &kit->root_fd, NULL));
    if (bare)
        return;
    kit_write(kit, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", 30);
    dir_make(kit->dir, "ingest");
    dir_make(kit->dir, "blobs/sha256");
}

void kit_set_processes(struct kit *kit, enum kit_processes processes)
{
    static char *nobody_else;
    char *proc = path_join(kit->root, ".processes"), *self = path_join(proc, "self/ns/pid");
    if (nobody_else == NULL)
        mem_replace(&nobody_else, getenv("BILGE_PROC") != NULL ? getenv("BILGE_PROC") : "/nobody");
    setenv("BILGE_PROC", processes == KIT_NOBODY_ELSE ? nobody_else : proc, 1);
    dir_make(proc, "self/ns");
    unlink(self);
    assert_int_equal(
        0, symlink(processes == KIT_CONTAINER ? "pid:[4026532999]" : "pid:[4026531836]", self));
    if (processes == KIT_HIDDEN)
        unlinkat(kit->root_fd, ".processes/1/cmdline", 0);
    else
        file_write_text(proc, "1/cmdline", "init");
    free(proc);
    free(self);
    kit->hides = processes != KIT_NOBODY_ELSE;
}

void kit_free(struct kit *kit)
{
    if (kit->hides)
        kit_set_processes(kit, KIT_NOBODY_ELSE);
    close(kit->root_fd);
    tempdir_free(kit->root);
    free(kit->dir);
}

struct digest kit_digest_value(unsigned seed)
{
    struct digest digest;
    uint64_t state = seed;
    for (size_t i = 0; i < sizeof digest.bytes; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        digest.bytes[i] = (uint8_t)(state >> 40);
    }
    return digest;
}

const char *kit_digest(unsigned seed)
{
    static char ring[8][DIGEST_TEXT_SIZE];
    static unsigned next;
    struct digest digest = kit_digest_value(seed);
    return digest_text(ring[next++ % 8], &digest);
}

const char *kit_blob_path(unsigned seed)
{
    static char ring[8][DIGEST_TEXT_SIZE + 16];
    static unsigned next;
    char *slot = ring[next++ % 8];
    snprintf(slot, sizeof ring[0], "blobs/sha256/%s", kit_digest(seed) + 7);
    return slot;
}

void kit_set_time(struct kit *kit, const char *path, int64_t seconds)
{
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    char *whole = path_join(kit->dir, path);
    assert_int_equal(0, utimensat(AT_FDCWD, whole, times, AT_SYMLINK_NOFOLLOW));
    free(whole);
}

void kit_set_age(struct kit *kit, const char *path, int64_t seconds)
{
    kit_set_time(kit, path, time(NULL) - seconds);
}

void kit_write(struct kit *kit, const char *path, const void *data, size_t len)
{
    file_write(kit->dir, path, data, len);
    kit_set_time(kit, path, kit->clock++);
}

void kit_blob(struct kit *kit, unsigned seed, const char *text)
{
    kit_write(kit, kit_blob_path(seed), text, strlen(text));
}

void kit_layer(struct kit *kit, unsigned seed, size_t size)
{
    char *data = mem_zalloc(size);
    memset(data, 0x1f, size);
    kit_write(kit, kit_blob_path(seed), data, size);
    free(data);
}

static long long size_of(struct kit *kit, unsigned seed)
{
    struct stat st;
    char *whole = path_join(kit->dir, kit_blob_path(seed));
    long long size = stat(whole, &st) == 0 ? (long long)st.st_size : 7;
    free(whole);
    return size;
}

static void add_entry(struct kit *kit, struct buf *text, const struct kit_entry *entry)
{
    const char *type = entry->media_type != NULL ? entry->media_type
                                                 : "application/vnd.oci.image.layer.v1.tar+gzip";
    buf_printf(text, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%lld", type,
               kit_digest(entry->seed), size_of(kit, entry->seed));
    if (entry->media_type == NULL)
        buf_printf(text, ",\"annotations\":{\"buildkit/createdat\":\"2026-01-02T03:04:%02u.5Z\"}",
                   entry->seed % 60);
    buf_append_str(text, "}");
}

void kit_manifest(struct kit *kit, unsigned seed, const struct kit_entry *entries, size_t len)
{
    struct buf text = {0};
    buf_append_str(&text, "{\"schemaVersion\":2,\"mediaType\":\"" KIT_INDEX "\",\"manifests\":[");
    for (size_t i = 0; i < len; i++) {
        buf_append_str(&text, i > 0 ? "," : "");
        add_entry(kit, &text, &entries[i]);
    }
    buf_append_str(&text, "]}");
    kit_blob(kit, seed, text.data);
    buf_done(&text);
}

void kit_generation(struct kit *kit, unsigned manifest, unsigned config, unsigned first,
                    unsigned count)
{
    struct kit_entry *entries = mem_zalloc((count + 1) * sizeof *entries);
    for (unsigned i = 0; i < count; i++) {
        entries[i].seed = first + i;
        if (!kit_exists(kit, kit_blob_path(first + i)))
            kit_layer(kit, first + i, 5000 + first + i);
    }
    entries[count] = (struct kit_entry){config, KIT_CONFIG};
    kit_blob(kit, config, "{\"layers\":[],\"records\":[{\"digest\":\"x\"}]}");
    kit_manifest(kit, manifest, entries, count + 1);
    free(entries);
}

void kit_image(struct kit *kit, unsigned manifest, unsigned config, unsigned first, unsigned count)
{
    struct buf text = {0};
    kit_blob(kit, config, "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{}}");
    buf_append_str(&text, "{\"schemaVersion\":2,\"mediaType\":\"" KIT_MANIFEST "\",\"config\":");
    add_entry(kit, &text, &(struct kit_entry){config, KIT_IMAGE_CONFIG});
    buf_append_str(&text, ",\"layers\":[");
    for (unsigned i = first; i < first + count; i++) {
        if (!kit_exists(kit, kit_blob_path(i)))
            kit_layer(kit, i, 5000 + i);
        buf_append_str(&text, i > first ? "," : "");
        add_entry(kit, &text, &(struct kit_entry){i, NULL});
    }
    buf_append_str(&text, "]}");
    kit_blob(kit, manifest, text.data);
    buf_done(&text);
}

void kit_index(struct kit *kit, const unsigned *manifests, size_t len)
{
    struct buf text = {0};
    buf_append_str(&text, "{\"schemaVersion\":2,\"manifests\":[");
    for (size_t i = 0; i < len; i++) {
        char tag[24] = "latest";
        if (i > 0)
            snprintf(tag, sizeof tag, "tag%zu", i);
        buf_printf(&text,
                   "%s{\"mediaType\":\"" KIT_INDEX "\",\"digest\":\"%s\",\"size\":%lld,"
                   "\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}",
                   i > 0 ? "," : "", kit_digest(manifests[i]), size_of(kit, manifests[i]), tag);
    }
    buf_append_str(&text, "]}");
    kit_write(kit, "index.json", text.data, text.len);
    buf_done(&text);
}

void kit_removed_name(const char *name, uint64_t ino, bool decided, char ret_name[NOTE_NAME_SIZE])
{
    assert_int_equal(0, note_away_name(name, ino, ret_name, NULL));
    if (decided)
        memcpy(ret_name, CACHE_GONE, strlen(CACHE_GONE));
}

int kit_recover(const struct kit *kit, size_t *ret_count, struct err *err)
{
    struct unfinished_list list = {0};
    int code = remove_recover(kit->root_fd, kit->root, NULL, &list, err);
    for (size_t i = 0; i < list.len && ret_count != NULL; i++)
        *ret_count += list.items[i].error == NULL && list.items[i].kind != UNFINISHED_FOREIGN;
    unfinished_done(&list);
    return code;
}

struct cache *kit_scan(const struct kit *kit, const struct cache *previous)
{
    return scan_cache(kit->root_fd, kit->root, kit->name, previous);
}

int64_t kit_du(const struct kit *kit)
{
    char *command = mem_printf("du -B1 -s '%s'", kit->dir);
    FILE *pipe = popen(command, "r");
    int64_t bytes = -1;
    assert_non_null(pipe);
    assert_int_equal(1, fscanf(pipe, "%" SCNd64, &bytes));
    assert_int_equal(0, pclose(pipe));
    free(command);
    return bytes;
}

struct cache *kit_check(const struct kit *kit)
{
    struct cache *cache = kit_scan(kit, NULL);
    assert_int_equal(kit_du(kit), cache->size_bytes);
    assert_int_equal(cache->size_bytes, cache->live_bytes + cache->older_bytes +
                                            cache->orphan_bytes + cache->ingest_bytes +
                                            cache->other_bytes);
    return cache;
}

const struct cache_blob *kit_find(const struct cache *cache, unsigned seed)
{
    struct digest digest = kit_digest_value(seed);
    uint32_t blob = cache_find_blob(cache, &digest);
    return blob != CACHE_NONE ? &cache->blobs[blob] : NULL;
}

bool kit_exists(const struct kit *kit, const char *path)
{
    return file_exists(kit->dir, path);
}

void kit_unpack(struct kit *kit, const char *archive)
{
    const char *data = getenv("BILGE_TEST_DATA");
    char *command = mem_printf("tar -xf '%s/cache/%s' --no-same-owner -C '%s'",
                               data != NULL ? data : "tests/data", archive, kit->root);
    assert_int_equal(0, system(command));
    free(command);
}

int kit_setup(void **state)
{
    struct kit *kit = mem_zalloc(sizeof *kit);
    kit_new(kit, false);
    *state = kit;
    return 0;
}

int kit_setup_bare(void **state)
{
    struct kit *kit = mem_zalloc(sizeof *kit);
    kit_new(kit, true);
    *state = kit;
    return 0;
}

int kit_teardown(void **state)
{
    kit_free(*state);
    free(*state);
    return 0;
}

void kit_assert_state(enum cache_state wanted, const struct cache *cache)
{
    if (cache->state != wanted)
        print_error("error: %s; sign: %s\n", cache->error ? cache->error : "-",
                    cache->busy_sign ? cache->busy_sign : "-");
    assert_string_equal(cache_state_name(wanted), cache_state_name(cache->state));
}

void kit_assert_problem(const struct cache *cache, enum problem_kind kind, const char *words)
{
    for (size_t i = 0; i < cache->problems_len; i++)
        if (cache->problems[i].kind == kind && strstr(cache->problems[i].detail, words) != NULL)
            return;
    for (size_t i = 0; i < cache->problems_len; i++)
        print_error("%s: %s\n", problem_kind_name(cache->problems[i].kind),
                    cache->problems[i].detail);
    fail_msg("no problem \"%s\"", words);
}
