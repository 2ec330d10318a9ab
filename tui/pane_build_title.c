/* The title of the build pane. */
#include "tui/pane.h"

#include <stdlib.h>

#include "tui/format.h"

/* What became of it stands first: the end of a title may be cut. */
static void add_state(const struct app *app, struct buf *title, const struct build *build)
{
    const char *dot = app_theme(app)->glyphs->dot;
    if (build->state == BUILD_FAILED)
        buf_printf(title, "failed (exit %d) %s ", build->exit_status, dot);
    else if (build->state != BUILD_RUNNING)
        buf_printf(title, "%s %s ", build_state_name(build->state), dot);
}

static void add_one(const struct app *app, struct buf *title, const struct build *build)
{
    const struct glyphs *glyphs = app_theme(app)->glyphs;
    struct build_counts counts = build_count(build);
    char text[FORMAT_SIZE];
    format_services(title, build);
    buf_printf(title, " %s ", glyphs->horizontal);
    if (build->state == BUILD_QUEUED) {
        buf_printf(title, "queued, number %zu", build->place);
        return;
    }
    add_state(app, title, build);
    if (counts.total > 0)
        buf_printf(title, "%zu/%zu steps %s ", counts.over, counts.total, glyphs->dot);
    if (counts.cached > 0)
        buf_printf(title, "%zu cached %s ", counts.cached, glyphs->dot);
    if (build->warnings_len > 0)
        buf_printf(title, "%zu warning%s %s ", build->warnings_len,
                   build->warnings_len > 1 ? "s" : "", glyphs->dot);
    buf_printf(title, "%s", format_clock(text, format_build_ms(build, app_mono_ms(app))));
}

static void add_several(const struct app *app, struct buf *title,
                        const struct build *const *builds, size_t len)
{
    static const enum build_state states[] = {BUILD_FAILED, BUILD_RUNNING,   BUILD_STOPPING,
                                              BUILD_QUEUED, BUILD_CANCELLED, BUILD_DONE};
    buf_printf(title, "%zu builds %s", len, app_theme(app)->glyphs->horizontal);
    for (size_t i = 0, said = 0; i < sizeof states / sizeof states[0]; i++) {
        size_t count = 0;
        for (size_t k = 0; k < len; k++)
            count += builds[k]->state == states[i];
        if (count > 0)
            buf_printf(title, "%s %zu %s", said++ > 0 ? "," : "", count,
                       build_state_name(states[i]));
    }
}

void pane_build_title(const struct pane_build *pane, struct buf *title)
{
    const struct build **builds;
    size_t len = app_builds_shown(pane->app, &builds);
    buf_append_str(title, "Build");
    if (len > 0)
        buf_printf(title, " %s ", app_theme(pane->app)->glyphs->horizontal);
    if (len == 1)
        add_one(pane->app, title, builds[0]);
    else if (len > 1)
        add_several(pane->app, title, builds, len);
    free(builds);
}
