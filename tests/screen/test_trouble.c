/* Engines and projects that are not well; everything else goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/screen/stage.h"
#include "tests/support/limit.h"

static void see_caches(struct stage *stage)
{
    stage_see(stage, "old-branch");
    stage_see(stage, "40.0 MB");
}

static void test_absent(void **state)
{
    struct stage *stage = *state;
    for (int size = 0; size < STAGE_SIZES; size++) {
        stage_start(stage, stage_sizes[size][0], stage_sizes[size][1], NULL);
        stage_see(stage, "old-branch");
        golden_wait(stage->terminal, "engine-absent");
        stage_quit(stage, "q");
    }
}

static void test_comes_later(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, 120, 40, NULL);
    see_caches(stage);
    stage_see(stage, "Trying again by itself");
    world_start_engine(stage->world);
    stage_see(stage, "5 records");
    stage_see_gone(stage, "Trying again by itself");
    stage_quit(stage, "q");
}

static void test_dies_and_comes_back(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 120, 40, NULL);
    world_stop_engine(stage->world);
    stage_see(stage, "Trying again by itself");
    see_caches(stage);
    world_start_engine(stage->world);
    stage_see_gone(stage, "Trying again by itself");
    stage_see(stage, "5 records");
    stage_quit(stage, "q");
}

static void test_permission_denied(void **state)
{
    struct stage *stage = *state;
    if (geteuid() == 0) { /* root may do everything: let the engine itself refuse */
        file_write_text(stage->world->engine, "_ping.http",
                        "HTTP/1.1 403 Forbidden\r\nContent-Length: 34\r\n\r\n"
                        "{\"message\":\"authorization denied\"}\n");
        world_start_engine(stage->world);
        stage_start(stage, 120, 40, NULL);
        stage_see(stage, "authorization denied");
    } else {
        world_start_engine(stage->world);
        chmod(stage->world->socket, 0);
        stage_start(stage, 120, 40, NULL);
        stage_see(stage, "no permission for");
    }
    see_caches(stage);
    stage_quit(stage, "q");
}

static void test_answers_nonsense(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"Build",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 22\r\n\r\n"
         "{\"message\":\"no space\"}"),
        "SSH-2.0-OpenSSH_9.2\r\n",
        "",
    };
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        world_stop_engine(stage->world);
        file_write_text(stage->world->engine, "system_df.http", answers[i]);
        world_start_engine(stage->world);
        stage_start(stage, 120, 40, NULL);
        see_caches(stage);
        stage_see(stage, "Trying again by itself");
        stage_quit(stage, "q");
    }
}

static void test_hangs(void **state)
{
    struct stage *stage = *state;
    file_write_text(stage->world->engine, "system_df.hang", "");
    world_start_engine(stage->world);
    stage_start(stage, 120, 40, NULL);
    see_caches(stage);
    stage_press(stage, "?", "Main screen");
    terminal_press(stage->terminal, "q");
    stage_see(stage, "old-branch");
    stage_quit(stage, "q");
}

/* SQLite would wait for a writer of it for ever. */
static void test_a_history_that_cannot_be_used(void **state)
{
    struct stage *stage = *state;
    char *journal = path_join(stage->world->path, "home/.local/state/bilge/history.db-journal");
    dir_make(stage->world->path, "home/.local/state/bilge");
    assert_int_equal(0, mkfifo(journal, 0600));
    stage_start_full(stage, 120, 40, NULL);
    stage_see(stage, "not a regular file");
    stage_press(stage, "?", "Main screen"); /* which takes the message away */
    stage_press(stage, "q", "Tab pane");
    stage_see_gone(stage, "not a regular file");
    stage_press(stage, "!", "warning       opening the history"); /* the doctor knows it still */
    stage_press(stage, "q", "Tab pane");
    stage_quit(stage, "q");
    free(journal);
}

static void test_broken_project(void **state)
{
    struct stage *stage = *state;
    char *config = path_join(stage->world->docker, "config.json");
    unlink(config);
    free(config);
    file_write_text(stage->world->docker, "config.err",
                    "yaml: line 3: mapping values are not allowed in this context\n");
    file_write_text(stage->world->docker, "config.status", "15");
    stage_start(stage, 120, 40, NULL);
    stage_see(stage, "mapping values are not allowed");
    stage_see(stage, "old-branch");
    stage_quit(stage, "q");
}

static void test_sick_caches(void **state)
{
    struct stage *stage = *state;
    const char *caches = stage->world->caches;
    static const struct fake_cache broken = {"broken", 2, 5000000, 1, 3600};
    world_add_cache(stage->world, &broken);
    file_write_text(caches, "broken/index.json", "{\"schemaVersion\":2,");
    file_write_text(caches, "foreign/holiday/photo.jpg", "not a layout");
    dir_make(caches, "hollow");
    stage_start(stage, 120, 40, NULL);
    stage_see(stage, "broken");
    stage_see(stage, "foreign");
    stage_see(stage, "hollow");
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "foreign" KEY_ENTER_SENT);
    stage_see_gone(stage, "hollow");
    stage_press(stage, "d", "Plan");
    stage_see(stage, "Nothing to delete");
    terminal_press(stage->terminal, "y");
    stage_see_gone(stage, "Nothing to delete");
    assert_true(file_exists(caches, "foreign/holiday/photo.jpg"));
    stage_quit(stage, "q");
}

static void test_hostile_names(void **state)
{
    static const char *const names[] = {
        "esc\033[2J\033[31m",
        "line\nbreak",
        "bad\xff\xfeutf8",
        "\xe2\x80\xaekcab",
        "--yes",
        "%s%n%d",
        "wide漢字漢字漢字漢字漢字漢字漢字",
        " ",
        "...",
        ("very-long-very-long-very-long-very-long-very-long-very-long-very-long-very-long-"
         "very-long-very-long-very-long-very-long"),
    };
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        world_add_cache(stage->world, &(struct fake_cache){names[i], 1, 2441 * 4096, 1, 7200});
    char *link = path_join(stage->world->caches, "link");
    assert_int_equal(0, symlink("/etc", link));
    free(link);
    for (int size = 0; size < STAGE_SIZES; size++) {
        stage_start(stage, stage_sizes[size][0], stage_sizes[size][1], NULL);
        stage_see(stage, "rust-worker");
        golden_wait(stage->terminal, "hostile");
        terminal_press(stage->terminal, "G");
        terminal_press(stage->terminal, KEY_ENTER_SENT);
        terminal_press(stage->terminal, "q");
        const char *raw = terminal_raw(stage->terminal);
        assert_null(strstr(raw, "bad\xff"));
        assert_null(strstr(raw, "\xe2\x80\xaekcab"));
        stage_quit(stage, "q");
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_absent),
        CASE(test_comes_later),
        CASE(test_dies_and_comes_back),
        CASE(test_permission_denied),
        CASE(test_answers_nonsense),
        CASE(test_hangs),
        CASE(test_a_history_that_cannot_be_used),
        CASE(test_broken_project),
        CASE(test_sick_caches),
        CASE(test_hostile_names),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
