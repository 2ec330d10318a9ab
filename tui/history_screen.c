#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/builds/build.h"
#include "core/history/compare.h"
#include "tui/app.h"
#include "tui/kit/format.h"
#include "tui/kit/list.h"
#include "tui/kit/table.h"
#include "tui/page.h"
#include "tui/screens.h"

enum column { SERVICE, AGE, TIME, TREND, CACHED, ADDED, KIND, WHY };

static const struct table_column columns[] = {
    [SERVICE] = {"SERVICE", 12, 24, false, 0}, [AGE] = {"AGE", 5, 0, true, 0},
    [TIME] = {"TIME", 10, 0, true, 0},         [TREND] = {"", 8, 0, false, 60},
    [CACHED] = {"CACHED", 7, 0, true, 50},     [ADDED] = {"ADDED", 8, 0, true, 76},
    [KIND] = {"KIND", 12, 20, false, 48},      [WHY] = {"WHY", 10, 400, false, 90},
};

static const char nothing_yet[] = "No build is remembered yet";

struct history_screen {
    struct screen screen;
    char *service; /* NULL: all */
    struct list list;
    bool asked; /* for others' builds */
};

/* Rows are bilge's own builds, then those that only the engine remembers. */
static const struct history_build *build_at(const struct store *store, size_t index)
{
    if (index < store->past_len)
        return &store->past[index];
    index -= store->past_len;
    return index < store->elsewhere_len ? &store->elsewhere[index] : NULL;
}

static unsigned where(const struct screen *screen)
{
    (void)screen;
    return KEYS_HISTORY;
}

/* "default/default/5p8z…": what docker calls it by. */
static const char *last_part(const char *ref)
{
    const char *slash = strrchr(ref, '/');
    return slash != NULL ? slash + 1 : ref;
}

/* Made anew for each frame; ids keep cursor and marks in their place. */
static void fill(struct history_screen *history)
{
    const struct store *store = app_store(history->screen.app);
    char id[64];
    list_begin(&history->list);
    for (size_t i = 0; i < store->past_len + store->elsewhere_len; i++) {
        const struct history_build *build = build_at(store, i);
        bool shown = history->service == NULL || strcmp(build->service, history->service) == 0;
        if (build->ref == NULL)
            snprintf(id, sizeof id, "%lld", (long long)build->id);
        else
            snprintf(id, sizeof id, "e%.60s", last_part(build->ref));
        list_add(&history->list, id, i, shown, -build->started_at, "");
    }
    list_end(&history->list);
}

/* The longest of the service, which the bars are measured by. */
static int64_t longest(const struct store *store, const char *service)
{
    int64_t most = 1;
    const struct history_build *build;
    for (size_t i = 0; (build = build_at(store, i)) != NULL; i++)
        if (strcmp(build->service, service) == 0 && build->duration_ms > most)
            most = build->duration_ms;
    return most;
}

static void draw_build(const struct app *app, const struct table *table, const struct canvas *row,
                       const struct history_build *build)
{
    char text[FORMAT_SIZE], size[TEXT_SIZE_SIZE];
    struct format_state state = format_build_state(row->theme, (enum build_state)build->state);
    size_t cached, steps = history_build_steps(build, &cached);
    const struct table_place *bar = &table->places[TREND];
    const char *why = build->error != NULL ? build->error : build->why;
    canvas_text(row, 0, 2, 1, state.style, state.glyph);
    table_cell_raw(table, row, SERVICE, build->ref != NULL ? STYLE_DIM : STYLE_NORMAL,
                   build->service, strlen(build->service));
    table_cell(table, row, AGE, STYLE_NORMAL, format_age(text, build->started_at, app_now(app)));
    table_cell(table, row, TIME, STYLE_NORMAL, text_duration(text, build->duration_ms));
    if (bar->width > 0)
        canvas_bar(row, 0, bar->x, bar->width, STYLE_ACCENT, build->duration_ms,
                   longest(app_store(app), build->service));
    if (steps > 0) {
        snprintf(text, sizeof text, "%zu/%zu", cached, steps);
        table_cell(table, row, CACHED, STYLE_NORMAL, text);
    }
    if (build->added_bytes >= 0)
        table_cell(table, row, ADDED, STYLE_NORMAL, text_size(size, build->added_bytes));
    if (build->ref != NULL)
        table_cell(table, row, KIND, STYLE_DIM, "not by bilge");
    else if (build->kind != NULL)
        table_cell(table, row, KIND, STYLE_NORMAL, build->kind);
    if (why != NULL)
        table_cell_raw(table, row, WHY, build->error != NULL ? STYLE_BAD : STYLE_DIM, why,
                       strlen(why));
}

