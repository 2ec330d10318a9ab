/* The tree of the build pane: what failed first, what is said below it, and
 * what stays calm while much comes. */
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

static const char dockerfile[] = "FROM base AS builder\n"
                                 "COPY src /src\n"
                                 "RUN make deps\n"
                                 "RUN make && \\\n"
                                 "    make install\n"
                                 "CMD make run\n";

/* Two services; one fails, with everything that output can be made of. */
static const char failing[] =
    "#1 [orchestration internal] load build definition from Dockerfile\n"
    "#1 transferring dockerfile: 120B done\n"
    "#1 WARN: FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)\n"
    "#1 WARN: JSONArgsRecommended: JSON arguments recommended for CMD (line 6)\n"
    "#1 DONE 0.1s\n\n"
    "#2 [ruby-worker internal] load build definition from Dockerfile\n"
    "#2 DONE 0.1s\n\n"
    "#3 [orchestration builder 1/4] FROM docker.io/library/base:1\n"
    "#3 CACHED\n\n"
    "#4 [orchestration builder 2/4] COPY src /src\n"
    "#4 CACHED\n\n"
    "#5 [ruby-worker 1/2] FROM docker.io/library/base:1\n"
    "#5 DONE 0.2s\n\n"
    "#6 [orchestration builder 3/4] RUN --mount=type=cache,id=deps,target=/deps make deps\n"
    "#6 0.105 fetching \033[1m\033[38;5;10mthings\033[0m\n"
    "#6 0.300 [output clipped, log limit 200KiB/s reached]\n"
    "#6 DONE 1.5s\n\n"
    "#7 [ruby-worker 2/2] RUN bundle install\n"
    "#7 0.200 Fetching gem metadata\n\n"
    "#8 [orchestration builder 4/4] RUN make &&     make install\n"
    "#8 0.200 日本語のテキスト: 変換できません\n"
    "#8 0.210 cafe\xcc\x81 and zwj \xe2\x80\x8d end\n"
    "#8 0.220 \033[1m\033[38;5;9merror[E0425]\033[0m: cannot find value `x` in this scope, and "
    "this line goes on for so long that no terminal of a sane width will ever show the whole of "
    "it\n"
    "#8 0.230 10%\r100%\n"
    "#8 ERROR: process \"/bin/sh -c make &&     make install\" did not complete successfully: exit "
    "code: 2\n"
    "#7 CANCELED\n"
    "------\n > [orchestration builder 4/4] RUN make &&     make install:\n"
    "0.230 100%\n------\n"
    "failed to solve: process \"/bin/sh -c make &&     make install\" did not complete "
    "successfully: exit code: 2\n";

static void set_log(struct stage *stage, const char *log, const char *status)
{
    file_write_text(stage->world->docker, "build.mode", "log");
    file_write_text(stage->world->docker, "build.log", log);
    file_write_text(stage->world->docker, "build.status", status);
}

/* Builds everything and shows the pane alone. */
static void build_all(struct stage *stage, const char *seen)
{
    terminal_press(stage->terminal, "3");
    terminal_press(stage->terminal, "z");
    stage_press(stage, "A", seen);
}

static void set_failing(struct stage *stage)
{
    char *directory = path_join(stage->world->project, "orchestration");
    file_write_text(directory, "Dockerfile", dockerfile);
    free(directory);
    set_log(stage, failing, "17");
}

static void test_failed(void **state)
{
    struct stage *stage = *state;
    set_failing(stage);
    for (int i = 0; i < STAGE_SIZES; i++) {
        stage_start_full(stage, stage_sizes[i][0], stage_sizes[i][1], NULL);
        build_all(stage, "─ failed");
        golden_wait(stage->terminal, "build-failed");
        stage_quit(stage, "q");
    }
}

