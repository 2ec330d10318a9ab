/* Lines of text, each with a style, to be scrolled and searched: details,
 * help, results. */
#ifndef BILGE_TUI_PAGE_H
#define BILGE_TUI_PAGE_H

#include <stddef.h>

#include "tui/app.h"
#include "tui/kit/canvas.h"
#include "tui/kit/scroll.h"

struct page_line {
    enum style style;
    char *label; /* in a column of its own before the text; NULL: none */
    char *text;
};

struct app;

struct page {
    struct app *app; /* whose screen it fills, for page_screen_command(); else NULL */
    struct page_line *lines;
    size_t cap;
    struct scroll scroll; /* len: number of lines */
    char *search;         /* NULL: none */
    size_t hit;           /* the line where it was found last */
    enum style label_style;
    int label_cols; /* how wide the labels' column is; 0: as most are */
    int width;      /* lines are broken between words to fit it; 0: they are cut when drawn */
};

void page_done(struct page *page);
/* Forgets the lines, keeps where it was scrolled to. */
void page_clear(struct page *page);
/* Drops the lines from this one on. */
void page_cut(struct page *page, size_t len);
size_t page_len(const struct page *page);

/* All text is cleaned. */
void page_add(struct page *page, enum style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "label   text" */
void page_field(struct page *page, const char *label, enum style style, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void page_title(struct page *page, const char *text); /* with an empty line before it */
/* Breaks between words at `width` columns. */
void page_wrap(struct page *page, enum style style, int width, const char *text);

/* Scrolls as little as brings the line into `rows` rows. */
void page_show_line(struct page *page, size_t line, int rows);
void page_draw(struct page *page, const struct canvas *canvas);
/* Movement and search; false when the command is neither. */
bool page_command(struct page *page, enum command command);
/* Goes to the first line from here on that holds the text; false: none does. */
bool page_search(struct page *page, const char *text);

/* The keys of a page that fills a screen and can be searched. */
/* Movement, search and its matches; says what was not found. False when the
 * command is none of these. The page must live as long as the screen on top. */
bool page_screen_command(struct app *app, struct page *page, enum command command);

#endif
