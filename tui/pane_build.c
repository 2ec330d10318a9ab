/* The build pane: a tree of what is built just now, or was built last. The
 * cursor stays on what runs until the user moves it, and goes to what fails. */
#include "tui/pane.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/text.h"
#include "tui/format.h"

void pane_build_init(struct pane_build *pane, struct app *app)
{
    *pane = (struct pane_build){.app = app};
}

void pane_build_done(struct pane_build *pane)
{
    build_tree_done(&pane->tree);
}

/* ---- rows */

static bool is_running(const struct app *app, const struct tree_row *row, bool internal_too)
{
    const struct build *build = store_build(app_store(app), row->build);
    const struct step *step = build != NULL ? build_find_step(build, row->step) : NULL;
    return row->kind == TREE_STEP && step != NULL && step->state == STEP_RUNNING &&
           (internal_too || !step->internal);
}

/* Where the eye should be: on what failed, else on what runs, else at the end. */
static size_t row_to_follow(const struct pane_build *pane)
{
    const struct build_tree *tree = &pane->tree;
    size_t row = tree->len > 0 ? tree->len - 1 : 0, group = SIZE_MAX;
    if (tree->groups_len > 0 && tree->groups[0].failed)
        for (size_t i = 0; i < tree->len; i++)
            if (tree->rows[i].kind == TREE_STEP)
                return i;
    for (int round = 0; round < 2; round++)
        for (size_t i = tree->len; i-- > 0;) {
            if (is_running(pane->app, &tree->rows[i], round > 0))
                return i;
            size_t of = tree->rows[i].group;
            if (tree->rows[i].kind == TREE_GROUP && tree->groups[of].running > 0)
                group = i;
        }
    return group != SIZE_MAX ? group : tree->groups_len > 1 ? 0 : row;
}

static uint64_t make_mark(const struct app *app, const struct build *const *builds, size_t len)
{
    uint64_t mark = len + app_log_news(app);
    for (size_t i = 0; i < len; i++) {
        const struct build *build = builds[i];
        mark = mark * UINT64_C(1099511628211) + build->id;
        mark = mark * UINT64_C(1099511628211) + build->revision;
        mark = mark * UINT64_C(1099511628211) + (uint64_t)build->state;
        mark = mark * UINT64_C(1099511628211) + build->place;
    }
    return mark;
}

/* The row under the cursor keeps its place on the screen, whatever comes above. */
static void keep_place(struct pane_build *pane, const struct tree_row *row, size_t y)
{
    scroll_to(&pane->scroll, build_tree_find(&pane->tree, row));
    pane->scroll.top = pane->scroll.cursor > y ? pane->scroll.cursor - y : 0;
}

/* On the last line of a step it stays on the last one, as logs do. */
static bool is_last_line(const struct build_tree *tree, size_t at)
{
    const struct tree_row *row = &tree->rows[at];
    return row->kind == TREE_LINE &&
           (at + 1 == tree->len || row[1].kind != TREE_LINE || row[1].step != row->step ||
            row[1].build != row->build);
}

static void go_to_last_line(struct pane_build *pane)
{
    size_t at = pane->scroll.cursor;
    while (at + 1 < pane->tree.len && pane->tree.rows[at].kind == TREE_LINE &&
           !is_last_line(&pane->tree, at))
        at++;
    scroll_to(&pane->scroll, at);
}

void pane_build_sync(struct pane_build *pane)
{
    const struct build **builds;
    size_t len = app_builds_shown(pane->app, &builds);
    uint64_t mark = make_mark(pane->app, builds, len), newest = len > 0 ? builds[len - 1]->id : 0;
    if (mark == pane->made && !pane->stale) {
        free(builds);
        return;
    }
    const struct tree_row *current = pane_build_row(pane);
    const struct tree_row row = current != NULL ? *current : (struct tree_row){0};
    size_t y = pane->scroll.cursor - pane->scroll.top;
    bool last = current != NULL && is_last_line(&pane->tree, pane->scroll.cursor);
    if (newest != pane->newest)
        pane->moved = false;
    for (size_t i = 0; i < len; i++)
        app_watch_log(pane->app, builds[i]);
    build_tree_fill(&pane->tree, builds, len);
    free(builds);
    pane->made = mark;
    pane->newest = newest;
    pane->stale = false;
    scroll_set_len(&pane->scroll, pane->tree.len);
    if (pane->moved)
        keep_place(pane, &row, y);
    else
        scroll_to(&pane->scroll, row_to_follow(pane));
    if (pane->moved && last)
        go_to_last_line(pane);
    if (!pane->moved && pane->tree.groups_len > 0 && pane->tree.groups[0].failed)
        pane->scroll.top = 0;
}

const struct tree_row *pane_build_row(const struct pane_build *pane)
{
    return pane->scroll.cursor < pane->tree.len ? &pane->tree.rows[pane->scroll.cursor] : NULL;
}

const struct build *pane_build_current(const struct pane_build *pane)
{
    const struct tree_row *row = pane_build_row(pane);
    const struct build *build =
        row != NULL ? store_build(app_store(pane->app), row->build) : NULL;
    return build != NULL ? build : app_build_shown(pane->app);
}

