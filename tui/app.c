#include "tui/app.h"

#include <assert.h>
#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/ask.h"
#include "tui/kit/layout.h"
#include "tui/kit/screen.h"
#include "tui/notices.h"
#include "tui/page.h"
#include "tui/screens.h"

/* The inside of struct app: for app.c and requests.c alone. */

/* Asks before quitting stops what runs. */

struct app {
    uv_loop_t *loop;
    struct tui_options options;
    struct term *term;
    struct theme theme;
    struct buf scratch;
    struct bilge *bilge; /* NULL before it is open and while it closes */
    struct screen *top;
    char *message;
    enum style message_style;

    uv_prepare_t prepare; /* draws */
    uv_timer_t frame;     /* a frame is due but came too soon after the last */
    uv_timer_t clock;     /* times on screen go stale */
    uint64_t drawn_ms;
    bool dirty;   /* something has moved */
    bool urgent;  /* and it was a key */
    bool closing; /* screens go, then core, then our handles */
    bool core_closed;
    int signal; /* that has ended it; 0: none has */

    struct notices notices;
    bool unfinished_told; /* that an earlier removal was interrupted */
    size_t finished_told; /* so many of store.finished */
    bool history_told;    /* that it can't be used */
    char *saved_path;     /* of the log that was saved last; NULL: none */
    uint64_t saved_build_id;
    uint64_t log_news; /* lines of logs that have come from a file, so many times */

    app_plan_cb *on_plan; /* NULL: nobody waits for one */
    void *plan_arg;
};

static struct screen *quit_new(struct app *app);
static void quit_interrupt(struct app *app, const struct screen *top);

enum {
    FRAME_MS = 33,     /* between two frames while things move by themselves */
    KEY_FRAME_MS = 8,  /* an answer to a key does not wait for that */
    STALE_MS = 60000,  /* relative times */
    RUNNING_MS = 1000, /* the seconds of a running build */
};

const struct store *app_store(const struct app *app)
{
    static const struct store empty;
    return app->bilge != NULL ? bilge_store(app->bilge) : &empty;
}

const struct theme *app_theme(const struct app *app)
{
    return &app->theme;
}

uv_loop_t *app_loop(const struct app *app)
{
    return app->loop;
}

bool app_read_only(const struct app *app)
{
    return app->options.read_only || app_store(app)->read_only;
}

int64_t app_now(const struct app *app)
{
    (void)app;
    return clock_now();
}

int64_t app_mono_ms(const struct app *app)
{
    (void)app;
    return clock_mono_ms();
}

void app_touch(struct app *app)
{
    app->dirty = true;
}

void app_say(struct app *app, enum style style, const char *format, ...)
{
    char text[640];
    struct buf clean = {0};
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_clean(&clean, text, len < (int)sizeof text ? (size_t)len : sizeof text - 1);
    free(app->message);
    app->message = buf_take(&clean);
    app->message_style = style;
    app_touch(app);
}

const char *app_message(const struct app *app, enum style *ret_style)
{
    *ret_style = app->message_style;
    return app->message;
}

/* ---- the stack */

void app_push(struct app *app, struct screen *screen)
{
    screen->app = app;
    screen->below = app->top;
    app->top = screen;
    app_touch(app);
}

void app_close(struct screen *screen)
{
    screen->closing = true;
    app_touch(screen->app);
}

bool app_is_top(const struct screen *screen)
{
    return screen->app->top == screen;
}

static void reap(struct app *app)
{
    struct screen **link = &app->top;
    while (*link != NULL) {
        struct screen *screen = *link;
        if (screen->closing) {
            *link = screen->below;
            screen->ops->free(screen);
        } else {
            link = &screen->below;
        }
    }
}

/* Some call may stand in one of them just now: they go later. */
static void close_screens(struct app *app)
{
    for (struct screen *screen = app->top; screen != NULL; screen = screen->below)
        screen->closing = true;
}

/* ---- drawing */

static void draw_screen(struct screen *screen, const struct canvas *canvas)
{
    if (screen->ops->over && screen->below != NULL)
        draw_screen(screen->below, canvas);
    screen->ops->draw(screen, canvas);
}

/* In two rows, for it may be very small. */
static void draw_too_small(const struct canvas *canvas)
{
    canvas_text(canvas, 0, 0, canvas->cols, STYLE_NORMAL, "too small:");
    canvas_printf(canvas, 1, 0, canvas->cols, STYLE_NORMAL, "needs %dx%d", LAYOUT_MIN_COLS,
                  LAYOUT_MIN_ROWS);
}

