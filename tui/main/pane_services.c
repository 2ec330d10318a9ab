/* The services pane: what each cache directory holds, and how the service's
 * last build went. */
#include "tui/main/pane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "tui/kit/format.h"
#include "tui/kit/table.h"
#include "tui/screens.h"

enum column { NAME, SIZE, LIVE, GARBAGE, BAR, GENS, EXPORTED, TREND, LAST };

static const struct table_column columns[] = {
    [NAME] = {"SERVICE", 9, 34, false, 0},
    [SIZE] = {"SIZE", 7, 0, true, 0},
    [LIVE] = {"LIVE", 7, 0, true, 60},
    [GARBAGE] = {"GARBAGE", 7, 0, true, 0},
    [BAR] = {"", 6, 0, false, 70},
    [GENS] = {"GENS", 4, 0, true, 66},
    [EXPORTED] = {"EXPORTED", 8, 0, false, 52},
    [TREND] = {"TREND", SERVICE_TREND, 0, false, 108},
    [LAST] = {"LAST BUILD", 12, 400, false, 70},
};

enum sort { BY_PROJECT, BY_SIZE, BY_GARBAGE, BY_EXPORT, BY_NAME };
static const struct list_order sorts[] = {
    [BY_PROJECT] = {NULL, false},     [BY_SIZE] = {"size", true},  [BY_GARBAGE] = {"garbage", true},
    [BY_EXPORT] = {"exported", true}, [BY_NAME] = {"name", false},
};
enum { SORTS = sizeof sorts / sizeof sorts[0] };

struct pane_services {
    struct pane base;
    struct list list;
    int longest_name; /* columns */
};

static int64_t garbage_of(const struct service *service)
{
    return service->cache != NULL ? cache_garbage_bytes(service->cache) : 0;
}

static int64_t sort_number(const struct service *service, size_t index, size_t sort)
{
    const struct cache *cache = service->cache;
    switch ((enum sort)sort) {
    case BY_PROJECT:
        return (int64_t)index;
    case BY_SIZE:
        return cache != NULL ? cache->size_bytes : -1;
    case BY_GARBAGE:
        return garbage_of(service);
    case BY_EXPORT:
        return cache != NULL ? cache->last_export_at : -1;
    case BY_NAME:
        break;
    }
    return 0;
}

static void services_sync(struct pane *base)
{
    struct pane_services *pane = (struct pane_services *)base;
    const struct store *store = app_store(pane->base.app);
    if (!pane->base.stale)
        return;
    pane->base.stale = false;
    pane->longest_name = 0;
    struct pane_filter filter;
    pane_filter_init(&filter, &pane->list, app_now(pane->base.app));
    list_begin(&pane->list);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *service = &store->services[i];
        pane->longest_name = list_longer(pane->longest_name, service->name);
        list_add(&pane->list, service->id, i, query_match_service(&filter.match, service),
                 sort_number(service, i, pane->list.sort), service->name);
    }
    list_end(&pane->list);
    pane_filter_done(&filter);
}

const struct service *pane_services_current(const struct pane *base)
{
    const struct pane_services *pane = (const struct pane_services *)base;
    const struct store *store = app_store(pane->base.app);
    size_t index = list_index(&pane->list);
    return index < store->services_len ? &store->services[index] : NULL;
}

/* Lines below the rows: what is wrong with the project or a cache root. */
static const char *next_note(const struct store *store, size_t *at)
{
    if (*at == 0) {
        ++*at;
        if (store->project_error != NULL)
            return store->project_error;
    }
    size_t root = *at - 1;
    const char *error = store_next_root_error(store, &root);
    *at = root + 1;
    return error;
}

static int note_count(const struct store *store)
{
    int count = 0;
    size_t at = 0;
    while (next_note(store, &at) != NULL)
        count++;
    return count;
}

