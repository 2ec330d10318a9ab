/* Care for caches by keys: verify and repair, restore, links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/screen/stage.h"
#include "tests/support/limit.h"

/* A recorded cache of a real engine: its digests are true. */
#define LIVE "0dc874a1f0bf"
#define BEFORE "5182eda821b0"
#define LIVE_LAYER "blobs/sha256/3a1469d0c8bf97a9f40b334da589e2371860d2a6366bbb15fd31ad5755b0fc62"

static void add_recorded(struct stage *stage, const char *name)
{
    char *from = path_join(getenv("BILGE_TEST_DATA"), "screen/caches/five-rebuilds");
    tree_copy(from, stage->world->caches, name);
    tree_make_older(stage->world->caches, name, 7200);
    free(from);
}

static int open_recorded(void **state)
{
    stage_open_empty(state);
    add_recorded(*state, "api");
    return 0;
}

static void open_details(struct stage *stage, const char *const *options)
{
    stage_start(stage, 100, 40, options);
    stage_see(stage, "api");
    stage_press(stage, KEY_ENTER_SENT, "EXPORT");
}

static bool names(struct stage *stage, const char *manifest)
{
    char *index = file_read(stage->world->caches, "api/index.json", NULL);
    bool found = strstr(index, manifest) != NULL;
    free(index);
    return found;
}

static void test_restore(void **state)
{
    struct stage *stage = *state;
    assert_true(names(stage, LIVE));
    open_details(stage, NULL);
    stage_see(stage, "\u25b8 " BEFORE); /* the one that is meant most often */
    stage_press(stage, "R", "Restore?");
    terminal_press(stage->terminal, KEY_ENTER_SENT); /* no is the default */
    stage_see_gone(stage, "Restore?");
    assert_true(names(stage, LIVE));
    stage_press(stage, "R", "Restore?");
    stage_press(stage, "y", "the next build imports it");
    assert_true(names(stage, BEFORE));
    stage_press(stage, "q", "Exports");
    terminal_press(stage->terminal, "q");
    stage_quit(stage, "q");
}

/* Tab goes on to the next export and round. */
static void test_chooses_the_export(void **state)
{
    struct stage *stage = *state;
    open_details(stage, NULL);
    for (int i = 0; i < 5; i++)
        terminal_press(stage->terminal, "\t");
    stage_see(stage, "\u25b8 " LIVE);
    stage_press(stage, "R", "is the live one already");
    stage_press(stage, "\t", "\u25b8 " BEFORE);
    terminal_press(stage->terminal, "q");
    stage_quit(stage, "q");
}

static void test_verify_whole(void **state)
{
    struct stage *stage = *state;
    open_details(stage, NULL);
    stage_press(stage, "V", "there and whole");
    stage_see(stage, "checked in");
    terminal_press(stage->terminal, "R"); /* nothing to repair */
    stage_press(stage, "q", "Exports");
    terminal_press(stage->terminal, "q");
    stage_quit(stage, "q");
}

/* A byte of a live layer has turned over: the size is right. */
static void test_repair(void **state)
{
    struct stage *stage = *state;
    size_t len;
    char *dir = path_join(stage->world->caches, "api"), *blob = file_read(dir, LIVE_LAYER, &len);
    char *path = path_join(dir, LIVE_LAYER);
    assert_int_equal(0, chmod(path, 0644));
    blob[len - 1] ^= 1;
    file_write(dir, LIVE_LAYER, blob, len);
    tree_make_older(stage->world->caches, "api", 7200);
    open_details(stage, NULL);
    stage_press(stage, "V", "digest:");
    stage_see(stage, "R repairs it");
    stage_press(stage, "R", "Repair?");
    terminal_press(stage->terminal, "n");
    stage_see_gone(stage, "Repair?");
    assert_true(names(stage, LIVE));
    stage_press(stage, "R", "Repair?");
    stage_press(stage, "y", "Repaired:");
    assert_true(names(stage, BEFORE));
    assert_false(file_exists(dir, LIVE_LAYER));
    stage_press(stage, "q", "Exports");
    stage_press(stage, "V", "there and whole");
    terminal_press(stage->terminal, "q");
    stage_see_gone(stage, "there and whole");
    terminal_press(stage->terminal, "q");
    stage_quit(stage, "q");
    free(blob);
    free(path);
    free(dir);
}

static void test_missing_blob_in_words(void **state)
{
    struct stage *stage = *state;
    char *dir = path_join(stage->world->caches, "api"), *path = path_join(dir, LIVE_LAYER);
    assert_int_equal(0, unlink(path));
    tree_make_older(stage->world->caches, "api", 7200);
    open_details(stage, NULL);
    stage_see(stage, "a layer that is gone");
    stage_see(stage, "fails until");
    stage_see(stage, "V verifies it and offers to repair it");
    terminal_press(stage->terminal, "q");
    stage_quit(stage, "q");
    free(path);
    free(dir);
}

static uint64_t inode_of(struct stage *stage, const char *name)
{
    char *path = mem_printf("%s/%s/%s", stage->world->caches, name, LIVE_LAYER);
    struct stat st;
    assert_int_equal(0, stat(path, &st));
    free(path);
    return st.st_ino;
}

static void test_links(void **state)
{
    struct stage *stage = *state;
    add_recorded(stage, "worker");
    open_details(stage, NULL);
    stage_see(stage, "32 blobs with worker");
    stage_press(stage, "q", "Services");
    stage_press(stage, "p", "Identical blobs");
    stage_press(stage, "d", "Gives back");
    terminal_press(stage->terminal, "n");
    stage_see_gone(stage, "Gives back");
    assert_int_not_equal(inode_of(stage, "api"), inode_of(stage, "worker"));
    stage_press(stage, "p", "Identical blobs");
    stage_press(stage, "d", "Gives back");
    stage_press(stage, "y", "32 of 32 linked");
    assert_int_equal(inode_of(stage, "api"), inode_of(stage, "worker"));
    terminal_press(stage->terminal, "q");
    stage_see_gone(stage, "linked");
    stage_quit(stage, "q");
}

static void test_read_only(void **state)
{
    static const char *const options[] = {"--read-only", NULL};
    struct stage *stage = *state;
    open_details(stage, options);
    stage_press(stage, "R", "Read-only");
    assert_true(names(stage, LIVE));
    stage_press(stage, "V", "there and whole");
    terminal_press(stage->terminal, "q");
    stage_see_gone(stage, "there and whole");
    terminal_press(stage->terminal, "q");
    stage_quit(stage, "q");
}

static void test_doctor(void **state)
{
    struct stage *stage = *state;
    for (int size = 0; size < STAGE_SIZES; size++) {
        stage_start(stage, stage_sizes[size][0], stage_sizes[size][1], NULL);
        stage_see(stage, "api");
        stage_press(stage, "!", "no engine answers");
        terminal_press(stage->terminal, "r");
        terminal_press(stage->terminal, "G");
        stage_see(stage, "remembered");
        stage_press(stage, "q", "Services");
        stage_quit(stage, "q");
    }
}

#define RECORDED(test) cmocka_unit_test_setup_teardown(test, open_recorded, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDED(test_restore),      RECORDED(test_chooses_the_export),
        RECORDED(test_verify_whole), RECORDED(test_repair),
        RECORDED(test_links),        RECORDED(test_missing_blob_in_words),
        RECORDED(test_read_only),    RECORDED(test_doctor),
    };
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
