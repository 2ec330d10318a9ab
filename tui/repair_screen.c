#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/dedupe.h"
#include "core/store/description.h"
#include "core/store/store.h"
#include "tui/app.h"
#include "tui/ask.h"
#include "tui/page.h"
#include "tui/screens.h"

/* A plan of links, with what it was made of, and how it is shown. */

struct care_links {
    struct dedupe_plan plan;
    char **ids, **names; /* of the rows, in the plan's order; copies */
    int64_t *created_at; /* of each item's layer */
    size_t len;
};

static void care_links_make(struct care_links *links, const struct store *store);
static void care_links_done(struct care_links *links);
static void care_links_show(const struct care_links *links, struct page *page,
                            const struct store *store);

enum stage { STAGE_PLAN, STAGE_RUNNING, STAGE_OVER };

struct line {
    enum style style;
    char *text;
};

struct care_screen {
    struct screen screen;
    const char *title;
    enum stage stage;
    bool broken;   /* was verified and found so: a repair can be asked for */
    bool stopping; /* asked for */
    char *service; /* id; NULL: it is about links */
    struct care_links links;
    int64_t done_bytes, total_bytes, started_ms;
    struct line *lines; /* what there is to read */
    size_t lines_len, lines_cap;
    struct page page;
};

__attribute__((format(printf, 3, 4))) static void say(struct care_screen *self, enum style style,
                                                      const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mem_reserve((void **)&self->lines, &self->lines_cap, self->lines_len + 1, sizeof *self->lines);
    self->lines[self->lines_len++] = (struct line){style, mem_strdup(text)};
}

static void forget_lines(struct care_screen *self)
{
    for (size_t i = 0; i < self->lines_len; i++)
        free(self->lines[i].text);
    self->lines_len = 0;
}

static void begin(struct care_screen *self, const char *title)
{
    forget_lines(self);
    self->title = title;
    self->stage = STAGE_RUNNING;
    self->broken = self->stopping = false;
    self->done_bytes = self->total_bytes = 0;
    self->started_ms = app_mono_ms(self->screen.app);
}

/* ---- what core tells */

static void on_progress(void *arg, int64_t done_bytes, int64_t total_bytes)
{
    struct care_screen *self = arg;
    self->done_bytes = done_bytes;
    self->total_bytes = total_bytes;
    app_touch(self->screen.app);
}

static void on_verified(void *arg, const struct bilge_verified *verified)
{
    struct care_screen *self = arg;
    const struct verify_result *result = verified->result;
    char size[TEXT_SIZE_SIZE], took[TEXT_AGE_SIZE];
    if (verified->err == NULL || result->problems_len > 0)
        say(self, STYLE_NORMAL, "%s checked in %s%s", text_size(size, result->checked_bytes),
            text_duration(took, clock_mono_ms() - self->started_ms),
            result->hashed ? "" : " (presence and size only: built without libcrypto)");
    if (verified->err == NULL && result->ok)
        say(self, STYLE_GOOD, "Every blob that a build may import is there and whole");
    for (size_t i = 0; i < result->problems_len; i++)
        say(self, STYLE_BAD, "%s: %s", problem_kind_name(result->problems[i].kind),
            result->problems[i].detail);
    if (verified->repaired && verified->act != REPAIR_NOTHING)
        say(self, STYLE_GOOD, "Repaired: %s", verified->detail);
    if (verified->err != NULL)
        say(self, STYLE_BAD, "%s", verified->err->text);
    self->broken = !result->ok && !(verified->repaired && verified->act != REPAIR_NOTHING) &&
                   !app_read_only(self->screen.app);
    if (self->broken)
        say(self, STYLE_WARN,
            "R repairs it: an earlier export that is whole becomes the live one; "
            "where there is none, the cache goes");
}

