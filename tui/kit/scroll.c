#include "tui/kit/scroll.h"

static size_t last_of(size_t len)
{
    return len > 0 ? len - 1 : 0;
}

static size_t moved(size_t from, long by, size_t last)
{
    if (by < 0)
        return (size_t)-by > from ? 0 : from - (size_t)-by;
    return (size_t)by > last - from ? last : from + (size_t)by;
}

void scroll_set_len(struct scroll *scroll, size_t len)
{
    scroll->len = len;
    if (scroll->cursor > last_of(len))
        scroll->cursor = last_of(len);
}

void scroll_show(struct scroll *scroll, size_t height)
{
    scroll->height = height;
    if (height == 0)
        return;
    if (scroll->top + height > scroll->len)
        scroll->top = scroll->len > height ? scroll->len - height : 0;
    if (scroll->cursor < scroll->top)
        scroll->top = scroll->cursor;
    if (scroll->cursor >= scroll->top + height)
        scroll->top = scroll->cursor - height + 1;
}

void scroll_to(struct scroll *scroll, size_t row)
{
    scroll->cursor = row > last_of(scroll->len) ? last_of(scroll->len) : row;
}

void scroll_by(struct scroll *scroll, long rows)
{
    scroll->cursor = moved(scroll->cursor, rows, last_of(scroll->len));
}

/* How far a command goes; 0: it is no movement. A page keeps one row. */
static long step_of(const struct scroll *scroll, enum command command)
{
    long page = scroll->height > 1 ? (long)scroll->height - 1 : 1;
    switch (command) {
    case COMMAND_UP:
        return -1;
    case COMMAND_DOWN:
        return 1;
    case COMMAND_PAGE_UP:
        return -page;
    case COMMAND_PAGE_DOWN:
        return page;
    case COMMAND_TOP:
        return -(long)scroll->len - 1;
    case COMMAND_BOTTOM:
        return (long)scroll->len + 1;
    default:
        return 0;
    }
}

bool scroll_command(struct scroll *scroll, enum command command)
{
    long step = step_of(scroll, command);
    if (step != 0)
        scroll_by(scroll, step);
    return step != 0;
}

void scroll_text_show(struct scroll *scroll, size_t height)
{
    size_t last = scroll->len > height ? scroll->len - height : 0;
    scroll->height = height;
    if (scroll->top > last)
        scroll->top = last;
}

void scroll_text_by(struct scroll *scroll, long rows)
{
    size_t last = scroll->len > scroll->height ? scroll->len - scroll->height : 0;
    if (scroll->top > last)
        scroll->top = last;
    scroll->top = moved(scroll->top, rows, last);
}

bool scroll_text_command(struct scroll *scroll, enum command command)
{
    long step = step_of(scroll, command);
    if (step != 0)
        scroll_text_by(scroll, step);
    return step != 0;
}
