/* What holds the screen together: the stack of screens, the requests to core,
 * one draw per pass of the loop.
 *
 *   keys, mouse ──► top screen ──► its state, or a request to core below
 *   core moves its store ──► changed()      both set "dirty"
 *   uv_prepare, just before the loop sleeps: dirty? draw once */
#ifndef BILGE_TUI_APP_H
#define BILGE_TUI_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bilge.h"
#include "tui/kit/screen.h"
#include "tui/tui.h"

struct app;

/* ---- for screens */

/* Never NULL; empty before core is open. Read it afresh at each use. */
const struct store *app_store(const struct app *app);
const struct theme *app_theme(const struct app *app);
uv_loop_t *app_loop(const struct app *app);
bool app_read_only(const struct app *app);
int64_t app_now(const struct app *app); /* wall clock, at this pass of the loop */
int64_t app_mono_ms(const struct app *app);

/* Takes the screen and puts it on top. */
void app_push(struct app *app, struct screen *screen);
/* Takes it off the stack and frees it, but not before the call under way is
 * over. */
void app_close(struct screen *screen);
/* Something has to be drawn anew. */
void app_touch(struct app *app);
/* A line for the user, until the next key. */
void app_say(struct app *app, enum style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *app_message(const struct app *app, enum style *ret_style);
/* The key's row of the keymap as a footer in one row of the canvas. */
void app_draw_footer(const struct app *app, const struct canvas *canvas, int y, int x, int width,
                     unsigned where);

/* The same in the lower edge of a framed canvas; a message to the user takes
 * its place. */
void app_draw_bottom(const struct app *app, const struct canvas *canvas, unsigned where);
/* The message, which there must be; what one row has no room for begins in the
 * rows above `y`, up to two. */
void app_draw_message(const struct app *app, const struct canvas *canvas, int y, int x, int width);
bool app_is_top(const struct screen *screen);

/* ---- requests; what goes wrong is said to the user */

/* Is it read-only, or too early? Then that is said. */
bool app_refuses(struct app *app, const char *what);

/* Goes to another docker context; false: refused, and said. */
bool app_use_context(struct app *app, const char *name);
void app_rescan(struct app *app, const char *service_id);
enum app_build_way { APP_BUILD, APP_BUILD_NO_CACHE, APP_BUILD_TRADITIONAL };
void app_build(struct app *app, const char *const *services, size_t services_len,
               enum app_build_way way);
/* The same build once more; false: refused, and said. */
bool app_build_again(struct app *app, uint64_t build_id, uint64_t *ret_id);
/* Interrupts it; again: harder. One that waits is taken out of the queue. */
void app_build_stop(struct app *app, uint64_t build_id);
/* The one build to show: the newest that runs, else the newest that is over, else
 * one that waits. NULL: none. */
const struct build *app_build_shown(const struct app *app);
/* Those to be shown together: what runs, what waits, and what they followed at
 * once or ran beside; else the last one. The caller frees the array. */
size_t app_builds_shown(const struct app *app, const struct build ***ret_builds);
bool app_build_runs(const struct app *app); /* or waits */

/* Lines of its log that were BUILDLOG_LOADING bring a new frame when they come.
 * The count of such news moves with each. */
void app_watch_log(struct app *app, const struct build *build);
uint64_t app_log_news(const struct app *app);

/* The log of that build was saved to this path. */
void app_note_saved(struct app *app, uint64_t build_id, const char *path);
const char *app_saved(const struct app *app, uint64_t build_id); /* NULL: it was not */
/* To the terminal's clipboard; the text is said, too. */
void app_copy(struct app *app, const char *text);

/* Asks for a plan. on_plan gets it (gives) or NULL with err, once, unless
 * app_plan_forget() was called with the same arg. False: refused, and said. */
typedef void app_plan_cb(void *arg, struct plan *plan, const struct err *err);
bool app_plan(struct app *app, const struct query *query, app_plan_cb *on_plan, void *arg);
void app_plan_forget(struct app *app, const void *arg);
/* Carries it out (takes it, when true). */
bool app_execute(struct app *app, struct plan *plan);
void app_execute_cancel(struct app *app);

/* Care for caches, see core/bilge.h; false: refused, and said. ops->on_done
 * always comes, unless the app closes: `arg` lives until then. */
bool app_verify(struct app *app, const char *service_id, bool repair,
                const struct bilge_care_ops *ops, void *arg);
bool app_restore(struct app *app, const char *service_id, const struct digest *generation,
                 const struct bilge_care_ops *ops, void *arg);
bool app_dedupe(struct app *app, const char *const *service_ids, size_t len,
                const struct dedupe_plan *plan, const struct bilge_care_ops *ops, void *arg);
void app_care_cancel(struct app *app);
/* The doctor's report, see core/bilge.h; false: refused, and said. */
bool app_examine(struct app *app, bilge_examined_cb *on_examined, void *arg);
void app_examine_forget(struct app *app);
/* Asks for the builds that the engine remembers. */
void app_look_elsewhere(struct app *app);

bool app_mouse(const struct app *app);
void app_set_mouse(struct app *app, bool on);
/* Quits; asks first when something of ours runs. */
void app_quit(struct app *app);
void app_quit_now(struct app *app);

#endif
