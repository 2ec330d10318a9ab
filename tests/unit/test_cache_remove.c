/* Removal: what goes, what must not, and what a disk refuses. */
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
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/cache/remove.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/place_kit.h"

/* This stands before libc's. */
static int lock_errno, locks_failing;

int flock(int fd, int operation)
{
    if (locks_failing > 0) {
        locks_failing--;
        errno = lock_errno;
        return -1;
    }
    return (int)syscall(SYS_flock, fd, operation);
}

static void test_garbage(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t garbage = cache_garbage_bytes(place->cache), before = kit_du(&place->kit), freed = 0;
    want_garbage(place);
    assert_int_equal(0, place_remove(place, &err));
    for (size_t i = 0; i < place->items_len; i++) {
        assert_int_equal(0, place->items[i].code);
        freed += place->items[i].freed_bytes;
    }
    assert_int_equal(garbage, freed);
    assert_int_equal(before - freed, kit_du(&place->kit));
    assert_live_whole(place);
    assert_tidy(place);
    place_show(place);
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
    assert_int_equal(0, place_remove(place, &err));
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
    assert_int_equal(0, place_remove(place, &err));
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
    assert_int_equal(ERR_CHANGED, place_remove(place, &err));
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
    assert_true(place_remove(place, &err) < 0);
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
    place_remove(place, &err);
    char *there = path_join(other, kit_blob_path(50) + strlen("blobs/"));
    assert_int_equal(0, access(there, F_OK));
    free(blobs);
    free(other);
    free(there);
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
    assert_int_equal(0, place_remove(place, &err));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(0, place->items[i].code);
    assert_tidy(place);
}

/* ---- one of several live exports */

/* Two tags: 120, which stays, and 100. */
static struct remove_item *want_live(struct place *place)
{
    kit_index(&place->kit, (unsigned[]){120, 100}, 2);
    place_show(place);
    struct remove_item *item = &place->items[place->items_len++];
    *item = (struct remove_item){.kind = REMOVE_LIVE,
                                 .digest = kit_digest_value(100),
                                 .modified_at = place->cache->last_export_at,
                                 .code = 77};
    for (size_t i = 0; i < 3; i++)
        want_blob(place, (unsigned[]){100, 101, 1}[i]);
    return item;
}

static size_t count_live(struct place *place)
{
    size_t live = 0;
    place_show(place);
    for (size_t i = 0; i < place->cache->generations_len; i++)
        live += place->cache->generations[i].live;
    return live;
}

static void test_a_live_export_goes_and_the_others_stay_whole(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    want_live(place);
    assert_int_equal(0, place_remove(place, &err));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(0, place->items[i].code);
    assert_false(has_blob(place, 100) || has_blob(place, 101) || has_blob(place, 1));
    assert_true(has_blob(place, 2)); /* an older export has it */
    assert_live_whole(place);
    assert_tidy(place);
    assert_int_equal(1, count_live(place));
    assert_int_equal(0, place->cache->problems_total);
}

static void test_a_live_export_of_a_changed_index_stays(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    want_live(place)->modified_at--;
    assert_int_equal(ERR_CHANGED, place_remove(place, &err));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(ERR_CHANGED, place->items[i].code);
    assert_true(has_blob(place, 100) && has_blob(place, 101) && has_blob(place, 1));
    assert_int_equal(2, count_live(place));
    assert_tidy(place);
}

/* The index never names an export that lacks something, nor none. */
static void test_a_live_export_stays_when_no_whole_one_would_be_left(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    want_live(place);
    char *path = path_join(place->kit.dir, kit_blob_path(5));
    assert_int_equal(0, unlink(path));
    free(path);
    assert_int_equal(ERR_CHANGED, place_remove(place, &err));
    assert_int_equal(ERR_CHANGED, place->items[0].code);
    assert_int_equal(2, count_live(place));
    kit_index(&place->kit, (unsigned[]){100}, 1);
    place_show(place);
    place->items[0].modified_at = place->cache->last_export_at;
    assert_int_equal(ERR_CHANGED, place_remove(place, &err));
    assert_int_equal(1, count_live(place));
    assert_true(has_blob(place, 1));
    assert_tidy(place);
}

static void test_a_live_export_of_a_busy_cache_stays(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    want_live(place);
    building_client = "docker compose build (4711)";
    assert_int_equal(ERR_BUSY, place_remove(place, &err));
    assert_int_equal(ERR_BUSY, place->items[0].code);
    assert_int_equal(2, count_live(place));
}

static void name_again(struct kit *kit)
{
    /* Sizes are not asked: the manifest waits elsewhere just now. */
    char *text = mem_printf("{\"schemaVersion\":2,\"manifests\":["
                            "{\"mediaType\":\"" KIT_INDEX "\",\"digest\":\"%s\"},"
                            "{\"mediaType\":\"" KIT_INDEX "\",\"digest\":\"%s\"}]}",
                            kit_digest(120), kit_digest(100));
    kit_write(kit, "index.json", text, strlen(text));
    free(text);
}

/* An export that wants the blobs again while they are set aside gets them. */
static void test_a_live_export_that_is_named_again_keeps_its_blobs(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    want_live(place);
    while_waiting = name_again;
    assert_int_equal(0, place_remove(place, &err));
    assert_int_equal(0, place->items[0].code); /* it was not named, for a moment */
    for (size_t i = 1; i < place->items_len; i++)
        assert_int_equal(ERR_CHANGED, place->items[i].code);
    assert_int_equal(2, count_live(place));
    assert_true(place->cache->generations[0].whole && place->cache->generations[1].whole);
    assert_tidy(place);
}

