/* What of the tree is open, and what the user has said about it. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tui/build_tree_private.h"

bool tree_is_service(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* NULL: the user has not touched it. */
struct tree_fold *tree_find_fold(const struct build_tree *tree, uint64_t build, int step,
                                   const char *service)
{
    for (size_t i = 0; i < tree->folds_len; i++) {
        struct tree_fold *fold = &tree->folds[i];
        if (fold->build == build && fold->step == step &&
            (step > 0 || tree_is_service(fold->service, service)))
            return fold;
    }
    return NULL;
}

struct tree_fold *tree_put_fold(struct build_tree *tree, uint64_t build, int step,
                                  const char *service)
{
    struct tree_fold *fold = tree_find_fold(tree, build, step, service);
    if (fold != NULL)
        return fold;
    mem_reserve((void **)&tree->folds, &tree->folds_cap, tree->folds_len + 1,
                sizeof *tree->folds);
    fold = &tree->folds[tree->folds_len++];
    *fold = (struct tree_fold){.build = build, .step = step};
    if (step == 0)
        mem_replace(&fold->service, service);
    return fold;
}

static void fold_done(struct tree_fold *fold)
{
    free(fold->service);
    free(fold->lines);
}

/* What belongs to builds that are no longer shown. */
void tree_forget_folds(struct build_tree *tree, const struct build *const *builds, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->folds_len; i++) {
        bool there = false;
        for (size_t k = 0; k < len; k++)
            there = there || builds[k]->id == tree->folds[i].build;
        if (there)
            tree->folds[kept++] = tree->folds[i];
        else
            fold_done(&tree->folds[i]);
    }
    tree->folds_len = kept;
}

bool tree_group_is_open(const struct build_tree *tree, const struct tree_group *group)
{
    const struct tree_fold *fold = tree_find_fold(tree, group->build, 0, group->service);
    if (!group->headed)
        return true;
    if (fold != NULL)
        return fold->open;
    if (tree->all_open || tree->all_closed)
        return tree->all_open;
    return group->failed || tree->groups_len <= TREE_GROUPS_OPEN;
}

bool build_tree_set_open(struct build_tree *tree, size_t row, bool open)
{
    if (row >= tree->len)
        return false;
    if (!tree->rows[row].can_open)
        row = build_tree_parent(tree, row);
    const struct tree_row *of = &tree->rows[row];
    if (!of->can_open)
        return false;
    struct tree_fold *fold =
        tree_put_fold(tree, of->build, of->kind == TREE_STEP ? of->step : 0,
                 tree->groups[of->group].service);
    fold->open = open;
    fold->touched = true;
    fold->seen = UINT64_MAX; /* of the whole now, and not its tail alone */
    return true;
}

bool build_tree_toggle(struct build_tree *tree, size_t row)
{
    if (row >= tree->len)
        return false;
    const struct tree_row *of = &tree->rows[row];
    const struct tree_fold *fold =
        of->kind == TREE_STEP ? tree_find_fold(tree, of->build, of->step, NULL) : NULL;
    bool tail = of->is_open && fold != NULL && !fold->touched && fold->earlier;
    return build_tree_set_open(tree, row, tail || !of->is_open);
}

void build_tree_set_all_open(struct build_tree *tree, bool open)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->folds_len; i++) {
        if (tree->folds[i].step > 0)
            tree->folds[kept++] = tree->folds[i];
        else
            fold_done(&tree->folds[i]);
    }
    tree->folds_len = kept;
    tree->all_open = open;
    tree->all_closed = !open;
}
