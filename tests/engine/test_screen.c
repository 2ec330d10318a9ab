/* The main job on a real engine, by keys alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/text.h"
#include "tests/engine/lab.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/support/tree.h"

static struct lab *lab; /* one for all cases: a build takes long */

/* One terminal a case. */
static int open_terminal(void **state)
{
    *state = lab_open_screen(lab, 120, 40);
    return 0;
}

static int close_terminal(void **state)
{
    terminal_free(*state);
    return 0;
}

static void quit(struct terminal *terminal)
{
    terminal_press(terminal, "q");
    assert_int_equal(0, terminal_wait_exit(terminal));
    assert_true(terminal_is_as_before(terminal));
    assert_false(terminal_is_alternate(terminal));
    assert_true(terminal_shows_cursor(terminal));
}

/* The service's row in its pane, not its name somewhere else; -1: none. */
static int row_of(struct terminal *terminal, const char *service)
{
    for (int row = 0; row < terminal_rows(terminal); row++) {
        char *line = terminal_row_text(terminal, row);
        const char *name = line + strspn(line, "│▸ "); /* a set of bytes, which does as well */
        bool here = strncmp(name, service, strlen(service)) == 0 && name[strlen(service)] == ' ';
        free(line);
        if (here)
            return row;
    }
    return -1;
}

static bool is_alone(struct terminal *terminal, const void *service)
{
    for (int i = 0; i < LAB_SERVICES; i++)
        if (strcmp(lab_services[i], service) != 0 && row_of(terminal, lab_services[i]) >= 0)
            return false;
    return row_of(terminal, service) >= 0;
}

static bool has_row(struct terminal *terminal, const void *service)
{
    return row_of(terminal, service) >= 0;
}

/* Only this service's row is left. */
static void select_service(struct terminal *terminal, const char *service)
{
    terminal_wait(terminal, has_row, service, service);
    terminal_press_wait(terminal, "1/", "/");
    terminal_press(terminal, service);
    terminal_wait(terminal, is_alone, service, "the row alone");
    terminal_press(terminal, "\r");
    terminal_wait_quiet(terminal, 100);
}

/* Before, it had no cache directory. */
static bool is_built(struct terminal *terminal, const void *service)
{
    int row = row_of(terminal, service);
    if (row < 0 || !lab_has_cache(lab, service))
        return false;
    char *line = terminal_row_text(terminal, row);
    bool built = strstr(line, "✓") != NULL;
    free(line);
    return built;
}

static void build_selected(struct terminal *terminal, const char *service)
{
    terminal_press(terminal, "b");
    terminal_wait(terminal, is_built, service, "the build's success");
    terminal_wait_text(terminal, " done");
}

static void show_all(struct terminal *terminal)
{
    terminal_press(terminal, KEY_ESCAPE_SENT);
    terminal_wait_gone(terminal, "filter \"");
}

/* The size of the cache, as du says it, in the row of the service. */
static bool shows_true_size(struct terminal *terminal, const void *service)
{
    char size[TEXT_SIZE_SIZE];
    int row = row_of(terminal, service);
    if (row < 0 || !lab_has_cache(lab, service))
        return false;
    text_size(size, lab_du(lab, service));
    char *line = terminal_row_text(terminal, row);
    bool shown = strstr(line, size) != NULL;
    free(line);
    return shown;
}

static void test_build_streams(void **state)
{
    struct terminal *terminal = *state;
    for (int i = 0; i < LAB_SERVICES; i++) {
        select_service(terminal, lab_services[i]);
        build_selected(terminal, lab_services[i]);
        terminal_wait(terminal, shows_true_size, lab_services[i], "the size that du says");
        show_all(terminal);
    }
    terminal_wait_text(terminal, "records");
    for (int i = 0; i < LAB_SERVICES; i++)
        terminal_wait(terminal, shows_true_size, lab_services[i], "the size that du says");
    quit(terminal);
}

static bool nobody_sleeps(struct terminal *terminal, const void *arg)
{
    (void)terminal;
    (void)arg;
    return lab_processes(LAB_SLOW_SECONDS) == 0;
}

