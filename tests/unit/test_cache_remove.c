/* Removal: what goes, what must not, and what a second look changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/cache/busy.h"
#include "core/cache/remove.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/cache_kit.h"

/* Builds that run on this machine are none of these tests' business. */
static const char *client;

char *busy_building_client(const pid_t *own_sessions)
{
    (void)own_sessions;
    return client != NULL ? mem_strdup(client) : NULL;
}

/* ---- a step into the middle of a removal: mkdirat() is called as it begins to
 * set aside, nanosleep() while it waits. These stand before libc's. */

static int mkdir_errno;
static void (*while_waiting)(struct kit *kit);
static struct kit *waiting_kit;

int mkdirat(int fd, const char *path, mode_t mode)
{
    if (mkdir_errno != 0) {
        errno = mkdir_errno;
        return -1;
    }
    return (int)syscall(SYS_mkdirat, fd, path, mode);
}

int nanosleep(const struct timespec *time, struct timespec *rest)
{
    void (*step)(struct kit *) = while_waiting;
    while_waiting = NULL;
    if (step != NULL)
        step(waiting_kit);
    return (int)syscall(SYS_nanosleep, time, rest);
}

/* ---- the usual place: two older generations, an orphan, an abandoned ingest */

struct place {
    struct kit kit;
    struct cache *cache; /* as it was shown */
    struct remove_context context;
    struct remove_item items[32];
    size_t items_len;
};

static void make_ingest(struct kit *kit, const char *name, int64_t age)
{
    char *data = mem_printf("ingest/%s/data", name), *dir = mem_printf("ingest/%s", name);
    kit_write(kit, data, "half a layer", 12);
    kit_set_age(kit, data, age);
    kit_set_age(kit, dir, age);
    free(data);
    free(dir);
}

static void show(struct place *place)
{
    cache_free(place->cache);
    place->cache = kit_scan(&place->kit, NULL);
    place->context.dev = place->cache->dev;
    place->context.ino = place->cache->ino;
}

static int setup(void **state)
{
    struct place *place = mem_zalloc(sizeof *place);
    struct kit *kit = &place->kit;
    kit_new(kit, false);
    kit_generation(kit, 100, 101, 1, 3); /* 1 2 3 */
    kit_generation(kit, 110, 111, 2, 3); /*   2 3 4 */
    kit_generation(kit, 120, 121, 3, 3); /*     3 4 5 */
    kit_layer(kit, 50, 9000);
    kit_index(kit, (unsigned[]){120}, 1);
    make_ingest(kit, "old", 100000);
    place->context = (struct remove_context){
        .root_fd = kit->root_fd, .root_path = kit->root, .name = kit->name, .settle_ms = 1};
    show(place);
    waiting_kit = kit;
    mkdir_errno = 0;
    client = NULL;
    while_waiting = NULL;
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    cache_free(place->cache);
    kit_free(&place->kit);
    free(place);
    return 0;
}

static struct remove_item *want_blob(struct place *place, unsigned seed)
{
    const struct cache_blob *blob = kit_find(place->cache, seed);
    struct remove_item *item = &place->items[place->items_len++];
    *item = (struct remove_item){.kind = REMOVE_BLOB,
                                 .digest = kit_digest_value(seed),
                                 .ino = blob != NULL ? blob->ino : 1,
                                 .modified_at = blob != NULL ? blob->modified_at : 1,
                                 .code = 77};
    return item;
}

static struct remove_item *want_ingest(struct place *place, size_t index)
{
    struct remove_item *item = &place->items[place->items_len++];
    *item = (struct remove_item){.kind = REMOVE_INGEST,
                                 .name = place->cache->leftovers[index].name + strlen("ingest/"),
                                 .ino = place->cache->leftovers[index].ino,
                                 .modified_at = place->cache->leftovers[index].modified_at,
                                 .code = 77};
    return item;
}

/* All that is not live, and the ingest leftover. */
static void want_garbage(struct place *place)
{
    static const unsigned garbage[] = {100, 101, 1, 110, 111, 2, 50};
    for (size_t i = 0; i < LEN(garbage); i++)
        want_blob(place, garbage[i]);
    want_ingest(place, 0);
}

