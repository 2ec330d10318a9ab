/* How it comes and goes: ways to quit, signals, kinds of terminals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/screen/stage.h"
#include "tests/support/limit.h"

static void test_quit(void **state)
{
    static const char *const keys[] = {"q", KEY_CTRL_C_SENT};
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        stage_start(stage, 80, 24, NULL);
        stage_see(stage, "old-branch");
        assert_true(terminal_is_alternate(stage->terminal));
        stage_quit(stage, keys[i]);
    }
}

static void test_quit_at_once(void **state)
{
    struct stage *stage = *state;
    for (int i = 0; i < 10; i++) { /* before, during and after the first scan */
        stage_start(stage, 80, 24, NULL);
        stage_see(stage, "Services");
        stage_quit(stage, "q");
    }
}

static void test_signals(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        stage_start(stage, 80, 24, NULL);
        stage_see(stage, "old-branch");
        terminal_signal(stage->terminal, signals[i]);
        terminal_wait_exit(stage->terminal);
        assert_false(terminal_is_alternate(stage->terminal));
        assert_true(terminal_shows_cursor(stage->terminal));
        assert_true(terminal_is_as_before(stage->terminal));
    }
}

static void test_hang_up(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, 80, 24, NULL);
    stage_see(stage, "old-branch");
    terminal_hang_up(stage->terminal);
    terminal_wait_exit(stage->terminal); /* it must not live on unseen */
}

static void test_hang_up_during_a_build(void **state)
{
    struct stage *stage = *state;
    file_write_text(stage->world->docker, "build.mode", "hang");
    file_write_text(stage->world->docker, "build.1", "#1 [a 1/1] RUN for ever\n#1 0.1 hello\n");
    stage_start(stage, 80, 24, NULL);
    stage_see(stage, "orchestration");
    stage_see(stage, "tasker");
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "orch" KEY_ENTER_SENT);
    stage_see_gone(stage, "old-branch");
    stage_press(stage, "b", "for ever");
    terminal_hang_up(stage->terminal);
    terminal_wait_exit(stage->terminal);
}

static void test_no_colour(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 80, 24, NULL);
    assert_true(terminal_has_look(stage->terminal, LOOK_COLOUR));
    stage_quit(stage, "q");
    world_setenv(stage->world, "NO_COLOR", "1");
    stage_start(stage, 80, 24, NULL);
    golden_wait(stage->terminal, "filled");
    assert_false(terminal_has_look(stage->terminal, LOOK_COLOUR));
    assert_true(terminal_has_look(stage->terminal, LOOK_REVERSE)); /* the cursor is still seen */
    stage_quit(stage, "q");
    world_setenv(stage->world, "NO_COLOR", NULL);
    static const char *const options[] = {"--no-color", NULL};
    stage_start(stage, 80, 24, options);
    golden_wait(stage->terminal, "filled");
    assert_false(terminal_has_look(stage->terminal, LOOK_COLOUR));
    stage_quit(stage, "q");
}

static void check_ascii(struct stage *stage)
{
    char *text = terminal_text(stage->terminal);
    for (const char *c = text; *c != '\0'; c++)
        assert_true((unsigned char)*c < 0x80);
    free(text);
}

static void test_ascii(void **state)
{
    static const char *const options[] = {"--ascii", NULL};
    struct stage *stage = *state;
    stage_start_full(stage, 80, 24, options);
    golden_wait(stage->terminal, "ascii");
    check_ascii(stage);
    stage_quit(stage, "q");
    world_setenv(stage->world, "LANG", "C"); /* a terminal that knows no more */
    stage_start(stage, 80, 24, NULL);
    golden_wait(stage->terminal, "ascii");
    check_ascii(stage);
    stage_quit(stage, "q");
}

static void test_other_terminals(void **state)
{
    static const char *const kinds[] = {"xterm", "screen-256color", "tmux-256color",
                                        "linux", "vt100",           "vt220"};
    struct stage *stage = *state;
    /* On "linux" curses loads libgpm for the mouse, which keeps some memory. */
    world_setenv(stage->world, "ASAN_OPTIONS", "detect_leaks=0");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        world_setenv(stage->world, "TERM", kinds[i]);
        stage_start(stage, 80, 24, NULL);
        stage_see(stage, "old-branch");
        terminal_press(stage->terminal, "q");
        assert_int_equal(0, terminal_wait_exit(stage->terminal));
        assert_true(terminal_is_as_before(stage->terminal));
    }
}

static void test_unfit_terminals(void **state)
{
    static const char *const kinds[] = {"dumb", "unknown", "no-such-terminal-at-all", "", NULL};
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        world_setenv(stage->world, "TERM", kinds[i]);
        stage_start(stage, 80, 24, NULL);
        stage_see(stage, "bilge status"); /* what to do instead */
        assert_int_equal(1, terminal_wait_exit(stage->terminal));
        assert_true(terminal_is_as_before(stage->terminal));
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_quit),    CASE(test_quit_at_once),           CASE(test_signals),
        CASE(test_hang_up), CASE(test_hang_up_during_a_build), CASE(test_no_colour),
        CASE(test_ascii),   CASE(test_other_terminals),        CASE(test_unfit_terminals),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
