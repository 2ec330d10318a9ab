/* Rows on screen: filtered, sorted, marked. Cursor and marks hang on ids, so
 * they stay with their row whatever a refresh does. Pure: it knows neither
 * the store nor the terminal.
 *
 * The owner rebuilds the rows whenever what they show has changed:
 * list_begin(), list_add() for everything there is, list_end(). */
#ifndef BILGE_TUI_KIT_LIST_H
#define BILGE_TUI_KIT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/mem.h"
#include "tui/kit/scroll.h"

struct list_mark;

struct list_row {
    size_t id;        /* offset into list.ids */
    size_t index;     /* the owner's: where it stands in the store */
    int64_t number;   /* sort keys: first the number, then the text */
    const char *text; /* borrowed until list_end() */
};

struct list {
    struct scroll scroll;
    struct list_row *rows;
    size_t rows_cap;
    struct buf ids;
    char *cursor_id;
    struct list_mark *marks; /* uthash */
    size_t sort;             /* column; the owner gives it its meaning */
    bool descending;
    char *filter; /* as it was typed; what it means is the owner's; NULL: none */
};

void list_done(struct list *list);

void list_begin(struct list *list);
/* `shown`: passes the filter. What is not shown keeps its mark. */
void list_add(struct list *list, const char *id, size_t index, bool shown, int64_t number,
              const char *text);
/* Sorts; the cursor goes back to its id, or stays where it is when that has
 * gone; marks of what has gone are dropped. */
void list_end(struct list *list);

size_t list_len(const struct list *list);
const char *list_id(const struct list *list, size_t row);
/* The owner's index of the row under the cursor; SIZE_MAX: no rows. */
size_t list_index(const struct list *list);
/* Movement; remembers the id. False when the command is no movement. */
bool list_command(struct list *list, enum command command);
void list_to(struct list *list, size_t row);

void list_toggle_mark(struct list *list, const char *id);
void list_mark_shown(struct list *list);
void list_unmark(struct list *list);
bool list_is_marked(const struct list *list, const char *id);
size_t list_marked_len(const struct list *list);
/* Calls cb for each marked id, in the order of the marking. */
void list_each_mark(const struct list *list, void (*cb)(void *arg, const char *id), void *arg);

/* NULL or "" shows all. */
void list_set_filter(struct list *list, const char *filter);

/* A way to sort; the direction that is wanted first. Without a name it is the
 * order of the store, which is not said and not reversed. */
struct list_order {
    const char *name;
    bool descending;
};
/* Reverses the order; when it was reversed already, goes to the next sort. */
void list_next_order(size_t *sort, bool *descending, const struct list_order *sorts, size_t len);
/* The larger of `longest` and the columns that this raw text takes. */
int list_longer(int longest, const char *text);

#endif
