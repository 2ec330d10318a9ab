/* The three panes of the main screen. Each keeps its rows in step with the
 * store (sync), draws them, and answers to commands that concern it alone. */
#ifndef BILGE_TUI_MAIN_PANE_H
#define BILGE_TUI_MAIN_PANE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/mem.h"
#include "core/prune/query.h"
#include "tui/app.h"
#include "tui/kit/list.h"
#include "tui/main/build_tree.h"

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

struct pane_services {
    struct app *app;
    struct list list;
    bool stale;
    int longest_name; /* columns */
    int first_row;    /* of the rows in the pane, as last drawn */
};
void pane_services_init(struct pane_services *pane, struct app *app);
void pane_services_done(struct pane_services *pane);
void pane_services_sync(struct pane_services *pane);
int pane_services_wanted(const struct pane_services *pane);
void pane_services_title(const struct pane_services *pane, struct buf *title, struct buf *tail);
void pane_services_draw(struct pane_services *pane, const struct canvas *canvas, bool focused);
bool pane_services_command(struct pane_services *pane, enum command command);
/* The row under the cursor; NULL: none. */
const struct service *pane_services_current(const struct pane_services *pane);

struct pane_records {
    struct app *app;
    struct list list;
    char *builder; /* id of the one shown; NULL: the selected one */
    bool stale;
    struct pane_records_made {
        const void *items, *owners; /* to be compared, not to be used */
        const void *texts;
        int64_t at;
        uint64_t mark;
    } made; /* what the rows were made of */
    int longest_type, longest_owner; /* columns */
    int first_row;
};
void pane_records_init(struct pane_records *pane, struct app *app);
void pane_records_done(struct pane_records *pane);
void pane_records_sync(struct pane_records *pane);
int pane_records_wanted(const struct pane_records *pane);
void pane_records_title(const struct pane_records *pane, struct buf *title, struct buf *tail);
void pane_records_draw(struct pane_records *pane, const struct canvas *canvas, bool focused);
bool pane_records_command(struct pane_records *pane, enum command command);
/* Shows this builder's records from now on. */
void pane_records_choose(struct pane_records *pane, const char *builder);
const struct builder *pane_records_builder(const struct pane_records *pane);
const struct record *pane_records_current(const struct pane_records *pane);
/* The services that it belongs to, clean: "api", "api, worker", "api ?" for a
 * guess, "" when not known. The caller frees it. */
char *pane_records_owner(const struct pane_records *pane, size_t index);

struct pane_build {
    struct app *app;
    struct scroll scroll;
    struct build_tree tree;
    uint64_t made;   /* a mark of the builds that the rows were made of */
    uint64_t newest; /* of these builds */
    bool stale;      /* the user has opened or closed something */
    bool moved;      /* by the user: no longer follows what runs */
    int first_row;
};
void pane_build_init(struct pane_build *pane, struct app *app);
void pane_build_done(struct pane_build *pane);
void pane_build_sync(struct pane_build *pane);
int pane_build_wanted(const struct pane_build *pane);
void pane_build_title(const struct pane_build *pane, struct buf *title);
void pane_build_draw(struct pane_build *pane, const struct canvas *canvas, bool focused);
bool pane_build_command(struct pane_build *pane, enum command command);
/* The row under the cursor; NULL: none. */
const struct tree_row *pane_build_row(const struct pane_build *pane);
/* The build that the cursor is on, else the one that is shown; NULL: none. */
const struct build *pane_build_current(const struct pane_build *pane);
void pane_build_to(struct pane_build *pane, size_t row);

/* One row of the tree, in pane_build_rows.c. */
#define PANE_BUILD_INDENT 8 /* of texts below a step */
struct pane_build_look {
    const struct app *app;
    const struct build_tree *tree;
    bool focused; /* and the cursor is on this row */
};
void pane_build_draw_row(const struct pane_build_look *look, const struct canvas *canvas, int y,
                         const struct build *build, const struct tree_row *row);

#endif
