#include "tui/screens.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/app.h"
#include "tui/input.h"
#include "tui/page.h"

enum {
    LABEL_AT = 5, /* the choices' column */
    WIDEST = 108, /* no wider than this */
};

struct prune_menu {
    struct screen screen;
    struct targets targets;
    struct scroll scroll;
    int first_row; /* of the choices on the screen, as last drawn */
};

enum about { ABOUT_SERVICES, ABOUT_RECORDS, ABOUT_ALL, ABOUT_LINKS };

struct choice {
    char key;
    enum about about;
    const char *label; /* "%s": the services or records that are meant */
    bool whole, garbage, records;
    enum { ASK_NOTHING, ASK_AGE, ASK_SIZE, ASK_QUERY } ask;
    const char *note;
};

static const struct choice choices[] = {
    {'g', ABOUT_SERVICES, "Garbage of %s", false, true, false, ASK_NOTHING,
     "what no live export reaches; the next build loses nothing"},
    {'e', ABOUT_ALL, "Garbage of every service", false, true, false, ASK_NOTHING,
     "what no live export reaches; the next build loses nothing"},
    {'w', ABOUT_SERVICES, "The whole cache of %s", true, false, false, ASK_NOTHING,
     "the next build starts from the engine's cache alone"},
    {'o', ABOUT_ALL, "Whole caches not exported for ...", true, false, false, ASK_AGE,
     "abandoned ones; Y in the plan adds this project's"},
    {'r', ABOUT_ALL, "Records not used for ...", false, false, true, ASK_AGE,
     "of the build cache, by the last use"},
    {'m', ABOUT_ALL, "Records that match ...", false, false, true, ASK_QUERY,
     "text, larger-than:1GB, in-use:no, match:REGEX"},
    {'c', ABOUT_RECORDS, "Exactly %s", false, false, true, ASK_NOTHING,
     "of the build cache, by id"},
    {'u', ABOUT_ALL, "All records not in use", false, false, true, ASK_NOTHING,
     "the next build runs every step that no export holds"},
    {'f', ABOUT_ALL, "As much as is needed to free ...", true, true, true, ASK_SIZE,
     "what costs the next builds least"},
    {'d', ABOUT_LINKS, "Identical blobs of all services", false, false, false, ASK_NOTHING,
     "become one file with several names; nothing is lost"},
};
enum { CHOICES = sizeof choices / sizeof choices[0] };

static unsigned menu_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_MENU;
}

static const char *title_for(const struct prune_menu *menu, const struct choice *choice)
{
    if (choice->about == ABOUT_SERVICES)
        return menu->targets.title;
    return choice->about == ABOUT_RECORDS ? menu->targets.record_title : "";
}

static char *label_of(const struct prune_menu *menu, const struct choice *choice)
{
    const char *title = title_for(menu, choice), *mark = strstr(choice->label, "%s");
    if (mark == NULL)
        return mem_strdup(choice->label);
    return mem_printf("%.*s%s", (int)(mark - choice->label), choice->label,
                      title != NULL ? title : "nothing here");
}

/* Where the notes begin when they stand beside the labels; 0: there is no room
 * for all of both. */
static int notes_at(const struct prune_menu *menu, int cols)
{
    int labels = 0, notes = 0;
    for (size_t i = 0; i < CHOICES; i++) {
        char *label = label_of(menu, &choices[i]);
        int note_cols = (int)text_width(choices[i].note), label_cols = (int)text_width(label);
        labels = label_cols > labels ? label_cols : labels;
        notes = note_cols > notes ? note_cols : notes;
        free(label);
    }
    return LABEL_AT + labels + 2 + notes <= cols ? LABEL_AT + labels + 2 : 0;
}