static void on_linked(void *arg, const int *codes, size_t len)
{
    struct care_screen *self = arg;
    char size[TEXT_SIZE_SIZE];
    int64_t freed = 0;
    size_t failed = 0;
    for (size_t i = 0; i < len; i++) {
        freed += codes[i] == 0 ? self->links.plan.items[i].frees_bytes : 0;
        failed += codes[i] != 0;
    }
    say(self, STYLE_GOOD, "Gave back %s: %zu of %zu linked", text_size(size, freed), len - failed,
        len);
    for (size_t i = 0; i < len; i++) {
        char hex[DIGEST_HEX_SIZE];
        const struct dedupe_item *item = &self->links.plan.items[i];
        if (codes[i] != 0)
            say(self, STYLE_WARN, "%.12s in %s: %s", digest_hex(hex, &item->digest),
                self->links.names[item->to],
                codes[i] == ERR_FOREIGN ? "belongs to another user" : err_reason(codes[i]));
    }
}

static void on_done(void *arg, const struct err *err)
{
    struct care_screen *self = arg;
    self->stage = STAGE_OVER;
    if (err != NULL)
        say(self, err->code == ERR_CANCELLED ? STYLE_WARN : STYLE_BAD, "%s", err->text);
    else if (self->lines_len == 0)
        say(self, STYLE_GOOD,
            "Every blob is there and whole, and index.json names this export "
            "again: the next build imports it");
    app_touch(self->screen.app);
}

static const struct bilge_care_ops ops = {.on_progress = on_progress,
                                          .on_verified = on_verified,
                                          .on_linked = on_linked,
                                          .on_done = on_done};

/* ---- the screen */

static unsigned care_where(const struct screen *screen)
{
    const struct care_screen *self = (const struct care_screen *)screen;
    switch (self->stage) {
    case STAGE_PLAN:
        return self->links.plan.len > 0 && !app_read_only(screen->app) ? KEYS_LINKS : KEYS_RESULT;
    case STAGE_RUNNING:
        return KEYS_PROGRESS;
    case STAGE_OVER:
        break;
    }
    return self->broken ? KEYS_BROKEN : KEYS_RESULT;
}

static void draw_progress(const struct care_screen *self, const struct canvas *canvas)
{
    char done[TEXT_SIZE_SIZE], total[TEXT_SIZE_SIZE], rate[TEXT_SIZE_SIZE];
    struct canvas bar = canvas_part(canvas, 1, 1, 1, canvas->cols - 2);
    int64_t elapsed_ms = app_mono_ms(self->screen.app) - self->started_ms;
    canvas_fill(&bar, 0, 0, bar.cols, STYLE_DIM, bar.theme->glyphs->gauge_empty);
    canvas_bar(&bar, 0, 0, bar.cols, STYLE_ACCENT, self->done_bytes, self->total_bytes);
    if (self->total_bytes > 0)
        canvas_printf(canvas, 3, 1, canvas->cols - 2, STYLE_NORMAL, "%s of %s, %s/s",
                      text_size(done, self->done_bytes), text_size(total, self->total_bytes),
                      text_size(rate, elapsed_ms > 0 ? self->done_bytes * 1000 / elapsed_ms : 0));
    else
        canvas_text(canvas, 3, 1, canvas->cols - 2, STYLE_NORMAL, "Checking every blob ...");
    if (self->stopping)
        canvas_text(canvas, 5, 1, canvas->cols - 2, STYLE_WARN, "Stopping at the next step");
}

static void fill(struct care_screen *self)
{
    page_clear(&self->page);
    if (self->stage == STAGE_PLAN)
        care_links_show(&self->links, &self->page, app_store(self->screen.app));
    for (size_t i = 0; i < self->lines_len; i++)
        page_wrap(&self->page, self->lines[i].style, self->page.width, self->lines[i].text);
}

