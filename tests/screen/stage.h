/* bilge on a terminal, in a world of its own. */
#ifndef BILGE_TESTS_SCREEN_STAGE_H
#define BILGE_TESTS_SCREEN_STAGE_H

#include "tests/screen/golden.h"
#include "tests/screen/terminal.h"
#include "tests/support/tempdir.h"
#include "tests/support/tree.h"
#include "tests/support/world.h"

struct stage {
    struct world *world;
    struct terminal *terminal;
};

/* For cmocka: *state becomes a stage with the usual world, without an engine
 * that runs. */
int stage_open(void **state);
/* The same with an empty world. */
int stage_open_empty(void **state);
int stage_close(void **state);

/* Starts bilge; `options`: what follows --cache-root on its command line,
 * NULL-terminated, or NULL. */
void stage_start(struct stage *stage, int columns, int rows, const char *const *options);
/* Starts the engine, then bilge, and waits until everything is on the screen. */
void stage_start_full(struct stage *stage, int columns, int rows, const char *const *options);
/* Keys to quit with; then it must end well: exit 0 and the terminal as before. */
void stage_quit(struct stage *stage, const char *keys);
/* It has ended so, and the terminal is as before. */
void stage_ended(struct stage *stage, int status);

/* Presses keys and waits for the text. */
void stage_press(struct stage *stage, const char *keys, const char *text);
void stage_see(struct stage *stage, const char *text);
void stage_see_gone(struct stage *stage, const char *text);
/* Waits until the first text stands above the second one. */
void stage_see_above(struct stage *stage, const char *first, const char *second);

/* Sizes that all screens must be fit for. */
#define STAGE_SIZES 3
extern const int stage_sizes[STAGE_SIZES][2];

#endif
