#include "tui/main/pane.h"

#include <string.h>

#include "core/base/text.h"

void pane_title_list(const struct app *app, const struct list *list, const struct list_order *sorts,
                     struct buf *tail)
{
    const struct glyphs *glyphs = app_theme(app)->glyphs;
    if (list_marked_len(list) > 0)
        buf_printf(tail, "%s %zu marked ", glyphs->mark, list_marked_len(list));
    if (list->filter != NULL)
        buf_printf(tail, "filter \"%s\" ", list->filter);
    if (sorts[list->sort].name != NULL && list_len(list) > 0)
        buf_printf(tail, "sort %s %s ", sorts[list->sort].name,
                   list->descending ? glyphs->down : glyphs->up);
}

void pane_filter_init(struct pane_filter *filter, const struct list *list, int64_t now)
{
    const char *typed = list->filter != NULL ? list->filter : "";
    if (query_line_read(&filter->line, typed, NULL) < 0)
        (void)query_line_read(&filter->line, "", NULL);
    (void)query_match_init(&filter->match, &filter->line.query, now, NULL);
}

void pane_filter_done(struct pane_filter *filter)
{
    query_match_done(&filter->match);
    query_line_done(&filter->line);
}

struct canvas pane_row(const struct list *list, const struct canvas *canvas, int y, size_t row,
                       bool focused)
{
    const struct glyphs *glyphs = canvas->theme->glyphs;
    bool current = row == list->scroll.cursor;
    enum style over = !current ? STYLE_NORMAL : focused ? STYLE_CURSOR : STYLE_CURSOR_AWAY;
    struct canvas line = canvas_row(canvas, y, over);
    if (current)
        canvas_text(&line, 0, 0, 1, STYLE_ACCENT, glyphs->cursor);
    if (list_is_marked(list, list_id(list, row)))
        canvas_text(&line, 0, 1, 1, STYLE_WARN, glyphs->mark);
    return line;
}

bool pane_list_command(struct list *list, enum command command, const struct list_order *sorts,
                       size_t sorts_len)
{
    switch (command) {
    case COMMAND_SORT:
        list_next_order(&list->sort, &list->descending, sorts, sorts_len);
        return true;
    case COMMAND_MARK:
        if (list_len(list) > 0) {
            list_toggle_mark(list, list_id(list, list->scroll.cursor));
            list_command(list, COMMAND_DOWN);
        }
        return true;
    case COMMAND_MARK_ALL:
        list_mark_shown(list);
        return true;
    case COMMAND_UNMARK_ALL:
        list_unmark(list);
        return true;
    default:
        return list_command(list, command);
    }
}

void pane_list_to(struct pane *pane, size_t row)
{
    list_to(pane->list, row);
}