static void test_failed_in_ascii(void **state)
{
    struct stage *stage = *state;
    static const char *const options[] = {"--ascii", NULL};
    set_failing(stage);
    world_setenv(stage->world, "NO_COLOR", "1");
    stage_start_full(stage, 80, 24, options);
    build_all(stage, "- failed (exit 17)");
    golden_wait(stage->terminal, "build-failed-ascii");
    assert_false(terminal_has_look(stage->terminal, LOOK_COLOUR));
    stage_quit(stage, "q");
}

static bool has_colours(struct terminal *terminal, const void *arg)
{
    int row, column;
    (void)arg;
    return terminal_find(terminal, "error[E0425]", &row, &column) &&
           terminal_look(terminal, row, column) == (LOOK_BOLD | LOOK_COLOUR) &&
           terminal_look(terminal, row, column + 14) == 0;
}

/* Colours of the tools are kept, in the tree, too. */
static void test_colours(void **state)
{
    struct stage *stage = *state;
    set_failing(stage);
    stage_start_full(stage, 120, 40, NULL);
    build_all(stage, "failed (exit 17)");
    terminal_wait(stage->terminal, has_colours, NULL, "the error in red");
    stage_quit(stage, "q");
}

/* Opened and closed by keys; what belongs to a step stands below it. */
static void test_folds(void **state)
{
    struct stage *stage = *state;
    set_failing(stage);
    stage_start_full(stage, 120, 40, NULL);
    build_all(stage, "─ failed");
    stage_see(stage, "Dockerfile:4");
    stage_press(stage, KEY_LEFT_SENT, "builder 4/4");
    stage_see_gone(stage, "Dockerfile:4"); /* closed */
    terminal_press(stage->terminal, KEY_RIGHT_SENT);
    stage_see(stage, "Dockerfile:4");
    terminal_press(stage->terminal, KEY_LEFT_SENT);
    stage_see_gone(stage, "Dockerfile:4");
    terminal_press(stage->terminal, KEY_LEFT_SENT); /* to the service */
    terminal_press(stage->terminal, KEY_LEFT_SENT); /* which is closed */
    stage_see_gone(stage, "builder 4/4");
    stage_see(stage, "2 warnings");
    stage_press(stage, KEY_ENTER_SENT, "builder 4/4");
    stage_press(stage, "-", "orchestration");
    stage_see_gone(stage, "RUN bundle install");
    stage_press(stage, "-", "RUN bundle install");
    terminal_press(stage->terminal, "g");
    /* The warnings are listed below the step that they came from. */
    for (int i = 0; i < 3; i++)
        terminal_press(stage->terminal, "j");
    stage_press(stage, KEY_ENTER_SENT, "line 6  JSONArgsRecommended");
    stage_quit(stage, "q");
}

static void test_next_failed(void **state)
{
    struct stage *stage = *state;
    set_failing(stage);
    stage_start_full(stage, 120, 40, NULL);
    build_all(stage, "─ failed");
    terminal_press(stage->terminal, "G");
    stage_press(stage, "E", "▸  ✗▾ builder 4/4");
    stage_press(stage, "e", "No failed step below");
    stage_quit(stage, "q");
}

static void test_300_steps(void **state)
{
    struct stage *stage = *state;
    struct buf log = {0};
    for (int i = 1; i <= 300; i++)
        buf_printf(&log, "#%d [%d/300] RUN step %d\n#%d 0.1 said by %d\n#%d DONE 1.5s\n\n", i, i, i,
                   i, i, i);
    set_log(stage, log.data, "0");
    buf_done(&log);
    stage_start_full(stage, 80, 24, NULL);
    build_all(stage, "300/300 steps");
    golden_wait(stage->terminal, "build-300-steps");
    stage_press(stage, "g", "RUN step 1 ");
    stage_press(stage, "G", "RUN step 300");
    stage_quit(stage, "q");
}

