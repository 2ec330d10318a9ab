#include "tui/quit.h"

#include "tui/app.h"
#include "tui/ask.h"

static void on_yes(void *arg)
{
    app_quit_now(arg);
}

struct screen *quit_new(struct app *app)
{
    if (app_build_runs(app))
        return ask_new("Quit?", "A build is running; quitting stops it.", "quit", on_yes, app);
    return ask_new("Quit?", "Something is being deleted; quitting stops after the item under way.",
                   "quit", on_yes, app);
}

void quit_interrupt(struct app *app, const struct screen *top)
{
    if (top != NULL && ask_is(top, on_yes))
        app_quit_now(app);
    else
        app_quit(app);
}