static void draw_row(struct history_screen *history, const struct table *table,
                     const struct canvas *canvas, int y, size_t at)
{
    struct app *app = history->screen.app;
    const struct glyphs *glyphs = app_theme(app)->glyphs;
    bool current = at == history->list.scroll.cursor;
    struct canvas row = canvas_row(canvas, y, current ? STYLE_CURSOR : STYLE_NORMAL);
    if (current)
        canvas_text(&row, 0, 0, 1, STYLE_ACCENT, glyphs->cursor);
    if (list_is_marked(&history->list, list_id(&history->list, at)))
        canvas_text(&row, 0, 1, 1, STYLE_ACCENT, glyphs->mark);
    draw_build(app, table, &row, build_at(app_store(app), history->list.rows[at].index));
}

static void add_title(const struct history_screen *history, struct buf *title)
{
    bool others = app_store(history->screen.app)->elsewhere_len > 0;
    buf_append_str(title, "History");
    if (history->service != NULL) {
        buf_append_str(title, " of ");
        text_clean(title, history->service, strlen(history->service));
    }
    buf_append_str(title, others ? ": bilge's builds and others'" : ": builds that bilge ran");
}

static void draw(struct screen *screen, const struct canvas *canvas)
{
    struct history_screen *history = (struct history_screen *)screen;
    struct buf title = {0};
    add_title(history, &title);
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, title.data);
    buf_done(&title);
    struct canvas rows = canvas_part(&inside, 1, 0, inside.rows - 1, inside.cols);
    struct table table;
    if (!history->asked)
        app_look_elsewhere(screen->app);
    history->asked = true;
    fill(history);
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    table_layout(&table, 4, inside.cols);
    table_draw_titles(&table, &inside, 0);
    if (list_len(&history->list) == 0)
        canvas_text(&rows, 0, 4, rows.cols - 4, STYLE_DIM, nothing_yet);
    scroll_show(&history->list.scroll, (size_t)(rows.rows > 0 ? rows.rows : 0));
    for (int y = 0; y < rows.rows; y++) {
        size_t at = history->list.scroll.top + (size_t)y;
        if (at >= list_len(&history->list))
            break;
        draw_row(history, &table, &rows, y, at);
    }
    app_draw_bottom(screen->app, canvas, KEYS_HISTORY);
}

struct marked {
    int64_t ids[2];
    size_t len;
};

static void take_mark(void *arg, const char *id)
{
    struct marked *marked = arg;
    if (marked->len < 2)
        marked->ids[marked->len++] = strtoll(id, NULL, 10);
}

static void open_row(struct history_screen *history)
{
    struct app *app = history->screen.app;
    struct marked marked = {{0, 0}, 0};
    const struct history_build *build = build_at(app_store(app), list_index(&history->list));
    if (list_marked_len(&history->list) == 2) {
        list_each_mark(&history->list, take_mark, &marked);
        app_push(app, history_page_new(marked.ids[0], marked.ids[1]));
    } else if (build->ref == NULL) {
        app_push(app, history_page_new(build->id, 0));
    } else {
        app_say(app, STYLE_DIM, "docker buildx history inspect %.60s tells more of it",
                last_part(build->ref));
    }
}

static void mark(struct history_screen *history)
{
    struct list *list = &history->list;
    const char *id = list_id(list, list->scroll.cursor);
    if (id[0] == 'e') {
        app_say(history->screen.app, STYLE_DIM,
                "The steps of builds that bilge did not run are not known");
        return;
    }
    if (!list_is_marked(list, id) && list_marked_len(list) == 2)
        list_unmark(list);
    list_toggle_mark(list, id);
    list_command(list, COMMAND_DOWN);
    if (list_marked_len(list) == 2)
        app_say(history->screen.app, STYLE_DIM, "Two are marked: Enter compares them");
}

