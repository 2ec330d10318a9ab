/* The app's requests to core. */
#include "tui/app.h"

#include "tui/app_state.h"

static bool refuses(struct app *app, const char *what)
{
    if (app->bilge == NULL)
        return true;
    if (app_read_only(app))
        app_say(app, STYLE_WARN, "Read-only: %s is refused", what);
    return app_read_only(app);
}

void app_rescan(struct app *app, const char *service_id)
{
    if (app->bilge == NULL)
        return;
    bilge_rescan(app->bilge, service_id);
    app_say(app, STYLE_DIM, "Looking at everything again");
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
    if (refuses(app, "building"))
        return;
    if (bilge_build(app->bilge, services, services_len, &options, &id, &err) != 0) {
        app_say(app, STYLE_BAD, "%s", err.text);
        return;
    }
    const struct build *build = store_build(app_store(app), id);
    if (build->place > 0)
        app_say(app, STYLE_DIM, "Queued: number %zu", build->place);
}

static bool runs(const struct build *build)
{
    return build->state == BUILD_RUNNING || build->state == BUILD_STOPPING;
}

const struct build *app_build_shown(const struct app *app)
{
    const struct store *store = app_store(app);
    for (size_t i = store->builds_len; i-- > 0;)
        if (runs(store->builds[i]))
            return store->builds[i];
    return store->builds_len > 0 ? store->builds[store->builds_len - 1] : NULL;
}

bool app_build_runs(const struct app *app)
{
    const struct build *build = app_build_shown(app);
    return build != NULL && runs(build);
}

void app_build_stop(struct app *app)
{
    const struct build *build = app_build_shown(app);
    if (build == NULL || !runs(build)) {
        app_say(app, STYLE_DIM, "No build of ours is running");
        return;
    }
    app_say(app, STYLE_WARN, "Stopping the build%s",
            build->state == BUILD_STOPPING ? ", harder" : "; x again: harder");
    bilge_build_stop(app->bilge, build->id);
}

static void on_plan(void *arg, struct plan *plan, const struct err *err)
{
    struct app *app = arg;
    app_plan_cb *cb = app->on_plan;
    app->on_plan = NULL;
    app_touch(app);
    if (cb != NULL)
        cb(app->plan_arg, plan, err);
    else
        plan_free(plan);
}

bool app_plan(struct app *app, const struct query *query, app_plan_cb *cb, void *arg)
{
    struct err err = {0};
    if (app->bilge == NULL)
        return false;
    if (bilge_plan(app->bilge, query, on_plan, app, &err) != 0) {
        app_say(app, STYLE_BAD, "%s", err.text);
        return false;
    }
    app->on_plan = cb;
    app->plan_arg = arg;
    return true;
}

void app_plan_forget(struct app *app, const void *arg)
{
    if (app->plan_arg == arg)
        app->on_plan = NULL;
}

bool app_execute(struct app *app, struct plan *plan)
{
    struct err err = {0};
    if (refuses(app, "deleting"))
        return false;
    if (bilge_execute(app->bilge, plan, &err) != 0) {
        app_say(app, STYLE_BAD, "%s", err.text);
        return false;
    }
    return true;
}

void app_execute_cancel(struct app *app)
{
    if (app->bilge != NULL)
        bilge_execute_cancel(app->bilge);
}

static bool is_taken(struct app *app, int code, const struct err *err)
{
    if (code < 0)
        app_say(app, STYLE_BAD, "%s", err->text);
    return code == 0;
}

bool app_verify(struct app *app, const char *service_id, bool repair,
                const struct bilge_care_ops *ops, void *arg)
{
    struct err err = {0};
    if (app->bilge == NULL || (repair && refuses(app, "repairing")))
        return false;
    return is_taken(app, bilge_verify(app->bilge, &service_id, 1, repair, ops, arg, &err), &err);
}

bool app_restore(struct app *app, const char *service_id, const struct digest *generation,
                 const struct bilge_care_ops *ops, void *arg)
{
    struct err err = {0};
    if (refuses(app, "restoring"))
        return false;
    return is_taken(app, bilge_restore(app->bilge, service_id, generation, ops, arg, &err), &err);
}

bool app_dedupe(struct app *app, const char *const *service_ids, size_t len,
                const struct dedupe_plan *plan, const struct bilge_care_ops *ops, void *arg)
{
    struct err err = {0};
    if (refuses(app, "linking"))
        return false;
    return is_taken(app, bilge_dedupe(app->bilge, service_ids, len, plan, false, ops, arg, &err),
                    &err);
}

void app_care_cancel(struct app *app)
{
    if (app->bilge != NULL)
        bilge_care_cancel(app->bilge);
}

bool app_examine(struct app *app, bilge_examined_cb *on_examined, void *arg)
{
    struct err err = {0};
    if (app->bilge == NULL)
        return false;
    return is_taken(app, bilge_examine(app->bilge, on_examined, arg, &err), &err);
}

void app_examine_forget(struct app *app)
{
    if (app->bilge != NULL)
        bilge_examine_forget(app->bilge);
}
