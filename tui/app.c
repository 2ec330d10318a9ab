#include "tui/app.h"

#include <assert.h>
#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "tui/app_state.h"
#include "tui/layout.h"
#include "tui/main_screen.h"
#include "tui/quit.h"

enum {
    FRAME_MS = 33,      /* between two frames while things move by themselves */
    KEY_FRAME_MS = 8,   /* an answer to a key does not wait for that */
    STALE_MS = 60000,   /* relative times */
    RUNNING_MS = 1000,  /* the seconds of a running build */
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
        .window = stdscr, .theme = &app->theme, .scratch = &app->scratch,
        .rows = getmaxy(stdscr), .cols = getmaxx(stdscr),
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
    app_push(&app, main_screen_new());
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