/* Of all rows, so that a filter does not move the panes below. */
static int services_wanted(const struct pane *pane)
{
    const struct store *store = app_store(pane->app);
    size_t rows = store->services_len;
    return 1 + (rows > 1000 ? 1000 : rows > 0 ? (int)rows : 1) + note_count(store);
}

static void services_title(const struct pane *base, struct buf *title, struct buf *tail)
{
    const struct pane_services *pane = (const struct pane_services *)base;
    const struct store *store = app_store(pane->base.app);
    const char *dot = app_theme(pane->base.app)->glyphs->dot;
    int64_t size = store_caches_size(store), garbage = 0;
    char text[TEXT_SIZE_SIZE];
    for (size_t i = 0; i < store->services_len; i++) {
        garbage += garbage_of(&store->services[i]);
    }
    buf_append_str(title, "Services");
    if (store->services_len > 0)
        buf_printf(title, " %s %s", app_theme(pane->base.app)->glyphs->horizontal,
                   text_size(text, size));
    if (garbage > 0)
        buf_printf(title, " %s garbage %s", dot, text_size(text, garbage));
    if (store->scanning)
        buf_printf(title, " %s scanning", dot);
    pane_title_list(pane->base.app, &pane->list, sorts, tail);
}

/* ---- one row */

/* What is to be said of a cache that is not simply fine; NULL: nothing. */
static const char *state_note(const struct service *service, enum style *ret_style)
{
    const struct cache *cache = service->cache;
    const char *busy = service_busy_sign(service);
    *ret_style = STYLE_WARN;
    if (busy != NULL)
        return busy;
    *ret_style = STYLE_DIM;
    if (service->path == NULL)
        return "no local cache";
    if (cache == NULL)
        return service->same_path_len > 0 ? "shares its directory, see there" : NULL;
    switch (cache->state) {
    case CACHE_BROKEN:
        *ret_style = STYLE_BAD;
        if (cache->error != NULL)
            return cache->error;
        return cache_trouble(cache) != NULL ? cache_trouble(cache) : "broken";
    case CACHE_FOREIGN:
        *ret_style = STYLE_WARN;
        return "not a build cache";
    case CACHE_UNREADABLE:
        *ret_style = STYLE_BAD;
        return cache->error != NULL ? cache->error : "not readable";
    case CACHE_EMPTY:
    case CACHE_MISSING:
        return cache->state == CACHE_EMPTY ? "empty" : "nothing exported yet";
    case CACHE_BUSY:
    case CACHE_OK:
        break;
    }
    *ret_style = STYLE_WARN;
    if (cache_trouble(cache) != NULL)
        return cache_trouble(cache);
    *ret_style = STYLE_DIM;
    return NULL;
}

static const struct step *failed_step(const struct build *build)
{
    for (size_t i = 0; i < build->steps_len; i++)
        if (build->steps[i].state == STEP_FAILED)
            return &build->steps[i];
    return NULL;
}

static void draw_last(const struct pane_services *pane, const struct table *table,
                      const struct canvas *row, const struct service *service)
{
    const struct store *store = app_store(pane->base.app);
    const struct build *build = store_last_build(store, service->name);
    const struct table_place *place = &table->places[LAST];
    int x = place->x, end = place->x + place->width;
    if (place->width == 0)
        return;
    if (build != NULL) {
        char text[FORMAT_SIZE];
        struct format_state state = format_build_state(row->theme, build->state);
        const struct step *failed = failed_step(build);
        x += canvas_text(row, 0, x, end - x, state.style, state.glyph) + 1;
        text_duration(text, format_build_ms(build, app_mono_ms(pane->base.app)));
        x += canvas_text(row, 0, x, end - x, STYLE_NORMAL, text) + 2;
        if (failed != NULL && failed->index > 0)
            x += canvas_printf(row, 0, x, end - x, STYLE_BAD, "step %d", failed->index) + 2;
    }
    const struct history_build *past =
        build == NULL ? store_past_build(store, service->name) : NULL;
    if (past != NULL) {
        char text[FORMAT_SIZE];
        struct format_state state = format_build_state(row->theme, (enum build_state)past->state);
        x += canvas_text(row, 0, x, end - x, state.style, state.glyph) + 1;
        text_duration(text, past->duration_ms);
        x += canvas_text(row, 0, x, end - x, STYLE_NORMAL, text) + 2;
    }
    enum style style;
    const char *note = state_note(service, &style);
    struct buf standing = {0};
    if (note == NULL && service_say_standing(store, service, app_now(pane->base.app), &standing))
        note = standing.data;
    if (note != NULL && x < end)
        canvas_raw(row, 0, x, end - x, style, note, strlen(note));
    buf_done(&standing);
}

