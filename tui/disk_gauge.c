#include "tui/disk_gauge.h"

#include <string.h>

#include "core/base/text.h"
#include "core/base/threshold.h"

/* Widths of the screen from which these have room. */
enum { GAUGE_FROM = 60, FORECAST_FROM = 72, LONG_GAUGE_FROM = 100, OTHERS_FROM = 100 };

const char *disk_gauge_mark(enum disk_alarm alarm)
{
    return alarm == DISK_RED ? "!! " : alarm == DISK_AMBER ? "! " : "";
}

enum style disk_gauge_style(enum disk_alarm alarm)
{
    return alarm == DISK_RED ? STYLE_BAD : alarm == DISK_AMBER ? STYLE_WARN : STYLE_GOOD;
}

/* The end of a clean text that fits; begins at a character. */
static const char *fitting_end(const char *text, size_t columns)
{
    while (text_width(text) > columns) {
        text++;
        while (((unsigned char)*text & 0xc0) == 0x80)
            text++;
    }
    return text;
}

void disk_gauge_name(const struct disk *disk, size_t columns, const char *ellipsis, struct buf *buf)
{
    struct buf clean = {0};
    const char *mount = disk->mount != NULL ? disk->mount : "disk";
    text_clean(&clean, mount, strlen(mount));
    if (disk->in_memory)
        buf_append_str(buf, "RAM ");
    if (text_width(clean.data) <= columns)
        buf_append_str(buf, clean.data);
    else
        buf_printf(buf, "%s%s", ellipsis, fitting_end(clean.data, columns - 1));
    buf_done(&clean);
}

static size_t name_columns(const struct canvas *canvas)
{
    return canvas->cols >= LONG_GAUGE_FROM ? 20 : canvas->cols >= GAUGE_FROM ? 12 : 6;
}

static int percent_of(const struct disk *disk)
{
    return threshold_used_percent(disk->total_bytes, disk->free_bytes);
}

static void add_forecast(const struct app *app, const struct disk *disk, struct buf *buf)
{
    struct buf words = {0};
    if (disk_say_forecast(disk, app_now(app), &words))
        buf_printf(buf, " %s %s", app_theme(app)->glyphs->dot, words.data);
    buf_done(&words);
}

/* The other disks, right before column `end`; those that there is no room for
 * are left out, but not while they are in a bad way. */
static int draw_others(const struct app *app, const struct canvas *canvas, const struct disk *shown,
                       int end)
{
    const struct store *store = app_store(app);
    const struct glyphs *glyphs = canvas->theme->glyphs;
    for (size_t i = 0; i < store->disks_len; i++) {
        const struct disk *disk = &store->disks[i];
        struct buf text = {0};
        bool wanted =
            canvas->cols >= OTHERS_FROM || (disk->alarm != DISK_CALM && canvas->cols >= GAUGE_FROM);
        if (disk == shown || disk->total_bytes <= 0 || !wanted)
            continue;
        buf_append_str(&text, disk_gauge_mark(disk->alarm));
        disk_gauge_name(disk, name_columns(canvas), glyphs->ellipsis, &text);
        buf_printf(&text, " %d%% %s ", percent_of(disk), glyphs->dot);
        int width = (int)text_width(text.data);
        if (end - width > canvas->cols / 3) {
            end -= width;
            canvas_text(canvas, 0, end, width,
                        disk->alarm == DISK_CALM ? STYLE_NORMAL : disk_gauge_style(disk->alarm),
                        text.data);
        }
        buf_done(&text);
    }
    return end;
}

int disk_gauge_draw(const struct app *app, const struct canvas *canvas)
{
    const struct disk *disk = store_worst_disk(app_store(app));
    const struct glyphs *glyphs = canvas->theme->glyphs;
    struct buf label = {0}, free_text = {0};
    char size[TEXT_SIZE_SIZE];
    if (disk == NULL)
        return canvas->cols;
    enum style style = disk_gauge_style(disk->alarm);
    enum style words = disk->alarm == DISK_CALM ? STYLE_NORMAL : style;
    int percent = percent_of(disk);
    int gauge = canvas->cols >= LONG_GAUGE_FROM ? 10 : canvas->cols >= GAUGE_FROM ? 3 : 0;
    int full = (percent * gauge + 50) / 100;
    buf_append_str(&label, disk_gauge_mark(disk->alarm));
    disk_gauge_name(disk, name_columns(canvas), glyphs->ellipsis, &label);
    buf_printf(&label, " %d%%%s", percent, gauge > 0 ? " " : "");
    buf_printf(&free_text, " %s free", text_size(size, disk->free_bytes));
    if (canvas->cols >= FORECAST_FROM)
        add_forecast(app, disk, &free_text);
    int width = gauge + (int)(text_width(label.data) + text_width(free_text.data));
    int start = canvas->cols - 1 - width;
    int x = start < 0 ? 0 : start;
    x += canvas_text(canvas, 0, x, canvas->cols - x, words, label.data);
    canvas_fill(canvas, 0, x, full, style, glyphs->gauge_full);
    canvas_fill(canvas, 0, x + full, gauge - full, STYLE_DIM, glyphs->gauge_empty);
    canvas_text(canvas, 0, x + gauge, canvas->cols - x - gauge, words, free_text.data);
    buf_done(&label);
    buf_done(&free_text);
    return draw_others(app, canvas, disk, start);
}