static bool somebody_sleeps(struct terminal *terminal, const void *arg)
{
    return !nobody_sleeps(terminal, arg);
}

static void test_stop_stops_the_engine_too(void **state)
{
    struct terminal *terminal = *state;
    select_service(terminal, "slow");
    terminal_press_wait(terminal, "b", "going to sleep");
    terminal_wait(terminal, somebody_sleeps, NULL, "the build to run in the engine");
    terminal_press(terminal, "x");
    terminal_wait_text(terminal, "─ cancelled");
    terminal_wait(terminal, nobody_sleeps, NULL, "the build's end in the engine");
    quit(terminal);
}

static void test_quitting_stops_a_build(void **state)
{
    struct terminal *terminal = *state;
    select_service(terminal, "slow");
    terminal_press_wait(terminal, "b", "going to sleep");
    terminal_wait(terminal, somebody_sleeps, NULL, "the build to run in the engine");
    terminal_press_wait(terminal, "q", "A build is running");
    terminal_press(terminal, "y");
    assert_int_equal(0, terminal_wait_exit(terminal));
    assert_true(terminal_is_as_before(terminal));
    for (int i = 0; i < 100 && lab_processes(LAB_SLOW_SECONDS) > 0; i++)
        terminal_wait_quiet(terminal, 100);
    assert_int_equal(0, lab_processes(LAB_SLOW_SECONDS));
}

static void test_prune_a_service_and_rebuild(void **state)
{
    struct terminal *terminal = *state;
    char *other = path_join(lab->caches, "orchestration"), *before = tree_list(other);
    select_service(terminal, "rust-worker");
    terminal_press_wait(terminal, "d", "Delete?");
    terminal_press_wait(terminal, "y", "Result");
    assert_false(file_exists(lab->caches, "rust-worker"));
    terminal_press_wait(terminal, "q", "Services");
    char *after = tree_list(other);
    assert_string_equal(before, after);
    build_selected(terminal, "rust-worker");
    terminal_wait(terminal, shows_true_size, "rust-worker", "the size that du says");
    quit(terminal);
    free(other);
    free(before);
    free(after);
}

static void test_prune_records_by_age(void **state)
{
    struct terminal *terminal = *state;
    cJSON *answer;
    int before = cJSON_GetArraySize(lab_records(lab, &answer));
    cJSON_Delete(answer);
    terminal_wait_text(terminal, "records");
    terminal_press_wait(terminal, "p", "Prune");
    terminal_press_wait(terminal, "r", "Older than");
    terminal_press(terminal, "\025");
    terminal_press(terminal, "1s\r");
    terminal_wait_text(terminal, "Delete?");
    terminal_press_wait(terminal, "y", "Result");
    int after = cJSON_GetArraySize(lab_records(lab, &answer));
    cJSON_Delete(answer);
    assert_true(before > 5 && after < before - 5);
    terminal_press_wait(terminal, "q", "Services");
    char *records = mem_printf("%d records", after);
    terminal_wait_text(terminal, records);
    free(records);
    quit(terminal);
}

static void test_engine_dies_and_comes_back(void **state)
{
    struct terminal *terminal = *state;
    terminal_wait_text(terminal, "records");
    lab_engine(lab, "kill-daemon");
    terminal_wait_text(terminal, "Trying again by itself");
    terminal_wait(terminal, shows_true_size, "orchestration", "the caches all the same");
    lab_engine(lab, "start-daemon");
    terminal_wait_gone(terminal, "Trying again by itself");
    terminal_wait_text(terminal, "records");
    select_service(terminal, "ruby-worker");
    build_selected(terminal, "ruby-worker");
    terminal_wait_text(terminal, "─ done");
    quit(terminal);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_terminal, close_terminal)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_build_streams),          CASE(test_stop_stops_the_engine_too),
        CASE(test_quitting_stops_a_build), CASE(test_prune_a_service_and_rebuild),
        CASE(test_prune_records_by_age),   CASE(test_engine_dies_and_comes_back),
    };
    lab = lab_new();
    if (lab == NULL) {
        printf("1..0 # SKIP no private engine\n");
        return 0;
    }
    limit_program(600);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    lab_free(lab);
    return failed;
}
