/* The log screen: what is sought, jumped to, left out, saved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/screen/stage.h"
#include "tests/support/limit.h"

/* Two services; the lines of one step are long, wide and coloured. */
static char *make_log(void)
{
    struct buf log = {0};
    buf_append_str(&log, "#1 [orchestration internal] load build definition from Dockerfile\n"
                         "#1 DONE 0.1s\n\n"
                         "#2 [ruby-worker internal] load build definition from Dockerfile\n"
                         "#2 DONE 0.1s\n\n"
                         "#3 [orchestration 1/2] RUN make\n");
    for (int i = 1; i <= 60; i++)
        buf_printf(&log, "#3 0.%03d \033[32mcompiling\033[0m unit %d of sixty\n", i, i);
    buf_append_str(&log, "#3 0.100 error: Needle in the first\n"
                         "#3 ERROR: process \"/bin/sh -c make\" did not complete successfully: "
                         "exit code: 2\n\n"
                         "#4 [ruby-worker 2/3] RUN bundle\n");
    for (int i = 1; i <= 40; i++)
        buf_printf(&log, "#4 0.%03d 日本語 cafe\xcc\x81 gem %d%s\n", i, i,
                   i == 20 ? " and a line that is longer than any terminal here is wide, so that "
                             "one has to go to the right to see the needle at its very end"
                           : "");
    buf_append_str(&log, "#4 0.050 [output clipped, log limit 200KiB/s reached]\n"
                         "#4 WARN: SomeRule: something is odd (line 3)\n"
                         "#4 ERROR: process \"/bin/sh -c bundle\" did not complete successfully: "
                         "exit code: 3\n"
                         "failed to solve: process \"/bin/sh -c make\" did not complete "
                         "successfully: exit code: 2\n");
    return buf_take(&log);
}

static void start(struct stage *stage, int columns, int rows)
{
    char *log = make_log();
    file_write_text(stage->world->docker, "build.mode", "log");
    file_write_text(stage->world->docker, "build.log", log);
    file_write_text(stage->world->docker, "build.status", "17");
    free(log);
    stage_start_full(stage, columns, rows, NULL);
    terminal_press(stage->terminal, "3");
    terminal_press(stage->terminal, "z");
    stage_press(stage, "A", "─ failed");
}

/* It opens where the build has failed first. */
static void test_opens_at_the_error(void **state)
{
    struct stage *stage = *state;
    for (int i = 0; i < STAGE_SIZES; i++) {
        start(stage, stage_sizes[i][0], stage_sizes[i][1]);
        stage_press(stage, "l", "#3 ERROR");
        golden_wait(stage->terminal, "log-failed");
        stage_press(stage, "q", "Build");
        stage_quit(stage, "q");
    }
}

static void test_errors(void **state)
{
    struct stage *stage = *state;
    start(stage, 80, 24);
    stage_press(stage, "l", "#3 ERROR");
    stage_press(stage, "e", "#4 ERROR");
    stage_see(stage, "[output clipped");
    stage_press(stage, "e", "No failed step below");
    stage_press(stage, "E", "#3 ERROR");
    stage_see_gone(stage, "#4 ERROR");
    stage_press(stage, "E", "No failed step above");
    stage_press(stage, "G", "failed to solve");
    stage_press(stage, "!", "#3 ERROR");
    stage_press(stage, "?", "PgDn Ctrl-D Space "); /* no key is cut off */
    stage_press(stage, "q", "#3 ERROR");
    stage_press(stage, "q", "Build");
    stage_quit(stage, "q");
}

static void type(struct stage *stage, const char *text)
{
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, text);
    terminal_press(stage->terminal, KEY_ENTER_SENT);
}

static void test_search(void **state)
{
    struct stage *stage = *state;
    start(stage, 80, 24);
    stage_press(stage, "l", "#3 ERROR");
    type(stage, "needle"); /* small letters: whatever the case */
    stage_see(stage, "/needle 1 of 2");
    stage_press(stage, "n", "/needle 2 of 2");
    stage_see(stage, "needle at its very end"); /* the view has gone to the right */
    stage_press(stage, "n", "Searched on from the top");
    stage_see(stage, "/needle 1 of 2");
    stage_press(stage, "N", "Searched on from the end");
    stage_see(stage, "/needle 2 of 2");
    type(stage, "Needle"); /* a capital: that case alone */
    stage_see(stage, "/Needle 1 of 1");
    stage_see(stage, "error: Needle");
    type(stage, "not there at all");
    stage_see(stage, "Not found: not there at all");
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "unit");
    stage_see(stage, "/unit 60"); /* while it is typed */
    terminal_press(stage->terminal, KEY_ESCAPE_SENT);
    stage_see(stage, "/not there at all 0");
    stage_press(stage, "q", "Build");
    stage_quit(stage, "q");
}

struct sight {
    const char *text;
    int offset; /* columns from where the text begins */
    unsigned look;
};

static bool looks_so(struct terminal *terminal, const void *arg)
{
    const struct sight *sight = arg;
    int row, column;
    return terminal_find(terminal, sight->text, &row, &column) &&
           terminal_look(terminal, row, column + sight->offset) == sight->look;
}

