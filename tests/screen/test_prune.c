/* Pruning by keys: what was shown goes, and nothing else. */
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

#include "core/base/mem.h"
#include "tests/screen/stage.h"
#include "tests/support/limit.h"

/* The three recorded caches of a real engine, as services of a project. */
static const char *const services[] = {"first-build", "five-rebuilds", "image-manifest", NULL};

static int open_recorded(void **state)
{
    stage_open_empty(state);
    struct stage *stage = *state;
    char *data = path_join(getenv("BILGE_TEST_DATA"), "screen/caches");
    world_add_project(stage->world, services);
    for (size_t i = 0; services[i] != NULL; i++) {
        char *from = path_join(data, services[i]);
        tree_copy(from, stage->world->caches, services[i]);
        tree_make_older(stage->world->caches, services[i], 7200);
        free(from);
    }
    free(data);
    return 0;
}

static void start_recorded(struct stage *stage, const char *const *options)
{
    stage_start(stage, 100, 30, options);
    stage_see(stage, "tasker");
    for (size_t i = 0; services[i] != NULL; i++)
        stage_see(stage, services[i]);
    terminal_wait_quiet(stage->terminal, 100);
}

static char *inventory_of(struct stage *stage, const char *service)
{
    char *path = path_join(stage->world->caches, service), *list = tree_list(path);
    free(path);
    return list;
}

static void test_whole_cache(void **state)
{
    struct stage *stage = *state;
    char *other = inventory_of(stage, "five-rebuilds"),
         *third = inventory_of(stage, "image-manifest");
    start_recorded(stage, NULL);
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "first");
    stage_see_gone(stage, "five-rebuilds");
    terminal_press(stage->terminal, KEY_ENTER_SENT);
    stage_press(stage, "d", "Delete?");
    stage_see(stage, "first-build");
    stage_press(stage, "y", "Freed");
    stage_see(stage, "Result");
    assert_false(file_exists(stage->world->caches, "first-build"));
    char *after = inventory_of(stage, "five-rebuilds"),
         *third_after = inventory_of(stage, "image-manifest");
    assert_string_equal(other, after);
    assert_string_equal(third, third_after);
    char *names = tree_list(stage->world->caches);
    assert_null(strstr(names, ".bilge")); /* nothing is left beside them */
    free(names);
    free(other);
    free(third);
    free(after);
    free(third_after);
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

static void test_no_is_the_default(void **state)
{
    static const char *const answers[] = {"n", "q", KEY_ENTER_SENT, KEY_ESCAPE_SENT, "x", "Y"};
    struct stage *stage = *state;
    char *before = tree_list(stage->world->caches);
    start_recorded(stage, NULL);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        stage_press(stage, "d", "Delete?");
        terminal_press(stage->terminal, answers[i]);
        stage_see_gone(stage, "Delete?");
    }
    stage_quit(stage, "q");
    char *after = tree_list(stage->world->caches);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void test_menu(void **state)
{
    struct stage *stage = *state;
    for (int size = 0; size < STAGE_SIZES; size++) {
        world_stop_engine(stage->world);
        stage_start_full(stage, stage_sizes[size][0], stage_sizes[size][1], NULL);
        terminal_press(stage->terminal, "g");
        terminal_press(stage->terminal, "p");
        golden_wait(stage->terminal, "prune-menu");
        terminal_press(stage->terminal, "o");
        golden_wait(stage->terminal, "prune-age");
        terminal_press(stage->terminal, KEY_ENTER_SENT);
        golden_wait(stage->terminal, "prune-plan");
        terminal_press(stage->terminal, "n");
        stage_see_gone(stage, "Plan");
        stage_quit(stage, "q");
    }
}

static void test_caches_by_age(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 100, 30, NULL);
    terminal_press(stage->terminal, "p");
    stage_press(stage, "o", "Older than");
    stage_press(stage, KEY_ENTER_SENT, "Delete?"); /* 7d */
    stage_see(stage, "old-branch");
    stage_see(stage, "1 item");
    stage_press(stage, "y", "Result");
    assert_false(file_exists(stage->world->caches, "old-branch"));
    assert_true(file_exists(stage->world->caches, "orchestration/index.json"));
    assert_true(file_exists(stage->world->caches, "ruby-worker/index.json"));
    stage_see(stage, "12.0 MB"); /* freed: three layers */
    stage_press(stage, "q", "Services");
    stage_see_gone(stage, "old-branch");
    stage_quit(stage, "q");
}