static void draw_all(struct app *app)
{
    struct canvas canvas = {
        .window = stdscr,
        .theme = &app->theme,
        .scratch = &app->scratch,
        .rows = getmaxy(stdscr),
        .cols = getmaxx(stdscr),
    };
    werase(stdscr);
    if (canvas.rows < LAYOUT_MIN_ROWS || canvas.cols < LAYOUT_MIN_COLS)
        draw_too_small(&canvas);
    else if (app->top != NULL)
        draw_screen(app->top, &canvas);
    else
        canvas_text(&canvas, 0, 1, canvas.cols, STYLE_NORMAL,
                    "bilge  stopping what runs, so that nothing is left half done ...");
    wnoutrefresh(stdscr);
    doupdate();
}

static void on_clock(uv_timer_t *timer)
{
    app_touch(timer->data);
}

static void set_clock(struct app *app)
{
    uint64_t every = app_build_runs(app) ? RUNNING_MS : STALE_MS;
    if (!app->closing && uv_timer_get_repeat(&app->clock) != every)
        uv_timer_start(&app->clock, on_clock, every, every);
}

static void on_frame(uv_timer_t *timer)
{
    (void)timer; /* the loop has woken up: that is all that was wanted */
}

static void draw_if_due(struct app *app)
{
    uint64_t now = uv_now(app->loop), wait = app->urgent ? KEY_FRAME_MS : FRAME_MS;
    bool soon = now - app->drawn_ms < wait;
    if (soon || !term_is_writable(app->term)) {
        uint64_t left = soon ? app->drawn_ms + wait - now : KEY_FRAME_MS;
        uv_timer_start(&app->frame, on_frame, left, 0);
        return;
    }
    app->dirty = app->urgent = false;
    app->drawn_ms = now;
    draw_all(app);
    set_clock(app);
}

static void on_core_closed(void *arg)
{
    struct app *app = arg;
    app->core_closed = true; /* on_prepare() goes on, before the loop sleeps */
}

static void close_handles(struct app *app)
{
    if (app->term != NULL)
        term_free(app->term);
    app->term = NULL;
    uv_close((uv_handle_t *)&app->prepare, NULL);
    uv_close((uv_handle_t *)&app->frame, NULL);
    uv_close((uv_handle_t *)&app->clock, NULL);
}

/* Screens are gone: they may lean on core, and have handles to close. */
static void go_on_closing(struct app *app)
{
    struct bilge *bilge = app->bilge;
    app->bilge = NULL;
    if (bilge != NULL)
        bilge_close(bilge, on_core_closed, app);
    if (app->core_closed)
        close_handles(app);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct app *app = prepare->data;
    reap(app);
    if (app->closing)
        go_on_closing(app);
    if (app->dirty && app->term != NULL)
        draw_if_due(app);
}

/* ---- what comes in */

static void on_key(void *arg, int key)
{
    struct app *app = arg;
    app->dirty = app->urgent = true;
    mem_replace(&app->message, NULL);
    reap(app);
    switch (keymap_global(key)) {
    case COMMAND_QUIT_NOW:
        quit_interrupt(app, app->top);
        return;
    case COMMAND_REDRAW:
        term_redraw(app->term);
        return;
    case COMMAND_SUSPEND:
        term_suspend(app->term);
        return;
    default:
        break;
    }
    struct screen *top = app->top;
    if (top == NULL)
        return;
    if (top->ops->key != NULL) {
        top->ops->key(top, key);
        return;
    }
    enum command command = keymap_find(top->ops->where(top), key);
    top->ops->command(top, command);
}

static void on_mouse(void *arg, const struct term_mouse *mouse)
{
    struct app *app = arg;
    app->dirty = app->urgent = true;
    reap(app);
    if (app->top != NULL && app->top->ops->mouse != NULL)
        app->top->ops->mouse(app->top, mouse);
}

static void on_resize(void *arg)
{
    struct app *app = arg;
    app->dirty = app->urgent = true;
}

static void on_quit(void *arg, int signal)
{
    struct app *app = arg;
    if (app->signal == 0)
        app->signal = signal;
    app_quit_now(app);
}