static int removal(struct place *place, struct err *err)
{
    return remove_items(&place->context, place->items, place->items_len, err);
}

static bool has_blob(struct place *place, unsigned seed)
{
    return kit_exists(&place->kit, kit_blob_path(seed));
}

/* Nothing waits, and no lock is left. */
static void assert_tidy(struct place *place)
{
    struct cache *cache = kit_check(&place->kit);
    for (size_t i = 0; i < cache->leftovers_len; i++)
        assert_int_equal(LEFTOVER_INGEST, cache->leftovers[i].kind);
    cache_free(cache);
    int fd = open(place->kit.dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(0, flock(fd, LOCK_EX | LOCK_NB));
    close(fd);
}

static void assert_live_whole(struct place *place)
{
    struct cache *cache = kit_check(&place->kit);
    assert_true(cache->generations[0].live);
    assert_true(cache->generations[0].whole);
    assert_int_equal(0, cache->problems_total);
    cache_free(cache);
}

static void test_garbage(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t garbage = cache_garbage_bytes(place->cache), before = kit_du(&place->kit), freed = 0;
    want_garbage(place);
    assert_int_equal(0, removal(place, &err));
    for (size_t i = 0; i < place->items_len; i++) {
        assert_int_equal(0, place->items[i].code);
        freed += place->items[i].freed_bytes;
    }
    assert_int_equal(garbage, freed);
    assert_int_equal(before - freed, kit_du(&place->kit));
    assert_live_whole(place);
    assert_tidy(place);
    show(place);
    assert_int_equal(0, cache_garbage_bytes(place->cache));
    assert_int_equal(1, place->cache->generations_len);
}

static void test_live_stays(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    unsigned live[] = {120, 121, 3, 4, 5};
    for (size_t i = 0; i < LEN(live); i++)
        want_blob(place, live[i]);
    assert_int_equal(0, removal(place, &err));
    for (size_t i = 0; i < LEN(live); i++)
        assert_int_equal(ERR_CHANGED, place->items[i].code);
    assert_live_whole(place);
    assert_tidy(place);
}

static void test_changed_items_stay(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    want_blob(place, 50)->ino++;
    want_blob(place, 1)->modified_at++;
    want_blob(place, 999); /* never was there: gone is what was asked for */
    want_ingest(place, 0)->modified_at--;
    want_ingest(place, 0)->name = "../api";
    want_ingest(place, 0)->name = "..";
    assert_int_equal(0, removal(place, &err));
    const int codes[] = {ERR_CHANGED, ERR_CHANGED, 0, ERR_CHANGED, ERR_FOREIGN, ERR_FOREIGN};
    for (size_t i = 0; i < LEN(codes); i++)
        assert_int_equal(codes[i], place->items[i].code);
    assert_true(has_blob(place, 50) && has_blob(place, 1));
    assert_true(kit_exists(&place->kit, "ingest/old/data"));
    assert_tidy(place);
}

static void test_other_directory(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    place->context.ino++;
    want_blob(place, 50);
    assert_int_equal(ERR_CHANGED, removal(place, &err));
    assert_int_equal(ERR_CHANGED, place->items[0].code);
    assert_int_equal(ERR_CHANGED, remove_service(&place->context, &freed, &err));
    assert_true(has_blob(place, 50));
}

static void test_swapped_for_symlink(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    char *other = path_join(place->kit.root, "other");
    assert_int_equal(0, rename(place->kit.dir, other));
    assert_int_equal(0, symlink(other, place->kit.dir));
    want_blob(place, 50);
    assert_true(removal(place, &err) < 0);
    assert_true(remove_service(&place->context, &freed, &err) < 0);
    assert_true(file_exists(other, kit_blob_path(50)));
    free(other);
}

/* blobs/ leads elsewhere: what lies there is not ours. */
static void test_blobs_swapped_for_symlink(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char *blobs = path_join(place->kit.dir, "blobs"), *other = path_join(place->kit.root, "other");
    assert_int_equal(0, rename(blobs, other));
    assert_int_equal(0, symlink(other, blobs));
    want_blob(place, 50);
    removal(place, &err);
    char *there = path_join(other, kit_blob_path(50) + strlen("blobs/"));
    assert_int_equal(0, access(there, F_OK));
    free(blobs);
    free(other);
    free(there);
}

/* ---- signs */

static void test_busy(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    make_ingest(&place->kit, "new", 3);
    want_garbage(place);
    assert_int_equal(ERR_BUSY, removal(place, &err));
    assert_non_null(strstr(err.text, "ingest"));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(ERR_BUSY, place->items[i].code);
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_true(has_blob(place, 50));
    place->context.now = true; /* the second, explained yes */
    assert_int_equal(0, removal(place, &err));
    assert_false(has_blob(place, 50));
    assert_live_whole(place);
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
    assert_false(file_exists(place->kit.root, "api"));
}

static void test_building_client(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    client = "docker compose build api (pid 4711)";
    want_garbage(place);
    assert_int_equal(ERR_BUSY, removal(place, &err));
    assert_non_null(strstr(err.text, client));
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_true(has_blob(place, 50));
}

static void start_client(struct kit *kit)
{
    (void)kit;
    client = "docker build . (pid 1)";
}

static void test_client_starts_while_waiting(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    while_waiting = start_client;
    want_garbage(place);
    assert_int_equal(ERR_BUSY, removal(place, &err));
    assert_true(has_blob(place, 50) && has_blob(place, 100));
    assert_tidy(place);
}

static void begin_export(struct kit *kit)
{
    make_ingest(kit, "new", 0);
}

static void test_export_begins_while_waiting(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    while_waiting = begin_export;
    want_garbage(place);
    assert_int_equal(ERR_BUSY, removal(place, &err));
    for (size_t i = 0; i < place->items_len; i++) {
        assert_int_equal(ERR_BUSY, place->items[i].code);
        assert_int_equal(0, place->items[i].freed_bytes);
    }
    assert_true(has_blob(place, 50) && has_blob(place, 100) && has_blob(place, 2));
    assert_true(kit_exists(&place->kit, "ingest/old/data"));
    assert_tidy(place);
}

/* A git revert: all blobs of the older state exist, the export writes nothing
 * but index.json. */
static void revert(struct kit *kit)
{
    /* Its size is not asked: the manifest waits elsewhere just now. */
    char *text = mem_printf("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" KIT_INDEX
                            "\",\"digest\":\"%s\"}]}",
                            kit_digest(100));
    kit_write(kit, "index.json", text, strlen(text));
    free(text);
}

static void test_older_one_is_live_again(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    while_waiting = revert;
    want_garbage(place);
    assert_int_equal(0, removal(place, &err));
    const int codes[] = {ERR_CHANGED, ERR_CHANGED, ERR_CHANGED, 0, 0, ERR_CHANGED, 0, 0};
    for (size_t i = 0; i < LEN(codes); i++)
        assert_int_equal(codes[i], place->items[i].code);
    assert_live_whole(place);
    assert_tidy(place);
}

/* A manifest has come that index.json does not name yet. */
static void commit_manifest(struct kit *kit)
{
    kit_manifest(kit, 130, (struct kit_entry[]){{2, NULL}, {3, NULL}, {50, NULL}}, 3);
}

static void test_new_manifest_while_waiting(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    while_waiting = commit_manifest;
    want_garbage(place);
    assert_int_equal(0, removal(place, &err));
    assert_true(has_blob(place, 2) && has_blob(place, 50) && has_blob(place, 130));
    assert_false(has_blob(place, 1) || has_blob(place, 100) || has_blob(place, 110));
    assert_tidy(place);
}

/* An exporter that finds a blob gone writes it anew. */
static void write_anew(struct kit *kit)
{
    kit_layer(kit, 2, 5002);
    commit_manifest(kit);
}

static void test_written_anew_while_waiting(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    while_waiting = write_anew;
    want_garbage(place);
    assert_int_equal(0, removal(place, &err));
    assert_true(has_blob(place, 2) && has_blob(place, 50));
    assert_tidy(place);
}

static void break_index(struct kit *kit)
{
    kit_write(kit, "index.json", "{\"schemaVersion\":2,", 19);
}

static void test_unknown_live(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    while_waiting = break_index; /* and it stays so */
    want_garbage(place);
    assert_int_equal(ERR_FORMAT, removal(place, &err));
    assert_true(has_blob(place, 50) && has_blob(place, 100));
    assert_tidy(place);
    assert_int_equal(ERR_FORMAT, removal(place, &err));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(ERR_FORMAT, place->items[i].code);
    assert_tidy(place);
    int64_t freed; /* as a whole it may still go */
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
}

static void test_no_index(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char *index = path_join(place->kit.dir, "index.json");
    unlink(index);
    free(index);
    want_garbage(place);
    want_blob(place, 3);
    assert_int_equal(0, removal(place, &err));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(0, place->items[i].code);
    assert_tidy(place);
}

/* ---- two bilges, a full disk, a stop */

static void test_another_bilge(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    int fd = open(place->kit.dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(0, flock(fd, LOCK_EX | LOCK_NB));
    want_blob(place, 50);
    assert_int_equal(ERR_BUSY, removal(place, &err));
    assert_non_null(strstr(err.text, "another bilge"));
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_int_equal(0, remove_recover(place->kit.root_fd, place->kit.root, NULL, &err));
    close(fd);
    assert_int_equal(0, removal(place, &err));
    assert_false(has_blob(place, 50));
}

static void test_full_disk(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    mkdir_errno = ENOSPC;
    want_garbage(place);
    assert_int_equal(0, removal(place, &err));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(0, place->items[i].code);
    assert_live_whole(place);
    assert_tidy(place);
}

/* More than may wait beside the others: in rounds. */
static void test_full_disk_rounds(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    enum { MANY = 100 };
    struct remove_item *items = mem_zalloc(MANY * sizeof *items);
    for (unsigned i = 0; i < MANY; i++)
        kit_layer(&place->kit, 1000 + i, 10);
    show(place);
    for (unsigned i = 0; i < MANY; i++) {
        place->items_len = 0;
        items[i] = *want_blob(place, 1000 + i);
    }
    mkdir_errno = ENOSPC;
    assert_int_equal(0, remove_items(&place->context, items, MANY, &err));
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(0, items[i].code);
    assert_live_whole(place);
    assert_tidy(place);
    free(items);
}

static void test_read_only_mode(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    mkdir_errno = EROFS;
    want_garbage(place);
    removal(place, &err);
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(-EROFS, place->items[i].code);
    assert_true(has_blob(place, 50));
}

static atomic_bool stop;

static void stop_now(struct kit *kit)
{
    (void)kit;
    atomic_store(&stop, true);
}

static void test_cancel(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    atomic_store(&stop, false);
    place->context.cancel = &stop;
    while_waiting = stop_now;
    want_garbage(place);
    assert_int_equal(0, removal(place, &err));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(ERR_CANCELLED, place->items[i].code);
    assert_true(has_blob(place, 50) && has_blob(place, 100));
    assert_tidy(place);
}

static void on_progress(void *arg, int64_t freed_bytes)
{
    *(int64_t *)arg = freed_bytes;
}

static void test_progress(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t told = -1, freed = 0;
    place->context.on_progress = on_progress;
    place->context.arg = &told;
    want_garbage(place);
    assert_int_equal(0, removal(place, &err));
    for (size_t i = 0; i < place->items_len; i++)
        freed += place->items[i].freed_bytes;
    assert_int_equal(freed, told);
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
    assert_true(told > 0 && told <= freed);
}

/* ---- hard links give nothing back while another name stands */

static void test_hard_link(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char *from = path_join(place->kit.dir, kit_blob_path(50));
    char *to = path_join(place->kit.root, "elsewhere");
    assert_int_equal(0, link(from, to));
    show(place);
    struct remove_item *item = want_blob(place, 50);
    assert_int_equal(0, removal(place, &err));
    assert_int_equal(0, item->code);
    assert_int_equal(0, item->freed_bytes);
    free(from);
    free(to);
}

/* ---- whole services */

static void test_service(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed = 0, size = kit_du(&place->kit);
    file_write_text(place->kit.root, "other/file", "stays");
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
    assert_int_equal(size, freed);
    assert_false(file_exists(place->kit.root, "api"));
    assert_true(file_exists(place->kit.root, "other/file"));
}

static void check_foreign(struct place *place, const char *words)
{
    struct err err = {0};
    int64_t freed = 0, size = kit_du(&place->kit);
    assert_int_equal(ERR_FOREIGN, remove_service(&place->context, &freed, &err));
    assert_non_null(strstr(err.text, words));
    assert_int_equal(0, freed);
    assert_int_equal(size, kit_du(&place->kit));
}

static void test_service_in_a_project(void **state)
{
    struct place *place = *state;
    file_write_text(place->kit.dir, "main\033.c", "int main(void) {}");
    check_foreign(place, "main\\x1b.c");
    place->context.now = true;
    check_foreign(place, "no part of a cache");
}

static void test_service_foreign(void **state)
{
    struct place *place = *state;
    kit_free(&place->kit);
    kit_new(&place->kit, true);
    place->context.root_fd = place->kit.root_fd;
    place->context.root_path = place->kit.root;
    file_write_text(place->kit.dir, "index.json", "{\"name\":\"a web project\"}");
    show(place);
    check_foreign(place, "no cache directory");
}

static void test_service_empty(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    kit_free(&place->kit);
    kit_new(&place->kit, true);
    place->context.root_fd = place->kit.root_fd;
    place->context.root_path = place->kit.root;
    dir_make(place->kit.dir, "a/b/c");
    show(place);
    int64_t freed = 0, size = kit_du(&place->kit);
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
    assert_int_equal(size, freed);
    assert_false(file_exists(place->kit.root, "api"));
}

static void test_service_missing(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed = 0;
    place->context.name = "nothing";
    assert_int_equal(-ENOENT, remove_service(&place->context, &freed, &err));
    place->context.name = "..";
    assert_true(remove_service(&place->context, &freed, &err) < 0);
}

/* Many names, nested and in one directory; odd ones among them. */
static void test_service_large(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    for (int i = 0; i < 3000; i++) {
        char *name = mem_printf("blobs/sha256/%060d", i);
        file_write_text(place->kit.dir, name, "");
        free(name);
    }
    for (int i = 0; i < 300; i++) {
        char *name = mem_printf("ingest/%d/%d/%d/data", i % 7, i % 11, i);
        file_write_text(place->kit.dir, name, "x");
        kit_set_age(&place->kit, name, 100000);
        free(name);
    }
    char *link = path_join(place->kit.dir, "ingest/link");
    file_write_text(place->kit.root, "elsewhere/file", "stays");
    assert_int_equal(0, symlink(place->kit.root, link));
    place->context.now = true;
    int64_t freed = 0, size = kit_du(&place->kit);
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
    assert_int_equal(size, freed);
    assert_false(file_exists(place->kit.root, "api"));
    assert_true(file_exists(place->kit.root, "elsewhere/file"));
    free(link);
}

/* ---- what a killed one left */

static void test_recover(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    size_t count = 0;
    for (int beside = 0; beside < 2; beside++) {
        static const unsigned moved[] = {3, 121, 50, 1};
        for (size_t i = 0; i < LEN(moved); i++) {
            const char *hex = kit_digest(moved[i]) + 7;
            char *from = path_join(place->kit.dir, kit_blob_path(moved[i]));
            char *name = mem_printf(beside ? ".bilge-aside.%s" : ".bilge-aside/%s", hex);
            char *to = path_join(place->kit.dir, name);
            dir_make(place->kit.dir, ".bilge-aside");
            if (access(from, F_OK) == 0)
                assert_int_equal(0, rename(from, to));
            free(from);
            free(name);
            free(to);
        }
        file_write_text(place->kit.dir, beside ? ".bilge-aside.ingest.x/data"
                                               : ".bilge-aside/ingest.x/data", "x");
        assert_int_equal(0, remove_recover(place->kit.root_fd, place->kit.root, &count, &err));
        assert_true(has_blob(place, 3) && has_blob(place, 121));
        /* 1 is of an older generation whose manifest stands: it stays, too */
        assert_true(has_blob(place, 1));
        assert_false(has_blob(place, 50));
        assert_live_whole(place);
        assert_tidy(place);
    }
    assert_int_equal(5 + 4, count);
}

/* The live manifest itself waits. */
static void test_recover_live_manifest(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    static const unsigned moved[] = {120, 5};
    for (size_t i = 0; i < LEN(moved); i++) {
        char *from = path_join(place->kit.dir, kit_blob_path(moved[i]));
        char *name = mem_printf(i == 0 ? ".bilge-aside.%s" : ".bilge-aside/%s",
                                kit_digest(moved[i]) + 7);
        char *to = path_join(place->kit.dir, name);
        dir_make(place->kit.dir, ".bilge-aside");
        assert_int_equal(0, rename(from, to));
        free(from);
        free(name);
        free(to);
    }
    assert_int_equal(0, remove_recover(place->kit.root_fd, place->kit.root, NULL, &err));
    assert_live_whole(place);
    assert_tidy(place);
}

static void test_recover_gone(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    size_t count = 0;
    char *gone = path_join(place->kit.root, ".bilge-gone.api.00");
    assert_int_equal(0, rename(place->kit.dir, gone));
    file_write_text(place->kit.root, ".bilge-gone.project/src/main.c", "somebody's work");
    assert_int_equal(0, symlinkat("/", place->kit.root_fd, ".bilge-gone.link"));
    int fd = open(gone, O_RDONLY | O_DIRECTORY);
    assert_int_equal(0, flock(fd, LOCK_EX | LOCK_NB)); /* a living bilge is at it */
    assert_int_equal(0, remove_recover(place->kit.root_fd, place->kit.root, &count, &err));
    assert_int_equal(0, count);
    assert_true(file_exists(place->kit.root, ".bilge-gone.api.00/index.json"));
    close(fd);
    assert_int_equal(0, remove_recover(place->kit.root_fd, place->kit.root, &count, &err));
    assert_int_equal(1, count);
    assert_false(file_exists(place->kit.root, ".bilge-gone.api.00"));
    assert_true(file_exists(place->kit.root, ".bilge-gone.project/src/main.c"));
    free(gone);
}

/* Names in the place aside that are none of ours stay there. */
static void test_recover_strangers(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    file_write_text(place->kit.dir, ".bilge-aside/notes.txt", "mine");
    file_write_text(place->kit.dir, ".bilge-aside.txt", "mine");
    assert_int_equal(0, remove_recover(place->kit.root_fd, place->kit.root, NULL, &err));
    assert_true(kit_exists(&place->kit, ".bilge-aside/notes.txt"));
    assert_true(kit_exists(&place->kit, ".bilge-aside.txt"));
    want_garbage(place);
    assert_int_equal(0, removal(place, &err));
    assert_true(kit_exists(&place->kit, ".bilge-aside/notes.txt"));
}

int main(void)
{
    limit_program(120);
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_garbage),
        TEST(test_live_stays),
        TEST(test_changed_items_stay),
        TEST(test_other_directory),
        TEST(test_swapped_for_symlink),
        TEST(test_blobs_swapped_for_symlink),
        TEST(test_busy),
        TEST(test_building_client),
        TEST(test_client_starts_while_waiting),
        TEST(test_export_begins_while_waiting),
        TEST(test_older_one_is_live_again),
        TEST(test_new_manifest_while_waiting),
        TEST(test_written_anew_while_waiting),
        TEST(test_unknown_live),
        TEST(test_no_index),
        TEST(test_another_bilge),
        TEST(test_full_disk),
        TEST(test_full_disk_rounds),
        TEST(test_read_only_mode),
        TEST(test_cancel),
        TEST(test_progress),
        TEST(test_hard_link),
        TEST(test_service),
        TEST(test_service_in_a_project),
        TEST(test_service_foreign),
        TEST(test_service_empty),
        TEST(test_service_missing),
        TEST(test_service_large),
        TEST(test_recover),
        TEST(test_recover_live_manifest),
        TEST(test_recover_gone),
        TEST(test_recover_strangers),
    };
    return cmocka_run_group_tests_name("cache_remove", tests, NULL, NULL);
}