/* This project's current caches go by age only after a word more. */
static void test_current_caches_by_age(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 120, 40, NULL);
    terminal_press(stage->terminal, "p");
    stage_press(stage, "o", "Older than");
    terminal_press(stage->terminal, "\025");
    stage_press(stage, "4h" KEY_ENTER_SENT, "Delete?");
    stage_see(stage, "1 item");
    stage_see(stage, "Kept (1)");
    stage_see(stage, "current cache of this project");
    stage_press(stage, "Y", "2 items");
    stage_see_gone(stage, "Y current too");
    stage_press(stage, "y", "Result");
    assert_false(file_exists(stage->world->caches, "old-branch"));
    assert_false(file_exists(stage->world->caches, "ruby-worker"));
    assert_true(file_exists(stage->world->caches, "orchestration/index.json"));
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

/* The cheapest first: garbage, before the cache of any service. */
static void test_free_so_much(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 100, 30, NULL);
    stage_press(stage, "f", "Free how much");
    terminal_press(stage->terminal, "\025");
    stage_press(stage, "lots" KEY_ENTER_SENT, "is not a size");
    terminal_press(stage->terminal, "\025");
    stage_press(stage, "10" KEY_ENTER_SENT, "10 what? such as 10GB");
    terminal_press(stage->terminal, "\025");
    stage_press(stage, "10MB" KEY_ENTER_SENT, "Delete?");
    stage_see(stage, "orchestration");
    stage_press(stage, "y", "Result");
    stage_press(stage, "q", "Services");
    assert_true(file_exists(stage->world->caches, "orchestration/index.json"));
    assert_true(file_exists(stage->world->caches, "ruby-worker/index.json"));
    stage_press(stage, "f", "Free how much");
    terminal_press(stage->terminal, "\025");
    stage_press(stage, "900TB" KEY_ENTER_SENT, "were asked for");
    stage_press(stage, "n", "Services");
    stage_quit(stage, "q");
}

/* What a killed bilge left is told at the start, and finished when something is
 * deleted. */
static void test_an_interrupted_removal(void **state)
{
    struct stage *stage = *state;
    char *path = path_join(stage->world->caches, "old-branch");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    char *gone = mem_printf("%s/.bilge-gone.old-branch.%llu-0123456789abcdef", stage->world->caches,
                            (unsigned long long)st.st_ino);
    assert_int_equal(rename(path, gone), 0);
    stage_start_full(stage, 120, 30, NULL);
    stage_see(stage, "An interrupted removal is left in");
    assert_int_equal(access(gone, F_OK), 0);
    terminal_press(stage->terminal, "p");
    stage_press(stage, "g", "Delete?");
    stage_press(stage, "y", "Result");
    assert_int_equal(access(gone, F_OK), -1);
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
    free(path);
    free(gone);
}

static void test_garbage(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 100, 30, NULL);
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "orch");
    stage_see_gone(stage, "old-branch");
    terminal_press(stage->terminal, KEY_ENTER_SENT);
    terminal_press(stage->terminal, "p");
    stage_press(stage, "g", "Delete?");
    stage_press(stage, "y", "Result");
    stage_press(stage, "q", "Services");
    stage_see(stage, "24.0 MB"); /* what is live stays: three layers */
    assert_true(file_exists(stage->world->caches, "orchestration/index.json"));
    assert_false(file_exists(stage->world->caches, "orchestration/.bilge-aside"));
    stage_quit(stage, "q");
}