void pane_build_to(struct pane_build *pane, size_t row)
{
    pane->moved = true;
    scroll_to(&pane->scroll, row);
}

/* The same for all steps of a build, so that the panes above stay in place
 * while steps come in. */
int pane_build_wanted(const struct pane_build *pane)
{
    return app_build_shown(pane->app) != NULL ? 12 : 1;
}

/* ---- drawing */

static const char *hint(const struct app *app)
{
    const struct store *store = app_store(app);
    if (store->project == NULL && store->project_load != LOAD_PENDING)
        return "No compose project here, so there is nothing to build";
    if (app_read_only(app))
        return "Read-only: building is refused";
    return "b builds the marked services, or the one under the cursor; A all";
}

void pane_build_draw(struct pane_build *pane, const struct canvas *canvas, bool focused)
{
    const struct store *store = app_store(pane->app);
    if (pane->tree.cols != canvas->cols - PANE_BUILD_INDENT) {
        pane->tree.cols = canvas->cols - PANE_BUILD_INDENT;
        pane->stale = true;
    }
    pane_build_sync(pane);
    if (app_build_shown(pane->app) == NULL) {
        canvas_text(canvas, 0, 2, canvas->cols - 2, STYLE_DIM, hint(pane->app));
        return;
    }
    scroll_show(&pane->scroll, (size_t)canvas->rows);
    for (int y = 0; y < canvas->rows; y++) {
        size_t at = pane->scroll.top + (size_t)y;
        if (at >= pane->tree.len)
            break;
        const struct tree_row *row = &pane->tree.rows[at];
        const struct build *build = store_build(store, row->build);
        const struct pane_build_look look = {
            .app = pane->app,
            .tree = &pane->tree,
            .focused = focused && at == pane->scroll.cursor,
        };
        if (build != NULL)
            pane_build_draw_row(&look, canvas, y, build, row);
    }
}

/* ---- commands */

static bool go_to_failed(struct pane_build *pane, int direction)
{
    const struct build **builds;
    size_t len = app_builds_shown(pane->app, &builds), row;
    bool found = build_tree_next_failed(&pane->tree, builds, len, pane->scroll.cursor, direction,
                                        &row);
    free(builds);
    if (found)
        pane_build_to(pane, row);
    else
        app_say(pane->app, STYLE_DIM, "No failed step %s", direction > 0 ? "below" : "above");
    return true;
}

/* As in other trees: what is closed already leads to what it belongs to. */
static void close_row(struct pane_build *pane)
{
    const struct tree_row *row = pane_build_row(pane);
    if (row == NULL)
        return;
    if (!row->is_open)
        scroll_to(&pane->scroll, build_tree_parent(&pane->tree, pane->scroll.cursor));
    else
        build_tree_set_open(&pane->tree, pane->scroll.cursor, false);
}

/* On a line below a step, Enter is for the log there: see main_commands.c. */
static bool open_row(struct pane_build *pane, enum command command)
{
    const struct tree_row *row = pane_build_row(pane);
    if (row == NULL || !row->can_open)
        return command != COMMAND_OPEN || row == NULL;
    if (command == COMMAND_OPEN)
        build_tree_toggle(&pane->tree, pane->scroll.cursor);
    else
        build_tree_set_open(&pane->tree, pane->scroll.cursor, true);
    return true;
}

static bool fold_command(struct pane_build *pane, enum command command)
{
    bool open = false;
    switch (command) {
    case COMMAND_OPEN:
    case COMMAND_RIGHT:
        if (!open_row(pane, command))
            return false;
        break;
    case COMMAND_LEFT:
        close_row(pane);
        break;
    case COMMAND_FOLD_ALL:
        for (size_t i = 0; i < pane->tree.len; i++)
            open = open || (pane->tree.rows[i].kind == TREE_GROUP && pane->tree.rows[i].is_open);
        build_tree_set_all_open(&pane->tree, !open);
        break;
    default:
        return false;
    }
    pane->stale = pane->moved = true;
    return true;
}

static bool is_about_a_row(enum command command)
{
    return command == COMMAND_NEXT_ERROR || command == COMMAND_PREVIOUS_ERROR ||
           command == COMMAND_OPEN || command == COMMAND_LEFT || command == COMMAND_RIGHT ||
           command == COMMAND_FOLD_ALL;
}

bool pane_build_command(struct pane_build *pane, enum command command)
{
    if (pane->tree.len == 0 && is_about_a_row(command)) {
        app_say(pane->app, STYLE_DIM, "Nothing has been built yet");
        return true;
    }
    if (command == COMMAND_NEXT_ERROR || command == COMMAND_PREVIOUS_ERROR)
        return go_to_failed(pane, command == COMMAND_NEXT_ERROR ? 1 : -1);
    if (fold_command(pane, command))
        return true;
    if (!scroll_command(&pane->scroll, command))
        return false;
    /* At the end it follows again, as logs do. */
    pane->moved = command != COMMAND_BOTTOM;
    return true;
}
