#include "tui/page_screen.h"

#include <stdlib.h>

#include "tui/input.h"

static bool accept_search(void *arg, const char *text)
{
    struct page *page = arg;
    if (!page_search(page, text))
        app_say(page->app, STYLE_WARN, "Not found from here on: %s", text);
    return true;
}

static void go_on(struct app *app, struct page *page, enum command command)
{
    if (page->search == NULL)
        app_say(app, STYLE_DIM, "Nothing was searched for yet: / asks");
    else if (!page_command(page, command))
        app_say(app, STYLE_DIM, "No match %s: %s",
                command == COMMAND_NEXT_MATCH ? "below" : "above",
                page->search);
}

bool page_screen_command(struct app *app, struct page *page, enum command command)
{
    static const struct input_ops search = {NULL, accept_search, NULL};
    page->app = app;
    if (command == COMMAND_SEARCH)
        app_push(app, input_new("/", "", &search, page));
    else if (command == COMMAND_NEXT_MATCH || command == COMMAND_PREVIOUS_MATCH)
        go_on(app, page, command);
    else
        return page_command(page, command);
    return true;
}
