/* Builds: streamed, stopped, failing, and asked about when we quit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tests/screen/stage.h"
#include "tests/support/limit.h"

static const char part_1[] = "#0 building with \"default\" instance using docker driver\n\n"
                             "#1 [orchestration internal] load build definition from Dockerfile\n"
                             "#1 transferring dockerfile: 120B done\n"
                             "#1 DONE 0.0s\n\n"
                             "#2 [orchestration builder 1/3] COPY . .\n"
                             "#2 CACHED\n\n"
                             "#3 [orchestration builder 2/3] RUN make deps\n"
                             "#3 0.105 fetching things\n";
static const char part_2[] = "#3 0.300 fetched them all\n"
                             "#3 DONE 1.2s\n\n"
                             "#4 [orchestration builder 3/3] RUN make\n"
                             "#4 0.200 Compiling tokio\n";
static const char part_3[] = "#4 DONE 3.4s\n\n"
                             "#5 [orchestration] exporting cache to client directory\n"
                             "#5 DONE 0.1s\n";
static const char failing[] = "#4 0.400 error: no rule to make target\n"
                              "#4 ERROR: process \"/bin/sh -c make\" did not complete "
                              "successfully: exit code: 2\n"
                              "------\n > [orchestration builder 3/3] RUN make:\n"
                              "0.400 error: no rule to make target\n------\n"
                              "failed to solve: process \"/bin/sh -c make\" did not complete "
                              "successfully: exit code: 2\n";

static void set_build(struct stage *stage, const char *mode, const char *last, const char *status)
{
    const char *docker = stage->world->docker;
    file_write_text(docker, "build.mode", mode);
    file_write_text(docker, "build.1", part_1);
    file_write_text(docker, "build.2", part_2);
    file_write_text(docker, "build.3", last);
    file_write_text(docker, "build.status", status);
}

/* Puts the cursor onto orchestration, whatever the order is. */
static void select_orchestration(struct stage *stage)
{
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "orch");
    stage_see_gone(stage, "old-branch");
    terminal_press(stage->terminal, KEY_ENTER_SENT);
    terminal_press(stage->terminal, "1");
}

static void test_streams(void **state)
{
    struct stage *stage = *state;
    set_build(stage, "gates", part_3, "0");
    stage_start_full(stage, 120, 40, NULL);
    select_orchestration(stage);
    stage_press(stage, "b", "make deps");
    stage_see(stage, "fetching things");
    stage_see(stage, "1 cached");
    world_open_gate(stage->world);
    stage_see(stage, "Compiling tokio");
    stage_see(stage, "1.2 s");
    terminal_resize(stage->terminal, 80, 24); /* while it runs */
    stage_see(stage, "RUN make");
    stage_press(stage, "?", "Main screen");
    terminal_press(stage->terminal, "q");
    terminal_resize(stage->terminal, 120, 40);
    stage_see(stage, "Compiling tokio");
    world_open_gate(stage->world);
    stage_see(stage, "exporting cache");
    world_open_gate(stage->world);
    stage_see(stage, "─ done");
    stage_see(stage, "3/3 steps");
    char *calls = world_docker_calls(stage->world);
    assert_non_null(strstr(calls, "compose build orchestration\n"));
    free(calls);
    stage_quit(stage, "q");
}

static void test_log(void **state)
{
    struct stage *stage = *state;
    set_build(stage, "gates", part_3, "0");
    stage_start_full(stage, 80, 24, NULL);
    select_orchestration(stage);
    stage_press(stage, "b", "make deps");
    stage_press(stage, "l", "transferring dockerfile");
    world_open_gate(stage->world);
    stage_see(stage, "Compiling tokio"); /* it follows */
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "fetched" KEY_ENTER_SENT);
    stage_see(stage, "fetched them all");
    stage_press(stage, "q", "Services");
    world_open_gate(stage->world);
    world_open_gate(stage->world);
    stage_see(stage, "─ done");
    stage_quit(stage, "q");
}

static void test_fails(void **state)
{
    struct stage *stage = *state;
    set_build(stage, "gates", failing, "17");
    stage_start_full(stage, 120, 40, NULL);
    select_orchestration(stage);
    stage_press(stage, "b", "make deps");
    world_open_gate(stage->world);
    stage_see(stage, "Compiling tokio");
    world_open_gate(stage->world);
    world_open_gate(stage->world);
    stage_see(stage, "─ failed");
    stage_see(stage, "exit 17");
    stage_see(stage, "exit code: 2");
    terminal_press(stage->terminal, KEY_ESCAPE_SENT);
    stage_see(stage, "old-branch");
    stage_see(stage, "step 3"); /* in the row of the service */
    stage_quit(stage, "q");
}