static void size_cell(const struct table *table, const struct canvas *row, size_t column,
                      enum style style, int64_t bytes)
{
    char text[TEXT_SIZE_SIZE];
    table_cell(table, row, column, style, text_size(text, bytes));
}

static bool holds_data(const struct cache *cache)
{
    return cache->state != CACHE_MISSING && cache->state != CACHE_UNREADABLE;
}

static void draw_cache(const struct pane_services *pane, const struct table *table,
                       const struct canvas *row, const struct cache *cache, int64_t most_garbage)
{
    char text[FORMAT_SIZE];
    int64_t garbage = cache_garbage_bytes(cache);
    bool live = cache->generations_len > 0 && cache->generations[0].live;
    if (!holds_data(cache)) {
        table_cell(table, row, SIZE, STYLE_DIM, "-");
        return;
    }
    size_cell(table, row, SIZE, STYLE_BOLD, cache->size_bytes);
    if (cache->state == CACHE_FOREIGN)
        return;
    if (live)
        size_cell(table, row, LIVE, STYLE_NORMAL, cache->live_bytes);
    else
        table_cell(table, row, LIVE, STYLE_DIM, "-");
    size_cell(table, row, GARBAGE, garbage > 0 ? STYLE_WARN : STYLE_DIM, garbage);
    canvas_bar(row, 0, table->places[BAR].x, table->places[BAR].width, STYLE_WARN, garbage,
               most_garbage);
    snprintf(text, sizeof text, "%zu", cache->generations_len);
    table_cell(table, row, GENS, STYLE_NORMAL, text);
    table_cell(table, row, EXPORTED, STYLE_NORMAL,
               format_age(text, cache->last_export_at, app_now(pane->base.app)));
}

/* How its size went: heights between the least and the most that it had. */
static void draw_trend(const struct table *table, const struct canvas *row,
                       const struct service *service)
{
    int64_t least = INT64_MAX, most = 0;
    struct buf text = {0};
    for (size_t i = 0; i < service->trend_len; i++) {
        least = service->trend[i] < least ? service->trend[i] : least;
        most = service->trend[i] > most ? service->trend[i] : most;
    }
    for (size_t i = 0; i < service->trend_len && most > least; i++) {
        double height = (double)(service->trend[i] - least) / (double)(most - least);
        buf_append_str(&text, row->theme->glyphs->spark[(size_t)(height * 7 + 0.5)]);
    }
    if (text.len > 0)
        table_cell(table, row, TREND, STYLE_DIM, text.data);
    buf_done(&text);
}

static bool any_trend(const struct store *store)
{
    for (size_t i = 0; i < store->services_len; i++)
        if (store->services[i].trend_len > 1)
            return true;
    return false;
}

static void draw_row(const struct pane_services *pane, const struct table *table,
                     const struct canvas *row, const struct service *service, int64_t most_garbage)
{
    enum style name = service->in_project ? STYLE_NORMAL : STYLE_DIM;
    struct buf clean = {0};
    text_clean_name(&clean, service->name);
    table_cell(table, row, NAME, name, clean.data);
    buf_done(&clean);
    if (service->cache != NULL)
        draw_cache(pane, table, row, service->cache, most_garbage);
    else if (service->path != NULL && service->load == LOAD_PENDING)
        table_cell(table, row, SIZE, STYLE_DIM, row->theme->glyphs->ellipsis);
    draw_trend(table, row, service);
    draw_last(pane, table, row, service);
}

