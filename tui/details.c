#include "tui/details.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/app.h"
#include "tui/ask.h"
#include "tui/care_screen.h"
#include "tui/details_pages.h"
#include "tui/help.h"
#include "tui/page_screen.h"

struct details {
    struct screen screen;
    char *service;           /* id; NULL: it is of a record */
    char *builder, *record;  /* ids */
    char *owner;             /* of the record, in words */
    struct digest generation; /* the user has put the cursor on it */
    bool chosen;
    bool follow;             /* the cursor has moved: it has to be in sight */
    size_t cursor_line;
    struct page page;
};

/* The service's, if it has a cache to take care of; else NULL. */
static const struct cache *cache_of(const struct details *details)
{
    const struct service *service =
        details->service != NULL ? store_service(app_store(details->screen.app), details->service)
                                 : NULL;
    const struct cache *cache = service != NULL ? service->cache : NULL;
    return cache != NULL && cache->state != CACHE_MISSING ? cache : NULL;
}

static uint32_t current_generation(const struct details *details, const struct cache *cache)
{
    return details_generation(cache, details->chosen ? &details->generation : NULL);
}

static unsigned details_where(const struct screen *screen)
{
    return cache_of((const struct details *)screen) != NULL ? KEYS_CACHE : KEYS_DETAILS;
}

/* Made anew for each frame: what it shows moves with the store. */
static void fill(struct details *details)
{
    const struct store *store = app_store(details->screen.app);
    struct page *page = &details->page;
    page_clear(page);
    if (details->service != NULL) {
        const struct service *service = store_service(store, details->service);
        const struct cache *cache = cache_of(details);
        if (service != NULL)
            details->cursor_line = details_add_service(
                page, details->screen.app, service,
                cache != NULL ? current_generation(details, cache) : CACHE_NONE);
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
    if (details->follow)
        page_show_line(&details->page, details->cursor_line, text.rows);
    details->follow = false;
    page_draw(&details->page, &text);
    app_draw_bottom(screen->app, canvas, details_where(screen));
}

/* ---- care for the cache */

static void next_generation(struct details *details, const struct cache *cache, bool forward)
{
    size_t len = cache->generations_len;
    if (len == 0)
        return;
    size_t at = current_generation(details, cache);
    at = (at + (forward ? 1 : len - 1)) % len;
    details->generation = cache->generations[at].manifest;
    details->chosen = details->follow = true;
}

static void restore(void *arg)
{
    struct details *details = arg;
    care_screen_restore(details->screen.app, details->service, &details->generation);
}

static void ask_restore(struct details *details, const struct cache *cache)
{
    struct app *app = details->screen.app;
    uint32_t at = current_generation(details, cache);
    if (app_read_only(app)) {
        app_say(app, STYLE_WARN, "Read-only: restoring is refused");
        return;
    }
    if (at == CACHE_NONE || cache->generations[at].live) {
        app_say(app, STYLE_WARN, at == CACHE_NONE ? "There is no export to restore"
                                                  : "This export is the live one already");
        return;
    }
    const struct cache_generation *generation = &cache->generations[at];
    char hex[DIGEST_HEX_SIZE], age[TEXT_AGE_SIZE], size[TEXT_SIZE_SIZE];
    char *text = mem_printf(
        "Point the cache back at export %.12s, which is %s old and reaches %s? Every blob of it "
        "is checked first. The present export stays on disk as an older one.",
        digest_hex(hex, &generation->manifest),
        text_age(age, (app_now(app) - generation->exported_at) / CLOCK_SECOND),
        text_size(size, generation->reach_bytes));
    details->generation = generation->manifest;
    details->chosen = true;
    app_push(app, ask_new("Restore?", text, "restore", restore, details));
    free(text);
}

/* False when the command is no care for the cache. */
static bool care_command(struct details *details, enum command command)
{
    const struct cache *cache = cache_of(details);
    if (cache == NULL)
        return false;
    if (command == COMMAND_NEXT_PANE || command == COMMAND_PREVIOUS_PANE)
        next_generation(details, cache, command == COMMAND_NEXT_PANE);
    else if (command == COMMAND_RESTORE)
        ask_restore(details, cache);
    else if (command == COMMAND_VERIFY)
        care_screen_verify(details->screen.app, details->service);
    else
        return false;
    return true;
}

static void details_command(struct screen *screen, enum command command)
{
    struct details *details = (struct details *)screen;
    if (page_screen_command(screen->app, &details->page, command) || care_command(details, command))
        return;
    if (command == COMMAND_HELP)
        app_push(screen->app, help_new(details_where(screen), "Details"));
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