/* A failure that is known is told with its cause and remedy. */
static void test_fails_of_a_known_thing(void **state)
{
    struct stage *stage = *state;
    set_build(stage, "log", "", "17");
    file_write_text(stage->world->docker, "build.log",
                    "failed to solve: Cache export is not supported for the docker driver.\n");
    file_write_text(stage->world->docker, "traditional.log",
                    "Step 1/2 : FROM base\n ---> 0123456789ab\nStep 2/2 : RUN make\n"
                    "Successfully built 0123456789ab\n");
    stage_start_full(stage, 120, 40, NULL);
    select_orchestration(stage);
    stage_press(stage, "b", "This builder can't export a local cache. Fix: turn on");
    stage_see(stage, "t builds it the traditional way");
    stage_press(stage, "t", "─ done");
    stage_see(stage, "RUN make");
    stage_quit(stage, "q");
}

/* What was built is remembered: in the list, and in the next run. */
static void test_history(void **state)
{
    struct stage *stage = *state;
    set_build(stage, "log", "", "0");
    file_write_text(stage->world->docker, "build.log",
                    "#1 [orchestration 1/3] FROM base\n#1 CACHED\n\n"
                    "#2 [orchestration 2/3] COPY src src\n#2 DONE 1.5s\n\n"
                    "#3 [orchestration 3/3] RUN make\n#3 DONE 2.5s\n");
    stage_start_full(stage, 120, 40, NULL);
    select_orchestration(stage);
    stage_press(stage, "h", "No build is remembered yet");
    stage_press(stage, "q", "Services");
    stage_press(stage, "b", "─ done");
    stage_press(stage, "h", "from scratch");
    stage_press(stage, "q", "Services");
    file_write_text(stage->world->docker, "build.log",
                    "#1 [orchestration 1/3] FROM base\n#1 CACHED\n\n"
                    "#2 [orchestration 2/3] COPY src src\n#2 CACHED\n\n"
                    "#3 [orchestration 3/3] RUN make\n#3 DONE 2.5s\n");
    stage_press(stage, "b", "1 cached");
    stage_press(stage, "h", "code changed");
    stage_press(stage, KEY_ENTER_SENT, "First miss");
    stage_see(stage, "RUN make");
    stage_press(stage, "q", "History");
    terminal_press(stage->terminal, "  ");
    stage_see(stage, "Two are marked");
    stage_press(stage, KEY_ENTER_SENT, "by how much the second took longer");
    terminal_press(stage->terminal, "q");
    stage_see(stage, "History");
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
    stage_start_full(stage, 120, 40, NULL);
    select_orchestration(stage);
    stage_press(stage, "h", "code changed");
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

static char *engine_build(const char *ref, const char *name, const char *status, int64_t ago_s,
                          int64_t took_s)
{
    char begun[CLOCK_TEXT_SIZE], ended[CLOCK_TEXT_SIZE];
    int64_t at = clock_now() - ago_s * CLOCK_SECOND;
    return mem_printf("{\"ref\":\"default/default/%s\",\"name\":\"%s\",\"status\":\"%s\","
                      "\"created_at\":\"%s\",\"completed_at\":\"%s\",\"completed_steps\":9,"
                      "\"cached_steps\":4}\n",
                      ref, name, status, clock_rfc3339(begun, at),
                      clock_rfc3339(ended, at + took_s * CLOCK_SECOND));
}

/* What others built, as the engine remembers it. */
static void test_others(void **state)
{
    struct stage *stage = *state;
    char *older = engine_build("abc123", "elses", "Error", 3 * 3600 + 1200, 10);
    char *newer =
        engine_build("def456", "a-service-of-somebody-with-a-long-name", "Completed", 1500, 75);
    char *other = engine_build("ghi789", "elses", "Canceled", 2 * 86400 + 3600, 5);
    char *both = mem_printf("%s%s%s", older, newer, other);
    file_write_text(stage->world->docker, "buildx-history.jsonl", both);
    for (int size = 0; size < STAGE_SIZES; size++) {
        world_stop_engine(stage->world);
        stage_start_full(stage, stage_sizes[size][0], stage_sizes[size][1], NULL);
        terminal_press(stage->terminal, "h");
        stage_see(stage, "elses");
        golden_wait(stage->terminal, "history-others");
        stage_press(stage, " ", "not known");
        stage_press(stage, "R", "it was not bilge's");
        terminal_press(stage->terminal, "G");
        stage_press(stage, KEY_ENTER_SENT, "inspect ghi789");
        stage_press(stage, "q", "Tab pane");
        stage_quit(stage, "q");
    }
    free(older);
    free(newer);
    free(other);
    free(both);
}

static void test_stop(void **state)
{
    struct stage *stage = *state;
    set_build(stage, "hang", part_3, "0");
    stage_start_full(stage, 120, 40, NULL);
    select_orchestration(stage);
    stage_press(stage, "b", "fetching things");
    stage_press(stage, "x", "Stopping the build");
    stage_see(stage, "─ cancelled");
    stage_quit(stage, "q");
}

static void test_stop_harder(void **state)
{
    struct stage *stage = *state;
    set_build(stage, "deaf", part_3, "0");
    stage_start_full(stage, 120, 40, NULL);
    select_orchestration(stage);
    stage_press(stage, "b", "fetching things");
    stage_press(stage, "x", "again: harder");
    stage_press(stage, "x", ", harder");
    terminal_press(stage->terminal, "x");
    stage_see(stage, "─ cancelled");
    stage_quit(stage, "q");
}

static void test_quitting_asks(void **state)
{
    struct stage *stage = *state;
    set_build(stage, "hang", part_3, "0");
    stage_start_full(stage, 120, 40, NULL);
    select_orchestration(stage);
    stage_press(stage, "b", "fetching things");
    stage_press(stage, "q", "A build is running");
    terminal_press(stage->terminal, "n");
    stage_see_gone(stage, "A build is running");
    stage_see(stage, "fetching things");
    stage_press(stage, "q", "A build is running");
    stage_quit(stage, "y");
}

static void test_flood(void **state)
{
    struct stage *stage = *state;
    set_build(stage, "flood", part_3, "0");
    stage_start_full(stage, 120, 40, NULL);
    select_orchestration(stage);
    stage_press(stage, "b", "a line of the flood");
    stage_press(stage, "?", "Main screen"); /* keys work all the same */
    terminal_press(stage->terminal, "q");
    stage_see(stage, "a line of the flood");
    terminal_press(stage->terminal, "x");
    stage_see(stage, "─ cancelled");
    stage_quit(stage, "q");
}

static void test_log_of_a_hostile_build(void **state)
{
    struct stage *stage = *state;
    static const char hostile[] = "#3 0.400 \033]0;owned\a\033[2J\033[31mred\033[0m \x9b"
                                  "1mC1 \xe2\x80\xae"
                                  "back\r\n"
                                  "#3 0.500 after it\n";
    set_build(stage, "gates", part_3, "0");
    file_write_text(stage->world->docker, "build.2", hostile);
    stage_start_full(stage, 120, 40, NULL);
    select_orchestration(stage);
    stage_press(stage, "b", "fetching things");
    world_open_gate(stage->world);
    stage_see(stage, "after it");
    stage_press(stage, "l", "after it");
    stage_see(stage, "red");
    stage_see(stage, "Dockerfile"); /* the screen was not wiped */
    assert_null(strstr(terminal_raw(stage->terminal), "owned\a"));
    assert_null(strstr(terminal_raw(stage->terminal), "\xe2\x80\xae"));
    terminal_press(stage->terminal, "q");
    stage_press(stage, "x", "Stopping");
    stage_see(stage, "─ cancelled");
    stage_quit(stage, "q");
}

static void test_no_compose(void **state)
{
    struct stage *stage = *state;
    file_write_text(stage->world->docker, "absent", "");
    stage_start(stage, 120, 40, NULL);
    stage_see(stage, "old-branch");
    stage_see(stage, "compose plugin");
    stage_press(stage, "b", "cannot be built");
    stage_quit(stage, "q");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_streams),
        CASE(test_log),
        CASE(test_fails),
        CASE(test_stop),
        CASE(test_fails_of_a_known_thing),
        CASE(test_history),
        CASE(test_others),
        CASE(test_stop_harder),
        CASE(test_quitting_asks),
        CASE(test_flood),
        CASE(test_log_of_a_hostile_build),
        CASE(test_no_compose),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
