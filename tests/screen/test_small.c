/* What must be readable in the smallest window, and what is offered only where
 * it does something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/screen/stage.h"
#include "tests/support/limit.h"

#define SMALL 40, 10

/* A message goes on in the row above, and is not cut. */
static void test_messages_are_whole(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, SMALL, NULL);
    terminal_press(stage->terminal, "G");
    stage_press(stage, "b", "old-branch: no service of the");
    stage_see(stage, "compose project, so it cannot be");
    stage_see(stage, "built");
    stage_press(stage, "g", "Tab pane"); /* the next key takes it away */
    stage_press(stage, "f", "Free how much");
    terminal_press(stage->terminal, "\025");
    stage_press(stage, "lots" KEY_ENTER_SENT, "is not a size such as 500MB");
    stage_press(stage, KEY_ESCAPE_SENT, "Prune");
    stage_press(stage, KEY_ESCAPE_SENT, "Tab pane");
    stage_quit(stage, "q");
}

/* The header's parts give way whole: no stub of a path that tells nothing. */
static void test_the_header_has_no_stubs(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 130, 24, NULL);
    for (int columns = 40; columns <= 120; columns += 4) {
        terminal_resize(stage->terminal, columns, 24);
        terminal_wait_quiet(stage->terminal, 50);
        stage_see(stage, "bilge  tasker");
        assert_false(terminal_shows(stage->terminal, "▸…"));
        assert_false(terminal_shows(stage->terminal, "▸ …"));
        assert_false(terminal_shows(stage->terminal, "▸ /tmp…"));
    }
    stage_quit(stage, "q");
}

static void test_the_menu_explains_itself(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, SMALL, NULL);
    stage_press(stage, "p", "what no live export reaches; the");
    stage_see(stage, "next build loses nothing");
    terminal_press(stage->terminal, "G");
    stage_press(stage, "jjjjjjjjj", "become one file with several");
    stage_see(stage, "Identical blobs of all services");
    stage_press(stage, "q", "Tab pane");
    stage_quit(stage, "q");
}

/* Rather than the docker command: what can't be had, what does not come back,
 * and more than one item of the plan. */
static void test_a_plan_says_what_matters(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, SMALL, NULL);
    stage_press(stage, "f", "Free how much");
    terminal_press(stage->terminal, "\025");
    stage_press(stage, "900TB" KEY_ENTER_SENT, "900 TB asked for: no more can go");
    stage_see(stage, "1 in no export: gone for good");
    stage_see(stage, "Delete? y: yes; any other key: no");
    golden_wait(stage->terminal, "plan-free");
    stage_press(stage, "n", "Services");
    stage_quit(stage, "q");
}

static void test_too_small(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, 20, 5, NULL);
    stage_see(stage, "needs 40x10");
    terminal_resize(stage->terminal, 80, 24);
    stage_see(stage, "orchestration");
    stage_press(stage, "p", "Garbage of every service");
    terminal_resize(stage->terminal, 12, 2);
    stage_see(stage, "needs 40x10");
    terminal_resize(stage->terminal, 200, 60); /* what was open is open still */
    stage_see(stage, "Garbage of every service");
    stage_press(stage, "q", "Tab pane");
    stage_quit(stage, "q");
}

static void test_a_plan_of_nothing_offers_no_yes(void **state)
{
    static const char *const client[] = {"docker", "compose", "build", "api", NULL};
    struct stage *stage = *state;
    world_add_process(stage->world, "4711", client);
    stage_start_full(stage, 80, 24, NULL);
    terminal_press(stage->terminal, "p");
    stage_press(stage, "g", "Nothing to delete");
    stage_see(stage, "w wait");
    assert_false(terminal_shows(stage->terminal, "y delete"));
    assert_false(terminal_shows(stage->terminal, "leave out"));
    stage_press(stage, "n", "Services");
    stage_quit(stage, "q");
}

static void test_read_only_offers_no_build(void **state)
{
    static const char *const options[] = {"--read-only", NULL};
    struct stage *stage = *state;
    stage_start_full(stage, 120, 40, options);
    stage_see(stage, "d delete"); /* it shows the plan */
    assert_false(terminal_shows(stage->terminal, "b build "));
    stage_press(stage, KEY_ENTER_SENT, "V verify");
    assert_false(terminal_shows(stage->terminal, "R restore"));
    stage_press(stage, "R", "Read-only: restoring is refused");
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

/* No key of the footer is silent. */
static void test_keys_answer(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 80, 24, NULL);
    stage_press(stage, KEY_ENTER_SENT, "Directory");
    stage_press(stage, "n", "Nothing was searched for yet");
    stage_press(stage, "/", "/");
    stage_press(stage, "compose project" KEY_ENTER_SENT, "In the compose project");
    stage_press(stage, "n", "No match below: compose project");
    stage_press(stage, "q", "Services");
    stage_press(stage, "!", "docker is in PATH");
    stage_press(stage, "?", "Look at everything again");
    stage_press(stage, "q", "docker is in PATH");
    stage_press(stage, "q", "Services");
    static const char *const build_keys[] = {"e", "E", "c", "R", "-", "i", KEY_ENTER_SENT};
    for (size_t i = 0; i < sizeof build_keys / sizeof build_keys[0]; i++) {
        stage_press(stage, "3", "Tab pane");
        stage_press(stage, build_keys[i], "Nothing has been built yet");
    }
    stage_press(stage, "1", "Tab pane");
    stage_press(stage, "h", "History: builds");
    stage_press(stage, " ", "No build is remembered yet ─");
    stage_press(stage, "q", "Services");
    stage_quit(stage, "q");
}

/* A question whole, with its keys; and of what is kept, why. */
static void test_questions_and_reasons_fit(void **state)
{
    static const char *const client[] = {"docker", "compose", "build", "api", NULL};
    struct stage *stage = *state;
    world_add_process(stage->world, "4711", client);
    stage_start_full(stage, SMALL, NULL);
    stage_press(stage, "d", "Kept (");
    stage_press(stage, "j", "docker compose build");
    stage_press(stage, "!", "Better: wait (w), or stop the build.");
    stage_see(stage, "y plan with busy caches   n no");
    golden_wait(stage->terminal, "ask-busy");
    stage_press(stage, "n", "Kept (");
    stage_press(stage, "n", "Tab pane");
    stage_quit(stage, "q");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_messages_are_whole),
        CASE(test_the_header_has_no_stubs),
        CASE(test_the_menu_explains_itself),
        CASE(test_a_plan_says_what_matters),
        CASE(test_too_small),
        CASE(test_questions_and_reasons_fit),
        CASE(test_a_plan_of_nothing_offers_no_yes),
        CASE(test_read_only_offers_no_build),
        CASE(test_keys_answer),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
