#include "tui/main/header.h"

#include <string.h>

#include "core/base/text.h"
#include "tui/disk_gauge.h"

enum {
    ARROW_COLS = 3, /* " ▸ " */
    ROOT_LEAST = 8, /* of a cache root's name fewer columns tell nothing */
};

static void add_project(const struct app *app, struct buf *buf)
{
    const struct store *store = app_store(app);
    if (store->project != NULL && store->project->name != NULL)
        text_clean(buf, store->project->name, strlen(store->project->name));
    else
        buf_append_str(buf, store->project_load == LOAD_PENDING ? "..." : "no project");
}

static void add_root(const struct app *app, struct buf *buf)
{
    const struct store *store = app_store(app);
    if (store->roots_len > 0) {
        buf_printf(buf, " %s ", app_theme(app)->glyphs->arrow);
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

void header_draw(const struct app *app, const struct canvas *canvas)
{
    struct buf where = {0}, root = {0}, engine = {0};
    add_project(app, &where);
    add_root(app, &root);
    int project_cols = (int)text_width(where.data);
    enum style style = add_engine(app, &engine);
    int end = disk_gauge_draw(app, canvas) - 2;
    int x = 1 + canvas_text(canvas, 0, 1, end, STYLE_TITLE, "bilge") + 2;
    int engine_cols = engine.len > 0 ? (int)text_width(engine.data) : 0;
    int where_cols = project_cols + (root.len > 0 ? (int)text_width(root.data) : 0);
    /* The place gives way before what the engine has to say, down to a stub. */
    int room = end - x - (engine_cols > 0 ? engine_cols + 3 : 0);
    if (room < 12)
        engine_cols = 0, room = end - x;
    if (where_cols > room && room < project_cols + ARROW_COLS + ROOT_LEAST)
        where_cols = project_cols;
    else if (root.len > 0)
        buf_append_str(&where, root.data);
    canvas_text(canvas, 0, x, where_cols < room ? where_cols : room, STYLE_BOLD, where.data);
    if (engine_cols > 0)
        canvas_text(canvas, 0, x + (where_cols < room ? where_cols : room) + 3, engine_cols, style,
                    engine.data);
    buf_done(&where);
    buf_done(&root);
    buf_done(&engine);
}
