#include "tui/screens.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/app.h"
#include "tui/page.h"

enum { LABEL_LEAST = 12, WIDE = 60 };

struct help {
    struct screen screen;
    unsigned about;
    const char *title;
    struct page page;
};

static unsigned help_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_HELP;
}

static void add_keys(struct page *page, unsigned where, bool ascii)
{
    for (size_t i = 0; i < keymap_len; i++) {
        char keys[KEYMAP_KEYS_SIZE];
        bool here = where == 0 ? keymap[i].where == 0 : (keymap[i].where & where) != 0;
        if (here && keymap[i].note != NULL)
            page_field(page, keymap_keys(keys, i, where, ascii), STYLE_NORMAL, "%s",
                       keymap[i].note);
    }
}

/* Of what add_keys() shows. */
static int longest_keys(unsigned where)
{
    int longest = LABEL_LEAST;
    for (size_t i = 0; i < keymap_len; i++) {
        char keys[KEYMAP_KEYS_SIZE];
        if (keymap[i].note == NULL || (keymap[i].where != 0 && (keymap[i].where & where) == 0))
            continue;
        int cols = (int)text_width(keymap_keys(keys, i, keymap[i].where == 0 ? 0 : where, false));
        longest = cols > longest ? cols : longest;
    }
    return longest;
}

static void add_signs(struct page *page, const struct glyphs *glyphs)
{
    page_title(page, "Signs");
    page_field(page, glyphs->mark, STYLE_NORMAL, "marked");
    page_field(page, glyphs->running, STYLE_NORMAL, "running");
    page_field(page, glyphs->done, STYLE_NORMAL, "done");
    page_field(page, glyphs->cached, STYLE_NORMAL, "done, from the cache");
    page_field(page, glyphs->failed, STYLE_NORMAL, "failed");
    page_field(page, glyphs->cancelled, STYLE_NORMAL, "cancelled");
    page_title(page, "Words");
    page_field(page, "LIVE", STYLE_NORMAL, "what the last export of the service needs");
    page_field(page, "GARBAGE", STYLE_NORMAL,
               "what no live export reaches; BuildKit never deletes it");
    page_field(page, "GENS", STYLE_NORMAL, "exports that can still be told apart on disk");
    page_field(page, "reclaimable", STYLE_NORMAL, "records that no build uses at the moment");
}

static void fill(struct help *help)
{
    const struct theme *theme = app_theme(help->screen.app);
    page_clear(&help->page);
    page_add(&help->page, STYLE_TITLE, "%s", help->title);
    add_keys(&help->page, help->about, theme->ascii);
    page_title(&help->page, "Everywhere");
    add_keys(&help->page, 0, theme->ascii);
    if ((help->about & KEYS_MAIN) != 0)
        add_signs(&help->page, theme->glyphs);
}

static void help_draw(struct screen *screen, const struct canvas *canvas)
{
    struct help *help = (struct help *)screen;
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, "Help");
    struct canvas text = canvas_part(&inside, 0, 1, inside.rows, inside.cols - 2);
    help->page.width = text.cols;
    /* In a narrow window the words need the room more than a row's third key. */
    help->page.label_cols = (text.cols >= WIDE ? longest_keys(help->about) : LABEL_LEAST) + 2;
    fill(help);
    page_draw(&help->page, &text);
    app_draw_bottom(screen->app, canvas, KEYS_HELP);
}

static void help_command(struct screen *screen, enum command command)
{
    struct help *help = (struct help *)screen;
    if (page_screen_command(screen->app, &help->page, command))
        return;
    if (command == COMMAND_BACK || command == COMMAND_HELP)
        app_close(screen);
}

static void help_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    scroll_text_by(&((struct help *)screen)->page.scroll, mouse->wheel * 3);
}

static void help_free(struct screen *screen)
{
    struct help *help = (struct help *)screen;
    page_done(&help->page);
    free(help);
}

static const struct screen_ops help_ops = {
    .title = "Help",
    .where = help_where,
    .draw = help_draw,
    .command = help_command,
    .mouse = help_mouse,
    .free = help_free,
};

struct screen *help_screen_new(unsigned where, const char *title)
{
    struct help *help = mem_zalloc(sizeof *help);
    *help = (struct help){.screen = {.ops = &help_ops}, .about = where, .title = title};
    help->page.label_style = STYLE_KEY;
    return &help->screen;
}
