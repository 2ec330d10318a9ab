/* Removal from a cache that may be busy, and what a second look changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cache/remove.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/place_kit.h"

/* A file that can't be looked at, or opened, from some time on: these stand before
 * libc's. */
static const char *unlucky;
static int look_errno, open_errno; /* 0: it can */

static bool is_unlucky(const char *name)
{
    return unlucky != NULL && strcmp(name, unlucky) == 0;
}

int statx(int fd, const char *restrict name, int flags, unsigned mask,
          struct statx *restrict ret_stat)
{
    if (look_errno != 0 && is_unlucky(name)) {
        errno = look_errno;
        return -1;
    }
    return (int)syscall(SYS_statx, fd, name, flags, mask, ret_stat);
}

int openat(int fd, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (open_errno != 0 && is_unlucky(path)) {
        errno = open_errno;
        return -1;
    }
    return (int)syscall(SYS_openat, fd, path, flags, mode);
}

/* ---- signs */

static void test_busy(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    place_ingest(&place->kit, "new", 3);
    want_garbage(place);
    assert_int_equal(ERR_BUSY, place_remove(place, &err));
    assert_non_null(strstr(err.text, "ingest"));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(ERR_BUSY, place->items[i].code);
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_true(has_blob(place, 50));
    place->context.now = true; /* the second, explained yes */
    assert_int_equal(0, place_remove(place, &err));
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
    building_client = "docker compose build api (pid 4711)";
    want_garbage(place);
    assert_int_equal(ERR_BUSY, place_remove(place, &err));
    assert_non_null(strstr(err.text, building_client));
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_true(has_blob(place, 50));
}

static void start_client(struct kit *kit)
{
    (void)kit;
    building_client = "docker build . (pid 1)";
}

static void test_client_starts_while_waiting(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    while_waiting = start_client;
    want_garbage(place);
    assert_int_equal(ERR_BUSY, place_remove(place, &err));
    assert_true(has_blob(place, 50) && has_blob(place, 100));
    assert_tidy(place);
}

static void begin_export(struct kit *kit)
{
    place_ingest(kit, "new", 0);
}

static void test_export_begins_while_waiting(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    while_waiting = begin_export;
    want_garbage(place);
    assert_int_equal(ERR_BUSY, place_remove(place, &err));
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
    assert_int_equal(0, place_remove(place, &err));
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
    assert_int_equal(0, place_remove(place, &err));
    assert_true(has_blob(place, 2) && has_blob(place, 50) && has_blob(place, 130));
    assert_false(has_blob(place, 1) || has_blob(place, 100) || has_blob(place, 110));
    assert_tidy(place);
}

/* It may need what is to go: when it can't be looked at or read, all stays. */
static void check_unlucky_manifest(struct place *place, int looks, int opens, int code)
{
    struct err err = {0};
    char hex[DIGEST_HEX_SIZE];
    const struct digest digest = kit_digest_value(130);
    unlucky = digest_hex(hex, &digest);
    look_errno = looks;
    open_errno = opens;
    while_waiting = commit_manifest;
    place->items_len = 0;
    want_garbage(place);
    assert_int_equal(code, place_remove(place, &err));
    unlucky = NULL;
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(code, place->items[i].code);
    assert_true(has_blob(place, 1) && has_blob(place, 2) && has_blob(place, 50));
    assert_true(has_blob(place, 100) && has_blob(place, 110));
    assert_tidy(place);
    char *path = path_join(place->kit.dir, kit_blob_path(130));
    assert_int_equal(0, unlink(path));
    free(path);
}

static void test_new_manifest_that_cannot_be_read(void **state)
{
    /* The look at what an export may be writing fails first. */
    check_unlucky_manifest(*state, EIO, 0, ERR_BUSY);
    check_unlucky_manifest(*state, EACCES, 0, ERR_BUSY);
    check_unlucky_manifest(*state, 0, EMFILE, -EMFILE);
    check_unlucky_manifest(*state, 0, EACCES, -EACCES);
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
    assert_int_equal(0, place_remove(place, &err));
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
    assert_int_equal(ERR_FORMAT, place_remove(place, &err));
    assert_true(has_blob(place, 50) && has_blob(place, 100));
    assert_tidy(place);
    assert_int_equal(ERR_FORMAT, place_remove(place, &err));
    for (size_t i = 0; i < place->items_len; i++)
        assert_int_equal(ERR_FORMAT, place->items[i].code);
    assert_tidy(place);
    int64_t freed; /* as a whole it may still go */
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
}

int main(void)
{
    limit_program(120);
#define TEST(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_busy),
        TEST(test_building_client),
        TEST(test_client_starts_while_waiting),
        TEST(test_export_begins_while_waiting),
        TEST(test_older_one_is_live_again),
        TEST(test_new_manifest_while_waiting),
        TEST(test_new_manifest_that_cannot_be_read),
        TEST(test_written_anew_while_waiting),
        TEST(test_unknown_live),
    };
    return cmocka_run_group_tests_name("cache_races", tests, NULL, NULL);
}
