#include "tui/kit/list.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hashtable.h"
#include "core/base/text.h"
#include "core/base/mem.h"

enum { LONGEST_MAX = 64 };

struct list_mark {
    char *id;
    bool seen; /* since list_begin() */
    UT_hash_handle hh;
};

static void free_mark(struct list *list, struct list_mark *mark)
{
    HASH_DEL(list->marks, mark);
    free(mark->id);
    free(mark);
}

static struct list_mark *find_mark(const struct list *list, const char *id)
{
    struct list_mark *mark;
    HASH_FIND_STR(list->marks, id, mark);
    return mark;
}

void list_done(struct list *list)
{
    list_unmark(list);
    free(list->rows);
    free(list->cursor_id);
    free(list->filter);
    buf_done(&list->ids);
    *list = (struct list){0};
}

void list_begin(struct list *list)
{
    struct list_mark *mark, *next;
    list->scroll.len = 0;
    buf_clear(&list->ids);
    HASH_ITER(hh, list->marks, mark, next)
    {
        mark->seen = false;
    }
}

void list_add(struct list *list, const char *id, size_t index, bool shown, int64_t number,
              const char *text)
{
    struct list_mark *mark = find_mark(list, id);
    if (mark != NULL)
        mark->seen = true;
    if (!shown)
        return;
    mem_reserve((void **)&list->rows, &list->rows_cap, list->scroll.len + 1, sizeof *list->rows);
    list->rows[list->scroll.len++] = (struct list_row){list->ids.len, index, number, text};
    buf_append(&list->ids, id, strlen(id) + 1);
}

static int compare_keys(const struct list_row *a, const struct list_row *b)
{
    int order = (a->number > b->number) - (a->number < b->number);
    if (order == 0 && a->text != NULL && b->text != NULL)
        order = strcmp(a->text, b->text);
    return order;
}

/* Equal rows keep their order, so that a refresh does not shuffle them. */
static int compare_index(const struct list_row *a, const struct list_row *b)
{
    return (a->index > b->index) - (a->index < b->index);
}

static int compare_up(const void *left, const void *right)
{
    int order = compare_keys(left, right);
    return order != 0 ? order : compare_index(left, right);
}

static int compare_down(const void *left, const void *right)
{
    int order = compare_keys(right, left);
    return order != 0 ? order : compare_index(left, right);
}

static void restore_cursor(struct list *list)
{
    size_t cursor = list->scroll.cursor;
    /* Nobody has moved it: it stays at the top while the first rows come in,
     * in whatever order. */
    if (list->cursor_id == NULL) {
        scroll_to(&list->scroll, 0);
        return;
    }
    for (size_t i = 0; i < list->scroll.len; i++) {
        if (strcmp(list_id(list, i), list->cursor_id) == 0) {
            cursor = i;
            break;
        }
    }
    list_to(list, cursor);
}

void list_end(struct list *list)
{
    struct list_mark *mark, *next;
    if (list->scroll.len > 1)
        qsort(list->rows, list->scroll.len, sizeof *list->rows,
              list->descending ? compare_down : compare_up);
    restore_cursor(list);
    HASH_ITER(hh, list->marks, mark, next)
    {
        if (!mark->seen)
            free_mark(list, mark);
    }
}

size_t list_len(const struct list *list)
{
    return list->scroll.len;
}

const char *list_id(const struct list *list, size_t row)
{
    return list->ids.data + list->rows[row].id;
}

size_t list_index(const struct list *list)
{
    return list->scroll.len > 0 ? list->rows[list->scroll.cursor].index : SIZE_MAX;
}

static void remember(struct list *list)
{
    if (list->scroll.len > 0)
        mem_replace(&list->cursor_id, list_id(list, list->scroll.cursor));
}

bool list_command(struct list *list, enum command command)
{
    if (!scroll_command(&list->scroll, command))
        return false;
    remember(list);
    return true;
}

void list_to(struct list *list, size_t row)
{
    scroll_to(&list->scroll, row);
    remember(list);
}

static void add_mark(struct list *list, const char *id)
{
    struct list_mark *mark = mem_zalloc(sizeof *mark);
    mark->id = mem_strdup(id);
    mark->seen = true;
    HASH_ADD_KEYPTR(hh, list->marks, mark->id, strlen(mark->id), mark);
}

void list_toggle_mark(struct list *list, const char *id)
{
    struct list_mark *mark = find_mark(list, id);
    if (mark != NULL)
        free_mark(list, mark);
    else
        add_mark(list, id);
}

void list_mark_shown(struct list *list)
{
    for (size_t i = 0; i < list->scroll.len; i++)
        if (find_mark(list, list_id(list, i)) == NULL)
            add_mark(list, list_id(list, i));
}

void list_unmark(struct list *list)
{
    struct list_mark *mark, *next;
    HASH_ITER(hh, list->marks, mark, next)
    {
        free_mark(list, mark);
    }
}

bool list_is_marked(const struct list *list, const char *id)
{
    return find_mark(list, id) != NULL;
}

size_t list_marked_len(const struct list *list)
{
    return HASH_COUNT(list->marks);
}

void list_each_mark(const struct list *list, void (*cb)(void *arg, const char *id), void *arg)
{
    for (const struct list_mark *mark = list->marks; mark != NULL; mark = mark->hh.next)
        cb(arg, mark->id);
}

void list_set_filter(struct list *list, const char *filter)
{
    mem_replace(&list->filter, filter != NULL && filter[0] != '\0' ? filter : NULL);
}

void list_next_order(size_t *sort, bool *descending, const struct list_order *sorts, size_t len)
{
    if (sorts[*sort].name != NULL && *descending == sorts[*sort].descending) {
        *descending = !*descending;
        return;
    }
    *sort = (*sort + 1) % len;
    *descending = sorts[*sort].descending;
}

int list_longer(int longest, const char *text)
{
    struct buf clean = {0};
    /* Nothing grows beyond this anyway. */
    text_clean(&clean, text, strnlen(text, LONGEST_MAX));
    int width = clean.len > 0 ? (int)text_width(clean.data) : 0;
    buf_done(&clean);
    return width > longest ? width : longest;
}