/* Each match is marked, and the one that was gone to stands out. */
static void test_marks(void **state)
{
    static const struct sight sights[] = {
        {"unit 11", 0, LOOK_COLOUR}, {"unit 11", -2, LOOK_COLOUR}, /* green, as the tool has it */
        {"unit 11", 8, 0},           {"unit 1 of", 0, LOOK_BOLD | LOOK_COLOUR},
        {"unit 2 of", 0, 0},
    };
    struct stage *stage = *state;
    start(stage, 80, 24);
    stage_press(stage, "l", "#3 ERROR");
    terminal_press(stage->terminal, "g");
    type(stage, "unit 1");
    stage_see(stage, "/unit 1 1 of 11");
    for (size_t i = 0; i < sizeof sights / sizeof sights[0]; i++)
        terminal_wait(stage->terminal, looks_so, &sights[i], sights[i].text);
    stage_press(stage, "q", "Build");
    stage_quit(stage, "q");
}

static void test_parts(void **state)
{
    struct stage *stage = *state;
    start(stage, 80, 24);
    stage_press(stage, "l", "#3 ERROR");
    stage_press(stage, "s", "orchestration only");
    stage_see_gone(stage, "gem");
    stage_press(stage, "s", "ruby-worker only");
    stage_press(stage, "g", "gem 1");
    stage_see_gone(stage, "compiling");
    stage_press(stage, "s", "Log ─ all services · failed");
    stage_press(stage, "S", "ruby-worker only");
    stage_press(stage, "S", "orchestration only");
    stage_press(stage, "!", "#3 ERROR");
    stage_press(stage, KEY_ENTER_SENT, "1/2 RUN make"); /* the step of the line alone */
    terminal_press(stage->terminal, "t");
    stage_see(stage, "no times");
    stage_see_gone(stage, "#3 0.060");
    stage_see(stage, "compiling unit 60 of sixty");
    stage_press(stage, KEY_ENTER_SENT, "orchestration only");
    stage_press(stage, "q", "Build");
    stage_quit(stage, "q");
}

static void test_aside(void **state)
{
    struct stage *stage = *state;
    start(stage, 80, 24);
    stage_press(stage, "l", "#3 ERROR");
    type(stage, "longer than any");
    stage_see(stage, "/longer than any 1 of 1"); /* it has gone there */
    stage_press(stage, "$", "at its very end");
    stage_press(stage, "0", "#4 0.020");
    stage_press(stage, KEY_RIGHT_SENT, "日本語");
    stage_see_gone(stage, "#4 0.020");
    stage_press(stage, KEY_LEFT_SENT, "#4 0.020");
    stage_press(stage, "w", "wrapped");
    stage_see(stage, "at its very end");
    golden_wait(stage->terminal, "log-wrapped");
    stage_press(stage, "q", "Build");
    stage_quit(stage, "q");
}

/* What is shown, all of its lines, not only those on the screen. */
static void test_save(void **state)
{
    struct stage *stage = *state;
    start(stage, 80, 24);
    stage_press(stage, "l", "#3 ERROR");
    terminal_press(stage->terminal, "s");
    stage_see(stage, "orchestration only");
    stage_press(stage, "o", "Save these lines to: orchestration-20");
    terminal_press(stage->terminal, "\025");
    terminal_press(stage->terminal, "part.log" KEY_ENTER_SENT);
    stage_see(stage, "Saved to /");
    char *saved = file_read(stage->world->project, "part.log", NULL);
    assert_non_null(strstr(saved, "unit 1 of"));
    assert_non_null(strstr(saved, "\033[32mcompiling"));
    assert_non_null(strstr(saved, "#3 ERROR"));
    assert_null(strstr(saved, "gem"));
    free(saved);
    stage_press(stage, "c", "Saved log"); /* its path can be copied now */
    stage_see(stage, "/part.log");
    terminal_press(stage->terminal, "q");
    stage_see_gone(stage, "Saved log");
    stage_press(stage, "o", "Save these lines to");
    terminal_press(stage->terminal, "\025");
    terminal_press(stage->terminal, "part.log" KEY_ENTER_SENT);
    stage_see(stage, "exists"); /* nothing is overwritten */
    stage_press(stage, "q", "Build");
    stage_quit(stage, "q");
}

/* i: the step under the cursor, alone. */
static void test_one_step(void **state)
{
    struct stage *stage = *state;
    start(stage, 120, 40);
    stage_press(stage, "i", "Log ─ all services ▸ 1/2 RUN make");
    stage_see_gone(stage, "gem");
    stage_press(stage, "R", "following"); /* the same build again, seen from its start */
    stage_see(stage, "failed to solve");
    stage_press(stage, "q", "Build");
    stage_see(stage, "failed (exit"); /* while it runs, q would ask */
    char *calls = world_docker_calls(stage->world);
    const char *first = strstr(calls, "compose build\n");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "compose build\n"));
    free(calls);
    stage_quit(stage, "q");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_opens_at_the_error),
        CASE(test_errors),
        CASE(test_search),
        CASE(test_marks),
        CASE(test_parts),
        CASE(test_aside),
        CASE(test_save),
        CASE(test_one_step),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