static void draw_choice(const struct prune_menu *menu, const struct canvas *canvas, int y, size_t i,
                        int note_at)
{
    const struct choice *choice = &choices[i];
    bool current = menu->scroll.cursor == i;
    struct canvas row = canvas_row(canvas, y, current ? STYLE_CURSOR : STYLE_NORMAL);
    enum style style = title_for(menu, choice) != NULL ? STYLE_NORMAL : STYLE_DIM;
    char *label = label_of(menu, choice);
    if (current)
        canvas_text(&row, 0, 0, 1, STYLE_ACCENT, canvas->theme->glyphs->cursor);
    canvas_printf(&row, 0, 2, 2, STYLE_KEY, "%c", choice->key);
    canvas_text(&row, 0, LABEL_AT, row.cols - LABEL_AT, style, label);
    if (note_at > 0)
        canvas_text(&row, 0, note_at, row.cols - note_at, STYLE_DIM, choice->note);
    free(label);
}

/* That of the choice under the cursor, below all of them. */
static void draw_note(const struct prune_menu *menu, const struct canvas *canvas)
{
    struct page page = {0};
    page_wrap(&page, STYLE_DIM, canvas->cols, choices[menu->scroll.cursor].note);
    page_draw(&page, canvas);
    page_done(&page);
}

static void menu_draw(struct screen *screen, const struct canvas *canvas)
{
    struct prune_menu *menu = (struct prune_menu *)screen;
    int width = canvas->cols > WIDEST + 4 ? WIDEST : canvas->cols;
    int note_at = notes_at(menu, width - 2);
    int notes = note_at > 0 ? 0 : width >= 70 ? 1 : 2;
    int rows = CHOICES + 4 + notes, top = rows < canvas->rows ? (canvas->rows - rows) / 2 : 0;
    struct canvas box = canvas_part(canvas, top, (canvas->cols - width) / 2, rows, width);
    struct canvas inside = canvas_box(&box, STYLE_TITLE, "Prune");
    int edge = inside.rows >= CHOICES + 2 + notes ? 1 : 0;
    struct canvas list = canvas_part(&inside, edge, 0, inside.rows - 2 * edge - notes, inside.cols);
    scroll_set_len(&menu->scroll, CHOICES);
    scroll_show(&menu->scroll, (size_t)list.rows);
    menu->first_row = list.y;
    for (int y = 0; y < list.rows && menu->scroll.top + (size_t)y < CHOICES; y++)
        draw_choice(menu, &list, y, menu->scroll.top + (size_t)y, note_at);
    struct canvas note =
        canvas_part(&inside, inside.rows - notes, LABEL_AT, notes, inside.cols - LABEL_AT);
    if (notes > 0)
        draw_note(menu, &note);
    app_draw_bottom(screen->app, &box, KEYS_MENU);
}

/* Takes scopes, services and ids from the choice; what was typed stands in the
 * query already. */
static void make_plan(struct prune_menu *menu, struct query query)
{
    const struct choice *choice = &choices[menu->scroll.cursor];
    struct targets *targets = &menu->targets;
    query.whole = choice->whole;
    query.garbage = choice->garbage;
    query.records = choice->records;
    if (choice->about == ABOUT_SERVICES) {
        query.services = (const char *const *)targets->rows;
        query.services_len = targets->rows_len;
    }
    if (choice->about == ABOUT_RECORDS) {
        query.ids = (const char *const *)targets->records;
        query.ids_len = targets->records_len;
    }
    if (choice->records)
        query.builder = targets->builder;
    app_close(&menu->screen);
    plan_screen_open(menu->screen.app, &query, targets);
}

/* Says why text_parse_size() or text_parse_age() did not take it. */
static bool refuse(const struct prune_menu *menu, char *takes_reason)
{
    app_say(menu->screen.app, STYLE_BAD, "%s", takes_reason);
    free(takes_reason);
    return false;
}

static bool accept_age(void *arg, const char *text)
{
    struct prune_menu *menu = arg;
    struct query query;
    query_init(&query);
    if (!text_parse_age(text, &query.older_than_s))
        return refuse(menu, text_age_refusal(text));
    make_plan(menu, query);
    return true;
}

static bool accept_size(void *arg, const char *text)
{
    struct prune_menu *menu = arg;
    struct query query;
    query_init(&query);
    if (!text_parse_size(text, &query.free_bytes) || query.free_bytes == 0)
        return refuse(menu, text_size_refusal(text));
    make_plan(menu, query);
    return true;
}

