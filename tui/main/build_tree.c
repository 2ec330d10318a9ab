#include "tui/main/build_tree.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/builds/errorline.h"
#include "tui/log_scope.h"

/* Between build_tree.c, the outline; build_tree_groups.c, its services;
 * build_tree_inside.c, what stands below a step; build_tree_folds.c. */

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

static bool tree_is_service(const char *a, const char *b);
static struct tree_fold *tree_find_fold(const struct build_tree *tree, uint64_t build, int step,
                                        const char *service);
static struct tree_fold *tree_put_fold(struct build_tree *tree, uint64_t build, int step,
                                       const char *service);
static void tree_forget_folds(struct build_tree *tree, const struct build *const *builds,
                              size_t len);
static bool tree_group_is_open(const struct build_tree *tree, const struct tree_group *group);
static void tree_fill_groups(struct build_tree *tree, const struct build *const *builds,
                             size_t len);
static void tree_add_text(struct build_tree *tree, enum tree_kind kind, size_t group, int step,
                          const char *text);
static void tree_add_excerpt(struct build_tree *tree, size_t group, const struct build *build,
                             int step);
static void tree_add_inside(struct build_tree *tree, size_t group, const struct build *build,
                            const struct step *step, struct tree_fold *fold);

/* ------------------------------------------------------------------- rows */

static void clear(struct build_tree *tree)
{
    for (size_t i = 0; i < tree->texts_len; i++)
        free(tree->texts[i]);
    tree->texts_len = tree->len = 0;
}

