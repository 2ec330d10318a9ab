/* The three panes of the main screen. Each keeps its rows in step with the
 * store, draws them, and answers to commands that concern it alone; the screen
 * knows them by their ops. */
#ifndef BILGE_TUI_MAIN_PANE_H
#define BILGE_TUI_MAIN_PANE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/mem.h"
#include "core/prune/query.h"
#include "tui/app.h"
#include "tui/kit/list.h"
#include "tui/main/build_tree.h"

struct pane;

struct pane_ops {
    unsigned where; /* its keys, a bit of enum keys_where */
    /* Brings the rows in step with the store; before they are used in any way. */
    void (*sync)(struct pane *pane);
    /* So many rows it could fill, its column titles included. */
    int (*wanted)(const struct pane *pane);
    void (*title)(const struct pane *pane, struct buf *title, struct buf *tail);
    void (*draw)(struct pane *pane, const struct canvas *canvas, bool focused);
    /* False: the command does not concern this pane alone. */
    bool (*command)(struct pane *pane, enum command command);
    /* The row under the cursor, on a screen of its own. */
    void (*open)(const struct pane *pane);
    /* Puts the cursor on a row. */
    void (*to)(struct pane *pane, size_t row);
    void (*free)(struct pane *pane);
};

/* Embedded first in each. */
struct pane {
    const struct pane_ops *ops;
    struct app *app;
    struct list *list; /* what can be marked and filtered; NULL: nothing can */
    struct scroll *scroll;
    int first_row; /* of the rows in the pane, as last drawn */
    bool stale;    /* the rows are to be made anew */
};

struct pane *pane_services_new(struct app *app);
struct pane *pane_records_new(struct app *app);
struct pane *pane_build_new(struct app *app);

/* ---- what only one of them can tell */
/* The row under the cursor; NULL: none. */
const struct service *pane_services_current(const struct pane *pane);
/* Shows this builder's records from now on. */
void pane_records_choose(struct pane *pane, const char *builder);
const struct builder *pane_records_builder(const struct pane *pane);
/* The row under the cursor; NULL: none. */
const struct tree_row *pane_build_row(const struct pane *pane);
/* The build that the cursor is on, else the one that is shown; NULL: none. */
const struct build *pane_build_current(const struct pane *pane);

/* ---- what those with lists have in common */
/* What the edge says of marks, filter and sort, at its right end. */
void pane_title_list(const struct app *app, const struct list *list, const struct list_order *sorts,
                     struct buf *tail);
/* What the list's filter asks for. One that makes no sense, which is refused
 * where it is typed, asks for nothing. */
struct pane_filter {
    struct query_line line;
    struct query_match match;
};
void pane_filter_init(struct pane_filter *filter, const struct list *list, int64_t now);
void pane_filter_done(struct pane_filter *filter);
/* The row's canvas with cursor and mark drawn. */
struct canvas pane_row(const struct list *list, const struct canvas *canvas, int y, size_t row,
                       bool focused);
/* Marks, sort and movement, which all lists have. */
bool pane_list_command(struct list *list, enum command command, const struct list_order *sorts,
                       size_t sorts_len);

/* Of pane_ops: puts the cursor on a row of the list. */
void pane_list_to(struct pane *pane, size_t row);

#endif
