/* The app's requests to core that have to do with builds. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tui/app.h"
#include "tui/app_state.h"

/* A build that ends, and the next one that begins so soon after, belong
 * together on the screen. */
#define TOGETHER_MS 1000

/* ---- starting and stopping */

static void say_place(struct app *app, uint64_t id)
{
    const struct build *build = store_build(app_store(app), id);
    if (build != NULL && build->place > 0)
        app_say(app, STYLE_DIM, "Queued: number %zu; x takes it out", build->place);
}

void app_build(struct app *app, const char *const *services, size_t services_len,
               enum app_build_way way)
{
    struct bilge_build_options options = {
        .no_cache = way == APP_BUILD_NO_CACHE,
        .traditional = way == APP_BUILD_TRADITIONAL,
    };
    struct err err = {0};
    uint64_t id;
    if (app_refuses(app, "building"))
        return;
    if (bilge_build(app->bilge, services, services_len, &options, &id, &err) != 0)
        app_say(app, STYLE_BAD, "%s", err.text);
    else
        say_place(app, id);
}

bool app_build_again(struct app *app, uint64_t build_id, uint64_t *ret_id)
{
    struct err err = {0};
    if (app_refuses(app, "building"))
        return false;
    if (bilge_build_again(app->bilge, build_id, ret_id, &err) != 0) {
        app_say(app, STYLE_BAD, "%s", err.text);
        return false;
    }
    app_say(app, STYLE_DIM, "The same build again");
    say_place(app, *ret_id);
    return true;
}

void app_build_stop(struct app *app, uint64_t build_id)
{
    const struct build *build = store_build(app_store(app), build_id);
    if (build == NULL || build_is_over(build)) {
        app_say(app, STYLE_DIM, "No build of ours is running here");
        return;
    }
    if (build->state == BUILD_QUEUED)
        app_say(app, STYLE_WARN, "Taken out of the queue");
    else
        app_say(app, STYLE_WARN, "Stopping the build%s",
                build->state == BUILD_STOPPING ? ", harder" : "; x again: harder");
    bilge_build_stop(app->bilge, build->id);
}

/* ---- which are to be seen */

static bool runs(const struct build *build)
{
    return build->state == BUILD_RUNNING || build->state == BUILD_STOPPING;
}

const struct build *app_build_shown(const struct app *app)
{
    const struct store *store = app_store(app);
    const struct build *newest = NULL;
    for (size_t i = store->builds_len; i-- > 0;) {
        const struct build *build = store->builds[i];
        if (runs(build))
            return build;
        if (newest == NULL || (newest->state == BUILD_QUEUED && build_is_over(build)))
            newest = build;
    }
    return newest;
}

bool app_build_runs(const struct app *app)
{
    const struct store *store = app_store(app);
    for (size_t i = 0; i < store->builds_len; i++)
        if (!build_is_over(store->builds[i]))
            return true;
    return false;
}

/* When the builds that are shown began. */
static int64_t earliest(const struct store *store, const bool *in)
{
    int64_t start = INT64_MAX;
    for (size_t i = 0; i < store->builds_len; i++)
        if (in[i] && store->builds[i]->state != BUILD_QUEUED &&
            store->builds[i]->started_mono_ms < start)
            start = store->builds[i]->started_mono_ms;
    return start;
}

static bool joins(const struct build *build, int64_t start)
{
    return build_is_over(build) &&
           build->started_mono_ms + build->duration_ms + TOGETHER_MS >= start;
}

size_t app_builds_shown(const struct app *app, const struct build ***ret_builds)
{
    const struct store *store = app_store(app);
    bool *in = mem_zalloc((store->builds_len + 1) * sizeof *in);
    const struct build **builds = mem_alloc((store->builds_len + 1) * sizeof *builds);
    const struct build *newest = app_build_shown(app);
    size_t len = 0;
    for (size_t i = 0; i < store->builds_len; i++)
        in[i] = !build_is_over(store->builds[i]) || store->builds[i] == newest;
    for (bool more = true; more;) {
        int64_t start = earliest(store, in);
        more = false;
        for (size_t i = 0; i < store->builds_len; i++)
            if (!in[i] && joins(store->builds[i], start))
                in[i] = more = true;
    }
    for (size_t i = 0; i < store->builds_len; i++)
        if (in[i])
            builds[len++] = store->builds[i];
    free(in);
    *ret_builds = builds;
    return len;
}

/* ---- logs */

static void on_loaded(void *arg)
{
    struct app *app = arg;
    app->log_news++;
    app_touch(app);
}

void app_watch_log(struct app *app, const struct build *build)
{
    buildlog_on_loaded(build->log, on_loaded, app);
}

uint64_t app_log_news(const struct app *app)
{
    return app->log_news;
}

/* ---- paths */

void app_note_saved(struct app *app, uint64_t build_id, const char *path)
{
    app->saved_build_id = build_id;
    mem_replace(&app->saved_path, path);
}

const char *app_saved(const struct app *app, uint64_t build_id)
{
    return app->saved_build_id == build_id ? app->saved_path : NULL;
}

void app_copy(struct app *app, const char *text)
{
    if (app->term != NULL)
        term_copy(app->term, text);
    app_say(app, STYLE_GOOD, "Copied, where the terminal lets us: %s", text);
}
