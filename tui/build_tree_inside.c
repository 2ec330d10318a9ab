#include "tui/build_tree_private.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/log_line.h"
#include "tui/log_scope.h"

enum { TEXT_ROWS_MAX = 4 };

/* ------------------------------------------------------------------ lines */

/* Lines that say no more than the rows above them do. */
static bool is_known(const struct build *build, uint64_t number)
{
    static const char *const ends[] = {"DONE", "CACHED", "CANCELED", "..."};
    struct buildlog_line line;
    struct log_line shown = {0};
    bool known = false;
    if (buildlog_get(build->log, number, &line) != 0)
        return false; /* it may come from the file yet */
    log_line_read(&shown, &line, true);
    const char *text = shown.text.text.data + shown.prefix;
    known = shown.kind == LOG_NAME || shown.kind == LOG_WARNING || line.len == 0;
    for (size_t i = 0; shown.kind == LOG_EVENT && i < sizeof ends / sizeof ends[0]; i++)
        known = known || strncmp(text, ends[i], strlen(ends[i])) == 0;
    log_line_done(&shown);
    return known;
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
    while (end > 0 &&
           (code = buildlog_seek(build->log, &filter, end - 1, -1, &number)) == 0) {
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

void tree_add_text(struct build_tree *tree, enum tree_kind kind, size_t group, int step,
                   const char *text)
{
    struct buf clean = {0};
    text_clean(&clean, text, strlen(text));
    mem_reserve((void **)&tree->texts, &tree->texts_cap, tree->texts_len + 1,
                sizeof *tree->texts);
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

void tree_add_excerpt(struct build_tree *tree, size_t group, const struct build *build, int step)
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

void tree_add_inside(struct build_tree *tree, size_t group, const struct build *build,
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