static void draw_empty(const struct pane_services *pane, const struct canvas *canvas, int y)
{
    const struct store *store = app_store(pane->base.app);
    if (pane->list.filter != NULL)
        canvas_text(canvas, y, 2, canvas->cols - 2, STYLE_DIM, "Nothing matches the filter");
    else if (store->scanning || store->project_load == LOAD_PENDING)
        canvas_text(canvas, y, 2, canvas->cols - 2, STYLE_DIM, "Looking for caches ...");
    else
        canvas_text(canvas, y, 2, canvas->cols - 2, STYLE_DIM, "No cache directory here yet");
}

static void draw_notes(const struct store *store, const struct canvas *canvas, int y)
{
    size_t at = 0;
    const char *note;
    for (; (note = next_note(store, &at)) != NULL; y++)
        canvas_raw(canvas, y, 2, canvas->cols - 2, STYLE_WARN, note, strlen(note));
}

static void services_draw(struct pane *base, const struct canvas *canvas, bool focused)
{
    struct pane_services *pane = (struct pane_services *)base;
    const struct store *store = app_store(pane->base.app);
    struct table table;
    int notes = note_count(store);
    if (canvas->rows < notes + 2)
        notes = canvas->rows > 2 ? 1 : 0;
    struct canvas rows = canvas_part(canvas, 1, 0, canvas->rows - 1 - notes, canvas->cols);
    int64_t most_garbage = 0;
    for (size_t i = 0; i < store->services_len; i++)
        if (garbage_of(&store->services[i]) > most_garbage)
            most_garbage = garbage_of(&store->services[i]);
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    table_fit_column(&table, NAME, pane->longest_name);
    if (!any_trend(store))
        table_hide_column(&table, TREND);
    table_layout(&table, 2, canvas->cols);
    table_draw_titles(&table, canvas, 0);
    pane->base.first_row = 1;
    scroll_show(&pane->list.scroll, (size_t)rows.rows);
    for (int y = 0; y < rows.rows; y++) {
        size_t at = pane->list.scroll.top + (size_t)y;
        if (at >= list_len(&pane->list))
            break;
        struct canvas row = pane_row(&pane->list, &rows, y, at, focused);
        draw_row(pane, &table, &row, &store->services[pane->list.rows[at].index], most_garbage);
    }
    if (list_len(&pane->list) == 0)
        draw_empty(pane, &rows, 0);
    if (notes > 0) {
        struct canvas below = canvas_part(canvas, canvas->rows - notes, 0, notes, canvas->cols);
        draw_notes(store, &below, 0);
    }
}

static bool services_command(struct pane *base, enum command command)
{
    struct pane_services *pane = (struct pane_services *)base;
    if (command == COMMAND_SORT)
        pane->base.stale = true;
    return pane_list_command(&pane->list, command, sorts, SORTS);
}

static void services_open(const struct pane *pane)
{
    const struct service *service = pane_services_current(pane);
    if (service != NULL)
        app_push(pane->app, details_screen_service(service->id));
}

static void pane_services_free(struct pane *base)
{
    struct pane_services *pane = (struct pane_services *)base;
    list_done(&pane->list);
    free(pane);
}

static const struct pane_ops ops = {
    .where = KEYS_SERVICES,
    .sync = services_sync,
    .wanted = services_wanted,
    .title = services_title,
    .draw = services_draw,
    .command = services_command,
    .open = services_open,
    .to = pane_list_to,
    .free = pane_services_free,
};

struct pane *pane_services_new(struct app *app)
{
    struct pane_services *pane = mem_zalloc(sizeof *pane);
    pane->base = (struct pane){
        .ops = &ops,
        .app = app,
        .list = &pane->list,
        .scroll = &pane->list.scroll,
        .stale = true,
    };
    return &pane->base;
}