static struct tree_row *tree_add(struct build_tree *tree, enum tree_kind kind, size_t group,
                                 int step, uint64_t at)
{
    mem_reserve((void **)&tree->rows, &tree->cap, tree->len + 1, sizeof *tree->rows);
    struct tree_row *row = &tree->rows[tree->len++];
    *row = (struct tree_row){.kind = kind,
                             .build = tree->groups[group].build,
                             .group = group,
                             .key = tree->groups[group].key,
                             .step = step,
                             .at = at};
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
    size_t end, start = errorline_find_command(error, strlen(error), &end);
    return start == 0 && strncmp(error, "process \"", 9) == 0 ? error + end : error;
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

static /* What of the tree is open, and what the user has said about it. */

    bool
    tree_is_service(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* NULL: the user has not touched it. */
static struct tree_fold *tree_find_fold(const struct build_tree *tree, uint64_t build, int step,
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

static struct tree_fold *tree_put_fold(struct build_tree *tree, uint64_t build, int step,
                                       const char *service)
{
    struct tree_fold *fold = tree_find_fold(tree, build, step, service);
    if (fold != NULL)
        return fold;
    mem_reserve((void **)&tree->folds, &tree->folds_cap, tree->folds_len + 1, sizeof *tree->folds);
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
static void tree_forget_folds(struct build_tree *tree, const struct build *const *builds,
                              size_t len)
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

static bool tree_group_is_open(const struct build_tree *tree, const struct tree_group *group)
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
    struct tree_fold *fold = tree_put_fold(tree, of->build, of->kind == TREE_STEP ? of->step : 0,
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

/* The services of builds, each with what is known of it as a whole. */

/* FNV-1a */
static uint64_t make_key(uint64_t build, const char *service)
{
    uint64_t key = UINT64_C(14695981039346656037) ^ build;
    for (const char *at = service != NULL ? service : ""; *at != '\0'; at++)
        key = (key ^ (unsigned char)*at) * UINT64_C(1099511628211);
    return key;
}

static struct tree_group *put_group(struct build_tree *tree, const struct build *build,
                                    const char *service)
{
    for (size_t i = tree->groups_len; i-- > 0;)
        if (tree->groups[i].build == build->id && tree_is_service(tree->groups[i].service, service))
            return &tree->groups[i];
    mem_reserve((void **)&tree->groups, &tree->groups_cap, tree->groups_len + 1,
                sizeof *tree->groups);
    struct tree_group *group = &tree->groups[tree->groups_len++];
    *group = (struct tree_group){.build = build->id, .key = make_key(build->id, service)};
    mem_replace(&group->service, service);
    return group;
}

static void note_times(struct tree_group *group, const struct step *step)
{
    int64_t start = step->started_mono_ms, end = start + step->duration_ms;
    if (start == 0)
        return;
    if (group->started_ms == 0 || start < group->started_ms)
        group->started_ms = start;
    if (step_is_over(step) && end > group->ended_ms)
        group->ended_ms = end;
}

static void add_groups(struct build_tree *tree, const struct build *build)
{
    size_t first = tree->groups_len;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        struct tree_group *group = put_group(tree, build, step->service);
        note_times(group, step);
        group->cancelled = group->cancelled || step->state == STEP_CANCELLED;
        group->failed = group->failed || step->state == STEP_FAILED;
        group->warnings += step->warnings;
        if (step->state == STEP_RUNNING && (group->running == 0 || !step->internal))
            group->running = step->number;
    }
    if (tree->groups_len == first)
        put_group(tree, build, NULL);
    for (size_t i = first; i < tree->groups_len; i++) {
        struct tree_group *group = &tree->groups[i];
        group->counts = group->service != NULL ? build_count_service(build, group->service)
                                               : (struct build_counts){0};
    }
    if (tree->groups_len == first + 1 && build->state == BUILD_FAILED)
        tree->groups[first].failed = true;
}

/* Of one build by name, so that no row jumps when another service moves first. */
static int compare_groups(const void *left, const void *right)
{
    const struct tree_group *a = left, *b = right;
    if (a->build != b->build)
        return a->build < b->build ? -1 : 1;
    return strcmp(a->service != NULL ? a->service : "", b->service != NULL ? b->service : "");
}

/* Brings those for which it is so to the front. */
static void bring_forward(struct build_tree *tree, bool (*is_so)(const struct tree_group *group))
{
    size_t at = 0;
    for (size_t i = 0; i < tree->groups_len; i++) {
        struct tree_group group = tree->groups[i];
        if (!is_so(&group))
            continue;
        memmove(&tree->groups[at + 1], &tree->groups[at], (i - at) * sizeof group);
        tree->groups[at++] = group;
    }
}

static bool has_service(const struct tree_group *group)
{
    return group->service != NULL;
}

static bool has_failed(const struct tree_group *group)
{
    return group->failed;
}

/* In their order: failed ones first. */
static void tree_fill_groups(struct build_tree *tree, const struct build *const *builds, size_t len)
{
    for (size_t i = 0; i < tree->groups_len; i++)
        free(tree->groups[i].service);
    tree->groups_len = 0;
    for (size_t i = 0; i < len; i++)
        add_groups(tree, builds[i]);
    if (tree->groups_len > 1)
        qsort(tree->groups, tree->groups_len, sizeof *tree->groups, compare_groups);
    /* Failed ones first, bake's own steps last. */
    bring_forward(tree, has_service);
    bring_forward(tree, has_failed);
    for (size_t i = 0; i < tree->groups_len; i++)
        tree->groups[i].headed = tree->groups_len > 1;
}

enum { TEXT_ROWS_MAX = 4 };

/* ------------------------------------------------------------------ lines */

/* Lines that say no more than the rows above them do. */
static bool is_known(const struct build *build, uint64_t number)
{
    struct buildlog_line line;
    if (buildlog_get(build->log, number, &line) != 0)
        return false; /* it may come from the file yet */
    return line.kind == LOG_NAME || line.kind == LOG_WARNING || line.kind == LOG_STATE ||
           (line.kind == LOG_OTHER && line.len == 0);
}

/* From the end back: so many lines, whatever the length of the log. What stands
 * after the line that says why it failed is said again. */
static void collect(struct tree_fold *fold, const struct build *build, const struct step *step)
{
    size_t most = fold->touched ? TREE_LINES_MAX : TREE_TAIL_LINES;
    struct logfilter filter = {0};
    uint64_t end = buildlog_end(build->log), number;
    logfilter_add(&filter, step->number);
    if (step->state == STEP_FAILED && log_error_line(build, step, &number) &&
        (step->last_line == 0 || number >= step->last_line))
        end = number;
    fold->lines = mem_realloc(fold->lines, most * sizeof *fold->lines);
    fold->lines_len = 0;
    fold->earlier = false;
    int code = 0;
    while (end > 0 && (code = buildlog_seek(build->log, &filter, end - 1, -1, &number)) == 0) {
        end = number;
        if (is_known(build, number))
            continue;
        if (fold->lines_len == most) {
            fold->earlier = true;
            break;
        }
        fold->lines[fold->lines_len++] = number;
    }
    for (size_t i = 0; i < fold->lines_len / 2; i++) {
        uint64_t other = fold->lines[i];
        fold->lines[i] = fold->lines[fold->lines_len - 1 - i];
        fold->lines[fold->lines_len - 1 - i] = other;
    }
    logfilter_done(&filter);
    /* What is still on its way from the file is asked for again. */
    fold->seen = code == BUILDLOG_LOADING ? UINT64_MAX : step->last_line;
    fold->seen_over = step_is_over(step);
}

static void add_lines(struct build_tree *tree, size_t group, const struct build *build,
                      const struct step *step, struct tree_fold *fold)
{
    if (fold->lines == NULL || fold->seen != step->last_line ||
        fold->seen_over != step_is_over(step))
        collect(fold, build, step);
    if (fold->earlier)
        tree_add(tree, TREE_EARLIER, group, step->number, 0);
    for (size_t i = 0; i < fold->lines_len; i++)
        tree_add(tree, TREE_LINE, group, step->number, fold->lines[i]);
}

/* ------------------------------------------------------------------- texts */

/* So much of it as fits, ended between two words if that is not too early. */
static size_t fit_words(const char *text, int cols)
{
    size_t fits = cols > 0 ? text_fit(text, (size_t)cols, NULL) : strlen(text);
    if (fits == 0 || text[fits] == '\0')
        return fits;
    for (size_t at = fits; at > fits / 2; at--)
        if (text[at] == ' ')
            return at;
    return fits;
}

/* Made clean, and broken between words where it is wider than tree->cols. */
static void tree_add_text(struct build_tree *tree, enum tree_kind kind, size_t group, int step,
                          const char *text)
{
    struct buf clean = {0};
    text_clean(&clean, text, strlen(text));
    mem_reserve((void **)&tree->texts, &tree->texts_cap, tree->texts_len + 1, sizeof *tree->texts);
    const char *rest = tree->texts[tree->texts_len++] = buf_take(&clean);
    for (uint64_t at = 0; at < TEXT_ROWS_MAX && *rest != '\0'; at++) {
        bool last = at + 1 == TEXT_ROWS_MAX;
        struct tree_row *row = tree_add(tree, kind, group, step, at);
        row->text = rest;
        row->len = last ? strlen(rest) : fit_words(rest, tree->cols);
        if (row->len == 0)
            row->len = strlen(rest);
        rest += row->len;
        while (*rest == ' ')
            rest++;
    }
}

/* ------------------------------------------------------------------ others */

static void tree_add_excerpt(struct build_tree *tree, size_t group, const struct build *build,
                             int step)
{
    const struct build_excerpt *excerpt = &build->excerpt;
    if (excerpt->text == NULL || excerpt->step != step)
        return;
    struct tree_row *title = tree_add(tree, TREE_EXCERPT, group, step, 0);
    title->text = excerpt->file;
    title->len = strlen(excerpt->file);
    const char *line = excerpt->text;
    for (uint64_t at = 1; *line != '\0'; at++) {
        struct tree_row *row = tree_add(tree, TREE_EXCERPT, group, step, at);
        row->text = line;
        row->len = strcspn(line, "\n");
        line += row->len + (line[row->len] == '\n');
    }
}

static void add_warnings(struct build_tree *tree, size_t group, const struct build *build,
                         const struct step *step)
{
    for (size_t i = 0; step->warnings > 0 && i < build->warnings_len; i++) {
        const struct build_warning *warning = &build->warnings[i];
        if (warning->step != step->number)
            continue;
        struct tree_row *row = tree_add(tree, TREE_WARNING, group, step->number, i);
        row->text = warning->text;
        row->len = strlen(warning->text);
    }
}

static void add_transfers(struct build_tree *tree, size_t group, const struct step *step)
{
    for (size_t i = 0; i < step->transfers_len; i++)
        if (!step->transfers[i].over)
            tree_add(tree, TREE_TRANSFER, group, step->number, i);
}

static void tree_add_inside(struct build_tree *tree, size_t group, const struct build *build,
                            const struct step *step, struct tree_fold *fold)
{
    /* The build's reason above has told it already. */
    bool told = build->error != NULL && step->error != NULL && build_is_over(build) &&
                strstr(build->error, step->error) != NULL;
    if (step->error != NULL && !told)
        tree_add_text(tree, TREE_ERROR, group, step->number, step->error);
    add_warnings(tree, group, build, step);
    add_lines(tree, group, build, step, fold);
    add_transfers(tree, group, step);
    tree_add_excerpt(tree, group, build, step->number);
}