/* As it was asked for then: what it built, and whether with a cache. */
static void build_again(struct history_screen *history)
{
    struct app *app = history->screen.app;
    const struct history_build *past = build_at(app_store(app), list_index(&history->list));
    if (past->ref != NULL) {
        app_say(app, STYLE_DIM, "How to run this build again is not known: it was not bilge's");
        return;
    }
    const char *const services[] = {past->service};
    bool old = past->tools != NULL && strstr(past->tools, ", traditional") != NULL;
    bool bare = past->why != NULL && strstr(past->why, "--no-cache") != NULL;
    app_build(app, services, past->service[0] != '\0' ? 1 : 0,
              bare  ? APP_BUILD_NO_CACHE
              : old ? APP_BUILD_TRADITIONAL
                    : APP_BUILD);
    app_close(&history->screen);
}

/* What is about the build under the cursor. */
static bool row_command(struct history_screen *history, enum command command)
{
    if (command != COMMAND_OPEN && command != COMMAND_MARK && command != COMMAND_BUILD_AGAIN)
        return false;
    if (list_len(&history->list) == 0)
        app_say(history->screen.app, STYLE_DIM, "%s", nothing_yet);
    else if (command == COMMAND_OPEN)
        open_row(history);
    else if (command == COMMAND_MARK)
        mark(history);
    else
        build_again(history);
    return true;
}

static void command(struct screen *screen, enum command command)
{
    struct history_screen *history = (struct history_screen *)screen;
    fill(history);
    if (list_command(&history->list, command))
        return;
    if (row_command(history, command))
        return;
    if (command == COMMAND_HELP)
        app_push(screen->app, help_screen_new(KEYS_HISTORY, "History"));
    else if (command == COMMAND_BACK)
        app_close(screen);
}

static void mouse(struct screen *screen, const struct term_mouse *mouse)
{
    struct history_screen *history = (struct history_screen *)screen;
    for (int i = 0; i < abs(mouse->wheel) * 3; i++)
        list_command(&history->list, mouse->wheel < 0 ? COMMAND_UP : COMMAND_DOWN);
}

static void history_free(struct screen *screen)
{
    struct history_screen *history = (struct history_screen *)screen;
    list_done(&history->list);
    free(history->service);
    free(history);
}

static const struct screen_ops ops = {
    .title = "History",
    .where = where,
    .draw = draw,
    .command = command,
    .mouse = mouse,
    .free = history_free,
};

struct screen *history_screen_new(const char *service)
{
    struct history_screen *history = mem_zalloc(sizeof *history);
    history->screen.ops = &ops;
    mem_replace(&history->service, service);
    return &history->screen;
}

#define NOISE_MS 50 /* a change below it would show as 0.0 s */

struct history_page {
    struct screen screen;
    int64_t first, second; /* second 0: of one build */
    struct page page;
};

static unsigned steps_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_DETAILS;
}

static const struct history_build *find(const struct history_page *page, int64_t id)
{
    const struct store *store = app_store(page->screen.app);
    for (size_t i = 0; i < store->past_len; i++)
        if (store->past[i].id == id)
            return &store->past[i];
    return NULL;
}

static const char *took(char out[TEXT_AGE_SIZE], const struct history_step *step)
{
    if (step == NULL)
        return "-";
    if (step->state == STEP_CACHED)
        return "cached";
    return text_duration(out, step->duration_ms);
}

static enum style style_of(const struct history_step *step)
{
    return step->state == STEP_FAILED   ? STYLE_BAD
           : step->state == STEP_CACHED ? STYLE_GOOD
           : step->index == 0           ? STYLE_DIM
                                        : STYLE_NORMAL;
}

static void add_build(struct page *page, const struct history_build *build, int64_t now)
{
    char text[FORMAT_SIZE], size[TEXT_SIZE_SIZE], at[CLOCK_TEXT_SIZE];
    size_t cached, steps = history_build_steps(build, &cached);
    page_field(page, "Build", STYLE_TITLE, "%s, %s in %s", build->service,
               build_state_name((enum build_state)build->state),
               text_duration(text, build->duration_ms));
    page_field(page, "Started", STYLE_NORMAL, "%s  (%s)", format_ago(text, build->started_at, now),
               clock_rfc3339(at, build->started_at - build->started_at % CLOCK_SECOND));
    if (steps > 0)
        page_field(page, "Cached", STYLE_NORMAL, "%zu of %zu step%s", cached, steps,
                   format_plural(steps));
    if (build->kind != NULL)
        page_field(page, "Kind", STYLE_NORMAL, "%s", build->kind);
    if (build->first_miss != NULL)
        page_field(page, "First miss", STYLE_NORMAL, "%s", build->first_miss);
    if (build->why != NULL)
        page_field(page, "Why", STYLE_WARN, "%s", build->why);
    if (build->error != NULL)
        page_field(page, "Error", STYLE_BAD, "%s", build->error);
    if (build->added_bytes >= 0)
        page_field(page, "Added", STYLE_NORMAL, "%s to the cache directory",
                   text_size(size, build->added_bytes));
    if (build->tools != NULL)
        page_field(page, "Tools", STYLE_DIM, "%s", build->tools);
}