static void test_records_by_age(void **state)
{
    static const struct world_record left[] = {
        {"aaaaaaaaaaaaaaaaaaaaaaaa1", NULL, "exec.cachemount", "cached mount /app/target",
         3100000000, 86400, 7260, 41, false, false},
        {0},
    };
    struct stage *stage = *state;
    world_set_records(stage->world, "build_prune.after", left);
    file_write_text(stage->world->engine, "build_prune.json",
                    "{\"CachesDeleted\":[\"aaaaaaaaaaaaaaaaaaaaaaaa3\"],"
                    "\"SpaceReclaimed\":640000000}");
    stage_start_full(stage, 100, 30, NULL);
    stage_press(stage, "p", "Prune");
    stage_press(stage, "r", "Older than");
    terminal_press(stage->terminal, "\025"); /* Ctrl-U: empty the line */
    stage_press(stage, "3h" KEY_ENTER_SENT, "Delete?");
    stage_see(stage, "apt-get install");
    stage_press(stage, "y", "Result");
    stage_press(stage, "q", "1 record ");
    char *requests = world_requests(stage->world), *prune = strstr(requests, "POST ");
    assert_non_null(prune);
    assert_non_null(strstr(prune, "/build/prune?"));
    assert_non_null(strstr(prune, "aaaaaaaaaaaaaaaaaaaaaaaa3"));
    assert_null(strstr(prune, "aaaaaaaaaaaaaaaaaaaaaaaa1")); /* used two hours ago */
    assert_null(strstr(prune, "aaaaaaaaaaaaaaaaaaaaaaaa5")); /* in use */
    assert_non_null(strstr(prune, "%5E")); /* "^": anchored, so that no other id can match */
    free(requests);
    stage_quit(stage, "q");
}

/* What the filter shows is what the menu proposes; the plan takes just that. */
static void test_records_by_a_filter(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 100, 30, NULL);
    terminal_press(stage->terminal, "2/");
    terminal_press(stage->terminal, "apt-get larger-than:100MB" KEY_ENTER_SENT);
    stage_see_gone(stage, "source.local");
    stage_press(stage, "p", "Records that match ...");
    stage_press(stage, "m", "Records that match: apt-get larger-than:100MB");
    stage_press(stage, KEY_ENTER_SENT, "Delete?");
    stage_see(stage, "1 item, 640 MB comes back");
    stage_see(stage, "RUN apt-get install");
    stage_press(stage, "n", "Services");
    terminal_press(stage->terminal, "pm\025");
    stage_press(stage, KEY_ENTER_SENT, "Which? cargo");
    stage_press(stage, "match:(" KEY_ENTER_SENT, "( without )");
    terminal_press(stage->terminal, "\025in-use:yes");
    stage_press(stage, KEY_ENTER_SENT, "Nothing to delete");
    stage_see(stage, "Kept (1)");
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

/* Sorted, reversed, thinned out: the cursor stays with its item, and what is
 * left out stays out. */
static void test_a_plan_is_sorted_and_thinned(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 120, 40, NULL);
    stage_press(stage, "p", "Records that match ...");
    stage_press(stage, "u", "Delete?");
    stage_see(stage, "4 items, 3.74 GB comes back");
    stage_see(stage, "~25 m 50 s"); /* to fill the cache mount again, by its size */
    stage_see(stage, "1 of them in no export: gone for good");
    stage_press(stage, "s", "sort frees");
    stage_see_above(stage, "3.10 GB", "640 MB");
    stage_see_above(stage, "640 MB", "52.0 kB");
    stage_press(stage, "s", "52.0 kB");
    stage_see_above(stage, "640 MB", "3.10 GB");
    terminal_press(stage->terminal, "sss");
    stage_see(stage, "sort age");
    stage_see_above(stage, "RUN apt-get install", "cache mount /app/target");
    stage_see_above(stage, "FROM local/base", "RUN apt-get install");
    terminal_press(stage->terminal, "gj "); /* what it was made on can't go without it */
    stage_see(stage, "2 items, 3.10 GB comes back");
    terminal_press(stage->terminal, "G");
    stage_see(stage, "pinned by RUN apt-get install, which was taken out");
    stage_press(stage, "n", "Services");
    stage_quit(stage, "q");
}