static void test_twelve_services(void **state)
{
    struct stage *stage = *state;
    struct buf log = {0};
    for (int i = 1; i <= 12; i++)
        buf_printf(&log,
                   "#%d [service-%02d internal] load build definition from Dockerfile\n"
                   "#%d DONE 0.1s\n\n",
                   i, i, i);
    for (int i = 1; i <= 12; i++)
        buf_printf(&log,
                   "#%d [service-%02d 1/2] FROM base\n#%d CACHED\n\n"
                   "#%d [service-%02d 2/2] RUN make %d\n#%d 0.1 made %d\n#%d %s\n\n",
                   100 + i, i, 100 + i, 200 + i, i, i, 200 + i, i, 200 + i,
                   i == 7 ? "ERROR: process \"make 7\" did not complete successfully: exit code: 2"
                          : "DONE 1.5s");
    buf_append_str(&log, "failed to solve: process \"make 7\" did not complete successfully: "
                         "exit code: 2\n");
    set_log(stage, log.data, "17");
    buf_done(&log);
    for (int i = 0; i < STAGE_SIZES; i++) {
        stage_start_full(stage, stage_sizes[i][0], stage_sizes[i][1], NULL);
        build_all(stage, "─ failed");
        golden_wait(stage->terminal, "build-twelve");
        stage_quit(stage, "q");
    }
}

/* ---- while it runs */

static void set_gates(struct stage *stage, const char *first, const char *second)
{
    file_write_text(stage->world->docker, "build.mode", "gates");
    file_write_text(stage->world->docker, "build.1", first);
    file_write_text(stage->world->docker, "build.2", second);
    file_write_text(stage->world->docker, "build.log", "");
    file_write_text(stage->world->docker, "build.status", "0");
}

/* Layers that come side by side are one bar, which only grows. */
static void test_transfers(void **state)
{
    struct stage *stage = *state;
    set_gates(stage,
              "#2 [orchestration internal] load build definition from Dockerfile\n"
              "#2 DONE 0.1s\n\n"
              "#1 [orchestration 1/2] FROM base\n"
              "#1 sha256:aaaa 3.00MB / 8.00MB\n"
              "#1 sha256:bbbb 1.00MB / 2.00MB\n"
              "#1 sha256:cccc 2.00MB / 2.00MB done\n",
              "#1 sha256:bbbb 2.00MB / 2.00MB done\n"
              "#1 sha256:aaaa 8.00MB / 8.00MB done\n"
              "#1 extracting sha256:aaaa 0.4s\n");
    stage_start_full(stage, 120, 40, NULL);
    build_all(stage, "6.00 MB of 12.0 MB  1/3");
    stage_see(stage, "▆▆▆▆▆▆▁▁▁▁▁▁");
    stage_press(stage, KEY_RIGHT_SENT, "3.00 MB of 8.00 MB  sha256:aaaa"); /* each by itself */
    stage_see(stage, "1.00 MB of 2.00 MB  sha256:bbbb");
    world_open_gate(stage->world);
    stage_see(stage, "12.0 MB of 12.0 MB  3/4");
    world_open_gate(stage->world);
    stage_see(stage, "─ done");
    stage_quit(stage, "q");
}

/* The row under the cursor stays where it is, whatever comes. */
static void test_cursor_stays(void **state)
{
    struct stage *stage = *state;
    int row, column, before;
    set_gates(stage,
              "#1 [ruby-worker internal] load build definition from Dockerfile\n#1 DONE 0.0s\n\n"
              "#2 [ruby-worker 1/2] FROM base\n#2 DONE 0.0s\n\n"
              "#3 [ruby-worker 2/2] RUN one\n",
              "#4 [orchestration internal] load build definition from Dockerfile\n#4 DONE 0.0s\n\n"
              "#5 [orchestration 1/2] FROM base\n#5 DONE 0.0s\n\n"
              "#6 [orchestration 2/2] RUN two\n");
    stage_start_full(stage, 120, 40, NULL);
    build_all(stage, "RUN one");
    stage_press(stage, "k", "▸✓  1/2");
    assert_true(terminal_find(stage->terminal, "▸✓  1/2", &before, &column));
    world_open_gate(stage->world);
    stage_see(stage, "RUN two");
    stage_see(stage, "▸  ✓  1/2"); /* below a heading by now */
    assert_true(terminal_find(stage->terminal, "▸  ✓  1/2", &row, &column));
    assert_true(row >= before);
    world_open_gate(stage->world);
    stage_see(stage, "─ done");
    stage_quit(stage, "q");
}

