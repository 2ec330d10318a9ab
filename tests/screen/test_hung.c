/* A cache root that does not answer holds up nothing but itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/screen/stage.h"
#include "tests/support/hung.h"
#include "tests/support/limit.h"

struct scene {
    struct stage *stage;
    struct hung *hung;
    char *directory;
};

/* The usual world; beside its caches a directory that hangs. */
static int open_beside(void **state)
{
    struct scene *scene = mem_zalloc(sizeof *scene);
    stage_open((void **)&scene->stage);
    dir_make(scene->stage->world->path, "hung");
    scene->directory = path_join(scene->stage->world->path, "hung");
    scene->hung = hung_mount(scene->directory);
    assert_non_null(scene->hung);
    *state = scene;
    return 0;
}

/* All of its caches hang. */
static int open_below(void **state)
{
    struct scene *scene = mem_zalloc(sizeof *scene);
    stage_open((void **)&scene->stage);
    scene->directory = mem_strdup(scene->stage->world->caches);
    scene->hung = hung_mount(scene->directory);
    assert_non_null(scene->hung);
    *state = scene;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    terminal_free(scene->stage->terminal);
    scene->stage->terminal = NULL;
    hung_free(scene->hung);
    stage_close((void **)&scene->stage);
    free(scene->directory);
    free(scene);
    return 0;
}

static struct stage *start_beside(struct scene *scene)
{
    const char *const options[] = {"--cache-root", scene->directory, NULL};
    stage_start(scene->stage, 120, 40, options);
    return scene->stage;
}

static void test_keys_and_other_roots_go_on(void **state)
{
    struct stage *stage = start_beside(*state);
    stage_see(stage, "40.0 MB"); /* what the other root holds */
    stage_press(stage, "?", "Main screen");
    stage_press(stage, KEY_ESCAPE_SENT, "orchestration");
    stage_see(stage, "hung does not answer (");
    stage_press(stage, "r", "40.0 MB");
    stage_press(stage, "?", "Main screen");
    stage_press(stage, KEY_ESCAPE_SENT, "orchestration");
    stage_quit(stage, "q");
}

static void test_other_roots_are_pruned(void **state)
{
    struct stage *stage = start_beside(*state);
    stage_see(stage, "40.0 MB");
    stage_press(stage, "p", "Prune");
    stage_press(stage, "g", "Delete");
    stage_press(stage, "y", "Freed         16.0 MB");
    stage_press(stage, "q", "24.0 MB");
    stage_quit(stage, "q");
}

static void test_the_only_root_hangs(void **state)
{
    struct scene *scene = *state;
    struct stage *stage = scene->stage;
    world_start_engine(stage->world);
    stage_start(stage, 120, 40, NULL);
    stage_see(stage, "5 records"); /* the engine is asked all the same */
    stage_see(stage, "caches does not answer (");
    stage_see(stage, "rust-worker"); /* of the project; its cache is not known */
    stage_press(stage, "?", "Main screen");
    stage_press(stage, KEY_ESCAPE_SENT, "records");
    stage_press(stage, "!", "warning       /tmp/"); /* the doctor says so, too */
    stage_press(stage, KEY_ESCAPE_SENT, "records");
    stage_quit(stage, "q");
}

static void test_quitting_waits_for_nothing(void **state)
{
    struct scene *scene = *state;
    stage_start(scene->stage, 120, 40, NULL);
    stage_see(scene->stage, "Services");
    stage_quit(scene->stage, "q");
}

static void test_it_answers_later_and_hangs_again(void **state)
{
    struct scene *scene = *state;
    struct stage *stage = start_beside(scene);
    stage_see(stage, "hung does not answer (");
    hung_answer(scene->hung);
    stage_see_gone(stage, "does not answer");
    stage_see(stage, "late"); /* a directory in it */
    hung_pause(scene->hung);
    stage_press(stage, "r", "hung does not answer (");
    stage_see(stage, "late"); /* as it was seen last */
    hung_answer(scene->hung);
    stage_see_gone(stage, "does not answer");
    stage_quit(stage, "q");
}

#define CASE(test, open) cmocka_unit_test_setup_teardown(test, open, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_keys_and_other_roots_go_on, open_beside),
        CASE(test_other_roots_are_pruned, open_beside),
        CASE(test_the_only_root_hangs, open_below),
        CASE(test_quitting_waits_for_nothing, open_below),
        CASE(test_it_answers_later_and_hangs_again, open_beside),
    };
    if (!hung_begin()) {
        puts("1..0 # SKIP mounting is not allowed here");
        return 0;
    }
    limit_program(300);
    return cmocka_run_group_tests_name("hung", tests, NULL, NULL);
}
