#include "tui/build_tree.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tui/build_tree_private.h"

/* ------------------------------------------------------------------- rows */

static void clear(struct build_tree *tree)
{
    for (size_t i = 0; i < tree->texts_len; i++)
        free(tree->texts[i]);
    tree->texts_len = tree->len = 0;
}

struct tree_row *tree_add(struct build_tree *tree, enum tree_kind kind, size_t group, int step,
                          uint64_t at)
{
    mem_reserve((void **)&tree->rows, &tree->cap, tree->len + 1, sizeof *tree->rows);
    struct tree_row *row = &tree->rows[tree->len++];
    *row = (struct tree_row){.kind = kind, .build = tree->groups[group].build, .group = group,
                             .key = tree->groups[group].key, .step = step, .at = at};
    return row;
}

static bool step_can_open(const struct step *step)
{
    return step->last_line > 0 || step->error != NULL || step->warnings > 0 ||
           step->transfers_len > 0;
}

static void add_step(struct build_tree *tree, size_t group, const struct build *build,
                     const struct step *step)
{
    struct tree_fold *fold = tree_find_fold(tree, build->id, step->number, NULL);
    struct tree_row *row = tree_add(tree, TREE_STEP, group, step->number, 0);
    bool failed = step->state == STEP_FAILED;
    row->can_open = step_can_open(step);
    row->is_open = row->can_open && (fold != NULL ? fold->open : failed);
    if (!row->is_open)
        return;
    if (fold == NULL) /* its tail is kept, too */
        fold = tree_put_fold(tree, build->id, step->number, NULL);
    if (!fold->touched)
        fold->open = true;
    tree_add_inside(tree, group, build, step, fold);
}

static bool belongs(const struct tree_group *group, const struct step *step)
{
    return tree_is_service(group->service, step->service);
}

static void add_steps(struct build_tree *tree, size_t at, const struct build *build)
{
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < build->steps_len; i++) {
            const struct step *step = &build->steps[i];
            bool first = step->state == STEP_FAILED;
            if (first == (round == 0) && belongs(&tree->groups[at], step))
                add_step(tree, at, build, step);
        }
}

static void add_cause(struct build_tree *tree, size_t at, const struct build *build)
{
    static const char way[] = "t builds it the traditional way, which would not fail of this";
    const struct diagnosis *diagnosis = build->diagnosis;
    if (diagnosis == NULL)
        return;
    char *text = mem_printf("%s Fix: %s", diagnosis->cause, diagnosis->fix);
    tree_add_text(tree, TREE_CAUSE, at, 0, text);
    free(text);
    if (diagnosis->traditional_helps && !build->traditional)
        tree_add_text(tree, TREE_CAUSE, at, 0, way);
}

/* The command stands in the row of the step, and in the log: what is left is
 * "exit code: 2". */
static const char *skip_command(const char *error)
{
    static const char words[] = " did not complete successfully: ";
    const char *found = strstr(error, words);
    return strncmp(error, "process \"", 9) == 0 && found != NULL ? found + sizeof words - 1
                                                                 : error;
}

/* Why a build failed stands once, above its first group's steps. */
static void add_reason(struct build_tree *tree, size_t at, const struct build *build)
{
    for (size_t i = 0; i < at; i++)
        if (tree->groups[i].build == build->id)
            return;
    if (build->error != NULL && build->state == BUILD_FAILED)
        tree_add_text(tree, TREE_REASON, at, 0, skip_command(build->error));
    add_cause(tree, at, build);
    tree_add_excerpt(tree, at, build, 0);
    if (build->steps_len > 0 || build_is_over(build))
        return;
    tree_add_text(tree, TREE_WAY, at, 0, build->command);
    if (build->way != NULL)
        tree_add_text(tree, TREE_WAY, at, 0, build->way);
}

static void add_group(struct build_tree *tree, size_t at, const struct build *build)
{
    bool open = tree_group_is_open(tree, &tree->groups[at]);
    if (tree->groups[at].headed) {
        struct tree_row *row = tree_add(tree, TREE_GROUP, at, 0, 0);
        row->can_open = true;
        row->is_open = open;
    }
    if (open) {
        add_reason(tree, at, build);
        add_steps(tree, at, build);
    }
}

static const struct build *find_build(const struct build *const *builds, size_t len, uint64_t id)
{
    for (size_t i = 0; i < len; i++)
        if (builds[i]->id == id)
            return builds[i];
    return NULL;
}

void build_tree_fill(struct build_tree *tree, const struct build *const *builds, size_t len)
{
    clear(tree);
    tree_forget_folds(tree, builds, len);
    tree_fill_groups(tree, builds, len);
    for (size_t i = 0; i < tree->groups_len; i++)
        add_group(tree, i, find_build(builds, len, tree->groups[i].build));
}

void build_tree_done(struct build_tree *tree)
{
    clear(tree);
    tree_fill_groups(tree, NULL, 0);
    tree_forget_folds(tree, NULL, 0);
    free(tree->groups);
    free(tree->folds);
    free(tree->rows);
    free(tree->texts);
    *tree = (struct build_tree){0};
}

/* ---------------------------------------------------------------- to find */

/* How near the other row is to where this one was. */
static int likeness(const struct tree_row *row, const struct tree_row *other)
{
    if (other->key != row->key)
        return 0;
    if (other->step != row->step)
        return other->kind == TREE_GROUP ? 1 : 0;
    if (other->kind == row->kind && other->at == row->at)
        return 4;
    return other->kind == TREE_STEP || other->kind == TREE_GROUP ? 3 : 2;
}

size_t build_tree_find(const struct build_tree *tree, const struct tree_row *row)
{
    size_t best = 0;
    int most = 0;
    for (size_t i = 0; i < tree->len; i++) {
        int like = likeness(row, &tree->rows[i]);
        if (like > most) {
            best = i;
            most = like;
        }
    }
    return best;
}

size_t build_tree_parent(const struct build_tree *tree, size_t row)
{
    const struct tree_row *of = &tree->rows[row];
    for (size_t i = row; i-- > 0;) {
        const struct tree_row *above = &tree->rows[i];
        bool step = above->kind == TREE_STEP && of->kind != TREE_STEP && above->step == of->step &&
                    of->step > 0;
        if (step || (above->kind == TREE_GROUP && of->kind != TREE_GROUP))
            return i;
    }
    return row;
}

bool build_tree_next_failed(const struct build_tree *tree, const struct build *const *builds,
                            size_t len, size_t from, int direction, size_t *ret_row)
{
    for (size_t i = from + (size_t)(int64_t)direction; i < tree->len;
         i += (size_t)(int64_t)direction) {
        const struct tree_row *row = &tree->rows[i];
        const struct build *build = find_build(builds, len, row->build);
        const struct step *step = build != NULL ? build_find_step(build, row->step) : NULL;
        if (row->kind != TREE_STEP || step == NULL || step->state != STEP_FAILED)
            continue;
        *ret_row = i;
        return true;
    }
    return false;
}
