#include "tests/screen/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/mem.h"

const int stage_sizes[STAGE_SIZES][2] = {{80, 24}, {120, 40}, {40, 10}};

static int open_with(void **state, struct world *world)
{
    struct stage *stage = mem_zalloc(sizeof *stage);
    stage->world = world;
    *state = stage;
    return 0;
}

int stage_open(void **state)
{
    return open_with(state, world_new_usual());
}

int stage_open_empty(void **state)
{
    return open_with(state, world_new());
}

int stage_close(void **state)
{
    struct stage *stage = *state;
    terminal_free(stage->terminal);
    world_free(stage->world);
    free(stage);
    return 0;
}

void stage_start(struct stage *stage, int columns, int rows, const char *const *options)
{
    const char *argv[16] = {getenv("BILGE_TEST_BIN"), "--cache-root", stage->world->caches};
    if (argv[0] == NULL)
        fail_msg("BILGE_TEST_BIN is not set: run it by make check");
    for (size_t i = 0; options != NULL && options[i] != NULL; i++)
        argv[3 + i] = options[i];
    terminal_free(stage->terminal);
    stage->terminal = terminal_start(&(struct terminal_spec){
        .argv = argv,
        .environment = (const char *const *)stage->world->environment,
        .directory = stage->world->project,
        .columns = columns,
        .rows = rows,
    });
}

void stage_start_full(struct stage *stage, int columns, int rows, const char *const *options)
{
    world_start_engine(stage->world);
    stage_start(stage, columns, rows, options);
    stage_see(stage, "orchestration");
    stage_see(stage, "40.0 MB");     /* its size */
    stage_see(stage, "rust-worker"); /* compose has answered: it has no directory yet */
    if (rows >= 24) {
        stage_see(stage, "5 records"); /* the engine has answered */
    } else {                           /* there is room for one pane */
        stage_press(stage, "2", "640 MB");
        stage_press(stage, "1", "orchestration");
    }
}

void stage_see(struct stage *stage, const char *text)
{
    terminal_wait_text(stage->terminal, text);
}

void stage_see_gone(struct stage *stage, const char *text)
{
    terminal_wait_gone(stage->terminal, text);
}

void stage_press(struct stage *stage, const char *keys, const char *text)
{
    terminal_press_wait(stage->terminal, keys, text);
}

void stage_ended(struct stage *stage, int status)
{
    assert_int_equal(status, terminal_wait_exit(stage->terminal));
    assert_false(terminal_is_alternate(stage->terminal));
    assert_true(terminal_shows_cursor(stage->terminal));
    assert_false(terminal_wants_mouse(stage->terminal));
    assert_true(terminal_is_as_before(stage->terminal));
}

void stage_quit(struct stage *stage, const char *keys)
{
    terminal_press(stage->terminal, keys);
    stage_ended(stage, 0);
}

/* Does the first text stand above the second one? */
static bool is_above(struct terminal *terminal, const void *arg)
{
    const char *const *texts = arg;
    int first, second, column;
    return terminal_find(terminal, texts[0], &first, &column) &&
           terminal_find(terminal, texts[1], &second, &column) && first < second;
}

void stage_see_above(struct stage *stage, const char *first, const char *second)
{
    const char *const texts[] = {first, second};
    terminal_wait(stage->terminal, is_above, texts, first);
}