static void add_steps(struct page *page, const struct history_build *build)
{
    char text[TEXT_AGE_SIZE];
    page_title(page, "Steps");
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct history_step *step = &build->steps[i];
        page_field(page, took(text, step), style_of(step), "%s%s%s",
                   step->stage != NULL ? step->stage : "", step->stage != NULL ? "  " : "",
                   step->instruction);
    }
}

static void add_pairs(struct page *page, const struct history_build *first,
                      const struct history_build *second)
{
    struct history_pair *pairs;
    size_t len;
    char text[TEXT_AGE_SIZE], other[TEXT_AGE_SIZE], change[TEXT_AGE_SIZE];
    history_compare(first, second, &pairs, &len);
    page_title(page, "Steps: by how much the second took longer");
    for (size_t i = 0; i < len; i++) {
        const struct history_step *step =
            pairs[i].second != NULL ? pairs[i].second : pairs[i].first;
        int64_t more = history_pair_change_ms(&pairs[i]);
        char label[TEXT_AGE_SIZE + 1] = "";
        if (more <= -NOISE_MS || more >= NOISE_MS)
            snprintf(label, sizeof label, "%c%s", more < 0 ? '-' : '+',
                     text_duration(change, more < 0 ? -more : more));
        page_field(page, label, more >= NOISE_MS ? STYLE_WARN : style_of(step), "%s%s%s  (%s, %s)",
                   step->stage != NULL ? step->stage : "", step->stage != NULL ? "  " : "",
                   step->instruction, took(text, pairs[i].first), took(other, pairs[i].second));
    }
    free(pairs);
}

static void steps_fill(struct history_page *view)
{
    const struct history_build *first = find(view, view->first);
    const struct history_build *second = view->second != 0 ? find(view, view->second) : NULL;
    struct page *page = &view->page;
    page_clear(page);
    if (first == NULL || (view->second != 0 && second == NULL)) {
        page_add(page, STYLE_DIM, "This build is no longer remembered");
        return;
    }
    add_build(page, first, app_now(view->screen.app));
    if (second == NULL) {
        add_steps(page, first);
        return;
    }
    page_add(page, STYLE_NORMAL, "%s", "");
    add_build(page, second, app_now(view->screen.app));
    add_pairs(page, first, second);
}

static void steps_draw(struct screen *screen, const struct canvas *canvas)
{
    struct history_page *view = (struct history_page *)screen;
    struct canvas inside =
        canvas_box(canvas, STYLE_BORDER, view->second != 0 ? "Two builds" : "A build");
    struct canvas text = canvas_part(&inside, 0, 1, inside.rows, inside.cols - 2);
    view->page.width = text.cols;
    steps_fill(view);
    page_draw(&view->page, &text);
    app_draw_bottom(screen->app, canvas, KEYS_DETAILS);
}

static void steps_command(struct screen *screen, enum command command)
{
    struct history_page *view = (struct history_page *)screen;
    if (page_screen_command(screen->app, &view->page, command))
        return;
    if (command == COMMAND_HELP)
        app_push(screen->app, help_screen_new(KEYS_DETAILS, "A build"));
    else if (command == COMMAND_BACK)
        app_close(screen);
}

static void steps_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    scroll_text_by(&((struct history_page *)screen)->page.scroll, mouse->wheel * 3);
}

static void page_free(struct screen *screen)
{
    struct history_page *view = (struct history_page *)screen;
    page_done(&view->page);
    free(view);
}

static const struct screen_ops steps_ops = {
    .title = "A build",
    .where = steps_where,
    .draw = steps_draw,
    .command = steps_command,
    .mouse = steps_mouse,
    .free = page_free,
};

struct screen *history_page_new(int64_t id, int64_t other)
{
    struct history_page *view = mem_zalloc(sizeof *view);
    view->screen.ops = &steps_ops;
    view->first = other != 0 && other < id ? other : id;
    view->second = other != 0 && other < id ? id : other;
    view->page.label_style = STYLE_DIM;
    return &view->screen;
}