static void care_draw(struct screen *screen, const struct canvas *canvas)
{
    struct care_screen *self = (struct care_screen *)screen;
    const struct service *service =
        self->service != NULL ? store_service(app_store(screen->app), self->service) : NULL;
    struct buf title = {0};
    buf_append_str(&title, self->title);
    if (service != NULL) {
        buf_append_str(&title, " ");
        text_clean(&title, service->name, strlen(service->name));
    }
    struct canvas inside = canvas_box(canvas, STYLE_BORDER, title.data);
    buf_done(&title);
    if (self->stage == STAGE_RUNNING) {
        draw_progress(self, &inside);
    } else {
        struct canvas text = canvas_part(&inside, 0, 1, inside.rows, inside.cols - 2);
        self->page.width = text.cols;
        fill(self);
        page_draw(&self->page, &text);
    }
    app_draw_bottom(screen->app, canvas, care_where(screen));
}

static void repair(void *arg)
{
    struct care_screen *self = arg;
    if (app_verify(self->screen.app, self->service, true, &ops, self))
        begin(self, "Repair");
}

static void ask_repair(struct care_screen *self)
{
    app_push(self->screen.app,
             ask_new("Repair?",
                     "Damaged blobs go, and index.json names what is whole; a cache with nothing "
                     "whole in it goes altogether. The next build runs again what is lost.",
                     "repair", repair, self));
}

static void link_all(struct care_screen *self)
{
    if (app_dedupe(self->screen.app, (const char *const *)self->links.ids, self->links.len,
                   &self->links.plan, &ops, self))
        begin(self, "Linking");
}

static void care_command(struct screen *screen, enum command command)
{
    struct care_screen *self = (struct care_screen *)screen;
    if (self->stage != STAGE_RUNNING && page_command(&self->page, command))
        return;
    if (self->stage == STAGE_RUNNING) {
        if (command == COMMAND_STOP || command == COMMAND_BACK) {
            self->stopping = true;
            app_care_cancel(screen->app);
        }
    } else if (command == COMMAND_REPAIR) {
        ask_repair(self);
    } else if (command == COMMAND_YES) {
        link_all(self);
    } else if (command == COMMAND_BACK || command == COMMAND_NO) {
        app_close(screen);
    }
}

static void care_mouse(struct screen *screen, const struct term_mouse *mouse)
{
    scroll_text_by(&((struct care_screen *)screen)->page.scroll, mouse->wheel * 3);
}

static void care_free(struct screen *screen)
{
    struct care_screen *self = (struct care_screen *)screen;
    forget_lines(self);
    free(self->lines);
    free(self->service);
    care_links_done(&self->links);
    page_done(&self->page);
    free(self);
}

static const struct screen_ops care_ops = {
    .title = "Care",
    .where = care_where,
    .draw = care_draw,
    .command = care_command,
    .mouse = care_mouse,
    .free = care_free,
};

static struct care_screen *open_screen(struct app *app, const char *title, const char *service_id)
{
    struct care_screen *self = mem_zalloc(sizeof *self);
    self->screen.ops = &care_ops;
    self->title = title;
    self->service = service_id != NULL ? mem_strdup(service_id) : NULL;
    app_push(app, &self->screen);
    return self;
}

void repair_screen_verify(struct app *app, const char *service_id)
{
    struct care_screen *self = open_screen(app, "Verify", service_id);
    begin(self, "Verify");
    if (!app_verify(app, service_id, false, &ops, self))
        app_close(&self->screen);
}

void repair_screen_restore(struct app *app, const char *service_id, const struct digest *generation)
{
    struct care_screen *self = open_screen(app, "Restore", service_id);
    begin(self, "Restore");
    if (!app_restore(app, service_id, generation, &ops, self))
        app_close(&self->screen);
}

void repair_screen_link(struct app *app)
{
    struct care_screen *self = open_screen(app, "Link identical blobs", NULL);
    care_links_make(&self->links, app_store(app));
}

enum { SHOWN = 100 };

static bool takes_part(const struct service *service)
{
    return service->cache != NULL && service->cache->state == CACHE_OK &&
           service_busy_sign(service) == NULL;
}