static void test_read_only(void **state)
{
    static const char *const options[] = {"--read-only", NULL};
    struct stage *stage = *state;
    char *before = tree_list(stage->world->caches);
    start_recorded(stage, options);
    stage_press(stage, "d", "this is what would go");
    terminal_press(stage->terminal, "y");
    stage_see_gone(stage, "this is what would go");
    terminal_press(stage->terminal, "b");
    terminal_wait_quiet(stage->terminal, 100);
    stage_quit(stage, "q");
    char *after = tree_list(stage->world->caches), *calls = world_docker_calls(stage->world);
    assert_string_equal(before, after);
    assert_null(strstr(calls, "build\n"));
    assert_null(strstr(calls, "compose build"));
    free(before);
    free(after);
    free(calls);
}

/* Changed between the plan and the yes: skipped and said. */
static void test_changed_since_it_was_shown(void **state)
{
    struct stage *stage = *state;
    start_recorded(stage, NULL);
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "first");
    stage_see_gone(stage, "five-rebuilds");
    terminal_press(stage->terminal, KEY_ENTER_SENT);
    stage_press(stage, "d", "Delete?");
    char *there = path_join(stage->world->caches, "first-build");
    char *elsewhere = path_join(stage->world->path, "elsewhere");
    assert_int_equal(0, rename(there, elsewhere));
    tree_copy(elsewhere, stage->world->caches, "first-build"); /* another directory */
    stage_press(stage, "y", "Result");
    stage_see(stage, "Not deleted");
    assert_true(file_exists(stage->world->caches, "first-build/index.json"));
    free(there);
    free(elsewhere);
    terminal_press(stage->terminal, "q");
    stage_quit(stage, "q");
}

/* Somebody else builds: the caches stay, until they have finished. */
static void test_waits_for_a_building_client(void **state)
{
    static const char *const client[] = {"docker", "compose", "build", "api", NULL};
    struct stage *stage = *state;
    world_add_process(stage->world, "4711", client);
    start_recorded(stage, NULL);
    stage_press(stage, "d", "Nothing to delete");
    stage_see(stage, "docker compose build");
    terminal_press(stage->terminal, "y");
    stage_see_gone(stage, "Nothing to delete");
    assert_true(file_exists(stage->world->caches, "first-build/index.json"));
    stage_press(stage, "d", "Nothing to delete");
    stage_press(stage, "w", "Waiting until nothing is busy");
    world_remove_process(stage->world, "4711");
    stage_see(stage, "Delete?");
    stage_press(stage, "y", "Result");
    stage_see(stage, "Freed");
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

static void test_takes_busy_caches_after_a_second_yes(void **state)
{
    static const char *const client[] = {"docker", "compose", "build", "api", NULL};
    struct stage *stage = *state;
    world_add_process(stage->world, "4711", client);
    start_recorded(stage, NULL);
    stage_press(stage, "d", "Nothing to delete");
    stage_press(stage, "!", "Busy caches too?");
    terminal_press(stage->terminal, "n");
    stage_see_gone(stage, "Busy caches too?");
    stage_see(stage, "Nothing to delete");
    stage_press(stage, "!", "Busy caches too?");
    stage_press(stage, "y", "Delete?");
    assert_true(file_exists(stage->world->caches, "first-build/index.json"));
    stage_press(stage, "y", "Result");
    assert_false(file_exists(stage->world->caches, "first-build"));
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

#define RECORDED(test) cmocka_unit_test_setup_teardown(test, open_recorded, stage_close)
#define USUAL(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDED(test_whole_cache),
        RECORDED(test_no_is_the_default),
        USUAL(test_menu),
        USUAL(test_caches_by_age),
        USUAL(test_current_caches_by_age),
        USUAL(test_free_so_much),
        USUAL(test_garbage),
        USUAL(test_an_interrupted_removal),
        USUAL(test_a_plan_is_sorted_and_thinned),
        USUAL(test_records_by_age),
        USUAL(test_records_by_a_filter),
        RECORDED(test_waits_for_a_building_client),
        RECORDED(test_takes_busy_caches_after_a_second_yes),
        RECORDED(test_read_only),
        RECORDED(test_changed_since_it_was_shown),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
