#include "tui/screens.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/chart.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/base/threshold.h"
#include "tui/app.h"
#include "tui/disk_gauge.h"
#include "tui/page.h"

enum {
    AXIS_COLS = 14,   /* of a page's labels */
    BESIDE_FROM = 90, /* day and week stand side by side */
    BETWEEN = 3,      /* columns, then */
    HIGH_FROM = 34,
    MIDDLE_FROM = 20, /* rows of the screen */
    TABLE_FROM = 50,  /* columns: all of what grew */
};

struct disk_screen {
    struct screen screen;
    struct page page;
    int rows;
};

static unsigned where(const struct screen *screen)
{
    (void)screen;
    return KEYS_DETAILS;
}

/* ------------------------------------------------------------------- charts */

struct span {
    const int64_t *slots;
    size_t len;
    const char *name, *since;
};

static size_t chart_rows(const struct disk_screen *self)
{
    return self->rows >= HIGH_FROM ? 8 : self->rows >= MIDDLE_FROM ? 5 : 3;
}

/* One line over all the charts that stand side by side. */
static void add_row(struct disk_screen *self, const struct chart *charts, size_t len, size_t row)
{
    struct buf text = {0};
    char size[TEXT_SIZE_SIZE];
    const char *label = row == 0                    ? text_size(size, charts[0].top)
                        : row + 1 == charts[0].rows ? "0 B"
                                                    : "";
    for (size_t i = 0; i < len; i++) {
        buf_printf(&text, "%*s", i > 0 ? BETWEEN : 0, "");
        chart_append_row(&charts[i], row, &text);
    }
    page_field(&self->page, label, STYLE_ACCENT, "%s", text.data);
    buf_done(&text);
}

static void add_ends(struct disk_screen *self, const struct span *spans, const struct chart *charts,
                     size_t len)
{
    struct buf text = {0};
    for (size_t i = 0; i < len; i++) {
        buf_printf(&text, "%*s", i > 0 ? BETWEEN : 0, "");
        chart_append_ends(charts[i].columns, spans[i].since, "now", &text);
    }
    page_field(&self->page, "", STYLE_DIM, "%s", text.data);
    buf_done(&text);
}

static void add_charts(struct disk_screen *self, const struct span *spans, size_t len, int64_t top)
{
    const struct glyphs *glyphs = app_theme(self->screen.app)->glyphs;
    struct chart charts[2];
    struct buf title = {0};
    int columns = (self->page.width - AXIS_COLS - (int)(len - 1) * BETWEEN) / (int)len;
    size_t rows = chart_rows(self);
    for (size_t i = 0; i < len; i++) {
        charts[i] =
            (struct chart){spans[i].slots, spans[i].len, (size_t)columns, rows, top, glyphs->spark};
        /* The second title stands above its own chart. */
        int at = i > 0 ? AXIS_COLS + (columns + BETWEEN) * (int)i : 0;
        buf_printf(&title, "%*sFree %s", at - (int)title.len, "", spans[i].name);
    }
    page_title(&self->page, title.data);
    for (size_t row = 0; row < rows; row++)
        add_row(self, charts, len, row);
    add_ends(self, spans, charts, len);
    buf_done(&title);
}

/* ------------------------------------------------------------------ a disk */

static void add_head(struct disk_screen *self, const struct disk *disk)
{
    static const char *const words[] = {"", ": getting full", ": almost full"};
    struct buf name = {0};
    char free_text[TEXT_SIZE_SIZE], total[TEXT_SIZE_SIZE];
    enum style style = disk->alarm == DISK_CALM ? STYLE_TITLE : disk_gauge_style(disk->alarm);
    disk_gauge_name(disk, 30, app_theme(self->screen.app)->glyphs->ellipsis, &name);
    page_add(&self->page, style, "%s%s%s", disk_gauge_mark(disk->alarm), name.data,
             words[disk->alarm]);
    text_size(free_text, disk->free_bytes);
    text_size(total, disk->total_bytes);
    if (self->page.width >= TABLE_FROM)
        page_field(&self->page, "Free", STYLE_BOLD, "%s of %s, %d%% used", free_text, total,
                   threshold_used_percent(disk->total_bytes, disk->free_bytes));
    else
        page_field(&self->page, "Free", STYLE_BOLD, "%s of %s", free_text, total);
    page_field(&self->page, "Holds", STYLE_NORMAL, "%s", disk->path);
    buf_done(&name);
}

static void add_forecast(struct disk_screen *self, const struct disk *disk)
{
    struct buf words = {0};
    char hour[TEXT_SIZE_SIZE], per_build[TEXT_SIZE_SIZE];
    if (!disk_say_forecast(disk, app_now(self->screen.app), &words)) {
        page_field(&self->page, "Forecast", STYLE_DIM,
                   "none: it does not shrink, or too little was seen");
        return;
    }
    page_field(&self->page, "Forecast", STYLE_NORMAL, "%s", words.data);
    if (disk->full_at != 0)
        page_field(&self->page, "Loses", STYLE_NORMAL, "%s an hour",
                   text_size(hour, disk->shrinks_per_hour_bytes));
    if (disk->shrinks_per_build_bytes > 0)
        page_field(&self->page, disk->full_at != 0 ? "" : "Loses", STYLE_NORMAL, "%s a build",
                   text_size(per_build, disk->shrinks_per_build_bytes));
    buf_done(&words);
}

