/* Between build_tree.c, the outline, and build_tree_inside.c, what stands below
 * a step. */
#ifndef BILGE_TUI_BUILD_TREE_PRIVATE_H
#define BILGE_TUI_BUILD_TREE_PRIVATE_H

#include "tui/build_tree.h"

struct tree_fold {
    uint64_t build;
    int step;      /* 0: a group */
    char *service; /* of a group; NULL: none */
    bool open;
    bool touched; /* by the user: else it is a failed step's, of which the tail is shown */
    /* Of an open step: the last lines of its log. */
    uint64_t *lines;
    size_t lines_len;
    uint64_t seen;  /* step.last_line when they were collected; UINT64_MAX: never */
    bool seen_over; /* and the step was over */
    bool earlier;   /* there are lines before these */
};

struct tree_row *tree_add(struct build_tree *tree, enum tree_kind kind, size_t group, int step,
                          uint64_t at);
/* Made clean, and broken between words where it is wider than tree->cols. */
void tree_add_text(struct build_tree *tree, enum tree_kind kind, size_t group, int step,
                   const char *text);
void tree_add_excerpt(struct build_tree *tree, size_t group, const struct build *build, int step);
void tree_add_inside(struct build_tree *tree, size_t group, const struct build *build,
                     const struct step *step, struct tree_fold *fold);

#endif
