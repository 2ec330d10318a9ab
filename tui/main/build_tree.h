/* The rows of the build pane: of each build, services, their steps, and below
 * those what is known about them: why it failed, output, the excerpt of the
 * Dockerfile, warnings, transfers. Failed services and steps come first. Pure.
 *
 *     ✗ api                                  group, when there are several
 *       ✗ builder 4/4  RUN make      0.3 s     step
 *         exit code: 2                           error
 *         make: no rule                          line of output
 *         Dockerfile:5                           excerpt
 *       ≡ builder 1/4  FROM base                */
#ifndef BILGE_TUI_MAIN_BUILD_TREE_H
#define BILGE_TUI_MAIN_BUILD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/builds/build.h"

enum tree_kind {
    TREE_REASON, /* of a build: why it failed */
    TREE_CAUSE,  /* of a build: what that means, and the remedy */
    TREE_WAY,    /* of a build without steps: what is run, how, or that it waits */
    TREE_GROUP,
    TREE_STEP,
    TREE_ERROR,    /* of a step */
    TREE_EARLIER,  /* of a step: there are more lines than are shown */
    TREE_LINE,     /* of a step: a line of the log, `at` */
    TREE_EXCERPT,  /* of a step: a line of the Dockerfile */
    TREE_WARNING,  /* of a step: `at` of the build's warnings */
    TREE_TRANSFER, /* of a step: `at` of its transfers */
};

/* Of an open step so many lines are rows; the log screen has them all. */
#define TREE_LINES_MAX 1000
#define TREE_TAIL_LINES 8  /* of a failed step that nobody has opened or closed */
#define TREE_GROUPS_OPEN 3 /* more are closed at first, but for failed ones */

struct tree_row {
    enum tree_kind kind;
    uint64_t build;
    size_t group;     /* in tree.groups */
    uint64_t key;     /* of the group, also after another fill */
    int step;         /* 0: none */
    uint64_t at;      /* which of its kind */
    const char *text; /* of texts that are not in the log; borrowed until the next fill */
    size_t len;
    bool can_open, is_open;
};

struct tree_group {
    uint64_t build;
    uint64_t key;  /* of build and service */
    char *service; /* NULL: steps of none */
    bool headed;   /* it has a row of its own, for it is not alone */
    bool failed, cancelled;
    int running; /* a step of it that runs; 0: none */
    struct build_counts counts;
    size_t warnings;
    int64_t started_ms, ended_ms; /* of its steps, monotonic; 0: none yet */
};

struct tree_fold;

struct build_tree {
    struct tree_row *rows;
    size_t len, cap;
    struct tree_group *groups;
    size_t groups_len, groups_cap;
    struct tree_fold *folds; /* what the user has opened and closed */
    size_t folds_len, folds_cap;
    bool all_closed, all_open; /* the user's word about the groups that he did not touch */
    int cols;                  /* for texts that are broken between words; 0: they are not */
    char **texts;              /* made for rows */
    size_t texts_len, texts_cap;
};

void build_tree_done(struct build_tree *tree);
/* Makes the rows anew. */
void build_tree_fill(struct build_tree *tree, const struct build *const *builds, size_t len);

/* A row's place after another fill: its own, else that of its step, its group,
 * or the nearest. */
size_t build_tree_find(const struct build_tree *tree, const struct tree_row *row);
/* Opens or closes the row, or the one that it belongs to; takes effect with the
 * next fill. False: nothing to be opened or closed. */
bool build_tree_set_open(struct build_tree *tree, size_t row, bool open);
/* The other of the two; of a failed step whose last lines are shown, first all. */
bool build_tree_toggle(struct build_tree *tree, size_t row);
/* Of all services. */
void build_tree_set_all_open(struct build_tree *tree, bool open);
/* The row that this one belongs to; itself when it belongs to none. */
size_t build_tree_parent(const struct build_tree *tree, size_t row);
/* The next failed step's row (direction 1) or the one before; false: none. */
bool build_tree_next_failed(const struct build_tree *tree, const struct build *const *builds,
                            size_t len, size_t from, int direction, size_t *ret_row);

#endif