/* On the last line of a step the cursor stays on the last one. */
static void test_follows_a_step(void **state)
{
    struct stage *stage = *state;
    set_gates(stage,
              "#1 [orchestration internal] load build definition from Dockerfile\n#1 DONE 0.0s\n\n"
              "#2 [orchestration 1/1] RUN long\n#2 0.1 the first line\n",
              "#2 0.2 the second line\n#2 0.3 the third line\n");
    stage_start_full(stage, 80, 24, NULL);
    build_all(stage, "the first line");
    stage_press(stage, KEY_RIGHT_SENT, "│ the first line");
    stage_press(stage, "j", "▸ │ the first line");
    world_open_gate(stage->world);
    stage_see(stage, "▸ │ the third line");
    terminal_press(stage->terminal, KEY_LEFT_SENT); /* to the step */
    stage_press(stage, KEY_LEFT_SENT, "▸▶▸ 1/1");   /* which is closed */
    stage_see_gone(stage, "│ the second line");
    world_open_gate(stage->world);
    stage_see(stage, "─ done");
    stage_quit(stage, "q");
}

/* ---- several builds */

static void select_service(struct stage *stage, const char *name)
{
    terminal_press(stage->terminal, "1");
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "\025"); /* Ctrl-U: not what stood there */
    terminal_press(stage->terminal, name);
    terminal_press(stage->terminal, KEY_ENTER_SENT);
    stage_see_gone(stage, "old-branch");
}

static void test_queue(void **state)
{
    struct stage *stage = *state;
    file_write_text(stage->world->docker, "build.mode", "hang");
    file_write_text(stage->world->docker, "build.1", "#1 [orchestration 1/2] RUN wait here\n");
    stage_start_full(stage, 120, 40, NULL);
    select_service(stage, "orch");
    stage_press(stage, "b", "wait here");
    select_service(stage, "ruby");
    stage_press(stage, "b", "Queued: number 1");
    stage_see(stage, "2 builds");
    stage_press(stage, "3", "queued, number 1");
    stage_see(stage, "1 running, 1 queued");
    terminal_press(stage->terminal, "G");
    stage_press(stage, "x", "Taken out of the queue");
    stage_see_gone(stage, "2 builds");
    stage_press(stage, "x", "Stopping the build");
    stage_see(stage, "─ cancelled");
    file_write_text(stage->world->docker, "build.mode", "log");
    file_write_text(stage->world->docker, "build.log",
                    "#1 [orchestration 1/1] RUN again\n#1 DONE 1s\n");
    stage_press(stage, "R", "RUN again");
    stage_see(stage, "─ done");
    char *calls = world_docker_calls(stage->world);
    assert_null(strstr(calls, "build ruby-worker"));
    free(calls);
    stage_quit(stage, "q");
}

static void test_paths(void **state)
{
    struct stage *stage = *state;
    set_failing(stage);
    stage_start_full(stage, 80, 24, NULL);
    build_all(stage, "─ failed");
    stage_see(stage, "Dockerfile:4"); /* which is read when the build is over */
    stage_press(stage, "c", "Dockerfile of orchestration, line 4");
    stage_see(stage, "/orchestration/Dockerfile");
    stage_press(stage, KEY_ENTER_SENT, "Copied");
    stage_see(stage, "Dockerfile");
    /* "/tmp/bilge-test" */
    assert_non_null(strstr(terminal_raw(stage->terminal), "\033]52;c;L3RtcC9iaWxnZS10ZXN0"));
    stage_quit(stage, "q");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_failed),          CASE(test_failed_in_ascii), CASE(test_colours),
        CASE(test_folds),           CASE(test_next_failed),     CASE(test_300_steps),
        CASE(test_twelve_services), CASE(test_transfers),       CASE(test_cursor_stays),
        CASE(test_follows_a_step),  CASE(test_queue),           CASE(test_paths),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