static void tell_ends_of_builds(struct app *app)
{
    const struct build *build;
    while ((build = notices_next(&app->notices, app_store(app))) != NULL) {
        char *text = notices_text(build);
        if (app->options.notice && app->term != NULL)
            term_notice(app->term, text);
        if (app->options.bell && app->term != NULL)
            term_ring(app->term);
        free(text);
    }
}

/* An interrupted removal: at the start that there is one, and when a deletion has
 * finished it. */
static void tell_unfinished(struct app *app)
{
    const struct store *store = app_store(app);
    const struct unfinished_list *left = &store->unfinished, *finished = &store->finished;
    for (size_t i = 0; i < left->len && !app->unfinished_told; i++) {
        if (left->items[i].kind == UNFINISHED_FOREIGN)
            continue;
        char *text = unfinished_text(&left->items[i], true);
        text[0] = (char)toupper((unsigned char)text[0]);
        app_say(app, STYLE_WARN, "%s; the next deletion finishes it", text);
        app->unfinished_told = true;
        free(text);
    }
    for (; app->finished_told < finished->len; app->finished_told++) {
        char *text = unfinished_text(&finished->items[app->finished_told], false);
        app_say(app, STYLE_GOOD, "Finished %s", text);
        free(text);
    }
}

static void tell_of_history(struct app *app)
{
    const char *error = app_store(app)->history_error;
    if (error == NULL || app->history_told)
        return;
    app->history_told = true;
    app_say(app, STYLE_WARN, "%s", error);
}

static void on_change(void *arg)
{
    struct app *app = arg;
    tell_ends_of_builds(app);
    tell_unfinished(app);
    tell_of_history(app);
    for (struct screen *screen = app->top; screen != NULL; screen = screen->below)
        if (screen->ops->changed != NULL && !screen->closing)
            screen->ops->changed(screen);
    app_touch(app);
}

bool app_mouse(const struct app *app)
{
    return term_mouse(app->term);
}

void app_set_mouse(struct app *app, bool on)
{
    term_set_mouse(app->term, on);
}

/* ---- from start to end */

void app_quit_now(struct app *app)
{
    if (app->closing)
        return;
    app->closing = true;
    app->core_closed = app->bilge == NULL;
    uv_timer_stop(&app->clock);
    close_screens(app);
    app_touch(app);
}

void app_quit(struct app *app)
{
    const struct store *store = app_store(app);
    if (app_build_runs(app) || store->prune.state == PRUNE_RUNNING)
        app_push(app, quit_new(app));
    else
        app_quit_now(app);
}

static void init_handles(struct app *app)
{
    uv_prepare_init(app->loop, &app->prepare);
    uv_timer_init(app->loop, &app->frame);
    uv_timer_init(app->loop, &app->clock);
    app->prepare.data = app->frame.data = app->clock.data = app;
    uv_prepare_start(&app->prepare, on_prepare);
}

/* What is no ordinary way to end a program (SIGQUIT, SIGXCPU) does what it does,
 * now that everything is in order. */
static int end_by_signal(int number, struct err *err)
{
    if (number == 0)
        return 0;
    if (number != SIGINT && number != SIGTERM && number != SIGHUP) {
        signal(number, SIG_DFL);
        raise(number);
    }
    return err_set(err, ERR_CANCELLED, "interrupted");
}

int tui_run(uv_loop_t *loop, const struct bilge_options *bilge_options,
            const struct tui_options *options, struct err *err)
{
    static const struct term_ops term_ops = {on_key, on_mouse, on_resize, on_quit};
    struct app app = {.loop = loop, .options = *options};
    int result = term_open(loop, !options->no_mouse, &term_ops, &app, &app.term, err);
    if (result != 0) {
        uv_run(loop, UV_RUN_DEFAULT);
        return result;
    }
    theme_init(&app.theme, options->ascii, options->no_color, term_is_utf8(app.term));
    init_handles(&app);
    app_push(&app, main_screen_new(&app));
    /* The first frame waits for nothing, not even for core to open. */
    draw_all(&app);
    result = bilge_open(loop, bilge_options, on_change, &app, &app.bilge, err);
    if (result != 0)
        app_quit_now(&app);
    else
        app.dirty = app.urgent = true;
    uv_run(loop, UV_RUN_DEFAULT);
    assert(app.top == NULL);
    notices_done(&app.notices);
    free(app.saved_path);
    free(app.message);
    buf_done(&app.scratch);
    return result == 0 ? end_by_signal(app.signal, err) : result;
}

