/* Whole caches that go, and what a killed removal left. */
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
#include <unistd.h>

#include <cmocka.h>

#include "core/cache/remove.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/place_kit.h"

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
    place_show(place);
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
    place_show(place);
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
    assert_int_equal(0, place_remove(place, &err));
    assert_true(kit_exists(&place->kit, ".bilge-aside/notes.txt"));
}

int main(void)
{
    limit_program(120);
#define TEST(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
    const struct CMUnitTest tests[] = {
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
    return cmocka_run_group_tests_name("cache_whole", tests, NULL, NULL);
}
