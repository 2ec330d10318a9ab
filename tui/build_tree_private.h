/* Between build_tree.c, the outline; build_tree_groups.c, its services;
 * build_tree_inside.c, what stands below a step; build_tree_folds.c. */
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

bool tree_is_service(const char *a, const char *b);

/* What the user has said about a step, or (step 0) a service; NULL: nothing. */
struct tree_fold *tree_find_fold(const struct build_tree *tree, uint64_t build, int step,
                                 const char *service);
struct tree_fold *tree_put_fold(struct build_tree *tree, uint64_t build, int step,
                                const char *service);
/* All but those of these builds. */
void tree_forget_folds(struct build_tree *tree, const struct build *const *builds, size_t len);
bool tree_group_is_open(const struct build_tree *tree, const struct tree_group *group);

/* In their order: failed ones first. */
void tree_fill_groups(struct build_tree *tree, const struct build *const *builds, size_t len);

struct tree_row *tree_add(struct build_tree *tree, enum tree_kind kind, size_t group, int step,
                          uint64_t at);
/* Made clean, and broken between words where it is wider than tree->cols. */
void tree_add_text(struct build_tree *tree, enum tree_kind kind, size_t group, int step,
                   const char *text);
void tree_add_excerpt(struct build_tree *tree, size_t group, const struct build *build, int step);
void tree_add_inside(struct build_tree *tree, size_t group, const struct build *build,
                     const struct step *step, struct tree_fold *fold);

#endif
