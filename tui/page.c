#include "tui/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/input.h"

enum { LABEL_COLS = 14 };

static int label_cols(const struct page *page)
{
    return page->label_cols > 0 ? page->label_cols : LABEL_COLS;
}

void page_cut(struct page *page, size_t len)
{
    for (size_t i = len; i < page->scroll.len; i++) {
        free(page->lines[i].label);
        free(page->lines[i].text);
    }
    if (len < page->scroll.len)
        page->scroll.len = len;
}

void page_clear(struct page *page)
{
    page_cut(page, 0);
}

void page_done(struct page *page)
{
    page_clear(page);
    free(page->lines);
    free(page->search);
    *page = (struct page){0};
}

size_t page_len(const struct page *page)
{
    return page->scroll.len;
}

static void push(struct page *page, const char *label, enum style style, const char *text,
                 size_t len)
{
    mem_reserve((void **)&page->lines, &page->cap, page->scroll.len + 1, sizeof *page->lines);
    page->lines[page->scroll.len++] =
        (struct page_line){style, label != NULL ? mem_strdup(label) : NULL, mem_strndup(text, len)};
}

/* Bytes of clean text that go into one line: up to a space, if there is one. */
static size_t line_end(const char *text, size_t columns)
{
    size_t len = text_fit(text, columns, NULL), cut = len;
    while (text[len] != '\0' && cut > 0 && text[cut] != ' ')
        cut--;
    return text[len] == '\0' || cut == 0 ? len : cut;
}

static void add_line(struct page *page, const char *label, enum style style, const char *text,
                     size_t len)
{
    struct buf clean = {0};
    text_clean(&clean, text, len);
    const char *rest = clean.len > 0 ? clean.data : "";
    int columns = page->width - (label != NULL ? label_cols(page) : 0);
    while (page->width > 0) {
        size_t end = line_end(rest, columns > 2 ? (size_t)columns : 2);
        if (rest[end] == '\0' || end == 0)
            break;
        push(page, label, style, rest, end);
        label = label != NULL ? "" : NULL;
        rest += end;
        rest += strspn(rest, " ");
    }
    push(page, label, style, rest, strlen(rest));
    buf_done(&clean);
}

__attribute__((format(printf, 4, 0))) static void add_formatted(struct page *page,
                                                                const char *label, enum style style,
                                                                const char *format, va_list args)
{
    char text[2048];
    int len = vsnprintf(text, sizeof text, format, args);
    add_line(page, label, style, text, len < (int)sizeof text ? (size_t)len : sizeof text - 1);
}

void page_add(struct page *page, enum style style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(page, NULL, style, format, args);
    va_end(args);
}

void page_field(struct page *page, const char *label, enum style style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(page, label, style, format, args);
    va_end(args);
}

void page_title(struct page *page, const char *text)
{
    page_add(page, STYLE_NORMAL, "%s", "");
    page_add(page, STYLE_TITLE, "%s", text);
}

void page_wrap(struct page *page, enum style style, int width, const char *text)
{
    int before = page->width;
    page->width = width > 0 ? width : 1;
    add_line(page, NULL, style, text, strlen(text));
    page->width = before;
}

void page_show_line(struct page *page, size_t line, int rows)
{
    if (line < page->scroll.top)
        page->scroll.top = line;
    else if (rows > 0 && line >= page->scroll.top + (size_t)rows)
        page->scroll.top = line - (size_t)rows + 1;
}

void page_draw(struct page *page, const struct canvas *canvas)
{
    scroll_text_show(&page->scroll, (size_t)canvas->rows);
    for (int y = 0; y < canvas->rows; y++) {
        size_t row = page->scroll.top + (size_t)y;
        if (row >= page->scroll.len)
            break;
        const struct page_line *line = &page->lines[row];
        bool found = page->search != NULL && strcasestr(line->text, page->search) != NULL;
        enum style style = found ? STYLE_MATCH : line->style;
        int x = 0;
        if (line->label != NULL) {
            x = label_cols(page);
            canvas_text(canvas, y, 0, x - 1, page->label_style, line->label);
        }
        canvas_text(canvas, y, x, canvas->cols, style, line->text);
    }
}

static bool go_to_match(struct page *page, size_t from, long step)
{
    for (size_t i = from; i < page->scroll.len; i += (size_t)step) {
        if (strcasestr(page->lines[i].text, page->search) != NULL) {
            page->scroll.top = page->hit = i;
            return true;
        }
    }
    return false;
}

/* Where the next match is looked for: past the last one while that is to be
 * seen, which near the end is not the first line. Above the first line the
 * index wraps to a huge one, which ends the search. */
static size_t after_hit(const struct page *page, long step)
{
    const struct scroll *scroll = &page->scroll;
    bool seen = page->hit >= scroll->top && page->hit - scroll->top < scroll->height;
    if (!seen && step > 0)
        return scroll->top;
    return (seen ? page->hit : scroll->top) + (size_t)step;
}

bool page_command(struct page *page, enum command command)
{
    if (command == COMMAND_NEXT_MATCH && page->search != NULL)
        return go_to_match(page, after_hit(page, 1), 1);
    if (command == COMMAND_PREVIOUS_MATCH && page->search != NULL)
        return go_to_match(page, after_hit(page, -1), -1);
    return scroll_text_command(&page->scroll, command);
}

bool page_search(struct page *page, const char *text)
{
    mem_replace(&page->search, text != NULL && *text != '\0' ? text : NULL);
    return page->search == NULL || go_to_match(page, page->scroll.top, 1);
}

static bool accept_search(void *arg, const char *text)
{
    struct page *page = arg;
    if (!page_search(page, text))
        app_say(page->app, STYLE_WARN, "Not found from here on: %s", text);
    return true;
}

static void go_on(struct app *app, struct page *page, enum command command)
{
    if (page->search == NULL)
        app_say(app, STYLE_DIM, "Nothing was searched for yet: / asks");
    else if (!page_command(page, command))
        app_say(app, STYLE_DIM, "No match %s: %s",
                command == COMMAND_NEXT_MATCH ? "below" : "above", page->search);
}

bool page_screen_command(struct app *app, struct page *page, enum command command)
{
    static const struct input_ops search = {NULL, accept_search, NULL};
    page->app = app;
    if (command == COMMAND_SEARCH)
        app_push(app, input_new("/", "", &search, page));
    else if (command == COMMAND_NEXT_MATCH || command == COMMAND_PREVIOUS_MATCH)
        go_on(app, page, command);
    else
        return page_command(page, command);
    return true;
}
