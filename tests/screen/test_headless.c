/* The headless commands at a terminal: the question before a deletion, and
 * what of a build's output may reach the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/screen/stage.h"
#include "tests/support/limit.h"

#define COLUMNS 100
#define ROWS 40
#define QUESTION "Delete this? [y/N]"

static const char *const prune[] = {"prune", "--service", "old-branch", NULL};

static bool is_there(const struct stage *stage)
{
    return file_exists(stage->world->caches, "old-branch/index.json");
}

static void test_no_is_the_default(void **state)
{
    static const char *const answers[] = {"\r", "n\r", "\004", "yess\r", "  y\r", "\rn\r"};
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        stage_start(stage, COLUMNS, ROWS, prune);
        stage_see(stage, QUESTION);
        assert_true(terminal_shows(stage->terminal, "old-branch"));
        assert_true(terminal_shows(stage->terminal, "12.0 MB will come back."));
        terminal_press(stage->terminal, answers[i]);
        stage_see(stage, "Nothing was deleted.");
        stage_ended(stage, 0);
        assert_true(is_there(stage));
    }
}

static void test_yes(void **state)
{
    static const char *const answers[] = {"y\r", "YES\r"};
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct fake_cache cache = {"old-branch", 2, 6000000, 1, 34 * 86400};
        if (!is_there(stage))
            world_add_cache(stage->world, &cache);
        stage_start(stage, COLUMNS, ROWS, prune);
        stage_see(stage, QUESTION);
        terminal_press(stage->terminal, answers[i]);
        stage_see(stage, "Freed 12.0 MB of 12.0 MB planned.");
        stage_ended(stage, 0);
        assert_false(file_exists(stage->world->caches, "old-branch"));
        assert_true(file_exists(stage->world->caches, "orchestration/index.json"));
    }
}

static void test_interrupt_at_the_question(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, COLUMNS, ROWS, prune);
    stage_see(stage, QUESTION);
    terminal_press(stage->terminal, KEY_CTRL_C_SENT);
    stage_ended(stage, 130);
    assert_true(is_there(stage));
}

static void test_hang_up_at_the_question(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, COLUMNS, ROWS, prune);
    stage_see(stage, QUESTION);
    terminal_hang_up(stage->terminal);
    terminal_wait_exit(stage->terminal);
    assert_true(is_there(stage));
}

static void test_dry_run_asks_nothing(void **state)
{
    static const char *const dry[] = {"prune", "--service", "old-branch", "--dry-run", NULL};
    struct stage *stage = *state;
    stage_start(stage, COLUMNS, ROWS, dry);
    stage_see(stage, "12.0 MB will come back.");
    stage_ended(stage, 0);
    assert_false(terminal_shows(stage->terminal, "[y/N]"));
    assert_true(is_there(stage));
}

static void test_json_asks_too(void **state)
{
    static const char *const json[] = {"prune", "--service", "old-branch", "--json", NULL};
    struct stage *stage = *state;
    stage_start(stage, COLUMNS, ROWS, json);
    stage_see(stage, QUESTION);
    terminal_press(stage->terminal, "n\r");
    stage_see(stage, "\"freed\":0");
    stage_ended(stage, 0);
    assert_true(is_there(stage));
}

/* Nothing raw: a step that clears the screen, sets the title, rings. */
static const char hostile_log[] = "#1 [orchestration 1/1] RUN x\n"
                                  "#1 0.100 \033[2J\033[H\033]0;owned\007first\n"
                                  "#1 0.200 \033[31mred\033[0m \033[?1049h\033Pq\033\\last\n"
                                  "#1 DONE 0.3s\n";

static void build(struct stage *stage)
{
    static const char *const command[] = {"build", "orchestration", NULL};
    file_write_text(stage->world->docker, "build.log", hostile_log);
    stage_start(stage, COLUMNS, ROWS, command);
    stage_see(stage, "DONE");
    stage_ended(stage, 0);
    assert_true(terminal_shows(stage->terminal, "RUN x"));
    assert_true(terminal_shows(stage->terminal, "first"));
    assert_true(terminal_shows(stage->terminal, "red last"));
    assert_null(strstr(terminal_raw(stage->terminal), "\033]"));
    assert_null(strstr(terminal_raw(stage->terminal), "\033[2J"));
    assert_null(strstr(terminal_raw(stage->terminal), "\007"));
}

static void test_build_colours(void **state)
{
    struct stage *stage = *state;
    build(stage);
    assert_true(terminal_has_look(stage->terminal, LOOK_COLOUR));
}

static void test_build_without_colours(void **state)
{
    struct stage *stage = *state;
    world_setenv(stage->world, "NO_COLOR", "1");
    build(stage);
    assert_null(strstr(terminal_raw(stage->terminal), "\033"));
}

static void test_interrupt_a_build(void **state)
{
    static const char *const command[] = {"build", "orchestration", NULL};
    struct stage *stage = *state;
    file_write_text(stage->world->docker, "build.mode", "hang\n");
    file_write_text(stage->world->docker, "build.1", "#1 [orchestration 1/1] RUN sleep 600\n");
    stage_start(stage, COLUMNS, ROWS, command);
    stage_see(stage, "RUN sleep 600");
    terminal_press(stage->terminal, KEY_CTRL_C_SENT);
    stage_see(stage, "the build was interrupted");
    stage_ended(stage, 130);
}

static void test_a_row_of_records_is_one_line(void **state)
{
    static const char *const du[] = {"du", NULL};
    struct stage *stage = *state;
    world_start_engine(stage->world);
    stage_start(stage, 60, 24, du);
    stage_see(stage, "Builder default: 5 records");
    stage_ended(stage, 0);
    char *first = terminal_row_text(stage->terminal, 1);
    assert_non_null(strstr(first, "exec.cachemount"));
    free(first);
    first = terminal_row_text(stage->terminal, 6);
    assert_string_equal(first, "");
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_is_the_default, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_yes, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_interrupt_at_the_question, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_hang_up_at_the_question, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_dry_run_asks_nothing, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_json_asks_too, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_build_colours, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_build_without_colours, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_interrupt_a_build, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(test_a_row_of_records_is_one_line, stage_open, stage_close),
    };
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