static void add_disk(struct disk_screen *self, const struct disk *disk)
{
    const struct span spans[] = {{disk->day, DISK_DAY_SLOTS, "in the last day", "24 h ago"},
                                 {disk->week, DISK_WEEK_SLOTS, "in the last week", "7 d ago"}};
    add_head(self, disk);
    add_forecast(self, disk);
    if (disk->day == NULL || disk->week == NULL)
        return;
    int64_t day = chart_highest(disk->day, DISK_DAY_SLOTS);
    int64_t week = chart_highest(disk->week, DISK_WEEK_SLOTS);
    int64_t top = day > week ? day : week;
    if (top == 0 || self->page.width < AXIS_COLS + 8)
        return;
    if (self->page.width >= BESIDE_FROM) {
        add_charts(self, spans, 2, top);
    } else {
        add_charts(self, &spans[0], 1, top);
        add_charts(self, &spans[1], 1, top);
    }
}

/* -------------------------------------------------------------- what grew */

struct grown {
    const char *kind, *name;
    const struct growth *growth;
};

static int by_growth(const void *a, const void *b)
{
    const struct grown *x = a, *y = b;
    int64_t more = y->growth->week_bytes - x->growth->week_bytes;
    if (more != 0)
        return more > 0 ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void collect(struct grown *grown, size_t *len, const char *kind, const char *name,
                    const struct growth *growth)
{
    if (growth->known || growth->per_build_bytes > 0)
        grown[(*len)++] = (struct grown){kind, name, growth};
}

static void add_grown(struct disk_screen *self, const struct grown *grown)
{
    const struct growth *growth = grown->growth;
    char hour[TEXT_SIZE_SIZE] = "-", day[TEXT_SIZE_SIZE] = "-", week[TEXT_SIZE_SIZE] = "-";
    char per_build[TEXT_SIZE_SIZE] = "-";
    if (growth->known) {
        text_size(hour, growth->per_hour_bytes);
        text_size(day, growth->day_bytes);
        text_size(week, growth->week_bytes);
    }
    if (growth->per_build_bytes > 0)
        text_size(per_build, growth->per_build_bytes);
    if (self->page.width >= TABLE_FROM)
        page_add(&self->page, STYLE_NORMAL, "%9s %9s %9s %9s  %s %s", hour, per_build, day, week,
                 grown->kind, grown->name);
    else
        page_add(&self->page, STYLE_NORMAL, "%9s  %s %s", day, grown->kind, grown->name);
}

static void add_growth(struct disk_screen *self)
{
    const struct store *store = app_store(self->screen.app);
    struct grown *grown =
        mem_alloc((store->services_len + store->builders_len + 1) * sizeof *grown);
    size_t len = 0;
    for (size_t i = 0; i < store->services_len; i++)
        collect(grown, &len, "cache", store->services[i].name, &store->services[i].growth);
    for (size_t i = 0; i < store->builders_len; i++)
        collect(grown, &len, "builder", store->builders[i].name, &store->builders[i].growth);
    page_title(&self->page, "What was added");
    if (len == 0)
        page_add(&self->page, STYLE_DIM, "Too little was seen yet");
    else if (self->page.width >= TABLE_FROM)
        page_add(&self->page, STYLE_DIM, "%9s %9s %9s %9s", "PER HOUR", "PER BUILD", "IN A DAY",
                 "IN A WEEK");
    else
        page_add(&self->page, STYLE_DIM, "%9s", "IN A DAY");
    if (len > 0)
        qsort(grown, len, sizeof *grown, by_growth);
    for (size_t i = 0; i < len; i++)
        add_grown(self, &grown[i]);
    free(grown);
}

/* --------------------------------------------------------------- the screen */

static void fill(struct disk_screen *self)
{
    const struct store *store = app_store(self->screen.app);
    page_clear(&self->page);
    if (store->history_error != NULL)
        page_add(&self->page, STYLE_WARN, "%s", store->history_error);
    else if (store->history_load == LOAD_FAILED)
        page_add(&self->page, STYLE_WARN, "The history can't be read: nothing is remembered");
    if (store->disks_len == 0)
        page_add(&self->page, STYLE_DIM, "No disk was looked at yet");
    for (size_t i = 0; i < store->disks_len; i++) {
        if (i > 0)
            page_add(&self->page, STYLE_NORMAL, "%s", "");
        add_disk(self, &store->disks[i]);
    }
    add_growth(self);
}

static void draw(struct screen *screen, const struct canvas *canvas)
{
    struct disk_screen *self = (struct disk_screen *)screen;
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, "Disks");
    struct canvas text = canvas_part(&inside, 0, 1, inside.rows, inside.cols - 2);
    self->page.width = text.cols;
    self->rows = canvas->rows;
    fill(self);
    page_draw(&self->page, &text);
    app_draw_bottom(screen->app, canvas, KEYS_DETAILS);
}

static void command(struct screen *screen, enum command command)
{
    struct disk_screen *self = (struct disk_screen *)screen;
    if (page_screen_command(screen->app, &self->page, command))
        return;
    if (command == COMMAND_HELP)
        app_push(screen->app, help_screen_new(KEYS_DETAILS, "Disks"));
    else if (command == COMMAND_BACK)
        app_close(screen);
}

static void mouse(struct screen *screen, const struct term_mouse *mouse)
{
    scroll_text_by(&((struct disk_screen *)screen)->page.scroll, mouse->wheel * 3);
}

static void disk_screen_free(struct screen *screen)
{
    struct disk_screen *self = (struct disk_screen *)screen;
    page_done(&self->page);
    free(self);
}

static const struct screen_ops ops = {
    .title = "Disks",
    .where = where,
    .draw = draw,
    .command = command,
    .mouse = mouse,
    .free = disk_screen_free,
};

struct screen *disk_screen_new(void)
{
    struct disk_screen *self = mem_zalloc(sizeof *self);
    self->screen.ops = &ops;
    self->page.label_style = STYLE_DIM;
    return &self->screen;
}