/* Over all caches that are read and not busy. */
static void care_links_make(struct care_links *links, const struct store *store)
{
    const struct cache **caches = mem_alloc((store->services_len + 1) * sizeof *caches);
    links->ids = mem_zalloc((store->services_len + 1) * sizeof *links->ids);
    links->names = mem_zalloc((store->services_len + 1) * sizeof *links->names);
    for (size_t i = 0; i < store->services_len; i++) {
        const struct service *service = &store->services[i];
        if (!takes_part(service))
            continue;
        caches[links->len] = service->cache;
        links->ids[links->len] = mem_strdup(service->id);
        links->names[links->len++] = mem_strdup(service->name);
    }
    dedupe_make(caches, links->len, &links->plan);
    links->created_at = mem_zalloc((links->plan.len + 1) * sizeof *links->created_at);
    for (size_t i = 0; i < links->plan.len; i++) {
        const struct dedupe_item *item = &links->plan.items[i];
        uint32_t blob = cache_find_blob(caches[item->to], &item->digest);
        links->created_at[i] = blob != CACHE_NONE ? caches[item->to]->blobs[blob].created_at : 0;
    }
    free(caches);
}

static void care_links_done(struct care_links *links)
{
    for (size_t i = 0; i < links->len; i++) {
        free(links->ids[i]);
        free(links->names[i]);
    }
    free(links->ids);
    free(links->names);
    free(links->created_at);
    dedupe_done(&links->plan);
}

static int by_size(const void *a, const void *b)
{
    const struct dedupe_item *x = *(const struct dedupe_item *const *)a;
    const struct dedupe_item *y = *(const struct dedupe_item *const *)b;
    if (x->size_bytes != y->size_bytes)
        return (x->size_bytes < y->size_bytes) - (x->size_bytes > y->size_bytes);
    return (x > y) - (x < y);
}

static void show_item(const struct care_links *links, size_t i, struct page *page,
                      const struct store *store)
{
    const struct dedupe_item *item = &links->plan.items[i];
    const char *text =
        links->created_at[i] != 0 ? store_layer_text(store, links->created_at[i]) : NULL;
    char *words = text != NULL ? description_of_step(text) : NULL;
    char size[TEXT_SIZE_SIZE], hex[DIGEST_HEX_SIZE];
    page_add(page, STYLE_NORMAL, "%9s  %.12s  %s becomes a link to that of %s%s%s",
             text_size(size, item->size_bytes), digest_hex(hex, &item->digest),
             links->names[item->to], links->names[item->from], words != NULL ? ": " : "",
             words != NULL ? words : "");
    free(words);
}

/* Sums, then the largest. */
static void care_links_show(const struct care_links *links, struct page *page,
                            const struct store *store)
{
    const struct dedupe_plan *plan = &links->plan;
    const struct dedupe_item **sorted = mem_alloc((plan->len + 1) * sizeof *sorted);
    char size[TEXT_SIZE_SIZE];
    page_add(page, plan->len > 0 ? STYLE_GOOD : STYLE_NORMAL,
             plan->len > 0 ? "Gives back %s: identical blobs become one file with several names"
                           : "Nothing is there twice; linking would give back %s",
             text_size(size, plan->frees_bytes));
    page_add(page, STYLE_NORMAL, "Saved by links already: %s", text_size(size, plan->linked_bytes));
    page_add(page, STYLE_DIM,
             "Each is read and verified before it is linked; builds notice "
             "nothing. Busy caches are left out.");
    if (plan->len > 0)
        page_title(page, "The largest");
    for (size_t i = 0; i < plan->len; i++)
        sorted[i] = &plan->items[i];
    qsort(sorted, plan->len, sizeof *sorted, by_size);
    for (size_t i = 0; i < plan->len && i < SHOWN; i++)
        show_item(links, (size_t)(sorted[i] - plan->items), page, store);
    if (plan->len > SHOWN)
        page_add(page, STYLE_DIM, "and %zu more", plan->len - SHOWN);
    free(sorted);
}
