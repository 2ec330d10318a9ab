/* The app's requests to core. */
#include "tui/app.h"

#include "tui/app_state.h"

bool app_refuses(struct app *app, const char *what)
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
    if (app_refuses(app, "deleting"))
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

bool app_use_context(struct app *app, const char *name)
{
    struct err err = {0};
    if (app->bilge == NULL)
        return false;
    bool taken = is_taken(app, bilge_use_context(app->bilge, name, &err), &err);
    if (taken)
        app_say(app, STYLE_DIM, "Docker context: %s", name);
    return taken;
}

bool app_verify(struct app *app, const char *service_id, bool repair,
                const struct bilge_care_ops *ops, void *arg)
{
    struct err err = {0};
    if (app->bilge == NULL || (repair && app_refuses(app, "repairing")))
        return false;
    return is_taken(app, bilge_verify(app->bilge, &service_id, 1, repair, ops, arg, &err), &err);
}

bool app_restore(struct app *app, const char *service_id, const struct digest *generation,
                 const struct bilge_care_ops *ops, void *arg)
{
    struct err err = {0};
    if (app_refuses(app, "restoring"))
        return false;
    return is_taken(app, bilge_restore(app->bilge, service_id, generation, ops, arg, &err), &err);
}

bool app_dedupe(struct app *app, const char *const *service_ids, size_t len,
                const struct dedupe_plan *plan, const struct bilge_care_ops *ops, void *arg)
{
    struct err err = {0};
    if (app_refuses(app, "linking"))
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

void app_look_elsewhere(struct app *app)
{
    if (app->bilge != NULL)
        bilge_look_elsewhere(app->bilge);
}

void app_examine_forget(struct app *app)
{
    if (app->bilge != NULL)
        bilge_examine_forget(app->bilge);
}