/* An empty line would mean all of them, for which there is another key. */
static bool accept_query(void *arg, const char *text)
{
    struct prune_menu *menu = arg;
    struct err err = {0};
    if (text[strspn(text, " ")] == '\0')
        err_set(&err, ERR_USAGE, "Which? cargo, larger-than:1GB, type:regular, ...");
    else if (query_line_read(&menu->targets.line, text, &err) == 0)
        make_plan(menu, menu->targets.line.query);
    if (err.code != 0)
        app_say(menu->screen.app, STYLE_BAD, "%s", err.text);
    return err.code == 0;
}

static void ask_size(struct prune_menu *menu)
{
    static const struct input_ops ops = {NULL, accept_size, NULL};
    app_push(menu->screen.app, input_new("Free how much (500MB, 10GB): ", "1GB", &ops, menu));
}

static void open_links(struct prune_menu *menu)
{
    app_close(&menu->screen);
    repair_screen_link(menu->screen.app);
}

static void ask_query(struct prune_menu *menu)
{
    static const struct input_ops ops = {NULL, accept_query, NULL};
    const char *filter = menu->targets.filter;
    app_push(menu->screen.app,
             input_new("Records that match: ", filter != NULL ? filter : "", &ops, menu));
}

static void choose(struct prune_menu *menu)
{
    static const struct input_ops ops = {NULL, accept_age, NULL};
    const struct choice *choice = &choices[menu->scroll.cursor];
    struct query query;
    query_init(&query);
    if (title_for(menu, choice) == NULL)
        app_say(menu->screen.app, STYLE_WARN, "Nothing is marked or under the cursor");
    else if (choice->ask == ASK_SIZE)
        ask_size(menu);
    else if (choice->ask == ASK_QUERY)
        ask_query(menu);
    else if (choice->ask == ASK_AGE)
        app_push(menu->screen.app, input_new("Older than (24h, 7d, 2w): ", "7d", &ops, menu));
    else if (choice->about == ABOUT_LINKS)
        open_links(menu);
    else
        make_plan(menu, query);
}

static void menu_key(struct screen *screen, int key)
{
    struct prune_menu *menu = (struct prune_menu *)screen;
    enum command command = keymap_find(KEYS_MENU, key);
    for (size_t i = 0; i < CHOICES; i++) {
        if (choices[i].key == key) {
            scroll_to(&menu->scroll, i);
            command = COMMAND_OPEN;
        }
    }
    if (command == COMMAND_OPEN)
        choose(menu);
    else if (command == COMMAND_BACK)
        app_close(screen);
    else
        scroll_command(&menu->scroll, command);
}

static void menu_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct prune_menu *menu = (struct prune_menu *)screen;
    if (mouse->wheel != 0) {
        scroll_by(&menu->scroll, mouse->wheel);
        return;
    }
    size_t at = menu->scroll.top + (size_t)(mouse->y - menu->first_row);
    if (mouse->y < menu->first_row || at >= CHOICES)
        return;
    scroll_to(&menu->scroll, at);
    choose(menu);
}

static void menu_free(struct screen *screen)
{
    struct prune_menu *menu = (struct prune_menu *)screen;
    targets_done(&menu->targets);
    free(menu);
}

static const struct screen_ops menu_ops = {
    .title = "Prune",
    .over = true,
    .where = menu_where,
    .draw = menu_draw,
    .key = menu_key,
    .mouse = menu_mouse,
    .free = menu_free,
};

struct screen *prune_menu_new(struct targets *targets)
{
    struct prune_menu *menu = mem_zalloc(sizeof *menu);
    menu->screen.ops = &menu_ops;
    menu->targets = *targets;
    menu->scroll.len = CHOICES;
    *targets = (struct targets){0};
    return &menu->screen;
}

void prune_menu_ask_size(struct screen *screen)
{
    struct prune_menu *menu = (struct prune_menu *)screen;
    for (size_t i = 0; i < CHOICES; i++)
        if (choices[i].ask == ASK_SIZE)
            scroll_to(&menu->scroll, i);
    ask_size(menu);
}
