/* What is to be seen when everything has answered, and before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/screen/stage.h"
#include "tests/support/limit.h"

#define EACH_SIZE(columns, rows)                                                                   \
    for (int size = 0, columns = 0, rows = 0;                                                      \
         size < STAGE_SIZES &&                                                                     \
         (columns = stage_sizes[size][0], rows = stage_sizes[size][1], true);                      \
         size++)

static void test_first_frame_waits_for_nothing(void **state)
{
    struct stage *stage = *state;
    file_write_text(stage->world->docker, "config.hang", "");
    file_write_text(stage->world->engine, "_ping.hang", "");
    world_start_engine(stage->world);
    EACH_SIZE(columns, rows)
    {
        stage_start(stage, columns, rows, NULL);
        stage_see(stage, "Services");
        stage_see(stage, "old-branch"); /* the directories need neither */
        stage_quit(stage, "q");
    }
}

static void test_filled(void **state)
{
    struct stage *stage = *state;
    EACH_SIZE(columns, rows)
    {
        world_stop_engine(stage->world);
        stage_start_full(stage, columns, rows, NULL);
        golden_wait(stage->terminal, "filled");
        stage_quit(stage, "q");
    }
}

static void test_header(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 120, 40, NULL);
    char *header = terminal_row_text(stage->terminal, 0);
    assert_non_null(strstr(header, "tasker"));
    assert_non_null(strstr(header, "docker 26.1"));
    assert_non_null(strstr(header, "builder default"));
    assert_non_null(strstr(header, "B free"));
    free(header);
    stage_quit(stage, "q");
}

static void test_empty_machine(void **state)
{
    struct stage *stage = *state;
    EACH_SIZE(columns, rows)
    {
        stage_start(stage, columns, rows, NULL);
        stage_see(stage, "No cache directory here yet");
        golden_wait(stage->terminal, "empty");
        stage_quit(stage, "q");
    }
}

static void test_resize_at_any_moment(void **state)
{
    static const int sizes[][2] = {{120, 40}, {40, 10}, {200, 60}, {80, 24}, {20, 5}, {1, 1}};
    struct stage *stage = *state;
    stage_start_full(stage, 80, 24, NULL);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            terminal_resize(stage->terminal, sizes[i][0], sizes[i][1]);
    terminal_resize(stage->terminal, 120, 40);
    golden_wait(stage->terminal, "filled");
    terminal_resize(stage->terminal, 40, 10);
    golden_wait(stage->terminal, "filled");
    terminal_resize(stage->terminal, 80, 24);
    golden_wait(stage->terminal, "filled");
    stage_quit(stage, "q");
}

static void test_help(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 80, 24, NULL);
    EACH_SIZE(columns, rows)
    {
        terminal_resize(stage->terminal, columns, rows);
        terminal_press(stage->terminal, "?");
        golden_wait(stage->terminal, "help");
        terminal_press(stage->terminal, "q");
        golden_wait(stage->terminal, "filled");
    }
    stage_quit(stage, "q");
}

static void test_details(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 80, 24, NULL);
    EACH_SIZE(columns, rows)
    {
        terminal_resize(stage->terminal, columns, rows);
        terminal_press(stage->terminal, "1");
        terminal_press(stage->terminal, "g");
        terminal_press(stage->terminal, KEY_ENTER_SENT);
        golden_wait(stage->terminal, "details-service");
        stage_press(stage, "q", "Services");
        terminal_press(stage->terminal, "2");
        terminal_press(stage->terminal, "g");
        terminal_press(stage->terminal, KEY_ENTER_SENT);
        golden_wait(stage->terminal, "details-record");
        stage_press(stage, "q", "Build cache");
    }
    stage_quit(stage, "q");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_first_frame_waits_for_nothing),
        CASE(test_filled),
        CASE(test_header),
        cmocka_unit_test_setup_teardown(test_empty_machine, stage_open_empty, stage_close),
        CASE(test_resize_at_any_moment),
        CASE(test_help),
        CASE(test_details),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
