#include "tui/details.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/app.h"
#include "tui/details_pages.h"
#include "tui/help.h"
#include "tui/input.h"
#include "tui/page.h"

struct details {
    struct screen screen;
    char *service;           /* id; NULL: it is of a record */
    char *builder, *record;  /* ids */
    char *owner;             /* of the record, in words */
    struct page page;
};

static unsigned details_where(const struct screen *screen)
{
    (void)screen;
    return KEYS_DETAILS;
}

/* Made anew for each frame: what it shows moves with the store. */
static void fill(struct details *details)
{
    const struct store *store = app_store(details->screen.app);
    struct page *page = &details->page;
    page_clear(page);
    if (details->service != NULL) {
        const struct service *service = store_service(store, details->service);
        if (service != NULL)
            details_add_service(page, details->screen.app, service);
        else
            page_add(page, STYLE_DIM, "This service is gone");
        return;
    }
    const struct builder *builder = store_builder(store, details->builder);
    const struct record *record =
        builder != NULL ? records_find(&builder->records, details->record) : NULL;
    if (record != NULL)
        details_add_record(page, details->screen.app, builder, record,
                           details->owner);
    else
        page_add(page, STYLE_DIM, "This record is gone");
}

static void details_draw(struct screen *screen, const struct canvas *canvas)
{
    struct details *details = (struct details *)screen;
    struct canvas inside =
        canvas_box(canvas, STYLE_BORDER, details->service != NULL ? "Service" : "Record");
    struct canvas text = canvas_part(&inside, 0, 1, inside.rows, inside.cols - 2);
    details->page.width = text.cols;
    fill(details);
    page_draw(&details->page, &text);
    app_draw_bottom(screen->app, canvas, KEYS_DETAILS);
}

static bool accept_search(void *arg, const char *text)
{
    struct details *details = arg;
    if (!page_search(&details->page, text))
        app_say(details->screen.app, STYLE_WARN, "Not found: %s", text);
    return true;
}

static void details_command(struct screen *screen, enum command command)
{
    static const struct input_ops search = {NULL, accept_search, NULL};
    struct details *details = (struct details *)screen;
    if (page_command(&details->page, command))
        return;
    if (command == COMMAND_SEARCH)
        app_push(screen->app, input_new("/", "", &search, details));
    else if (command == COMMAND_HELP)
        app_push(screen->app, help_new(KEYS_DETAILS, "Details"));
    else if (command == COMMAND_BACK)
        app_close(screen);
}

static void details_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    scroll_text_by(&((struct details *)screen)->page.scroll, mouse->wheel * 3);
}

static void details_free(struct screen *screen)
{
    struct details *details = (struct details *)screen;
    free(details->service);
    free(details->builder);
    free(details->record);
    free(details->owner);
    page_done(&details->page);
    free(details);
}

static const struct screen_ops details_ops = {
    .title = "Details",
    .where = details_where,
    .draw = details_draw,
    .command = details_command,
    .mouse = details_mouse,
    .free = details_free,
};

struct screen *details_service_new(const char *service_id)
{
    struct details *details = mem_zalloc(sizeof *details);
    details->screen.ops = &details_ops;
    details->page.label_style = STYLE_DIM;
    details->service = mem_strdup(service_id);
    return &details->screen;
}

struct screen *details_record_new(const char *builder_id, const char *record_id, const char *owner)
{
    struct details *details = mem_zalloc(sizeof *details);
    details->screen.ops = &details_ops;
    details->page.label_style = STYLE_DIM;
    details->builder = mem_strdup(builder_id);
    details->record = mem_strdup(record_id);
    details->owner = mem_strdup(owner);
    return &details->screen;
}