/* ---- builds that can't be seen */

static int64_t touched_at(const struct kit *kit)
{
    struct fs_stat stat;
    assert_int_equal(0, fs_stat_at(kit->root_fd, kit->name, &stat, NULL));
    return stat.modified_at;
}

static void build_opens(struct kit *kit)
{
    kit_write(kit, "index.json.lock", "", 0);
    assert_int_equal(0, unlinkat(kit->root_fd, "api/index.json.lock", 0));
}

/* In a container bilge's own traces don't look like a build's. */
static void test_own_traces_are_no_sign(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    kit_set_processes(&place->kit, KIT_CONTAINER);
    for (int full = 0; full < 2; full++) {
        mkdir_errno = full ? ENOSPC : 0;
        place->items_len = 0;
        want_blob(place, full ? 1 : 50);
        kit_set_age(&place->kit, "index.json", 5000);
        kit_set_age(&place->kit, ".", 4999);
        int64_t before = touched_at(&place->kit);
        assert_int_equal(0, place_remove(place, &err));
        assert_int_equal(0, place->items[0].code);
        assert_int_equal(before, touched_at(&place->kit));
    }
}

static void test_a_build_that_opens_the_cache_meanwhile(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    kit_set_processes(&place->kit, KIT_CONTAINER);
    kit_set_age(&place->kit, "index.json", 5000);
    kit_set_age(&place->kit, ".", 4999);
    want_garbage(place);
    while_waiting = build_opens;
    assert_int_equal(ERR_BUSY, place_remove(place, &err));
    assert_null(while_waiting);
    assert_non_null(strstr(err.text, "a build opened it"));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(ERR_BUSY, place->items[i].code);
    assert_live_whole(place);
    assert_tidy(place);
    assert_int_equal(ERR_BUSY, place_remove(place, &err)); /* the sign stays */
    kit_set_processes(&place->kit, KIT_ALL_SEEN);
    assert_int_equal(0, place_remove(place, &err));
    assert_false(has_blob(place, 50));
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
    assert_int_equal(ERR_BUSY, place_remove(place, &err));
    assert_non_null(strstr(err.text, "another bilge"));
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    close(fd);
    assert_int_equal(0, place_remove(place, &err));
    assert_false(has_blob(place, 50));
}

/* Where there are no locks the work goes on; any other error of locking is one. */
static void test_locks_that_fail(void **state)
{
    static const struct {
        int code;
        int times;
        int result;
    } cases[] = {
        {ENOLCK, 9, 0}, {EOPNOTSUPP, 9, 0}, {EINVAL, 9, 0},       {EINTR, 3, 0},
        {EIO, 9, -EIO}, {EBADF, 9, -EBADF}, {ENOMEM, 9, -ENOMEM},
    };
    struct place *place = *state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct err err = {0};
        kit_layer(&place->kit, 60, 100);
        place_show(place);
        place->items_len = 0;
        want_blob(place, 60);
        lock_errno = cases[i].code;
        locks_failing = cases[i].times;
        assert_int_equal(cases[i].result, place_remove(place, &err));
        locks_failing = 0;
        assert_int_equal(cases[i].result == 0, !has_blob(place, 60));
        assert_tidy(place);
    }
}

static void test_full_disk(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    mkdir_errno = ENOSPC;
    want_garbage(place);
    assert_int_equal(0, place_remove(place, &err));
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
    place_show(place);
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
    place_remove(place, &err);
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
    assert_int_equal(0, place_remove(place, &err));
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
    assert_int_equal(0, place_remove(place, &err));
    for (size_t i = 0; i < place->items_len; i++)
        freed += place->items[i].freed_bytes;
    assert_int_equal(freed, told);
    told = -1;
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
    place_show(place);
    struct remove_item *item = want_blob(place, 50);
    assert_int_equal(0, place_remove(place, &err));
    assert_int_equal(0, item->code);
    assert_int_equal(0, item->freed_bytes);
    free(from);
    free(to);
}

int main(void)
{
    limit_program(120);
#define TEST(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_garbage),
        TEST(test_live_stays),
        TEST(test_changed_items_stay),
        TEST(test_other_directory),
        TEST(test_swapped_for_symlink),
        TEST(test_blobs_swapped_for_symlink),
        TEST(test_no_index),
        TEST(test_a_live_export_goes_and_the_others_stay_whole),
        TEST(test_a_live_export_of_a_changed_index_stays),
        TEST(test_a_live_export_stays_when_no_whole_one_would_be_left),
        TEST(test_a_live_export_of_a_busy_cache_stays),
        TEST(test_a_live_export_that_is_named_again_keeps_its_blobs),
        TEST(test_own_traces_are_no_sign),
        TEST(test_a_build_that_opens_the_cache_meanwhile),
        TEST(test_another_bilge),
        TEST(test_locks_that_fail),
        TEST(test_full_disk),
        TEST(test_full_disk_rounds),
        TEST(test_read_only_mode),
        TEST(test_cancel),
        TEST(test_progress),
        TEST(test_hard_link),
    };
    return cmocka_run_group_tests_name("cache_remove", tests, NULL, NULL);
}
