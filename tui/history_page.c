#include "tui/history_page.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/builds/build.h"
#include "core/history/compare.h"
#include "tui/app.h"
#include "tui/format.h"
#include "tui/help.h"
#include "tui/page_screen.h"

#define NOISE_MS 50 /* a change below it would show as 0.0 s */

struct history_page {
    struct screen screen;
    int64_t first, second; /* second 0: of one build */
    struct page page;
};

static unsigned where(const struct screen *screen)
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
    page_field(page, "Started", STYLE_NORMAL, "%s  (%s)",
               format_ago(text, build->started_at, now),
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

static void fill(struct history_page *view)
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

static void draw(struct screen *screen, const struct canvas *canvas)
{
    struct history_page *view = (struct history_page *)screen;
    struct canvas inside =
        canvas_box(canvas, STYLE_BORDER, view->second != 0 ? "Two builds" : "A build");
    struct canvas text = canvas_part(&inside, 0, 1, inside.rows, inside.cols - 2);
    view->page.width = text.cols;
    fill(view);
    page_draw(&view->page, &text);
    app_draw_bottom(screen->app, canvas, KEYS_DETAILS);
}

static void command(struct screen *screen, enum command command)
{
    struct history_page *view = (struct history_page *)screen;
    if (page_screen_command(screen->app, &view->page, command))
        return;
    if (command == COMMAND_HELP)
        app_push(screen->app, help_new(KEYS_DETAILS, "A build"));
    else if (command == COMMAND_BACK)
        app_close(screen);
}

static void mouse(struct screen *screen, const struct term_mouse *mouse)
{
    scroll_text_by(&((struct history_page *)screen)->page.scroll, mouse->wheel * 3);
}

static void page_free(struct screen *screen)
{
    struct history_page *view = (struct history_page *)screen;
    page_done(&view->page);
    free(view);
}

static const struct screen_ops ops = {
    .title = "A build",
    .where = where,
    .draw = draw,
    .command = command,
    .mouse = mouse,
    .free = page_free,
};

struct screen *history_page_new(int64_t id, int64_t other)
{
    struct history_page *view = mem_zalloc(sizeof *view);
    view->screen.ops = &ops;
    view->first = other != 0 && other < id ? other : id;
    view->second = other != 0 && other < id ? id : other;
    view->page.label_style = STYLE_DIM;
    return &view->screen;
}
