#include "tui/header.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"

/* Widths of the screen from which these have room. */
enum { GAUGE_FROM = 60, FORECAST_FROM = 72, LONG_GAUGE_FROM = 100 };

static void add_where(const struct app *app, struct buf *buf)
{
    const struct store *store = app_store(app);
    const char *arrow = app_theme(app)->glyphs->arrow;
    if (store->project != NULL && store->project->name != NULL)
        text_clean(buf, store->project->name, strlen(store->project->name));
    else
        buf_append_str(buf, store->project_load == LOAD_PENDING ? "..." : "no project");
    if (store->roots_len > 0) {
        buf_printf(buf, " %s ", arrow);
        text_clean(buf, store->roots[0].path, strlen(store->roots[0].path));
    }
    if (store->roots_len > 1)
        buf_printf(buf, " +%zu", store->roots_len - 1);
}

/* "26.1.5+dfsg1" is 26.1 for whoever reads it in passing. */
static int short_version(const char *version)
{
    size_t len = strspn(version, "0123456789");
    if (version[len] == '.')
        len += 1 + strspn(version + len + 1, "0123456789");
    return (int)len;
}

static enum style add_engine(const struct app *app, struct buf *buf)
{
    const struct store *store = app_store(app);
    const struct builder *builder = store_selected_builder(store);
    const char *dot = app_theme(app)->glyphs->dot;
    if (store->prune.state == PRUNE_RUNNING) {
        buf_printf(buf, "deleting %zu of %zu", store->prune.items_done, store->prune.items);
        return STYLE_WARN;
    }
    if (builder == NULL)
        return STYLE_DIM;
    if (!builder->reachable) {
        buf_append_str(buf, builder->error != NULL ? "docker: not reachable" : "docker ...");
        return builder->error != NULL ? STYLE_BAD : STYLE_DIM;
    }
    if (builder->version != NULL)
        buf_printf(buf, "docker %.*s %s ", short_version(builder->version), builder->version, dot);
    buf_append_str(buf, "builder ");
    text_clean(buf, builder->name, strlen(builder->name));
    return STYLE_NORMAL;
}

/* The one that will be full first. */
static const struct disk *fullest(const struct store *store)
{
    const struct disk *found = NULL;
    for (size_t i = 0; i < store->disks_len; i++) {
        const struct disk *disk = &store->disks[i];
        if (disk->total_bytes <= 0)
            continue;
        if (found == NULL || (double)disk->free_bytes / (double)disk->total_bytes <
                                 (double)found->free_bytes / (double)found->total_bytes)
            found = disk;
    }
    return found;
}

static enum style used_style(int percent)
{
    return percent >= 95 ? STYLE_BAD : percent >= 85 ? STYLE_WARN : STYLE_GOOD;
}

static void add_forecast(const struct app *app, const struct disk *disk, struct buf *buf)
{
    char text[TEXT_AGE_SIZE];
    int64_t left = disk->full_at - app_now(app);
    if (disk->full_at > 0 && left > 0)
        buf_printf(buf, " %s full in ~%s", app_theme(app)->glyphs->dot,
                   text_age(text, left / CLOCK_SECOND));
}

/* Where the gauge begins. */
static int draw_disk(const struct app *app, const struct canvas *canvas)
{
    const struct disk *disk = fullest(app_store(app));
    const struct glyphs *glyphs = canvas->theme->glyphs;
    struct buf label = {0}, free_text = {0};
    char size[TEXT_SIZE_SIZE];
    if (disk == NULL)
        return canvas->cols;
    int percent = (int)(100 - 100 * (double)disk->free_bytes / (double)disk->total_bytes + 0.5);
    int gauge = canvas->cols >= LONG_GAUGE_FROM ? 10 : canvas->cols >= GAUGE_FROM ? 3 : 0;
    int full = (percent * gauge + 50) / 100;
    buf_printf(&label, "%s %d%%%s", disk->in_memory ? "RAM" : "disk", percent,
               gauge > 0 ? " " : "");
    buf_printf(&free_text, " %s free", text_size(size, disk->free_bytes));
    if (canvas->cols >= FORECAST_FROM)
        add_forecast(app, disk, &free_text);
    int start = canvas->cols - 1 - gauge - (int)(text_width(label.data) + text_width(free_text.data));
    int x = start < 0 ? 0 : start;
    x += canvas_text(canvas, 0, x, canvas->cols - x, STYLE_NORMAL, label.data);
    canvas_fill(canvas, 0, x, full, used_style(percent), glyphs->gauge_full);
    canvas_fill(canvas, 0, x + full, gauge - full, STYLE_DIM, glyphs->gauge_empty);
    canvas_text(canvas, 0, x + gauge, canvas->cols - x - gauge, STYLE_NORMAL, free_text.data);
    buf_done(&label);
    buf_done(&free_text);
    return start;
}

void header_draw(const struct app *app, const struct canvas *canvas)
{
    struct buf where = {0}, engine = {0};
    add_where(app, &where);
    enum style style = add_engine(app, &engine);
    int end = draw_disk(app, canvas) - 2;
    int x = 1 + canvas_text(canvas, 0, 1, end, STYLE_TITLE, "bilge") + 2;
    int engine_cols = engine.len > 0 ? (int)text_width(engine.data) : 0;
    int where_cols = (int)text_width(where.data);
    /* The place gives way before what the engine has to say, down to a stub. */
    int room = end - x - (engine_cols > 0 ? engine_cols + 3 : 0);
    if (room < 12)
        engine_cols = 0, room = end - x;
    canvas_text(canvas, 0, x, where_cols < room ? where_cols : room, STYLE_BOLD, where.data);
    if (engine_cols > 0)
        canvas_text(canvas, 0, x + (where_cols < room ? where_cols : room) + 3, engine_cols, style,
                    engine.data);
    buf_done(&where);
    buf_done(&engine);
}