/* The app's requests to core. */

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

/* The app's requests to core that have to do with builds. */

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

/* The keys that work here, from the keymap, in one row. */

enum { MESSAGE_ROWS = 3 };

/* A footer is as many of the bindings with a label as there is room for; help
 * and the ways out of here stay, however narrow it is. */
/* " b build " */
static int footer_width(const struct app *app, const struct key_binding *binding)
{
    char name[KEYMAP_NAME_SIZE];
    keymap_name(name, binding->key, app->theme.ascii);
    return (int)(text_width(name) + text_width(binding->label) + 3);
}

static bool is_way_out(const struct key_binding *binding)
{
    return binding->command == COMMAND_HELP || binding->command == COMMAND_QUIT ||
           binding->command == COMMAND_BACK || binding->command == COMMAND_NEXT_PANE;
}

/* What --read-only answers with nothing but a no. */
static bool is_refused(const struct key_binding *binding)
{
    return binding->command == COMMAND_BUILD || binding->command == COMMAND_BUILD_AGAIN ||
           binding->command == COMMAND_RESTORE || binding->command == COMMAND_REPAIR;
}

/* Stopping is offered while there is something to stop. */
static bool is_offered(const struct app *app, const struct key_binding *binding, unsigned where)
{
    if ((binding->where & where) == 0 || binding->label == NULL)
        return false;
    if (app_read_only(app) && is_refused(binding))
        return false;
    return binding->command != COMMAND_STOP || where == KEYS_PROGRESS || app_build_runs(app);
}

void app_draw_footer(const struct app *app, const struct canvas *canvas, int y, int x, int width,
                     unsigned where)
{
    int reserved = 0;
    for (size_t i = 0; i < keymap_len; i++)
        if (is_offered(app, &keymap[i], where) && is_way_out(&keymap[i]))
            reserved += footer_width(app, &keymap[i]);
    int left = width;
    for (size_t i = 0; i < keymap_len; i++) {
        const struct key_binding *binding = &keymap[i];
        if (!is_offered(app, binding, where))
            continue;
        int need = footer_width(app, binding);
        if (is_way_out(binding))
            reserved -= need;
        if (need > left - reserved)
            continue;
        char name[KEYMAP_NAME_SIZE];
        keymap_name(name, binding->key, app->theme.ascii);
        int at = x + (width - left);
        at += canvas_text(canvas, y, at, 1, STYLE_NORMAL, " ");
        at += canvas_text(canvas, y, at, need, STYLE_KEY, name);
        canvas_printf(canvas, y, at, need, STYLE_NORMAL, " %s ", binding->label);
        left -= need;
    }
}

void app_draw_message(const struct app *app, const struct canvas *canvas, int y, int x, int width)
{
    struct page lines = {0};
    page_wrap(&lines, app->message_style, width - 2, app->message);
    int len = (int)page_len(&lines), rows = len < MESSAGE_ROWS ? len : MESSAGE_ROWS;
    for (int i = 0; i < rows; i++) {
        bool cut = i + 1 == rows && rows < len;
        struct canvas row = canvas_part(canvas, y - rows + 1 + i, x, 1, width);
        if (rows > 1)
            canvas_clear(&row);
        canvas_printf(&row, 0, 0, width, app->message_style, " %s%s ", lines.lines[i].text,
                      cut ? " ..." : "");
    }
    page_done(&lines);
}

void app_draw_bottom(const struct app *app, const struct canvas *canvas, unsigned where)
{
    int y = canvas->rows - 1;
    if (app->message != NULL)
        app_draw_message(app, canvas, y, 1, canvas->cols - 2);
    else
        app_draw_footer(app, canvas, y, 1, canvas->cols - 2, where);
}

static void on_yes(void *arg)
{
    app_quit_now(arg);
}

static struct screen *quit_new(struct app *app)
{
    if (app_build_runs(app))
        return ask_new("Quit?", "A build is running; quitting stops it.", "quit", on_yes, app);
    return ask_new("Quit?", "Something is being deleted; quitting stops after the item under way.",
                   "quit", on_yes, app);
}

/* Ctrl-C: quits, or asks; where it was asked already, that is the yes. */
static void quit_interrupt(struct app *app, const struct screen *top)
{
    if (top != NULL && ask_is(top, on_yes))
        app_quit_now(app);
    else
        app_quit(app);
}
